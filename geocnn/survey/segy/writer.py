"""Writing SEG-Y: beside an input with all its headers, or afresh."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid, Window
from geocnn.output import output_error, publish, temporary_beside
from geocnn.survey.disk import reserve
from geocnn.survey.segy.formats import IEEE
from geocnn.survey.segy.layout import BLOCK, HEAD_BYTES, HEADER_BYTES, SegyFile
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.text import TEXT_BYTES, fill_blank_lines, fresh_text
from geocnn.survey.survey import FloatArray, NewSurvey, SurveyWriter

__all__ = ["SegyWriter"]

FORMAT_CODE = slice(3224, 3226)


class SegyWriter(SurveyWriter):
    """A SEG-Y file of 4-byte IEEE floats that is written window by window.

    Parameters
    ----------
    path
        Final name.
    file
        Layout of what is written; its path is the temporary file, which has all headers already.
    index
        Number of the trace at each position of the grid, −1 where there is none.
    """

    def __init__(self, path: Path, file: SegyFile, index: NDArray[np.int64]) -> None:
        self._path = path
        self._temporary = file.path
        self._index = index
        self._traces = file.map("r+")
        self._samples = self._traces["samples"]

    @classmethod
    def like(cls, path: Path, survey: SegySurvey, provenance: Sequence[str]) -> SegyWriter:
        """A writer of a file that loads where `survey` does.

        Trace headers, trace order and gaps are the same; so is the binary header but for the format code, and the
        text header but for its blank lines, which take the provenance.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        source = survey.file
        head = bytearray(source.head)
        head[:TEXT_BYTES] = fill_blank_lines(source.head[:TEXT_BYTES], provenance)
        head[FORMAT_CODE] = struct.pack(f"{source.order}h", IEEE.code)
        file = replace(source, path=temporary_beside(path), head=bytes(head), sample_format=IEEE)
        try:
            _begin(file, _bytes(source.path, HEAD_BYTES, source.start), _bytes(source.path, source.end))
            _copy_headers(source, file)
            return cls(path, file, survey.index)
        except OSError as error:
            file.path.unlink(missing_ok=True)
            raise output_error(path, error) from error

    @classmethod
    def fresh(cls, path: Path, new: NewSurvey) -> SegyWriter:
        """A writer of a file with headers of its own: inline numbers at byte 189, crossline numbers at byte 193.

        Raises
        ------
        OutputError
            If SEG-Y cannot hold the grid, or the file cannot be written.
        """
        _require_possible(path, new.grid)
        traces = prod(new.grid.lateral)
        lines = _LINES[new.grid.ndim - 1]
        places = ", ".join(f"{name} number bytes {byte}-{byte + 3}" for name, byte in lines.items())
        head = fresh_text(new.provenance, new.domain, places) + _binary_header(new.grid.axes[-1])
        samples = new.grid.shape[-1]
        file = SegyFile(temporary_beside(path), head, ">", IEEE, HEAD_BYTES, HEADER_BYTES, samples, traces)
        try:
            _begin(file, b"", b"")
            _make_headers(file, new.grid)
            return cls(path, file, np.arange(traces).reshape(new.grid.lateral))
        except OSError as error:
            file.path.unlink(missing_ok=True)
            raise output_error(path, error) from error

    def write(self, window: Window, samples: FloatArray) -> None:
        numbers = self._index[window.slices[:-1]].ravel()
        held = np.flatnonzero(numbers >= 0)
        held = held[np.argsort(numbers[held], kind="stable")]
        self._samples[numbers[held], window.slices[-1]] = samples[0].reshape(numbers.size, -1)[held]

    def commit(self) -> None:
        try:
            self._traces.flush()
            publish(self._temporary, self._path)
        except OSError as error:
            raise output_error(self._path, error) from error

    def discard(self) -> None:
        self._temporary.unlink(missing_ok=True)


