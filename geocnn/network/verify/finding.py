"""What a check has found: a number and the bound that it must keep."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXACT", "ROUNDING", "Finding"]

EXACT = 0.0
"""Bound of what is counted."""
ROUNDING = 1e-12
"""Bound of what differs by the rounding of float64 alone, relative to the largest value."""


@dataclass(frozen=True)
class Finding:
    """One statement, checked at one place.

    Attributes
    ----------
    name
        The statement.
    what
        What was compared, in words and numbers; where the statement does not apply, why.
    measured
        How far from the statement: a largest relative difference, or a count of what differs.
    bound
        The most that `measured` may be.
    place
        Where the layer is written; empty for the whole network.
    applies
        Whether the statement says anything about this network.
    """

    name: str
    what: str
    measured: float
    bound: float
    place: str = ""
    applies: bool = True

    @property
    def passed(self) -> bool:
        """Whether it holds; a measure that is no number does not."""
        return not self.applies or self.measured <= self.bound

    @classmethod
    def without(cls, name: str, why: str, place: str = "") -> Finding:
        """A statement that says nothing about this network."""
        return cls(name, why, 0.0, 0.0, place, applies=False)
