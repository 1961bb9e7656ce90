"""How a volume is cut: tiles aligned to the stride, each read with its halo of true neighbours, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import NamedTuple

from geocnn.errors import UsageError
from geocnn.grid import Window
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.network.plan import Plan
from geocnn.network.stream_memory import stream_bytes

__all__ = ["Tile", "Tiling", "plan_tiles", "tiling_bytes"]


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
    chunk
        Planes along the first axis that are computed at a time: a multiple of the stride.
    """

    within: Window
    size: tuple[int, ...]
    stride: tuple[int, ...]
    halo: tuple[tuple[int, int], ...]
    padded: tuple[int, ...]
    chunk: int

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

    A tile is streamed along the first axis, so that its length takes no memory. Starts from one tile; takes fewer
    planes at a time, then halves, again and again, the other axis whose halving costs least, until a tile fits.

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

    def tiling(size: tuple[int, ...], chunk: int) -> Tiling:
        return Tiling(within, size, stride, plan.halo, plan.admissible(shape), chunk)

    best = tiling(within.shape, _usual_chunk(within.shape, stride[0]))
    while (needed := tiling_bytes(plan, best)) > memory:
        fewer = max(1, best.chunk // stride[0] // 2) * stride[0]
        if fewer < best.chunk:
            best = tiling(best.size, fewer)
            continue
        thin = _thickness(plan, within, memory)
        smaller = [tiling((min(size[0], thin), *size[1:]), best.chunk) for size in _halvings(best.size, stride)]
        useful = [candidate for candidate in smaller if prod(candidate.largest[1:]) <= USEFUL * prod(best.largest[1:])]
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
"""A tile is only cut in two if that makes its cross-section smaller, halo included, by this factor at least."""
PLANES = 8
"""Planes at a time: few are held, and a convolution's neighbours among them are still few beside them."""
SAMPLES = 2**18
"""Samples at a time, at least, so that the steps of a network are large beside what it costs to begin them."""
SHARE_OF_SLAB = 4
"""A slab of logits, which is held where several tiles make it up, takes at most one in so many bytes."""


def _usual_chunk(shape: tuple[int, ...], stride: int) -> int:
    """Planes at a time where memory is plenty: a multiple of the stride."""
    planes = max(PLANES, ceil(SAMPLES / prod(shape[1:])))
    return ceil(min(planes, shape[0]) / stride) * stride


def _halvings(size: tuple[int, ...], stride: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """`size` with one axis but the first halved, kept a multiple of the stride."""
    for axis in range(1, len(size)):
        half = ceil(size[axis] / 2 / stride[axis]) * stride[axis]
        if half < size[axis]:
            yield (*size[:axis], half, *size[axis + 1 :])


def _thickness(plan: Plan, within: Window, memory: int) -> int:
    """Planes of a slab of logits that takes its share of the memory: a multiple of the stride."""
    plane = BYTES_PER_SAMPLE * plan.outputs * prod(within.shape[1:])
    return max(1, memory // SHARE_OF_SLAB // plane // plan.stride[0]) * plan.stride[0]


def tiling_bytes(plan: Plan, tiling: Tiling) -> int:
    """The most bytes that are held at once beside the network's parameters: of a tile's stream, and of a slab."""
    slab = tiling.size[0] * prod(tiling.within.shape[1:]) * BYTES_PER_SAMPLE * plan.outputs
    several = tiling.size[1:] != tiling.within.shape[1:]
    planes = 2 * tiling.chunk * prod(tiling.largest[1:]) * BYTES_PER_SAMPLE * plan.input[0]
    return stream_bytes(plan, tiling.largest, tiling.chunk) + planes + several * slab
