"""The mean of several passes over one survey: of mirrored copies, of several networks, or of both."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from geocnn.grid import Grid, Window
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.prediction.passes import Cut, Image, Part, Pass, Underway
from geocnn.prediction.tiles import WAITING, Tile
from geocnn.survey.survey import FloatArray

__all__ = ["AveragedPass", "Member", "MirroredImage"]

SHARE_OF_SLABS = 2
"""The slabs that are averaged, or wait to be written, take at most one in so many bytes."""
PLANES = 64
"""Planes of a slab at most, or so many times what networks see before and beside them: a slab is what a stop costs."""
HALOS = 8


class MirroredImage:
    """An image whose positions run backward along some axes: an `Image` itself."""

    def __init__(self, image: Image, axes: Sequence[int]) -> None:
        self._image, self._axes = image, tuple(axes)

    @property
    def grid(self) -> Grid:
        """Its axes; their labels are those of the image."""
        return self._image.grid

    @property
    def channels(self) -> int:
        """Number of channels C."""
        return self._image.channels

    def read(self, window: Window) -> FloatArray:
        """Normalised samples (C, \\*window.shape)."""
        there = mirrored(window, self._image.grid.shape, self._axes)
        # A copy: of a single plane the mirrored view counts as contiguous, and still runs backward.
        return np.flip(self._image.read(there), tuple(1 + axis for axis in self._axes)).copy()


def mirrored(window: Window, shape: Sequence[int], axes: Sequence[int]) -> Window:
    """Where a window lies once positions of a survey of `shape` run backward along some axes."""
    start, stop = list(window.start), list(window.stop)
    for axis in axes:
        start[axis], stop[axis] = shape[axis] - window.stop[axis], shape[axis] - window.start[axis]
    return Window(tuple(start), tuple(stop))


class Member(NamedTuple):
    """One of several passes, and the axes along which the image that it runs over is mirrored."""

    each: Pass
    flips: tuple[int, ...] = ()


class AveragedPass:
    """Mean and spread (population standard deviation) of several passes, slab by slab along the first axis.

    Parameters
    ----------
    members
        Two or more, which give equally many values for each sample.
    shape
        Positions of the survey on each axis.
    outputs
        Values K for each sample.
    halo
        Planes before and after its own that a sample needs, along the first axis.

    Notes
    -----
    Welford 1962: with the k-th value x, δ = x − m and m' = m + δ / k, squares grow by δ (x − m').
    """

    def __init__(self, members: Sequence[Member], shape: tuple[int, ...], outputs: int, halo: int) -> None:
        self._members, self._shape, self._outputs, self._halo = tuple(members), shape, outputs, halo

    def cut(self, within: Window, memory: int) -> Cut:
        """Slabs of a window, each passed over by one member after the other; a `Pass`."""
        # Mean and spread of each.
        plane = 2 * WAITING * BYTES_PER_SAMPLE * self._outputs * prod(within.shape[1:])
        most = min(within.shape[0], max(PLANES, HALOS * self._halo))
        thickness = max(1, min(most, memory // SHARE_OF_SLABS // plane))
        first, last = within.start[0], within.stop[0]
        edges = [(at, min(at + thickness, last)) for at in range(first, last, thickness)]
        slabs = [Window((a, *within.start[1:]), (b, *within.stop[1:])) for a, b in edges]
        inner = memory - plane * thickness
        tiles = tuple(Tile(slab, slab, 0, thickness, inner) for slab in slabs)
        computed, needed, how = 0.0, 0, ""
        for slab in slabs:
            for member in self._members:
                cut = member.each.cut(mirrored(slab, self._shape, member.flips), inner)
                computed += cut.arithmetic * slab.size
                needed, how = max(needed, cut.memory), how or cut.how
        several = f"the mean of {len(self._members)} passes, {len(slabs)} slab{'s' * (len(slabs) > 1)}; the first {how}"
        return Cut(tiles, several, computed / within.size, needed + plane * thickness)

    def parts(self, tile: Tile, front: int | None = None) -> Generator[Part | Underway]:
        """The slab, as one part; a `Pass`."""
        if front is not None and front >= tile.core.stop[0]:
            return
        mean = torch.zeros((self._outputs, *tile.core.shape))
        squares, done = torch.zeros_like(mean), 0
        for count, member in enumerate(self._members, start=1):
            for part in self._inside(member, tile):
                at = (slice(None), *part.window.shifted([-a for a in tile.core.start]).slices)
                values = part.values.cpu()
                change = values - mean[at]
                mean[at] += change / count
                squares[at] += change * (values - mean[at])
                done += part.window.size
                yield Underway(done // len(self._members))
        yield Part(tile.core, mean, (squares / len(self._members)).clamp_min(0).sqrt())

    def _inside(self, member: Member, tile: Tile) -> Iterator[Part]:
        """The parts that a member makes of a slab, where they lie in the survey as it is."""
        region = mirrored(tile.core, self._shape, member.flips)
        for inner in member.each.cut(region, tile.memory).tiles:
            for part in member.each.parts(inner):
                if isinstance(part, Underway):
                    continue
                values: Tensor = part.values.flip([1 + axis for axis in member.flips])
                yield Part(mirrored(part.window, self._shape, member.flips), values)
