"""Planes of a survey: which are shown, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.pictures.drawing import extent
from geocnn.survey.scan import NULLS, unusable
from geocnn.survey.survey import Survey

__all__ = ["Kept", "Plane", "as_trace", "axis_name", "read_plane", "windows_of"]

AMPLITUDE = Axis("amplitude", 0, 1, 1)
"""Stands across a plane that is a single trace."""

Kept = tuple[int, int] | None
"""The two axes of a survey that a plane keeps; None if it has no more."""


def windows_of(grid: Grid, where: Mapping[str, float]) -> list[tuple[Kept, Window]]:
    """The planes to show: of a volume, the axes that each keeps and its window; all of anything flatter."""
    at = {grid.index(name): grid.axis(name).position(label) for name, label in where.items()}
    if grid.ndim < 3:
        if where:
            raise SurveyError(
                f"{', '.join(where)} chosen in a survey of {grid.ndim} axes: {grid}",
                expected="a volume",
                do="leave the choice out: all of the survey is shown",
            )
        return [(None, grid.whole)]
    last = grid.ndim - 1
    # Along crosslines, along inlines, along any further axis such as offsets, and the map.
    pairs = [(1, last), (0, last), *((axis, last) for axis in range(2, last)), (0, 1)]
    centre = [at.get(axis, size // 2) for axis, size in enumerate(grid.shape)]
    found: list[tuple[Kept, Window]] = []
    for kept in pairs:
        start = tuple(0 if axis in kept else position for axis, position in enumerate(centre))
        stop = tuple(grid.shape[axis] if axis in kept else position + 1 for axis, position in enumerate(centre))
        found.append((kept, Window(start, stop)))
    return found


@dataclass(frozen=True)
class Plane:
    """Samples (rows, columns) on two axes; the first row is the first of `down`. Masked where there is no sample."""

    title: str
    across: Axis
    down: Axis
    samples: np.ma.MaskedArray[Any, np.dtype[np.float64]]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Labels at the outer edges: left, right, bottom, top."""
        return extent(self.across, self.down)

    @property
    def trace(self) -> bool:
        """Whether this is a single trace, drawn as a curve."""
        return self.across is AMPLITUDE

    @property
    def downward(self) -> bool:
        """Whether labels grow downward: time, depth and rows of an image do, line numbers on a map do not."""
        return self.down.name in ("sample", "row")


def read_plane(survey: Survey, grid: Grid, window: Window, kept: Kept) -> Plane:
    """What a window of a survey shows, labelled by `grid`, on the axes that it keeps."""
    samples = survey.read(window)[0]
    hidden = unusable(samples, NULLS if survey.null is None else (*NULLS, survey.null))
    hidden |= ~survey.present[window.slices[:-1]][..., None]
    axes = list(grid.part(window).axes)
    title = ""
    if kept is not None:
        across = [number for number in range(len(axes)) if number not in kept]
        title = ", ".join(_at(axes[number], survey) for number in across)
        title = title[:1].upper() + title[1:]
        axes = [axes[number] for number in kept]
        samples, hidden = samples.squeeze(tuple(across)), hidden.squeeze(tuple(across))
    if len(axes) == 1:
        axes.insert(0, AMPLITUDE)
        samples, hidden = samples[None], hidden[None]
    # The span of absurd amplitudes, as of a wrong sample format, is beyond 32-bit floats.
    masked = np.ma.masked_array(samples.astype(np.float64), hidden)
    if axes[1].name == "sample":
        return Plane(title, axes[0], axes[1], masked.T)
    return Plane(title, axes[1], axes[0], masked)


def as_trace(plane: Plane, survey: Survey) -> Plane:
    """A plane of one trace, to be drawn as a curve."""
    title = ", ".join(part for part in (plane.title, "" if plane.trace else _at(plane.across, survey)) if part)
    return replace(plane, across=AMPLITUDE, title=title)


def _at(axis: Axis, survey: Survey) -> str:
    """The one label of an axis with its name: ``inline 1448``, ``time 500 ms``."""
    return f"{axis_name(axis, survey)} {axis.first:g} {axis.unit}".rstrip()


def axis_name(axis: Axis, survey: Survey) -> str:
    """What a geophysicist calls an axis: the sample axis is time or depth."""
    return survey.domain.name if axis.name == "sample" and axis.unit else axis.name
