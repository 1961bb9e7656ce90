"""Reading SEG-Y: traces in any order, sorted on a grid by their headers, read window by window."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.bins import Bins, fit_bins
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy_file import SegyFile, open_segy_file
from geocnn.survey.segy_formats import decode
from geocnn.survey.segy_geometry import Geometry, line_geometry, volume_geometry
from geocnn.survey.segy_text import domain_of
from geocnn.survey.survey import BoolArray, Domain, FloatArray, Survey

__all__ = ["SegySurvey"]


class SegySurvey(Survey):
    """A SEG-Y file on the grid of its line numbers.

    Parameters
    ----------
    path
        The file.
    options
        Header bytes, geometry, sample format, dt, t0 and domain, where the headers do not tell.

    Attributes
    ----------
    file
        Layout of the file.
    index
        Number of the trace in the file at each position of `grid.lateral`, −1 where there is none.

    Raises
    ------
    SurveyError
        If the file is no whole SEG-Y file, or its headers make no regular grid.
    """

    def __init__(self, path: Path, options: SurveyOptions) -> None:
        self.name = str(path)
        self.file = open_segy_file(path, options.sample_format)
        self.options = options
        self._geometry = _geometry(self.file, options)
        self.index = self._geometry.index
        self.channels = 1
        self.domain = _domain(self.file, options)
        vertical, remarks = _sample_axis(self.file, options, self.domain)
        self.grid = Grid((*self._geometry.axes, vertical))
        self.remarks = (*remarks, *_emptiness(self.index))
        self.null = options.null

    @property
    def present(self) -> BoolArray:
        return self.index >= 0

    def read(self, window: Window) -> FloatArray:
        numbers = self.index[window.slices[:-1]].ravel()
        # In the order of the file, whatever its sorting, so that the disk reads ahead.
        held = np.flatnonzero(numbers >= 0)
        held = held[np.argsort(numbers[held], kind="stable")]
        raw = self._samples[:, window.slices[-1]][numbers[held]]
        samples = np.zeros((numbers.size, window.shape[-1]), np.float32)
        samples[held] = decode(raw, self.file.sample_format)
        return samples.reshape(1, *window.shape)

    @cached_property
    def _samples(self) -> NDArray[Any]:
        """Samples as they lie in the file, (traces, S); mapped by each process for itself."""
        samples: NDArray[Any] = self.file.map()["samples"]
        return samples

    def __getstate__(self) -> dict[str, Any]:
        # A pickled map would carry the whole file.
        return {name: value for name, value in self.__dict__.items() if name != "_samples"}

    @property
    def description(self) -> Mapping[str, str]:
        places = {f"{axis} numbers": place for axis, place in self._geometry.places.items()}
        return {"format": self.file.words, "traces": f"{self.file.traces:,}", **places}

    @property
    def text(self) -> tuple[str, ...]:
        return self.file.text

    @property
    def bins(self) -> Bins | None:
        if self.index.ndim != 2 or min(self.index.shape) < 2:
            return None
        x, y = (_scaled(self.file, byte) for byte in (self.options.cdp_x, self.options.cdp_y))
        positions = np.argwhere(self.present)
        order = self.index[self.present]
        return fit_bins(positions, np.stack([x[order], y[order]], axis=1))


def _geometry(file: SegyFile, options: SurveyOptions) -> Geometry:
    if options.geometry == "line":
        return line_geometry(file)
    return volume_geometry(file, options.iline, options.xline)


def _domain(file: SegyFile, options: SurveyOptions) -> Domain:
    """Vertical domain: from the user, else from the text header, else time."""
    if options.domain is not None:
        return Domain(options.domain, "--domain")
    return domain_of(file.text) or Domain("time", "assumed")


def _sample_axis(file: SegyFile, options: SurveyOptions, domain: Domain) -> tuple[Axis, tuple[str, ...]]:
    """The sample axis in ms or m, and remarks on what was doubtful."""
    step, odd_step = _interval(file, options)
    first, odd_first = _delay(file, options)
    return Axis("sample", first, step, file.samples, domain.unit), (*odd_step, *odd_first)


def _interval(file: SegyFile, options: SurveyOptions) -> tuple[float, tuple[str, ...]]:
    """Sample interval; headers give µs or mm."""
    if options.dt is not None:
        if options.dt <= 0:
            raise SurveyError(f"--dt {options.dt:g} for {file.path}", expected="an interval above 0", do="correct --dt")
        return options.dt, ()
    binary, trace = file.binary(3217), int(file.field(117, "i2")[0])
    if binary <= 0 and trace <= 0:
        raise SurveyError(
            f"{file.path} tells no sample interval: {binary} in the binary header, {trace} in the first trace header",
            expected="an interval above 0, in µs (time) or mm (depth)",
            do="pass it, such as --dt 4",
        )
    chosen, source = (binary, "binary header's") if binary > 0 else (trace, "first trace header's")
    odd = (
        f"the sample interval is {binary} in the binary header, {trace} in the first trace header: "
        f"the {source} was taken (--dt overrides)",
    )
    return chosen / 1000, odd if binary < 0 or (trace and binary and trace != binary) else ()


def _delay(file: SegyFile, options: SurveyOptions) -> tuple[float, tuple[str, ...]]:
    """First sample: the delay, multiplied or (if negative) divided by the scalar for times."""
    if options.t0 is not None:
        return options.t0, ()
    delays = file.field(109, "i2")
    first = _times(float(delays[0]), int(file.field(215, "i2")[0]))
    odd = np.count_nonzero(delays != delays[0])
    if not odd:
        return first, ()
    return first, (
        f"{odd:,} of {file.traces:,} traces have another delay than the first ({delays.min()} to {delays.max()}, first "
        f"{delays[0]}): all were taken to start at {first:g} (--t0 overrides)",
    )


def _times(value: float, scalar: int) -> float:
    """A header value by its scalar: a factor if positive, a divisor if negative, nothing if 0."""
    if scalar < 0:
        return value / -scalar
    return value * (scalar or 1)


def _scaled(file: SegyFile, byte: int) -> NDArray[np.float64]:
    """A coordinate of all traces, by the scalar at byte 71."""
    scalar = file.field(71, "i2")
    factor = np.where(scalar < 0, -1.0 / np.minimum(scalar, -1), np.maximum(scalar, 1.0))
    return np.asarray(file.field(byte) * factor, np.float64)


def _emptiness(index: NDArray[np.int64]) -> tuple[str, ...]:
    """A remark on positions of the grid without a trace."""
    missing = np.count_nonzero(index < 0)
    if not missing:
        return ()
    return (f"{missing:,} of {index.size:,} grid positions ({100 * missing / index.size:.1f} %) have no trace",)
