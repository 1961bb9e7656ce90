"""Reading traces by their numbers: gathered from the mapped file and decoded while they are in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.segy.formats import decode
from geocnn.survey.segy.segy_file import Integers, SegyFile
from geocnn.survey.survey import FloatArray

__all__ = ["TraceReader"]


BLOCK = 2**16
"""Samples gathered and decoded at once: they stay in a core's cache from the one to the other."""


class TraceReader:
    """Samples of traces, by number in the file and position on the sample axis.

    Parameters
    ----------
    file
        Layout of the file.
    shifts
        Samples by which each trace starts later than the sample axis, shape (traces,); none if none does.
    """

    def __init__(self, file: SegyFile, shifts: NDArray[np.int32] | None) -> None:
        self.file = file
        self.shifts = shifts

    def read(self, numbers: Integers, start: int, stop: int) -> FloatArray:
        """Samples `start` to `stop` of traces `numbers` (R, N), shape (R, N, stop − start).

        Traces with number −1, and what a trace does not hold, are zero.
        """
        self.file.require_whole()
        rows, columns = numbers.shape
        samples = np.empty((rows, columns, stop - start), np.float32)
        # Long rows are gathered fastest: they are slices of the file.
        along, target = (numbers.T, samples.swapaxes(0, 1)) if rows > columns else (numbers, samples)
        for first, raw in self._blocks(along, start, stop):
            into = target[first : first + len(raw)]
            direct = into if into.flags.c_contiguous else None
            decoded = decode(raw, self.file.sample_format, self.file.order, direct)
            if direct is None:
                into[...] = decoded
        return samples

    def raw(self, numbers: Integers, start: int, stop: int) -> NDArray[Any]:
        """The same samples as they lie in the file, of traces `numbers` (N,)."""
        self.file.require_whole()
        raw = self._buffer((len(numbers), stop - start))
        self._gather(numbers, start, stop, raw)
        return raw

    def _blocks(self, numbers: Integers, start: int, stop: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """First row, and raw samples, of a few rows of numbers at a time; the next block overwrites the last."""
        rows, columns = numbers.shape
        height = max(1, min(rows, BLOCK // max(1, columns * (stop - start))))
        buffer = self._buffer((height, columns, stop - start))
        regular = self._regular(numbers)
        for first in range(0, rows, height):
            block = buffer[: min(height, rows - first)]
            if regular is not None:
                block[...] = regular[first : first + height, :, start:stop]
            else:
                for row, into in zip(numbers[first : first + height], block, strict=True):
                    self._gather(row, start, stop, into)
            yield first, block

    def _regular(self, numbers: Integers) -> NDArray[Any] | None:
        """A view (R, N, S) of the mapped samples of traces whose numbers rise evenly along rows and columns."""
        if self.file.offsets is not None or self.shifts is not None:
            return None
        first = int(numbers[0, 0])
        down, across = (int(line[1] - line[0]) if line.size > 1 else 0 for line in (numbers[:, 0], numbers[0]))
        rows, columns = numbers.shape
        expected = first + down * np.arange(rows)[:, None] + across * np.arange(columns)
        if numbers.min() < 0 or not np.array_equal(numbers, expected):
            return None
        samples = self._samples[first : first + 1]
        trace, *within = samples.strides
        return np.lib.stride_tricks.as_strided(
            samples, (rows, columns, *samples.shape[1:]), (down * trace, across * trace, *within), writeable=False
        )

    def _buffer(self, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.empty((*shape, *self._sample.shape), self._sample.base)

    def _gather(self, numbers: Integers, start: int, stop: int, into: NDArray[Any]) -> None:
        """Copy the raw samples of a row of traces."""
        if self.file.offsets is not None:
            self._one_by_one(numbers, (start, stop), into)
        elif self.shifts is not None:
            self._shifted(numbers, self.shifts, (start, stop), into)
        else:
            self._picked(numbers, slice(start, stop), into)

    def _picked(self, numbers: Integers, samples: slice, into: NDArray[Any]) -> None:
        """Copy the same samples of any traces; those with number −1 become zero."""
        held = np.flatnonzero(numbers >= 0)
        # In the order of the file, whatever its sorting, so that the disk reads ahead.
        held = held[np.argsort(numbers[held], kind="stable")]
        if held.size < numbers.size:
            into[...] = 0
        into[held] = self._samples[:, samples][numbers[held]]

    def _shifted(self, numbers: Integers, shifts: NDArray[np.int32], span: tuple[int, int], into: NDArray[Any]) -> None:
        """Copy samples of traces that start later than the axis, those with one shift at a time."""
        into[...] = 0
        of_each = np.where(numbers >= 0, shifts[numbers], -1)
        for shift in np.unique(of_each[numbers >= 0]).tolist():
            first, last = max(span[0] - shift, 0), min(span[1] - shift, self.file.samples)
            if first < last:
                held = np.flatnonzero(of_each == shift)
                target = slice(first + shift - span[0], last + shift - span[0])
                into[held, target] = self._samples[:, first:last][numbers[held]]

    def _one_by_one(self, numbers: Integers, span: tuple[int, int], into: NDArray[Any]) -> None:
        """Copy samples of traces of different lengths."""
        into[...] = 0
        size = self.file.sample_format.bytes
        for place, number in enumerate(numbers.tolist()):
            if number < 0:
                continue
            shift = 0 if self.shifts is None else int(self.shifts[number])
            first, last = max(span[0] - shift, 0), min(span[1] - shift, self.file.length(number))
            if first < last:
                begin = self.file.offset(number) + self.file.header
                content = self._bytes[begin + first * size : begin + last * size].view(self._sample.base)
                content = content.reshape(-1, *self._sample.shape)
                into[place, first + shift - span[0] : last + shift - span[0]] = content

    @cached_property
    def _samples(self) -> NDArray[Any]:
        """Samples as they lie in the file, (traces, S); mapped by each process for itself."""
        samples: NDArray[Any] = self.file.map()["samples"]
        return samples

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        return np.memmap(self.file.path, np.uint8, "r")

    @property
    def _sample(self) -> np.dtype[Any]:
        """Type of a sample in the file; a few bytes where NumPy has no type of that size."""
        return np.dtype(self.file.sample_format.kind).newbyteorder(self.file.order)

    def __getstate__(self) -> dict[str, Any]:
        # A pickled map would carry the whole file.
        return {name: value for name, value in self.__dict__.items() if name not in {"_samples", "_bytes"}}
