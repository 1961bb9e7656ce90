"""Picks as text files, in the layouts that are written as well as read: sticks and horizons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.grid import Grid
from geocnn.interpretation.layouts.layout import Place, Stick
from geocnn.interpretation.layouts.table import LAYOUTS
from geocnn.interpretation.picks import Floats
from geocnn.output import whole_file
from geocnn.survey.bins import Bins
from geocnn.survey.survey import Survey

__all__ = ["WRITTEN", "write_horizon", "write_sticks"]

WRITTEN = tuple(name for name, layout in LAYOUTS.items() if layout.write_sticks is not None)
"""Layouts of sticks that are written."""

HORIZONS = tuple(name for name, layout in LAYOUTS.items() if layout.write_horizon is not None)
"""Layouts of horizons that are written."""


def write_sticks(
    path: Path, faults: Sequence[Sequence[Floats]], survey: Survey, format: str, overwrite: bool = False
) -> None:
    """Write sticks of faults, each an array (n, 3) of positions in a survey; z in ms or m.

    OpendTect's layout tells no faults apart: name a file for each, or take Charisma's.

    Raises
    ------
    OutputError
        If the file exists (unless `overwrite`), cannot be written, or the layout is not one that is written.
    """
    write = LAYOUTS[format].write_sticks if format in LAYOUTS else None
    if write is None:
        raise _not_written(format, WRITTEN)
    bins = survey.bins
    of_faults = [(number, stick) for number, fault in enumerate(faults, 1) for stick in fault]
    sticks = [
        Stick(fault, number, list(_places(nodes, survey.grid, bins))) for number, (fault, nodes) in enumerate(of_faults)
    ]
    _write(path, write(sticks), overwrite)


def write_horizon(
    path: Path, depths: NDArray[np.floating[Any]], survey: Survey, format: str, overwrite: bool = False
) -> None:
    """Write a horizon, positions along the samples (I, X) with nan where it is unknown; z in ms or m.

    Raises
    ------
    OutputError
        As `write_sticks` does.
    """
    write = LAYOUTS[format].write_horizon if format in LAYOUTS else None
    if write is None:
        raise _not_written(format, HORIZONS)
    i, x = np.meshgrid(*map(np.arange, depths.shape), indexing="ij")
    nodes: Floats = np.column_stack([i.ravel(), x.ravel(), depths.ravel()]).astype(np.float64)
    _write(path, write(_places(nodes, survey.grid, survey.bins)), overwrite)


def _not_written(format: str, known: Sequence[str]) -> OutputError:
    return OutputError(f"picks in the layout {format}", f"one of {', '.join(known)}", "choose one of these")


def _places(nodes: Floats, grid: Grid, bins: Bins | None) -> Iterator[Place]:
    """What a survey calls some positions."""
    inline, crossline, sample = grid.axes
    for i, x, s in nodes.tolist():
        xy = None if bins is None else bins.place(i, x)
        yield Place((inline.label(i), crossline.label(x)), xy, sample.label(s))


def _write(path: Path, lines: Iterable[str], overwrite: bool) -> None:
    with whole_file(path, overwrite) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
