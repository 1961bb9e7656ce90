"""Tiles: their cores make up the window once, their reads are aligned and hold the halo."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocnn.errors import UsageError
from geocnn.grid import Window
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.prediction.tiles import Tiling, plan_tiles, tiling_bytes


@st.composite
def tilings(draw: st.DrawFn) -> tuple[Tiling, tuple[int, ...]]:
    """A tiling of a random window of a random survey, and the survey's shape."""
    ndim = draw(st.integers(1, 3))
    axes = []
    for _ in range(ndim):
        size, stride = draw(st.integers(1, 30)), draw(st.sampled_from([1, 2, 3, 4]))
        start = draw(st.integers(0, size - 1))
        stop = draw(st.integers(start + 1, size))
        halo = draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
        axes.append((size, stride, start, stop, halo, stride * draw(st.integers(1, 5))))
    shape, stride, start, stop, halo, core = zip(*axes, strict=True)
    padded = tuple(ceil(n / s) * s for n, s in zip(shape, stride, strict=True))
    axis = draw(st.integers(0, ndim - 1))
    return Tiling(Window(start, stop), core, stride, halo, padded, axis, stride[axis], 10**9), shape


@given(tilings())
def test_cores_make_up_the_window_once(case: tuple[Tiling, tuple[int, ...]]) -> None:
    tiling, shape = case
    counts = np.zeros(shape, int)
    for slab, tiles in tiling.slabs():
        for tile in tiles:
            counts[tile.core.slices] += 1
            assert tile.core.within(slab) == tile.core
    expected = np.zeros(shape, int)
    expected[tiling.within.slices] = 1
    np.testing.assert_array_equal(counts, expected)


@given(tilings())
def test_reads_are_aligned_and_hold_the_halo(case: tuple[Tiling, tuple[int, ...]]) -> None:
    tiling, _ = case
    for _, tiles in tiling.slabs():
        for tile in tiles:
            for axis, stride in enumerate(tiling.stride):
                near, far = tiling.halo[axis]
                first, last = tile.read.start[axis], tile.read.stop[axis]
                assert first % stride == 0
                assert last % stride == 0
                assert first <= max(0, tile.core.start[axis] - near)
                assert last >= min(tiling.padded[axis], tile.core.stop[axis] + far)
                assert 0 <= first < last <= tiling.padded[axis]


def test_less_memory_means_fewer_planes_then_smaller_tiles_and_more_arithmetic() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 64, 64, 64), 1)
    shape = (160, 192, 256)
    whole = Window((0, 0, 0), shape)
    most = tiling_bytes(plan, plan_tiles(plan, shape, whole, memory=10**11))
    memories = [int(most * share) for share in (1, 0.9, 0.7)]
    tilings = [plan_tiles(plan, shape, whole, memory) for memory in memories]
    assert tilings[0].size == shape
    assert tilings[0].arithmetic == 1
    assert tilings[0].arithmetic < tilings[-1].arithmetic
    for tiling, memory in zip(tilings, memories, strict=True):
        reads = [tile.read.shape for _, tiles in tiling.slabs() for tile in tiles]
        assert tuple(map(max, zip(*reads, strict=True))) == tiling.largest
        assert tiling_bytes(plan, tiling) <= memory
        assert tiling.arithmetic == sum(t.read.size for _, tiles in tiling.slabs() for t in tiles) / whole.size


def test_memory_that_the_halo_exceeds_is_told() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 64, 64, 64), 1)
    with pytest.raises(UsageError, match=r"sees 96 × 96 × 96 samples .*\n.*at least .* GB"):
        plan_tiles(plan, (400, 400, 400), Window((0, 0, 0), (400, 400, 400)), memory=10**8)
