"""One pass over a survey: which samples are live, and their statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isnan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Window
from geocnn.progress import Progress, Work
from geocnn.survey.spectrum import Curve, PowerSum, Spectrum
from geocnn.survey.statistics import Moments, Statistics
from geocnn.survey.survey import BoolArray, Extent, FloatArray, Survey

__all__ = ["NULLS", "NotFinite", "Part", "Scan", "Spectrum", "Statistics", "scan", "unusable"]

NULLS = (1e30, -999.25)
"""Values that mean "no data" in exports of interpretation systems and well logs."""

CONSTANT_RUN = 8
"""Equal samples at a trace's end from which they are taken for padding, mute or water."""

SLAB = 2_000_000
SAMPLE = 200_000


@dataclass(frozen=True)
class NotFinite:
    """Samples that are neither numbers nor nulls: how many NaN and infinite ones, and where the first is."""

    nans: int
    infinite: int
    first: str


@dataclass(frozen=True)
class Scan:
    """What is known of a survey's samples.

    Parameters
    ----------
    statistics
        Of the live samples.
    first, stop
        Live samples of each trace are [first, stop), shape `grid.lateral`, int32; dead traces have stop == first.
    nulls
        Values that mean "no data".
    null_count
        Samples with such values.
    not_finite
        What there is of NaN and infinite samples; none if all are finite or null.
    sample
        Some thousand live samples, evenly picked, shape (C, n).
    curve
        Frequencies and average power of some traces; none for images and axes without a unit.
    """

    statistics: Statistics
    first: NDArray[np.int32]
    stop: NDArray[np.int32]
    nulls: tuple[float, ...]
    null_count: int
    not_finite: NotFinite | None
    sample: FloatArray
    curve: Curve | None = None

    @property
    def dead(self) -> int:
        """Number of traces without a live sample."""
        return int(np.count_nonzero(self.stop <= self.first))

    @property
    def by_trace(self) -> bool:
        """Whether `first` and `stop` tell all: no null or bad sample lies inside a trace."""
        return not (self.null_count or self.not_finite)

    def live(self, window: Window, samples: FloatArray) -> BoolArray:
        """Which samples of a window are live, shape `window.shape`, given the samples (C, \\*window.shape)."""
        lateral = window.slices[:-1]
        live = _between(self.first[lateral], self.stop[lateral], window.start[-1], window.stop[-1])
        if not self.by_trace:
            live &= ~unusable(samples, self.nulls).any(axis=0)
        return live


@dataclass(frozen=True)
class Part:
    """Some windows of a survey, to scan instead of the whole.

    Parameters
    ----------
    windows
        Windows of whole traces; none lies on another.
    traces
        How many traces they hold together, at most.
    watch
        Is shown each window, its samples (C, \\*w), which of them are live (\\*w), and which are null or not finite
        (C, \\*w).
    """

    windows: Iterable[Window]
    traces: int
    watch: Callable[[Window, FloatArray, BoolArray, BoolArray], None]


def scan(survey: Survey, strict: bool = True, part: Part | None = None) -> Work[Scan]:
    """Scan a survey in one pass, a slab at a time.

    Live samples are those of traces that the file holds, without constant runs of 8 or more at a trace's ends, and
    without nulls (1e30, −999.25 and `survey.null`) and samples beyond `survey.extent`. Images have no traces: only
    nulls are not live. A trace is live where one of its channels is; a null in any channel counts for all.

    Parameters
    ----------
    strict
        Refuse samples that are not finite, and surveys without live samples; else they are only counted.
    part
        What to scan; everything by default. Traces elsewhere are dead in the result.

    Raises
    ------
    SurveyError
        If `strict` and some samples are NaN or infinite, or no sample is live.
    """
    nulls = NULLS if survey.null is None else (*NULLS, survey.null)
    lateral, deep = survey.grid.lateral, survey.grid.shape[-1]
    traces = prod(lateral) if part is None else part.traces
    sums = _Sums(survey, nulls, traces)
    first, stop = np.zeros(lateral, np.int32), np.zeros(lateral, np.int32)
    present, extent = survey.present, survey.extent
    done = 0
    for slab in _slabs(survey) if part is None else part.windows:
        samples = survey.read(slab)
        place = slab.slices[:-1]
        bad = unusable(samples, nulls)
        first[place], stop[place] = _extents(survey, samples, present[place])
        if extent is not None:
            # The ellipsis makes it a view where the map of traces is a single number.
            at: Any = (*place, ...)
            _cut(first[at], stop[at], (extent[0][at], extent[1][at]))
        live = _between(first[place], stop[place], 0, slab.stop[-1]) & ~bad.any(axis=0)
        # A trace of nothing but nulls is as dead as one of zeros.
        stop[place] = np.where(live.any(axis=-1), stop[place], first[place])
        sums.add(slab, samples, live, bad)
        if part is not None:
            part.watch(slab, samples, live, bad)
        done += slab.size
        yield Progress(done, traces * deep, "samples", stage=f"scanning {survey.name}")
    result = sums.result(first, stop)
    if strict:
        _require_usable(survey, result)
    return result


def _slabs(survey: Survey) -> list[Window]:
    """Slabs of whole traces."""
    return list(survey.grid.slabs(SLAB)) if survey.grid.ndim > 1 else [survey.grid.whole]


def _between(first: NDArray[np.int32], stop: NDArray[np.int32], start: int, end: int) -> BoolArray:
    """Whether positions start to end of the sample axis lie in [first, stop) of each trace."""
    position = np.arange(start, end, dtype=np.int32)
    between: BoolArray = (position >= first[..., None]) & (position < stop[..., None])
    return between


