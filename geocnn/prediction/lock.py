"""A lock between processes, on this machine or on others that share a file system."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from geocnn.errors import OutputError
from geocnn.output import output_error

__all__ = ["Lock"]


class Lock:
    """A file that one process at a time can have for itself; the system gives it back if the process dies.

    A context manager, which gives it back. A process must not open the file a second time while it has the lock: by
    POSIX, closing any descriptor of a file gives up all locks on it.

    Parameters
    ----------
    path
        Made if it is not there.

    Raises
    ------
    OutputError
        If it cannot be made, or its file system knows no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise output_error(path, error) from error

    def take(self) -> bool:
        """Take the lock; False if another process has it."""
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise OutputError(
                f"{self._path} cannot be locked: {error.strerror}",
                expected="a file system on which processes can lock files",
                do="write elsewhere, or have locks switched on (Lustre: mount option flock)",
            ) from error
        return True

    @property
    def is_current(self) -> bool:
        """Whether the file that was opened still lies under its name: who had the lock before may have removed it."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self._path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Give it back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
