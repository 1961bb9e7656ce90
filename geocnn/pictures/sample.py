"""A sample of the training stream, as the network saw it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geocnn.pictures.classes import class_keys, draw_classes
from geocnn.pictures.drawing import HEIGHT, dress, empty_figure, loudness
from geocnn.survey.survey import FloatArray

__all__ = ["sample_panels"]

MOST_CHANNELS = 8

STRIP = 0.3
"""Height of the label of a trace, in heights of a panel."""


def sample_panels(
    image: FloatArray, label: NDArray[np.int8], axes: Sequence[str], classes: Sequence[str], title: str
) -> Figure:
    """The channels of a patch above its labels: three middle planes of a volume, a section whole, a trace as a curve.

    Of many channels the first are drawn, as the titles tell.

    Parameters
    ----------
    image, label
        Normalised samples (C, \\*patch) and classes (\\*patch), −1 where they do not count.
    axes
        Names of the patch's axes.
    classes
        Names of the classes.
    title
        Which sample it is.
    """
    planes = _planes(label.ndim)
    channels, image = len(image), image[:MOST_CHANNELS]
    strip = STRIP if label.ndim == 1 else 1
    figure = empty_figure(3.2 * max(2, len(planes)) + 1, HEIGHT * 0.75 * (len(image) + strip) + 1)
    figure.suptitle(title, fontsize=10, parse_math=False)
    heights = [1] * len(image) + [strip]
    places = figure.subplots(len(heights), len(planes), squeeze=False, sharex="col", height_ratios=heights)
    limit = loudness([image])
    for column, hidden in enumerate(planes):
        names = [name for at, name in enumerate(axes) if at != hidden]
        for row, channel in enumerate(image):
            plane, place = _cut(channel, hidden), places[row, column]
            _draw_samples(place, plane, limit)
            heading = f"channel {row + 1} of {channels}" if channels > 1 else "normalised samples"
            dress(place, f"{heading}{_where(axes, hidden, label.shape)}", "", names[-1] if plane.ndim > 1 else "")
        place = places[-1, column]
        _draw_label(place, _cut(label, hidden), len(classes))
        dress(place, "label", names[0], names[-1] if len(names) > 1 else "")
    figure.legend(handles=class_keys(classes, bool((label < 0).any())), fontsize=8, loc="outside lower center", ncols=6)
    return figure


def _planes(ndim: int) -> list[int | None]:
    """The axes that are cut in the middle, one for each plane; None: all is shown."""
    return [0, 1, 2] if ndim == 3 else [None]


def _cut(array: NDArray[Any], hidden: int | None) -> NDArray[Any]:
    return array if hidden is None else array.take(array.shape[hidden] // 2, axis=hidden)


def _where(axes: Sequence[str], hidden: int | None, shape: Sequence[int]) -> str:
    return "" if hidden is None else f", {axes[hidden]} {shape[hidden] // 2} of {shape[hidden]}"


def _draw_samples(place: Axes, plane: FloatArray, limit: float) -> None:
    """A section in grey, a trace from left to right, each of its channels on a scale of its own."""
    if plane.ndim == 1:
        place.plot(np.arange(len(plane)), plane, color="black", linewidth=0.8)
        place.grid(alpha=0.3)
    else:
        place.imshow(plane.T, cmap="gray", vmin=-limit, vmax=limit, aspect="auto")


def _draw_label(place: Axes, label: NDArray[np.int8], classes: int) -> None:
    draw_classes(place, label[None] if label.ndim == 1 else label.T, classes)
    if label.ndim == 1:
        place.set_yticks([])
