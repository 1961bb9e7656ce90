"""Augmentation: random changes of patches under which a label stays true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.augment.amplitude import gain, noise
from geocnn.augment.geometry import flip, rotate
from geocnn.survey.survey import FloatArray

__all__ = ["Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    """What may change from patch to patch.

    Parameters
    ----------
    flip, rotate
        Whether lateral axes are reversed, and square volumes turned about the vertical by multiples of 90°.
    gain
        Largest magnitude of the exponent g of the amplitude factor e^g.
    noise
        Largest standard deviation of added noise, in those of the normalised survey.

    Raises
    ------
    ValueError
        If a strength is negative.
    """

    flip: bool
    rotate: bool
    gain: float
    noise: float

    def __post_init__(self) -> None:
        if self.gain < 0 or self.noise < 0:
            raise ValueError(f"gain {self.gain}, noise {self.noise}: not 0 or more")

    def __call__(
        self, rng: np.random.Generator, image: FloatArray, label: NDArray[np.int8]
    ) -> tuple[FloatArray, NDArray[np.int8]]:
        """An image (C, \\*p) and its label (\\*p), changed as `rng` has it; the arrays given are not written to."""
        image, label = flip(rng, image, label, self.flip)
        image, label = rotate(rng, image, label, self.rotate)
        image, label = gain(rng, image, label, self.gain)
        return noise(rng, image, label, self.noise)
