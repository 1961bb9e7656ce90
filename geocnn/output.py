"""Files that appear whole under their final name, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geocnn.errors import OutputError

__all__ = ["output_error", "publish", "require_free", "temporary_beside", "whole_file"]


def require_free(path: Path, overwrite: bool = False) -> None:
    """Refuse early, before any work, a path that could not be written.

    Raises
    ------
    OutputError
        If the path exists (unless `overwrite`), is a folder, or lies in no writable folder.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder", expected="the name of a file to write", do="name a file in it")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists", expected="a name that is free", do="choose another, or pass --overwrite")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder", expected=f"a folder for {path.name}", do="make it first")
    probe = temporary_beside(path)
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise output_error(path, error) from error


@contextmanager
def whole_file(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`; it takes the final name when the block ends well, else it is removed.

    Raises
    ------
    OutputError
        If the file exists, or cannot be written: no space, no permission.
    """
    require_free(path, overwrite)
    temporary = temporary_beside(path)
    try:
        yield temporary
        publish(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """Name for the unfinished file: hidden, in the same folder, of this process alone."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished temporary file to the disk and give it its final name."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)


_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write elsewhere"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write elsewhere"),
    errno.EACCES: ("no permission to write there", "write to a folder of your own"),
    errno.EPERM: ("no permission to write there", "write to a folder of your own"),
    errno.EROFS: ("the file system is read-only", "write to another folder"),
}


def output_error(path: Path, error: OSError) -> OutputError:
    """What an operating-system error means for the file that was being written."""
    reason, do = _REASONS.get(error.errno or 0, (error.strerror or str(error), "write to another folder"))
    return OutputError(f"{path} cannot be written: {reason}", expected="a writable folder with free space", do=do)
