"""Changes of the wavelet of a patch: phase, band, and the shape of its amplitude spectrum along the samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from geocnn.survey.survey import FloatArray

__all__ = ["band", "bandpass", "mix", "phase", "shaping"]

Spectrum = NDArray[np.complexfloating]
"""Of the samples of each trace, shape (C, \\*p) but for the last axis: frequencies from 0 to Nyquist."""

Curve = NDArray[np.floating]
"""Over those frequencies."""

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
    cos φ · x − sin φ · H(x) with H the Hilbert transform, the real part of the complex trace of Taner et al. (1979)
    times e^iφ: 180° is the other polarity.
    """
    turn = np.exp(1j * np.deg2rad(rng.uniform(-most, most)))

    def turned(spectrum: Spectrum) -> Spectrum:
        changed = spectrum * turn
        # The mean has no phase: only its share in phase remains.
        changed[..., 0] = spectrum[..., 0] * turn.real
        return np.asarray(changed)

    return _filtered(image, turned)


def bandpass(rng: np.random.Generator, image: FloatArray) -> FloatArray:
    """The image (C, \\*p) in a random band: from at most a tenth of the Nyquist frequency to at least a quarter of it.

    Zero phase; the response is that of `band`.
    """
    low, high = rng.uniform(0.005, 0.1), rng.uniform(0.25, 0.9)
    return _filtered(image, lambda spectrum: spectrum * band(spectrum.shape[-1], low, high))


def band(size: int, low: float, high: float) -> NDArray[np.float32]:
    """Response of a band, shape (size,), at frequencies from 0 to Nyquist; `low` and `high` are shares of the latter.

    Notes
    -----
    Amplitudes of a high-pass and a low-pass after Butterworth (1930), of order 4:
    1 / √((1 + (low / f)^8) (1 + (f / high)^8)).
    """
    f = np.maximum(np.linspace(0, 1, size), 1e-9)
    power = (1 + (low / f) ** (2 * STEEPNESS)) * (1 + (f / high) ** (2 * STEEPNESS))
    return np.asarray(1 / np.sqrt(power), np.float32)


def shaping(rng: np.random.Generator, image: FloatArray, most: float) -> FloatArray:
    """The image (C, \\*p) with its spectrum raised and lowered along a smooth random curve, by up to so many dB.

    The root mean square of the whole stays what it is.
    """
    nodes = rng.uniform(-most, most, NODES)

    def shaped(spectrum: Spectrum) -> Spectrum:
        size = spectrum.shape[-1]
        curve = np.interp(np.linspace(0, NODES - 1, size), np.arange(NODES), nodes)
        return np.asarray(spectrum * 10 ** (curve / 20))

    return _as_loud(_filtered(image, shaped), image)


def mix(image: FloatArray, other: FloatArray) -> FloatArray:
    """The image (C, \\*p) with the mean amplitude spectrum of another one along the samples; its own phase and layers.

    The root mean square of the whole stays what it is.

    Notes
    -----
    After the Fourier domain adaptation of Yang & Soatto (2020), which swaps low frequencies of images. Here both
    spectra are means over traces, smoothed over frequencies; their ratio is limited to a factor of 10.
    """
    target = _mean_spectrum(other)

    def mixed(spectrum: Spectrum) -> Spectrum:
        own = _smoothed(np.abs(spectrum).reshape(-1, spectrum.shape[-1]).mean(axis=0))
        goal = np.interp(np.linspace(0, 1, len(own)), np.linspace(0, 1, len(target)), target)
        ratio = (goal / max(goal.sum(), 1e-30)) / np.maximum(own / max(own.sum(), 1e-30), 1e-30)
        return np.asarray(spectrum * np.clip(ratio, 1 / LIMIT, LIMIT))

    return _as_loud(_filtered(image, mixed), image)


def _filtered(image: FloatArray, change: Callable[[Spectrum], Spectrum]) -> FloatArray:
    """The image under a change of its spectrum along the samples, mirrored beyond its ends."""
    margin = min(image.shape[-1] - 1, max(8, image.shape[-1] // 4))
    beyond = [(0, 0)] * (image.ndim - 1) + [(margin, margin)]
    padded = np.pad(image, beyond, mode="reflect")
    length = fft.next_fast_len(padded.shape[-1], real=True)
    spectrum = change(fft.rfft(padded, length, axis=-1))
    changed = fft.irfft(spectrum, length, axis=-1)[..., margin : margin + image.shape[-1]]
    return np.asarray(changed, np.float32)


def _mean_spectrum(image: FloatArray) -> Curve:
    """Mean amplitude over all traces and channels, smoothed."""
    spectrum = np.abs(fft.rfft(image, axis=-1))
    return _smoothed(spectrum.reshape(-1, spectrum.shape[-1]).mean(axis=0))


def _smoothed(curve: Curve) -> Curve:
    """Running means of a curve, as long as it; its ends are continued."""
    window = min(SMOOTH, len(curve))
    padded = np.pad(curve, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, mode="valid")[: len(curve)]


def _as_loud(changed: FloatArray, image: FloatArray) -> FloatArray:
    """The changed image with the root mean square of the original."""
    power = float((changed.astype(np.float64) ** 2).mean())
    return changed * np.float32(np.sqrt(float((image.astype(np.float64) ** 2).mean()) / power)) if power else changed
