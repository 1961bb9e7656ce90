"""Other places of the samples of a patch: mirrors, quarter turns, stretch, warps; the vertical keeps its direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, zoom

from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["Labels", "flip", "rotate", "warp"]

Labels = NDArray[np.int8]

NODES = 4
"""Nodes of a warp along each axis: it is smooth between them."""

STEEPEST = 0.75
"""Largest change of a warp's displacement from a position to the next along its own axis; from 1 on it would fold."""

ROUNDING = 1e-3
"""Positions beyond a face that are due to float32."""


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
    rng: np.random.Generator,
    image: FloatArray,
    label: Labels,
    dead: BoolArray,
    strengths: tuple[float, float, float],
) -> tuple[FloatArray, Labels, BoolArray]:
    """Image (C, \\*p), label (\\*p) and dead samples (\\*p), warped and stretched about the middle.

    Amplitudes are interpolated linearly; a label is that of the nearest sample, so that what is ignored stays so and no
    class comes between two others. Nothing is known beyond the faces of the patch: what would come from there is dead,
    0 and ignored, as what a network meets beyond a true edge.

    Parameters
    ----------
    dead
        As of `geocnn.augment.liveness`; a sample whose nearest is dead is dead.
    strengths
        Largest relative stretch along the samples, and laterally; largest displacement of the warp in positions.

    Notes
    -----
    Position p reads position c + (p + d(p) − c) / s, with c the middle of the patch. The stretch s is exp(u), u uniform
    in ±log(1 + strength); the displacement d is a cubic spline between random ones at 4 nodes along each axis, coarser
    than the elastic deformations of Simard et al. (2003).
    """
    places = _places(rng, label.shape, strengths)
    last = np.array(label.shape, np.float32).reshape(-1, *(1,) * label.ndim) - 1
    beyond = ((places < -ROUNDING) | (places > last + ROUNDING)).any(axis=0)
    places = np.clip(places, 0, last)
    nearest = tuple(np.rint(places).astype(np.intp))
    dead = beyond | dead[nearest]
    moved = np.stack([map_coordinates(channel, places, order=1, mode="nearest") for channel in image])
    moved[:, dead] = 0
    return moved, np.where(beyond, np.int8(-1), label[nearest]), dead


def _places(
    rng: np.random.Generator, shape: tuple[int, ...], strengths: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Positions to read, shape (ndim, \\*shape); they keep their order along each axis."""
    vertical, lateral, most = strengths
    factors = [_stretch(rng, lateral)] * (len(shape) - 1) + [_stretch(rng, vertical)]
    places = np.indices(shape, dtype=np.float32)
    for axis, (place, size, factor) in enumerate(zip(places, shape, factors, strict=True)):
        # There is but one position along an axis of one: its samples have no other place.
        if most and size > 1:
            place += _displacement(rng, shape, axis, most)
        middle = np.float32((size - 1) / 2)
        place[...] = middle + (place - middle) / np.float32(factor)
    return places


def _stretch(rng: np.random.Generator, strength: float) -> float:
    """A factor; no random number is drawn where there is no strength."""
    return float(np.exp(rng.uniform(-1, 1) * np.log1p(strength))) if strength else 1.0


def _displacement(rng: np.random.Generator, shape: tuple[int, ...], axis: int, most: float) -> NDArray[np.float32]:
    """A smooth field of sizes up to `most`, or less where it would fold the axis along which it displaces."""
    field = rng.uniform(-most, most, (NODES,) * len(shape)).astype(np.float32)
    for along, size in enumerate(shape):
        field = np.moveaxis(np.tensordot(_splines(size), field, (1, along)), 0, along)
    field = np.clip(field, -most, most)
    steepest = float(np.abs(np.diff(field, axis=axis)).max())
    return np.asarray(field * (STEEPEST / max(steepest, STEEPEST)), np.float32)


def _splines(size: int) -> NDArray[np.float32]:
    """Cubic splines through one of the nodes of a warp each, shape (size, nodes); axes are interpolated one by one."""
    unit = np.eye(NODES, dtype=np.float32)
    return np.asarray(zoom(unit, (size / NODES, 1), order=3, mode="nearest", grid_mode=True), np.float32)
