"""Random structure of a synthetic world: which faults, folds, eras and bodies it has."""

from __future__ import annotations

from dataclasses import replace
from math import atan, cos, degrees, radians, sin, tan
from typing import NamedTuple

import numpy as np

from geocnn.synthetic.beds import draw_beds
from geocnn.synthetic.eras import Channel, Earth, Era, Salt, Visibility
from geocnn.synthetic.frame import Frame, log_uniform, numbers_of, within
from geocnn.synthetic.maps import Map, draw_map
from geocnn.synthetic.polygons import Polygons
from geocnn.synthetic.slip import Slip
from geocnn.synthetic.wide import WideRecipe

__all__ = ["antithetic", "draw_earth", "en_echelon"]

LATERAL = 128
"""Traces along each axis that numbers of structures hold for."""

GENTLE = 3.0
"""Least ratio of the half-height of a fault to its throw: layers are stretched by less than a half."""

ERAS = (0.45, 0.4, 0.15)
"""How often a window holds one, two or three eras."""

SMALL = 0.6
"""Smallest throw of a fault over that which can be seen: a few are too small, as in any survey."""

STEEP = 1.0
"""Steepest dip of layers by all that folded and tilted them, in samples a trace."""

BULGED = 0.5
"""Most by which folds that grow with depth stretch or squeeze layers."""

UNFAULTED = 0.06
"""Share of the worlds without faults."""


class _Draw:
    """Draws the parts of one world, each from random numbers of its own."""

    def __init__(self, key: tuple[int, int], frame: Frame, recipe: WideRecipe, visible: float) -> None:
        self.key, self.frame, self.recipe, self.visible = key, frame, recipe, visible
        # A quarter of a wavelength is half a period: layers that fall by two of them a trace are aliased.
        most = min(STEEP, 0.5 * visible / frame.step) * frame.step / max(frame.bins)
        self.steepest = min(most, tan(radians(recipe.slope[1])))

    def numbers(self, part: str) -> np.random.Generator:
        return numbers_of(*self.key, part)

    def has(self, ingredient: str, share: float) -> bool:
        """Whether this world has an ingredient that a share of the worlds have."""
        return bool(self.numbers(f"{ingredient}?").random() < share) and self.recipe.has(ingredient)


def draw_earth(key: tuple[int, int], frame: Frame, recipe: WideRecipe, visibility: Visibility) -> Earth:
    """The rock of the n-th world of a seed, `key`."""
    draw = _Draw(key, frame, recipe, visibility.top)
    rng = draw.numbers("eras")
    number = 1 + int(rng.choice(len(ERAS), p=ERAS)) if recipe.has("unconformities") else 1
    depths = np.sort(rng.uniform(0.15, 0.85, number - 1)) * frame.extent[2]
    faulted = rng.random() >= UNFAULTED
    eras = [
        _draw_era(draw, age, float(depths[age]) if age < number - 1 else None, number, faulted=faulted)
        for age in range(number)
    ]
    salt = _draw_salt(draw) if draw.has("salt", 0.12) else None
    return Earth(tuple(eras), salt, visibility)


def _draw_era(draw: _Draw, age: int, base: float | None, number: int, *, faulted: bool) -> Era:
    """An era; the older ones have the more of the faults and the stronger tilt."""
    rng, frame, recipe = draw.numbers(f"era {age}"), draw.frame, draw.recipe
    surface = None
    if base is not None:
        limit = degrees(atan(draw.steepest))
        slope, tilt = min(log_uniform(rng, (1, 15)), limit), min(within(rng, (0, 4)), limit)
        relief = draw_map(rng, frame, slope, tilt, within(rng, (2, 3.5)))
        surface = Map(relief.heights + np.float32(base), relief.start, relief.step)
    drape = float(rng.choice((0.0, 0.5, 1.0)))
    median = log_uniform(rng, recipe.bed)
    beds = draw_beds(rng, frame.step, 2 * frame.shape[2] + 128, median, recipe.has("beds"))
    channels = (
        tuple(_draw_channel(draw, age, k) for k in range(1 + int(rng.integers(3))))
        if draw.has("channels", 0.25)
        else ()
    )
    # What has happened since an era began moves its layers and all older ones: the older, the more.
    share = (age + 1) * 2 / (number * (number + 1))
    faults = _draw_faults(draw, age, share) if faulted else ()
    return Era(faults, *_draw_fold(draw, age, share), surface, drape, beds, channels)


class _Fold(NamedTuple):
    """Folding and tilt since an era, and by how much more layers are folded per m of depth."""

    bulge: Map
    growth: float


