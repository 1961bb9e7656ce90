"""What looks wrong with a survey, and the option that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from geocnn.survey.array import is_guessed
from geocnn.survey.bins import Bins
from geocnn.survey.profile import Extreme
from geocnn.survey.sampling import Look
from geocnn.survey.survey import FloatArray, Survey

__all__ = ["Finding", "diagnose"]

CLIPPED = 1e-4
"""Share of the live samples at one extreme from which they are taken for clipped."""

PILE = 3
"""Times as many samples at an extreme as at the value next to it, from which they are taken for clipped."""

FEW = 20
"""Samples at one extreme that may be chance."""

FAR = 10
"""How many times the 99th percentile of the sizes a value lies off that is no amplitude."""

FREQUENT, ZEROS = 0.002, 0.05
"""Share of a single value among the live samples from which it is told; of 0, which gaps within traces hold."""

OFTENER = 20
"""How many times more often than any other it must occur."""

ABSURD = 1e20
STEEP = 40.0
"""Decibels between layers from which the gain is told."""

BINS = (2.0, 200.0)
INTERVALS = {"ms": (0.1, 16.0), "m": (0.2, 60.0)}
PEAKS = {"Hz": (3.0, 250.0), "cycles/km": (0.8, 120.0)}


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong.

    Parameters
    ----------
    what
        What was found, with numbers.
    do
        What mends it, if it is wrong: mostly an option.
    """

    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what} → {self.do}" if self.do else self.what


def diagnose(survey: Survey, seen: Look) -> tuple[Finding, ...]:
    """What looks wrong, the worst first; empty if nothing does."""
    return tuple(finding for check in _CHECKS for finding in check(survey, seen))


def _guessed_axes(survey: Survey, seen: Look) -> Iterator[Finding]:
    if is_guessed(survey):
        names = ", ".join(axis.name for axis in survey.grid.axes)
        yield Finding(f"the order of the axes is a guess ({names}): a picture shows whether layers lie flat", "--axes")


def _not_finite(survey: Survey, seen: Look) -> Iterator[Finding]:
    wrong = seen.scan.not_finite
    if wrong is None:
        return
    counts = ((wrong.nans, "NaN"), (wrong.infinite, "infinite"))
    what = f"{' and '.join(f'{n:,} {word}' for n, word in counts if n)} samples, the first at {wrong.first}"
    yield Finding(what, "--null nan if NaN means 'no data', else --sample-format" if wrong.nans else "--sample-format")


def _dead(survey: Survey, seen: Look) -> Iterator[Finding]:
    read = seen.traces
    dead = read - int(np.count_nonzero(seen.live))
    if read and dead == read:
        whose = "traces" if seen.whole else "sampled traces"
        yield Finding(f"all {read:,} {whose} are constant: nothing to learn from or predict on", "check the file")
    elif dead > read / 2 and seen.profile.classes is None:
        yield Finding(f"{dead:,} of {read:,} traces are dead", "check --sample-format and --null")


def _amplitudes(survey: Survey, seen: Look) -> Iterator[Finding]:
    statistics = seen.scan.statistics
    if not statistics.count or seen.profile.classes is not None:
        return
    for channel, ends in enumerate(zip(seen.profile.lowest, seen.profile.highest, strict=True)):
        name = f"channel {channel}: " if survey.channels > 1 else ""
        for finding in _values(seen.scan.sample[channel], ends, statistics.count):
            yield Finding(f"{name}{finding.what}", finding.do)
    yield from _offset(statistics.mean, statistics.std)


def _values(sample: FloatArray, ends: tuple[Extreme, Extreme], count: int) -> Iterator[Finding]:
    """What is odd about the samples of a channel: some of them, both extremes, and how many there are."""
    usual = float(np.percentile(np.abs(sample.astype(np.float64)), 99)) if sample.size else 0
    for end in ends:
        if end.count > FEW / 4 and abs(end.value) > FAR * usual > 0:
            what = f"{end.count:,} samples are {end.value:g}, far beyond all others: it may mean 'no data'"
            yield Finding(what, f"--null {end.value:.8g}")
    low, high = (end.value for end in ends)
    if max(abs(low), abs(high)) > ABSURD:
        yield Finding(f"amplitudes from {low:.3g} to {high:.3g} are absurd", "--sample-format")
    clipped = [end for end in ends if end.count > max(FEW, CLIPPED * count) and _piled_up(sample, end, count)]
    if clipped:
        share = " and ".join(f"{100 * end.count / count:.2g} % at {end.value:.6g}" for end in clipped)
        yield Finding(f"samples are clipped: {share}", "export it again without clipping; nothing here restores it")
    yield from _frequent(sample, (low, high))


