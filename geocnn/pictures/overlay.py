"""What is laid over sections: labels, hatched where they are ignored, probabilities, and distances of both signs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from geocnn.pictures.classes import HATCH, class_keys
from geocnn.pictures.drawing import COLOURS, NOTHING, VERMILLION
from geocnn.pictures.plane import Plane

__all__ = ["lay_over"]

OPAQUE = 0.65
"""How much of a section the strongest colour of an overlay hides."""

OVERLAY = LinearSegmentedColormap.from_list(
    "overlay", [(VERMILLION, OPAQUE * (step / 16) ** 1.5) for step in range(17)]
)
SIGNED = LinearSegmentedColormap.from_list(
    "signed",
    [
        (*(1 + abs(side) ** 0.5 * (np.array(to_rgb(COLOURS[0] if side < 0 else VERMILLION)) - 1)), OPAQUE)
        for side in np.linspace(-1, 1, 33)
    ],
)
"""Blue below 0, vermillion above; the root keeps the white between them to what is close to a horizon."""

IGNORED = -1

MOST_CLASS = 127
"""The highest class of a label: labels are bytes."""

STEADY = 0.3
"""Spread of the middle half of the slopes along traces, in parts of the middle one, below which values are distances.

Of a wavelet's amplitudes it is 0.7 and more.
"""


def lay_over(figure: Figure, places: Sequence[Axes], shown: Sequence[Plane], laid: Sequence[Plane | None]) -> None:
    """Lay planes over those that are shown in places, with a scale beside them and what else is to be said below.

    The higher a value, the more opaque. A label, of whole numbers from −1 on, is hatched where it is −1, which is
    ignored. Distances, which have both signs and grow steadily along traces, have a colour for each sign.

    Parameters
    ----------
    figure, places
        A figure, and the place of each plane in it.
    shown
        What is drawn in the places.
    laid
        What to lay over each, on a part of its axes; None: nothing reaches there.
    """
    there = [plane for plane in laid if plane is not None]
    scale, colours = _scale(there)
    is_label = _is_label(there)
    for place, below, over in zip(places, shown, laid, strict=True):
        if over is None:
            place.set_title(f"{place.get_title()} (outside the overlay)", fontsize=10)
            continue
        limits = place.get_xlim(), place.get_ylim()
        if is_label:
            _hatch(place, below, over)
        place.imshow(over.samples, cmap=colours, norm=scale, extent=_extent(place, over), aspect="auto")
        place.set(xlim=limits[0], ylim=limits[1])
    figure.colorbar(ScalarMappable(scale, colours), ax=list(places), label="overlay", pad=0.01, aspect=30)
    if is_label:
        figure.legend(handles=class_keys((), is_hatched=True), fontsize=8, loc="outside lower center")


def _scale(laid: Sequence[Plane]) -> tuple[Normalize, Colormap]:
    """How values become colours."""
    if _is_distance(laid):
        farthest = max(float(np.abs(plane.samples).max()) for plane in laid if plane.samples.count())
        return Normalize(-farthest, farthest), SIGNED
    highest = max([1.0, *(float(plane.samples.max()) for plane in laid if plane.samples.count())])
    return Normalize(0, highest, clip=True), OVERLAY


def _is_label(laid: Sequence[Plane]) -> bool:
    """Whether planes hold a label that is ignored in places."""
    known = _known(laid)
    whole = known.size > 0 and bool((known == np.rint(known)).all())
    return whole and known.min() == IGNORED and known.max() <= MOST_CLASS and not _is_distance(laid)


def _is_distance(laid: Sequence[Plane]) -> bool:
    """Whether planes hold distances: of both signs, growing by about the same along all traces."""
    known = _known(laid)
    along = [plane.samples.filled(np.nan) for plane in laid if plane.down.name == "sample"]
    slopes = np.concatenate([[], *(np.abs(np.diff(samples, axis=0)).ravel() for samples in along)])
    slopes = slopes[np.isfinite(slopes)]
    if not slopes.size or not known.min() < 0 < known.max():
        return False
    low, middle, high = np.percentile(slopes, (25, 50, 75))
    return bool(high - low < STEADY * middle)


def _known(laid: Sequence[Plane]) -> NDArray[np.float64]:
    """All values of planes."""
    return np.concatenate([[], *(plane.samples.compressed() for plane in laid)])


def _hatch(place: Axes, below: Plane, over: Plane) -> None:
    """Hatch what `over` ignores of a plane: all that it covers, and the plane once more where it does not."""
    left, right, bottom, top = _extent(place, over)
    place.add_patch(Rectangle((left, bottom), right - left, top - bottom, linewidth=0, zorder=0, **HATCH))
    ignored = np.zeros(below.samples.shape, np.bool_)
    ignored[_part(below, over)] = over.samples.filled(0) == IGNORED
    if below.trace:
        colours = np.ones((*ignored.shape, 4))
    else:
        colours = np.array(place.images[0].to_rgba(below.samples))
        colours[np.ma.getmaskarray(below.samples)] = to_rgba(NOTHING)
    colours[ignored, 3] = 0
    place.imshow(colours, extent=_extent(place, below), aspect="auto")


def _part(below: Plane, over: Plane) -> tuple[slice, ...]:
    """The rows and columns of a plane that another covers."""
    axes = ((below.down, over.down), (below.across, over.across))
    starts = [round((part.first - whole.first) / whole.step) for whole, part in axes]
    return tuple(slice(start, start + part.size) for start, (_, part) in zip(starts, axes, strict=True))


def _extent(place: Axes, plane: Plane) -> tuple[float, float, float, float]:
    """Where a plane lies: a single trace on all of the width."""
    return (*place.get_xlim(), *plane.extent[2:]) if plane.trace else plane.extent
