"""A survey on one page: sections, a map of its traces, how amplitudes are spread, and their spectrum."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from geocnn.grid import Axis
from geocnn.pictures.drawing import (
    COLOURS,
    HEIGHT,
    NOTHING,
    VERMILLION,
    class_colour,
    dress,
    edges,
    empty_figure,
    extent,
)
from geocnn.pictures.sections import draw_sections
from geocnn.survey.sampling import SMALL, Look
from geocnn.survey.survey import BoolArray, Survey

__all__ = ["survey_overview"]

WIDTH = 13.0
"""Width of the page, in inches."""

BARS = 0.6
"""Height of the bars of a label, in that of a panel."""

HISTOGRAM_BINS = 101
MOST_NAMED = 10
"""Bars beside which their percentages can be read."""

LOWEST = -60.0
"""Decibels below the peak at which the spectrum is cut off."""

CELLS = 200
"""Cells of the map along an axis, at most: about as many as its panel has dots to show."""

IN_CELL = 24
"""Sampled traces in a cell, about; they are sampled in groups of neighbours, and every cell should meet one."""


def survey_overview(survey: Survey, seen: Look) -> Figure:
    """Sections above; below them a map of the loudness of the traces, a histogram and the average spectrum.

    Samples are read for the sections alone; all else is what was seen of the survey before. A time or depth slice,
    which would touch every trace, is drawn of small surveys only. Labels have a colour and a bar for each value.
    """
    panels = _panels(survey, seen)
    low = HEIGHT * (BARS if seen.profile.classes else 1) if panels else 0
    figure = empty_figure(WIDTH, HEIGHT + low + 1.0)
    # parse_math: a file may be called survey_$1$.sgy.
    figure.suptitle(survey.name, fontsize=10, parse_math=False)
    above: FigureBase = figure
    if panels:
        rows = figure.add_gridspec(2, 1, height_ratios=(HEIGHT, low))
        above, below = (figure.add_subfigure(rows[row]) for row in range(2))
        for place, draw in zip(below.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            draw(place, survey, seen)
    small = survey.grid.whole.size * survey.channels * 4 <= SMALL
    draw_sections(above, survey, slices=small, classes=tuple(seen.profile.classes or ()))
    return figure


Panel = Callable[[Axes, Survey, Look], None]


def _panels(survey: Survey, seen: Look) -> list[Panel]:
    """The panels for which there is something to show."""
    if seen.profile.classes:
        return [_draw_classes]
    told: list[tuple[Panel, bool]] = [
        (_draw_map, _has_map(survey)),
        (_draw_histogram, bool(np.isfinite(seen.scan.sample).any())),
        (_draw_spectrum, seen.scan.curve is not None),
    ]
    return [panel for panel, known in told if known]


def _has_map(survey: Survey) -> bool:
    """Whether traces lie on a map, or along a line."""
    return prod(survey.grid.lateral) > 1 and survey.grid.axes[-1].name == "sample"


def _draw_map(place: Axes, survey: Survey, seen: Look) -> None:
    """Loudness of the traces: a map of a volume, a curve along a line."""
    lines = [number for number, axis in enumerate(survey.grid.axes[:-1]) if axis.size > 1]
    if len(lines) < 2:
        _draw_along(place, survey.grid.axes[max(lines, default=0)], seen)
        return
    down, across = survey.grid.axes[:2]
    shape = _cells(seen)
    loud = _coarse(np.where(seen.live, seen.profile.loudness, np.nan), shape)
    at = extent(across, down)
    shown = place.imshow(loud, cmap="viridis", extent=at, aspect="auto", interpolation="none")
    if np.isfinite(loud).any():
        place.figure.colorbar(shown, ax=place, label="rms of the live samples", pad=0.02, aspect=30)
    dead = np.isnan(loud) & _any(seen.read, shape)
    missing = ~_any(seen.present, shape)
    for cells, colour in ((dead, VERMILLION), (missing, NOTHING)):
        only = np.ma.masked_array(cells, ~cells)
        place.imshow(only, cmap=ListedColormap([colour]), extent=at, aspect="auto", interpolation="none")
    place.set_xlim(*sorted(edges(across)))
    place.set_ylim(*sorted(edges(down)))
    dress(place, _map_title(seen, bool(dead.any())), across.name, down.name)


def _map_title(seen: Look, dead: bool) -> str:
    """How many traces were looked at, and what the colours without a scale mean."""
    present = int(np.count_nonzero(seen.present))
    what = f"all {present:,} traces" if seen.traces == present else f"{seen.traces:,} of {present:,} traces"
    odd = (("red: dead", dead), ("grey: none", present < seen.present.size), ("white: not read", seen.traces < present))
    return ", ".join([what, *(words for words, met in odd if met)])


def _cells(seen: Look) -> tuple[int, int]:
    """Cells of the map along each axis: as many as there is something to show in."""
    rows, columns = seen.present.shape[:2]
    if seen.whole:
        return min(rows, CELLS), min(columns, CELLS)
    # Traces are sampled in short runs: a cell should meet one.
    most = max(4, int(np.sqrt(seen.traces / IN_CELL)))
    return min(rows, most), min(columns, most)


def _coarse(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Mean of what is known in each cell of a map, nan where nothing is; further axes, as of offsets, are averaged."""
    known = np.isfinite(values)
    total, count = (_summed(each, shape) for each in (np.where(known, values, 0), known))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _any(flags: BoolArray, shape: tuple[int, int]) -> BoolArray:
    """Whether a flag is set anywhere in each cell of a map."""
    return np.asarray(_summed(flags, shape) > 0)


