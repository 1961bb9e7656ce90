"""Which bytes of the trace headers hold line numbers and coordinates, where nobody says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np

from geocnn.survey.options import Place
from geocnn.survey.segy.coordinates import COORDINATES
from geocnn.survey.segy.header_sample import Pair, Sample, Source
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.keys import option_place

__all__ = [
    "CANDIDATES",
    "SHOTS",
    "STANDARD",
    "likely_pairs",
    "option_place",
    "partners",
]

STANDARD = (189, 193)
SHOTS = (9, 13)
"""Field record and channel: line numbers only for those who say so."""

CANDIDATES = (STANDARD, (5, 9), (9, 21), SHOTS, (17, 13), (21, 25), (13, 21), (221, 225))
"""Bytes of inline and crossline numbers met in the field, the likeliest first."""

LOOSE = (189, 193, 9, 21, 5, 17, 13, 25, 221, 225, 197, 201, 205, 209, 213, 217, 229, 233, 1)
"""Bytes that are tried in any combination when no pair serves; never 115 and 117, sample count and interval."""

HALVES = ((189, 193), (189, 191), (181, 183), (181, 185), (9, 21), (17, 13), (5, 9))
"""Pairs that are tried as 16-bit numbers when no pair of four bytes serves."""


def likely_pairs(sample: Sample, hints: Hints) -> Iterator[Pair]:
    """Pairs that make a grid of the sampled traces, the likeliest first.

    189 and 193 win where they do; then what the text header names, pairs met in the field, any others, 16-bit numbers.
    """
    for stage in (_standard, _hinted, _listed, _small, _crowded, _loose, _halves):
        yield from stage(sample, hints)


def partners(sample: Sample, said: Place, *, inline: bool) -> Iterator[Pair]:
    """Pairs with one field that the user named, the likeliest first."""
    table = [pair[inline] for pair in CANDIDATES if pair[not inline] == said.byte]
    for byte in dict.fromkeys([STANDARD[inline], *table, *LOOSE]):
        other = sample.place(byte)
        source: Source = "standard" if byte == STANDARD[inline] else "scan"
        pair = Pair(said, other, source) if inline else Pair(other, said, source)
        if byte != said.byte and not sample.empty(other) and sample.quality(pair).good:
            yield pair


def _standard(sample: Sample, hints: Hints) -> Iterator[Pair]:
    """189 and 193; a single line among them, if it has a number."""
    yield from _single_too(sample, STANDARD, "standard")


def _hinted(sample: Sample, hints: Hints) -> Iterator[Pair]:
    inline, crossline = hints.places.get("inline"), hints.places.get("crossline")
    if inline is not None and crossline is not None and sample.holds(Place(inline)) and sample.holds(Place(crossline)):
        yield from _single_too(sample, (inline, crossline), "text header")


def _single_too(sample: Sample, bytes_: tuple[int, int], source: Source) -> Iterator[Pair]:
    pair = Pair(sample.place(bytes_[0]), sample.place(bytes_[1]), source)
    quality = sample.quality(pair)
    set_ = not (sample.empty(pair.inline) or sample.empty(pair.crossline))
    if set_ and (quality.good or sample.file.traces == 1):
        yield pair


def _listed(sample: Sample, hints: Hints) -> list[Pair]:
    return _best(sample, CANDIDATES[1:], "scan")


def _small(sample: Sample, hints: Hints) -> list[Pair]:
    """Fields of coordinates, if their values are too small for that."""
    small = [
        pair for pair in COORDINATES[:2] if all(np.abs(sample.raw(sample.place(byte))).max() < 1e5 for byte in pair)
    ]
    return _best(sample, small, "scan")


def _crowded(sample: Sample, hints: Hints) -> Iterator[Pair]:
    """189 and 193 of a file with many duplicates."""
    pair = Pair(sample.place(STANDARD[0]), sample.place(STANDARD[1]), "standard")
    if sample.quality(pair).crowded and not (sample.empty(pair.inline) or sample.empty(pair.crossline)):
        yield pair


def _loose(sample: Sample, hints: Hints) -> list[Pair]:
    varying = [byte for byte in LOOSE if byte != sample.offset.byte and sample.varies(Place(byte))]
    # The field that changes more rarely along the file is the inline.
    ordered = [
        pair if sample.steady(Place(pair[0])) >= sample.steady(Place(pair[1])) else pair[::-1]
        for pair in combinations(varying, 2)
    ]
    return _best(sample, ordered, "guess")


def _halves(sample: Sample, hints: Hints) -> list[Pair]:
    return _best(sample, HALVES, "guess", "i2")


def _best(sample: Sample, pairs: Iterable[tuple[int, int]], source: Source, kind: str | None = None) -> list[Pair]:
    """Pairs of which both vary and that make a good grid, the fullest first; then in the order given."""
    found = []
    for bytes_ in pairs:
        inline, crossline = (Place(byte, kind) if kind else sample.place(byte) for byte in bytes_)
        if sample.varies(inline) and sample.varies(crossline):
            pair = Pair(inline, crossline, source)
            quality = sample.quality(pair)
            # A number that no two traces share counts traces, not lines.
            if quality.good and max(quality.lines) < sample.size:
                # Inlines mostly run slower in a file than crosslines.
                slower = sample.steady(inline) >= sample.steady(crossline)
                found.append((round(5 * quality.apart * quality.fill), slower, pair))
    return [pair for _, _, pair in sorted(found, key=lambda each: each[:2], reverse=True)]
