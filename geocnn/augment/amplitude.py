"""Changes of amplitude: what another gain, polarity or gain control would have made of a patch."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from geocnn.augment.sampling import Sampling
from geocnn.survey.survey import FloatArray

__all__ = ["agc", "gain", "reverse"]

WINDOW = (100.0, 500.0)
"""Range of windows of automatic gain control, in ms, or m."""

SHORTEST = 9
"""Samples of the shortest window: fewer would leave the sign of the samples alone."""


def gain(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image times one factor for all of it.

    Notes
    -----
    The factor is exp(u), u uniform in ±strength: as often stronger by some ratio as weaker by the same.
    """
    return image * np.float32(np.exp(rng.uniform(-strength, strength)))


def reverse(rng: np.random.Generator, image: FloatArray) -> FloatArray:
    """The image, with the other sign in half of the cases."""
    return -image if rng.random() < 0.5 else image


def agc(rng: np.random.Generator, image: FloatArray, sampling: Sampling) -> FloatArray:
    """The image (C, \\*p) over the root mean square of a window along each trace, of all channels together.

    The root mean square of the whole stays what it is. The window is 100 to 500 ms (or m); where the interval has no
    unit, an eighth to a half of the patch. It is as long as the patch at most.
    """
    size = image.shape[-1]
    low, high = (
        (WINDOW[0] / sampling.interval, WINDOW[1] / sampling.interval) if sampling.unit else (size / 8, size / 2)
    )
    window = int(np.clip(rng.uniform(low, high), min(SHORTEST, size), size))
    power = uniform_filter1d((image**2).mean(axis=0), window, axis=-1, mode="reflect")
    whole = float(power.mean())
    if whole == 0:
        return image
    return image * np.sqrt(whole / (power + 1e-3 * whole)).astype(np.float32)
