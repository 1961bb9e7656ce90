"""Where someone looked: lines, a window and an area of a survey as a mask; and labels that are ignored elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.interpretation.options import Interpreted
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["Looked", "RestrictedSurvey"]


class Looked:
    """The samples of a volume that someone looked at.

    Parameters
    ----------
    interpreted
        Lines, window and area; None: everything.
    survey
        The survey that was interpreted.

    Raises
    ------
    SurveyError
        If a line is not in the survey, or nothing is left.
    """

    def __init__(self, interpreted: Interpreted | None, survey: Survey) -> None:
        grid = survey.grid
        self.traces: BoolArray = np.ones(grid.lateral, np.bool_)
        self.samples: BoolArray = np.ones(grid.axes[-1].size, np.bool_)
        if interpreted is None:
            return
        self.traces = _on_lines(interpreted, grid, survey.name)
        if interpreted.polygon is not None:
            self.traces &= _in_polygon(interpreted.polygon, survey)
        if interpreted.window_ms is not None:
            self.samples = _in_window(interpreted.window_ms, grid.axes[-1], survey.name)
        if not self.traces.any():
            raise SurveyError(
                f"no trace of {survey.name} lies on the interpreted lines and in the polygon",
                expected="some that someone looked at",
                do="check the corners of the polygon and the line numbers",
            )

    def at(self, window: Window) -> BoolArray:
        """Which samples of a window were looked at, shape `window.shape`."""
        return self.traces[window.slices[:-1]][..., None] & self.samples[window.slices[-1]]


def _on_lines(interpreted: Interpreted, grid: Grid, name: str) -> BoolArray:
    """Which traces lie on the lines; all if none is named."""
    named = {"inline": interpreted.inlines, "crossline": interpreted.crosslines}
    if not any(named.values()):
        return np.ones(grid.lateral, np.bool_)
    traces = np.zeros(grid.lateral, np.bool_)
    for axis, lines in named.items():
        if lines and axis not in [each.name for each in grid.axes[:-1]]:
            raise SurveyError(
                f"interpreted {axis}s in {name}, which has {grid}",
                expected=f"a survey with {axis}s",
                do="leave interpreted out for a label that was interpreted as a whole",
            )
        for line in lines:
            index: list[slice | int] = [slice(None)] * len(grid.lateral)
            index[grid.index(axis)] = _position(grid.axis(axis), line, name)
            traces[tuple(index)] = True
    return traces


def _position(axis: Axis, line: float, name: str) -> int:
    try:
        return axis.position(line)
    except SurveyError as error:
        raise SurveyError(
            f"interpreted {axis.name} {line:g} is not in {name}",
            expected=f"{axis}",
            do="write line numbers of this survey; geocnn inspect tells them",
        ) from error


def _in_window(window: tuple[float, float], axis: Axis, name: str) -> BoolArray:
    labels = axis.first + axis.step * np.arange(axis.size)
    samples: BoolArray = (labels >= window[0]) & (labels <= window[1])
    if not samples.any():
        raise SurveyError(
            f"interpreted window_ms {window[0]:g} to {window[1]:g} holds no sample of {name}",
            expected=f"a part of {axis}",
            do=f"write it in {axis.unit or 'positions'}",
        )
    return samples


def _in_polygon(corners: Sequence[tuple[float, float]], survey: Survey) -> BoolArray:
    """Which traces lie in a polygon of coordinates: an odd number of its edges lies to the right of them."""
    bins = survey.bins
    if bins is None:
        raise SurveyError(
            f"interpreted has a polygon, {survey.name} has no coordinates",
            expected="coordinates in the trace headers",
            do="pass their bytes with --cdp-x and --cdp-y, or name lines instead",
        )
    i, x = np.meshgrid(*map(np.arange, survey.grid.lateral), indexing="ij")
    easting, northing = (bins.origin[k] + bins.inline[k] * i + bins.crossline[k] * x for k in (0, 1))
    inside: NDArray[np.bool_] = np.zeros(survey.grid.lateral, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y1 != y2:
            crossed = (y1 > northing) != (y2 > northing)
            inside ^= crossed & (easting < x1 + (northing - y1) * (x2 - x1) / (y2 - y1))
    return inside


class RestrictedSurvey(Survey):
    """A label volume that is ignored, −1, where nobody looked.

    Parameters
    ----------
    label
        The volume.
    interpreted
        Where someone looked.
    like
        The survey that was interpreted, whose coordinates and line numbers count.

    Attributes
    ----------
    interpreted
        Traces that someone looked at, shape `grid.lateral`.
    """

    def __init__(self, label: Survey, interpreted: Interpreted, like: Survey) -> None:
        self.name, self.grid, self.domain = label.name, label.grid, label.domain
        self.channels, self.remarks, self.counted = label.channels, label.remarks, label.counted
        self._label = label
        # Lines are those of the label, whose extent may differ; coordinates are those of the survey.
        self._looked = Looked(interpreted, label if interpreted.polygon is None else like)
        self.interpreted = self._looked.traces
        if interpreted.polygon is not None and label.grid != like.grid:
            raise SurveyError(
                f"interpreted has a polygon, and {label.name} has another grid than {like.name}",
                expected="labels on the grid of the survey",
                do="name lines instead, or cut the label to the survey",
            )

    @property
    def present(self) -> BoolArray:
        return self._label.present

    def read(self, window: Window) -> FloatArray:
        values = self._label.read(window)
        values[:, ~self._looked.at(window)] = -1
        return values
