"""An array in C order in a file, written and read back window by window."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.disk import AT_ONCE, OpenFile

__all__ = ["ArrayFile"]


class ArrayFile:
    """Numbers that lie in C order from byte `start` of a file on.

    Parameters
    ----------
    content
        The file.
    start
        Its first byte.
    shape, kind
        Of the array.
    """

    def __init__(self, content: OpenFile, start: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        self._content = content
        self._start = start
        self._shape = shape
        self._kind = kind

    def write(self, window: tuple[slice, ...], values: NDArray[Any]) -> None:
        """Write the values of a window, of its shape."""
        flat = np.ascontiguousarray(values, self._kind).reshape(-1)
        size, offsets = self._runs(window)
        for number, offset in enumerate(offsets):
            self._content.write(flat[number * size : (number + 1) * size], offset)

    def checksum(self, window: tuple[slice, ...]) -> int:
        """CRC-32 of the bytes of a window as they lie in the file, in C order."""
        found = 0
        size, offsets = self._runs(window)
        length = size * self._kind.itemsize
        for offset in offsets:
            for begin in range(0, length, AT_ONCE):
                piece = self._content.read(min(AT_ONCE, length - begin), offset + begin)
                found = zlib.crc32(piece.data, found)
        return found

    def sync(self) -> None:
        """Have everything that was written on the disk."""
        self._content.sync()

    def close(self) -> None:
        """Let go of the file; nothing if that was done."""
        self._content.close()

    def _runs(self, window: tuple[slice, ...]) -> tuple[int, Iterator[int]]:
        """Numbers of the window that lie in one piece in the file, and the first byte of each such piece.

        ::

            shape   512 × 384 × 256
            window  3:5 × 0:384 × 0:256   1 run of 2 · 384 · 256: trailing axes are whole
            window  3:5 × 7:9 × 0:256     2 runs of 2 · 256
            window  3:5 × 7:9 × 0:1       4 runs of 1
        """
        sizes = [chosen.stop - chosen.start for chosen in window]
        cut = max((axis for axis, size in enumerate(sizes) if size < self._shape[axis]), default=0)
        steps = [prod(self._shape[axis + 1 :]) * self._kind.itemsize for axis in range(len(self._shape))]
        inner = sum(chosen.start * step for chosen, step in zip(window[cut:], steps[cut:], strict=True))
        outer = product(*(range(chosen.start, chosen.stop) for chosen in window[:cut]))
        offsets = (self._start + inner + sum(map(int.__mul__, at, steps)) for at in outer)
        return prod(sizes[cut:]), offsets
