"""2-D lines and shots: traces by CDP numbers, in the order of the file, or by field record and channel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geocnn.survey.options import Place
from geocnn.survey.segy.choice import Asked, Choice
from geocnn.survey.segy.coordinates import coordinate_places, coordinates_of
from geocnn.survey.segy.gathers import sort_gathers
from geocnn.survey.segy.header_sample import Pair
from geocnn.survey.segy.header_scan import SHOTS, STANDARD
from geocnn.survey.segy.keys import Keys, field_words
from geocnn.survey.segy.segy_file import Integers

__all__ = ["by_line", "by_shots", "line_of_itself", "shots_of_themselves"]

CDP = 21
TRACE = ("trace",)
RECORDS = ("record", "channel")


def by_line(asked: Asked) -> Choice:
    """A 2-D line: traces by their CDP numbers if these tell them apart, else in the order of the file."""
    choice = _numbered(asked)
    if choice is not None:
        return choice
    said = next((place for place in reversed(asked.said) if place is not None), None)
    remarks = (f"{field_words(said)} do not number the traces of a line: they are in file order",) if said else ()
    return _in_file_order(asked, remarks)


def line_of_itself(asked: Asked) -> Choice | None:
    """A 2-D line where nothing speaks for a volume; None where something does."""
    if any(asked.said) or _winding(asked):
        return None
    choice = _numbered(asked)
    if choice is None and not any(asked.sample.varies(asked.sample.place(byte)) for byte in STANDARD):
        choice = _in_file_order(asked, ())
    if choice is None:
        return None
    remark = (
        f"no line numbers in the headers: read as a 2-D line, traces by {choice.keys.source} "
        "(for a volume pass --iline and --xline)"
    )
    return Choice(choice.keys, choice.places, (remark,), choice.fields)


def _numbered(asked: Asked) -> Choice | None:
    """A line by numbers that tell its traces apart, with the offset if it is prestack; None if there are none."""
    for place in _number_places(asked):
        numbers = asked.whole(place)
        if numbers is None:
            continue
        falling = bool(numbers[0][0] > numbers[0][-1] and (np.diff(numbers[0]) <= 0).all())
        keys = Keys(asked.file, TRACE, numbers, field_words(place), falling)
        if keys.size > 1 and keys.full_enough and _numbers_a_line(asked, keys):
            return Choice(keys, {"trace": field_words(place)}, (), frozenset((place.byte,)))
    return None


def _number_places(asked: Asked) -> Iterator[Place]:
    """Fields that may number the traces of a line."""
    inline, crossline = asked.said
    if inline is not None or crossline is not None:
        yield from (place for place in (crossline, inline) if place is not None)
        return
    varying = [place for byte in STANDARD if asked.sample.varies(place := asked.sample.place(byte))]
    # Where both vary, neither alone is the number of a trace.
    yield from varying if len(varying) == 1 else ()
    yield asked.sample.place(CDP)


def _numbers_a_line(asked: Asked, keys: Keys) -> bool:
    if not keys.repeats:
        return 2 * asked.file.traces >= keys.size
    return sort_gathers(keys.positions, asked.file.fields(asked.offset)[0]) is not None


def _in_file_order(asked: Asked, remarks: tuple[str, ...]) -> Choice:
    words = "order in the file"
    return Choice(Keys(asked.file, TRACE, (np.arange(1, asked.file.traces + 1),), words), {"trace": words}, remarks)


def _winding(asked: Asked) -> bool:
    """Whether coordinates cover an area: the way along the traces is much longer than the area is wide."""
    places = coordinate_places(asked.sample, asked.options, asked.hints, ())
    if places is None:
        return False
    points = coordinates_of(asked.file, places).T
    points = points - points.mean(axis=0)
    width, length = np.sqrt(np.maximum(np.linalg.eigvalsh(points.T @ points / len(points)), 0))
    way = np.hypot(*np.diff(points, axis=0).T).sum()
    return bool(width > 0.02 * length and way > 5 * np.hypot(*np.ptp(points, axis=0)))


def shots_of_themselves(asked: Asked) -> Choice | None:
    """Field records and channels, where these alone make a grid; else None."""
    pair = Pair(Place(SHOTS[0]), Place(SHOTS[1]), "scan")
    varying = all(asked.sample.varies(Place(byte)) for byte in SHOTS)
    if any(asked.said) or not varying or not asked.sample.quality(pair).good:
        return None
    if not asked.keys(RECORDS, pair.inline, pair.crossline).full_enough:
        return None
    choice = by_shots(asked)
    remark = (
        "no line numbers in the headers: read as shots by field record and channel "
        "(for a volume by these numbers pass --iline 9 --xline 13)"
    )
    return Choice(choice.keys, choice.places, (remark, *choice.remarks), choice.fields)


def by_shots(asked: Asked) -> Choice:
    """Field records and channels; channels are counted where their numbers do not tell the traces apart.

    Raises
    ------
    SurveyError
        If the numbers spread over a grid that is nearly empty.
    """
    record, channel = (said or Place(byte) for said, byte in zip(asked.said, SHOTS, strict=True))
    keys = asked.keys(RECORDS, record, channel)
    places = {"record": field_words(record), "channel": field_words(channel)}
    remarks: tuple[str, ...] = ()
    if keys.full_enough and keys.repeats:
        keys = Keys(asked.file, RECORDS, (keys.numbers[0], _counted(keys.numbers[0])), field_words(record))
        places["channel"] = "order in the file"
        remarks = (f"channel numbers at {field_words(channel)} repeat within records: traces were counted instead",)
    keys.require_full_enough("pass the bytes of record and channel numbers with --iline and --xline")
    return Choice(keys, places, remarks, frozenset((record.byte, channel.byte)))


def _counted(groups: Integers) -> Integers:
    """Number of each trace within its group, from 1, in the order of the file."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, len(ordered)))
    counted = np.empty(len(groups), np.int64)
    counted[order] = np.arange(len(ordered)) - np.repeat(starts, lengths) + 1
    return counted
