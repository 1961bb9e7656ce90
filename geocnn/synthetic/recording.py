"""What acquisition and processing leave in an image: linear noise, footprint, gas, dead traces, gain, clipping."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geocnn.synthetic.frame import Frame, log_uniform
from geocnn.synthetic.imaging import Wavelet
from geocnn.synthetic.wide import WideRecipe

__all__ = ["Footprint", "Recording", "Regridding", "draw_recording", "gas"]

SERIES = 1024
"""Samples of a series of linear noise; a power of two."""

MOST_CLIPPED = 5.0


@dataclass(frozen=True)
class Footprint:
    """Changes of amplitude and time that go with the lines of an acquisition.

    Parameters
    ----------
    inline, crossline
        How much each inline (I,) and each crossline (X,) is changed, from −1 to 1.
    gain
        Relative change of amplitude where that is 1, at the top.
    delay
        In samples, likewise; below 1.
    fading
        Share of both that is lost from top to base.
    """

    inline: NDArray[np.float32]
    crossline: NDArray[np.float32]
    gain: float
    delay: float
    fading: float

    def of(self, image: Tensor) -> Tensor:
        """An image (I, X, S) with the footprint on it; delays are linearly interpolated."""
        inline, crossline = (torch.from_numpy(each).to(image.device) for each in (self.inline, self.crossline))
        down = _positions(image)[2] / image.shape[2]
        pattern = (inline[:, None] + crossline)[..., None].clamp(-1, 1) * (1 - self.fading * down)
        later = torch.cat((image[..., :1], image[..., :-1]), dim=2)
        earlier = torch.cat((image[..., 1:], image[..., -1:]), dim=2)
        delay = self.delay * pattern
        moved = image + delay.clamp(min=0) * (later - image) + (-delay).clamp(min=0) * (earlier - image)
        return moved * (1 + self.gain * pattern)


@dataclass(frozen=True)
class Regridding:
    """Interpolation from coarser bins, as where surveys are merged.

    Parameters
    ----------
    ratios
        Coarser bins over those of the image, along inline and crossline axis; 1 and above.
    nearest
        Whether the nearest coarse trace is taken; else traces are linear between coarse ones.
    """

    ratios: tuple[float, float]
    nearest: bool

    def of(self, image: Tensor) -> Tensor:
        """An image (I, X, S) of which but the coarse traces are made anew."""
        for axis, ratio in enumerate(self.ratios):
            size = image.shape[axis]
            place = torch.arange(size, device=image.device) / ratio
            coarse = [
                (node * ratio).round().long().clamp(max=size - 1)
                for node in ((place.round(),) if self.nearest else (place.floor(), place.floor() + 1))
            ]
            taken = [image.index_select(axis, index) for index in coarse]
            weight = (place - place.floor()).view([-1 if each == axis else 1 for each in range(3)])
            image = taken[0] if self.nearest else torch.lerp(taken[0], taken[1], weight)
        return image


@dataclass(frozen=True)
class Recording:
    """Changes of an image after migration; those that a world does not have are None or 0.

    Parameters
    ----------
    linear
        Slownesses of linear noise, in samples per position along inline and crossline axis; and its series (N,).
    footprint
        What goes with the lines of the acquisition.
    gas
        Centre (i, x) and radii of a column, in positions; its top as a share of the window; the amplitude left.
    dead
        Traces without signal, bool (I, X).
    window
        Samples of the window of automatic gain control.
    regridding
        Interpolation from coarser bins.
    clip
        Standard deviations at which amplitudes are cut off.
    levels
        Steps of amplitude from 0 to `clip`.
    """

    linear: tuple[tuple[float, float], NDArray[np.float32]] | None
    footprint: Footprint | None
    gas: tuple[tuple[float, float], tuple[float, float], float, float] | None
    dead: NDArray[np.bool_] | None
    window: int
    regridding: Regridding | None
    clip: float
    levels: int

    def of(self, image: Tensor) -> Tensor:
        """An image (I, X, S) as it is delivered: z-scores, dead traces 0."""
        deviation = image.std()
        image = image / deviation
        if self.linear is not None:
            image += _linear_noise(image, *self.linear)
        if self.gas is not None:
            image *= gas(image, *self.gas)
        if self.footprint is not None:
            image = self.footprint.of(image)
        if self.window:
            image = _controlled(image, self.window)
        if self.regridding is not None:
            image = self.regridding.of(image)
        image = (image - image.mean()) / image.std()
        image = image.clamp(-self.clip, self.clip)
        if self.levels:
            image = torch.round(image * (self.levels / self.clip)) * (self.clip / self.levels)
        # What was cut off varies less.
        image = (image - image.mean()) / image.std()
        if self.dead is not None:
            image = image.masked_fill(torch.from_numpy(self.dead).to(image.device)[..., None], 0)
        return image


def _positions(image: Tensor) -> list[Tensor]:
    """Positions along each axis, to broadcast."""
    shapes = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
    return [torch.arange(n, device=image.device).view(s) for n, s in zip(image.shape, shapes, strict=True)]


def _linear_noise(image: Tensor, slowness: tuple[float, float], series: NDArray[np.float32]) -> Tensor:
    """A series that arrives later from trace to trace."""
    i, x, s = _positions(image)
    table = torch.from_numpy(series).to(image.device)
    place = s - slowness[0] * i - slowness[1] * x
    above = place.floor()
    index = above.to(torch.int32) & (SERIES - 1)
    rise = torch.roll(table, -1) - table
    return torch.addcmul(table[index], rise[index], place - above)


def gas(image: Tensor, centre: tuple[float, float], radii: tuple[float, float], top: float, left: float) -> Tensor:
    """Factors that fall from 1 around a column and above it to what is left inside."""
    i, x, s = _positions(image)
    column = torch.exp(-0.5 * (((i - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2))
    below = torch.sigmoid((s / image.shape[2] - top) * 20)
    return 1 - (1 - left) * column * below


def _controlled(image: Tensor, window: int) -> Tensor:
    """Amplitudes over their root mean square in a window along each trace."""
    power = torch.nn.functional.avg_pool1d(
        image.reshape(1, -1, image.shape[2]) ** 2, window, 1, window // 2, count_include_pad=False
    ).reshape(*image.shape[:2], -1)[..., : image.shape[2]]
    return image / torch.sqrt(power + 1e-3)


def draw_recording(rng: np.random.Generator, wavelet: Wavelet, frame: Frame, recipe: WideRecipe) -> Recording:
    """Random changes of an image: each ingredient in some of the worlds."""
    inlines, crosslines, samples = frame.shape
    azimuth, delay = rng.uniform(0, 2 * pi), log_uniform(rng, (0.3, 4))
    slowness = (delay * cos(azimuth), delay * sin(azimuth))
    linear = (slowness, _series(rng, wavelet, frame) * np.float32(log_uniform(rng, (0.1, 0.6))))
    footprint = _draw_footprint(rng, inlines, crosslines)
    ratios = (log_uniform(rng, (1.2, 4)), log_uniform(rng, (1.2, 4)))
    regridding = Regridding(ratios, nearest=bool(rng.random() < 0.5))
    radii = (log_uniform(rng, (0.05, 0.3)) * inlines, log_uniform(rng, (0.05, 0.3)) * crosslines)
    column = ((rng.random() * inlines, rng.random() * crosslines), radii, rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.6))
    dead = rng.random((inlines, crosslines)) < log_uniform(rng, (0.002, 0.03))
    window = min(samples, max(8, round(wavelet_period(wavelet, frame) * log_uniform(rng, (2, 12)))))
    chosen = dict(zip(SHARES, rng.random(len(SHARES)), strict=True))
    has = {name: chosen[name] < share and recipe.has(name) for name, share in SHARES.items()}
    hard = has["clipping"]
    return Recording(
        linear if has["coherent"] else None,
        footprint if has["footprint"] else None,
        column if has["wipeouts"] else None,
        dead if has["dead"] else None,
        window | 1 if has["gain"] else 0,
        regridding if has["regridding"] else None,
        log_uniform(rng, (1.2, 4)) if hard else MOST_CLIPPED,
        127 if hard and rng.random() < 0.6 else 0,
    )


SHARES = {
    "coherent": 0.3,
    "footprint": 0.5,
    "wipeouts": 0.2,
    "dead": 0.15,
    "gain": 0.4,
    "regridding": 0.25,
    "clipping": 0.4,
}
"""How often a world has an ingredient."""


def _draw_footprint(rng: np.random.Generator, inlines: int, crosslines: int) -> Footprint:
    """Changes along inlines, crosslines or both: stripes, or swaths of lines that were recorded together."""
    drawn = _stripes if rng.random() < 0.5 else _swaths
    patterns = [drawn(rng, size) for size in (inlines, crosslines)]
    some = ((1, 0), (0, 1), (1, 1))[int(rng.integers(3))]
    inline, crossline = (pattern * np.float32(there) for pattern, there in zip(patterns, some, strict=True))
    gain = (1 if rng.random() < 0.5 else -1) * log_uniform(rng, (0.05, 0.6))
    return Footprint(inline, crossline, gain, log_uniform(rng, (0.05, 1)), rng.uniform(0, 1))


def _stripes(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """exp(k (cos φ − 1)) along an axis (N,): broad or sharp crests of 1 that repeat every 4 to 32 lines."""
    period, phase, sharpness = log_uniform(rng, (4, 32)), rng.uniform(0, 2 * pi), log_uniform(rng, (0.3, 12))
    crests = np.exp(sharpness * (np.cos(2 * pi * np.arange(size) / period + phase) - 1))
    return np.asarray(crests, np.float32)


def _swaths(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Values from −1 to 1 along an axis (N,), the same for 2 to 32 lines each: tides and sail lines differ."""
    width = log_uniform(rng, (2, 24))
    ends = np.cumsum(np.maximum(1, width * rng.uniform(0.6, 1.4, size)))
    return rng.uniform(-1, 1, size).astype(np.float32)[np.searchsorted(ends, np.arange(size), side="right")]


def wavelet_period(wavelet: Wavelet, frame: Frame) -> float:
    """Samples of a period at the peak frequency."""
    return 1000 / frame.interval / wavelet.frequency


def _series(rng: np.random.Generator, wavelet: Wavelet, frame: Frame) -> NDArray[np.float32]:
    """A random series (N,) of standard deviation 1 with the spectrum of a wavelet."""
    frequency = torch.fft.rfftfreq(SERIES, frame.interval / 1000)
    spectrum = np.fft.rfft(rng.standard_normal(SERIES)) * wavelet.spectrum(frequency).abs().numpy()
    series = np.fft.irfft(spectrum, SERIES)
    return np.asarray(series / series.std(), np.float32)
