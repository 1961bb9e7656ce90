"""Space on a disk, taken before it is needed."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["reserve"]


def reserve(path: Path, size: int) -> None:
    """Make a file `size` bytes long, with zeros behind its end, so that a full disk is noticed now.

    A mapped file that meets a full disk later would kill the process.

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
