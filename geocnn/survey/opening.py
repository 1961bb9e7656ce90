"""Opening and creating surveys by their names: the suffix tells the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from geocnn.errors import OutputError, SurveyError
from geocnn.output import require_free
from geocnn.survey.options import SurveyOptions
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import NewSurvey, Survey, SurveyWriter

__all__ = ["create_survey", "open_survey"]

DEFAULTS = SurveyOptions()


def open_survey(names: str | Sequence[str], options: SurveyOptions = DEFAULTS) -> Survey:
    """Open a survey; several names are stacked as channels.

    Parameters
    ----------
    names
        Path of a SEG-Y file (``.sgy``, ``.segy``) or of a data set in HDF5 (``file.h5:/data``), or several.
    options
        What the headers do not tell.

    Raises
    ------
    SurveyError
        If a file is missing, damaged, of another format, or does not make a regular grid.
    """
    surveys = [_open(str(name), options) for name in ([names] if isinstance(names, str) else names)]
    return surveys[0] if len(surveys) == 1 else StackedSurvey(surveys)


def create_survey(path: str, new: NewSurvey, *, like: Survey | None = None, overwrite: bool = False) -> SurveyWriter:
    """A writer of a new survey file.

    Parameters
    ----------
    path
        Its suffix names the format; an HDF5 data set is ``file.h5:/path``, else ``/data``.
    new
        What will be written.
    like
        The survey that it was made from: SEG-Y made from SEG-Y keeps its headers, trace order and gaps.

    Raises
    ------
    OutputError
        If the path exists (unless `overwrite`) or cannot be written, or the format cannot hold the survey.
    """
    target, inside = _split(path)
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{path} has the suffix {target.suffix or 'of no format'}",
            expected=f"one of {', '.join(_WRITERS)}",
            do="choose a name with one of them",
        )
    require_free(target, overwrite)
    return writer(target, inside, new, like)


def _split(name: str) -> tuple[Path, str | None]:
    """Path of the file and, for HDF5, of the data set in it."""
    parts = re.fullmatch(r"(.+\.(?:h5|hdf5)):(.*)", name, re.IGNORECASE | re.DOTALL)
    return (Path(parts[1]), parts[2]) if parts else (Path(name), None)


def _open(name: str, options: SurveyOptions) -> Survey:
    path, inside = _split(name)
    if path.is_dir():
        raise SurveyError(f"{name} is a folder", expected="a survey file", do="name a file in it")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SurveyError(
            f"{name} has the suffix {path.suffix or 'of no format'}",
            expected=f"a survey: {', '.join(_READERS)}",
            do="name a survey file; an HDF5 data set is file.h5:/path",
        )
    try:
        return reader(path, inside, options)
    except FileNotFoundError as error:
        raise SurveyError(f"{path}: no such file", expected="a survey file", do="check the path") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise SurveyError(f"{path} cannot be read: {why}", expected="a readable file", do="check the file") from error


def _open_segy(path: Path, inside: str | None, options: SurveyOptions) -> Survey:
    from geocnn.survey.segy.reader import SegySurvey

    return SegySurvey(path, options)


def _open_hdf5(path: Path, inside: str | None, options: SurveyOptions) -> Survey:
    from geocnn.survey.hdf5.reader import Hdf5Survey

    return Hdf5Survey(path, inside, options)


_READERS: dict[str, Callable[[Path, str | None, SurveyOptions], Survey]] = {
    ".sgy": _open_segy,
    ".segy": _open_segy,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
}


def _create_segy(path: Path, inside: str | None, new: NewSurvey, like: Survey | None) -> SurveyWriter:
    from geocnn.survey.segy.reader import SegySurvey
    from geocnn.survey.segy.writer import SegyWriter

    if new.channels != 1:
        raise OutputError(
            f"{path}: SEG-Y holds one channel, not {new.channels}",
            expected="one channel",
            do="write to HDF5, such as out.h5",
        )
    source = like.surveys[0] if isinstance(like, StackedSurvey) else like
    if isinstance(source, SegySurvey) and source.grid == new.grid:
        return SegyWriter.like(path, source, new.provenance)
    return SegyWriter.fresh(path, new)


def _create_hdf5(path: Path, inside: str | None, new: NewSurvey, like: Survey | None) -> SurveyWriter:
    from geocnn.survey.hdf5.writer import Hdf5Writer

    return Hdf5Writer(path, inside or "/data", new)


_WRITERS: dict[str, Callable[[Path, str | None, NewSurvey, Survey | None], SurveyWriter]] = {
    ".sgy": _create_segy,
    ".segy": _create_segy,
    ".h5": _create_hdf5,
    ".hdf5": _create_hdf5,
}
