"""From line numbers in trace headers to a regular grid of traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.layout import SegyFile

__all__ = ["CDP", "Geometry", "Hints", "Lines", "find_geometry", "line_geometry", "line_places", "volume_geometry"]

Integers = NDArray[np.int64]

MOST_EMPTY = 20
"""Grid positions for each trace above which line numbers are taken to be wrong."""

CDP = 21

CANDIDATES = ((189, 193), (5, 9), (9, 21), (9, 13), (17, 13), (21, 25), (13, 21), (221, 225), (73, 77), (181, 185))
"""Bytes of inline and crossline numbers met in the field, the likeliest first."""


@dataclass(frozen=True)
class Geometry:
    """Where each trace of a file lies on a grid.

    Parameters
    ----------
    axes
        The axes of the map of traces.
    index
        Number of the trace in the file, from 0, at each position, −1 where there is none, (C, \\*lateral); C is 1
        unless the traces of a gather are channels.
    places
        Where the numbers of each axis come from, and how sure that is.
    repeats
        Flat position in `index` and number of each further trace there, (k, 2), sorted by position.
    coordinates
        Fields of X and Y, if there are any.
    channels
        Names of the channels, such as ``offset 100``; none if there is one.
    remarks
        What the user must know.
    """

    axes: tuple[Axis, ...]
    index: Integers
    places: Mapping[str, str]
    repeats: Integers = field(default_factory=lambda: np.empty((0, 2), np.int64))
    coordinates: tuple[Place, Place] | None = None
    channels: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Hints(Protocol):
    """What the text header says of the trace headers."""

    @property
    def places(self) -> Mapping[str, int]:
        """First byte of ``inline``, ``crossline``, ``cdp_x``, ``cdp_y``, where it is named."""
        ...


def find_geometry(file: SegyFile, options: SurveyOptions, hints: Hints) -> Geometry:
    """Where the traces of a file lie, by what its headers and the user say.

    Raises
    ------
    SurveyError
        If no numbers put the traces on a grid.
    """
    if options.geometry == "line":
        found = line_geometry(file, file.fields(Place(CDP))[0])
    else:
        iline, xline = (Place.parse(said or byte).byte for said, byte in ((options.iline, 189), (options.xline, 193)))
        inline, crossline = file.fields(*line_places(file, iline, xline))
        found = volume_geometry(Lines(file, (iline, xline), inline, crossline))
    return replace(found, index=found.index[None], coordinates=(Place(181), Place(185)))


def line_geometry(file: SegyFile, cdp: Integers) -> Geometry:
    """A 2-D line: traces in file order, by their CDP numbers if these run evenly, else numbered from 1."""
    steps = np.diff(cdp)
    even = steps.size > 0 and steps[0] != 0 and bool((steps == steps[0]).all())
    first, step = (int(cdp[0]), int(steps[0])) if even else (1, 1)
    place = _words(CDP) if even else "order in the file"
    return Geometry((Axis("trace", first, step, file.traces),), np.arange(file.traces), {"trace": place})


@dataclass(frozen=True)
class Lines:
    """Line numbers of all traces of a file, and the first bytes that they come from."""

    file: SegyFile
    bytes: tuple[int, int]
    inline: Integers
    crossline: Integers

    @property
    def place(self) -> str:
        """``bytes 189 and 193``."""
        return f"bytes {self.bytes[0]} and {self.bytes[1]}"

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """The smallest regular axes that have all the numbers."""
        return _axis("inline", self.inline), _axis("crossline", self.crossline)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of inlines and of crosslines."""
        return self.axes[0].size, self.axes[1].size

    @property
    def positions(self) -> Integers:
        """Position of each trace on the grid, counted along crosslines first."""
        inline, crossline = (
            (numbers - int(axis.first)) // int(axis.step)
            for axis, numbers in zip(self.axes, (self.inline, self.crossline), strict=True)
        )
        return inline * self.shape[1] + crossline


def line_places(file: SegyFile, iline: int, xline: int) -> tuple[Place, Place]:
    """Places of the line numbers that start at bytes `iline` and `xline`.

    Raises
    ------
    SurveyError
        If one lies outside the trace header.
    """
    for option, byte in (("--iline", iline), ("--xline", xline)):
        if not 1 <= byte <= file.header - 3:
            raise SurveyError(
                f"{option} {byte} for {file.path}",
                expected=f"the first of four bytes of the trace header, 1 to {file.header - 3}",
                do=f"correct {option}",
            )
    return Place(iline), Place(xline)


