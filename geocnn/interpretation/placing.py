"""Where picks lie in a survey: coordinates or line numbers, times or depths of any unit and sign, to positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.interpretation.layouts.table import LAYOUTS
from geocnn.interpretation.picks import Floats, Picks
from geocnn.survey.bins import Bins
from geocnn.survey.survey import Survey

__all__ = ["Placed", "place", "positions_of"]

FACTORS = {"s": 1000.0, "ms": 1.0, "m": 1.0, "ft": 0.3048}
"""From units of files to those of surveys: ms or m."""

MOST = 0.9
"""Share of the nodes that must lie in the survey for a guess of a unit to hold."""

SOME = 0.05
"""Share of the nodes from which they are no mere outliers."""

SCALES = (0.01, 0.1, 10.0, 100.0, 0.3048, 1 / 0.3048)


@dataclass(frozen=True)
class Placed:
    """Picks in a survey.

    Parameters
    ----------
    picks
        As the file holds them.
    positions
        Shape (n, 3): along inlines, crosslines and samples, counted from 0, with fractions.
    outside
        Nodes that lie outside the survey.
    residual
        Largest distance between a node's coordinates and its line numbers, in positions; None where not both are given.
    remarks
        What was guessed or mended.
    left_out
        Nodes that are not among them: without a place, or far outside the survey.
    """

    picks: Picks
    positions: Floats
    outside: int
    residual: float | None
    remarks: tuple[str, ...]
    left_out: int = 0


def place(picks: Picks, survey: Survey, z_unit: str | None) -> Placed:
    """Positions of picks in a volume.

    Raises
    ------
    SurveyError
        If the survey is no volume, cannot place coordinates, none of the picks lies in it, or units are mixed.
    """
    if [axis.name for axis in survey.grid.axes] != ["inline", "crossline", "sample"]:
        raise SurveyError(
            f"{survey.name} has the axes {', '.join(axis.name for axis in survey.grid.axes)}",
            expected="a volume of inlines, crosslines and samples, for sticks or horizons to lie in",
            do="name the survey that was interpreted",
        )
    lateral, residual, how = _lateral(picks, survey)
    samples, said = _vertical(picks, survey, z_unit)
    positions = np.column_stack([lateral, samples])
    inside = _inside(positions, survey.grid.shape)
    if not inside.any():
        raise _elsewhere(picks, survey, positions)
    kept, why = _within_reach(positions, picks, survey)
    remarks = (*picks.remarks, *how, *said, *why)
    left_out = int((~kept).sum())
    return Placed(picks.only(kept), positions[kept], int((~inside).sum()), residual, remarks, left_out)


def _within_reach(positions: Floats, picks: Picks, survey: Survey) -> tuple[NDArray[np.bool_], list[str]]:
    """Which nodes have a place, no further from the survey than it is long: no surface leads to others; and remarks."""
    shape = np.array(survey.grid.shape)
    placed = np.isfinite(positions).all(axis=1)
    with np.errstate(invalid="ignore"):
        kept = np.asarray(placed & ((positions > -shape) & (positions < 2 * shape)).all(axis=1))
    remarks = []
    if not placed.all():
        remarks.append(
            f"{_nodes(int((~placed).sum()))} of {picks.name} left out: line numbers and coordinates are 0, or "
            f"{survey.name} has no coordinates to place them by"
        )
    far = int((placed & ~kept).sum())
    if far:
        first = int(np.flatnonzero(placed & ~kept)[0])
        remarks.append(
            f"{_nodes(far)} of {picks.name} left out: further outside {survey.name} than it is long, such as the one "
            f"at {picks.told(first)}"
        )
    return kept, remarks


def _nodes(count: int) -> str:
    return f"{count:,} node{'' if count == 1 else 's'}"


def positions_of(coordinates: Floats, bins: Bins) -> Floats:
    """Positions (n, 2) of coordinates (n, 2), with fractions: the inverse of `Bins.place`."""
    vectors = np.array([bins.inline, bins.crossline]).T
    return np.asarray(np.linalg.solve(vectors, (coordinates - bins.origin).T).T)


def _numbered(lines: Floats, axes: Sequence[Axis]) -> Floats:
    """Positions (n, 2) of line numbers (n, 2), with fractions."""
    return np.column_stack([(lines[:, k] - axis.first) / axis.step for k, axis in enumerate(axes)])


def _lateral(picks: Picks, survey: Survey) -> tuple[Floats, float | None, list[str]]:
    """Positions on the map, the residual between coordinates and line numbers, and remarks."""
    axes, bins, shape = survey.grid.axes[:2], survey.bins, survey.grid.shape[:2]
    if not picks.where:
        raise SurveyError(
            f"all {_nodes(len(picks))} of {picks.name} have 0 for coordinates and for line numbers",
            expected="one of the two",
            do="export the picks again, with coordinates",
        )
    found: dict[str, Floats] = {}
    for kind, where in picks.where.items():
        if kind in ("lines", "either"):
            found["line numbers"] = _numbered(where, axes)
        if kind in ("xy", "either") and bins is not None:
            found["coordinates"] = positions_of(where, bins)
    if not found:
        raise SurveyError(
            f"{picks.name} has coordinates, {survey.name} has none",
            expected="coordinates in the trace headers, or line numbers with the picks",
            do="pass the header bytes with --cdp-x and --cdp-y, or export the picks with line numbers",
        )
    if "xy" in picks.where and "lines" in picks.where and len(found) == 2:
        apart = np.hypot(*(found["coordinates"] - found["line numbers"]).T)
        known = apart[np.isfinite(apart)]
        residual = float(known.max()) if known.size else None
        best = found["coordinates"]
        # Nodes that the file places by one of the two alone.
        best = np.where(np.isfinite(best), best, found["line numbers"])
        far = int((known > 1).sum())
        said = (
            [
                f"{_nodes(far)} of {picks.name} with line numbers more than a bin away from the coordinates, up to "
                f"{residual:.1f}: the coordinates were taken"
            ]
            if far
            else []
        )
        return best, residual, said
    how, best = max(found.items(), key=lambda each: int(_inside(each[1], shape).sum()))
    remark = f"the first two columns of {picks.name} were taken as {how}"
    return best, None, [remark] if "either" in picks.where and len(found) == 2 else []


def _vertical(picks: Picks, survey: Survey, z_unit: str | None) -> tuple[Floats, list[str]]:
    """Positions along the samples, and remarks."""
    axis, z, remarks = survey.grid.axes[2], picks.z, list[str]()
    units = {"ms": ("ms", "s"), "m": ("m", "ft")}.get(axis.unit, ("ms", "s", "m", "ft"))
    if z_unit is not None and z_unit not in units:
        raise SurveyError(
            f"picks in {z_unit} for {survey.name}, whose samples are in {axis.unit}",
            expected=f"one of {', '.join(units)}",
            do="convert the picks, or pass --domain if the survey's is wrong",
        )
    negative = float((z < 0).mean())
    if SOME < negative < 1 - SOME:
        raise SurveyError(
            f"{int((z < 0).sum()):,} of {_nodes(len(z))} of {picks.name} have a negative z, the others a positive one",
            expected="one sign: z grows downwards, or is negative downwards",
            do="export them again with one sign",
        )
    if negative >= 0.5:
        z = -z
        remarks.append(f"z of {picks.name} is negative downwards: its sign was changed")
    if z_unit is None:
        z_unit, said = _guessed_unit(picks.name, z, axis, units)
        remarks += said
    samples = (z * FACTORS[z_unit] - axis.first) / axis.step
    return samples, remarks


def _guessed_unit(name: str, z: Floats, axis: Axis, units: Sequence[str]) -> tuple[str, list[str]]:
    """The unit by which most of z lies in the survey."""
    inside = {unit: _on(z * FACTORS[unit], axis) for unit in units}
    best = max(units, key=lambda unit: int(inside[unit].sum()))
    rest = ~inside[best]
    for other in units:
        if other != best and rest.mean() > SOME and (inside[other] & rest).sum() >= MOST * rest.sum():
            raise SurveyError(
                f"{_nodes(int(inside[best].sum()))} of {name} in the survey by z in {best}, {int(rest.sum()):,} others "
                f"only by z in {other}",
                expected="one unit in a file",
                do="export the picks again, or split the file and pass --z-unit for each (config: z_unit)",
            )
    if FACTORS[best] == 1 or not inside[best].any():
        return (best if inside[best].any() else units[0]), []
    return best, [f"z of {name} was taken as {best}: by it, it lies in the survey ({axis})"]


def _on(labels: Floats, axis: Axis) -> np.ndarray:
    low, high = sorted((axis.first, axis.last))
    return np.asarray((labels >= low - abs(axis.step)) & (labels <= high + abs(axis.step)))


def _inside(positions: Floats, shape: Sequence[int]) -> np.ndarray:
    """Which nodes lie in a grid, half a position beyond its outer ones included."""
    upper = np.array(shape) - 0.5
    return np.asarray(((positions >= -0.5) & (positions <= upper)).all(axis=1))


def _elsewhere(picks: Picks, survey: Survey, positions: Floats) -> SurveyError:
    """Where picks are that lie outside a survey, and what may be the reason."""
    return SurveyError(
        f"none of the {_nodes(len(picks))} of {picks.name} lies in {survey.name}: {'; '.join(_extents(picks, survey))}",
        expected="picks of this survey",
        do=next(_reasons(picks, survey, positions), "check that both belong to the same survey, and --z-unit"),
    )


def _extents(picks: Picks, survey: Survey) -> Iterator[str]:
    """Ranges of the picks against those of the survey."""
    grid = survey.grid
    for kind, where in picks.where.items():
        (low1, low2), (high1, high2) = np.nanmin(where, axis=0), np.nanmax(where, axis=0)
        yield f"the first is {low1:.10g} to {high1:.10g}, the second {low2:.10g} to {high2:.10g}"
        if kind != "lines" and survey.bins is not None:
            corners = np.array(survey.bins.corners(*grid.shape[:2]))
            (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
            yield f"the survey has X {x1:.10g} to {x2:.10g}, Y {y1:.10g} to {y2:.10g}"
        if kind != "xy":
            yield f"the survey has {grid.axes[0]}, {grid.axes[1]}"
    yield f"z is {picks.z.min():.10g} to {picks.z.max():.10g}, the survey has {grid.axes[2]}"


def _reasons(picks: Picks, survey: Survey, positions: Floats) -> Iterator[str]:
    """Guesses, the likeliest first."""
    shape, bins = survey.grid.shape, survey.bins
    if _inside(positions[:, :2], shape[:2]).any():
        yield "on the map they lie in it, but above or below: check --z-unit, and the time of the survey's first sample"
    numbered = _numbered(picks.where["lines"], survey.grid.axes[:2]) if {"xy", "lines"} <= picks.where.keys() else None
    if numbered is not None and _inside(numbered, shape[:2]).mean() > 0.5:
        columns = LAYOUTS[picks.format].by_lines if picks.format in LAYOUTS else "-,-,inline,crossline,…"
        yield (
            f"by their line numbers they would lie in it: to read these alone pass --columns {columns} (config: "
            "columns), with a - for each word that is not read"
        )
    coordinates = picks.where.get("xy", picks.where.get("either"))
    if coordinates is not None and bins is not None:
        for scale in SCALES:
            if _inside(positions_of(coordinates * scale, bins), shape[:2]).mean() > 0.5:
                yield f"their coordinates times {scale:.5g} would lie in it: check the unit, or the scalar in byte 71"
        if _inside(positions_of(coordinates[:, ::-1], bins), shape[:2]).mean() > 0.5:
            yield "with X and Y exchanged they would lie in it: exchange the columns, with --columns y,x,z,…"