def _summed(values: NDArray[np.float32] | BoolArray, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Sum in each cell of a map, over further axes too."""
    total: NDArray[np.float64] = values.reshape(*values.shape[:2], -1).sum(axis=2, dtype=np.float64)
    for axis, cells in enumerate(shape):
        size = total.shape[axis]
        total = np.add.reduceat(total, np.arange(cells) * size // cells, axis=axis)
    return total


def _draw_along(place: Axes, line: Axis, seen: Look) -> None:
    """Loudness of the traces along a line; dead ones are marked."""
    label = line.first + line.step * np.arange(line.size)
    loud = np.where(seen.live, seen.profile.loudness, np.nan).ravel()
    place.plot(label, loud, color="black", linewidth=0.8)
    dead = (seen.read & ~seen.live).ravel()
    place.plot(label[dead], np.zeros(np.count_nonzero(dead)), "|", color=VERMILLION, markersize=8)
    place.set_ylim(bottom=0)
    place.grid(alpha=0.3)
    dress(place, _map_title(seen, bool(dead.any())), line.name, "rms of the live samples")


def _draw_histogram(place: Axes, survey: Survey, seen: Look) -> None:
    """How the live samples are spread, on a logarithmic axis, with percentiles 1 and 99."""
    sample = seen.scan.sample.astype(np.float64)
    finite = sample[np.isfinite(sample)]
    low, high = (float(end) for end in (finite.min(), finite.max()))
    bins = np.linspace(low, high, HISTOGRAM_BINS).tolist() if high > low else 1
    for channel, colour in zip(sample, COLOURS, strict=False):
        place.hist(channel[np.isfinite(channel)], bins, histtype="step", color=colour, log=True)
    for percentile in np.percentile(finite, (1, 99)):
        place.axvline(percentile, color=VERMILLION, linewidth=0.9, linestyle="--")
    place.xaxis.set_major_locator(MaxNLocator(5))
    place.grid(alpha=0.3)
    channels = f" of {min(survey.channels, len(COLOURS))} channels" if survey.channels > 1 else ""
    dress(place, f"amplitudes{channels}, p1 and p99 dashed", "amplitude", f"samples of {finite.size:,}")


def _draw_classes(place: Axes, survey: Survey, seen: Look) -> None:
    """Share of each value of a label."""
    counts = seen.profile.classes or {}
    total = sum(counts.values())
    names = [str(value) for value in counts]
    shares = [100 * count / total for count in counts.values()]
    bars = place.bar(names, shares, color=[class_colour(value) for value in counts], edgecolor="black")
    if len(names) <= MOST_NAMED:
        place.bar_label(bars, fmt="{:.3g} %", fontsize=8)
    place.margins(y=0.15)
    dress(place, f"{len(names)} values", "value", "% of the samples")


def _draw_spectrum(place: Axes, survey: Survey, seen: Look) -> None:
    """Average power in dB below its peak, and the band within 20 dB of it."""
    if seen.scan.curve is None:
        return
    frequency, power = seen.scan.curve
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(power / power.max())
    place.plot(frequency, np.maximum(level, LOWEST), color="black", linewidth=1)
    spectrum = seen.scan.statistics.spectrum
    title, unit = "average spectrum", ""
    if spectrum is not None:
        unit = f" ({spectrum.unit})"
        place.axvspan(spectrum.low, spectrum.high, color=COLOURS[5], alpha=0.25, linewidth=0)
        place.axvline(spectrum.peak, color=VERMILLION, linewidth=0.9, linestyle="--")
        title = f"spectrum: {spectrum.low:.3g} to {spectrum.high:.3g} {spectrum.unit} at −20 dB"
    place.set_xlim(0, frequency[-1])
    place.set_ylim(LOWEST, 3)
    place.grid(alpha=0.3)
    dress(place, title, f"frequency{unit}", "dB")
