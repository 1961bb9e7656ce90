"""Mirrors and quarter turns of a patch about the vertical; the sample axis stays as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "flip", "rotate"]

Labels = NDArray[np.int8]


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
