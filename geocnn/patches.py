"""The training stream: its n-th sample is a pure function of (seed, n), wherever and in whatever order it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from geocnn.augment import Augmentation
from geocnn.patch import Labels, Patch
from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "Part", "Patches", "Stream"]


class Patches(Protocol):
    """Where patches come from: surveys, or synthetic worlds."""

    def drawn(self, rng: np.random.Generator) -> Patch:
        """A patch, by the next random numbers."""


class Part(NamedTuple):
    """A part of the stream, and how many of its patches there are for one of a part of weight 1."""

    patches: Patches
    weight: float


@dataclass(frozen=True)
class Stream:
    """An endless, random-access stream of training patches.

    Parameters
    ----------
    parts
        What patches are drawn from, each as often as it weighs.
    augmentation
        What then changes them.
    """

    parts: Sequence[Part]
    augmentation: Augmentation

    def draw(self, seed: int, n: int) -> Patch:
        """The n-th patch of the stream of a seed."""
        rng = np.random.default_rng([seed, n])
        drawn = self._part(rng).drawn(rng)
        image, label = self.augmentation(rng, drawn.image, drawn.label, drawn.sampling, self._other(rng))
        return replace(drawn, image=np.ascontiguousarray(image), label=np.ascontiguousarray(label))

    def batch(self, seed: int, numbers: Sequence[int]) -> tuple[FloatArray, Labels]:
        """Patches of these numbers: images (B, C, \\*patch) and labels (B, \\*patch)."""
        patches = [self.draw(seed, n) for n in numbers]
        return np.stack([patch.image for patch in patches]), np.stack([patch.label for patch in patches])

    def _part(self, rng: np.random.Generator) -> Patches:
        """A part, by weight; no random number is needed where there is but one."""
        if len(self.parts) == 1:
            return self.parts[0].patches
        until = np.cumsum([part.weight for part in self.parts])
        index = int(np.searchsorted(until, rng.random() * until[-1], side="right"))
        return self.parts[min(index, len(self.parts) - 1)].patches

    def _other(self, rng: np.random.Generator) -> Callable[[], FloatArray]:
        """Draws the image of another patch, for changes that mix two."""
        return lambda: self._part(rng).drawn(rng).image