def unusable(samples: FloatArray, nulls: tuple[float, ...]) -> BoolArray:
    """Where samples are null or not finite."""
    bad = ~np.isfinite(samples)
    for null in nulls:
        if not isnan(null):
            # IBM floats keep six hexadecimal digits of the null that was written. Odd kinds of NaN raise warnings.
            with np.errstate(invalid="ignore", over="ignore"):
                bad |= np.abs(samples - np.float32(null)) <= np.float32(2e-6 * abs(null))
    return bad


def _extents(survey: Survey, samples: FloatArray, present: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First live sample of each trace and the one after the last, over all channels; equal for dead traces."""
    size = samples.shape[-1]
    if survey.grid.axes[-1].name != "sample":
        lateral = samples.shape[1:-1]
        return np.zeros(lateral, np.int64), np.full(lateral, size, np.int64)
    first = _run(samples)
    stop = size - _run(samples[..., ::-1])
    dead = (first >= size) | ~present
    first, stop = np.where(dead, size, first), np.where(dead, 0, stop)
    first, stop = first.min(axis=0), stop.max(axis=0)
    return np.where(stop > first, first, 0), np.where(stop > first, stop, 0)


def _cut(first: NDArray[np.int32], stop: NDArray[np.int32], extent: Extent) -> None:
    """Leave out, in place, what the file does not hold; traces without a live sample stay dead."""
    np.maximum(first, extent[0], out=first)
    np.minimum(stop, extent[1], out=stop)
    dead = stop <= first
    first[dead] = stop[dead] = 0


def _run(samples: FloatArray) -> NDArray[np.int64]:
    """Length of the run of equal samples that each trace begins with, 0 if it is short; the whole if all are equal."""
    size = samples.shape[-1]
    short = min(CONSTANT_RUN, size)
    length = np.zeros(samples.shape[:-1], np.int64)
    constant = (samples[..., :short] == samples[..., :1]).all(axis=-1)
    if size == 1:
        # A time slice: that its one sample equals itself tells nothing.
        constant &= samples[..., 0] == 0
    differs = samples[constant] != samples[constant][:, :1]
    length[constant] = np.where(differs.any(axis=-1), differs.argmax(axis=-1), size)
    return length


class _Sums:
    """What a pass adds up."""

    def __init__(self, survey: Survey, nulls: tuple[float, ...], traces: int) -> None:
        self.survey = survey
        self.nulls = nulls
        self.moments = Moments(survey.channels)
        self.null_count = self.nans = self.infinite = 0
        self.first_not_finite = ""
        self.picked: list[FloatArray] = []
        self.every = max(1, traces * survey.grid.shape[-1] // SAMPLE)
        self.power = PowerSum(survey.grid, traces)

    def add(self, slab: Window, samples: FloatArray, live: BoolArray, bad: BoolArray) -> None:
        """Add a slab: samples (C, \\*w), live samples (\\*w), nulls and samples that are not finite (C, \\*w)."""
        if bad.any():
            self._count_bad(slab, samples, bad)
        values = samples[:, live]
        if values.size:
            self.moments.merge(values)
            # A view would hold all of the values.
            self.picked.append(values[:, :: self.every].copy())
            self.power.add(samples, live)

    def _count_bad(self, slab: Window, samples: FloatArray, bad: BoolArray) -> None:
        """Count nulls and samples that are not finite apart."""
        nan_is_null = any(isnan(null) for null in self.nulls)
        not_a_number = np.isnan(samples) & (not nan_is_null)
        infinite = np.isinf(samples)
        self.nans += int(not_a_number.sum())
        self.infinite += int(infinite.sum())
        self.null_count += int((bad & ~not_a_number & ~infinite).sum())
        wrong = (not_a_number | infinite).any(axis=0)
        if wrong.any() and not self.first_not_finite:
            position = [int(i) for i in np.argwhere(wrong)[0]]
            axes: list[tuple[Axis, int, int]] = list(zip(self.survey.grid.axes, slab.start, position, strict=True))
            self.first_not_finite = ", ".join(f"{axis.name} {axis.label(a + i):g}" for axis, a, i in axes)

    def result(self, first: NDArray[np.int32], stop: NDArray[np.int32]) -> Scan:
        """All that was found."""
        statistics = self.moments.statistics(self.power.spectrum())
        wrong = NotFinite(self.nans, self.infinite, self.first_not_finite)
        sample = np.concatenate(self.picked, axis=1) if self.picked else np.empty((self.survey.channels, 0), np.float32)
        not_finite = wrong if wrong.first else None
        return Scan(statistics, first, stop, self.nulls, self.null_count, not_finite, sample, self.power.curve)


def _require_usable(survey: Survey, found: Scan) -> None:
    """Refuse samples that are not finite, and surveys without live samples."""
    wrong = found.not_finite
    if wrong is not None:
        raise SurveyError(
            f"{survey.name} has {wrong.nans:,} NaN and {wrong.infinite:,} infinite samples, the first at {wrong.first}",
            expected="finite samples",
            do="pass --null nan (config: null: nan) if NaN means 'no data' there; check --sample-format"
            if wrong.nans
            else "check --sample-format",
        )
    if not found.statistics.count:
        raise SurveyError(
            f"{survey.name} is dead: none of its {found.first.size:,} traces has a live sample",
            expected="traces that are not constant",
            do="check the file with geocnn inspect, and --sample-format and --null",
        )
