"""Opening surveys by their names: the suffix tells the format, or else the first bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import inf, isfinite
from pathlib import Path

import numpy as np

from geocnn.errors import SurveyError
from geocnn.survey.array import is_guessed
from geocnn.survey.content import HDF5, NPY, SEGY, kind_of, require_survey, split_name
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.naming import NamelessError
from geocnn.survey.options import PLACES, Place, SurveyOptions
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import Survey

__all__ = ["SUFFIXES", "open_pair", "open_survey"]

DEFAULTS = SurveyOptions()

MOST_LINES = 8
"""2-D lines in a folder that are taken for channels of one; more are one volume whose numbers were not found."""


def open_survey(
    names: str | Sequence[str],
    options: SurveyOptions = DEFAULTS,
    partner: Survey | None = None,
    *,
    glanced: bool = False,
) -> Survey:
    """Open a survey.

    Several names over one grid are stacked as channels; files with other traces each, such as one inline a file, are
    joined to one survey. A folder stands for all survey files in it.

    Parameters
    ----------
    names
        Path of a SEG-Y file (``.sgy``, ``.segy``, ``.su``), of a data set in HDF5 (``file.h5:/data``; ``.mat`` too),
        of a .npy file, of a headerless cube (``.dat``, ``.bin``, ``.raw``), of a folder; or several.
    options
        What the files do not tell.
    partner
        The survey that goes with it, such as the image of a label: an array without names of axes takes the order
        by which it fits.
    glanced
        Whether a sample of the headers of a large, regular SEG-Y file is enough: to look at it, not to use it.

    Raises
    ------
    SurveyError
        If a file is missing, damaged, of another format, or does not make a regular grid.
    """
    survey, unread = _opened(names, options, partner, glanced=glanced)
    _tell(survey, unread)
    return survey


def _opened(
    names: str | Sequence[str], options: SurveyOptions, partner: Survey | None = None, *, glanced: bool = False
) -> tuple[Survey, frozenset[str]]:
    """A survey, and the options that were given and that none of its files reads."""
    _require_sense(options)
    several = [names] if isinstance(names, str) else [str(name) for name in names]
    paths = [file for name in several for file in _files(name)]
    surveys = (
        [_open(name, options, partner, glanced=glanced) for name in paths]
        if len(paths) == 1
        else _open_all(paths, options, partner, glanced=glanced)
    )
    folders = [name for name in several if Path(name).is_dir()]
    survey = surveys[0] if len(surveys) == 1 else _together(surveys)
    if folders and isinstance(survey, StackedSurvey) and len(surveys) > MOST_LINES and survey.grid.ndim == 2:
        raise SurveyError(
            f"{', '.join(folders)} holds {len(surveys):,} lines over the same traces, such as {surveys[0].name}",
            expected=f"line numbers that place each in one volume, or at most {MOST_LINES} lines to stack as channels",
            do="pass the bytes of the line numbers with --iline and --xline; look at one file with geocnn inspect",
        )
    if folders:
        kind = "stacked as channels" if isinstance(survey, StackedSurvey) else "taken as one survey"
        survey.remarks = (*survey.remarks, f"{len(paths):,} files of {', '.join(folders)} {kind}")
    return survey, _unread(paths, options)


def _require_sense(options: SurveyOptions) -> None:
    """Refuse options that no survey could have.

    Raises
    ------
    SurveyError
        If one is not finite, the interval is not above 0, or two numbers are to come from one field.
    """
    for name, said, possible, expected in (
        ("dt", options.dt, options.dt is None or 0 < options.dt < inf, "an interval above 0, in ms or m"),
        ("t0", options.t0, options.t0 is None or isfinite(options.t0), "a number of ms or m"),
        ("xline", options.xline, not _same(options.iline, options.xline), "another field than --iline"),
        ("cdp-y", options.cdp_y, not _same(options.cdp_x, options.cdp_y), "another field than --cdp-x"),
    ):
        if not possible:
            raise SurveyError(f"--{name} {said}", expected=expected, do=f"correct --{name}")


def _same(first: int | str | None, second: int | str | None) -> bool:
    """Whether two options name one field."""
    return None not in (first, second) and Place.parse(first or "") == Place.parse(second or "")


def _unread(paths: Sequence[str], options: SurveyOptions) -> frozenset[str]:
    """Names of the options that differ from their defaults and that no reader of these files reads."""
    said = {field.name for field in fields(options) if getattr(options, field.name) != field.default}
    read = {name for path in paths for name in _OPTIONS[_reader(path, split_name(path)[0])]}
    return frozenset(said - read)


def _tell(survey: Survey, unread: frozenset[str]) -> None:
    """Add a remark on options that have no meaning for a survey."""
    if unread:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(unread))
        survey.remarks = (*survey.remarks, f"{options}: without meaning for this kind of file, and not read")


def open_pair(images: str | Sequence[str], label: str, options: SurveyOptions = DEFAULTS) -> tuple[Survey, Survey]:
    """An image and its label, or a survey and what is laid over it; where one has no names of axes, the other tells.

    Raises
    ------
    SurveyError
        As `open_survey` does.
    """
    image, label_survey, unread = _paired(images, label, options)
    _tell(image, unread)
    return image, label_survey


def _paired(images: str | Sequence[str], label: str, options: SurveyOptions) -> tuple[Survey, Survey, frozenset[str]]:
    """Both, and the options that neither reads."""
    try:
        image, unread = _opened(images, options)
    except NamelessError:
        other, of_other = _opened(label, options.for_label)
        image, unread = _opened(images, options, other)
        return image, other, unread & of_other
    other, of_other = _opened(label, options.for_label, None if is_guessed(image) else image)
    if is_guessed(image) and is_guessed(other):
        other, of_other = _opened(label, options.for_label, image)
    elif is_guessed(image):
        image, unread = _opened(images, options, other)
    return image, other, unread & of_other


def _files(name: str) -> list[str]:
    """The survey files that a name stands for: itself, or those in a folder.

    Raises
    ------
    SurveyError
        If a folder holds none.
    """
    folder = Path(name)
    if not folder.is_dir():
        return [name]
    found = sorted(
        file for file in folder.iterdir() if file.suffix.lower() in _READERS and not file.name.startswith(".")
    )
    files = [str(file) for file in found if file.is_file()]
    if not files:
        raise SurveyError(
            f"{name} is a folder without survey files",
            expected=f"files with a suffix such as {', '.join(_READERS)}",
            do="name a survey file, or the folder that holds them",
        )
    return files


def _open_all(
    names: Sequence[str], options: SurveyOptions, partner: Survey | None, *, glanced: bool = False
) -> list[Survey]:
    """Several files; arrays whose order of axes had to be guessed take the one that fits the others."""
    # Copies, because a copy lets go of its file, and there may be more files than a process can have open.
    surveys = [copy.copy(_open(name, options, partner, glanced=glanced)) for name in names]
    told = next((survey for survey in surveys if not is_guessed(survey)), None)
    if told is None or partner is not None:
        return surveys
    return [
        copy.copy(_open(name, options, told)) if is_guessed(survey) else survey
        for name, survey in zip(names, surveys, strict=True)
    ]


def _together(surveys: Sequence[Survey]) -> Survey:
    """Several files over one grid as channels, files with other traces each as one survey."""
    same = all(_same_positions(surveys[0], each) for each in surveys)
    return StackedSurvey(surveys) if same and _share_traces(surveys) else JoinedSurvey(surveys)


def _same_positions(first: Survey, other: Survey) -> bool:
    """Whether two surveys have the same lines, or one of them has no numbers for them."""
    counted = first.counted | other.counted
    if [axis.name for axis in first.grid.axes] != [axis.name for axis in other.grid.axes]:
        return False
    return all(a == b or a.name in counted for a, b in zip(first.grid.axes[:-1], other.grid.axes[:-1], strict=True))


def _share_traces(surveys: Sequence[Survey]) -> bool:
    """Whether any two surveys over one grid have a trace at the same place: halves of one survey have not."""
    if len({each.grid.lateral for each in surveys}) > 1:
        return True
    maps = [each.present for each in surveys]
    return any(bool(held.all()) for held in maps) or bool((np.sum(maps, axis=0) > 1).any())


def _open(name: str, options: SurveyOptions, partner: Survey | None, *, glanced: bool = False) -> Survey:
    path, inside = split_name(name)
    try:
        reader = _reader(name, path)
        if inside is not None and reader is not _open_hdf5:
            raise SurveyError(
                f"{name}: {path.name} holds no data sets to choose from",
                expected="the path of a file",
                do=f"name it {path}",
            )
        return reader(Request(path, inside, options, partner, glanced=glanced))
    except FileNotFoundError as error:
        raise SurveyError(f"{path}: no such file", expected="a survey file", do="check the path") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise SurveyError(f"{path} cannot be read: {why}", expected="a readable file", do="check the file") from error


@dataclass(frozen=True)
class Request:
    """What is to be opened: a file, the data set in it, and what is known besides (see `open_survey`)."""

    path: Path
    inside: str | None
    options: SurveyOptions
    partner: Survey | None
    glanced: bool


Reader = Callable[[Request], Survey]


def _reader(name: str, path: Path) -> Reader:
    """What opens a file: by its suffix, else by its first bytes."""
    reader = _READERS.get(path.suffix.lower())
    # A suffix says nothing of a MATLAB file of the old format, or of a picture that is called .dat.
    if reader is None or reader in (_open_npy, _open_headerless) or path.suffix.lower() == ".mat":
        require_survey(path)
    reader = reader or _BY_CONTENT.get(kind_of(path) or "")
    if reader is None:
        raise SurveyError(
            f"{name} has the suffix {path.suffix or 'of no format'}, and does not begin as a survey",
            expected=f"a survey: {', '.join(_READERS)}",
            do="name a survey file; an HDF5 data set is file.h5:/path",
        )
    return reader


def _open_segy(asked: Request) -> Survey:
    from geocnn.survey.segy.reader import SegySurvey

    return SegySurvey(asked.path, asked.options, glanced=asked.glanced)


def _open_hdf5(asked: Request) -> Survey:
    from geocnn.survey.hdf5.reader import Hdf5Survey

    return Hdf5Survey(asked.path, asked.inside, asked.options, asked.partner)


def _open_npy(asked: Request) -> Survey:
    from geocnn.survey.raw import RawSurvey

    return RawSurvey(asked.path, asked.options, asked.partner)


def _open_headerless(asked: Request) -> Survey:
    return _open_npy(asked)


_EVERYWHERE = frozenset(("dt", "t0", "domain", "null"))

_OPTIONS: dict[Reader, frozenset[str]] = {
    _open_segy: _EVERYWHERE | {*PLACES, "geometry", "gathers", "duplicates", "sample_format"},
    _open_hdf5: _EVERYWHERE | {"axes"},
    _open_npy: _EVERYWHERE | {"axes"},
    _open_headerless: _EVERYWHERE | {"axes", "shape", "dtype", "order"},
}
"""Options that each reader reads."""

_READERS: dict[str, Reader] = {
    **dict.fromkeys((".sgy", ".segy", ".su"), _open_segy),
    **dict.fromkeys((".h5", ".hdf5", ".mat"), _open_hdf5),
    ".npy": _open_npy,
    **dict.fromkeys((".dat", ".bin", ".raw"), _open_headerless),
}

_BY_CONTENT: dict[str, Reader] = {SEGY: _open_segy, HDF5: _open_hdf5, NPY: _open_npy}

SUFFIXES = tuple(_READERS)
"""Of files that are taken for surveys by their names."""
