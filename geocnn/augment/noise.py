"""Noise that is added to a patch: white, in a band, and in lines that cross the layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from geocnn.augment.spectrum import band
from geocnn.survey.survey import FloatArray

__all__ = ["band_noise", "coherent_noise", "noise"]

SLOWEST = 4.0
"""Largest delay of linear noise from a trace to the next, in samples."""


def noise(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image with Gaussian noise, whose standard deviation is uniform in 0 to `strength`."""
    deviation = np.float32(rng.uniform(0, strength))
    return image + deviation * rng.standard_normal(image.shape, dtype=np.float32)


def band_noise(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image (C, \\*p) with noise in a random band along the samples, of a standard deviation up to `strength`."""
    deviation = rng.uniform(0, strength)
    return image + np.float32(deviation) * _in_band(rng, image.shape)


def coherent_noise(rng: np.random.Generator, image: FloatArray, strength: float) -> FloatArray:
    """The image (C, \\*p) with a band-limited series that arrives later from trace to trace, the same in all channels.

    A patch of one axis has no other trace: there it is noise in a band.
    """
    deviation, shape = rng.uniform(0, strength), image.shape[1:]
    series = _in_band(rng, (4 * max(shape) * len(shape),))
    delay = sum(
        (
            rng.uniform(-SLOWEST, SLOWEST) * np.arange(n).reshape([-1 if k == axis else 1 for k in range(len(shape))])
            for axis, n in enumerate(shape[:-1])
        ),
        start=np.zeros((1,) * len(shape)),
    )
    place = np.arange(shape[-1]) - delay
    lines = np.interp(place.ravel(), np.arange(len(series)), series, period=len(series)).reshape(place.shape)
    return image + (deviation * lines).astype(np.float32)


def _in_band(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Gaussian noise of standard deviation 1 in a random band along the last axis."""
    spectrum = fft.rfft(rng.standard_normal(shape, dtype=np.float32), axis=-1)
    low, high = rng.uniform(0.01, 0.15), rng.uniform(0.2, 0.7)
    made = fft.irfft(spectrum * band(spectrum.shape[-1], low, high), shape[-1], axis=-1)
    deviation = float(made.std())
    return np.asarray(made / deviation if deviation else made, np.float32)
