"""Picks as text files, in the layouts that are read: sticks and horizons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from geocnn.errors import OutputError
from geocnn.interpretation.options import HORIZONS
from geocnn.interpretation.picks import Floats
from geocnn.output import whole_file
from geocnn.survey.survey import Survey

__all__ = ["WRITTEN", "write_horizon", "write_sticks"]

WRITTEN = ("opendtect-sticks", "charisma-sticks")
"""Layouts of sticks that are written."""

UNDEFINED = 1e30


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
    _require(format, WRITTEN)
    lines: list[str] = []
    number = 0
    for name, fault in enumerate(faults, 1):
        for stick in fault:
            for node, (line, xy, z) in enumerate(_labels(stick, survey)):
                if format == "opendtect-sticks":
                    first, second = line if xy is None else xy
                    lines.append(f"{first:.4f}\t{second:.4f}\t{z:.4f}\t{number}\t{node}")
                else:
                    x, y = xy or (0.0, 0.0)
                    lines.append(f"INLINE- {line[0]:.4f} {line[1]:.4f} {x:.4f} {y:.4f} {z:.4f} fault {name} {number}")
            number += 1
    _write(path, lines, overwrite)


def write_horizon(path: Path, depths: Floats, survey: Survey, format: str, overwrite: bool = False) -> None:
    """Write a horizon, positions along the samples (I, X) with nan where it is unknown; z in ms or m.

    Raises
    ------
    OutputError
        As `write_sticks` does.
    """
    _require(format, HORIZONS)
    i, x = np.meshgrid(*map(np.arange, depths.shape), indexing="ij")
    nodes: Floats = np.column_stack([i.ravel(), x.ravel(), depths.ravel()]).astype(np.float64)
    lines = []
    for line, xy, z in _labels(nodes, survey):
        z = z if np.isfinite(z) else UNDEFINED
        if format == "opendtect-horizon":
            first, second = line if xy is None else xy
            lines.append(f"{first:.4f}\t{second:.4f}\t{z:.8g}")
        else:
            easting, northing = xy or (0.0, 0.0)
            lines.append(f"INLINE : {line[0]:g} XLINE : {line[1]:g} {easting:.4f} {northing:.4f} {z:.8g}")
    _write(path, lines, overwrite)


def _labels(nodes: Floats, survey: Survey) -> Iterator[tuple[tuple[float, float], tuple[float, float] | None, float]]:
    """Line numbers, coordinates if there are any, and z of positions."""
    inline, crossline, sample = survey.grid.axes
    bins = survey.bins
    for i, x, s in nodes.tolist():
        xy = None if bins is None else bins.place(i, x)
        yield (inline.label(i), crossline.label(x)), xy, sample.label(s)


def _require(format: str, known: Sequence[str]) -> None:
    if format not in known:
        raise OutputError(f"picks in the layout {format}", f"one of {', '.join(known)}", "choose one of these")


def _write(path: Path, lines: Sequence[str], overwrite: bool) -> None:
    with whole_file(path, overwrite) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
