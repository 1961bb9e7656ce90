"""Random changes of the amplitudes of a patch; the label stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.survey import FloatArray

__all__ = ["gain", "noise"]

Labels = NDArray[np.int8]


def gain(rng: np.random.Generator, image: FloatArray, label: Labels, strength: float) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) times e^g, g evenly within ±`strength`; one for all channels, to keep their ratios."""
    return image * np.float32(np.exp(rng.uniform(-strength, strength))), label


def noise(rng: np.random.Generator, image: FloatArray, label: Labels, strength: float) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) with white Gaussian noise, its standard deviation drawn evenly from 0 to `strength`.

    Zeros stay: they are dead samples, and a network must know them as they will be.
    """
    added = np.float32(rng.uniform(0, strength)) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.where(image == 0, image, image + added), label
