"""Random changes of a training patch that leave its geology true: image and label always move together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from geocnn.augment.amplitude import gain, noise
from geocnn.augment.geometry import Labels, flip, rotate
from geocnn.augment.sampling import UNKNOWN, Sampling
from geocnn.errors import ConfigError, Fault
from geocnn.survey.survey import FloatArray

__all__ = ["Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    """Which changes are made, and how strong they may be.

    Parameters
    ----------
    flip
        Mirror lateral axes, each in half of the patches. The sample axis is never mirrored: up is not down.
    rotate
        Turn by quarter turns about the vertical, where a patch is 3-D and laterally square.
    gain
        Amplitudes are multiplied by up to e^±gain.
    noise
        Gaussian noise of up to this standard deviation, in those of the normalised survey.
    """

    flip: bool
    rotate: bool
    gain: float
    noise: float

    def __post_init__(self) -> None:
        wrong = [name for name in ("gain", "noise") if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0)]
        if wrong:
            raise ConfigError(
                Fault(f"{name} is {getattr(self, name)}", "a finite number, 0 or more", key=f"augmentation.{name}")
                for name in wrong
            )

    def __call__(
        self,
        rng: np.random.Generator,
        image: FloatArray,
        label: Labels,
        sampling: Sampling = UNKNOWN,
        other: Callable[[], FloatArray] | None = None,
    ) -> tuple[FloatArray, Labels]:
        """An image (C, \\*p) and its label (\\*p), changed at random; the arguments are left as they are."""
        if self.flip:
            image, label = flip(rng, image, label)
        if self.rotate:
            image, label = rotate(rng, image, label)
        if self.gain:
            image = gain(rng, image, self.gain)
        if self.noise:
            image = noise(rng, image, self.noise)
        return image, label