def _bytes(path: Path, start: int, stop: int | None = None) -> bytes:
    """Bytes start to stop of a file, or to its end."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(-1 if stop is None else stop - start)


def _begin(file: SegyFile, extended: bytes, trailer: bytes) -> None:
    """Make the file at its full length, with everything that is no trace."""
    reserve(file.path, file.end + len(trailer))
    with file.path.open("r+b") as target:
        target.write(file.head + extended)
        target.seek(file.end)
        target.write(trailer)


def _copy_headers(source: SegyFile, target: SegyFile) -> None:
    """Copy every trace header as it is, a block of traces at a time."""
    of_source, of_target = source.map()["header"], target.map("r+")["header"]
    block = max(1, BLOCK // source.trace_bytes)
    for start in range(0, source.traces, block):
        of_target[start : start + block] = of_source[start : start + block]


_LINES = {2: {"inline": 189, "crossline": 193}, 1: {"trace": 21}}
"""First bytes of line numbers in new trace headers, by the number of lateral axes."""


def _require_possible(path: Path, grid: Grid) -> None:
    """Refuse grids that SEG-Y cannot hold."""
    names = tuple(axis.name for axis in grid.axes)
    lines, vertical = grid.axes[:-1], grid.axes[-1]
    interval = 1000 * vertical.step
    limits = (
        (names in (("inline", "crossline", "sample"), ("trace", "sample")), "a line or a volume of traces"),
        (vertical.size <= 65535, "at most 65,535 samples in a trace"),
        (_whole(interval) and 1 <= round(interval) <= 32767, "an interval of 0.001 to 32.767, in whole thousandths"),
        (_delay(vertical.first) is not None, "a first sample that 16 bits and a scalar can tell"),
        (all(_whole(axis.first) and _whole(axis.step) for axis in lines), "whole line numbers"),
    )
    for possible, expected in limits:
        if not possible:
            raise OutputError(
                f"{path} cannot be SEG-Y: the axes are {grid}", expected=expected, do="write to HDF5, such as out.h5"
            )


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 * max(1, abs(value))


def _delay(first: float) -> tuple[int, int] | None:
    """Header values of a first sample, and of the scalar that divides it if negative; none if 16 bits can't tell it."""
    for divisor in (1, 10, 100, 1000):
        if _whole(first * divisor) and abs(first * divisor) <= 32767:
            return round(first * divisor), 0 if divisor == 1 else -divisor
    return None


def _binary_header(vertical: Axis) -> bytes:
    """A binary header, revision 1, with traces of one length."""
    header = bytearray(HEAD_BYTES - TEXT_BYTES)
    fields = {
        3213: 1,  # traces in an ensemble
        3217: round(1000 * vertical.step),
        3219: round(1000 * vertical.step),
        3221: vertical.size,
        3223: vertical.size,
        3225: IEEE.code,
        3255: 1,  # metres
        3501: 0x0100,
        3503: 1,  # all traces are of one length
    }
    for byte, value in fields.items():
        struct.pack_into(">H", header, byte - 1 - TEXT_BYTES, value)
    return bytes(header)


def _make_headers(file: SegyFile, grid: Grid) -> None:
    """Fill in the trace headers of a new file, a block of traces at a time."""
    vertical = grid.axes[-1]
    delay, scalar = _delay(vertical.first) or (0, 0)
    fixed = {29: 1, 109: delay, 115: vertical.size, 117: round(1000 * vertical.step), 215: scalar}
    headers = file.map("r+")["header"]
    block = max(1, BLOCK // file.trace_bytes)
    for start in range(0, file.traces, block):
        traces = np.arange(start, min(start + block, file.traces))
        made = np.zeros((traces.size, HEADER_BYTES), np.uint8)
        for byte in (1, 5):
            _put(made, byte, traces + 1, ">i4")
        for byte, value in fixed.items():
            _put(made, byte, np.full(traces.size, value), ">u2" if value > 32767 else ">i2")
        positions = np.unravel_index(traces, grid.lateral)
        for byte, axis, position in zip(_LINES[grid.ndim - 1].values(), grid.axes, positions, strict=False):
            _put(made, byte, np.rint(axis.first + position * axis.step), ">i4")
        headers[traces] = made.view(headers.dtype)[:, 0]


def _put(headers: NDArray[np.uint8], byte: int, values: NDArray[Any], kind: str) -> None:
    """Put a field into headers (traces, 240) by its first byte, counted from 1."""
    field = values.astype(kind)[:, None].view(np.uint8)
    headers[:, byte - 1 : byte - 1 + field.shape[1]] = field