def _draw_fold(draw: _Draw, age: int, share: float) -> _Fold:
    """Folding and tilt since an era, at most a share of the steepest; a level surface without the ingredient."""
    rng, frame, recipe = draw.numbers(f"fold {age}"), draw.frame, draw.recipe
    grown = within(draw.numbers(f"folding {age}"), (0, 1.5)) if draw.has("growth", 0.5) else 0.0
    if not recipe.has("folds"):
        return _Fold(draw_map(rng, frame, 0, 0, 3), 0.0)
    low, high = (tan(radians(max(dip, 0.1))) for dip in recipe.slope)
    steep, tilt = log_uniform(rng, (low, high)), within(rng, (0, high)) / (1 + (age == 0))
    less = min(1.0, draw.steepest * share / ((steep + tilt) * (1 + grown)))
    bulge = draw_map(rng, frame, degrees(atan(less * steep)), degrees(atan(less * tilt)), within(rng, (2.5, 4)))
    most = BULGED / max(float(np.abs(bulge.heights).max()), 1e-6)
    return _Fold(bulge, min(grown / frame.extent[2], most))


def _draw_faults(draw: _Draw, age: int, share: float) -> tuple[Slip | Polygons, ...]:
    """The faults that are younger than an era and older than the next."""
    rng, frame, recipe = draw.numbers(f"faults {age}"), draw.frame, draw.recipe
    # A narrow world is the middle of one half as wide as long: faults beside it cross it, too.
    narrow, long = sorted(frame.shape[:2])
    scale = float(np.sqrt(max(narrow, long / 2) * long)) / LATERAL
    # A small world of one era has a fault, too, unless none are wanted.
    least = int(share == 1 and recipe.faults[0] > 0)
    number = max(least, round(within(rng, recipe.faults) * scale * share))
    strike, dip = rng.uniform(0, 360), within(rng, recipe.dip)
    faults: list[Slip] = []
    while len(faults) < number:
        faults += _draw_set(draw, f"fault {age} {len(faults)}", strike, dip, number - len(faults))
    drawn: list[Slip | Polygons] = [*faults]
    rng.shuffle(drawn)
    if draw.has("polygonal", 0.1) and age == 0:
        drawn.append(_draw_polygons(draw))
    return tuple(drawn)


def _draw_set(draw: _Draw, name: str, strike: float, dip: float, most: int) -> list[Slip]:
    """A fault, and up to `most` in all of those that go with it; a fault of any strike without the ingredient."""
    rng, recipe = draw.numbers(name), draw.recipe
    kind, scatter, any_strike, crossing = rng.random(), 10 * rng.standard_normal(), rng.uniform(0, 360), rng.random()
    dip = float(np.clip(dip + 5 * rng.standard_normal(), *recipe.dip))
    if not recipe.has("sets"):
        return [_draw_fault(draw, rng, any_strike, dip)]
    first = _draw_fault(draw, rng, strike + scatter, dip)
    if kind <= 0.55:
        return [first]
    if kind <= 0.7:
        return [first, antithetic(rng, first)][:most]
    if kind <= 0.82:
        return [first, *en_echelon(rng, first, most - 1)]
    conjugate = strike + (1 if crossing < 0.5 else -1) * rng.uniform(40, 90)
    return [first, _draw_fault(draw, rng, conjugate, dip)][:most]


def _draw_fault(draw: _Draw, rng: np.random.Generator, azimuth: float, dip: float) -> Slip:
    frame, recipe = draw.frame, draw.recipe
    centre = [float(rng.uniform(-0.1, 1.1)) * size for size in frame.extent]
    quarter = draw.visible / frame.step
    most = max(recipe.throw[0], min(recipe.throw[1], frame.shape[2] / 3, 8 * quarter))
    throw = frame.step * log_uniform(rng, (min(max(recipe.throw[0], SMALL * quarter), most), most))
    length = throw / sin(radians(dip)) * log_uniform(rng, recipe.elongation)
    aspect, bend, flatten = rng.uniform(0.4, 1), rng.standard_normal(), rng.uniform(0, 1)
    reach, drag, hanging = rng.uniform(0.4, 1.5), max(0.0, rng.uniform(-0.4, 0.5)), rng.uniform(0.5, 1)
    top, grown, sense = rng.random(), rng.random(), rng.random()
    half, height = length / 2, max(aspect * length / 2, GENTLE * throw)
    fault = Slip((centre[0], centre[1], centre[2]), float(azimuth), dip, throw if sense < 0.8 else -throw)
    if recipe.has("tips"):
        fault = replace(
            fault, half_length=max(half, GENTLE * throw), half_height=height, reach=reach * max(half, height)
        )
    if recipe.has("listric") and flatten > 0.5:
        # cot(dip) grows by up to its range within the window, and stays above that of the steepest fault.
        most_change = min(1 / tan(radians(dip)) - 0.1, 0.8) / max(frame.extent[2], height)
        fault = replace(fault, flattening=max(0.0, most_change) * (2 * flatten - 1))
    if recipe.has("curvature"):
        fault = replace(fault, bend=0.25 * bend / max(half, 0.25 * max(frame.extent[:2])))
    if recipe.has("drag"):
        fault = replace(fault, drag=drag, hanging=hanging)
    if recipe.has("growth") and grown < 0.2:
        fault = replace(fault, growth=(top * 0.5 * frame.extent[2], 0.5 * frame.extent[2]))
    return fault


