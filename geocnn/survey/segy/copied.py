"""The headers of a new SEG-Y file, copied from the file or files that it is like."""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.grid import Axis
from geocnn.output import NewFile
from geocnn.survey.disk import OpenFile, reserve
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.segy.formats import IEEE, format_named
from geocnn.survey.segy.fresh import INTERVALS, MOST_SAMPLES, fits_headers, fresh_head, write_headers
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.segy_file import HEAD_BYTES, HEADER_BYTES, Integers, SegyFile
from geocnn.survey.segy.text import TEXT_BYTES, fill_blank_lines
from geocnn.survey.survey import NewSurvey, Survey

__all__ = ["Origin", "copied_file", "is_copyable", "origins_of"]


FORMAT_CODE = slice(3224, 3226)


@dataclass(frozen=True)
class Origin:
    """Traces of one SEG-Y survey that go into a new file.

    Parameters
    ----------
    survey
        The survey.
    channels
        Channels of the new file: those of the survey, or one.
    """

    survey: SegySurvey
    channels: int

    @property
    def file(self) -> SegyFile:
        """Layout of its file."""
        return self.survey.file

    @cached_property
    def firsts(self) -> Integers:
        """Number of the first trace of the gather at each position, −1 where there is none, (\\*lateral)."""
        index = self.survey.index
        chosen = (index >= 0).argmax(axis=0)
        return np.asarray(np.take_along_axis(index, chosen[None], axis=0)[0])

    @cached_property
    def numbers(self) -> Integers:
        """Numbers of the traces that are copied, in their order in the file."""
        if self.channels == self.survey.channels:
            return np.arange(self.file.traces)
        return np.sort(self.firsts[self.firsts >= 0])

    @property
    def count(self) -> int:
        """How many traces are copied."""
        return self.numbers.size

    @cached_property
    def shifts(self) -> NDArray[np.int32]:
        """Samples by which each copied trace starts later than the axis of the survey."""
        shifts = self.survey.shifts
        return np.zeros(self.count, np.int32) if shifts is None else shifts[self.numbers]

    def renumbered(self, numbers: Integers) -> Integers:
        """Numbers in the new file of traces by their numbers in this one; −1 stays."""
        if self.count == self.file.traces:
            return numbers
        return np.where(numbers >= 0, np.searchsorted(self.numbers, numbers), -1)


def is_copyable(survey: Survey, new: NewSurvey) -> bool:
    """Whether headers can be taken from a survey: it is in SEG-Y, on the same grid, of one layout in all its files."""
    parts = survey.surveys if isinstance(survey, JoinedSurvey) else (survey,)
    if survey.grid != new.grid or not all(isinstance(part, SegySurvey) for part in parts):
        return False
    surveys = cast(tuple[SegySurvey, ...], parts)
    layouts = {(part.file.order, part.file.header, part.file.samples, part.file.su) for part in surveys}
    alone = len(surveys) == 1
    uniform = all(part.file.offsets is None for part in surveys)
    same_axis = all(part.grid.axes[-1] == new.grid.axes[-1] for part in surveys)
    return new.channels in (1, survey.channels) and (alone or (len(layouts) == 1 and uniform and same_axis))


def origins_of(survey: SegySurvey | JoinedSurvey, channels: int) -> tuple[Origin, ...]:
    """The surveys whose traces are copied, in order."""
    parts = survey.surveys if isinstance(survey, JoinedSurvey) else (survey,)
    return tuple(Origin(cast(SegySurvey, part), channels) for part in parts)


def copied_file(target: NewFile, origins: tuple[Origin, ...], new: NewSurvey) -> SegyFile:
    """A file that becomes `target`, with everything but the samples.

    Raises
    ------
    OutputError
        If the file cannot be written, or a Seismic Unix file would have other samples than floats.
    """
    source, path = origins[0].file, target.path
    file = replace(
        source,
        path=target.place,
        sample_format=format_named(new.sample_format) if new.sample_format else IEEE,
        traces=sum(origin.count for origin in origins),
        trailing=0,
        remarks=(),
    )
    file = _lengths_of(origins[0], file) if source.offsets is not None else file
    # Seismic Unix has no file header, and SEG-Y must have one.
    unix = path.suffix.lower() == ".su"
    if unix != source.su:
        _require_interval(path, new.grid.axes[-1])
    file = _headless(path, file) if unix else _headed(file, source, new)
    with target.errors():
        extended, trailer = _around(file, source)
    target.begin(file.end + len(trailer), lambda scratch: _make(scratch, file, extended, trailer, origins))
    return file


