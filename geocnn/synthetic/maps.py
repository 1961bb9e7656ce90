"""Maps of a synthetic world: smooth random surfaces over its traces, and their reading at displaced places."""

from __future__ import annotations

from dataclasses import dataclass
from math import radians, tan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geocnn.synthetic.frame import Frame

__all__ = ["Map", "draw_map"]

NODES = 64
"""Nodes of a map along each axis."""

BEYOND = 0.35
"""How far a map reaches beyond the traces, as a share of their extent: faults move rock sideways."""


@dataclass(frozen=True)
class Map:
    """Heights in m at nodes (n, n) over the traces and around them; positive is deeper.

    Parameters
    ----------
    heights
        Float32, shape (n, n).
    start, step
        Place of the first node and distance of the nodes along inline and crossline axis, in m.
    """

    heights: NDArray[np.float32]
    start: tuple[float, float]
    step: tuple[float, float]

    def at(self, x: Tensor, y: Tensor) -> Tensor:
        """Heights at places, bilinear, of the shape of `x` and `y`; beyond the map those of its edge."""
        nodes = torch.from_numpy(self.heights).to(x.device)
        size = self.heights.shape[0]
        # Coordinates of grid_sample run from −1 at the first node to 1 at the last, the last axis first.
        along = [
            (place - start) * (2 / (step * (size - 1))) - 1
            for place, start, step in zip((y, x), self.start[::-1], self.step[::-1], strict=True)
        ]
        shape = (along[0] + along[1]).shape
        where = torch.stack([each.expand(shape) for each in along], dim=-1).reshape(1, -1, 1, 2)
        read = torch.nn.functional.grid_sample(nodes[None, None], where, padding_mode="border", align_corners=True)
        return read.reshape(shape)


def draw_map(rng: np.random.Generator, frame: Frame, slope: float, tilt: float, roughness: float) -> Map:
    """A random surface, level on average.

    Parameters
    ----------
    slope
        Its steepest dip without the tilt, in degrees.
    tilt
        Dip of its mean plane, in degrees; the direction is random.
    roughness
        Exponent p of its spectrum: amplitudes fall off as wavenumber to the −p; 2 is rugged, 4 is smooth.
    """
    extent = [size * (1 + 2 * BEYOND) for size in frame.extent[:2]]
    step = (extent[0] / (NODES - 1), extent[1] / (NODES - 1))
    start = (-BEYOND * frame.extent[0], -BEYOND * frame.extent[1])
    # Twice as large as needed: a transform is periodic, the earth is not.
    size = 2 * NODES
    wavenumbers = np.hypot(np.fft.fftfreq(size, step[0])[:, None], np.fft.rfftfreq(size, step[1])[None])
    longest = 1 / (2 * max(extent))
    shape = 1 / np.maximum(wavenumbers, longest) ** roughness
    shape[0, 0] = 0
    white = np.fft.rfft2(rng.standard_normal((size, size)))
    surface = np.fft.irfft2(white * shape, s=(size, size))[:NODES, :NODES]
    steepest = float(np.hypot(*np.gradient(surface, *step)).max())
    surface *= tan(radians(slope)) / max(steepest, 1e-30)
    azimuth = rng.uniform(0, 2 * np.pi)
    x, y = (np.arange(NODES) * each - BEYOND * size for each, size in zip(step, frame.extent[:2], strict=True))
    plane = tan(radians(tilt)) * (np.cos(azimuth) * x[:, None] + np.sin(azimuth) * y[None])
    surface = surface + plane
    return Map((surface - surface.mean()).astype(np.float32), start, step)
