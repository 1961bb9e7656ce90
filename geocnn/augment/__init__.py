"""Random changes of a training patch that leave its geology true: image and label always move together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isfinite

import numpy as np

from geocnn.augment.amplitude import agc, gain, reverse
from geocnn.augment.geometry import Labels, flip, rotate, warp
from geocnn.augment.liveness import dead_samples
from geocnn.augment.noise import band_noise, coherent_noise, noise
from geocnn.augment.sampling import UNKNOWN, Sampling
from geocnn.augment.spectrum import bandpass, mix, phase, shaping
from geocnn.augment.traces import dead_traces, footprint, noisy_traces
from geocnn.errors import ConfigError, Fault
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["Augmentation"]

MOST = {
    "stretch": 0.9,
    "lateral_stretch": 0.9,
    "warp": 32.0,
    "phase": 180.0,
    "bandpass": 1.0,
    "shaping": 40.0,
    "mix": 1.0,
    "agc": 1.0,
    "gain": 3.0,
    "footprint": 1.0,
    "noise": 10.0,
    "band_noise": 10.0,
    "coherent_noise": 10.0,
    "noisy_traces": 1.0,
    "dead_traces": 0.9,
}
"""Largest sensible strengths."""


@dataclass(frozen=True)
class Augmentation:
    """Which changes are made, and how strong they may be; 0 and False leave a change out.

    Parameters
    ----------
    flip
        Mirror lateral axes, each in half of the patches. The sample axis is never mirrored: up is not down.
    rotate
        Turn by quarter turns about the vertical, where a patch is 3-D, laterally square, and its bins nearly so.
    stretch, lateral_stretch
        Largest relative change of size along the samples, and along the lateral axes together.
    warp
        Largest displacement of a smooth random warp, in positions; less where the patch would fold.
    polarity
        Reverse the sign of half of the patches: never for horizons, impedance, or first motions.
    phase
        Largest rotation of the phase, in degrees; 180 is the other polarity.
    bandpass
        Share of the patches that lose the ends of their band.
    shaping
        Largest change of the amplitude spectrum along a smooth random curve, in dB.
    mix
        Share of the patches that take the amplitude spectrum of another patch.
    agc
        Share of the patches under automatic gain control.
    gain
        Amplitudes are multiplied by up to e^±gain.
    footprint
        Largest relative change of amplitude that repeats from line to line.
    noise, band_noise, coherent_noise
        Largest standard deviation, in those of the normalised survey, of white noise, of noise in a random band, and of
        linear noise that crosses the layers.
    noisy_traces, dead_traces
        Largest share of the traces under strong noise, and without signal; the latter are ignored.

    Raises
    ------
    ConfigError
        If a strength is negative, not finite, or above what makes sense.
    """

    flip: bool = False
    rotate: bool = False
    stretch: float = 0.0
    lateral_stretch: float = 0.0
    warp: float = 0.0
    polarity: bool = False
    phase: float = 0.0
    bandpass: float = 0.0
    shaping: float = 0.0
    mix: float = 0.0
    agc: float = 0.0
    gain: float = 0.0
    footprint: float = 0.0
    noise: float = 0.0
    band_noise: float = 0.0
    coherent_noise: float = 0.0
    noisy_traces: float = 0.0
    dead_traces: float = 0.0

    def __post_init__(self) -> None:
        strengths = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        wrong = [
            Fault(f"{name} is {value:g}", "a finite number, 0 or more", key=f"augmentation.{name}")
            for name, value in strengths.items()
            if not (isfinite(value) and value >= 0)
        ]
        wrong += [
            Fault(f"{name} is {strengths[name]:g}", f"at most {most:g}", key=f"augmentation.{name}")
            for name, most in MOST.items()
            if isfinite(strengths[name]) and strengths[name] > most
        ]
        if wrong:
            raise ConfigError(wrong)

    def __call__(
        self,
        rng: np.random.Generator,
        image: FloatArray,
        label: Labels,
        sampling: Sampling = UNKNOWN,
        other: Callable[[], FloatArray] | None = None,
    ) -> tuple[FloatArray, Labels]:
        """An image (C, \\*p) and its label (\\*p), changed at random; the arguments are left as they are.

        Parameters
        ----------
        rng
            What is left out draws no random numbers.
        image, label
            A normalised patch, 0 where dead; −1 where not interpreted or dead.
        sampling
            Sizes of its positions.
        other
            Draws the image of another patch, for `mix`.
        """
        image, label, dead = self._moved(rng, image, label, sampling)
        changed = self._sounding(rng, image, sampling, other)
        if changed is not image:
            # A normalised survey has 0 where it is dead, and prediction meets it so.
            image = np.where(dead, np.float32(0), changed)
        if self.dead_traces:
            image, label = dead_traces(rng, image, label, self.dead_traces)
        return image, label

    def _moved(
        self, rng: np.random.Generator, image: FloatArray, label: Labels, sampling: Sampling
    ) -> tuple[FloatArray, Labels, BoolArray]:
        """Samples at other places, and which of them are dead."""
        if self.flip:
            image, label = flip(rng, image, label)
        if self.rotate and sampling.square:
            image, label = rotate(rng, image, label)
        dead = dead_samples(image, label)
        if self.stretch or self.lateral_stretch or self.warp:
            return warp(rng, image, label, dead, (self.stretch, self.lateral_stretch, self.warp))
        return image, label, dead

    def _sounding(
        self,
        rng: np.random.Generator,
        image: FloatArray,
        sampling: Sampling,
        other: Callable[[], FloatArray] | None,
    ) -> FloatArray:
        """Samples of other amplitudes, wavelets and noise."""
        if self.polarity:
            image = reverse(rng, image)
        if self.phase:
            image = phase(rng, image, self.phase)
        if self.mix and rng.random() < self.mix and other is not None:
            image = mix(image, other())
        if self.bandpass and rng.random() < self.bandpass:
            image = bandpass(rng, image)
        if self.shaping:
            image = shaping(rng, image, self.shaping)
        if self.agc and rng.random() < self.agc:
            image = agc(rng, image, sampling)
        if self.gain:
            image = gain(rng, image, self.gain)
        if self.footprint:
            image = footprint(rng, image, self.footprint)
        for strength, add in (
            (self.noise, noise),
            (self.band_noise, band_noise),
            (self.coherent_noise, coherent_noise),
            (self.noisy_traces, noisy_traces),
        ):
            if strength:
                image = add(rng, image, strength)
        return image