def _require_interval(path: Path, vertical: Axis) -> None:
    """Refuse a sample interval that new headers cannot tell."""
    if not fits_headers(vertical.step):
        raise OutputError(
            f"{path} cannot tell the sample interval {vertical.step:g} {vertical.unit}",
            expected=INTERVALS,
            do="check --dt, or write to HDF5, such as out.h5",
        )


def _headless(path: Path, file: SegyFile) -> SegyFile:
    limits = (
        (file.sample_format == IEEE, f"a {file.sample_format.words} a sample", "4-byte IEEE floats", "--format ieee"),
        (file.header == HEADER_BYTES, f"trace headers of {file.header} bytes", f"{HEADER_BYTES} bytes", "SEG-Y"),
        (file.samples <= MOST_SAMPLES, f"{file.samples:,} samples a trace", f"at most {MOST_SAMPLES:,}", "SEG-Y"),
    )
    for possible, found, expected, instead in limits:
        if not possible:
            raise OutputError(f"{path} cannot be Seismic Unix: {found}", expected=expected, do=f"write {instead}")
    return _moved(replace(file, head=b""), 0)


def _headed(file: SegyFile, source: SegyFile, new: NewSurvey) -> SegyFile:
    """With text and binary header: the source's, or new ones where that is Seismic Unix."""
    head = bytearray(fresh_head(new, file.order, file.samples, "headers of Seismic Unix") if source.su else source.head)
    head[:TEXT_BYTES] = fill_blank_lines(bytes(head[:TEXT_BYTES]), new.provenance)
    head[FORMAT_CODE] = struct.pack(f"{file.order}h", file.sample_format.code)
    return _moved(replace(file, head=bytes(head)), HEAD_BYTES if source.su else source.start)


def _moved(file: SegyFile, start: int) -> SegyFile:
    """The same with the first trace at byte `start`."""
    offsets = None if file.offsets is None else file.offsets - file.start + start
    return replace(file, start=start, offsets=offsets)


def _lengths_of(origin: Origin, file: SegyFile) -> SegyFile:
    """Where traces of different lengths lie if their samples have another size."""
    lengths = np.array([origin.file.length(number) for number in origin.numbers.tolist()], np.int64)
    sizes = file.header + lengths * file.sample_format.bytes
    return replace(file, lengths=lengths, offsets=file.start + np.cumsum(sizes) - sizes)


def _around(file: SegyFile, source: SegyFile) -> tuple[bytes, bytes]:
    """What is copied before the first trace, behind the 3600 bytes, and after the last."""
    if file.su or source.su:
        return b"", b""
    return _bytes(source.path, HEAD_BYTES, source.start), b"" if source.trailing else _bytes(source.path, source.end)


def _make(path: Path, file: SegyFile, extended: bytes, trailer: bytes, origins: tuple[Origin, ...]) -> None:
    """Make the file at its full length, with everything but the samples."""
    reserve(path, file.end + len(trailer))
    with closing(OpenFile(path)) as content:
        for part, offset in ((file.head + extended, 0), (trailer, file.end)):
            content.write(np.frombuffer(part, np.uint8), offset)
        first = 0
        for origin in origins:
            _copy_headers(origin, file, content, first)
            first += origin.count


def _bytes(path: Path, start: int, stop: int | None = None) -> bytes:
    """Bytes start to stop of a file, or to its end."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(-1 if stop is None else stop - start)


HEADERS = 2**13
"""Trace headers copied at once."""


def _copy_headers(origin: Origin, target: SegyFile, content: OpenFile, first: int) -> None:
    """Copy trace headers as they are, into traces from `first` on."""
    source = origin.file
    for start in range(0, origin.count, HEADERS):
        headers = _headers(source, origin.numbers[start : start + HEADERS])
        if target.su and not source.su:
            lengths = [source.length(number) for number in origin.numbers[start : start + HEADERS].tolist()]
            _put(headers, 115, np.array(lengths, f"{source.order}u2"))
            interval = round(1000 * origin.survey.grid.axes[-1].step)
            _put(headers, 117, np.full(len(headers), interval, f"{source.order}u2"))
        write_headers(target, content, first + start, headers)


def _headers(file: SegyFile, numbers: Integers) -> NDArray[np.uint8]:
    """Bytes of the headers of traces by number, (n, header)."""
    if file.offsets is None:
        headers: NDArray[np.void] = file.map()["header"][numbers]
        return headers.view(np.uint8).reshape(len(numbers), file.header)
    content = np.memmap(file.path, np.uint8, "r")
    return np.asarray(content[file.offsets[numbers][:, None] + np.arange(file.header)])


def _put(headers: NDArray[np.uint8], byte: int, values: NDArray[np.uint16]) -> None:
    """Put a field of two bytes (n,) into headers by its first byte, counted from 1."""
    headers[:, byte - 1 : byte + 1] = values[:, None].view(np.uint8)
