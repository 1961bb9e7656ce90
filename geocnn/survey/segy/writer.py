"""Writing SEG-Y: beside an input with all its headers, or afresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Window
from geocnn.output import output_error, publish
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.segy.copied import Origin, copied_file, origins_of
from geocnn.survey.segy.formats import encode
from geocnn.survey.segy.fresh import fresh_file
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.segy_file import BLOCK, SegyFile
from geocnn.survey.survey import BoolArray, FloatArray, NewSurvey, SurveyWriter

__all__ = ["SegyWriter"]

Integers = NDArray[np.int64]


class SegyWriter(SurveyWriter):
    """A SEG-Y file that is written window by window.

    Parameters
    ----------
    path
        Final name.
    file
        Layout of what is written; its path is the temporary file, which has all headers already.
    index
        Number of the trace at each position, −1 where there is none, (C, \\*lateral).
    repeats
        Flat positions in `index`, and the numbers of further traces there, which get the same samples; (k, 2).
    shifts
        Samples by which each trace starts later than the sample axis, (traces,); none if none does.
    """

    def __init__(
        self,
        path: Path,
        file: SegyFile,
        index: Integers,
        repeats: Integers | None = None,
        shifts: NDArray[np.int32] | None = None,
    ) -> None:
        self._path = path
        self._file = file
        self._index = index
        self._repeats = np.empty((0, 2), np.int64) if repeats is None else repeats
        self._shifts = shifts
        self._origins: tuple[Origin, ...] = ()
        varying = file.offsets is not None
        self._content: Any = np.memmap(file.path, np.uint8, "r+") if varying else file.map("r+")

    @classmethod
    def like(cls, path: Path, survey: SegySurvey | JoinedSurvey, new: NewSurvey) -> SegyWriter:
        """A writer of a file that loads where `survey` does.

        Trace headers, trace order and gaps are the same; so is the binary header but for the format code, and the
        text header but for its blank lines, which take the provenance. Of gathers that become one channel, the
        trace that is first has its header kept. What was in several files comes to be in one.

        Raises
        ------
        OutputError
            If the file cannot be written, or a Seismic Unix file would have other samples than floats.
        """
        origins = origins_of(survey, new.channels)
        file = copied_file(path, origins, new)
        shifts = [origin.shifts for origin in origins]
        delayed = np.concatenate(shifts) if any(each.any() for each in shifts) else None
        index, repeats = _laid(survey, origins, new.channels)
        writer = cls(path, file, index, repeats, delayed)
        writer._origins = origins
        return writer

    @classmethod
    def fresh(cls, path: Path, new: NewSurvey, present: BoolArray | None = None) -> SegyWriter:
        """A writer of a file with headers of its own, with traces where `present` (\\*lateral) is True, or everywhere.

        Raises
        ------
        OutputError
            If SEG-Y cannot hold the grid, or the file cannot be written.
        """
        held = np.ones(new.grid.lateral, np.bool_) if present is None else present
        file = fresh_file(path, new, held)
        index = np.full((new.channels, *held.shape), -1, np.int64)
        # The traces of a gather lie together.
        index[:, held] = np.arange(file.traces).reshape(-1, new.channels).T
        return cls(path, file, index)

    def write(self, window: Window, samples: FloatArray) -> None:
        lateral = (slice(None), *window.slices[:-1])
        numbers = self._index[lateral].ravel()
        rows = np.arange(numbers.size)
        raw, clipped = encode(samples.reshape(numbers.size, -1), self._file.sample_format, self._file.order)
        self.clipped += clipped
        if len(self._repeats):
            where = np.arange(self._index.size).reshape(self._index.shape)[lateral].ravel()
            order = np.argsort(where)
            at = np.searchsorted(where, self._repeats[:, 0], sorter=order).clip(max=where.size - 1)
            within = where[order[at]] == self._repeats[:, 0]
            rows = np.concatenate([rows, order[at][within]])
            numbers = np.concatenate([numbers, self._repeats[within, 1]])
        held = np.flatnonzero(numbers >= 0)
        # In the order of the file, so that the disk is written in one go.
        held = held[np.argsort(numbers[held], kind="stable")]
        self._put(numbers[held], window.start[-1], raw, rows[held])

    def _put(self, numbers: Integers, start: int, raw: NDArray[Any], rows: Integers) -> None:
        """Put rows of raw samples (R, w), which begin at `start` of the sample axis, into traces."""
        if self._file.offsets is not None:
            self._put_one_by_one(numbers, start, raw, rows)
            return
        shifts = np.zeros(numbers.size, np.int32) if self._shifts is None else self._shifts[numbers]
        for shift in np.unique(shifts).tolist():
            first, last = max(start - shift, 0), min(start + raw.shape[1] - shift, self._file.samples)
            if first < last:
                chosen = shifts == shift
                within = slice(first + shift - start, last + shift - start)
                self._content["samples"][numbers[chosen], first:last] = raw[rows[chosen], within]

    def _put_one_by_one(self, numbers: Integers, start: int, raw: NDArray[Any], rows: Integers) -> None:
        """The same where traces differ in length."""
        file = self._file
        size = file.sample_format.bytes
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            shift = 0 if self._shifts is None else int(self._shifts[number])
            first, last = max(start - shift, 0), min(start + raw.shape[1] - shift, file.length(number))
            if first < last:
                begin = file.offset(number) + file.header
                chosen = np.ascontiguousarray(raw[row, first + shift - start : last + shift - start])
                self._content[begin + first * size : begin + last * size] = chosen.reshape(-1).view(np.uint8)

    @property
    def traces(self) -> int:
        """Number of traces."""
        return self._file.traces

    @property
    def is_native(self) -> bool:
        """Whether samples of the file that this one is like can be copied as they lie there."""
        made = self._file.sample_format, self._file.order
        return bool(self._origins) and all((each.file.sample_format, each.file.order) == made for each in self._origins)

    def copy_samples(self) -> Iterator[int]:
        """Copy all samples as they lie in the file that this one is like; yields the number of traces done.

        Only where the writer `is_native`.
        """
        done = 0
        for origin in self._origins:
            block = max(1, BLOCK // origin.file.trace_bytes)
            for start in range(0, origin.count, block):
                numbers = origin.numbers[start : start + block]
                if self._file.offsets is None:
                    self._content["samples"][done : done + numbers.size] = origin.file.map()["samples"][numbers]
                else:
                    self._copy_one_by_one(origin, numbers, done)
                done += numbers.size
                yield done

    def _copy_one_by_one(self, origin: Origin, numbers: Integers, first: int) -> None:
        """Copy samples of traces of different lengths."""
        content = np.memmap(origin.file.path, np.uint8, "r")
        for target, number in enumerate(numbers.tolist(), start=first):
            size = origin.file.length(number) * origin.file.sample_format.bytes
            begin = self._file.offset(target) + self._file.header
            source = origin.file.offset(number) + origin.file.header
            self._content[begin : begin + size] = content[source : source + size]

    def commit(self) -> None:
        try:
            self._content.flush()
            publish(self._file.path, self._path)
        except OSError as error:
            raise output_error(self._path, error) from error

    def discard(self) -> None:
        self._file.path.unlink(missing_ok=True)


def _laid(survey: SegySurvey | JoinedSurvey, origins: tuple[Origin, ...], channels: int) -> tuple[Integers, Integers]:
    """Number in the new file of the trace at each position (C, \\*lateral), and further traces there (k, 2)."""
    if isinstance(survey, SegySurvey):
        (origin,) = origins
        index = survey.index if channels == survey.channels else origin.firsts[None]
        repeats = survey.repeats if channels == survey.channels else np.empty((0, 2), np.int64)
        known = origin.renumbered(repeats[:, 1])
        return origin.renumbered(index), np.stack([repeats[:, 0], known], axis=1)
    index = np.full((channels, *survey.grid.lateral), -1, np.int64)
    flat = np.arange(index.size).reshape(index.shape)
    before = 0
    doubled: list[Integers] = []
    for origin, part in zip(origins, survey.parts(survey.grid.whole), strict=True):
        inside, further = _laid(origin.survey, (origin,), channels)
        target = (slice(None), *part.target[:-1])
        index[target] = np.where(inside >= 0, inside + before, index[target])
        doubled.append(np.stack([flat[target].ravel()[further[:, 0]], further[:, 1] + before], axis=1))
        before += origin.count
    return index, np.concatenate(doubled)
