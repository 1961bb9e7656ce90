"""How a volume is cut: tiles aligned to the stride, each read with its halo of true neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import NamedTuple

from geocnn.errors import UsageError
from geocnn.grid import Window
from geocnn.network.memory import inference_bytes
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.network.plan import Plan

__all__ = ["Tile", "Tiling", "plan_tiles", "tile_bytes"]


@dataclass(frozen=True)
class Tile:
    """What one pass computes.

    ::

        read  |----halo----|======core======|----halo----|
        start: a multiple of the stride, or the true edge

    Parameters
    ----------
    core
        Output that this tile answers for.
    read
        Input that it needs. It may reach past the far edge of the survey, up to the next multiple of the stride:
        those samples are zero.
    """

    core: Window
    read: Window


@dataclass(frozen=True)
class Tiling:
    """A window cut into tiles.

    Parameters
    ----------
    within
        The window that the cores make up, without overlap.
    size
        Shape of a core; the last ones may be smaller.
    stride, halo, padded
        Per axis: total stride of the network, (near, far) halo, and size of the survey rounded up to the stride.
    """

    within: Window
    size: tuple[int, ...]
    stride: tuple[int, ...]
    halo: tuple[tuple[int, int], ...]
    padded: tuple[int, ...]

    def slabs(self) -> Iterator[tuple[Window, list[Tile]]]:
        """Whole cross-sections of `within` in order along the first axis, each with the tiles that make it."""
        first, *others = (self._spans(axis) for axis in range(len(self.size)))
        for span in first:
            slab = Window((span.start, *self.within.start[1:]), (span.stop, *self.within.stop[1:]))
            yield slab, [_tile((span, *rest)) for rest in product(*others)]

    def _spans(self, axis: int) -> list[_Span]:
        """How one axis is cut."""
        near, far = self.halo[axis]
        stride, padded, end = self.stride[axis], self.padded[axis], self.within.stop[axis]
        spans = []
        for start in range(self.within.start[axis], end, self.size[axis]):
            stop = min(start + self.size[axis], end)
            first = max(0, (start - near) // stride * stride)
            spans.append(_Span(start, stop, first, min(padded, ceil((stop + far) / stride) * stride)))
        return spans

    @property
    def arithmetic(self) -> float:
        """Samples that the network sees, over samples that it answers for: 1 means no work done twice."""
        axes = range(len(self.size))
        return prod(sum(span.last - span.first for span in self._spans(axis)) for axis in axes) / self.within.size

    @property
    def largest(self) -> tuple[int, ...]:
        """Shape of the largest tile's reading."""
        return tuple(max(span.last - span.first for span in self._spans(axis)) for axis in range(len(self.size)))


class _Span(NamedTuple):
    """A tile along one axis: its core is start:stop, its reading first:last."""

    start: int
    stop: int
    first: int
    last: int


def _tile(spans: tuple[_Span, ...]) -> Tile:
    starts, stops, firsts, lasts = zip(*spans, strict=True)
    return Tile(Window(starts, stops), Window(firsts, lasts))


def plan_tiles(plan: Plan, shape: tuple[int, ...], within: Window, memory: int) -> Tiling:
    """The tiling of `within` that fits the memory with little arithmetic done twice.

    Starts from one tile and halves, again and again, the axis whose halving costs least, until a tile fits.

    Parameters
    ----------
    plan
        The network; its stride and halo decide.
    shape
        Positions of the whole survey on each axis.
    within
        What to predict.
    memory
        Bytes that one tile may take.

    Raises
    ------
    UsageError
        If the halo alone takes more than the memory, so that smaller tiles are no remedy.
    """
    stride = plan.stride
    padded = plan.admissible(shape)

    def tiling(size: tuple[int, ...]) -> Tiling:
        return Tiling(within, size, stride, plan.halo, padded)

    best = tiling(within.shape)
    while (needed := tile_bytes(plan, best.largest)) > memory:
        smaller = [tiling(size) for size in _halvings(best.size, stride)]
        useful = [candidate for candidate in smaller if prod(candidate.largest) <= USEFUL * prod(best.largest)]
        if not useful:
            raise UsageError(
                f"{memory / 1e9:.2g} GB of memory for a network that sees {' × '.join(map(str, plan.receptive_field))} "
                "samples around each",
                expected=f"at least {needed / 1e9:.2g} GB, or the halo takes it all",
                do=f"pass --memory {ceil(needed / 1e8) / 10:g}GB",
            )
        best = min(useful, key=lambda candidate: candidate.arithmetic)
    return best


USEFUL = 0.95
"""A tile is only cut in two if that makes it smaller, halo included, by this factor at least."""


def _halvings(size: tuple[int, ...], stride: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """`size` with one axis halved, kept a multiple of the stride."""
    for axis, (n, s) in enumerate(zip(size, stride, strict=True)):
        half = ceil(n / 2 / s) * s
        if half < n:
            yield (*size[:axis], half, *size[axis + 1 :])


def tile_bytes(plan: Plan, shape: tuple[int, ...]) -> int:
    """The most bytes that a pass over a tile of this shape holds at once, beside the network's parameters."""
    return inference_bytes(plan, shape) - BYTES_PER_SAMPLE * plan.parameters
