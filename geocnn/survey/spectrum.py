"""The average spectrum of a survey's traces, and where it peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["Curve", "PowerSum", "Spectrum"]

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Frequencies, in Hz or cycles/km, and the power at each."""

UNITS = {"ms": "Hz", "m": "cycles/km"}
FLOOR = 0.01
"""Share of the peak's power that bounds the band: −20 dB."""

SHORTEST = 16
MOST_TRACES = 4000


@dataclass(frozen=True)
class Spectrum:
    """Summary of an average power spectrum.

    Parameters
    ----------
    peak
        Where the power is largest.
    low, high
        Ends of the band in which the power stays within 20 dB of the peak.
    unit
        ``Hz`` for time, ``cycles/km`` for depth.
    """

    peak: float
    low: float
    high: float
    unit: str

    @classmethod
    def average(cls, parts: Sequence[Spectrum | None], weight: NDArray[np.float64]) -> Spectrum | None:
        """Weighted average; none if one is missing or their units differ."""
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or len({part.unit for part in known}) != 1:
            return None
        values = np.array([(part.peak, part.low, part.high) for part in known])
        peak, low, high = (weight / weight.sum() @ values).tolist()
        return cls(peak, low, high, known[0].unit)

    def __str__(self) -> str:
        return f"peak {self.peak:.3g} {self.unit}, {self.low:.3g} to {self.high:.3g} at −20 dB"


class PowerSum:
    """Sum of the power spectra of some traces of a grid, evenly picked of so many, tapered."""

    def __init__(self, grid: Grid, traces: int) -> None:
        axis = grid.axes[-1]
        self.unit = UNITS.get(axis.unit, "") if axis.size >= SHORTEST else ""
        self.every = max(1, traces // MOST_TRACES)
        self.frequencies = np.fft.rfftfreq(axis.size, abs(axis.step)).astype(np.float64) * 1000
        self.power = np.zeros(self.frequencies.size)

    def add(self, samples: FloatArray, live: BoolArray) -> None:
        """Add traces of samples (C, \\*w); where `live` (\\*w) is False they count as their mean."""
        if not self.unit:
            return
        size = samples.shape[-1]
        traces = samples.reshape(-1, live.size // size, size)[:, :: self.every]
        alive = live.reshape(-1, size)[:: self.every]
        some = alive.any(axis=-1)
        traces, alive = traces[:, some], alive[some]
        # What is not live may be NaN of a kind that no sum bears.
        traces = np.where(alive, traces, 0)
        mean = np.sum(traces, axis=-1, keepdims=True, dtype=np.float64) / alive.sum(axis=-1, keepdims=True)
        tapered = np.where(alive, traces - mean, 0) * np.hanning(size)
        self.power += (np.abs(np.fft.rfft(tapered, axis=-1)) ** 2).sum(axis=(0, 1))

    @property
    def curve(self) -> Curve | None:
        """What was added; none if there is nothing to tell."""
        return (self.frequencies, self.power) if self.unit and self.power.any() else None

    def spectrum(self) -> Spectrum | None:
        """Summary of what was added; none if there is nothing to tell."""
        if not self.unit or not self.power.any():
            return None
        # Three bins, about the width of the taper's main lobe.
        smooth = np.convolve(self.power, np.full(3, 1 / 3), mode="same")
        peak = int(smooth.argmax())
        weak = np.flatnonzero(smooth < FLOOR * smooth[peak])
        low = int(weak[weak < peak].max(initial=-1)) + 1
        high = int(weak[weak > peak].min(initial=smooth.size)) - 1
        f = self.frequencies
        return Spectrum(float(f[peak]), float(f[low]), float(f[high]), self.unit)
