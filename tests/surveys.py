"""Tiny survey files, made with segyio and by hand, whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import segyio

INLINES = (4, 6, 8, 10)
CROSSLINES = (20, 21, 22, 23, 24)
SAMPLES = 30


def encoded(inlines: Sequence[int], crosslines: Sequence[int], samples: int) -> np.ndarray:
    """Amplitudes that tell their place: 4.20024 is inline 4, crossline 20, sample 24."""
    i, x, s = np.meshgrid(inlines, crosslines, np.arange(samples), indexing="ij")
    return (i + x / 100 + s / 100_000).astype(np.float32)


@dataclass
class Traces:
    """Traces of a SEG-Y file in the order of the file: samples (n, S), inline and crossline numbers (n,)."""

    samples: np.ndarray
    inlines: np.ndarray
    crosslines: np.ndarray
    sample_format: int = 5
    endian: str = "big"
    places: tuple[int, int] = (189, 193)
    interval: int = 4000
    headers: dict[int, int] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, volume: np.ndarray, inlines: Sequence[int], crosslines: Sequence[int]) -> Traces:
        """A whole volume (I, X, S), inline-sorted."""
        i, x = (lines.ravel() for lines in np.meshgrid(inlines, crosslines, indexing="ij"))
        return cls(volume.reshape(len(i), -1), i, x)

    def picked(self, order: Sequence[int] | np.ndarray) -> Traces:
        """Some traces, in another order."""
        order = np.asarray(order, int)
        return Traces(
            self.samples[order],
            self.inlines[order],
            self.crosslines[order],
            self.sample_format,
            self.endian,
            self.places,
            self.interval,
            self.headers,
            self.text,
        )

    def write(self, path: Path) -> Path:
        """Write the traces by segyio."""
        spec = segyio.spec()
        spec.format = self.sample_format
        spec.endian = self.endian
        spec.tracecount = len(self.samples)
        spec.samples = np.arange(self.samples.shape[1])
        spec.sorting = None
        with segyio.create(str(path), spec) as file:
            file.bin[segyio.BinField.Interval] = self.interval
            file.text[0] = segyio.tools.create_text_header(self.text)
            for number, samples in enumerate(self.samples):
                numbers = {
                    self.places[0]: int(self.inlines[number]),
                    self.places[1]: int(self.crosslines[number]),
                }
                file.header[number] = {**self.headers, **numbers}
                file.trace[number] = samples.astype(file.dtype)
        return path
