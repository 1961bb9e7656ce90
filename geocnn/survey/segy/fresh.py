"""The headers of a SEG-Y file that is made afresh."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid
from geocnn.output import NewFile
from geocnn.survey.disk import AT_ONCE, OpenFile, reserve
from geocnn.survey.segy.formats import IEEE, ByteOrder, format_named
from geocnn.survey.segy.segy_file import HEAD_BYTES, HEADER_BYTES, SegyFile
from geocnn.survey.segy.text import TEXT_BYTES, fresh_text
from geocnn.survey.survey import BoolArray, Coordinates, NewSurvey

__all__ = ["INTERVALS", "MOST_SAMPLES", "fits_headers", "fresh_file", "fresh_head", "write_headers"]

BYTES = {"inline": 189, "crossline": 193, "trace": 21, "offset": 37, "record": 9, "channel": 13}
"""First bytes of the numbers of axes in new trace headers."""

LATERAL = (("inline", "crossline"), ("trace",), ("inline", "crossline", "offset"), ("trace", "offset"),
           ("record", "channel"))  # fmt: skip
"""Axes of traces that are written."""

MOST = 2**31 - 1
"""Largest number of a field of four bytes."""

MOST_SAMPLES = 65535
"""Largest sample count of the fields of two bytes."""

INTERVALS = "an interval of 0.001 to 32.767, in whole thousandths"
"""What headers can tell of a sample interval."""

HEADERS = 2**16
"""Trace headers made at once."""

SHORT = 2**14
"""Bytes of a trace up to which headers are written with zeros between them: that is faster than one by one, and at most
twice as much for the disk, which writes pages of 4096."""


def fresh_file(target: NewFile, new: NewSurvey, held: BoolArray) -> SegyFile:
    """A file that becomes `target`, with everything but the samples, with traces where `held` (\\*lateral) is True.

    Raises
    ------
    OutputError
        If SEG-Y cannot hold the grid, or the file cannot be written.
    """
    path = target.path
    su = path.suffix.lower() == ".su"
    sample_format = format_named(new.sample_format) if new.sample_format else IEEE
    _require_possible(path, new, su=su)
    lines = [axis.name for axis in new.grid.axes[:-1]] + (["offset"] if new.channels > 1 else [])
    places = ", ".join(f"{name} bytes {BYTES[name]}-{BYTES[name] + 3}" for name in lines)
    head = b"" if su else bytearray(fresh_head(new, ">", new.grid.shape[-1], places))
    if isinstance(head, bytearray):
        head[3224:3226] = struct.pack(">h", sample_format.code)
    traces = int(held.sum()) * new.channels
    file = SegyFile(target.place, bytes(head), ">", sample_format, len(head), HEADER_BYTES, new.grid.shape[-1], traces)
    target.begin(file.end, lambda scratch: _make(scratch, file, new, np.argwhere(held)))
    return file


def fresh_head(new: NewSurvey, order: ByteOrder, samples: int, places: str) -> bytes:
    """Text and binary header, revision 1, with traces of one length."""
    interval = round(1000 * new.grid.axes[-1].step)
    header = bytearray(HEAD_BYTES - TEXT_BYTES)
    fields = {
        3213: new.channels,  # traces in an ensemble
        3217: interval,
        3219: interval,
        3221: samples,
        3223: samples,
        3225: IEEE.code,
        3255: 1,  # metres
        3501: 0x0100,
        3503: 1,  # all traces are of one length
    }
    for byte, value in fields.items():
        struct.pack_into(f"{order if byte != 3501 else '>'}H", header, byte - 1 - TEXT_BYTES, value)
    return fresh_text(new.provenance, new.domain, places) + bytes(header)


def _require_possible(path: Path, new: NewSurvey, *, su: bool) -> None:
    """Refuse what SEG-Y cannot hold."""
    grid = new.grid
    lines, vertical = grid.axes[:-1], grid.axes[-1]
    names = tuple(axis.name for axis in lines)
    limits = (
        (vertical.name == "sample" and names in LATERAL, "a line, a volume, gathers or shots of traces"),
        (new.channels == 1 or "offset" not in names, "channels or an offset axis, not both"),
        (vertical.size <= MOST_SAMPLES, f"at most {MOST_SAMPLES:,} samples in a trace"),
        (fits_headers(vertical.step), INTERVALS),
        (_delay(vertical.first) is not None, "a first sample that 16 bits and a scalar can tell"),
        (all(map(_numbers_lines, lines)), "whole line numbers, of at most 32 bits"),
        (new.coordinates is None or _divisor(new.coordinates), "coordinates that 32 bits and a scalar can tell"),
        (not su or new.sample_format in (None, "ieee"), "samples of the format ieee in Seismic Unix"),
    )
    for possible, expected in limits:
        if not possible:
            raise OutputError(
                f"{path} cannot be SEG-Y: the axes are {grid}, channels {new.channels}",
                expected=expected,
                do="write to HDF5, such as out.h5",
            )


def fits_headers(step: float) -> bool:
    """Whether headers can tell a sample interval, in ms or m."""
    return _whole(1000 * step) and 1 <= round(1000 * step) <= 32767


def _numbers_lines(axis: Axis) -> bool:
    return _whole(axis.first) and _whole(axis.step) and max(abs(axis.first), abs(axis.last)) <= MOST


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 * max(1, abs(value))


def _delay(first: float) -> tuple[int, int] | None:
    """Header values of a first sample, and of the scalar that divides it if negative; none if 16 bits can't tell it."""
    for divisor in (1, 10, 100, 1000):
        if _whole(first * divisor) and abs(first * divisor) <= 32767:
            return round(first * divisor), 0 if divisor == 1 else -divisor
    return None


