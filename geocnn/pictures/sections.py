"""Sections and slices of a survey, with an overlay below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window, overlap
from geocnn.pictures.drawing import HEIGHT, VERMILLION, class_colour, dress, edges, empty_figure, extent, loudness
from geocnn.survey.labelled import numbered_like
from geocnn.survey.scan import NULLS, unusable
from geocnn.survey.survey import Survey

__all__ = ["draw_sections", "section_panels"]

OVERLAY = LinearSegmentedColormap.from_list("overlay", [(VERMILLION, 0.65 * (step / 16) ** 1.5) for step in range(17)])
NOTHING = "#E8E4DA"
"""Where there is no sample: a shade that no grey scale has."""

AMPLITUDE = Axis("amplitude", 0, 1, 1)
"""Stands across a plane that is a single trace."""


def section_panels(survey: Survey, overlay: Survey | None, where: Mapping[str, float]) -> Figure:
    """Sections and a slice of a volume, a section or an image, or traces; below them the same with an overlay.

    Only what is shown is read. Amplitudes are grey, from minus to plus the 98th percentile of the sizes of the live
    samples shown; the overlay is the more opaque the higher its value. Of several channels the first is shown.

    Parameters
    ----------
    survey
        Survey of any number of axes; of gathers one section along the offsets is shown too.
    overlay
        Labels, probabilities or the like on the same lines; its extent may differ.
    where
        Label of the plane to show by name of the axis across it, such as ``{"inline": 1448}``; the middle by default.

    Raises
    ------
    SurveyError
        If there is no such axis or label, or if the overlay does not fall on the survey.
    """
    windows = _windows(survey.grid, where)
    planes = [_plane(survey, survey.grid, window, kept) for kept, window in windows]
    if overlay is None:
        return _drawn(survey, survey.name, planes, None)
    grid, _ = numbered_like(survey, overlay)
    in_survey, in_overlay = overlap(survey.grid, grid, (survey.name, overlay.name))
    offset = tuple(b - a for a, b in zip(in_survey.start, in_overlay.start, strict=True))
    met = [(kept, window.within(in_survey)) for kept, window in windows]
    laid = [_plane(overlay, grid, window.shifted(offset), kept) if window.size else None for kept, window in met]
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
        for kept, window in _windows(survey.grid, {})
        if slices or kept is None or kept[1] == survey.grid.ndim - 1
    ]
    # Of a volume of one line, only that line is a picture.
    wide = [(kept, window) for kept, window in windows if kept is None or min(survey.grid.shape[k] for k in kept) > 1]
    planes = [_plane(survey, survey.grid, window, kept) for kept, window in wide or windows[:1]]
    planes = [_as_trace(plane, survey) if plane.across.size == 1 else plane for plane in planes]
    _draw(figure, survey, planes, _colours_of(classes) if classes else _greys(planes))


Kept = tuple[int, int] | None
"""The two axes of a survey that a plane keeps; None if it has no more."""


def _windows(grid: Grid, where: Mapping[str, float]) -> list[tuple[Kept, Window]]:
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
    windows: list[tuple[Kept, Window]] = []
    for kept in pairs:
        start = tuple(0 if axis in kept else position for axis, position in enumerate(centre))
        stop = tuple(grid.shape[axis] if axis in kept else position + 1 for axis, position in enumerate(centre))
        windows.append((kept, Window(start, stop)))
    return windows


@dataclass(frozen=True)
class _Plane:
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


def _plane(survey: Survey, grid: Grid, window: Window, kept: Kept) -> _Plane:
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
        return _Plane(title, axes[0], axes[1], masked.T)
    return _Plane(title, axes[1], axes[0], masked)


def _as_trace(plane: _Plane, survey: Survey) -> _Plane:
    """A plane of one trace, to be drawn as a curve."""
    title = ", ".join(part for part in (plane.title, "" if plane.trace else _at(plane.across, survey)) if part)
    return replace(plane, across=AMPLITUDE, title=title)


def _at(axis: Axis, survey: Survey) -> str:
    """The one label of an axis with its name: ``inline 1448``, ``time 500 ms``."""
    return f"{_name(axis, survey)} {axis.first:g} {axis.unit}".rstrip()


def _name(axis: Axis, survey: Survey) -> str:
    """What a geophysicist calls an axis: the sample axis is time or depth."""
    return survey.domain.name if axis.name == "sample" and axis.unit else axis.name


def _drawn(survey: Survey, heading: str, planes: Sequence[_Plane], laid: Sequence[_Plane | None] | None) -> Figure:
    """Planes in grey, and below them the same with what is laid over each."""
    width = sum(HEIGHT * _proportion(survey, plane) for plane in planes)
    rows = 1 if laid is None else 2
    figure = empty_figure(width + 1.8, HEIGHT * rows + 0.8)
    # parse_math: a file may be called survey_$1$.sgy.
    figure.suptitle(heading, fontsize=10, parse_math=False)
    places = _draw(figure, survey, planes, _greys(planes), rows)
    if laid is not None:
        scale = Normalize(0, _highest(laid), clip=True)
        for place, over in zip(places[1], laid, strict=True):
            _lay_over(place, over, scale)
        figure.colorbar(ScalarMappable(scale, OVERLAY), ax=list(places[1]), label="overlay", pad=0.01, aspect=30)
    return figure


@dataclass(frozen=True)
class _Shades:
    """How values become colours, and what is written on the scale."""

    norm: Normalize
    colours: Colormap
    label: str
    ticks: Sequence[int] | None = None


def _greys(planes: Sequence[_Plane]) -> _Shades:
    """Grey from minus to plus the 98th percentile of the sizes of what is shown."""
    limit = loudness([plane.samples.compressed() for plane in planes])
    return _Shades(Normalize(-limit, limit), colormaps["gray"], "amplitude")


def _colours_of(classes: Sequence[int]) -> _Shades:
    """A colour for each class, and a scale that names them."""
    known = sorted(classes)
    colours = [class_colour(value) for value in known]
    bounds = [known[0] - 0.5, *((a + b) / 2 for a, b in pairwise(known)), known[-1] + 0.5]
    return _Shades(BoundaryNorm(bounds, len(known)), ListedColormap(colours), "value", known)


def _draw(figure: FigureBase, survey: Survey, planes: Sequence[_Plane], shades: _Shades, rows: int = 1) -> Any:
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


def _highest(laid: Sequence[_Plane | None]) -> float:
    """The value that is drawn most opaque: the highest there is, and 1 at least."""
    return max([1.0, *(float(plane.samples.max()) for plane in laid if plane and plane.samples.count())])


def _proportion(survey: Survey, plane: _Plane) -> float:
    """Width over height of a panel: true to scale on a map, by positions elsewhere, within bounds."""
    width, height = float(plane.across.size), float(plane.down.size)
    if survey.bins is not None and plane.down.name == "inline":
        width, height = width * survey.bins.size[1], height * survey.bins.size[0]
    return float(np.clip(width / max(height, 1e-9), 0.7, 2.2))


def _show(place: Axes, plane: _Plane, shades: _Shades) -> None:
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


def _label_axes(place: Axes, plane: _Plane, survey: Survey) -> None:
    """Names and units on the axes, and the title."""
    across, down = (
        f"{_name(axis, survey)} ({axis.unit})" if axis.unit else _name(axis, survey)
        for axis in (plane.across, plane.down)
    )
    channels = f"channel 1 of {survey.channels}" if survey.channels > 1 else ""
    for ruler, axis in ((place.xaxis, plane.across), (place.yaxis, plane.down)):
        if not axis.unit and not plane.trace:
            ruler.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    dress(place, ", ".join(part for part in (plane.title, channels) if part), across, down)


def _lay_over(place: Axes, plane: _Plane | None, scale: Normalize) -> None:
    """Lay a plane over what is drawn, and leave the limits of the axes; say so where there is none."""
    if plane is None:
        place.set_title(f"{place.get_title()} (outside the overlay)", fontsize=10)
        return
    left_right, bottom_top = place.get_xlim(), place.get_ylim()
    extent = (*left_right, *plane.extent[2:]) if plane.trace else plane.extent
    place.imshow(plane.samples, cmap=OVERLAY, norm=scale, extent=extent, aspect="auto")
    place.set_xlim(left_right)
    place.set_ylim(bottom_top)
