"""OpendTect's sticks and horizons: numbers with tabs between; coordinates or line numbers first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from geocnn.interpretation.layouts.layout import UNDEFINED, Layout, Node, Place, Stick, numbers

__all__ = ["HORIZON", "STICKS", "told_by_header"]


def told_by_header(heads: Iterable[str]) -> Literal["xy", "lines"] | None:
    """What the first column is, by a line ``# 1: X`` or ``# 1: Inline``."""
    for line in heads:
        match = re.match(r"#\s*1\s*:\s*(\w+)", line)
        if match:
            return "xy" if match[1].lower().startswith("x") else "lines"
    return None


def _stick(line: str) -> Node | None:
    parts = line.split()
    if len(parts) not in (5, 6) or not all(part.lstrip("-").isdigit() for part in parts[3:5]):
        return None
    place = numbers(parts[:3])
    return None if place is None else Node(None, None, (place[0], place[1]), place[2], stick=parts[3])


def _horizon(line: str) -> Node | None:
    place = numbers(line.split())
    return None if place is None or len(place) != 3 else Node(None, None, (place[0], place[1]), place[2])


def _stick_lines(sticks: Sequence[Stick]) -> Iterator[str]:
    for _, stick, nodes in sticks:
        for number, node in enumerate(nodes):
            first, second = node.lines if node.xy is None else node.xy
            yield f"{first:.4f}\t{second:.4f}\t{node.z:.4f}\t{stick}\t{number}"


def _horizon_lines(places: Iterator[Place]) -> Iterator[str]:
    for number, (lines, xy, z) in enumerate(places):
        if number == 0:
            yield from ("# 1: Inline", "# 2: Crossline", "# 3: Z") if xy is None else ("# 1: X", "# 2: Y", "# 3: Z")
        first, second = lines if xy is None else xy
        yield f"{first:.4f}\t{second:.4f}\t{z if z == z else UNDEFINED:.8g}"


STICKS = Layout(
    "sticks", "X Y Z stick node [line], or inline crossline Z stick node", _stick, write_sticks=_stick_lines
)
HORIZON = Layout("horizon", "X Y Z, or inline crossline Z", _horizon, write_horizon=_horizon_lines)
