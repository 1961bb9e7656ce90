"""What a layout is: the kind of its picks, how a line of it is read, and how lines of it are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from geocnn.interpretation.picks import Floats

__all__ = ["NUMBER", "UNDEFINED", "Layout", "Node", "Pair", "Place", "Stick", "is_undefined", "null_of", "numbers"]

UNDEFINED = 1e30
"""z of what is not picked, as OpendTect writes it; IESX writes 3.4028235E38."""

NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"
"""A number of a text, as `float` reads it."""

Pair = tuple[float, float]


class Node(NamedTuple):
    """What a line says: coordinates, line numbers, or the one of the two that it does not tell; z; names."""

    xy: Pair | None
    lines: Pair | None
    either: Pair | None
    z: float
    fault: str = ""
    stick: str = ""


class Place(NamedTuple):
    """Where a node to write lies: line numbers, coordinates if the survey has them, and z in ms or m."""

    lines: Pair
    xy: Pair | None
    z: float


class Stick(NamedTuple):
    """A stick to write: the numbers of its fault, from 1, and of the stick in the file, from 0; its nodes."""

    fault: int
    stick: int
    nodes: Sequence[Place]


@dataclass(frozen=True)
class Layout:
    """A text format of picks.

    Parameters
    ----------
    kind
        What its picks are.
    looks
        What a line holds, in words.
    read
        The node of a line; None if the line is of another layout.
    write_sticks, write_horizon
        Lines without their ends; None where the layout is only read, or holds the other kind.
    tells_faults
        Whether sticks of different faults can be told apart.
    by_lines
        Columns by which line numbers alone are read, where a line holds coordinates too.
    """

    kind: Literal["sticks", "horizon"]
    looks: str
    read: Callable[[str], Node | None]
    write_sticks: Callable[[Sequence[Stick]], Iterator[str]] | None = None
    write_horizon: Callable[[Iterator[Place]], Iterator[str]] | None = None
    tells_faults: bool = False
    by_lines: str = "-,inline,crossline,…"


def numbers(parts: Sequence[str]) -> list[float] | None:
    """Texts as numbers; None if one is none. Finite ones alone, but for the last, z, which may be undefined."""
    try:
        found = [float(part) for part in parts]
    except ValueError:
        return None
    return found if all(abs(each) < UNDEFINED for each in found[:-1]) else None


NULLS = (-999.25, -999.0, -9999.0, -99999.0)
"""z by which other systems say that nothing was picked."""


def null_of(z: Floats, kind: Literal["sticks", "horizon"]) -> float | None:
    """The value among defined z (n,) that means "not picked", if there is one.

    A usual null is one where it alone is negative or lies twice as far from 0 as everything else, or where it has a
    fraction and stands more than once. So is 0 in a horizon, where it stands more than once and all else is far below.
    """
    for null in NULLS:
        at = z == null
        rest = z[~at]
        count = int(at.sum())
        if not (count and rest.size):
            continue
        if rest.min() >= 0 or abs(null) > 2 * np.abs(rest).max() or (count > 1 and null != round(null)):
            return null
    rest = z[z != 0]
    # nearer to 0 than half of the usual depth, a horizon may well come to the surface
    if kind == "horizon" and len(z) - rest.size > 1 and rest.size and 2 * np.abs(rest).min() > np.median(np.abs(rest)):
        return 0.0
    return None


def is_undefined(z: float) -> bool:
    """Whether z says that nothing was picked: 1e30 and above, as rounded by files of 32 bits, nan and infinity."""
    return not abs(z) < 0.9999 * UNDEFINED
