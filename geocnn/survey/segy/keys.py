"""Numbers in trace headers by which traces are told apart, and the grid that they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.segy_file import Integers, SegyFile

__all__ = [
    "MOST_COUNTED",
    "MOST_EMPTY",
    "Integers",
    "Keys",
    "Laid",
    "distinct",
    "field_words",
    "lay",
    "option_place",
]


MOST_EMPTY = 20
"""Grid positions for each trace above which line numbers are taken to be wrong."""

FEW = 100
"""Traces for which a grid is never too empty to be allocated, as long as it is not larger than that of so many."""

KINDS = {"i4": (4, ""), "i2": (2, " (16-bit)"), "u2": (2, " (16-bit)"), "f4": (4, " (float)"), "ibm": (4, " (float)")}


def field_words(place: Place) -> str:
    """A field in words: ``trace header bytes 189-192``."""
    length, kind = KINDS[place.kind]
    return f"trace header bytes {place.byte}-{place.byte + length - 1}{kind}"


@dataclass(frozen=True)
class Keys:
    """Numbers of all traces along the lateral axes of a grid.

    Parameters
    ----------
    file
        The file.
    names
        Names of the axes, slow to fast, such as inline and crossline.
    numbers
        For each axis the number of each trace, (traces,).
    source
        Where they come from, such as ``bytes 189 and 193``.
    falling
        Whether axes run from the largest number to the smallest.
    """

    file: SegyFile
    names: tuple[str, ...]
    numbers: tuple[Integers, ...]
    source: str
    falling: bool = False

    @property
    def words(self) -> str:
        """``inline and crossline``."""
        return " and ".join(self.names)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The smallest regular axes that have all the numbers."""
        return tuple(_axis(name, numbers, self.falling) for name, numbers in zip(self.names, self.numbers, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Positions of the grid."""
        return prod(self.shape)

    @property
    def spread(self) -> str:
        """``4 inlines × 5 crosslines``."""
        return " × ".join(f"{axis.size:,} {axis.name}s" for axis in self.axes)

    @cached_property
    def positions(self) -> Integers:
        """Flat position of each trace on the grid, (traces,)."""
        flat = np.zeros(len(self.numbers[0]), np.int64)
        for axis, numbers in zip(self.axes, self.numbers, strict=True):
            places = numbers - int(axis.first)
            # Division is the dearest step of all, and mostly by 1.
            flat = flat * axis.size + (places if axis.step == 1 else places // int(axis.step))
        return flat

    @cached_property
    def folds(self) -> Integers:
        """Traces at each flat position of the grid, which must be full enough."""
        return np.bincount(self.positions, minlength=self.size)

    @property
    def repeats(self) -> int:
        """Traces that share a position with an earlier one."""
        return len(self.positions) - int(np.count_nonzero(self.folds))

    def of(self, trace: int) -> str:
        """The numbers of a trace: ``inline 4, crossline 21``."""
        return ", ".join(f"{name} {numbers[trace]}" for name, numbers in zip(self.names, self.numbers, strict=True))

    @property
    def full_enough(self) -> bool:
        """Whether the grid is worth its size."""
        return self.size <= MOST_EMPTY * max(self.file.traces, FEW)

    def require_full_enough(self, do: str) -> None:
        """Nothing, if the grid is worth its size.

        Raises
        ------
        SurveyError
            If it is nearly empty; traces whose numbers are far from the others are named.
        """
        if self.full_enough:
            return
        outliers = list(self.outliers())
        found = f"; far from the others: {', '.join(outliers)}" if outliers else ""
        raise SurveyError(
            f"the {self.file.traces:,} traces of {self.file.path} spread over {self.spread} at {self.source}{found}",
            expected=f"a grid with a trace at one position in {MOST_EMPTY} at least",
            do=f"correct the headers of the traces that are far off; else {do}",
        )

    def outliers(self) -> Iterator[str]:
        """Numbers far outside the range of most, three of each axis at most."""
        for name, numbers in zip(self.names, self.numbers, strict=True):
            # Among few traces one is more than a hundredth.
            share = 1 if len(numbers) > 200 else 10
            low, high = np.percentile(numbers, (share, 100 - share), method="nearest")
            reach = 2 * (high - low) + 100
            for trace in np.flatnonzero((numbers < low - reach) | (numbers > high + reach))[:3]:
                yield f"{name} {numbers[trace]} (trace {trace + 1:,})"


MOST_COUNTED = 2**24
"""Range of numbers up to which the distinct ones are found by marking, not by sorting."""


def distinct(numbers: Integers) -> Integers:
    """The distinct numbers, ascending."""
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > min(MOST_COUNTED, 16 * len(numbers) + 1000):
        return np.unique(numbers)
    met = np.zeros(high - low + 1, bool)
    met[numbers - low] = True
    return np.flatnonzero(met) + low


def _axis(name: str, numbers: Integers, falling: bool) -> Axis:
    """The coarsest regular axis that has all the numbers."""
    found = distinct(numbers)
    step = int(np.gcd.reduce(np.diff(found))) if found.size > 1 else 1
    first, last = int(found[0]), int(found[-1])
    size = (last - first) // step + 1
    return Axis(name, last, -step, size) if falling else Axis(name, first, step, size)


@dataclass(frozen=True)
class Laid:
    """Traces on the positions of a grid.

    Parameters
    ----------
    index
        Number of the trace at each flat position, −1 where there is none.
    repeats
        Flat position and number of each further trace, (k, 2), sorted by position.
    """

    index: Integers
    repeats: Integers


def lay(positions: Integers, size: int, policy: Literal["first", "last", "mean", "error"]) -> Laid:
    """Traces (n,) laid on their positions; which one counts where several share a position is the policy."""
    traces = np.arange(len(positions))
    index = np.full(size, -1, np.int64)
    index[positions] = traces
    met = index[positions]
    if np.array_equal(met, traces):
        return Laid(index, np.empty((0, 2), np.int64))
    if policy != "last":
        # NumPy keeps the last of several values assigned to one place.
        index[positions[::-1]] = traces[::-1]
        met = index[positions]
    others = np.flatnonzero(met != traces)
    others = others[np.argsort(positions[others], kind="stable")]
    return Laid(index, np.stack([positions[others], others], axis=1))


def option_place(file: SegyFile, options: SurveyOptions, name: str) -> Place | None:
    """The field that the user named with an option; None if none was.

    Raises
    ------
    SurveyError
        If it lies outside the trace header.
    """
    said = getattr(options, name)
    if said is None:
        return None
    place = Place.parse(said)
    if not place.fits(file.header):
        option = f"--{name.replace('_', '-')}"
        raise SurveyError(
            f"{option} {said} for {file.path}",
            expected=f"the first of {'two' if place.bytes == 2 else 'four'} bytes of the trace header, "
            f"1 to {file.header - place.bytes + 1}",
            do=f"correct {option}",
        )
    return place
