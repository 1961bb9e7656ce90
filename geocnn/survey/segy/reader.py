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
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.formats import decode
from geocnn.survey.segy.geometry import CDP, Geometry, Lines, line_geometry, line_places, volume_geometry
from geocnn.survey.segy.layout import SegyFile, open_segy_file
from geocnn.survey.segy.text import domain_of
from geocnn.survey.survey import BoolArray, Coordinates, Domain, FloatArray, Survey

__all__ = ["SegySurvey"]

SCALAR = Place(71, "i2")
DELAY = Place(109, "i2")
INTERVAL = Place(117, "i2")
TIME_SCALAR = Place(215, "i2")


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
        self._geometry, delays = _read_headers(self.file, options)
        self.index = self._geometry.index
        self.channels = 1
        self.domain = _domain(self.file, options)
        vertical, remarks = _sample_axis(self, delays)
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
    def coordinates(self) -> Coordinates:
        x, y, scalar = self.file.fields(Place(181), Place(185), SCALAR)
        found = np.full((2, *self.index.shape), np.nan)
        of_trace = _scaled(np.stack([x, y], axis=1), scalar[:, None])
        found[:, self.present] = of_trace[self.index[self.present]].T
        return found


def _read_headers(file: SegyFile, options: SurveyOptions) -> tuple[Geometry, NDArray[np.int64]]:
    """Where the traces lie and their delays, by one pass over the trace headers."""
    if options.geometry == "line":
        cdp, delays = file.fields(Place(CDP), DELAY)
        return line_geometry(file, cdp), delays
    iline, xline = (
        Place.parse(value or default).byte for value, default in ((options.iline, 189), (options.xline, 193))
    )
    places = line_places(file, iline, xline)
    inline, crossline, delays = file.fields(*places, DELAY)
    return volume_geometry(Lines(file, (iline, xline), inline, crossline)), delays


def _domain(file: SegyFile, options: SurveyOptions) -> Domain:
    """Vertical domain: from the user, else from the text header, else time."""
    if options.domain is not None:
        return Domain(options.domain, "--domain")
    return domain_of(file.text) or Domain("time", "assumed")


def _sample_axis(survey: SegySurvey, delays: NDArray[np.int64]) -> tuple[Axis, tuple[str, ...]]:
    """The sample axis in ms or m, and remarks on what was doubtful."""
    step, odd_step = _interval(survey.file, survey.options)
    first, odd_first = _delay(survey.file, survey.options, delays)
    return Axis("sample", first, step, survey.file.samples, survey.domain.unit), (*odd_step, *odd_first)


def _interval(file: SegyFile, options: SurveyOptions) -> tuple[float, tuple[str, ...]]:
    """Sample interval; headers give µs or mm."""
    if options.dt is not None:
        if options.dt <= 0:
            raise SurveyError(f"--dt {options.dt:g} for {file.path}", expected="an interval above 0", do="correct --dt")
        return options.dt, ()
    binary, trace = file.binary(3217), file.first(INTERVAL)
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


def _delay(file: SegyFile, options: SurveyOptions, delays: NDArray[np.int64]) -> tuple[float, tuple[str, ...]]:
    """First sample: the delay, multiplied or (if negative) divided by the scalar for times."""
    if options.t0 is not None:
        return options.t0, ()
    first = float(_scaled(delays[:1], np.array([file.first(TIME_SCALAR)]))[0])
    odd = np.count_nonzero(delays != delays[0])
    if not odd:
        return first, ()
    return first, (
        f"{odd:,} of {file.traces:,} traces have another delay than the first ({delays.min()} to {delays.max()}, first "
        f"{delays[0]}): all were taken to start at {first:g} (--t0 overrides)",
    )


def _scaled(values: NDArray[np.int64], scalar: NDArray[np.int64]) -> NDArray[np.float64]:
    """Header values by their scalars: factors if positive, divisors if negative, nothing if 0."""
    factor = np.where(scalar < 0, -1.0 / np.minimum(scalar, -1), np.maximum(scalar, 1.0))
    return np.asarray(values * factor, np.float64)


def _emptiness(index: NDArray[np.int64]) -> tuple[str, ...]:
    """A remark on positions of the grid without a trace."""
    missing = np.count_nonzero(index < 0)
    if not missing:
        return ()
    return (f"{missing:,} of {index.size:,} grid positions ({100 * missing / index.size:.1f} %) have no trace",)
