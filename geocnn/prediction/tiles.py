"""How a volume is cut: tiles aligned to the stride, each read with its halo of true neighbours, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from math import ceil, prod
from typing import NamedTuple

from geocnn.errors import UsageError
from geocnn.grid import Window
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.network.plan import Plan
from geocnn.network.stream_memory import stream_bytes

__all__ = ["WAITING", "Tile", "Tiling", "memory_words", "plan_tiles", "planes_of", "tiling_bytes"]


@dataclass(frozen=True)
class Tile:
    """What one stream computes.

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
    axis, chunk
        Along which axis planes are read, and how many at a time.
    memory
        Bytes that whoever computes it may take.
    """

    core: Window
    read: Window
    axis: int
    chunk: int
    memory: int


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
    axis, chunk
        The axis along which tiles are streamed, and the planes that are computed at a time: a multiple of the stride.
    memory
        Bytes that a tile may take.
    """

    within: Window
    size: tuple[int, ...]
    stride: tuple[int, ...]
    halo: tuple[tuple[int, int], ...]
    padded: tuple[int, ...]
    axis: int
    chunk: int
    memory: int

    def tiles(self) -> Iterator[Tile]:
        """All tiles, in order along the first axis, then along the others."""
        for spans in product(*(self._spans(axis) for axis in range(len(self.size)))):
            starts, stops, firsts, lasts = zip(*spans, strict=True)
            yield Tile(Window(starts, stops), Window(firsts, lasts), self.axis, self.chunk, self.memory)

    def slabs(self) -> Iterator[tuple[Window, Iterator[Tile]]]:
        """Whole cross-sections of `within` in order along the first axis, each with the tiles that make it."""
        for (first, last), tiles in groupby(self.tiles(), lambda tile: (tile.core.start[0], tile.core.stop[0])):
            yield Window((first, *self.within.start[1:]), (last, *self.within.stop[1:])), tiles

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
    def cross_section(self) -> int:
        """Samples in a plane of the largest tile's reading."""
        return prod(n for axis, n in enumerate(self.largest) if axis != self.axis)

    @property
    def computed(self) -> int:
        """Samples that the network sees, those of halos as often as they are seen."""
        return prod(sum(span.last - span.first for span in self._spans(axis)) for axis in range(len(self.size)))

    @property
    def arithmetic(self) -> float:
        """Samples that the network sees, over samples that it answers for: 1 means no work done twice."""
        return self.computed / self.within.size

    @property
    def largest(self) -> tuple[int, ...]:
        """Shape of the largest tile's reading."""
        return tuple(max(span.last - span.first for span in self._spans(axis)) for axis in range(len(self.size)))

    @property
    def whole(self) -> bool:
        """Whether each cross-section is one tile's."""
        return all(n == m for axis, (n, m) in enumerate(zip(self.size, self.within.shape, strict=True)) if axis)


def planes_of(window: Window, axis: int, first: int, last: int) -> Window:
    """Planes first:last of a window along an axis."""
    start, stop = list(window.start), list(window.stop)
    start[axis], stop[axis] = first, last
    return Window(tuple(start), tuple(stop))


class _Span(NamedTuple):
    """A tile along one axis: its core is start:stop, its reading first:last."""

    start: int
    stop: int
    first: int
    last: int


def plan_tiles(
    plan: Plan,
    shape: tuple[int, ...],
    within: Window,
    memory: int,
    *,
    ordered: bool = False,
    bytes_per_sample: int = BYTES_PER_SAMPLE,
) -> Tiling:
    """The tiling of `within` that fits the memory with the least arithmetic done twice.

    A tile is streamed along one axis over its whole length, which takes no memory. For each axis that may be, starts
    from one tile, and takes fewer planes at a time; if that is not enough, cuts the other axes, and takes the cut of
    the least arithmetic that fits. Of the axes that with the least arithmetic is taken.

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
    ordered
        Whether cross-sections are wanted whole, in order along the first axis: then that one is streamed along, and
        where several tiles make up a cross-section they are cut along it too.
    bytes_per_sample
        Of what the network computes in.

    Raises
    ------
    UsageError
        If the halo alone takes more than the memory, so that smaller tiles are no remedy.
    """
    need = _Need(plan, memory, ordered, bytes_per_sample)
    padded = plan.admissible(shape)
    # Planes across the sample axis would touch every trace again and again.
    axes = range(1 if ordered else max(1, len(shape) - 1))
    fitted: list[Tiling] = []
    refused: list[UsageError] = []
    for axis in axes:
        chunk = _usual_chunk(within.shape, axis, plan.stride[axis])
        try:
            whole = Tiling(within, within.shape, plan.stride, plan.halo, padded, axis, chunk, memory)
            fitted.append(_fitted(whole, need))
        except UsageError as error:
            refused.append(error)
    if not fitted:
        raise refused[0]
    return min(fitted, key=_dearness)


