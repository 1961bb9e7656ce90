"""Creating survey files: the suffix of the name tells the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from geocnn.errors import OutputError
from geocnn.output import NewFile, require_free
from geocnn.survey.content import split_name
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import BoolArray, NewSurvey, Survey, SurveyWriter

__all__ = ["SUFFIXES", "create_survey", "names_of"]


def create_survey(
    path: str,
    new: NewSurvey,
    *,
    like: Survey | None = None,
    overwrite: bool = False,
    unfinished: Path | None = None,
) -> SurveyWriter:
    """A writer of a new survey file.

    Parameters
    ----------
    path
        Its suffix names the format; an HDF5 data set is ``file.h5:/path``, else ``/data``.
    new
        What will be written.
    like
        The survey that it was made from: SEG-Y made from SEG-Y keeps its headers, trace order and gaps.
    overwrite
        Whether a file at `path` may be replaced.
    unfinished
        Where the file is until `commit`, on the same file system. It stays there if it is not committed. If it is there
        already, the writer goes on with it: what was written stays.

    Raises
    ------
    OutputError
        If the path exists (unless `overwrite`) or cannot be written, or is a file of `like`; if the format cannot hold
        the survey, or the unfinished file is another one.
    """
    target, inside = split_name(path)
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{path} has the suffix {target.suffix or 'of no format'}",
            expected=f"one of {', '.join(_WRITERS)}",
            do="choose a name with one of them",
        )
    require_free(target, overwrite)
    if like is not None:
        _require_another(target, like)
    return writer(NewFile(target, unfinished), inside, new, like)


def _require_another(target: Path, like: Survey) -> None:
    """Refuse to replace a survey by what is made from it."""
    for name in names_of(like):
        source = split_name(name)[0]
        if target.exists() and source.exists() and target.samefile(source):
            raise OutputError(
                f"{target} is the survey itself, which would be lost",
                expected="an output beside the survey",
                do="choose another name for the output",
            )


def names_of(survey: Survey) -> Iterator[str]:
    """Names of the files of a survey, with data sets for HDF5."""
    parts: Sequence[Survey] = getattr(survey, "surveys", ())
    if not parts:
        yield from survey.files
    for part in parts:
        yield from names_of(part)


def _create_segy(file: NewFile, inside: str | None, new: NewSurvey, like: Survey | None) -> SurveyWriter:
    from geocnn.survey.segy.copied import is_copyable
    from geocnn.survey.segy.writer import SegyWriter

    sources = like.surveys if isinstance(like, StackedSurvey) else (like,)
    known: Any = next((source for source in sources if source is not None and is_copyable(source, new)), None)
    return SegyWriter.fresh(file, new, _present(new, like)) if known is None else SegyWriter.like(file, known, new)


def _present(new: NewSurvey, like: Survey | None) -> BoolArray | None:
    """Which traces the survey has that a new one is made from, if both have one grid."""
    return like.present if like is not None and like.grid == new.grid else None


def _create_hdf5(file: NewFile, inside: str | None, new: NewSurvey, like: Survey | None) -> SurveyWriter:
    from geocnn.survey.hdf5.writer import Hdf5Writer

    return Hdf5Writer(file, inside or "/data", new, _present(new, like))


def _create_array(file: NewFile, inside: str | None, new: NewSurvey, like: Survey | None) -> SurveyWriter:
    from geocnn.survey.raw import RawWriter

    return RawWriter(file, new)


_WRITERS: dict[str, Callable[[NewFile, str | None, NewSurvey, Survey | None], SurveyWriter]] = {
    **dict.fromkeys((".sgy", ".segy", ".su"), _create_segy),
    **dict.fromkeys((".h5", ".hdf5"), _create_hdf5),
    **dict.fromkeys((".npy", ".dat", ".bin", ".raw"), _create_array),
}

SUFFIXES = tuple(_WRITERS)
"""Suffixes of the files that are written."""
