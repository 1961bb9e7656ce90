"""Changes of amplitude: what another gain or another level of noise would have recorded."""

from __future__ import annotations

import numpy as np

from geocnn.survey.survey import FloatArray

__all__ = ["gain", "noise"]


def gain(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image times one factor for all of it.

    Notes
    -----
    The factor is exp(u), u uniform in ±strength: as often stronger by some ratio as weaker by the same.
    """
    return image * np.float32(np.exp(rng.uniform(-strength, strength)))


def noise(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image with Gaussian noise, whose standard deviation is uniform in 0 to `strength`.

    Samples that are 0 stay 0: a normalised survey has 0 where it is dead, and prediction meets it so.
    """
    deviation = np.float32(rng.uniform(0, strength))
    grains = rng.standard_normal(image.shape, dtype=np.float32)
    return np.where(image == 0, image, image + deviation * grains)
