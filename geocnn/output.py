"""Files that appear whole under their final name, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from geocnn.errors import OutputError

__all__ = ["NewFile", "output_error", "publish", "require_free", "temporary_beside", "whole_file"]


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
    """Flush a finished temporary file to the disk and give it its final name, on the disk too."""
    _sync(temporary)
    temporary.replace(path)
    try:
        _sync(path.parent)
    except OSError as error:
        # Some network file systems flush no folders, and some folders may be written to and not read.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class NewFile:
    """A file on its way to its final name.

    Parameters
    ----------
    path
        Its final name.
    unfinished
        Its name until then, on the same file system, under which it outlives the process and several processes may
        write to it; None: a hidden name of this process alone, which is removed if the file is not published.
    """

    path: Path
    unfinished: Path | None = None

    @cached_property
    def place(self) -> Path:
        """The name that it has until it is published."""
        return temporary_beside(self.path) if self.unfinished is None else self.unfinished

    @property
    def is_begun(self) -> bool:
        """Whether it was made before, by this process or another one."""
        return self.unfinished is not None and self.unfinished.exists()

    def begin(self, size: int, make: Callable[[Path], None]) -> None:
        """Have the file at `place`: as it is there, if it was begun before, else as `make` makes it.

        Parameters
        ----------
        size
            Its bytes, from the first moment on.
        make
            Makes it under the name that it is given.

        Raises
        ------
        OutputError
            If the file that was begun has another size, or the disk is full or not writable.
        """
        if self.is_begun:
            with self.errors():
                found = self.place.stat().st_size
            if found != size:
                raise self.is_another(f"{found:,} bytes", f"{size:,} bytes")
            return
        with self.made() as scratch:
            make(scratch)

    @contextmanager
    def made(self) -> Iterator[Path]:
        """A name to make the file under; it is at `place` when the block ends well, and nowhere if it does not.

        An unfinished file is made under another name: whatever ends the process, what is there under its own is whole.
        """
        scratch = self.place if self.unfinished is None else temporary_beside(self.unfinished)
        try:
            with self.errors():
                yield scratch
                if self.unfinished is not None:
                    publish(scratch, self.unfinished)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise

    def publish(self) -> None:
        """Give the file its final name, once everything of it is on the disk.

        Raises
        ------
        OutputError
            If the disk is full or not writable.
        """
        with self.errors():
            publish(self.place, self.path)

    def discard(self) -> None:
        """Remove what was made, unless it has a name under which it can be gone on with."""
        if self.unfinished is None:
            self.place.unlink(missing_ok=True)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the operating system raises within, as an OutputError on the file."""
        try:
            yield
        except OSError as error:
            raise output_error(self.path, error) from error

    def is_another(self, found: str, expected: str) -> OutputError:
        """What to say of an unfinished file that cannot be gone on with."""
        return OutputError(
            f"{self.place} was begun as another file: {found}",
            expected=f"{expected}, as {self.path.name} will have",
            do="begin anew with --overwrite",
        )


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
