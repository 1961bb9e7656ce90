"""Wavelets and noise of synthetic traces."""

from __future__ import annotations

from math import pi

import numpy as np
from scipy import fft

from geocnn.survey.survey import FloatArray
from geocnn.synthetic.recipes import DT

__all__ = ["band_limited_noise", "convolve_traces", "read_off", "ricker"]

STEEPNESS = 4
"""Order of the Butterworth response that limits the band of noise."""


def ricker(frequency: float, half_length: int) -> FloatArray:
    """Ricker wavelet of that peak frequency in Hz, shape (2 · half_length + 1,), 1 in the middle.

    Notes
    -----
    (1 − 2 a) exp(−a) with a = (π f t)² (Ricker, 1953).
    """
    time = DT * np.arange(-half_length, half_length + 1)
    a = (pi * frequency * time) ** 2
    wavelet: FloatArray = ((1 - 2 * a) * np.exp(-a)).astype(np.float32)
    return wavelet


def read_off(layers: FloatArray, depth: FloatArray) -> FloatArray:
    """Reflection coefficients at depths (\\*w) between those of layers (N), linearly interpolated, shape (\\*w).

    Layers lie at depths 0, 1, …, and begin again after N, which is a power of two.
    """
    above = np.floor(depth)
    share = depth - above
    index = above.astype(np.int32) & (len(layers) - 1)
    coefficients: FloatArray = layers[index] * (1 - share) + np.roll(layers, -1)[index] * share
    return coefficients


def convolve_traces(traces: FloatArray, wavelet: FloatArray) -> FloatArray:
    """Traces (..., S) convolved along the samples where the wavelet (N) lies within them: (..., S − N + 1)."""
    size = traces.shape[-1]
    length = fft.next_fast_len(size, real=True)
    spectrum = fft.rfft(traces, length) * fft.rfft(wavelet, length)
    return np.asarray(fft.irfft(spectrum, length)[..., len(wavelet) - 1 : size], np.float32)


def band_limited_noise(rng: np.random.Generator, shape: tuple[int, ...], band: tuple[float, float]) -> FloatArray:
    """Gaussian noise of standard deviation about 1 in a band in Hz, shape (..., S); each trace for itself.

    Notes
    -----
    White noise under the zero-phase amplitude response 1 / √((1 + (low / f)^2n) (1 + (f / high)^2n)).
    """
    length = fft.next_fast_len(shape[-1], real=True)
    frequency = np.maximum(fft.rfftfreq(length, DT), 1e-9)
    low, high = band
    power = 1 / ((1 + (low / frequency) ** (2 * STEEPNESS)) * (1 + (frequency / high) ** (2 * STEEPNESS)))
    white = rng.standard_normal((*shape[:-1], length), dtype=np.float32)
    noise = fft.irfft(fft.rfft(white) * np.sqrt(power / power.mean()).astype(np.float32), length)
    return np.asarray(noise[..., : shape[-1]], np.float32)
