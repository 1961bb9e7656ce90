"""Beds of a synthetic world: impedance against depth of burial, before anything moved."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geocnn.synthetic.frame import log_uniform

__all__ = ["Beds", "draw_beds"]

PER_STEP = 4
"""Fine samples that are averaged for one of the table: beds thinner than a sample count by their share."""


class Beds:
    """Logarithm of acoustic impedance of layers, without unit, at depths that begin again after some.

    Parameters
    ----------
    log_impedance
        Float32, shape (N); N is a power of two.
    step
        Distance of the values, in m.
    """

    def __init__(self, log_impedance: NDArray[np.float32], step: float) -> None:
        self.log_impedance, self.step = log_impedance, step

    def at(self, depth: Tensor) -> Tensor:
        """Values at depths in m, linearly interpolated, of the same shape."""
        table = torch.from_numpy(self.log_impedance).to(depth.device)
        place = depth * (1 / self.step)
        above = place.floor()
        index = above.to(torch.int32) & (len(table) - 1)
        rise = torch.roll(table, -1) - table
        return torch.addcmul(table[index], rise[index], place - above)


def draw_beds(rng: np.random.Generator, step: float, samples: int, median: float, packages: bool) -> Beds:
    """Random beds.

    Parameters
    ----------
    step
        Distance of the samples of the world in m; the table is twice as fine.
    samples
        How many of these the beds must last for.
    median
        Median thickness of a bed, in m.
    packages
        Whether beds form packages: of a bundle of beds, thickness and contrast are alike, and impedance goes back to a
        mean that itself drifts. Else all beds are drawn alike.

    Notes
    -----
    Thickness is log-normal with a standard deviation of 0.7 of its logarithm; contrasts have a standard deviation of
    0.1, which makes reflection coefficients of 0.05.
    """
    size = 1 << (2 * samples - 1).bit_length()
    fine = step / 2 / PER_STEP
    length = size * step / 2
    thickness, values = _packaged(rng, length, median) if packages else _plain(rng, length, median)
    base = np.cumsum(thickness)
    depths = (np.arange(size * PER_STEP) + 0.5) * fine
    table = values[np.minimum(np.searchsorted(base, depths), len(values) - 1)]
    return Beds(table.reshape(size, PER_STEP).mean(axis=1).astype(np.float32), step / 2)


def _plain(rng: np.random.Generator, length: float, median: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    number = int(length / median * 1.5) + 16
    thickness = median * np.exp(0.7 * rng.standard_normal(number))
    return thickness, 0.1 * rng.standard_normal(number)


def _packaged(
    rng: np.random.Generator, length: float, median: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    thickness, values, reached, trend = [], [], 0.0, 0.0
    while reached < length:
        number = int(rng.integers(3, 40))
        usual = median * log_uniform(rng, (0.4, 2))
        contrast = log_uniform(rng, (0.02, 0.25))
        memory = rng.uniform(-0.5, 0.8)
        trend = 0.8 * trend + 0.12 * rng.standard_normal()
        beds = usual * np.exp(0.7 * rng.standard_normal(number))
        value = 0.0
        for noise in rng.standard_normal(number):
            value = memory * value + contrast * noise
            values.append(trend + value)
        thickness.extend(beds.tolist())
        reached += float(beds.sum())
    return np.array(thickness), np.array(values)
