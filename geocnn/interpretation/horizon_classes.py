"""What horizons make of the samples of a survey: a surface, intervals between them, or distances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geocnn.interpretation.picks import Floats

__all__ = ["HORIZON_CLASSES", "NULL", "Classes"]

NULL = np.float32(1e30)
"""Distance where no horizon is known."""


class Classes(NamedTuple):
    """Samples as classes (I, X, S), int8, −1 where they are not known, and the names of the classes."""

    samples: NDArray[np.generic]
    names: tuple[str, ...]


def surface(depths: Floats, samples: int, width: float) -> Classes:
    """1 within half the width of horizons (H, I, X), 0 elsewhere on traces where all are known, else −1."""
    s = np.arange(samples)
    label = np.repeat(_known(depths).astype(np.int8)[..., None] - np.int8(1), samples, axis=-1)
    for depth in depths:
        # Half open: a whole width holds as many samples wherever between two samples the horizon lies.
        label[(s >= depth[..., None] - width / 2) & (s < depth[..., None] + width / 2)] = 1
    return Classes(label, ("background", "horizon"))


def interval(depths: Floats, samples: int, width: float) -> Classes:
    """The number of horizons above a sample; −1 on traces where one is unknown."""
    label = np.zeros((*depths.shape[1:], samples), np.int8)
    for depth in depths:
        label += np.arange(samples) >= depth[..., None]
    label[~_known(depths)] = -1
    return Classes(label, tuple(f"interval {k}" for k in range(len(depths) + 1)))


def distance(depths: Floats, samples: int, width: float) -> Classes:
    """Samples from the nearest horizon, positive below it, float32; null where none is known."""
    nearest = np.full((*depths.shape[1:], samples), NULL)
    s = np.arange(samples, dtype=np.float32)
    for depth in depths:
        for inline, of_traces in zip(nearest, depth, strict=True):
            apart = s - of_traces.astype(np.float32)[:, None]
            # Where it is unknown, nan, it is not nearer.
            np.copyto(inline, apart, where=np.abs(apart) < np.abs(inline))
    return Classes(nearest, ())


def _known(depths: Floats) -> NDArray[np.bool_]:
    """Traces (I, X) on which every horizon is known."""
    return np.asarray(np.isfinite(depths).all(axis=0))


HORIZON_CLASSES = {"surface": surface, "interval": interval, "distance": distance}
"""What horizons become, by the option that names it."""
