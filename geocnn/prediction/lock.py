"""A lock between processes, on this machine or on others that share a file system."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from geocnn.output import output_error

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows has no such locks: there one process works alone)
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lock"]


class Lock:
    """An exclusive lock on a file, which the system gives back if its process dies.

    A context manager, which releases it. A process must not open the file a second time while it holds the lock: by
    POSIX, closing any descriptor of a file gives up all locks on it.

    Parameters
    ----------
    path
        Made if it is not there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise output_error(path, error) from error

    def take(self) -> bool:
        """Take the lock; False if another process has it."""
        if fcntl is None:
            return True
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

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