def _make(path: Path, file: SegyFile, new: NewSurvey, positions: NDArray[np.int64]) -> None:
    """Make the file at its full length, with everything but the samples."""
    reserve(path, file.end)
    with closing(OpenFile(path)) as content:
        content.write(np.frombuffer(file.head, np.uint8), 0)
        for first, headers in _headers(file, new, positions):
            write_headers(file, content, first, headers)


def write_headers(file: SegyFile, content: OpenFile, first: int, headers: NDArray[np.uint8]) -> None:
    """Write headers (n, header) of traces from `first` on into a file that has no samples yet."""
    if file.offsets is not None or file.trace_bytes > SHORT:
        for number, header in enumerate(headers, start=first):
            content.write(header, file.offset(number))
        return
    most = AT_ONCE // file.trace_bytes
    for begin in range(0, len(headers), most):
        some = headers[begin : begin + most]
        traces = np.zeros((len(some), file.trace_bytes), np.uint8)
        traces[:, : file.header] = some
        content.write(traces, file.offset(first + begin))


def _headers(file: SegyFile, new: NewSurvey, positions: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Trace headers (n, 240), a block of traces at a time, and the first; `positions` (n, lateral axes) have traces."""
    grid = new.grid
    vertical = grid.axes[-1]
    delay, scalar = _delay(vertical.first) or (0, 0)
    fixed = {29: 1, 109: delay, 115: vertical.size, 117: round(1000 * vertical.step), 215: scalar}
    divisor = 1 if new.coordinates is None else _divisor(new.coordinates) or 1
    for start in range(0, file.traces, HEADERS):
        traces = np.arange(start, min(start + HEADERS, file.traces))
        made = np.zeros((traces.size, HEADER_BYTES), np.uint8)
        for byte in (1, 5):
            _put(made, byte, traces + 1, ">i4")
        for byte, value in fixed.items():
            _put(made, byte, np.full(traces.size, value), ">u2" if value > 32767 else ">i2")
        at = positions[traces // new.channels]
        _put_numbers(made, grid, at)
        if new.channels > 1:
            _put(made, BYTES["offset"], traces % new.channels + 1, ">i4")
        if new.coordinates is not None:
            _put_coordinates(made, new.coordinates[(slice(None), *at.T)], divisor)
        yield start, made


def _put_numbers(made: NDArray[np.uint8], grid: Grid, at: NDArray[np.int64]) -> None:
    """Put the numbers of all lateral axes."""
    axes: list[tuple[Axis, NDArray[np.int64]]] = list(zip(grid.axes, at.T, strict=False))
    for axis, position in axes:
        _put(made, BYTES[axis.name], np.rint(axis.first + position * axis.step), ">i4")


DIVISORS = (1, 10, 100, 1000, 10_000)
"""What coordinates in headers may be divided by."""


def _divisor(coordinates: Coordinates) -> float | None:
    """Power of ten by which coordinates become whole numbers of 32 bits, the least that is exact enough.

    That is to half a centimetre, or a hundred-thousandth of the survey's extent where that is less, as of degrees.
    Below 1 where coordinates are large; None if 32 bits hold them at no scale.
    """
    known = coordinates[:, np.isfinite(coordinates).all(axis=0)]
    if not known.size:
        return 1
    largest = float(np.abs(known).max())
    fitting = [divisor for divisor in DIVISORS if largest * divisor < MOST]
    if not fitting:
        return next((1 / factor for factor in DIVISORS[1:] if largest / factor < MOST), None)
    enough = min(0.005, 1e-5 * float(np.ptp(known, axis=1).max())) * (1 + 1e-6)
    errors = {divisor: float(np.abs(np.rint(known * divisor) / divisor - known).max()) for divisor in fitting}
    return next((divisor for divisor in fitting if errors[divisor] <= enough), fitting[-1])


def _put_coordinates(made: NDArray[np.uint8], coordinates: Coordinates, divisor: float) -> None:
    """Put X and Y (2, n) and their scalar, a divisor if negative; unknown ones are 0."""
    _put(made, 71, np.full(len(made), -divisor if divisor > 1 else round(1 / divisor)), ">i2")
    known = np.where(np.isfinite(coordinates).all(axis=0), coordinates, 0)
    for byte, values in zip((181, 185), known, strict=True):
        _put(made, byte, np.rint(values * divisor), ">i4")


def _put(headers: NDArray[np.uint8], byte: int, values: NDArray[Any], kind: str) -> None:
    """Put a field into headers (traces, 240) by its first byte, counted from 1."""
    field = values.astype(kind)[:, None].view(np.uint8)
    headers[:, byte - 1 : byte - 1 + field.shape[1]] = field
