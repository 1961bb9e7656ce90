"""Faults of a synthetic world: curved surfaces with finite tips, and how the rock around them moves."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, tan
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Break", "Places", "Slip"]


class Places(NamedTuple):
    """Places of rock in m, along inline axis, crosslines axis and downwards; shapes that broadcast to each other."""

    x: Tensor
    y: Tensor
    z: Tensor


class Break(NamedTuple):
    """A fault at places: distance from its surface in positions (voxels), and throw in m there and beside it."""

    distance: Tensor
    throw: Tensor


@dataclass(frozen=True)
class Slip:
    """A fault whose displacement is largest at its centre and ends at an elliptical tip line.

    ::

          foot wall \\        hanging wall       h: along the azimuth of the dip, from the centre
                     \\ q = 0                    a: along the strike
        ---layer----- \\                         q = h − f(z, a): horizontal distance from the surface,
                       \\----layer-----             positive in the hanging wall

    Parameters
    ----------
    centre
        In m, along inline and crossline axis and downwards.
    azimuth
        Direction of the dip in degrees, from the inline axis towards the crossline axis.
    dip
        At the centre, in degrees from the horizontal.
    throw
        Vertical displacement between the walls at the centre, in m; negative for a reverse fault.
    half_length, half_height
        Semi-axes of the tip line along the strike and vertically, in m. Infinite: no tips.
    flattening
        Change of cot(dip) per m downwards: 0 is planar, positive is listric.
    bend
        Curvature of the strike, in 1/m.
    reach
        Distance from the surface, in m, over which the displacement of the walls dies out. Infinite: blocks.
    drag
        Share of the throw that layers bend by close to the surface.
    hanging
        Share of the displacement that the hanging wall takes; the foot wall takes the rest, the other way.
    growth
        Depth range in m, top and thickness, over which the throw grows from nothing to its whole; thickness 0: none.

    Notes
    -----
    The displacement on the surface is that of J. Watterson (1986) and J. J. Walsh and J. Watterson (1987), with
    r the distance from the centre over that of the tip line: D / D_max = 2 √(((1 + r) / 2)² − r²) (1 − r).
    """

    centre: tuple[float, float, float]
    azimuth: float
    dip: float
    throw: float
    half_length: float = float("inf")
    half_height: float = float("inf")
    flattening: float = 0.0
    bend: float = 0.0
    reach: float = float("inf")
    drag: float = 0.0
    hanging: float = 1.0
    growth: tuple[float, float] = (0.0, 0.0)

    @property
    def cot(self) -> float:
        """Horizontal distance per depth at the centre."""
        return 1 / tan(radians(self.dip))

    def undone(self, places: Places, steps: tuple[float, float, float]) -> tuple[Places, Break]:
        """Where the rock at places lay before the fault moved it; and how near the fault is.

        Parameters
        ----------
        places
            In m.
        steps
            Distance of positions along each axis in m, by which distances are counted.
        """
        toward, along = cos(radians(self.azimuth)), sin(radians(self.azimuth))
        x, y, z = places.x - self.centre[0], places.y - self.centre[1], places.z - self.centre[2]
        h, a = toward * x + along * y, toward * y - along * x
        across = h - 0.5 * self.bend * a * a if self.bend else h
        q = across - self._surface(z)
        throw = self._throw(a, z, places.z)
        moved = throw * self._bending(q) if self.drag else throw
        if self.reach != float("inf"):
            moved = moved * torch.exp(-((q / self.reach) ** 2))
        shift = torch.where(q > 0, -self.hanging, 1 - self.hanging) * moved
        heave = self._surface(z + shift) - self._surface(z)
        before = Places(places.x + toward * heave, places.y + along * heave, places.z + shift)
        return before, Break(q.abs() / self._gradient(z, steps), throw)

    def _surface(self, z: Tensor) -> Tensor:
        """Horizontal place of the surface at depths below the centre, at a = 0."""
        return (self.cot + 0.5 * self.flattening * z) * z if self.flattening else self.cot * z

    def _throw(self, a: Tensor, z: Tensor, depth: Tensor) -> Tensor:
        """Throw level with places."""
        if self.half_length == float("inf"):
            throw = torch.full_like(a + z, self.throw)
        else:
            square = (a / self.half_length) ** 2 + (z / self.half_height) ** 2
            r = square.clamp_(max=1).sqrt_()
            throw = (2 * self.throw) * (((1 + r) / 2) ** 2 - r * r).clamp_(min=0).sqrt_() * (1 - r)
        top, thickness = self.growth
        return throw * ((depth - top) / thickness).clamp(0, 1) if thickness else throw

    def _bending(self, q: Tensor) -> Tensor:
        """Share of the throw that a wall moves by at a distance, less near the surface where it is dragged along."""
        return 1 - self.drag * torch.exp(q.abs() * (-1 / (0.15 * self._extent)))

    @property
    def _extent(self) -> float:
        return min(self.half_length, self.reach, 2000.0)

    def _gradient(self, z: Tensor, steps: tuple[float, float, float]) -> Tensor | float:
        """How fast q grows, in m per position, across the surface."""
        level = (steps[0] * cos(radians(self.azimuth))) ** 2 + (steps[1] * sin(radians(self.azimuth))) ** 2
        cot = self.cot + self.flattening * z if self.flattening else self.cot
        square = level + (steps[2] * cot) ** 2
        return torch.sqrt(square) if isinstance(square, Tensor) else float(square) ** 0.5
