"""The lattice that the grids of several files lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.survey import Survey

__all__ = ["firsts", "joint_grid", "require_alike", "strides", "window_of"]

MOST_EMPTY = 20
"""Positions of the joint grid for each position of the parts above which they are taken not to belong together."""


def require_alike(first: Survey, other: Survey) -> None:
    """Refuse files that cannot be parts of one survey."""
    pair = f"{first.name} and {other.name}"
    names, others = ([axis.name for axis in each.grid.axes] for each in (first, other))
    if (first.channels, names) != (other.channels, others):
        raise SurveyError(
            f"{pair} have different axes or channels: {first.grid} against {other.grid}",
            expected="files of one survey, or of one grid to be stacked as channels",
            do="name the files that belong together; header bytes, --geometry and --axes hold for all of them",
        )
    vertical, lower = first.grid.axes[-1], other.grid.axes[-1]
    if vertical != lower:
        raise SurveyError(
            f"{pair} cover different parts of the {vertical.name} axis: {vertical} against {lower}",
            expected=f"the same {vertical.name}s in all files of a survey",
            do="check --dt and --t0, or cut the files to common samples",
        )


def joint_grid(surveys: Sequence[Survey]) -> Grid:
    """The smallest grid that has all positions of all surveys.

    Raises
    ------
    SurveyError
        If their line numbers are not of one lattice, or lie too far apart.
    """
    last = surveys[0].grid.ndim - 1
    lateral = [_joint_axis([each.grid.axes[k] for each in surveys], surveys) for k in range(last)]
    grid = Grid((*lateral, surveys[0].grid.axes[last]))
    held = sum(prod(each.grid.lateral) for each in surveys)
    if prod(grid.lateral) > MOST_EMPTY * max(held, 100):
        raise _apart(surveys, grid)
    return grid


def _joint_axis(axes: Sequence[Axis], surveys: Sequence[Survey]) -> Axis:
    """The coarsest regular axis that has the labels of all; it runs as they do."""
    firsts = np.array([axis.first for axis in axes])
    steps = np.array([axis.step for axis in axes if axis.size > 1])
    unit = _common(np.concatenate([np.abs(steps), np.abs(firsts - firsts[0])]))
    if unit is None or (steps.size and steps.min() < 0 < steps.max()):
        odd = int(np.argmax(np.abs(np.round(firsts - firsts[0]) - (firsts - firsts[0]))))
        raise SurveyError(
            f"{surveys[0].name} and {surveys[odd].name} do not fall on the same {axes[0].name} positions: "
            f"{axes[0]} against {axes[odd]}",
            expected="labels that are steps of one lattice, all ascending or all descending",
            do="name the files that belong together",
        )
    low = min(min(axis.first, axis.last) for axis in axes)
    high = max(max(axis.first, axis.last) for axis in axes)
    size = round((high - low) / unit) + 1
    if steps.size and steps.max() < 0:
        return replace(axes[0], first=high, step=-unit, size=size)
    return replace(axes[0], first=low, step=unit, size=size)


def _common(lengths: NDArray[np.float64]) -> float | None:
    """Greatest common divisor of lengths, which may have three decimals; 1 if all are zero."""
    whole = np.rint(lengths * 1000)
    if np.abs(whole - lengths * 1000).max() > 0.01:
        return None
    divisor = int(np.gcd.reduce(whole.astype(np.int64)))
    return divisor / 1000 if divisor else 1.0


def strides(grid: Grid, joint: Grid) -> tuple[int, ...]:
    """Positions of the joint grid from one position of a part to the next; more than 1 where others lie between."""
    pairs = zip(grid.axes, joint.axes, strict=True)
    return tuple(round(axis.step / whole.step) if axis.size > 1 else 1 for axis, whole in pairs)


def firsts(grid: Grid, joint: Grid) -> tuple[int, ...]:
    """Position on the joint grid of the first position of a part."""
    pairs = zip(grid.axes, joint.axes, strict=True)
    return tuple(round((axis.first - whole.first) / whole.step) for axis, whole in pairs)


def window_of(grid: Grid, joint: Grid) -> Window:
    """The box of a part on the joint grid."""
    start = firsts(grid, joint)
    spans = zip(start, grid.shape, strides(grid, joint), strict=True)
    return Window(start, tuple(a + (size - 1) * stride + 1 for a, size, stride in spans))


def _apart(surveys: Sequence[Survey], grid: Grid) -> SurveyError:
    """Files that lie so far apart that nearly all of the joint grid would be empty."""
    firsts = np.array([[axis.first for axis in each.grid.axes[:-1]] for each in surveys])
    away = np.abs(firsts - np.median(firsts, axis=0)).max(axis=1)
    far = surveys[int(np.argmax(away))]
    return SurveyError(
        f"{len(surveys)} files together spread over {' × '.join(map(str, grid.lateral))} positions and fill fewer than "
        f"one in {MOST_EMPTY}; furthest from the others: {far.name} ({far.grid})",
        expected="files of one survey",
        do="leave out what does not belong to it, and check the header bytes",
    )
