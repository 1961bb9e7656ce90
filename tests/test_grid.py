"""Labels to positions and back, windows, slabs, and the overlap of two grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window, overlap

axes = st.builds(
    Axis,
    st.just("inline"),
    st.integers(-9999, 9999),
    st.sampled_from([-3, -0.5, 0.25, 1, 4, 12.5]),
    st.integers(1, 50),
)


@given(axes, st.data())
def test_positions_and_labels_are_inverse(axis: Axis, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, axis.size - 1))
    assert axis.position(axis.label(position)) == position
    assert axis.last == axis.label(axis.size - 1)


@pytest.mark.parametrize("label", [9, 11, 15.4, 22])
def test_labels_that_no_position_has(label: float) -> None:
    with pytest.raises(SurveyError, match=f"no inline {label:g}"):
        Axis("inline", 10, 2, 6).position(label)


@pytest.mark.parametrize(("step", "size"), [(0, 5), (1, 0)])
def test_axes_that_cannot_be(step: float, size: int) -> None:
    with pytest.raises(SurveyError, match="at least one position"):
        Axis("inline", 0, step, size)


boxes = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ends: (min(ends), max(ends) + 1))
windows = st.tuples(boxes, boxes).map(lambda each: Window(*zip(*each, strict=True)))


def inside(window: Window) -> np.ndarray:
    mask = np.zeros((10, 10), bool)
    mask[window.slices] = True
    return mask


@given(windows, windows)
def test_the_part_of_a_window_in_another(first: Window, second: Window) -> None:
    both = first.within(second)
    assert np.array_equal(inside(both), inside(first) & inside(second))
    assert both.size == inside(both).sum()
    assert first.shifted((2, 3)).shape == first.shape
    assert first.shifted((2, 3)).shifted((-2, -3)) == first


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 40))
def test_slabs_make_up_the_whole_in_order(rows: int, columns: int, samples: int) -> None:
    grid = Grid((Axis("row", 0, 1, rows), Axis("column", 0, 1, columns)))
    count = np.zeros(grid.shape, int)
    last = 0
    for slab in grid.slabs(samples):
        assert slab.start[0] == last
        assert slab.size <= max(samples, columns)
        last = slab.stop[0]
        count[slab.slices] += 1
    assert (count == 1).all()


def test_axes_by_name() -> None:
    grid = Grid((Axis("inline", 0, 1, 3), Axis("sample", 0, 4, 5, "ms")))
    assert grid.axis("sample").step == 4
    assert (grid.lateral, grid.ndim, grid.whole) == ((3,), 2, Window((0, 0), (3, 5)))
    with pytest.raises(SurveyError, match="no axis 'crossline'"):
        grid.axis("crossline")


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-12, 12), st.sampled_from([-2, 1, 4.0]))
def test_overlap_by_labels(first: int, second: int, shift: int, step: float) -> None:
    a, b = Axis("inline", 50, step, first), Axis("inline", 50 + shift * step, step, second)
    common = {a.label(i) for i in range(first)} & {b.label(i) for i in range(second)}
    if not common:
        with pytest.raises(SurveyError, match="A and B do not overlap"):
            overlap(Grid((a,)), Grid((b,)), ("A", "B"))
        return
    in_a, in_b = overlap(Grid((a,)), Grid((b,)), ("A", "B"))
    for axis, window in ((a, in_a), (b, in_b)):
        assert {axis.label(i) for i in range(window.start[0], window.stop[0])} == common


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Axis("crossline", 0, 1, 5), "different axes"),
        (Axis("inline", 0, 2, 5), "same inline positions"),
        (Axis("inline", 0.5, 1, 5), "same inline positions"),
        (Axis("inline", 0, 1, 5, "m"), "same inline positions"),
    ],
)
def test_grids_that_do_not_meet(other: Axis, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        overlap(Grid((Axis("inline", 0, 1, 5),)), Grid((other,)), ("A", "B"))
