"""The headers of some traces, and how well two of their fields make a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.options import Place
from geocnn.survey.segy.ibm import ibm_values
from geocnn.survey.segy.keys import MOST_EMPTY
from geocnn.survey.segy.segy_file import Integers, SegyFile

__all__ = ["OFFSET", "Pair", "Quality", "Sample", "Source"]

OFFSET = Place(37)

BLOCKS = 8
BLOCK_TRACES = 4096

Source = Literal["standard", "text header", "scan", "guess"]


@dataclass(frozen=True)
class Pair:
    """Fields that may hold inline and crossline numbers, and what speaks for them."""

    inline: Place
    crossline: Place
    source: Source

    @property
    def bytes(self) -> tuple[int, int]:
        """First bytes of both."""
        return self.inline.byte, self.crossline.byte


@dataclass(frozen=True)
class Quality:
    """How well two numbers make a grid, by a sample of the traces.

    Parameters
    ----------
    apart
        Share of the traces that they tell apart, with the offset if it varies.
    fill
        Share of the crossings of lines that have a trace.
    deep
        Traces for each of the more numerous lines; 1 on a diagonal.
    lines
        Distinct numbers of both.
    """

    apart: float
    fill: float
    deep: float
    lines: tuple[int, int]

    @property
    def good(self) -> bool:
        """Whether they may be line numbers."""
        return self.apart >= 0.9 and self._grid

    @property
    def crowded(self) -> bool:
        """Whether they may be line numbers of a file with many duplicates."""
        return self.apart >= 0.5 and self._grid

    @property
    def _grid(self) -> bool:
        # Of a file in no order at all, a sample leaves most crossings empty, but meets each line many times.
        # One trace on each line is a way across a volume, unless that has a single line.
        filled = self.fill >= 0.5 or (self.fill >= 1 / MOST_EMPTY and self.deep > 1)
        return max(self.lines) > 1 and (filled or self.deep >= 4)


NONE = Quality(0, 0, 0, (1, 1))


class Sample:
    """Headers of some traces: all of a small file, else runs of neighbours evenly spread over it.

    Parameters
    ----------
    file
        The file.
    offset
        Field that tells the traces of a gather apart.
    numbers
        The traces, by number, if others are wanted.
    """

    def __init__(self, file: SegyFile, offset: Place = OFFSET, numbers: Integers | None = None) -> None:
        self.file = file
        self.offset = offset
        self._numbers = numbers
        self._parts = list(_parts(file))
        self._raw: dict[Place, NDArray[np.float64] | Integers] = {}
        self._ranked: dict[Place, tuple[int, Integers]] = {}

    @property
    def size(self) -> int:
        """How many traces there are in it."""
        return self.raw(self.offset).size

    def holds(self, place: Place) -> bool:
        """Whether a field lies inside the trace header."""
        return place.fits(self.file.header)

    def raw(self, place: Place) -> NDArray[np.float64] | Integers:
        """A field as it stands, (n,)."""
        if place not in self._raw:
            self._raw[place] = (
                np.concatenate([part.fields(place)[0] for part in self._parts])
                if self._numbers is None
                else self.file.fields_of(self._numbers, place)[0]
            )
        return self._raw[place]

    def varies(self, place: Place) -> bool:
        """Whether a field is not the same in all traces."""
        return self.holds(place) and self._ranks(place)[0] > 1

    def empty(self, place: Place) -> bool:
        """Whether a field is zero in all traces."""
        return not self.raw(place).any()

    def place(self, byte: int) -> Place:
        """The field at a byte, of the kind that its bits suggest."""
        return Place(byte, self._kind(byte)) if self.holds(Place(byte)) else Place(byte)

    def _kind(self, byte: int) -> str:
        bits = np.asarray(self.raw(Place(byte)), np.int64)
        bits = bits[bits != 0]
        if not bits.size:
            return "i4"
        # Four bytes that hold a whole number as a float are beyond 10^9 as an integer.
        for kind, floats in (("f4", bits.astype(np.int32).view(np.float32)), ("ibm", ibm_values(bits))):
            sizes = np.abs(floats)
            if bool(((sizes >= 1) & (sizes < 1e7)).all()) and bool((sizes % 1 == 0).all()):
                return kind
        return "i2" if self.file.order == ">" and not (bits & 0xFFFF).any() else "i4"

    def quality(self, pair: Pair) -> Quality:
        """How well a pair makes a grid."""
        if not (self.holds(pair.inline) and self.holds(pair.crossline)):
            return NONE
        inlines, inline = self._ranks(pair.inline)
        crosslines, crossline = self._ranks(pair.crossline)
        positions = inline * crosslines + crossline
        met = np.unique(positions).size
        offsets, offset = self._ranks(self.offset)
        told = met if met == positions.size or offsets == 1 else np.unique(positions * offsets + offset).size
        fill, deep = met / (inlines * crosslines), met / max(inlines, crosslines)
        return Quality(told / positions.size, fill, deep, (inlines, crosslines))

    def steady(self, place: Place) -> float:
        """Share of neighbours in the file that have the same number."""
        ranks = self._ranks(place)[1]
        return float(np.mean(ranks[1:] == ranks[:-1]))

    def _ranks(self, place: Place) -> tuple[int, Integers]:
        """How many distinct values a field has, and the rank of each trace's among them."""
        if place not in self._ranked:
            values, ranks = np.unique(self.raw(place), return_inverse=True)
            self._ranked[place] = values.size, ranks.astype(np.int64)
        return self._ranked[place]


def _parts(file: SegyFile) -> Iterator[SegyFile]:
    """The file cut down to runs of its traces."""
    if file.traces <= 2 * BLOCKS * BLOCK_TRACES:
        yield file
        return
    for start in np.linspace(0, file.traces - BLOCK_TRACES, BLOCKS).astype(int).tolist():
        yield _cut(file, start, BLOCK_TRACES)


def _cut(file: SegyFile, start: int, traces: int) -> SegyFile:
    """A run of traces as if it were a file of its own."""
    span = slice(start, start + traces)
    if file.offsets is not None and file.lengths is not None:
        return replace(file, traces=traces, offsets=file.offsets[span], lengths=file.lengths[span])
    return replace(file, start=file.start + start * file.trace_bytes, traces=traces)
