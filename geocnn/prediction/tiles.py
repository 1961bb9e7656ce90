"""How a volume is cut: tiles aligned to the stride, each read with its halo of true neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

from geocnn.grid import Window
from geocnn.network.plan import Plan

__all__ = ["Tile", "Tiling", "bytes_per_sample", "plan_tiles"]


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
        starts = [
            range(start, stop, size)
            for start, stop, size in zip(self.within.start, self.within.stop, self.size, strict=True)
        ]
        for first in starts[0]:
            last = min(first + self.size[0], self.within.stop[0])
            slab = Window((first, *self.within.start[1:]), (last, *self.within.stop[1:]))
            yield slab, [self.tile((first, *rest)) for rest in product(*starts[1:])]

    def tile(self, start: tuple[int, ...]) -> Tile:
        """The tile whose core begins at `start`."""
        core = Window(start, tuple(a + n for a, n in zip(start, self.size, strict=True))).within(self.within)
        axes = zip(core.start, core.stop, self.stride, self.halo, self.padded, strict=True)
        spans = [
            (max(0, (a - near) // s * s), min(size, ceil((b + far) / s) * s)) for a, b, s, (near, far), size in axes
        ]
        return Tile(core, Window(tuple(a for a, _ in spans), tuple(b for _, b in spans)))

    @property
    def arithmetic(self) -> float:
        """Samples that the network sees, over samples that it answers for: 1 means no work done twice."""
        return sum(tile.read.size for _, tiles in self.slabs() for tile in tiles) / self.within.size


def plan_tiles(plan: Plan, shape: tuple[int, ...], within: Window, memory: int) -> Tiling:
    """The tiling of `within` that fits the memory with little arithmetic done twice.

    Starts from one tile and halves, again and again, the axis whose halving costs least, until a tile fits or
    nothing is left to halve.

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
    """
    stride = plan.stride
    padded = tuple(ceil(n / s) * s for n, s in zip(shape, stride, strict=True))
    budget = max(1, memory // bytes_per_sample(plan))

    def tiling(size: tuple[int, ...]) -> Tiling:
        return Tiling(within, size, stride, plan.halo, padded)

    best = tiling(within.shape)
    while max(tile.read.size for _, tiles in best.slabs() for tile in tiles) > budget:
        smaller = [tiling(size) for size in _halvings(best.size, stride)]
        if not smaller:
            break
        best = min(smaller, key=lambda candidate: candidate.arithmetic)
    return best


def _halvings(size: tuple[int, ...], stride: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """`size` with one axis halved, kept a multiple of the stride."""
    for axis, (n, s) in enumerate(zip(size, stride, strict=True)):
        half = ceil(n / 2 / s) * s
        if half < n:
            yield (*size[:axis], half, *size[axis + 1 :])


def bytes_per_sample(plan: Plan) -> int:
    """Peak bytes of activations that live at once, per input sample, at inference."""
    last_use = {source: node.id for node in plan.nodes for source in node.inputs}
    live: dict[int, int] = {}
    peak = 0
    for node in plan.nodes:
        live[node.id] = node.activation_bytes
        peak = max(peak, sum(live.values()))
        live = {i: size for i, size in live.items() if last_use.get(i, -1) > node.id}
    return ceil(peak / prod(plan.input[1:]))