def volume_geometry(lines: Lines) -> Geometry:
    """A volume by its line numbers, whatever the order of the traces.

    Raises
    ------
    SurveyError
        If the numbers do not tell the traces apart, or spread over a grid that is nearly empty.
    """
    file, shape = lines.file, lines.shape
    if file.traces > 1 and shape == (1, 1):
        raise SurveyError(
            f"all {file.traces:,} traces of {file.path} have inline {lines.inline[0]} and crossline "
            f"{lines.crossline[0]} at {lines.place}",
            expected="line numbers that differ from trace to trace",
            do=_other_bytes(lines),
        )
    if shape[0] * shape[1] > MOST_EMPTY * max(file.traces, 100):
        raise _blown_up(lines)
    positions = lines.positions
    traces = np.arange(file.traces)
    index = np.full(shape[0] * shape[1], -1, np.int64)
    index[positions] = traces
    doubled = np.flatnonzero(index[positions] != traces)
    if doubled.size:
        raise _duplicates(lines, doubled, int(index[positions[doubled[0]]]))
    places = {"inline": _words(lines.bytes[0]), "crossline": _words(lines.bytes[1])}
    return Geometry(lines.axes, index.reshape(shape), places)


def _words(byte: int) -> str:
    return f"trace header bytes {byte}-{byte + 3}"


def _axis(name: str, numbers: Integers) -> Axis:
    """The coarsest regular axis that has all the numbers."""
    distinct = np.unique(numbers)
    step = int(np.gcd.reduce(np.diff(distinct))) if distinct.size > 1 else 1
    first = int(distinct[0])
    return Axis(name, first, step, (int(distinct[-1]) - first) // step + 1)


def _blown_up(lines: Lines) -> SurveyError:
    """Line numbers over a grid that is nearly empty; the outliers are named."""
    outliers = [
        f"{name} {numbers[trace]} (trace {trace + 1:,})"
        for name, numbers in (("inline", lines.inline), ("crossline", lines.crossline))
        for trace in _outliers(numbers)[:3]
    ]
    found = f"; far from the others: {', '.join(outliers)}" if outliers else ""
    return SurveyError(
        f"the {lines.file.traces:,} traces of {lines.file.path} spread over {lines.shape[0]:,} inlines × "
        f"{lines.shape[1]:,} crosslines at {lines.place}{found}",
        expected=f"a grid with a trace at one position in {MOST_EMPTY} at least",
        do=f"correct the headers of the traces that are far off; else {_other_bytes(lines)}",
    )


def _outliers(numbers: Integers) -> Integers:
    """Traces whose number lies far outside the range of the middle 98 %."""
    low, high = np.percentile(numbers, (1, 99), method="nearest")
    reach = 2 * (high - low) + 100
    return np.flatnonzero((numbers < low - reach) | (numbers > high + reach))


def _duplicates(lines: Lines, doubled: Integers, last: int) -> SurveyError:
    """Several traces at one position; the first pair is named."""
    first = int(doubled[0])
    return SurveyError(
        f"{lines.file.path} has duplicates: {doubled.size:,} of its {lines.file.traces:,} traces share inline and "
        f"crossline ({lines.place}) with a later one, such as traces {first + 1:,} and {last + 1:,} (inline "
        f"{lines.inline[first]}, crossline {lines.crossline[first]})",
        expected="one trace at each inline and crossline",
        do=f"stack or thin the file if it is prestack; else {_other_bytes(lines)}",
    )


def _other_bytes(tried: Lines) -> str:
    """What to pass instead of header bytes that did not serve."""
    candidates = [
        f"bytes {iline} and {xline} would give {shape[0]:,} × {shape[1]:,} lines: pass --iline {iline} --xline {xline}"
        for iline, xline, shape in _candidates(tried)
    ]
    others = candidates or ["pass the bytes of the line numbers with --iline and --xline"]
    return "; ".join([*others, "for a 2-D line pass --geometry line"])


def _candidates(tried: Lines) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Bytes whose numbers tell all traces apart on a grid that is at least half full, and the grid's shape."""
    file = tried.file
    bytes_ = sorted({byte for pair in CANDIDATES for byte in pair})
    numbers = dict(zip(bytes_, file.fields(*(Place(byte) for byte in bytes_)), strict=True))
    for iline, xline in CANDIDATES:
        lines = Lines(file, (iline, xline), numbers[iline], numbers[xline])
        full = file.traces <= lines.shape[0] * lines.shape[1] <= 2 * file.traces and min(lines.shape) > 1
        if (iline, xline) != tried.bytes and full and np.unique(lines.positions).size == file.traces:
            yield iline, xline, lines.shape
