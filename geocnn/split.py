"""The honest split: a block held out for validation, and a gap that no training patch enters."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from geocnn.errors import SurveyError
from geocnn.grid import Grid, Window
from geocnn.records import crossed, nearest

__all__ = ["BlockRule", "Split", "hold_out"]


@dataclass(frozen=True)
class BlockRule:
    """How much to hold out, and where.

    Parameters
    ----------
    block
        Share of the axis that is held out, at its far end.
    gap
        Positions between the block and the nearest training patch.
    axis
        Name of the axis to cut; None for the lateral axis that leaves most room.
    """

    block: float
    gap: int
    axis: str | None = None


@dataclass(frozen=True)
class Split:
    """Two windows of one survey that lie `gap` positions apart along one axis.

    ::

        |------ training ------|-- gap --|-- validation --|   → axis
    """

    training: Window
    validation: Window


def hold_out(grid: Grid, covered: Window, patch: tuple[int, ...], rule: BlockRule, stride: tuple[int, ...]) -> Split:
    """Cut the covered part of a survey into training and validation.

    Parameters
    ----------
    grid, covered
        The survey, and the part of it that has a label.
    patch, stride
        Positions of a patch on each axis; patches are multiples of the network's stride.
    rule
        What the user wants held out.

    Raises
    ------
    SurveyError
        If no training patch fits; a block, an axis and a patch that do fit are proposed. Or if the rule names an
        axis that the survey has not.
    """
    cut = _axis(grid, covered, patch, rule)
    large = [axis.name for axis, n, p in zip(grid.axes, covered.shape, patch, strict=True) if p > n]
    if large:
        raise SurveyError(
            f"a patch of {crossed(patch)} is larger than the labelled survey of {crossed(covered.shape)} "
            f"along {', '.join(large)}",
            expected="a patch that fits into the survey",
            do=_proposal(grid, covered, patch, rule, stride),
        )
    if _room(covered, cut, rule) < patch[cut]:
        held, left = _held(covered, cut, rule), max(0, _room(covered, cut, rule))
        raise SurveyError(
            f"no training patch fits: of {covered.shape[cut]} positions along {grid.axes[cut].name}, validation takes "
            f"{held} and the gap {rule.gap}, which leaves {left} for a patch of {patch[cut]}",
            expected="room for at least one patch beside the block and its gap",
            do=_proposal(grid, covered, patch, rule, stride),
        )
    return _cut(covered, cut, rule)


def _axis(grid: Grid, covered: Window, patch: tuple[int, ...], rule: BlockRule) -> int:
    """The axis to cut: the one that the rule names, or the lateral one that leaves most room beside a patch."""
    lateral = [axis.name for axis in grid.axes[:-1]]
    if not lateral:
        raise SurveyError(
            f"a survey with the axis {grid.axes[0].name} alone has no lateral axis to cut a block from",
            expected="other traces for validation",
            do="hold out whole surveys: validation: {surveys: 1}",
        )
    if rule.axis is None:
        return max(range(len(lateral)), key=lambda k: _room(covered, k, rule) - patch[k])
    if rule.axis not in lateral:
        meant = nearest(rule.axis, lateral) or lateral[0]
        raise SurveyError(
            f"no lateral axis {rule.axis!r} to cut a block from",
            expected=f"one of {', '.join(lateral)}",
            do=f"write axis: {meant}, or leave it out for the one with most room",
        )
    return lateral.index(rule.axis)


def _held(covered: Window, axis: int, rule: BlockRule) -> int:
    """Positions that validation takes along an axis."""
    return ceil(rule.block * covered.shape[axis])


def _room(covered: Window, axis: int, rule: BlockRule) -> int:
    """Positions left for training along an axis; negative if not even the gap fits."""
    return covered.shape[axis] - _held(covered, axis, rule) - rule.gap


def _cut(covered: Window, axis: int, rule: BlockRule) -> Split:
    first = covered.stop[axis] - _held(covered, axis, rule)

    def along(start: int, stop: int) -> Window:
        return Window(
            (*covered.start[:axis], start, *covered.start[axis + 1 :]),
            (*covered.stop[:axis], stop, *covered.stop[axis + 1 :]),
        )

    return Split(along(covered.start[axis], first - rule.gap), along(first, covered.stop[axis]))


def _proposal(grid: Grid, covered: Window, patch: tuple[int, ...], rule: BlockRule, stride: tuple[int, ...]) -> str:
    """A block, an axis and a patch that fit, as near to what was asked for as can be."""
    fitting = tuple(min(p, n) // s * s for p, n, s in zip(patch, covered.shape, stride, strict=True))
    for block in sorted({rule.block, *(b for b in (0.2, 0.15, 0.1, 0.05) if b < rule.block)}, reverse=True):
        tried = BlockRule(block, rule.gap)
        axes = [k for k in range(grid.ndim - 1) if _room(covered, k, tried) >= max(fitting[k], 1)]
        if axes and min(fitting) > 0:
            best = max(axes, key=lambda k: _room(covered, k, tried))
            return _spell_proposal(block, rule.gap, grid.axes[best].name, fitting)
    for gap in (rule.gap, 0):
        tried = BlockRule(min(rule.block, 0.2), gap)
        best = max(range(grid.ndim - 1), key=lambda k: _room(covered, k, tried), default=0)
        smaller = min(fitting[best], _room(covered, best, tried) // stride[best] * stride[best])
        if smaller > 0 and min(fitting) > 0 and grid.ndim > 1:
            shrunk = (*fitting[:best], smaller, *fitting[best + 1 :])
            return _spell_proposal(tried.block, gap, grid.axes[best].name, shrunk)
    return "hold out whole surveys: validation: {surveys: …}, or use a network with a smaller stride"


def _spell_proposal(block: float, gap: int, axis: str, patch: tuple[int, ...]) -> str:
    return f"for example validation: {{block: {block:g}, gap: {gap}, axis: {axis}}} with patch: {list(patch)}"
