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

__all__ = ["Footprint", "Recording", "draw_recording", "gas"]

SERIES = 1024
"""Samples of a series of linear noise; a power of two."""

MOST_CLIPPED = 5.0


@dataclass(frozen=True)
class Footprint:
    """Changes that repeat with the lines of an acquisition: stripes along inlines, crosslines or both.

    Parameters
    ----------
    period, phase
        Along inline and crossline axis, in positions and in radians.
    share
        Of the stripes of each axis, 0 or 1.
    sharpness
        Of the stripes: 0 are cosines, 10 are a sixth of a period wide.
    gain
        Largest relative change of amplitude at the top, of either sign.
    delay
        Longest delay at the top, in samples, from 0 to 1: what residual moveout leaves.
    fading
        Share of both that is lost from top to base.

    Notes
    -----
    Stripes are exp(k (cos φ − 1)) with the phase φ along an axis, the sharpness k, and 1 at their crests.
    """

    period: tuple[float, float]
    phase: tuple[float, float]
    share: tuple[float, float]
    sharpness: float
    gain: float
    delay: float
    fading: float

    def of(self, image: Tensor) -> Tensor:
        """An image (I, X, S) with the footprint on it."""
        i, x, s = _positions(image)
        crests = (
            share * torch.exp(self.sharpness * (torch.cos(2 * pi * place / period + phase) - 1))
            for share, place, period, phase in zip(self.share, (i, x), self.period, self.phase, strict=True)
        )
        pattern = sum(crests, torch.zeros(())) / max(sum(self.share), 1.0) * (1 - self.fading * s / image.shape[2])
        later = torch.cat((image[..., :1], image[..., :-1]), dim=2)
        return torch.lerp(image, later, self.delay * pattern) * (1 + self.gain * pattern)


@dataclass(frozen=True)
class Recording:
    """Changes of an image after migration; those that a world does not have are None or 0.

    Parameters
    ----------
    linear
        Slownesses of linear noise, in samples per position along inline and crossline axis; and its series (N,).
    footprint
        Stripes along the lines.
    gas
        Centre (i, x) and radii of a column, in positions; its top as a share of the window; the amplitude left.
    dead
        Traces without signal, bool (I, X).
    window
        Samples of the window of automatic gain control.
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
        image = (image - image.mean()) / image.std()
        image = image.clamp(-self.clip, self.clip)
        if self.levels:
            image = torch.round(image * (self.levels / self.clip)) * (self.clip / self.levels)
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
    footprint = _draw_footprint(rng)
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
        log_uniform(rng, (1.2, 4)) if hard else MOST_CLIPPED,
        127 if hard and rng.random() < 0.6 else 0,
    )


SHARES = {"coherent": 0.3, "footprint": 0.5, "wipeouts": 0.2, "dead": 0.15, "gain": 0.4, "clipping": 0.4}
"""How often a world has an ingredient."""


def _draw_footprint(rng: np.random.Generator) -> Footprint:
    """Stripes along inlines, crosslines or both, in amplitude and time."""
    share = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))[int(rng.integers(3))]
    return Footprint(
        period=(log_uniform(rng, (4, 32)), log_uniform(rng, (4, 32))),
        phase=(rng.uniform(0, 2 * pi), rng.uniform(0, 2 * pi)),
        share=share,
        sharpness=log_uniform(rng, (0.3, 12)),
        gain=(1 if rng.random() < 0.5 else -1) * log_uniform(rng, (0.05, 0.6)),
        delay=log_uniform(rng, (0.05, 1)),
        fading=rng.uniform(0, 1),
    )


def wavelet_period(wavelet: Wavelet, frame: Frame) -> float:
    """Samples of a period at the peak frequency."""
    return 1000 / frame.interval / wavelet.frequency


def _series(rng: np.random.Generator, wavelet: Wavelet, frame: Frame) -> NDArray[np.float32]:
    """A random series (N,) of standard deviation 1 with the spectrum of a wavelet."""
    frequency = torch.fft.rfftfreq(SERIES, frame.interval / 1000)
    spectrum = np.fft.rfft(rng.standard_normal(SERIES)) * wavelet.spectrum(frequency).abs().numpy()
    series = np.fft.irfft(spectrum, SERIES)
    return np.asarray(series / series.std(), np.float32)
