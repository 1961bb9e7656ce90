"""From numbers in trace headers to a regular grid of traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.choice import Asked, Choice
from geocnn.survey.segy.coordinates import coordinate_places
from geocnn.survey.segy.gathers import Gathers, sort_gathers
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.keys import Keys, Laid, field_words, lay
from geocnn.survey.segy.lines import by_line, by_shots, line_of_itself, shots_of_themselves
from geocnn.survey.segy.segy_file import Integers, SegyFile
from geocnn.survey.segy.volumes import binned, found_lines, no_lines, said_lines

__all__ = ["Geometry", "find_geometry", "further_traces"]


def further_traces(repeats: Integers, shape: tuple[int, ...], lateral: tuple[slice, ...]) -> tuple[Integers, Integers]:
    """Further traces in a window of the map of traces, beside those that the map holds.

    Parameters
    ----------
    repeats
        Flat positions in the map, and numbers of the further traces at them, (k, 2).
    shape
        Of the map, (C, \\*lateral).
    lateral
        The window, one slice for each lateral axis.

    Returns
    -------
    rows, numbers
        Flat positions in the window, all channels, and numbers of the traces, (n,) both.
    """
    channel, *at = np.unravel_index(repeats[:, 0], shape)
    places = [place - window.start for place, window in zip(at, lateral, strict=True)]
    sizes = [window.stop - window.start for window in lateral]
    within = np.all([(place >= 0) & (place < size) for place, size in zip(places, sizes, strict=True)], axis=0)
    rows = np.ravel_multi_index((channel[within], *(place[within] for place in places)), (shape[0], *sizes))
    return np.asarray(rows, np.int64), repeats[within, 1]


@dataclass(frozen=True)
class Geometry:
    """Where each trace of a file lies on a grid.

    Parameters
    ----------
    axes
        The axes of the map of traces: (inline, crossline), (trace,) or (record, channel), and offset last if asked for.
    index
        Number of the trace in the file, from 0, at each position, −1 where there is none, (C, \\*lateral); C is 1
        unless the traces of a gather are channels.
    places
        Where the numbers of each axis come from, and how sure that is.
    repeats
        Flat position in `index` and number of each further trace there, (k, 2), sorted by position.
    coordinates
        Fields of X and Y, if there are any.
    channels
        Names of the channels, such as ``offset 100``; none if there is one.
    remarks
        What the user must know.
    """

    axes: tuple[Axis, ...]
    index: Integers
    places: Mapping[str, str]
    repeats: Integers = field(default_factory=lambda: np.empty((0, 2), np.int64))
    coordinates: tuple[Place, Place] | None = None
    channels: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def find_geometry(file: SegyFile, options: SurveyOptions, hints: Hints) -> Geometry:
    """Where the traces of a file lie, by what its headers and the user say.

    Raises
    ------
    SurveyError
        If no numbers put the traces on a grid, or gathers cannot be read as asked.
    """
    asked = Asked(file, options, hints)
    choice = CHOOSE[options.geometry](asked)
    gathers = _gathers(asked, choice.keys)
    found = _poststack(asked, choice) if gathers is None else _prestack(asked, choice, gathers)
    return replace(found, coordinates=coordinate_places(asked.sample, options, hints, choice.fields))


def _volume(asked: Asked) -> Choice:
    """A volume, or what is missing for one."""
    choice = said_lines(asked) or found_lines(asked)
    if choice is not None:
        return choice
    choice, why = binned(asked)
    return choice or no_lines(asked, why)


def _anything(asked: Asked) -> Choice:
    """A volume; where there is none, shots or a 2-D line."""
    choice = said_lines(asked) or found_lines(asked) or shots_of_themselves(asked)
    if choice is not None:
        return choice
    choice, why = binned(asked)
    return choice or line_of_itself(asked) or no_lines(asked, why)


CHOOSE: dict[str | None, Callable[[Asked], Choice]] = {
    "volume": _volume, "line": by_line, "shots": by_shots, None: _anything,
}  # fmt: skip


def _gathers(asked: Asked, keys: Keys) -> Gathers | None:
    """The gathers of a prestack file; None if positions have one trace, or what they have are mere duplicates."""
    options = asked.options
    if "channel" in keys.names:
        return None
    crowded = 2 * np.count_nonzero(keys.folds > 1) >= np.count_nonzero(keys.folds)
    # Who says what is read of duplicates has said that they are no gathers.
    if options.gathers is None and (options.duplicates != "first" or not crowded):
        return None
    gathers = sort_gathers(keys.positions, asked.file.fields(asked.offset)[0])
    if gathers is None and options.gathers is not None:
        raise SurveyError(
            f"{asked.file.path} has no gathers: offsets at {field_words(asked.offset)} do not tell apart the traces of "
            f"a position ({keys.spread}, {asked.file.traces:,} traces)",
            expected="several traces at a position, with other offsets or angles",
            do="pass --offset with the bytes of offset or angle, or leave out --gathers",
        )
    if gathers is not None:
        gathers.require(asked.file.path, options, field_words(asked.offset))
    return gathers


def _poststack(asked: Asked, choice: Choice) -> Geometry:
    """One trace at each position."""
    keys = choice.keys
    laid = lay(keys.positions, keys.size, asked.options.duplicates)
    remarks = (*choice.remarks, *_duplicates(asked, keys, laid), *_strays(keys))
    return Geometry(keys.axes, laid.index.reshape(1, *keys.shape), choice.places, laid.repeats, remarks=remarks)


def _prestack(asked: Asked, choice: Choice, gathers: Gathers) -> Geometry:
    """Traces of gathers as channels, or along an axis of offsets."""
    keys, count = choice.keys, gathers.count
    place = field_words(asked.offset)
    channels = asked.options.gathers != "axis"
    positions = gathers.numbers * keys.size + keys.positions if channels else keys.positions * count + gathers.numbers
    laid = lay(positions, keys.size * count, asked.options.duplicates)
    remarks = (
        *choice.remarks, *gathers.remarks(place, channels=channels), *_duplicates(asked, keys, laid, "offset")
    )  # fmt: skip
    if channels:
        index = laid.index.reshape(count, *keys.shape)
        return Geometry(keys.axes, index, choice.places, laid.repeats, channels=gathers.names, remarks=remarks)
    axes = (*keys.axes, gathers.axis)
    index = laid.index.reshape(1, *keys.shape, count)
    return Geometry(axes, index, {**choice.places, "offset": place}, laid.repeats, remarks=remarks)


READ = {"first": "the first of them is read", "last": "the last of them is read", "mean": "their mean is read"}


def _duplicates(asked: Asked, keys: Keys, laid: Laid, *more: str) -> tuple[str, ...]:
    """A remark on traces that share a position, with the first pair as an example.

    Raises
    ------
    SurveyError
        If duplicates are to be refused.
    """
    if not len(laid.repeats):
        return ()
    position, number = laid.repeats[np.argmin(laid.repeats[:, 1])].tolist()
    first, second = sorted((int(laid.index[position]), number))
    names = " and ".join((*keys.names, *more))
    found = (
        f"{len(laid.repeats):,} of {asked.file.traces:,} traces share {names} ({keys.source}) with another, such as "
        f"traces {first + 1:,} and {second + 1:,} ({keys.of(first)})"
    )
    policy = asked.options.duplicates
    if policy != "error":
        others = ", ".join(name for name in (*READ, "error") if name != policy)
        return (f"duplicates: {found}: {READ[policy]} (--duplicates {others})",)
    raise SurveyError(
        f"{asked.file.path} has duplicates: {found}",
        expected=f"one trace at each {names}",
        do="pass --duplicates first, last or mean; stack or thin the file if it is prestack",
    )


def _strays(keys: Keys) -> tuple[str, ...]:
    """A remark on numbers that are far from the others, where these make most of the grid empty."""
    strays = list(keys.outliers()) if 2 * (len(keys.positions) - keys.repeats) < keys.size else []
    return (f"the grid is mostly empty because of {', '.join(strays)}",) if strays else ()
