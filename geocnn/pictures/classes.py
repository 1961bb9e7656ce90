"""Classes in pictures: their colours, what is not interpreted, and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from numpy.typing import NDArray

from geocnn.pictures.drawing import class_colour

__all__ = ["HATCH", "class_keys", "draw_classes"]

HATCH: dict[str, Any] = {"facecolor": "#DDDDDD", "edgecolor": "#999999", "hatch": "///"}
"""How a patch is drawn that stands for what is not interpreted."""


def draw_classes(place: Axes, label: NDArray[np.int8], count: int, **at: Any) -> None:
    """Classes (rows, columns) of `count` in colours of their own; hatched where not interpreted.

    What is passed beside is for `matplotlib.axes.Axes.imshow`.
    """
    place.patch.set(**HATCH)
    colours = ListedColormap([class_colour(index) for index in range(count)])
    shown = {"aspect": "auto", "interpolation": "none", **at}
    place.imshow(np.ma.masked_less(label, 0), cmap=colours, vmin=-0.5, vmax=count - 0.5, **shown)


def class_keys(classes: Sequence[str], is_hatched: bool) -> list[Patch]:
    """Entries of a legend: the classes, and what is ignored if there is such."""
    keys = [Patch(facecolor=class_colour(index), edgecolor="black", label=name) for index, name in enumerate(classes)]
    if is_hatched:
        keys.append(Patch(**HATCH, label="ignored (−1)"))
    return keys
