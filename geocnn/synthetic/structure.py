"""Geological structure as motion: where the rock at a place lay before it was faulted, sheared and folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, radians, sin
from typing import Literal

import numpy as np

from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["Fault", "Fold", "Structure", "positions"]

Vector = tuple[float, float, float]

LABEL_HALF_WIDTH = 1.0
"""Distance from the fault plane, in samples, within which a sample is labelled: two samples in all."""


@dataclass(frozen=True)
class Fold:
    """A bump of the layers: uplift (or sag) `height`, Gaussian over the map around `centre` (inline, crossline)."""

    centre: tuple[float, float]
    height: float
    width: float


@dataclass(frozen=True)
class Fault:
    """A planar fault whose hanging wall has slid along its dip.

    ::

           foot wall   \\     hanging wall      a: along the strike, into the page;  b: down the dip
        -----layer------\\                      c: distance from the plane, positive in the hanging wall
                         \\------layer-----     throw: how much lower a layer lies in the hanging wall

    Parameters
    ----------
    centre
        Where the throw is largest: inline, crossline, sample.
    azimuth
        Direction of the dip, in degrees from the inline axis towards the crossline axis.
    dip
        Angle from the horizontal, in degrees, counted in voxels.
    throw
        Vertical displacement at the centre, in samples; negative for a reverse fault.
    profile, extent
        How the displacement falls off from the centre: ``linear`` to nothing at distance `extent`, or ``gaussian`` of
        standard deviation `extent`.

    Raises
    ------
    ValueError
        If the displacement falls off so fast that it would turn layers over.
    """

    centre: Vector
    azimuth: float
    dip: float
    throw: float
    profile: Literal["linear", "gaussian"]
    extent: float

    def __post_init__(self) -> None:
        if abs(self.throw) >= self.extent * sin(radians(self.dip)):
            raise ValueError(f"a throw of {self.throw:g} that falls off within {self.extent:g}")

    @cached_property
    def strike(self) -> Vector:
        """Unit vector of a."""
        return -sin(radians(self.azimuth)), cos(radians(self.azimuth)), 0.0

    @cached_property
    def downdip(self) -> Vector:
        """Unit vector of b; samples count downwards."""
        level = cos(radians(self.dip))
        return level * cos(radians(self.azimuth)), level * sin(radians(self.azimuth)), sin(radians(self.dip))

    @cached_property
    def normal(self) -> Vector:
        """Unit vector of c, up and towards the hanging wall."""
        level = sin(radians(self.dip))
        return level * cos(radians(self.azimuth)), level * sin(radians(self.azimuth)), -cos(radians(self.dip))

    def distance(self, places: FloatArray) -> FloatArray:
        """Distance c of places (3, \\*w) from the plane, shape (\\*w); positive in the hanging wall."""
        return self._along(self.normal, places)

    def throws(self, places: FloatArray) -> FloatArray:
        """Throw of the fault level with places (3, \\*w), shape (\\*w), whichever side they lie on."""
        square = self._along(self.strike, places) ** 2
        square += self._along(self.downdip, places) ** 2
        throws: FloatArray = np.float32(self.throw) * _PROFILES[self.profile](square / np.float32(self.extent**2))
        return throws

    def slide_back(self, places: FloatArray, throw: FloatArray) -> FloatArray:
        """Places (3, \\*w) moved up the dip until they are `throw` (\\*w) samples higher."""
        slip = throw / np.float32(self.downdip[2])
        return np.stack([place - np.float32(t) * slip for place, t in zip(places, self.downdip, strict=True)])

    def _along(self, direction: Vector, places: FloatArray) -> FloatArray:
        """Component of places along a unit vector, counted from the centre."""
        steps = zip(direction, self.centre, places, strict=True)
        inline, crossline, sample = (np.float32(d) * (place - np.float32(c)) for d, c, place in steps)
        return np.asarray(inline + crossline + sample, np.float32)


def _linear(square: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(0, 1 - np.sqrt(square)), np.float32)


def _gaussian(square: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-square / 2), np.float32)


_PROFILES = {"linear": _linear, "gaussian": _gaussian}


@dataclass(frozen=True)
class Structure:
    """Everything that has moved the layers, in order: folding, shear, then each fault in turn.

    Parameters
    ----------
    folds
        Bumps; they grow with depth.
    depth
        Depth at which the bumps have 1.5 times their height.
    shear
        Slope of the layers along inline and crossline.
    faults
        From the oldest to the youngest.
    visible
        Throw, in samples, from which a fault is labelled.
    """

    folds: Sequence[Fold]
    depth: float
    shear: tuple[float, float]
    faults: Sequence[Fault]
    visible: float

    def at(self, places: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Depth in the flat layering of the rock at places (3, \\*w), and whether a visible fault passes there.

        Both have shape (\\*w). The motions are undone from the youngest to the oldest, each where the rock lay at the
        time, so that a younger fault displaces an older one together with the layers.

        Notes
        -----
        With z the depth before faulting: z + 1.5 z / depth · Σ_k b_k exp(−((i − c_k)² + (x − d_k)²) / 2 σ_k²) + f i +
        g x, as X. Wu and others (2019) fold and shear. Their constant shifts are left out: the layers are random.
        """
        faulted = np.zeros(places.shape[1:], np.bool_)
        for fault in reversed(self.faults):
            distance, throw = fault.distance(places), fault.throws(places)
            faulted |= (np.abs(distance) < LABEL_HALF_WIDTH) & (np.abs(throw) > self.visible)
            places = fault.slide_back(places, np.where(distance > 0, throw, np.float32(0)))
        inline, crossline, depth = places
        bulge = np.zeros_like(depth)
        for fold in self.folds:
            square = (inline - fold.centre[0]) ** 2 + (crossline - fold.centre[1]) ** 2
            bulge += np.float32(fold.height) * np.exp(square * np.float32(-0.5 / fold.width**2))
        slope = np.float32(self.shear[0]) * inline + np.float32(self.shear[1]) * crossline
        return depth * (1 + np.float32(1.5 / self.depth) * bulge) + slope, faulted


def positions(shape: tuple[int, int, int], start: tuple[int, int, int]) -> FloatArray:
    """Places of a box of samples, shape (3, \\*shape): inline, crossline and sample of each."""
    axes = (np.arange(a, a + n, dtype=np.float32) for a, n in zip(start, shape, strict=True))
    return np.stack(np.meshgrid(*axes, indexing="ij"))
