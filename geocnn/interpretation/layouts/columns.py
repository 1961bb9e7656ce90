"""Other layouts, by names for their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from geocnn.errors import SurveyError
from geocnn.interpretation.layouts.layout import Node, Pair, numbers

__all__ = ["Columns"]

NAMES = ("x", "y", "inline", "crossline", "z", "fault", "stick", "node", "-")


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a file, in their order; with `stick` it holds sticks, else a horizon."""

    names: tuple[str, ...]

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

    def read(self, line: str) -> Node | None:
        """The node of a line; None if columns are missing or are no numbers."""
        parts = re.split(r"\s*[,;\t]\s*|\s+", line.strip())
        if len(parts) < len(self.names):
            return None
        said = dict(zip(self.names, parts, strict=False))
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