def antithetic(rng: np.random.Generator, first: Slip) -> Slip:
    """A smaller fault of the same strike in the hanging wall of the first, that dips against it."""
    away = (0.4 + rng.random()) * min(first.half_height, 1000.0)
    x, y, z = first.centre
    centre = (x + away * cos(radians(first.azimuth)), y + away * sin(radians(first.azimuth)), z - 0.3 * away)
    share = rng.uniform(0.4, 0.9)
    return replace(
        first,
        centre=centre,
        azimuth=first.azimuth + 180,
        throw=share * first.throw,
        half_length=share * first.half_length,
        half_height=share * first.half_height,
        reach=share * first.reach,
        flattening=0.0,
    )


def en_echelon(rng: np.random.Generator, first: Slip, most: int) -> list[Slip]:
    """Up to three more of the same kind, one beside and behind the other, their tips overlapping."""
    length = min(first.half_length, 2000.0)
    along, aside = 1.5 * length, rng.choice((-1, 1)) * rng.uniform(0.15, 0.4) * length
    toward, across = cos(radians(first.azimuth)), sin(radians(first.azimuth))
    x, y, z = first.centre
    return [
        replace(first, centre=(x + k * (aside * toward - along * across), y + k * (aside * across + along * toward), z))
        for k in range(1, min(4, max(0, most) + 1))
    ]


def _draw_polygons(draw: _Draw) -> Polygons:
    rng, frame = draw.numbers("polygonal"), draw.frame
    spacing = max(log_uniform(rng, (150, 900)), 10 * max(frame.bins))
    area = [(1.2 * size, -0.1 * size) for size in frame.extent[:2]]
    number = int(np.clip(area[0][0] * area[1][0] / spacing**2, 4, 48))
    most = frame.step * log_uniform(rng, (3, 15))
    sites = tuple(
        (float(x), float(y), float(t))
        for x, y, t in zip(
            area[0][1] + area[0][0] * rng.random(number),
            area[1][1] + area[1][0] * rng.random(number),
            most * rng.uniform(-1, 1, number),
            strict=True,
        )
    )
    height = max(rng.uniform(0.2, 0.6) * frame.extent[2], 4 * most)
    top = rng.uniform(0, max(frame.extent[2] - height, 1.0))
    # Neighbours at the usual distance differ by two thirds of the largest throw on average.
    lean = 1.5 * spacing / tan(radians(rng.uniform(40, 65)))
    return Polygons(sites, top, top + height, lean)


def _draw_channel(draw: _Draw, age: int, k: int) -> Channel:
    rng, frame = draw.numbers(f"channel {age} {k}"), draw.frame
    half_width = log_uniform(rng, (1.5, 12)) * max(frame.bins)
    return Channel(
        azimuth=rng.uniform(0, 360),
        offset=rng.uniform(-0.5, 0.5) * max(frame.extent[:2]),
        meander=rng.uniform(0, 4) * half_width,
        wavelength=rng.uniform(10, 30) * half_width,
        half_width=half_width,
        depth=log_uniform(rng, (2, 12)) * frame.step,
        age=rng.uniform(0, 1) * frame.extent[2],
        log_impedance=0.25 * rng.standard_normal(),
    )


def _draw_salt(draw: _Draw) -> Salt:
    rng, frame = draw.numbers("salt"), draw.frame
    inline, crossline, sample = frame.extent
    radius = log_uniform(rng, (0.1, 0.35)) * min(inline, crossline)
    surface = draw_map(rng, frame, 20, 0, 2.5)
    centre = (rng.uniform(0, 1) * inline, rng.uniform(0, 1) * crossline, rng.uniform(0.2, 0.8) * sample)
    # Steep enough that the flank reaches the base of the window about a radius away.
    return Salt(centre, radius, sample / radius * rng.uniform(0.5, 2), 0.15 * sample * rng.random(), surface, 0.4)
