"""What a network makes of a section or a trace of the validation data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geocnn.grid import Axis, Grid
from geocnn.pictures.classes import class_keys, draw_classes
from geocnn.pictures.drawing import COLOURS, HEIGHT, dress, empty_figure, extent, loudness
from geocnn.survey.survey import FloatArray

__all__ = ["training_panel"]


def training_panel(
    image: FloatArray, label: NDArray[np.int8], probability: FloatArray, grid: Grid, classes: Sequence[str] = ()
) -> Figure:
    """A section, its labels and what the network makes of it, side by side; of a trace, one above the other.

    Parameters
    ----------
    image
        Normalised samples, shape (X, S).
    label
        Classes, shape (X, S); −1, not interpreted, is hatched.
    probability
        Probability of the last class, shape (X, S).
    grid
        Of the section: its axes are X and S, behind a line of one position if it is cut from a volume.
    classes
        Their names; numbers by default.
    """
    names = list(classes) or [str(index) for index in range(max(2, 1 + int(label.max())))]
    draw = _section if grid.ndim > 1 else _trace
    figure = draw(image, label, probability, grid, names)
    if grid.ndim == 3:
        figure.suptitle(f"{grid.axes[0].name} {grid.axes[0].first:g}", fontsize=10)
    return figure


def _section(
    image: FloatArray, label: NDArray[np.int8], probability: FloatArray, grid: Grid, classes: Sequence[str]
) -> Figure:
    across, down = grid.axes[-2:]
    at: dict[str, Any] = {"extent": extent(across, down), "aspect": "auto"}
    width = HEIGHT * float(np.clip(image.shape[0] / image.shape[1], 0.7, 2.0))
    figure = empty_figure(3 * width + 2.2, HEIGHT + 0.6)
    places = figure.subplots(1, 3, sharex=True, sharey=True)
    limit = loudness([image])
    grey = places[0].imshow(image.T, cmap="gray", vmin=-limit, vmax=limit, **at)
    figure.colorbar(grey, ax=places[0], aspect=30, extend="both")
    draw_classes(places[1], label.T, len(classes), **at)
    # Below the panel, where it hides no label.
    keys = class_keys(classes, bool((label < 0).any()))
    places[1].legend(handles=keys, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4)
    likely = places[2].imshow(probability.T, cmap="cividis", vmin=0, vmax=1, **at)
    figure.colorbar(likely, ax=places[2], aspect=30)
    titles = ("section (normalised)", "label", f"probability of {classes[-1]}")
    for place, title in zip(places, titles, strict=True):
        dress(place, title, across.name, _down(down) if place is places[0] else "")
    return figure


def _trace(
    image: FloatArray, label: NDArray[np.int8], probability: FloatArray, grid: Grid, classes: Sequence[str]
) -> Figure:
    """Curves from left to right, with the label between them."""
    [axis] = grid.axes
    figure = empty_figure(9, HEIGHT + 1.2)
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 3))
    where = np.array([axis.label(position) for position in range(axis.size)])
    _curve(above, where, image[0], "black")
    left, right, *_ = extent(axis, Axis("", 0, 1, 1))
    draw_classes(middle, label, len(classes), extent=(left, right, 0, 1))
    middle.set_yticks([])
    _curve(below, where, probability[0], COLOURS[0])
    below.set_ylim(-0.02, 1.02)
    titles = ("trace (normalised)", "label", f"probability of {classes[-1]}")
    for place, title in zip((above, middle, below), titles, strict=True):
        dress(place, title, _down(axis) if place is below else "", "")
    keys = class_keys(classes, bool((label < 0).any()))
    figure.legend(handles=keys, fontsize=8, loc="outside lower center", ncols=6)
    return figure


def _curve(place: Axes, where: NDArray[np.float64], values: FloatArray, colour: str) -> None:
    place.plot(where, values, color=colour, linewidth=0.9)
    place.margins(x=0)
    place.grid(alpha=0.3)


def _down(axis: Axis) -> str:
    return f"{axis.name} ({axis.unit or 'positions'})"
