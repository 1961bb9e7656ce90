"""The split: validation lies a gap away from any training patch, and proposals fit when they are tried."""

from __future__ import annotations

import re

import pytest
from arrays import grid_of
from hypothesis import assume, given
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.split import BlockRule, hold_out

PROPOSAL = re.compile(r"block: (\S+), gap: (\d+), axis: (\w+)\} with patch: \[(.*)\]")


@given(st.data())
def test_training_keeps_its_distance(data: st.DataObject) -> None:
    ndim = data.draw(st.integers(2, 3))
    shape = tuple(data.draw(st.integers(4, 60)) for _ in range(ndim))
    start = tuple(data.draw(st.integers(0, n // 2)) for n in shape)
    covered = Window(start, shape)
    patch = tuple(data.draw(st.integers(1, n)) for n in covered.shape)
    rule = BlockRule(data.draw(st.floats(0.05, 0.5)), data.draw(st.integers(0, 20)))
    try:
        split = hold_out(grid_of(shape), covered, patch, rule, (1,) * ndim)
    except SurveyError:
        assume(False)
    [cut] = [k for k in range(ndim) if split.training.shape[k] != covered.shape[k]]
    assert cut < ndim - 1, "the sample axis is never cut"
    assert split.validation.start[cut] - split.training.stop[cut] == rule.gap
    assert split.validation.stop[cut] == covered.stop[cut]
    assert split.validation.shape[cut] >= rule.block * covered.shape[cut]
    for window in (split.training, split.validation):
        assert window.within(covered) == window
        assert window.size > 0
    assert all(n >= p for n, p in zip(split.training.shape, patch, strict=True))


def test_the_axis_with_most_room_is_cut() -> None:
    split = hold_out(
        grid_of((128, 256, 192)), Window((0, 0, 0), (128, 256, 192)), (64, 64, 64), BlockRule(0.2, 16), (8,) * 3
    )
    assert split.training == Window((0, 0, 0), (128, 188, 192))
    assert split.validation == Window((0, 204, 0), (128, 256, 192))


def test_a_named_axis_is_cut() -> None:
    rule = BlockRule(0.25, 4, "inline")
    split = hold_out(grid_of((40, 16, 16)), Window((0, 0, 0), (40, 16, 16)), (8, 8, 8), rule, (2,) * 3)
    assert split.validation.start == (30, 0, 0)
    assert split.training.stop == (26, 16, 16)


@pytest.mark.parametrize(
    ("shape", "patch", "stride"),
    [
        ((128, 256, 192), (128, 128, 128), 8),
        ((64, 64, 64), (64, 64, 64), 8),
        ((60, 50, 70), (64, 64, 64), 8),
        ((40, 200, 200), (64, 64, 64), 8),
        ((24, 20, 30), (16, 16, 16), 4),
    ],
)
def test_what_is_proposed_fits(shape: tuple[int, ...], patch: tuple[int, ...], stride: int) -> None:
    whole = Window((0,) * len(shape), shape)
    rule = BlockRule(0.2, 16, "inline")
    with pytest.raises(SurveyError, match=r"no training patch fits|is larger than the labelled survey") as caught:
        hold_out(grid_of(shape), whole, patch, rule, (stride,) * 3)
    proposal = PROPOSAL.search(caught.value.faults[0].do)
    assert proposal, caught.value.faults[0].do
    tried = BlockRule(float(proposal[1]), int(proposal[2]), proposal[3])
    fitting = tuple(map(int, proposal[4].split(",")))
    assert all(p % stride == 0 for p in fitting)
    hold_out(grid_of(shape), whole, fitting, tried, (stride,) * 3)


@given(st.data())
def test_every_proposal_fits(data: st.DataObject) -> None:
    """Whatever is asked for: a proposal with numbers is accepted, and has a patch of the stride's multiples."""
    ndim = data.draw(st.integers(2, 3))
    shape = tuple(data.draw(st.integers(1, 80)) for _ in range(ndim))
    stride = tuple(data.draw(st.sampled_from([1, 2, 3, 8])) for _ in range(ndim))
    patch = tuple(s * data.draw(st.integers(1, 12)) for s in stride)
    rule = BlockRule(data.draw(st.floats(0.01, 0.99)), data.draw(st.integers(0, 40)))
    whole = Window((0,) * ndim, shape)
    try:
        hold_out(grid_of(shape), whole, patch, rule, stride)
    except SurveyError as error:
        proposal = PROPOSAL.search(error.faults[0].do)
    else:
        assume(False)
    if proposal is None:
        assert "hold out whole surveys" in error_text(shape, whole, patch, rule, stride)
        return
    tried = BlockRule(float(proposal[1]), int(proposal[2]), proposal[3])
    fitting = tuple(map(int, proposal[4].split(",")))
    assert all(0 < p <= asked and p % s == 0 for p, asked, s in zip(fitting, patch, stride, strict=True))
    hold_out(grid_of(shape), whole, fitting, tried, stride)


def error_text(
    shape: tuple[int, ...], whole: Window, patch: tuple[int, ...], rule: BlockRule, stride: tuple[int, ...]
) -> str:
    with pytest.raises(SurveyError, match=r"patch") as caught:
        hold_out(grid_of(shape), whole, patch, rule, stride)
    return str(caught.value)


@pytest.mark.parametrize(("axis", "meant"), [("crosline", "crossline"), ("sample", "inline"), ("x", "inline")])
def test_blocks_are_cut_from_lateral_axes(axis: str, meant: str) -> None:
    whole = Window((0, 0, 0), (60, 60, 60))
    with pytest.raises(SurveyError, match=rf"no lateral axis '{axis}'(.|\n)*inline, crossline\n.*write axis: {meant}"):
        hold_out(grid_of((60, 60, 60)), whole, (8, 8, 8), BlockRule(0.2, 4, axis), (1, 1, 1))


def test_traces_have_no_lateral_axis() -> None:
    with pytest.raises(SurveyError, match="no lateral axis"):
        hold_out(grid_of((500,)), Window((0,), (500,)), (64,), BlockRule(0.2, 16), (1,))
