"""From reflectivity to a migrated image: wavelet, multiples, what migration can resolve, and noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, pi, radians, tan

import numpy as np
import torch
from torch import Tensor

from geocnn.synthetic.frame import PERIOD, PERIODS, Frame, log_uniform, within
from geocnn.synthetic.wide import WideRecipe

__all__ = ["Imaging", "Wavelet", "draw_imaging", "draw_wavelet"]

STEEPNESS = 6
"""Order of the response that limits dips."""


@dataclass(frozen=True)
class Wavelet:
    """A wavelet by its spectrum.

    Parameters
    ----------
    frequency
        Where its amplitude spectrum is largest, in Hz.
    low, high
        How steeply the spectrum rises below, and how sharply it falls above; 2 and 2 are a Ricker wavelet.
    phase
        In degrees.

    Notes
    -----
    With u = f / f_peak: A(f) = u^low exp((low / high) (1 − u^high)); Ricker's is u² exp(1 − u²).
    """

    frequency: float
    low: float = 2.0
    high: float = 2.0
    phase: float = 0.0

    def spectrum(self, frequency: Tensor) -> Tensor:
        """Complex spectrum at frequencies in Hz, 0 and above, of the same shape; 1 in size at the peak."""
        u = frequency / self.frequency
        size = u**self.low * torch.exp(self.low / self.high * (1 - u**self.high))
        return torch.polar(size, torch.full_like(size, radians(self.phase)))


def draw_wavelet(rng: np.random.Generator, frame: Frame, recipe: WideRecipe) -> Wavelet:
    """A wavelet whose peak frequency lies in the recipe's range.

    As far as that allows a period has 5 to 28 samples, and at most a sixth of the window, or 10 if it is short.
    """
    rate = 1000 / frame.interval
    low, high = recipe.frequency
    longest = min(PERIOD[1], max(2 * PERIOD[0], frame.shape[2] / PERIODS))
    low, high = max(low, rate / longest), min(high, rate / PERIOD[0])
    frequency = log_uniform(rng, (low, high)) if low < high else float(np.clip(low, *recipe.frequency))
    rise, fall, kind = within(rng, (0.7, 4)), within(rng, (1.5, 4)), rng.random()
    # Half of all data are zero-phase within some error; the rest may be anything.
    phase = 20 * rng.standard_normal() if kind < 0.5 else rng.uniform(-180, 180)
    if not recipe.has("wavelets"):
        return Wavelet(frequency)
    return Wavelet(frequency, rise, fall, float(phase))


@dataclass(frozen=True)
class Imaging:
    """How reflectivity becomes an image.

    Parameters
    ----------
    wavelet
        At the top of the window.
    attenuation
        Share of the peak frequency that is lost from top to base.
    dip
        Steepest dip that migration kept, in degrees; 0: all, in every detail.
    multiple
        Size, and delay in ms, of the copy that follows each reflection, reversed.
    noise
        Standard deviation of noise over that of the signal.
    colour
        Corners of the band of the noise in Hz.
    migrated
        Share of the power of the noise that went through migration.
    """

    wavelet: Wavelet
    attenuation: float
    dip: float
    multiple: tuple[float, float]
    noise: float
    colour: tuple[float, float]
    migrated: float

    def of(self, reflectivity: Tensor, white: Tensor, frame: Frame) -> Tensor:
        """The image of reflectivity (I, X, S), and noise made from white noise of the same shape; both wrap around.

        Notes
        -----
        In the wavenumber domain. A reflection of frequency f has the vertical wavenumber 2 f / v; migration that keeps
        dips up to θ passes horizontal wavenumbers k up to (2 f / v) tan θ, with the response
        1 / (1 + (k v / 2 f tan θ)^6): a point becomes a spot that is the wider the lower the frequency and the smaller
        θ. It alone blurs the edges of faults sideways, and the wavelet vertically: both are one filter here.
        """
        shape, device = reflectivity.shape, reflectivity.device
        frequency = torch.fft.rfftfreq(shape[2], frame.interval / 1000, device=device)
        passed = self._passed(shape, frequency, frame)
        first, last = self._wavelets(frequency)
        spectrum = torch.fft.rfftn(reflectivity)
        if passed is not None:
            spectrum = spectrum * passed
        if self.multiple[0]:
            turn = -2 * pi * self.multiple[1] / 1000 * frequency
            spectrum = spectrum * (1 - torch.polar(torch.full_like(turn, self.multiple[0]), turn))
        signal = spectrum * first
        if self.noise:
            signal = signal + self._noise(white, signal, frequency, passed)
        image: Tensor = torch.fft.irfftn(signal, s=shape)
        if last is not None:
            down = torch.linspace(0, 1, shape[2], device=device)
            image += torch.fft.irfftn(spectrum * (last - first), s=shape) * down
        return image

    def _wavelets(self, frequency: Tensor) -> tuple[Tensor, Tensor | None]:
        """Spectra of the wavelet at top and base; none for the base if it is the same."""
        first = self.wavelet.spectrum(frequency)
        if not self.attenuation:
            return first, None
        w = self.wavelet
        return first, Wavelet(w.frequency * (1 - self.attenuation), w.low, w.high, w.phase).spectrum(frequency)

    def _passed(self, shape: tuple[int, ...], frequency: Tensor, frame: Frame) -> Tensor | None:
        """Response of migration, of the shape of a real spectrum."""
        if not self.dip:
            return None
        along, across = (
            torch.fft.fftfreq(n, size, device=frequency.device) for n, size in zip(shape[:2], frame.bins, strict=True)
        )
        level = (along[:, None] ** 2 + across[None] ** 2)[..., None]
        limit = (2 * tan(radians(self.dip)) / frame.velocity) * frequency.clamp(min=1e-3)
        passed: Tensor = 1 / (1 + (level / limit**2) ** (STEEPNESS // 2))
        return passed

    def _noise(self, white: Tensor, signal: Tensor, frequency: Tensor, passed: Tensor | None) -> Tensor:
        """Spectrum of the noise."""
        low, high = self.colour
        f = frequency.clamp(min=1e-3)
        band = 1 / torch.sqrt((1 + (low / f) ** 4) * (1 + (f / high) ** 4))
        size = band * (1 - self.migrated) ** 0.5
        shaped = (
            size if passed is None else size + passed * (self.wavelet.spectrum(frequency).abs() * self.migrated**0.5)
        )
        noise = torch.fft.rfftn(white) * shaped
        scaled: Tensor = noise * (self.noise * _norm(signal) / _norm(noise))
        return scaled


def _norm(spectrum: Tensor) -> Tensor:
    """Norm of a real spectrum, which holds most frequencies once instead of twice: good to a percent."""
    norm: Tensor = torch.linalg.vector_norm(torch.view_as_real(spectrum))
    return norm


def draw_imaging(rng: np.random.Generator, wavelet: Wavelet, frame: Frame, recipe: WideRecipe) -> Imaging:
    """Random imaging within the ranges of a recipe."""
    lost, dip = rng.uniform(0, 0.45), rng.uniform(25, 65)
    multiple = (rng.uniform(0.1, 0.4), rng.uniform(1.5, 10) * 1000 / wavelet.frequency)
    ratio = log_uniform(rng, recipe.signal_to_noise)
    low, high = 10 ** rng.uniform(0, log10(wavelet.frequency)), wavelet.frequency * log_uniform(rng, (0.8, 3))
    migrated, with_multiple = rng.uniform(0, 1), rng.random() < 0.3
    return Imaging(
        wavelet,
        attenuation=lost if recipe.has("attenuation") else 0.0,
        dip=dip if recipe.has("migration") else 0.0,
        multiple=multiple if recipe.has("multiples") and with_multiple else (0.0, 0.0),
        noise=1 / ratio if recipe.has("noise") else 0.0,
        colour=(low, high),
        migrated=migrated,
    )
