"""The rock of a synthetic world: eras of deposition and deformation, undone one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import NamedTuple

import torch
from torch import Tensor

from geocnn.synthetic.beds import Beds
from geocnn.synthetic.maps import Map
from geocnn.synthetic.polygons import Polygons
from geocnn.synthetic.slip import Break, Places, Slip

__all__ = ["Channel", "Earth", "Era", "Rock", "Salt", "Visibility"]

HALF_WIDTH = 1.0
"""Distance from a fault, in positions, within which a sample is labelled: two in all."""

HIDDEN = 0.1
"""Throw, in samples, below which a fault does not count at all."""

AGE_OF_ERA = 1e5
"""What a whole era adds to the ages of its layers, in m: more than any window is deep."""


class Rock(NamedTuple):
    """What is at places: each of the shape of the places.

    Parameters
    ----------
    log_impedance
        Logarithm of acoustic impedance, without unit.
    fault
        int8: 1 on faults that can be seen, −1 on those too small for it, else 0.
    throw
        In m, of the fault with the largest one there; 0 where there is none.
    age
        Relative geologic time: grows from layer to older layer; the depth of burial in m, and more for older eras;
        salt is older than all of them.
    """

    log_impedance: Tensor
    fault: Tensor
    throw: Tensor
    age: Tensor


@dataclass(frozen=True)
class Visibility:
    """Throws that can be seen, in m: from one sample and from a quarter of the wavelength on.

    Parameters
    ----------
    step
        Distance of samples.
    wavelength
        At the top.
    lost
        Share of the frequency that is lost from top to base, linearly.
    depth
        Of the base.

    Notes
    -----
    A throw t delays by 2 t / v; a quarter of the wavelength v / 4 f by half a period.
    """

    step: float
    wavelength: float
    lost: float
    depth: float

    @property
    def top(self) -> float:
        """Least throw that can be seen at the top."""
        return max(self.step, self.wavelength / 4)

    def at(self, z: Tensor) -> Tensor:
        """Least throw that can be seen at depths in m, of the same shape."""
        kept = 1 - self.lost * (z / self.depth).clamp(0, 1)
        return (self.wavelength / 4 / kept).clamp(min=self.step)


@dataclass(frozen=True)
class Channel:
    """A meandering channel cut into a layer.

    Parameters
    ----------
    azimuth, offset
        Direction in degrees and distance of its mean line from the origin, in m.
    meander, wavelength
        Amplitude and length of its bends, in m.
    half_width, depth
        Of the parabolic cross-section, in m.
    age
        Age of the layer that was the ground, in m.
    log_impedance
        Of its fill.
    """

    azimuth: float
    offset: float
    meander: float
    wavelength: float
    half_width: float
    depth: float
    age: float
    log_impedance: float

    def holds(self, places: Places, age: Tensor) -> Tensor:
        """Whether rock of some age at places is fill."""
        along_x, along_y = cos(radians(self.azimuth)), sin(radians(self.azimuth))
        along = along_x * places.x + along_y * places.y
        across = along_x * places.y - along_y * places.x - self.offset
        across = across - self.meander * torch.sin(along * (2 * pi / self.wavelength))
        below = age - self.age
        return (below > 0) & (below < self.depth * (1 - (across / self.half_width) ** 2))


@dataclass(frozen=True)
class Salt:
    """A stock of salt without layers.

    Parameters
    ----------
    centre
        Of its top in m: along inline and crossline axis and downwards.
    radius, steepness
        Radius in m at a depth of `steepness` radii below the top; the flank is a paraboloid.
    lift
        How much the layers above it rose, in m.
    surface
        Roughness of its flank.
    log_impedance
        Of the salt.
    """

    centre: tuple[float, float, float]
    radius: float
    steepness: float
    lift: float
    surface: Map
    log_impedance: float

    def lifted(self, places: Places) -> tuple[Places, Tensor]:
        """Where layers lay before the salt rose, and which places are salt."""
        square = (places.x - self.centre[0]) ** 2 + (places.y - self.centre[1]) ** 2
        flank = self.centre[2] + square * (self.steepness / self.radius) + self.surface.at(places.x, places.y)
        lift = self.lift * torch.exp(square * (-0.5 / (1.5 * self.radius) ** 2))
        return places._replace(z=places.z + lift), places.z > flank


@dataclass(frozen=True)
class Era:
    """A time of deposition and what moved its layers and all older ones afterwards.

    Parameters
    ----------
    faults
        From the youngest to the oldest.
    fold
        How deep a layer that was level lies now.
    folding
        By how much more layers are folded per m of depth.
    base
        The surface on which the era began, before it was folded: an unconformity; None for the oldest era.
    drape
        Share of the relief of the base that the layers follow: 1 covers it evenly, 0 laps on to it.
    beds, channels
        What was deposited.
    """

    faults: Sequence[Slip | Polygons]
    fold: Map
    folding: float
    base: Map | None
    drape: float
    beds: Beds
    channels: Sequence[Channel]


@dataclass(frozen=True)
class Earth:
    """All of a world's rock.

    Parameters
    ----------
    eras
        From the youngest to the oldest.
    salt
        A stock, if there is one.
    visibility
        Which throws can be seen.
    """

    eras: Sequence[Era]
    salt: Salt | None
    visibility: Visibility

    def at(self, places: Places, steps: tuple[float, float, float]) -> Rock:
        """The rock at places; motions are undone from the youngest to the oldest.

        Parameters
        ----------
        places
            In m.
        steps
            Distance of positions along each axis, in m.
        """
        visible = self.visibility.at(places.z)
        salt: Tensor | None = None
        if self.salt is not None:
            places, salt = self.salt.lifted(places)
        faults = _Faults(visible, HIDDEN * steps[2])
        older: Tensor | None = None
        found: tuple[Tensor, Tensor] | None = None
        for number, era in enumerate(self.eras):
            for fault in era.faults:
                places, broken = fault.undone(places, steps)
                faults.add(broken, older)
            depth = self._unfolded(era, places)
            layer, end = depth, None
            if era.base is not None:
                relief = era.base.at(places.x, places.y)
                layer, end = depth - era.drape * relief, depth >= relief
            rock = _deposited(era, places._replace(z=depth), layer)
            age = layer + number * AGE_OF_ERA
            found = (
                (rock, age)
                if found is None or older is None
                else (torch.where(older, rock, found[0]), torch.where(older, age, found[1]))
            )
            if end is not None:
                older = end if older is None else older & end
            places = places._replace(z=depth)
        assert found is not None
        return self._with_salt(salt, found, faults)

    def _unfolded(self, era: Era, places: Places) -> Tensor:
        bulge = era.fold.at(places.x, places.y)
        return places.z - bulge * (1 + era.folding * places.z) if era.folding else places.z - bulge

    def _with_salt(self, salt: Tensor | None, found: tuple[Tensor, Tensor], faults: _Faults) -> Rock:
        rock, age = found
        label, throw = faults.label(rock), faults.throws(rock)
        if salt is not None and self.salt is not None:
            rock = torch.where(salt, self.salt.log_impedance, rock)
            label, throw = label.masked_fill(salt, 0), throw.masked_fill(salt, 0)
            age = age.masked_fill(salt, len(self.eras) * AGE_OF_ERA)
        return Rock(rock, label, throw, age)


class _Faults:
    """Collects where faults pass."""

    def __init__(self, visible: Tensor, hidden: float) -> None:
        self._visible, self._hidden = visible, hidden
        self._throw: Tensor | None = None

    def add(self, broken: Break, older: Tensor | None) -> None:
        """Note a fault; it does not pass through rock younger than itself."""
        near = broken.distance < HALF_WIDTH
        if older is not None:
            near = near & older
        throw = torch.where(near, broken.throw, 0.0)
        held = self._throw
        self._throw = throw if held is None else torch.where(throw.abs() > held.abs(), throw, held)

    def throws(self, like: Tensor) -> Tensor:
        """The largest throw at each place, in m, of either sign."""
        return torch.zeros_like(like) if self._throw is None else self._throw

    def label(self, like: Tensor) -> Tensor:
        """1 where a visible fault passes, −1 for one too small to be seen, else 0."""
        size = self.throws(like).abs()
        seen = (size >= self._visible).to(torch.int8)
        return seen - ((size > self._hidden) & (size < self._visible)).to(torch.int8)


def _deposited(era: Era, places: Places, layer: Tensor) -> Tensor:
    """Logarithm of the impedance of layers and of the channels cut into them."""
    rock = era.beds.at(layer)
    for channel in era.channels:
        rock = torch.where(channel.holds(places, layer), channel.log_impedance, rock)
    return rock
