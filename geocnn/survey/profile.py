"""How amplitudes lie within the traces of a survey: trend along the traces, extremes, values of labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Axis, Window
from geocnn.survey.spectrum import SHORTEST, UNITS
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["Extreme", "Gain", "Profile"]

MOST_CLASSES = 64
HIGHEST_CLASS = 255
SHORT = 200.0
"""Milliseconds or metres below which a trend a second, or a kilometre, would be mere extrapolation."""

LAYERS = 24
"""Parts of the sample axis between which the trend of the amplitudes is told."""


@dataclass(frozen=True)
class Extreme:
    """The lowest or highest value that was met, and how often."""

    value: float
    count: int

    def joined(self, other: Extreme, sign: int) -> Extreme:
        """The more extreme of two, for sign 1 the higher; both counts if they are one value."""
        if self.value == other.value:
            return Extreme(self.value, self.count + other.count)
        return self if sign * self.value > sign * other.value else other


@dataclass(frozen=True)
class Gain:
    """Trend of the root mean square along the traces.

    Parameters
    ----------
    slope
        Decibels a second, or a kilometre.
    spread
        Decibels between the loudest and the quietest of the layers.
    unit
        ``dB/s`` or ``dB/km``.
    """

    slope: float
    spread: float
    unit: str


class Profile:
    """What the windows of a survey add up to, besides their statistics.

    Attributes
    ----------
    seen
        Traces that were looked at, shape `grid.lateral`.
    loudness
        Root mean square of the live samples of each trace that was, nan elsewhere; shape `grid.lateral`.
    lowest, highest
        Extremes of the live samples, one for each channel.
    windows
        Windows that were added.
    inexact
        Samples that float32 cannot hold exactly.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.seen: BoolArray = np.zeros(survey.grid.lateral, np.bool_)
        self.loudness: FloatArray = np.full(survey.grid.lateral, nan, np.float32)
        self.lowest = (Extreme(inf, 0),) * survey.channels
        self.highest = (Extreme(-inf, 0),) * survey.channels
        self.windows = self.inexact = 0
        self._present = survey.present
        self._extent = survey.extent
        self._energy = np.zeros(survey.grid.shape[-1])
        self._live = np.zeros(survey.grid.shape[-1], np.int64)
        self._counts: NDArray[np.int64] | None = np.zeros(HIGHEST_CLASS + 2, np.int64)

    def add(self, window: Window, samples: FloatArray, live: BoolArray, bad: BoolArray) -> None:
        """Add a window of whole traces: samples (C, \\*w), live ones (\\*w), null or not finite ones (C, \\*w)."""
        place = window.slices[:-1]
        self.seen[place] = True
        self.windows += 1
        self.inexact += self.survey.inexact(window)
        if self._counts is not None:
            self._count_values(samples[:, self._held(window)])
        values = samples[:, live]
        if not values.size:
            return
        pairs = list(zip(self.lowest, self.highest, values, strict=True))
        self.lowest = tuple(low.joined(_counted(of_channel, of_channel.min()), -1) for low, _, of_channel in pairs)
        self.highest = tuple(high.joined(_counted(of_channel, of_channel.max()), 1) for _, high, of_channel in pairs)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.where(live & ~bad, samples, 0).astype(np.float64) ** 2
        every = squares.mean(axis=0).reshape(-1, samples.shape[-1])
        self._energy += every.sum(axis=0)
        self._live += live.reshape(every.shape).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_trace = np.sqrt(every.sum(axis=1).reshape(live.shape[:-1]) / live.sum(axis=-1))
        self.loudness[place] = np.minimum(of_trace, np.finfo(np.float32).max)

    def _held(self, window: Window) -> BoolArray:
        """Samples of a window that the file holds, shape (\\*w)."""
        place: Any = (*window.slices[:-1], ...)
        held: BoolArray = np.broadcast_to(self._present[place][..., None], window.shape)
        if self._extent is None:
            return held
        position = np.arange(window.shape[-1])
        first, stop = (end[place][..., None] for end in self._extent)
        return np.asarray(held & (position >= first) & (position < stop))

    def _count_values(self, values: FloatArray) -> None:
        """Count whole numbers from −1 to 255; give up at the first other value."""
        if not values.size or self._counts is None:
            return
        with np.errstate(invalid="ignore"):
            whole = (values >= -1).all() and (values <= HIGHEST_CLASS).all() and (values == np.rint(values)).all()
        if not whole:
            self._counts = None
            return
        self._counts += np.bincount(values.astype(np.int64).ravel() + 1, minlength=self._counts.size)
        if np.count_nonzero(self._counts) > MOST_CLASSES:
            self._counts = None

    @property
    def classes(self) -> dict[int, int] | None:
        """Samples of each value of a label, over all that the file holds; None if the values are no classes."""
        if self._counts is None or np.count_nonzero(self._counts) < 2:
            return None
        return {int(value) - 1: int(self._counts[value]) for value in np.flatnonzero(self._counts)}

    @property
    def gain(self) -> Gain | None:
        """Trend along the traces; None for images, labels, and what is too short to have one.

        Notes
        -----
        A straight line through 10 log10 of the mean square of each layer, by least squares.
        """
        return None if self.classes else _gain(self.survey.grid.axes[-1], self._energy, self._live)


def _counted(values: FloatArray, end: np.float32) -> Extreme:
    return Extreme(float(end), int(np.count_nonzero(values == end)))


def _gain(axis: Axis, energy: NDArray[np.float64], live: NDArray[np.int64]) -> Gain | None:
    """Trend of the energy, given the energy and number of live samples at each position of the axis."""
    if axis.unit not in UNITS or axis.size < SHORTEST or axis.size * abs(axis.step) < SHORT:
        return None
    starts = np.unique(np.linspace(0, axis.size, LAYERS, endpoint=False).astype(np.int64))
    power, count = np.add.reduceat(energy, starts), np.add.reduceat(live, starts)
    # Layers that few traces reach into tell of those traces, not of the survey.
    known = (count > 0.1 * count.max()) & (power > 0) & np.isfinite(power)
    if np.count_nonzero(known) < 4:
        return None
    middle = (starts + np.append(starts[1:], axis.size))[known] / 2 * abs(axis.step) / 1000
    level = 10 * np.log10(power[known] / count[known])
    slope = float(np.polyfit(middle, level, 1)[0])
    return Gain(slope, float(np.ptp(level)), "dB/s" if axis.unit == "ms" else "dB/km")
