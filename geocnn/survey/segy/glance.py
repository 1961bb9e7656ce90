"""A large, evenly numbered volume, as some of its headers show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.coordinates import coordinate_places
from geocnn.survey.segy.geometry import Geometry
from geocnn.survey.segy.header_sample import Sample
from geocnn.survey.segy.header_scan import STANDARD
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.keys import field_words, option_place
from geocnn.survey.segy.segy_file import Integers, SegyFile

__all__ = ["PROBES", "glance", "probes"]

PROBES = 1000
"""Headers that are looked at."""


def glance(file: SegyFile, options: SurveyOptions, hints: Hints) -> Geometry | None:
    """Where the traces lie if the file is a whole volume, sorted by line; None if a sample shows anything else.

    First and last trace of many lines, and traces in between, must have the numbers that such a file gives them: a
    trace that is missing or doubled anywhere shifts all after it. What is wrong with single headers goes unnoticed, so
    that this serves to look at a file, not to read it.
    """
    if file.offsets is not None or options.geometry in ("line", "shots") or options.gathers:
        return None
    for inline, crossline in _pairs(file, options, hints):
        found = _volume(file, inline, crossline)
        if found is not None:
            sample = Sample(file, numbers=probes(file))
            taken = inline.byte, crossline.byte
            return replace(found, coordinates=coordinate_places(sample, options, hints, taken))
    return None


def probes(file: SegyFile) -> Integers:
    """Numbers of about a thousand traces, evenly picked, the first and the last among them."""
    return np.unique(np.linspace(0, file.traces - 1, PROBES).astype(np.int64))


def _pairs(file: SegyFile, options: SurveyOptions, hints: Hints) -> Iterator[tuple[Place, Place]]:
    """Fields of line numbers: those that the user named; else by the standard, then as the text header hints."""
    said = option_place(file, options, "iline"), option_place(file, options, "xline")
    hinted = hints.places.get("inline"), hints.places.get("crossline")
    ways = [said] if any(said) else [STANDARD, hinted]
    for inline, crossline in ways:
        if inline and crossline:
            pair = Place.parse(str(inline)), Place.parse(str(crossline))
            if all(place.fits(file.header) for place in pair):
                yield pair


def _volume(file: SegyFile, inline: Place, crossline: Place) -> Geometry | None:
    """The volume that sampled numbers at these fields make, if they make one."""
    both = np.stack(file.fields_of(np.array([0, 1, file.traces - 1]), inline, crossline))
    changes = both[:, 0] != both[:, 1]
    if changes.sum() != 1:
        return None
    fast = int(changes.argmax())
    length = _length(file, (inline, crossline)[1 - fast])
    if length < 2 or file.traces % length or file.traces == length:
        return None
    lines = file.traces // length
    after = np.stack(file.fields_of(np.array([length]), inline, crossline))
    first = both[:, 0]
    step = np.where(np.arange(2) == fast, both[:, 1] - first, after[:, 0] - first).astype(np.int64)
    numbers = np.unique(np.concatenate([probes(file), *_ends(lines, length)]))
    position = np.stack([numbers // length, numbers % length] if fast else [numbers % length, numbers // length])
    if not np.array_equal(
        np.stack(file.fields_of(numbers, inline, crossline)), first[:, None] + position * step[:, None]
    ):
        return None
    index = np.arange(file.traces).reshape(lines, length)
    index = index if fast else index.T
    sure = f"by {numbers.size:,} of {file.traces:,} headers"
    axes = []
    for dimension, (name, start) in enumerate(zip(("inline", "crossline"), first.tolist(), strict=True)):
        size, by = index.shape[dimension], int(step[dimension])
        axes.append(Axis(name, min(start, start + (size - 1) * by), abs(by), size))
        index = np.flip(index, dimension) if by < 0 else index
    places = {"inline": f"{field_words(inline)} ({sure})", "crossline": f"{field_words(crossline)} ({sure})"}
    remark = f"sampled: a whole volume {sure}; any other command reads them all"
    return Geometry(tuple(axes), np.ascontiguousarray(index)[None], places, remarks=(remark,))


def _length(file: SegyFile, slow: Place) -> int:
    """Number of the first trace with another number at `slow` than trace 0, if the file is sorted by it."""
    same, other = 0, 1
    start = int(file.fields_of(np.array([0]), slow)[0][0])
    while other < file.traces and int(file.fields_of(np.array([other]), slow)[0][0]) == start:
        same, other = other, 2 * other
    other = min(other, file.traces)
    while other - same > 1:
        middle = (same + other) // 2
        alike = int(file.fields_of(np.array([middle]), slow)[0][0]) == start
        same, other = (middle, other) if alike else (same, middle)
    return other


def _ends(lines: int, length: int) -> tuple[Integers, Integers]:
    """Numbers of the first and last traces of lines, evenly picked."""
    picked = np.unique(np.linspace(0, lines - 1, PROBES // 2).astype(np.int64))
    return picked * length, picked * length + length - 1
