"""Random motions of a patch: the label moves with its samples, and the sample axis always points down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.survey import FloatArray

__all__ = ["flip", "rotate"]

Labels = NDArray[np.int8]


def flip(rng: np.random.Generator, image: FloatArray, label: Labels, enabled: bool) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) and label (\\*p), each lateral axis reversed or not with equal chance."""
    lateral = tuple(axis for axis in range(label.ndim - 1) if enabled and rng.random() < 0.5)
    return np.flip(image, tuple(1 + axis for axis in lateral)), np.flip(label, lateral)


def rotate(rng: np.random.Generator, image: FloatArray, label: Labels, enabled: bool) -> tuple[FloatArray, Labels]:
    """Image (C, I, X, S) and label (I, X, S), turned about the vertical by 0, 90, 180 or 270° with equal chance.

    Only volumes of I = X can be; other patches come back as they are.
    """
    if not enabled or label.ndim != 3 or label.shape[0] != label.shape[1]:
        return image, label
    quarters = int(rng.integers(4))
    return np.rot90(image, quarters, axes=(1, 2)), np.rot90(label, quarters, axes=(0, 1))
