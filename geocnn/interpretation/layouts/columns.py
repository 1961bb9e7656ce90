"""Other layouts, by names for their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from geocnn.errors import SurveyError
from geocnn.interpretation.layouts.layout import Node, Pair, numbers

__all__ = ["Columns"]

SEPARATORS = (",", ";", "\t", None)

NAMES = ("x", "y", "inline", "crossline", "z", "fault", "stick", "node", "-")


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a file, in their order; with `stick` it holds sticks, else a horizon.

    Parameters
    ----------
    names
        Of all columns; ``-`` where one is not read.
    separator
        What stands between them; None: blanks and tabs.
    """

    names: tuple[str, ...]
    separator: str | None = None

    @classmethod
    def named(cls, text: str) -> Self:
        """``x,y,z,stick`` as columns.

        Raises
        ------
        SurveyError
            If a name is unknown or stands twice, or they place no node.
        """
        names = tuple(part.strip().lower() for part in text.split(","))
        odd = any(each not in NAMES or (each != "-" and names.count(each) > 1) for each in names)
        placed = {"x", "y"} <= set(names) or {"inline", "crossline"} <= set(names)
        if odd or "z" not in names or not placed:
            raise SurveyError(
                f"columns {text}",
                expected=f"names among {', '.join(NAMES)}, none twice; z, and x and y or inline and crossline",
                do="write them in the order of the file, such as x,y,z,stick",
            )
        return cls(names)

    def separated(self, lines: Sequence[str]) -> Self:
        """These columns with the separator of a file: the one by which most of its lines are read."""

        def fitting(each: Self) -> tuple[int, int, int]:
            read = sum(each.read(line) is not None for line in lines)
            counted = sum(len(each.split(line)) == len(self.names) for line in lines)
            return read, counted, sum(len(each.split(line)) > 1 for line in lines)

        return max((replace(self, separator=each) for each in SEPARATORS), key=fitting)

    def split(self, line: str) -> list[str]:
        """What a line holds in its columns: a blank in one is a part of it, unless blanks separate them."""
        return [part.strip() for part in line.strip(" \r\n").split(self.separator)]

    def read(self, line: str) -> Node | None:
        """The node of a line; None if it has more or fewer columns, or some are no numbers."""
        parts = self.split(line)
        if len(parts) != len(self.names):
            return None
        said = dict(zip(self.names, parts, strict=True))
        xy, lines, z = _pair(said, "x", "y"), _pair(said, "inline", "crossline"), numbers([said["z"]])
        if z is None or (xy is None and lines is None):
            return None
        # A column of stick numbers makes sticks, empty or not.
        return Node(xy, lines, None, z[0], said.get("fault", ""), said.get("stick", ""))


def _pair(said: dict[str, str], first: str, second: str) -> Pair | None:
    if not {first, second} <= said.keys():
        return None
    # The last of several may be undefined, a place may not.
    found = numbers([said[first], said[second], "0"])
    return None if found is None else (found[0], found[1])
