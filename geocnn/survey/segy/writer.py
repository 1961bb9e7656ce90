"""Writing SEG-Y: beside an input with all its headers, or afresh."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geocnn.grid import Window
from geocnn.output import NewFile
from geocnn.survey.disk import OpenFile
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.segy.copied import Origin, copied_file, origins_of
from geocnn.survey.segy.formats import decode, encode, inexact
from geocnn.survey.segy.fresh import fresh_file
from geocnn.survey.segy.geometry import further_traces
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.segy_file import Integers, SegyFile
from geocnn.survey.segy.trace_writer import Shifts, TraceWriter
from geocnn.survey.segy.traces import TraceReader
from geocnn.survey.survey import BoolArray, FloatArray, NewSurvey, SurveyWriter

__all__ = ["SegyWriter"]

COPIED = 16 * 2**20
"""Bytes of traces that are copied at once."""


class SegyWriter(SurveyWriter):
    """A SEG-Y file that is written window by window.

    Parameters
    ----------
    new
        The file that it becomes.
    file
        Layout of what is written; at its path is a file that has all headers already.
    index
        Number of the trace at each position, −1 where there is none, (C, \\*lateral).
    repeats
        Flat positions in `index`, and the numbers of further traces there, which get the same samples; (k, 2).
    shifts
        Samples by which each trace starts later than the sample axis, (traces,); none if none does.
    """

    def __init__(
        self,
        new: NewFile,
        file: SegyFile,
        index: Integers,
        repeats: Integers | None = None,
        shifts: Shifts | None = None,
    ) -> None:
        self._new = new
        self._file = file
        self._index = index
        self._repeats = np.empty((0, 2), np.int64) if repeats is None else repeats
        self._shifts = shifts
        self._origins: tuple[Origin, ...] = ()
        with new.errors():
            self._traces = TraceWriter(file, OpenFile(file.path))

    @classmethod
    def like(cls, target: NewFile, survey: SegySurvey | JoinedSurvey, new: NewSurvey) -> SegyWriter:
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
        file = copied_file(target, origins, new)
        shifts = [origin.shifts for origin in origins]
        delayed = np.concatenate(shifts) if any(each.any() for each in shifts) else None
        index, repeats = _laid(survey, origins, new.channels)
        writer = cls(target, file, index, repeats, delayed)
        writer._origins = origins
        return writer

    @classmethod
    def fresh(cls, target: NewFile, new: NewSurvey, present: BoolArray | None = None) -> SegyWriter:
        """A writer of a file with headers of its own, with traces where `present` (\\*lateral) is True, or everywhere.

        Of several channels all traces are written: where some are missing, `present` does not tell which.

        Raises
        ------
        OutputError
            If SEG-Y cannot hold the grid, or the file cannot be written.
        """
        held = np.ones(new.grid.lateral, np.bool_) if present is None or new.channels > 1 else present
        file = fresh_file(target, new, held)
        index = np.full((new.channels, *held.shape), -1, np.int64)
        # The traces of a gather lie together.
        index[:, held] = np.arange(file.traces).reshape(-1, new.channels).T
        return cls(target, file, index)

    def write(self, window: Window, samples: FloatArray) -> None:
        numbers, rows = self._held(window)
        raw, clipped = encode(samples.reshape(-1, samples.shape[-1]), self._file.sample_format, self._file.order)
        self.clipped += clipped
        with self._new.errors():
            self._traces.write(numbers, window.start[-1], raw, rows, self._shifts)

    def sync(self) -> None:
        with self._new.errors():
            self._traces.content.sync()

    def checksum(self, window: Window) -> int:
        numbers, _ = self._held(window)
        with self._new.errors():
            return self._traces.checksum(numbers, window.start[-1], window.stop[-1], self._shifts)

    def _held(self, window: Window) -> tuple[Integers, Integers]:
        """Numbers of the traces in a window that the file holds, and the row of samples (C · traces, w) of each."""
        numbers = self._index[(slice(None), *window.slices[:-1])].ravel()
        rows = np.arange(numbers.size)
        if len(self._repeats):
            more = further_traces(self._repeats, self._index.shape, window.slices[:-1])
            rows, numbers = np.concatenate([rows, more[0]]), np.concatenate([numbers, more[1]])
        held = numbers >= 0
        return numbers[held], rows[held]

    @property
    def traces(self) -> int:
        """Number of traces."""
        return self._file.traces

    @property
    def is_like(self) -> bool:
        """Whether the headers are those of another file or files, whose traces can be copied one after the other."""
        return bool(self._origins)

    @property
    def is_native(self) -> bool:
        """Whether samples of the file that this one is like can be copied as they lie there."""
        return self.is_like and all(self._has_format_of(origin.file) for origin in self._origins)

    def copy_samples(self) -> Iterator[tuple[int, int]]:
        """Copy all samples from the file or files that this one is like; yields traces done, and samples rounded.

        They stay bit for bit where they have the format of this file, else go by way of float32. Traces are copied one
        after the other as they lie in the file, not by their positions: further traces at a position keep samples of
        their own.
        """
        done = rounded = 0
        for origin in self._origins:
            file = origin.file
            reader = TraceReader(file, None)
            block = max(1, COPIED // file.trace_bytes)
            for start in range(0, origin.count, block):
                numbers = origin.numbers[start : start + block]
                raw = reader.raw(numbers, 0, file.samples)
                if not self._has_format_of(file):
                    rounded += inexact(raw, file.sample_format)
                    samples = decode(raw, file.sample_format, file.order)
                    raw, clipped = encode(samples, self._file.sample_format, self._file.order)
                    self.clipped += clipped
                rows = np.arange(numbers.size)
                with self._new.errors():
                    self._traces.write(done + rows, 0, raw, rows)
                done += numbers.size
                yield done, rounded

    def _has_format_of(self, file: SegyFile) -> bool:
        return (file.sample_format, file.order) == (self._file.sample_format, self._file.order)

    def commit(self) -> None:
        self._traces.content.close()
        self._new.publish()

    def discard(self) -> None:
        self._traces.content.close()
        self._new.discard()


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
