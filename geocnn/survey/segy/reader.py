"""Reading SEG-Y: traces in any order, laid on a grid by their headers, read window by window."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid, Window
from geocnn.survey.bins import Bins, fit_bins
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy.coordinates import coordinates_of
from geocnn.survey.segy.formats import inexact
from geocnn.survey.segy.geometry import find_geometry, further_traces
from geocnn.survey.segy.glance import PROBES, glance, probes
from geocnn.survey.segy.hints import hints
from geocnn.survey.segy.layout import open_segy_file
from geocnn.survey.segy.segy_file import SegyFile
from geocnn.survey.segy.sidecar import Headers, recall, remember
from geocnn.survey.segy.suspicion import suspicions
from geocnn.survey.segy.text import domain_of
from geocnn.survey.segy.traces import TraceReader
from geocnn.survey.segy.vertical import find_vertical, sampled_vertical
from geocnn.survey.survey import BoolArray, Coordinates, Domain, Extent, FloatArray, Survey

__all__ = ["SegySurvey"]

GLANCED = 200_000
"""Traces from which on headers are sampled where that is enough."""


class SegySurvey(Survey):
    """A SEG-Y or Seismic Unix file on the grid of its trace headers.

    Parameters
    ----------
    path
        The file.
    options
        Header bytes, geometry, sample format, dt, t0 and domain, where the headers do not tell.
    glanced
        Whether a sample of the headers of a large, regular file is enough: to look at it, not to use it.

    Attributes
    ----------
    file
        Layout of the file.
    index
        Number of the trace in the file at each position, −1 where there is none; shape (C, \\*lateral).
    repeats
        Flat positions in `index`, and numbers of the further traces at them, shape (k, 2).
    shifts
        Samples by which each trace starts later than the sample axis, shape (traces,); none if none does.

    Raises
    ------
    SurveyError
        If the file is no SEG-Y file, or its headers make no regular grid.
    """

    def __init__(self, path: Path, options: SurveyOptions, *, glanced: bool = False) -> None:
        self.name = str(path)
        self.options = options
        self.file = open_segy_file(path, options.sample_format)
        self.domain = _domain(self.file, options)
        headers = _headers(self.file, options, self.domain.unit, glanced=glanced)
        self.geometry, self._vertical = headers.geometry, headers.vertical
        self.index, self.repeats, self.shifts = self.geometry.index, self.geometry.repeats, self._vertical.shifts
        self.channels = len(self.index)
        self.grid = Grid((*self.geometry.axes, self._vertical.axis))
        self.null = options.null
        self.remarks = (
            *self.file.remarks,
            *self.geometry.remarks,
            *self._vertical.remarks,
            *headers.suspicions,
            *_emptiness(self.index),
        )
        self._traces = TraceReader(self.file, self.shifts)
        self.file.release()

    @property
    def present(self) -> BoolArray:
        """Positions where every channel has a trace."""
        return np.asarray((self.index >= 0).all(axis=0))

    @property
    def extent(self) -> Extent | None:
        if self.shifts is None and self.file.lengths is None:
            return None
        first = np.zeros(self.file.traces, np.int32) if self.shifts is None else self.shifts
        stop = first + (self.file.samples if self.file.lengths is None else self.file.lengths)
        # All channels hold a sample where the last one starts and until the first one ends.
        starts = np.where(self.index >= 0, first[self.index], 0).max(axis=0)
        stops = np.where(self.index >= 0, stop[self.index], 0).min(axis=0)
        return starts.astype(np.int32), np.maximum(stops, starts).astype(np.int32)

    def read(self, window: Window) -> FloatArray:
        numbers = self._numbers(window)
        samples = self._traces.read(numbers, window.start[-1], window.stop[-1])
        if self.options.duplicates == "mean" and len(self.repeats):
            self._average(window, samples)
        return samples.reshape(self.channels, *window.shape)

    def inexact(self, window: Window) -> int:
        if self.file.sample_format.fits_float32:
            return 0
        numbers = self._numbers(window).ravel()
        raw = self._traces.raw(numbers[numbers >= 0], window.start[-1], window.stop[-1])
        return inexact(raw, self.file.sample_format)

    def _numbers(self, window: Window) -> NDArray[np.int64]:
        """Numbers of the traces of a window, (R, N): a row for each line that is not the last, of each channel."""
        numbers = self.index[(slice(None), *window.slices[:-1])]
        return np.asarray(numbers.reshape(-1, numbers.shape[-1]))

    def _average(self, window: Window, samples: FloatArray) -> None:
        """Replace samples (R, N, w) of positions with several traces by their mean."""
        rows, numbers = further_traces(self.repeats, self.index.shape, window.slices[:-1])
        if not rows.size:
            return
        flat = samples.reshape(-1, window.shape[-1])
        np.add.at(flat, rows, self._traces.read(numbers[None], window.start[-1], window.stop[-1])[0])
        flat /= 1 + np.bincount(rows, minlength=len(flat)).astype(np.float32)[:, None]

    @property
    def description(self) -> Mapping[str, str]:
        places = {f"{axis} numbers": place for axis, place in self.geometry.places.items()}
        crs = hints(self.file.texts).crs
        return {
            "format": self.file.words,
            "traces": f"{self.file.traces:,}",
            **places,
            **({"channels": ", ".join(self.geometry.channels)} if self.geometry.channels else {}),
            "start": self._vertical.words,
            **({"crs": crs} if crs else {}),
        }

    @property
    def text(self) -> tuple[str, ...]:
        return self.file.text

    @cached_property
    def bins(self) -> Bins | None:
        """By all traces; of a large file by about a thousand."""
        if self.file.traces < GLANCED or self.geometry.coordinates is None or self.index.ndim != 3:
            return super().bins
        numbers = np.unique(np.linspace(0, self.index[0].size - 1, PROBES).astype(np.int64))
        places = np.stack(np.unravel_index(numbers, self.grid.lateral), axis=1)
        traces = self.index[0].ravel()[numbers]
        places, traces = places[traces >= 0], traces[traces >= 0]
        return fit_bins(places, coordinates_of(self.file, self.geometry.coordinates, traces).T)

    @cached_property
    def coordinates(self) -> Coordinates | None:
        places = self.geometry.coordinates
        if places is None:
            return None
        of_trace = coordinates_of(self.file, places)
        self.file.release()
        # The traces of a gather share their midpoint.
        numbers = self.index.max(axis=0)
        return np.where(numbers >= 0, of_trace[:, numbers], np.nan)


def _domain(file: SegyFile, options: SurveyOptions) -> Domain:
    """Vertical domain: from the user, else from the text header, else time."""
    if options.domain is not None:
        return Domain(options.domain, "--domain")
    return domain_of(file.texts) or Domain("time", "assumed")


def _headers(file: SegyFile, options: SurveyOptions, unit: str, *, glanced: bool) -> Headers:
    """What the headers tell, and what the samples seem to be: as remembered, by a glance, or by reading them all."""
    found = recall(file, options)
    if found is None and glanced and file.traces >= GLANCED:
        found = _glanced(file, options, unit)
    if found is None:
        geometry, vertical = find_geometry(file, options, hints(file.texts)), find_vertical(file, options, unit)
        found = Headers(geometry, vertical, suspicions(file))
        remember(file, options, found)
    return found


def _glanced(file: SegyFile, options: SurveyOptions, unit: str) -> Headers | None:
    """What a sample of the headers tells of a regular volume; None if it shows anything else."""
    geometry = glance(file, options, hints(file.texts))
    if geometry is None:
        return None
    vertical = sampled_vertical(file, options, unit, probes(file))
    return None if vertical is None else Headers(geometry, vertical, suspicions(file))


def _emptiness(index: NDArray[np.int64]) -> tuple[str, ...]:
    """A remark on positions of the grid without a trace."""
    missing = np.count_nonzero((index < 0).any(axis=0))
    if not missing:
        return ()
    size = prod(index.shape[1:])
    whose = "no trace" if len(index) == 1 else "not all channels"
    return (f"{missing:,} of {size:,} grid positions ({100 * missing / size:.1f} %) have {whose}",)
