"""How a synthetic world is sampled, and the random numbers of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from geocnn.grid import Axis, Grid
from geocnn.survey.survey import Coordinates, Domain
from geocnn.synthetic.wide import Range, WideRecipe

__all__ = ["Frame", "Shape", "draw_frame", "log_uniform", "numbers_of", "usual", "within"]

Shape = tuple[int, int, int]

INTERVALS = (1.0, 2.0, 3.0, 4.0)
"""Usual sample intervals in ms, and how often they are met."""
MET = (0.1, 0.35, 0.1, 0.45)

PERIOD = (5.0, 28.0)
"""Samples of a period of the wavelet: fewer are aliased, more are not met."""

PERIODS = 6
"""Periods that a window holds at least: in fewer hardly a fault could be seen."""


@dataclass(frozen=True)
class Frame:
    """Sampling of a world.

    Parameters
    ----------
    shape
        Inlines, crosslines, samples.
    bins
        Distance of inlines and of crosslines, in m.
    interval
        Sample interval in ms, of two-way time.
    velocity
        In m/s.
    domain
        Of the survey; a depth survey has the depths that belong to the times.
    """

    shape: Shape
    bins: tuple[float, float]
    interval: float
    velocity: float
    domain: Domain

    @property
    def step(self) -> float:
        """Distance of samples in m."""
        return self.velocity * self.interval / 2000

    @property
    def steps(self) -> tuple[float, float, float]:
        """Distance of positions along each axis, in m."""
        return (*self.bins, self.step)

    @property
    def extent(self) -> tuple[float, float, float]:
        """Size along each axis, in m."""
        inline, crossline, sample = (n * step for n, step in zip(self.shape, self.steps, strict=True))
        return inline, crossline, sample

    @property
    def grid(self) -> Grid:
        """Inlines from 1000, crosslines from 2000, samples from 0."""
        inlines, crosslines, samples = self.shape
        step = self.interval if self.domain.name == "time" else self.step
        return Grid(
            (
                Axis("inline", 1000, 1, inlines),
                Axis("crossline", 2000, 1, crosslines),
                Axis("sample", 0, step, samples, self.domain.unit),
            )
        )

    @property
    def coordinates(self) -> Coordinates:
        """Coordinates of the traces in m, shape (2, I, X): crosslines run east, inlines north."""
        north, east = (np.arange(n) * size for n, size in zip(self.shape[:2], self.bins, strict=True))
        return np.stack(np.broadcast_arrays(500_000 + east[None, :], 6_000_000 + north[:, None]))


def numbers_of(seed: int, n: int, part: str) -> np.random.Generator:
    """Random numbers of a part of the n-th world of a seed; one part does not move those of another."""
    return np.random.default_rng([seed, n, crc32(part.encode())])


def within(rng: np.random.Generator, limits: Range) -> float:
    """A number, all in the range being as likely."""
    return float(rng.uniform(*limits))


def log_uniform(rng: np.random.Generator, limits: Range) -> float:
    """A number, all ratios in the range being as likely; limits are above 0."""
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))


def usual(rng: np.random.Generator, limits: Range) -> float:
    """A number near the geometric mean of the limits, which lie three standard deviations of its logarithm away."""
    low, high = (float(np.log(limit)) for limit in limits)
    return float(np.exp(np.clip(rng.normal((low + high) / 2, (high - low) / 6), low, high)))


def draw_frame(rng: np.random.Generator, shape: Shape, recipe: WideRecipe) -> Frame:
    """A sampling within the ranges of a recipe; those in the middle of the ranges are met more often.

    Without the ingredient bins and velocity are the geometric means of their ranges, the interval is the longest.
    """
    if not recipe.has("sampling"):
        bin_, velocity = (float(np.sqrt(low * high)) for low, high in (recipe.bins, recipe.velocity))
        return Frame(shape, (bin_, bin_), recipe.interval[1], velocity, Domain("time", "synthetic"))
    first = usual(rng, recipe.bins)
    near = (max(recipe.bins[0], first / 2.5), min(recipe.bins[1], first * 2.5))
    known = [(ms, share) for ms, share in zip(INTERVALS, MET, strict=True) if _in(ms, recipe.interval)]
    drawn = within(rng, recipe.interval)
    if known:
        shares = np.array([share for _, share in known])
        drawn = known[int(rng.choice(len(known), p=shares / shares.sum()))][0]
    velocity = usual(rng, recipe.velocity)
    domain = Domain("depth" if rng.random() < recipe.depth else "time", "synthetic")
    if domain.name == "depth":
        # Files hold whole millimetres.
        velocity = round(velocity * drawn / 2000, 2) * 2000 / drawn
    second = float(np.clip(first * np.exp(0.3 * rng.standard_normal()), *near))
    return Frame(shape, (first, second), drawn, velocity, domain)


def _in(value: float, limits: Range) -> bool:
    return limits[0] <= value <= limits[1]
