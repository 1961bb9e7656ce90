"""Changes of the wavelet of a patch: phase, band, and the shape of its amplitude spectrum along the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from geocnn.survey.survey import FloatArray

__all__ = ["bandpass", "mix", "phase", "shaping"]

STEEPNESS = 4
"""Order of the Butterworth response of a band."""

SMOOTH = 9
"""Frequencies over which a mean spectrum is smoothed before it is compared with another."""

LIMIT = 10.0
"""Largest ratio by which a frequency is raised or lowered to that of another patch."""

NODES = 6
"""Nodes of a random curve of amplitude over frequency."""


def phase(rng: np.random.Generator, image: FloatArray, most: float) -> FloatArray:
    """The image (C, \\*p) with its phase rotated by a constant of up to so many degrees.

    Notes
    -----
    cos φ · x − sin φ · H(x) with H the Hilbert transform: 180° is the other polarity.
    """
    turn = np.exp(1j * np.deg2rad(rng.uniform(-most, most)))

    def turned(spectrum: NDArray[Any]) -> NDArray[Any]:
        changed = spectrum * turn
        # The mean has no phase: only its share in phase remains.
        changed[..., 0] = spectrum[..., 0] * turn.real
        return np.asarray(changed)

    return _filtered(image, turned)


def bandpass(rng: np.random.Generator, image: FloatArray) -> FloatArray:
    """The image (C, \\*p) in a random band: from at most a tenth of the Nyquist frequency to at least a quarter of it.

    Notes
    -----
    Zero-phase response 1 / √((1 + (low / f)^8) (1 + (f / high)^8)).
    """
    low, high = rng.uniform(0.005, 0.1), rng.uniform(0.25, 0.9)

    def passed(spectrum: NDArray[Any]) -> NDArray[Any]:
        f = np.maximum(np.linspace(0, 1, spectrum.shape[-1]), 1e-9)
        power = (1 + (low / f) ** (2 * STEEPNESS)) * (1 + (f / high) ** (2 * STEEPNESS))
        return np.asarray(spectrum / np.sqrt(power))

    return _filtered(image, passed)


def shaping(rng: np.random.Generator, image: FloatArray, most: float) -> FloatArray:
    """The image (C, \\*p) with its spectrum raised and lowered along a smooth random curve, by up to so many dB.

    The root mean square of the whole stays what it is.
    """
    nodes = rng.uniform(-most, most, NODES)

    def shaped(spectrum: NDArray[Any]) -> NDArray[Any]:
        size = spectrum.shape[-1]
        curve = np.interp(np.linspace(0, NODES - 1, size), np.arange(NODES), nodes)
        return np.asarray(spectrum * 10 ** (curve / 20))

    return _as_loud(_filtered(image, shaped), image)


def mix(image: FloatArray, other: FloatArray) -> FloatArray:
    """The image (C, \\*p) with the mean amplitude spectrum of another one along the samples; its own phase and layers.

    The root mean square of the whole stays what it is.

    Notes
    -----
    Both spectra are means over traces, smoothed over frequencies; their ratio is limited to a factor of 10.
    """
    target = _mean_spectrum(other)

    def mixed(spectrum: NDArray[Any]) -> NDArray[Any]:
        own = _smoothed(np.abs(spectrum).reshape(-1, spectrum.shape[-1]).mean(axis=0))
        goal = np.interp(np.linspace(0, 1, len(own)), np.linspace(0, 1, len(target)), target)
        ratio = (goal / max(goal.sum(), 1e-30)) / np.maximum(own / max(own.sum(), 1e-30), 1e-30)
        return np.asarray(spectrum * np.clip(ratio, 1 / LIMIT, LIMIT))

    return _as_loud(_filtered(image, mixed), image)


def _filtered(image: FloatArray, change: Any) -> FloatArray:
    """The image under a change of its spectrum along the samples, mirrored beyond its ends."""
    margin = min(image.shape[-1] - 1, max(8, image.shape[-1] // 4))
    beyond = [(0, 0)] * (image.ndim - 1) + [(margin, margin)]
    padded = np.pad(image, beyond, mode="reflect")
    length = fft.next_fast_len(padded.shape[-1], real=True)
    spectrum = change(fft.rfft(padded, length, axis=-1))
    changed = fft.irfft(spectrum, length, axis=-1)[..., margin : margin + image.shape[-1]]
    return np.asarray(changed, np.float32)


def _mean_spectrum(image: FloatArray) -> NDArray[Any]:
    spectrum = np.abs(fft.rfft(image, axis=-1))
    return _smoothed(spectrum.reshape(-1, spectrum.shape[-1]).mean(axis=0))


def _smoothed(curve: NDArray[Any]) -> NDArray[Any]:
    window = min(SMOOTH, len(curve))
    padded = np.pad(curve, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, mode="valid")[: len(curve)]


def _as_loud(changed: FloatArray, image: FloatArray) -> FloatArray:
    """The changed image with the root mean square of the original."""
    power = float((changed.astype(np.float64) ** 2).mean())
    return changed * np.float32(np.sqrt(float((image.astype(np.float64) ** 2).mean()) / power)) if power else changed
