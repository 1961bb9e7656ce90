"""What befalls single traces and lines: dead and noisy traces, acquisition footprint."""

from __future__ import annotations

import numpy as np

from geocnn.augment.geometry import Labels
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["dead_traces", "footprint", "noisy_traces"]

LOUD = 3.0
"""Largest standard deviation of the noise on noisy traces, in those of the normalised survey."""

PERIODS = (3.0, 24.0)
"""Range of the periods of a footprint, in positions."""


def dead_traces(rng: np.random.Generator, image: FloatArray, label: Labels, share: float) -> tuple[FloatArray, Labels]:
    """Image (C, \\*p) and label (\\*p) with up to a share of the traces 0 and ignored; never all of them."""
    dead = _some(rng, label.shape[:-1], share)
    if dead.all():
        return image, label
    return np.where(dead[..., None], np.float32(0), image), np.where(dead[..., None], np.int8(-1), label)


def noisy_traces(rng: np.random.Generator, image: FloatArray, share: float) -> FloatArray:
    """The image (C, \\*p) with strong noise on up to a share of its traces, in all channels."""
    noisy = _some(rng, image.shape[1:-1], share)
    deviation = np.float32(rng.uniform(0.5, LOUD))
    grains = rng.standard_normal(image.shape, dtype=np.float32)
    return image + deviation * grains * noisy[..., None]


def footprint(rng: np.random.Generator, image: FloatArray, most: float) -> FloatArray:
    """The image (C, \\*p) times a pattern that repeats laterally, the same at all times, of a size up to `most`.

    Notes
    -----
    1 + a · mean over lateral axes of cos(2π p / T + φ), the periods T between 3 and 24 positions.
    """
    lateral = image.shape[1:-1]
    if not lateral:
        return image
    size = rng.uniform(0, most)
    pattern = np.zeros(lateral)
    for axis, n in enumerate(lateral):
        wave = np.cos(2 * np.pi * np.arange(n) / rng.uniform(*PERIODS) + rng.uniform(0, 2 * np.pi))
        pattern = pattern + wave.reshape([-1 if k == axis else 1 for k in range(len(lateral))])
    return image * (1 + size * pattern / len(lateral)).astype(np.float32)[..., None]


def _some(rng: np.random.Generator, lateral: tuple[int, ...], share: float) -> BoolArray:
    """Random traces, up to a share of all; none where there is a single one."""
    if not lateral:
        return np.zeros((), np.bool_)
    count = int(rng.uniform(0, share) * np.prod(lateral))
    chosen = np.zeros(int(np.prod(lateral)), np.bool_)
    chosen[rng.permutation(chosen.size)[:count]] = True
    return chosen.reshape(lateral)
