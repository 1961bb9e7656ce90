"""What all pictures share: colours, sizes, figures without a display."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geocnn.grid import Axis

__all__ = [
    "COLOURS",
    "HEIGHT",
    "NOTHING",
    "VERMILLION",
    "class_colour",
    "dress",
    "edges",
    "empty_figure",
    "extent",
    "loudness",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Colours that the colour-blind tell apart: Okabe and Ito, 2008, "Color Universal Design"."""

VERMILLION = COLOURS[1]

NOTHING = "#E8E4DA"
"""Where there is no sample: a shade that no grey scale has."""

HEIGHT = 3.4
"""Height of a panel, in inches."""

LOUDEST = 98
"""Percentile of the live samples' sizes that is drawn black or white."""


def empty_figure(width: float, height: float) -> Figure:
    """An empty figure that lays itself out, of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def class_colour(value: int) -> str:
    """Colour of a class: grey for −1, not interpreted, white for 0, mostly background, vivid for others."""
    pale = {-1: "#BBBBBB", 0: "#FFFFFF"}
    vivid = (VERMILLION, COLOURS[0], *COLOURS[2:])
    return pale.get(value, vivid[(value - 1) % len(vivid)])


def dress(place: Axes, title: str, across: str, down: str) -> None:
    """Title and names of the axes, in letters that can be read on a page."""
    place.set_title(title, fontsize=10)
    place.set_xlabel(across, fontsize=9)
    place.set_ylabel(down, fontsize=9)
    place.tick_params(which="both", labelsize=9)


def loudness(samples: Sequence[NDArray[np.floating]]) -> float:
    """The 98th percentile of the sizes of all samples that are not 0, as dead ones are; 1 if there are none."""
    sizes = np.concatenate([np.abs(part[part != 0]) for part in samples])
    return float(np.percentile(sizes, LOUDEST)) if sizes.size else 1.0


def extent(across: Axis, down: Axis) -> tuple[float, float, float, float]:
    """Labels at the outer edges of a picture whose first row is the first of `down`: left, right, bottom, top."""
    top, bottom = edges(down)
    return (*edges(across), bottom, top)


def edges(axis: Axis) -> tuple[float, float]:
    """Labels half a step before the first position and half a step after the last."""
    return axis.first - axis.step / 2, axis.last + axis.step / 2
