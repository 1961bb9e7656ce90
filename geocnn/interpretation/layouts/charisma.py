"""Charisma's sticks and horizons: line numbers and coordinates, each 0 where they are not known; named faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from geocnn.interpretation.layouts.layout import NUMBER, UNDEFINED, Layout, Node, Pair, Place, Stick, numbers

__all__ = ["HORIZON", "STICKS"]

_STICK = re.compile(
    rf"\s*(?:INLINE|XLINE|CROSSLINE)\s*-?\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+"
    r"(.*?)\s+(\d+)\s*",
    re.IGNORECASE,
)
_HORIZON = re.compile(
    rf"\s*INLINE\s*:\s*({NUMBER})\s+(?:XLINE|CROSSLINE)\s*:\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER}).*",
    re.IGNORECASE,
)


def _stick(line: str) -> Node | None:
    match = _STICK.fullmatch(line)
    return None if match is None else _node(match.groups()[:5], match[6], match[7])


def _horizon(line: str) -> Node | None:
    match = _HORIZON.fullmatch(line)
    return None if match is None else _node(match.groups())


def _node(parts: Sequence[str], fault: str = "", stick: str = "") -> Node | None:
    place = numbers(parts)
    if place is None:
        return None
    inline, crossline, x, y, z = place
    return Node(_known(x, y), _known(inline, crossline), None, z, fault, stick)


def _known(first: float, second: float) -> Pair | None:
    return None if first == second == 0 else (first, second)


def _stick_lines(sticks: Sequence[Stick]) -> Iterator[str]:
    for fault, stick, nodes in sticks:
        for (inline, crossline), xy, z in nodes:
            x, y = xy or (0.0, 0.0)
            yield f"INLINE- {inline:.4f} {crossline:.4f} {x:.4f} {y:.4f} {z:.4f} fault {fault} {stick}"


def _horizon_lines(places: Iterator[Place]) -> Iterator[str]:
    for (inline, crossline), xy, z in places:
        x, y = xy or (0.0, 0.0)
        yield f"INLINE : {inline:g} XLINE : {crossline:g} {x:.4f} {y:.4f} {z if z == z else UNDEFINED:.8g}"


STICKS = Layout(
    "sticks",
    "INLINE- inline crossline X Y Z name stick",
    _stick,
    write_sticks=_stick_lines,
    tells_faults=True,
    by_lines="-,inline,crossline,-,-,z,fault,stick",
)
HORIZON = Layout(
    "horizon",
    "INLINE : inline XLINE : crossline X Y Z",
    _horizon,
    write_horizon=_horizon_lines,
    by_lines="-,-,inline,-,-,crossline,-,-,z",
)
