"""Space on a disk, taken before it is needed, and bytes of a file that several processes write."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AT_ONCE", "Bytes", "OpenFile", "reserve"]

Bytes = NDArray[np.uint8]

AT_ONCE = 4 * 2**20
"""Bytes that are held at most for one call of the system: few enough to stay in the cache from the one to the next."""


def reserve(path: Path, size: int) -> None:
    """Make a file `size` bytes long, with zeros behind its end, so that a full disk is noticed now.

    Hours of work would be lost if it were noticed later.

    Raises
    ------
    OSError
        If the disk has no room for it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.truncate(descriptor, size)
    finally:
        os.close(descriptor)


class OpenFile:
    """A file whose bytes are written and read in place.

    It is never mapped for writing. What is mapped is written by pages: machines that share a page of a network file
    system would overwrite each other's part of it. And a full disk would end the process instead of raising OSError.

    Parameters
    ----------
    path
        A file that exists, at its full length.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = os.open(path, os.O_RDWR)
        # Linux writes all of a page that it has read from a network file system, not only the bytes that it is given,
        # unless part of the file is locked. The lock is a shared one: no other writer waits for it.
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH, 1)

    def write(self, content: NDArray[Any], offset: int) -> None:
        """Write the bytes of an array in C order from byte `offset` on, and none beside them."""
        left = content.reshape(-1).view(np.uint8).data
        while left:
            # The system may write less than it was given, of a disk that fills up or of more than 2 GiB.
            written = os.pwrite(self._number, left, offset)
            left, offset = left[written:], offset + written

    def read(self, size: int, offset: int) -> Bytes:
        """The bytes `offset` to `offset + size`.

        Raises
        ------
        OSError
            If the file is shorter, besides what the system raises.
        """
        content = np.empty(size, np.uint8)
        left = content.data
        while left:
            count = os.preadv(self._number, [left], offset)
            if not count:
                raise OSError(f"{self._path} became shorter while it was written")
            left, offset = left[count:], offset + count
        return content

    def sync(self) -> None:
        """Have everything that was written on the disk."""
        os.fsync(self._number)

    def close(self) -> None:
        """Let go of the file; nothing if that was done."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def _number(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self._path} was closed")
        return self._descriptor
