"""Where a spec is written: the place of a node in the words of its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geocnn.errors import Fault
from geocnn.marked import KeyPath, Marked
from geocnn.records import spell

__all__ = ["Origin"]

_WRITTEN = {"residual": "layers", "branches": "blocks"}
"""The explicit form calls the layers of a block otherwise."""


@dataclass(frozen=True)
class Origin:
    """Where a spec is written, as far as that is known."""

    marked: Marked | None = None
    key: KeyPath = ()

    def fault(self, place: KeyPath, found: str, expected: str = "", do: str = "") -> Fault:
        """A fault at a place of the spec."""
        if self.marked is None:
            return Fault(found, expected, do, key=spell(_without_repetitions(place)))
        key = self._written(_without_repetitions(place))
        return Fault(found, expected, do, self.marked.source, self.marked.line(key), spell(key))

    def _written(self, place: KeyPath) -> KeyPath:
        """The place in the words of the file: a spec may be a bare list, a block's layers stand under its kind."""
        here: Any = self.marked.data if self.marked else None
        for part in self.key:
            here = here[part]
        written = self.key
        for part in place:
            if part == "layers" and isinstance(here, list):
                continue
            if part in _WRITTEN and isinstance(here, dict) and part not in here:
                part = _WRITTEN[str(part)]
            written = (*written, part)
            known = isinstance(here, list) or (isinstance(here, dict) and part in here)
            here = here[part] if known else None
        return written


def _without_repetitions(place: KeyPath) -> KeyPath:
    """``layers[3].layers[0]`` for ``layers[3].repeat[5].layers[0]``: a block is written once."""
    return tuple(part for before, part in zip(("", *place), place, strict=False) if "repeat" not in (before, part))
