"""Writing samples of traces by their numbers, and reading them back as they lie in the file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.disk import AT_ONCE, Bytes, OpenFile
from geocnn.survey.segy.segy_file import Integers, SegyFile
from geocnn.survey.survey import BoolArray

__all__ = ["Shifts", "TraceWriter"]

Shifts = NDArray[np.int32]


@dataclass(frozen=True)
class Run:
    """Samples of traces that follow one another in the file.

    Parameters
    ----------
    chosen
        Which of the traces that were asked for, in the order that `_runs` gives them.
    number
        Number of the first trace.
    offset
        First byte of its samples that are meant.
    size
        Bytes of these samples, of each trace. They are all samples of the trace if there are several traces.
    skipped
        Bytes of the window's samples that come before the first that the traces hold.
    """

    chosen: slice
    number: int
    offset: int
    size: int
    skipped: int

    @property
    def count(self) -> int:
        """How many traces they are."""
        return int(self.chosen.stop - self.chosen.start)

    @property
    def within(self) -> slice:
        """Its bytes among those of the window's samples of a trace."""
        return slice(self.skipped, self.skipped + self.size)


class TraceWriter:
    """The samples of a SEG-Y file that has all its headers already; no byte of other traces is ever written.

    Parameters
    ----------
    file
        Layout of the file.
    content
        Its bytes.
    """

    def __init__(self, file: SegyFile, content: OpenFile) -> None:
        self._file = file
        self.content = content

    def write(
        self, numbers: Integers, start: int, raw: NDArray[Any], rows: Integers, shifts: Shifts | None = None
    ) -> None:
        """Write rows of raw samples (R, w), which begin at `start` of the sample axis, into traces `numbers` (n,).

        Parameters
        ----------
        numbers, start, raw
            See above.
        rows
            Row of `raw` that goes into each of the traces, (n,).
        shifts
            Samples by which each trace of the file starts later than the sample axis, (traces,); none if none does.
        """
        content = np.ascontiguousarray(raw).reshape(len(raw), -1).view(np.uint8)
        order, runs = self._runs(numbers, start, start + raw.shape[1], shifts)
        rows = rows[order]
        for run in runs:
            if run.count == 1:
                self.content.write(content[rows[run.chosen.start], run.within], run.offset)
                continue
            block = self._block(run)
            block[:, self._file.header :] = content[_slice(rows[run.chosen]), run.within]
            # Without the first header: the last trace ends the run as its samples begin it.
            self.content.write(block.reshape(-1)[self._file.header :], run.offset)

    def checksum(self, numbers: Integers, start: int, stop: int, shifts: Shifts | None = None) -> int:
        """CRC-32 of the bytes of samples `start` to `stop` of traces `numbers`, in the order of the file.

        Traces that start earlier go before those that start later.
        """
        found = 0
        for run in self._runs(numbers, start, stop, shifts)[1]:
            single = run.count == 1
            samples = self.content.read(run.size, run.offset) if single else self._block(run)[:, self._file.header :]
            found = zlib.crc32(np.ascontiguousarray(samples).data, found)
        return found

    def _block(self, run: Run) -> Bytes:
        """Whole traces of a run with their headers, (n, trace bytes)."""
        length = self._file.trace_bytes
        return self.content.read(run.count * length, self._file.offset(run.number)).reshape(run.count, length)

    def _runs(self, numbers: Integers, start: int, stop: int, shifts: Shifts | None) -> tuple[Integers, Iterator[Run]]:
        """An order of the traces, and the runs in which it goes through their samples `start` to `stop`.

        Traces make one run where they follow one another, are meant over their whole length and are of one length, and
        are few enough to be held at once.
        """
        file = self._file
        of_each = np.zeros(numbers.size, np.int64) if shifts is None else shifts[numbers].astype(np.int64)
        lengths = np.full(numbers.size, file.samples) if file.lengths is None else file.lengths[numbers]
        first, last = np.maximum(start - of_each, 0), np.minimum(stop - of_each, lengths)
        order = np.lexsort((numbers, of_each))
        order = order[(first < last)[order]]
        numbers, of_each, first, last, lengths = (each[order] for each in (numbers, of_each, first, last, lengths))
        whole = (first == 0) & (last == lengths) & (file.offsets is None)
        starts = _starts(numbers, of_each, whole, max(1, AT_ONCE // file.trace_bytes))
        offsets = file.start + numbers * file.trace_bytes if file.offsets is None else file.offsets[numbers]
        size = file.sample_format.bytes
        fields = (
            numbers,
            offsets + file.header + first * size,
            (last - first) * size,
            (first + of_each - start) * size,
        )
        stops = np.append(starts, numbers.size)[1:].tolist()
        values = zip(starts.tolist(), stops, *(field[starts].tolist() for field in fields), strict=True)
        return order, (Run(slice(begin, end), *more) for begin, end, *more in values)


def _starts(numbers: Integers, shifts: Integers, whole: BoolArray, most: int) -> Integers:
    """Positions at which runs of at most `most` traces begin."""
    follows = np.zeros(numbers.size, np.bool_)
    follows[1:] = whole[1:] & whole[:-1] & (np.diff(numbers) == 1) & (np.diff(shifts) == 0)
    positions = np.arange(numbers.size)
    since = positions - np.maximum.accumulate(np.where(follows, 0, positions))
    return np.flatnonzero(since % most == 0)


def _slice(rows: Integers) -> slice | Integers:
    """Rows as a slice where they follow one another: what is chosen so need not be copied."""
    first, count = int(rows[0]), rows.size
    return slice(first, first + count) if np.array_equal(rows, np.arange(first, first + count)) else rows
