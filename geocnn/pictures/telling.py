"""Which planes of a label show most of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.scan import NULLS, unusable
from geocnn.survey.survey import Survey

__all__ = ["telling_planes"]


def telling_planes(label: Survey) -> dict[str, float]:
    """Where to cut a label for its picture: by axis, the label of the plane with most samples above 0.

    Planes count only if they have background, 0, too, half as much as any at least: they are the lines that were
    interpreted. On others a fault is interpolated, and all around it is ignored. Empty if nothing is above 0, and for
    what is no volume. The whole label is read.
    """
    grid = label.grid
    if grid.ndim < 3:
        return {}
    samples = label.read(grid.whole)[0]
    marked = (samples > 0) & ~unusable(samples, NULLS)
    if not marked.any():
        return {}
    background = samples == 0
    chosen = [_plane(_counts(marked, axis), _counts(background, axis)) for axis in range(grid.ndim)]
    return {axis.name: axis.label(position) for axis, position in zip(grid.axes, chosen, strict=True)}


def _counts(flags: NDArray[np.bool_], axis: int) -> NDArray[np.int64]:
    """Flags that are set in each plane across an axis."""
    return np.asarray(np.count_nonzero(flags, axis=tuple(other for other in range(flags.ndim) if other != axis)))


def _plane(marked: NDArray[np.int64], background: NDArray[np.int64]) -> int:
    """The plane with most marked samples, among those with background where they have some."""
    looked = (2 * background >= background.max()) & (marked > 0)
    return int(np.argmax(np.where(looked, marked, 0) if looked.any() else marked))
