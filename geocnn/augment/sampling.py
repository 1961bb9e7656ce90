"""How a patch is sampled: what changes of it must know to stay true."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SQUARE", "UNKNOWN", "Sampling"]

SQUARE = 1.25
"""Largest ratio of two bin sizes that still count as equal."""


class Sampling(NamedTuple):
    """Sizes of the positions of a patch.

    Parameters
    ----------
    bins
        Size of a position along each lateral axis, in m; None if unknown.
    interval
        Size of a position along the last axis.
    unit
        Of the last axis: ``ms``, ``m``, or nothing for pixels.
    """

    bins: tuple[float, ...] | None
    interval: float
    unit: str

    @property
    def square(self) -> bool:
        """Whether bins are nearly square; unknown ones count as square."""
        return not self.bins or max(self.bins) <= SQUARE * min(self.bins)


UNKNOWN = Sampling(None, 1.0, "")
