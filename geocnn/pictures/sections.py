"""Sections and slices of a survey, with an overlay below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from geocnn.grid import overlap
from geocnn.pictures.drawing import HEIGHT, NOTHING, class_colour, dress, edges, empty_figure, loudness
from geocnn.pictures.overlay import lay_over
from geocnn.pictures.plane import Plane, as_trace, axis_name, read_plane, windows_of
from geocnn.survey.labelled import numbered_like
from geocnn.survey.survey import Survey

__all__ = ["draw_sections", "section_panels"]


def section_panels(survey: Survey, overlay: Survey | None, where: Mapping[str, float]) -> Figure:
    """Sections and a slice of a volume, a section or an image, or traces; below them the same with an overlay.

    Only what is shown is read. Amplitudes are grey, from minus to plus the 98th percentile of the sizes of the live
    samples shown; how an overlay is drawn, `lay_over` tells. Of several channels the first is shown.

    Parameters
    ----------
    survey
        Survey of any number of axes; of gathers one section along the offsets is shown too.
    overlay
        Labels, probabilities, distances or the like on the same lines; its extent may differ.
    where
        Label of the plane to show by name of the axis across it, such as ``{"inline": 1448}``; the middle by default.

    Raises
    ------
    SurveyError
        If there is no such axis or label, or if the overlay does not fall on the survey.
    """
    windows = windows_of(survey.grid, where)
    planes = [read_plane(survey, survey.grid, window, kept) for kept, window in windows]
    if overlay is None:
        return _drawn(survey, survey.name, planes, None)
    grid, _ = numbered_like(survey, overlay)
    in_survey, in_overlay = overlap(survey.grid, grid, (survey.name, overlay.name))
    offset = tuple(b - a for a, b in zip(in_survey.start, in_overlay.start, strict=True))
    met = [(kept, window.within(in_survey)) for kept, window in windows]
    laid = [read_plane(overlay, grid, window.shifted(offset), kept) if window.size else None for kept, window in met]
    return _drawn(survey, f"{survey.name}\nbelow with {overlay.name}", planes, laid)


def draw_sections(figure: FigureBase, survey: Survey, *, slices: bool, classes: Sequence[int] = ()) -> None:
    """Draw the sections through the middle of a survey side by side.

    Parameters
    ----------
    figure
        A figure, or a part of one.
    survey
        The survey.
    slices
        Draw a slice too: it touches every trace of a file, a section those of one line.
    classes
        The values of a label, which are drawn in a colour each; amplitudes are grey.
    """
    windows = [
        (kept, window)
        for kept, window in windows_of(survey.grid, {})
        if slices or kept is None or kept[1] == survey.grid.ndim - 1
    ]
    # Of a volume of one line, only that line is a picture.
    wide = [(kept, window) for kept, window in windows if kept is None or min(survey.grid.shape[k] for k in kept) > 1]
    planes = [read_plane(survey, survey.grid, window, kept) for kept, window in wide or windows[:1]]
    planes = [as_trace(plane, survey) if plane.across.size == 1 else plane for plane in planes]
    _draw(figure, survey, planes, _colours_of(classes) if classes else _greys(planes))


def _drawn(survey: Survey, heading: str, planes: Sequence[Plane], laid: Sequence[Plane | None] | None) -> Figure:
    """Planes in grey, and below them the same with what is laid over each."""
    width = sum(HEIGHT * _proportion(survey, plane) for plane in planes)
    rows = 1 if laid is None else 2
    figure = empty_figure(width + 1.8, HEIGHT * rows + 0.8)
    # parse_math: a file may be called survey_$1$.sgy.
    figure.suptitle(heading, fontsize=10, parse_math=False)
    places = _draw(figure, survey, planes, _greys(planes), rows)
    if laid is not None:
        lay_over(figure, places[1], planes, laid)
    return figure


@dataclass(frozen=True)
class _Shades:
    """How values become colours, and what is written on the scale."""

    norm: Normalize
    colours: Colormap
    label: str
    ticks: Sequence[int] | None = None


def _greys(planes: Sequence[Plane]) -> _Shades:
    """Grey from minus to plus the 98th percentile of the sizes of what is shown."""
    limit = loudness([plane.samples.compressed() for plane in planes])
    return _Shades(Normalize(-limit, limit), colormaps["gray"], "amplitude")


def _colours_of(classes: Sequence[int]) -> _Shades:
    """A colour for each class, and a scale that names them."""
    known = sorted(classes)
    colours = [class_colour(value) for value in known]
    bounds = [known[0] - 0.5, *((a + b) / 2 for a, b in pairwise(known)), known[-1] + 0.5]
    return _Shades(BoundaryNorm(bounds, len(known)), ListedColormap(colours), "value", known)


def _draw(figure: FigureBase, survey: Survey, planes: Sequence[Plane], shades: _Shades, rows: int = 1) -> Any:
    """Draw planes side by side, in each of so many rows; return the places (rows, planes) that they were drawn in."""
    widths = [HEIGHT * _proportion(survey, plane) for plane in planes]
    places = figure.subplots(rows, len(planes), squeeze=False, width_ratios=widths)
    for row in places:
        for place, plane in zip(row, planes, strict=True):
            _show(place, plane, shades)
            _label_axes(place, plane, survey)
    if not planes[0].trace:
        extend = "neither" if shades.ticks else "both"
        scale = ScalarMappable(shades.norm, shades.colours)
        bar = figure.colorbar(scale, ax=list(places[0]), label=shades.label, extend=extend, pad=0.01, aspect=30)
        if shades.ticks:
            bar.set_ticks(shades.ticks)
    return places


def _proportion(survey: Survey, plane: Plane) -> float:
    """Width over height of a panel: true to scale on a map, by positions elsewhere, within bounds."""
    width, height = float(plane.across.size), float(plane.down.size)
    if survey.bins is not None and plane.down.name == "inline":
        width, height = width * survey.bins.size[1], height * survey.bins.size[0]
    return float(np.clip(width / max(height, 1e-9), 0.7, 2.2))


def _show(place: Axes, plane: Plane, shades: _Shades) -> None:
    """Draw a plane; a single trace as a curve."""
    if plane.trace:
        down = plane.down.first + plane.down.step * np.arange(plane.down.size)
        place.plot(plane.samples[:, 0], down, color="black", linewidth=0.7)
    else:
        place.set_facecolor(NOTHING)
        smooth = "none" if shades.ticks else None
        place.imshow(
            plane.samples,
            cmap=shades.colours,
            norm=shades.norm,
            extent=plane.extent,
            aspect="auto",
            interpolation=smooth,
        )
        place.set_xlim(*sorted(edges(plane.across)))
    place.set_ylim(*sorted(edges(plane.down), reverse=plane.downward))


def _label_axes(place: Axes, plane: Plane, survey: Survey) -> None:
    """Names and units on the axes, and the title."""
    across, down = (
        f"{axis_name(axis, survey)} ({axis.unit})" if axis.unit else axis_name(axis, survey)
        for axis in (plane.across, plane.down)
    )
    channels = f"channel 1 of {survey.channels}" if survey.channels > 1 else ""
    for ruler, axis in ((place.xaxis, plane.across), (place.yaxis, plane.down)):
        if not axis.unit and not plane.trace:
            ruler.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    dress(place, ", ".join(part for part in (plane.title, channels) if part), across, down)