def _piled_up(sample: FloatArray, end: Extreme, count: int) -> bool:
    """Whether an extreme is far more frequent than the value next to it, which few whole numbers alone are not."""
    values, counts = np.unique(sample, return_counts=True)
    others = values != end.value
    if not others.any():
        return True
    beside = counts[others][np.argmin(np.abs(values[others].astype(np.float64) - end.value))]
    return bool(end.count / count > PILE * beside / sample.size)


def _frequent(sample: FloatArray, ends: tuple[float, ...]) -> Iterator[Finding]:
    """A value within the range of the amplitudes that occurs far more often than any other."""
    values, counts = np.unique(sample, return_counts=True)
    if values.size < 2:
        return
    second, first = np.argsort(counts)[-2:].tolist()
    value, share = float(values[first]), float(counts[first] / counts.sum())
    often = counts[first] > max(FEW, OFTENER * counts[second]) and share > (ZEROS if value == 0 else FREQUENT)
    if often and value not in ends:
        what = f"{100 * share:.2g} % of the live samples are exactly {value:.8g}"
        yield Finding(what, f"--null {value:.8g} if they mean 'no data'")


def _offset(means: tuple[float, ...], stds: tuple[float, ...]) -> Iterator[Finding]:
    """Amplitudes that do not lie about 0."""
    for mean, std in zip(means, stds, strict=True):
        if std > 0 and abs(mean) > std:
            what = f"samples lie about {mean:.4g}, not about 0 (std {std:.4g}): an attribute, or unsigned integers"
            yield Finding(what, "if they are amplitudes, --sample-format")
            return


def _gain(survey: Survey, seen: Look) -> Iterator[Finding]:
    gain = seen.profile.gain
    if gain is not None and gain.spread > STEEP:
        what = f"amplitudes differ by {gain.spread:.0f} dB along the traces ({gain.slope:+.3g} {gain.unit})"
        yield Finding(what, "the weak part teaches little: apply a gain beforehand")


def _vertical(survey: Survey, seen: Look) -> Iterator[Finding]:
    axis, spectrum = survey.grid.axes[-1], seen.scan.statistics.spectrum
    low, high = INTERVALS.get(axis.unit, (0, np.inf))
    if axis.name == "sample" and not axis.unit:
        yield Finding("nothing tells the sample interval: samples are counted", "--dt, and --t0")
    elif axis.name == "sample" and not low <= abs(axis.step) <= high:
        yield Finding(f"a sample interval of {axis.step:g} {axis.unit} is unusual", "--dt, or --domain")
    elif spectrum is not None and seen.profile.classes is None:
        low, high = PEAKS[spectrum.unit]
        if not low <= spectrum.peak <= high:
            what = f"a peak at {spectrum.peak:.3g} {spectrum.unit} is unusual for seismic amplitudes"
            yield Finding(what, "--dt or --domain if the interval is wrong, --sample-format if it is noise")


def _lines(survey: Survey, seen: Look) -> Iterator[Finding]:
    bins = survey.bins
    if bins is None:
        return
    yield from _fit(bins)
    if not all(BINS[0] <= size <= BINS[1] for size in bins.size):
        what = f"bins of {bins.size[0]:.3g} × {bins.size[1]:.3g} are unusual"
        yield Finding(what, "coordinates may be in feet or degrees, or elsewhere: --cdp-x, --cdp-y")


def _fit(bins: Bins) -> Iterator[Finding]:
    if bins.misfit > 0.5 * min(bins.size):
        what = f"coordinates lie up to {bins.misfit:.3g} off a regular grid of {bins.size[0]:.4g} × {bins.size[1]:.4g}"
        yield Finding(what, "--cdp-x and --cdp-y, or --iline and --xline")


_CHECKS: tuple[Callable[[Survey, Look], Iterator[Finding]], ...] = (
    _guessed_axes,
    _not_finite,
    _dead,
    _amplitudes,
    _lines,
    _vertical,
    _gain,
)
