"""A small map of where a survey has live traces, in characters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.sampling import Look
from geocnn.survey.survey import BoolArray, Survey

__all__ = ["LiveMap", "live_map"]

WIDEST, HIGHEST = 40, 8
SHADES = "·░▒▓█"
"""From no live trace to all live."""

WINDOWS = 2
"""Windows read for each cell of the map, on average."""

UNSEEN = "?"
"""Where the file holds traces, but none was looked at."""


@dataclass(frozen=True)
class LiveMap:
    """Rows of characters, the last axis of the map of traces to the right, the first one downward.

    Parameters
    ----------
    rows
        Each character stands for an equal part of the map.
    across, down
        Names of the axes; `down` is empty for a line.
    """

    rows: tuple[str, ...]
    across: str
    down: str


def live_map(survey: Survey, seen: Look) -> LiveMap | None:
    """Where traces are live; None if all are or none is, or if the survey has no map of traces."""
    axes = survey.grid.axes[:-1]
    if not axes or survey.grid.axes[-1].name != "sample" or len(axes) > 2:
        return None
    # Traces of a label may well be constant.
    shown = seen.read if seen.profile.classes else seen.live
    if not shown.any() or (seen.present.all() and np.array_equal(shown, seen.read)):
        return None
    shape = (-1, seen.present.shape[-1])
    present, read, live = (each.reshape(shape) for each in (seen.present, seen.read, shown))
    cells = _cells(seen)
    positions, held, looked, alive = (_coarse(each, cells) for each in (np.ones_like(present), present, read, live))
    # Traces that were not looked at are taken to be as those around that were.
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(held > 0, held / positions * (alive / looked), 0)
    rows = tuple("".join(_shade(value) for value in row) for row in share.tolist())
    return LiveMap(rows, axes[-1].name, axes[0].name if len(axes) > 1 else "")


def _cells(seen: Look) -> tuple[int, int]:
    """Rows and columns of the map: as many as fit on the screen, fewer if few windows were read."""
    share = 1.0 if seen.whole else min(1.0, (seen.profile.windows / WINDOWS / HIGHEST / WIDEST) ** 0.5)
    return max(1, int(HIGHEST * share)), max(4, int(WIDEST * share))


def _coarse(flags: BoolArray, cells: tuple[int, int]) -> NDArray[np.int64]:
    """Number of True flags in each cell of the map."""
    counts = flags.astype(np.int64)
    for axis, most in enumerate(cells):
        size = counts.shape[axis]
        starts = np.arange(min(size, most)) * size // min(size, most)
        counts = np.add.reduceat(counts, starts, axis=axis)
    return counts


def _shade(share: float) -> str:
    """The character for a share of live traces; only 0 and 1 have the first and the last."""
    if np.isnan(share):
        return UNSEEN
    if share in (0, 1):
        return SHADES[-1 if share else 0]
    return SHADES[1 + min(2, int(share * 3))]
