"""Prestack gathers: several traces at one position, told apart by their offsets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy.keys import MOST_COUNTED, MOST_EMPTY, distinct
from geocnn.survey.segy.segy_file import Integers

__all__ = ["Gathers", "sort_gathers"]

MOST_CHANNELS = 64
"""Offsets beyond which gathers are not read as channels unless that is asked for."""

ABOUT_THE_SAME = 0.9
"""Share of the offsets that a position has on average, from which gathers count as alike."""


@dataclass(frozen=True)
class Gathers:
    """Traces sorted by offset within the gathers of their positions.

    Parameters
    ----------
    offsets
        Offset of each channel, ascending, (k,).
    numbers
        For each trace its channel, 0 to k − 1, (n,).
    fill
        Share of the channels that a position has on average.
    folds
        Fewest and most traces of a gather.
    nominal
        Whether offsets vary from gather to gather, so that traces were counted and the offsets are medians.
    """

    offsets: NDArray[np.float64]
    numbers: Integers
    fill: float
    folds: tuple[int, int]
    nominal: bool

    @property
    def count(self) -> int:
        """Number of offsets k."""
        return len(self.offsets)

    @property
    def names(self) -> tuple[str, ...]:
        """``offset 100``, one for each channel."""
        return tuple(f"offset {offset:g}" for offset in self.offsets)

    @property
    def spread(self) -> str:
        """``4 offsets, 100 to 400``."""
        return f"{self.count:,} offsets, {self.offsets[0]:g} to {self.offsets[-1]:g}"

    @property
    def axis(self) -> Axis:
        """Offsets as an axis, if they are regular, else counted from 1."""
        steps = np.diff(self.offsets)
        if not self.regular:
            return Axis("offset", 1, 1, self.count)
        step = float(np.mean(steps)) if steps.size else 1.0
        return Axis("offset", float(self.offsets[0]), step, self.count)

    @property
    def regular(self) -> bool:
        """Whether offsets have one step, to a hundredth of it."""
        steps = np.diff(self.offsets)
        return not steps.size or bool(np.abs(steps - steps.mean()).max() <= 0.01 * abs(steps.mean()))

    def remarks(self, place: str, *, channels: bool) -> tuple[str, ...]:
        """What was done with the gathers, whose offsets are at `place`."""
        nominal = "; offsets vary from gather to gather: traces were counted by offset" if self.nominal else ""
        folds = f"{self.folds[0]:,}" + (f" to {self.folds[1]:,}" if self.folds[0] != self.folds[1] else "")
        said = f"prestack: {folds} traces at each position, by offset at {place} ({self.spread}){nominal}"
        if channels:
            done = f"read as {self.count:,} channels (--gathers axis: as an axis; --duplicates mean: stacked)"
            return (f"{said}: {done}",)
        if self.regular:
            return (f"{said}: read as an axis",)
        labels = ", ".join(f"{offset:g}" for offset in self.offsets[:8]) + (" …" if self.count > 8 else "")
        return (f"{said}: read as an axis that is counted from 1, since offsets are not regular ({labels})",)

    def require(self, path: Path, options: SurveyOptions, place: str) -> None:
        """Nothing, if the gathers can be read as asked.

        Raises
        ------
        SurveyError
            If they differ too much, or are too large to be channels unasked.
        """
        alike = self.fill >= ABOUT_THE_SAME and self.count <= MOST_CHANNELS
        if alike if options.gathers is None else self.fill >= 1 / MOST_EMPTY:
            return
        axis = (
            "" if self.fill < 1 / MOST_EMPTY or options.gathers else "pass --gathers axis for an axis of offsets, or "
        )
        raise SurveyError(
            f"{path} is prestack: {self.folds[0]:,} to {self.folds[1]:,} traces at each position, by offset at "
            f"{place} ({self.spread}), of which a position has {100 * self.fill:.2g} %",
            expected=f"at most {MOST_CHANNELS} offsets, about the same at each position, to read them as channels",
            do=f"{axis}--duplicates mean to stack them; else stack, or regularise offsets, beforehand",
        )


def sort_gathers(positions: Integers, offsets: NDArray[Any]) -> Gathers | None:
    """Traces sorted by offset at their positions; None if offsets do not tell the traces of a position apart.

    Parameters
    ----------
    positions
        Flat position of each trace, (n,).
    offsets
        Offset of each trace, (n,).
    """
    values, which = ranked(offsets)
    keys = positions * values.size + which
    ordered = np.sort(keys)
    met = 1 + np.count_nonzero(np.diff(ordered))
    folds = np.bincount(positions)
    folds = folds[folds > 0]
    if met - folds.size < 0.9 * (positions.size - folds.size) or met == folds.size:
        return None
    ends = int(folds.min()), int(folds.max())
    fill = met / (folds.size * values.size)
    if fill >= 0.5 or ends[0] != ends[1]:
        return Gathers(values, which, fill, ends, False)
    # Offsets of binned acquisition differ a little everywhere, but gathers are alike: first, second, … by offset.
    order = np.argsort(keys, kind="stable")
    ranks = np.empty(positions.size, np.int64)
    ranks[order] = np.tile(np.arange(ends[0]), folds.size)
    medians = np.median(offsets[order].reshape(-1, ends[0]), axis=0)
    return Gathers(np.asarray(medians, np.float64), ranks, 1.0, ends, True)


def ranked(values: NDArray[Any]) -> tuple[NDArray[np.float64], Integers]:
    """The distinct values, ascending, and the rank of each value among them, (n,)."""
    if values.dtype.kind == "f":
        found, ranks = np.unique(values, return_inverse=True)
        return found.astype(np.float64), ranks.astype(np.int64)
    found = distinct(values)
    if found[-1] - found[0] > MOST_COUNTED:
        return found.astype(np.float64), np.searchsorted(found, values)
    table = np.zeros(int(found[-1] - found[0]) + 1, np.int64)
    table[found - found[0]] = np.arange(found.size)
    return found.astype(np.float64), table[values - found[0]]
