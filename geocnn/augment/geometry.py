"""Other places of the samples of a patch: mirrors, quarter turns, stretch, warps; the vertical keeps its direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, zoom

from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "flip", "rotate", "warp"]

Labels = NDArray[np.int8]

NODES = 4
"""Nodes of a warp along each axis: it is smooth between them."""


def flip(rng: np.random.Generator, image: FloatArray, label: Labels) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) and label (\\*p), mirrored along each lateral axis with probability one half; views."""
    mirrored = tuple(axis for axis in range(label.ndim - 1) if rng.random() < 0.5)
    return np.flip(image, tuple(1 + axis for axis in mirrored)), np.flip(label, mirrored)


def rotate(rng: np.random.Generator, image: FloatArray, label: Labels) -> tuple[FloatArray, Labels]:
    """Image (C, I, X, S) and label (I, X, S), turned by 0 to 3 quarter turns about the vertical; views.

    Patches that are not 3-D, or whose lateral sides differ, come back as they are: a turn would change their shape.
    """
    if label.ndim != 3 or label.shape[0] != label.shape[1]:
        return image, label
    turns = int(rng.integers(4))
    return np.rot90(image, turns, axes=(1, 2)), np.rot90(label, turns, axes=(0, 1))


def warp(
    rng: np.random.Generator, image: FloatArray, label: Labels, strengths: tuple[float, float, float]
) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) and label (\\*p), stretched about the middle and warped.

    Amplitudes are interpolated linearly; a label is that of the nearest sample, so that what is ignored stays so and no
    class comes between two others. Beyond its faces a patch is mirrored.

    Parameters
    ----------
    strengths
        Largest relative stretch along the samples, and laterally; largest displacement of the warp in positions.

    Notes
    -----
    A stretch by s, exp(u) with u uniform in ±log(1 + strength), reads position c + (p − c) / s. The warp adds a smooth
    field between random displacements at 4 nodes along each axis.
    """
    vertical, lateral, most = strengths
    ndim = label.ndim
    factors = [1.0] * ndim
    if lateral:
        factors[:-1] = [_stretch(rng, lateral)] * (ndim - 1)
    if vertical:
        factors[-1] = _stretch(rng, vertical)
    places = np.stack(np.meshgrid(*map(_centred, label.shape, factors), indexing="ij"))
    if most:
        for place in places:
            place += _smooth(rng, label.shape, most)
    return _read_at(places, image, label)


def _stretch(rng: np.random.Generator, strength: float) -> float:
    return float(np.exp(rng.uniform(-1, 1) * np.log1p(strength)))


def _centred(size: int, factor: float) -> NDArray[np.float32]:
    """Positions to read along an axis."""
    middle = (size - 1) / 2
    return ((np.arange(size) - middle) / factor + middle).astype(np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], most: float) -> NDArray[np.float32]:
    """A smooth field of sizes up to `most`."""
    nodes = rng.uniform(-most, most, (NODES,) * len(shape)).astype(np.float32)
    field = zoom(nodes, [n / NODES for n in shape], order=3, mode="nearest", grid_mode=True)
    return np.clip(field, -most, most).astype(np.float32)


def _read_at(places: NDArray[np.float32], image: FloatArray, label: Labels) -> tuple[FloatArray, Labels]:
    """Samples and labels at places (ndim, \\*p); a sample whose nearest is dead is dead."""
    nearest = tuple(
        _mirrored(np.rint(place).astype(np.int64), size) for place, size in zip(places, label.shape, strict=True)
    )
    moved = np.stack([map_coordinates(channel, places, order=1, mode="mirror") for channel in image])
    for channel, before in zip(moved, image, strict=True):
        channel[before[nearest] == 0] = 0
    return moved, label[nearest]


def _mirrored(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Positions beyond the faces, mirrored about the outer samples."""
    if size == 1:
        return np.zeros_like(places)
    period = 2 * (size - 1)
    folded = places % period
    return np.minimum(folded, period - folded)