def _dearness(tiling: Tiling) -> tuple[float, bool, int]:
    """What makes a tiling worse than another: arithmetic, then fewer planes at a time than usual, then a later axis."""
    axis = tiling.axis
    usual = _usual_chunk(tiling.within.shape, axis, tiling.stride[axis])
    return round(tiling.arithmetic, 2), tiling.chunk < usual, axis


class _Need(NamedTuple):
    """What decides on a tiling beside the survey."""

    plan: Plan
    memory: int
    ordered: bool
    bytes_per_sample: int

    def bytes(self, tiling: Tiling) -> int:
        """What a tiling takes."""
        return tiling_bytes(self.plan, tiling, self.ordered, self.bytes_per_sample)


def _fitted(whole: Tiling, need: _Need) -> Tiling:
    """The tiling with fewer planes at a time, then with its cross-sections cut, until it fits."""
    best, stride = whole, whole.stride[whole.axis]
    while (needed := need.bytes(best)) > need.memory and best.chunk > stride:
        best = replace(best, chunk=max(1, best.chunk // stride // 2) * stride)
    if needed <= need.memory:
        return best
    cuts = [replace(best, size=_thinned(best, size, need)) for size in _sizes(best)]
    # Bytes are nearly in proportion to the cross-section; to play each tiling through would take long.
    each = needed / best.cross_section
    near = [cut for cut in cuts if each * cut.cross_section <= NEAR * need.memory]
    for cut in sorted(near, key=lambda cut: cut.computed):
        if need.bytes(cut) <= need.memory:
            return cut
    least = need.bytes(min(cuts, key=lambda cut: cut.cross_section))
    raise UsageError(
        f"{memory_words(need.memory)} of memory for a network that sees "
        f"{' × '.join(map(str, need.plan.receptive_field))} samples around each",
        expected=f"at least {memory_words(least)}: the halo takes it",
        do=f"pass --memory {ceil(least / 1e7) / 100:g}GB",
    )


NEAR = 1.2
"""How far, at most, memory in proportion to the cross-section is from the truth."""
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128)
"""Into how many tiles an axis may be cut."""
PLANES = 8
"""Planes at a time: few are held, and a convolution's neighbours among them are still few beside them."""
SAMPLES = 2**18
"""Samples at a time, at least, so that the steps of a network are large beside what it costs to begin them."""
SHARE_OF_SLAB = 4
"""A slab of logits, which is held where several tiles make it up, takes at most one in so many bytes."""
WAITING = 4
"""Parts of a result that are held at once: one is being made, one written, the others wait between."""


def _usual_chunk(shape: Sequence[int], axis: int, stride: int) -> int:
    """Planes at a time where memory is plenty: a multiple of the stride."""
    planes = max(PLANES, ceil(SAMPLES / prod(n for each, n in enumerate(shape) if each != axis)))
    return ceil(min(planes, shape[axis]) / stride) * stride


def _sizes(tiling: Tiling) -> Iterator[tuple[int, ...]]:
    """Shapes of tiles as equal as strides allow, cut along all axes but the one that is streamed along."""
    axes = []
    for axis, (size, stride) in enumerate(zip(tiling.size, tiling.stride, strict=True)):
        counts = (1,) if axis == tiling.axis else COUNTS
        axes.append(dict.fromkeys(size if k == 1 else ceil(size / k / stride) * stride for k in counts))
    yield from product(*axes)


def _thinned(tiling: Tiling, size: tuple[int, ...], need: _Need) -> tuple[int, ...]:
    """The size with as few planes that a slab of logits takes its share of the memory, where slabs are wanted."""
    if not need.ordered:
        return size
    plane = BYTES_PER_SAMPLE * need.plan.outputs * prod(tiling.within.shape[1:])
    stride = need.plan.stride[0]
    return (min(size[0], max(1, need.memory // SHARE_OF_SLAB // plane // stride) * stride), *size[1:])


def tiling_bytes(plan: Plan, tiling: Tiling, ordered: bool = False, bytes_per_sample: int = BYTES_PER_SAMPLE) -> int:
    """The most bytes that are held at once beside the network's parameters.

    Those of a tile's stream, of planes that were read ahead, of results that wait to be written, and of a slab where
    it is wanted whole and made of several tiles.
    """
    slab = 0 if not ordered or tiling.whole else tiling.size[0] * prod(tiling.within.shape[1:]) * plan.outputs
    planes = tiling.chunk * tiling.cross_section * (3 * plan.input[0] + WAITING * plan.outputs)
    streamed = stream_bytes(plan, tiling.largest, tiling.chunk, tiling.axis, bytes_per_sample)
    return streamed + BYTES_PER_SAMPLE * (planes + slab)


def memory_words(size: int) -> str:
    """Bytes as ``3.1 GB``, ``0.12 GB``, ``99 MB``."""
    return f"{size / 1e9:.2g} GB" if size >= 1e8 else f"{ceil(size / 1e6):,} MB"
