"""Random structure of a synthetic world: which faults, folds, eras and bodies it has."""

from __future__ import annotations

from dataclasses import replace
from math import atan, cos, degrees, radians, sin, tan

import numpy as np

from geocnn.synthetic.beds import draw_beds
from geocnn.synthetic.eras import Channel, Earth, Era, Salt
from geocnn.synthetic.frame import Frame, log_uniform, numbers_of, within
from geocnn.synthetic.maps import Map, draw_map
from geocnn.synthetic.polygons import Polygons
from geocnn.synthetic.slip import Slip
from geocnn.synthetic.wide import WideRecipe

__all__ = ["draw_earth"]

LATERAL = 128
"""Traces along each axis that numbers of structures hold for."""

GENTLE = 3.0
"""Least ratio of the half-height of a fault to its throw: layers are stretched by less than a half."""

ERAS = (0.45, 0.4, 0.15)
"""How often a window holds one, two or three eras."""

SMALL = 0.6
"""Smallest throw of a fault over that which can be seen: a few are too small, as in any survey."""

STEEP = 1.0
"""Steepest dip of folds and of tilt, in samples a trace."""

UNFAULTED = 0.06
"""Share of the worlds without faults."""


class _Draw:
    """Draws the parts of one world, each from random numbers of its own."""

    def __init__(self, key: tuple[int, int], frame: Frame, recipe: WideRecipe, visible: float) -> None:
        self.key, self.frame, self.recipe, self.visible = key, frame, recipe, visible

    def numbers(self, part: str) -> np.random.Generator:
        return numbers_of(*self.key, part)

    def has(self, ingredient: str, share: float) -> bool:
        """Whether this world has an ingredient that a share of the worlds have."""
        return bool(self.numbers(f"{ingredient}?").random() < share) and self.recipe.has(ingredient)


def draw_earth(key: tuple[int, int], frame: Frame, recipe: WideRecipe, visible: float) -> Earth:
    """The rock of the n-th world of a seed, `key`; throws below `visible`, in m, are too small to be seen."""
    draw = _Draw(key, frame, recipe, visible)
    rng = draw.numbers("eras")
    number = 1 + int(rng.choice(len(ERAS), p=ERAS)) if recipe.has("unconformities") else 1
    depths = np.sort(rng.uniform(0.15, 0.85, number - 1)) * frame.extent[2]
    faulted = rng.random() >= UNFAULTED
    eras = [
        _draw_era(draw, age, float(depths[age]) if age < number - 1 else None, number, faulted=faulted)
        for age in range(number)
    ]
    salt = _draw_salt(draw) if draw.has("salt", 0.12) else None
    return Earth(tuple(eras), salt, visible)


def _draw_era(draw: _Draw, age: int, base: float | None, number: int, *, faulted: bool) -> Era:
    """An era; the older ones have the more of the faults and the stronger tilt."""
    rng, frame, recipe = draw.numbers(f"era {age}"), draw.frame, draw.recipe
    surface = None
    if base is not None:
        slope = log_uniform(rng, (1, 15))
        relief = draw_map(rng, frame, slope, within(rng, (0, 4)), within(rng, (2, 3.5)))
        surface = Map(relief.heights + np.float32(base), relief.start, relief.step)
    drape = float(rng.choice((0.0, 0.5, 1.0)))
    median = log_uniform(rng, recipe.bed)
    beds = draw_beds(rng, frame.step, 2 * frame.shape[2] + 128, median, recipe.has("beds"))
    channels = (
        tuple(_draw_channel(draw, age, k) for k in range(1 + int(rng.integers(3))))
        if draw.has(f"channels {age}"[:8], 0.25)
        else ()
    )
    folding = within(draw.numbers(f"folding {age}"), (0, 1.5)) / frame.extent[2] if draw.has("growth", 0.5) else 0.0
    faults = _draw_faults(draw, age, (age + 1) * 2 / (number * (number + 1))) if faulted else ()
    return Era(faults, _draw_fold(draw, age), folding, surface, drape, beds, channels)


def _draw_fold(draw: _Draw, age: int) -> Map:
    """Folding and tilt since an era; a level surface without the ingredient."""
    rng, recipe = draw.numbers(f"fold {age}"), draw.recipe
    if not recipe.has("folds"):
        return draw_map(rng, draw.frame, 0, 0, 3)
    low, high = max(recipe.slope[0], 0.1), max(recipe.slope[1], 0.1)
    # In samples per trace: a quarter wavelength is half a period, and two such a trace are aliased.
    most = min(STEEP, 0.5 * draw.visible / draw.frame.step) * draw.frame.step / max(draw.frame.bins)
    limit = degrees(atan(most))
    steep = min(log_uniform(rng, (low, high)), limit)
    tilt = min(within(rng, (0, recipe.slope[1])), limit) / (1 + (age == 0))
    return draw_map(rng, draw.frame, steep, tilt, within(rng, (2.5, 4)))


def _draw_faults(draw: _Draw, age: int, share: float) -> tuple[Slip | Polygons, ...]:
    """The faults that are younger than an era and older than the next."""
    rng, frame, recipe = draw.numbers(f"faults {age}"), draw.frame, draw.recipe
    # A narrow world is the middle of one half as wide as long: faults beside it cross it, too.
    narrow, long = sorted(frame.shape[:2])
    scale = float(np.sqrt(max(narrow, long / 2) * long)) / LATERAL
    number = max(age == 0 and share == 1, round(within(rng, recipe.faults) * scale * share))
    strike, dip = rng.uniform(0, 360), within(rng, recipe.dip)
    faults: list[Slip] = []
    while len(faults) < number:
        kind = rng.random() if recipe.has("sets") else 0.0
        azimuth = strike + 10 * rng.standard_normal() if recipe.has("sets") else rng.uniform(0, 360)
        first = _draw_fault(draw, rng, azimuth, float(np.clip(dip + 5 * rng.standard_normal(), *recipe.dip)))
        faults.append(first)
        if 0.55 < kind <= 0.7:
            faults.append(_antithetic(rng, first))
        elif 0.7 < kind <= 0.82:
            faults.extend(_en_echelon(rng, first, number - len(faults)))
        elif kind > 0.82:
            faults.append(_draw_fault(draw, rng, strike + rng.choice((-1, 1)) * rng.uniform(40, 90), first.dip))
    drawn: list[Slip | Polygons] = [*faults[:number]]
    rng.shuffle(drawn)
    if draw.has("polygonal", 0.1) and age == 0:
        drawn.append(_draw_polygons(draw))
    return tuple(drawn)


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


def _antithetic(rng: np.random.Generator, first: Slip) -> Slip:
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


def _en_echelon(rng: np.random.Generator, first: Slip, most: int) -> list[Slip]:
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
    return Polygons(sites, top, top + height, lean=rng.uniform(0.3, 0.7))


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
