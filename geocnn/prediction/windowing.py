"""How overlapping windows lie over a survey, and what each counts for at every sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import ModelError, UsageError
from geocnn.grid import Window
from geocnn.network.plan import Plan
from geocnn.network.sizes import shapes_for
from geocnn.records import crossed, show

__all__ = ["BLENDINGS", "Span", "Windowing", "plan_windows"]

Weights = NDArray[np.float64]
BLENDINGS = ("gaussian", "cosine", "none")
LEAST = 1e-3
"""Smallest weight along an axis of a Gaussian, whose largest is 1."""


class Span(NamedTuple):
    """A window along one axis: it starts at `start` and has a say in the samples first:last of the survey."""

    start: int
    first: int
    last: int


@dataclass(frozen=True)
class Windowing:
    """Overlapping windows over a survey, and how they are blended.

    ::

        survey  |------------------------------|
        windows |----------|
                     |----------|
                          |----------|
                                |----------|      the last one is moved back

    Parameters
    ----------
    within
        What is predicted.
    shape
        Positions of the whole survey on each axis. Windows start at multiples of the step from its position 0, so that
        a sample's result does not depend on `within`.
    size
        Of a window. Where the survey is smaller, zeros follow it.
    step
        From one window to the next, at most the size.
    blending
        ``gaussian``, ``cosine``: the mean weighted by how near the window's centre is. ``none``: each sample is taken
        from the window whose centre is nearest, the later one of two.
    one_value
        Whether a window gives one value for each class, and not one for each sample; only without blending.

    Raises
    ------
    UsageError
        If a step leaves gaps, or there is no such blending.
    """

    within: Window
    shape: tuple[int, ...]
    size: tuple[int, ...]
    step: tuple[int, ...]
    blending: str
    one_value: bool = False

    def __post_init__(self) -> None:
        if self.blending not in BLENDINGS:
            raise UsageError(f"blending {show(self.blending)}", expected=f"one of {', '.join(BLENDINGS)}")
        fits = len(self.step) == len(self.size)
        if not fits or not all(1 <= step <= size for step, size in zip(self.step, self.size, strict=True)):
            raise UsageError(
                f"a step of {crossed(self.step)} between windows of {crossed(self.size)}",
                expected=f"on each axis at least 1, and at most the window: up to {crossed(self.size)}",
                do="choose a smaller step, or none: the usual one follows from the window",
            )

    @property
    def starts(self) -> tuple[tuple[int, ...], ...]:
        """Where the windows that are computed start, along each axis."""
        return tuple(tuple(span.start for span in self.spans(axis)) for axis in range(len(self.size)))

    @property
    def arithmetic(self) -> float:
        """Samples that the network sees, over samples of `within`: 1 means no work done twice."""
        return prod(len(starts) for starts in self.starts) * prod(self.size) / self.within.size

    @property
    def words(self) -> str:
        """How windows lie and are blended: ``windows of 64 × 64 that overlap by half, blended by a Gaussian``."""
        if self.one_value:
            return f"one value for each window of {crossed(self.size)}, every {crossed(self.step)} samples"
        shares = {round(100 * (1 - step / size)) for step, size in zip(self.step, self.size, strict=True)}
        laid = f"every {crossed(self.step)} samples"
        if len(shares) == 1:
            share = shares.pop()
            laid = {0: "side by side", 50: "that overlap by half"}.get(share, f"that overlap by {share} %")
        return f"windows of {crossed(self.size)} {laid}, {_HOW[self.blending]}"

    def spans(self, axis: int, front: int | None = None) -> list[Span]:
        """The windows with a say in `within` along one axis, from position `front` on, in order."""
        size, end = self.size[axis], self.shape[axis]
        near, far = self.within.start[axis] if front is None else front, self.within.stop[axis]
        starts = self._starts(axis)
        if self.blending == "none":
            # Half way between two centres (size − 1)/2 from their starts, rounded up.
            edges = [0, *((a + b + size) // 2 for a, b in pairwise(starts)), end]
            ends = list(pairwise(edges))
        else:
            ends = [(start, min(start + size, end)) for start in starts]
        cut = (Span(at, max(near, a), min(far, b)) for at, (a, b) in zip(starts, ends, strict=True))
        return [span for span in cut if span.first < span.last]

    def weights(self, axis: int, span: Span) -> Weights:
        """What a window counts for along one axis, in first:last; of all windows together 1 at each sample.

        Notes
        -----
        Weights in a window are products over the axes, and windows stand at all combinations of starts along the axes.
        So Σ_windows Π_axes w = Π_axes Σ_starts w: they can be divided by their sum axis by axis, beforehand.
        """
        size = self.size[axis]
        if self.blending == "none":
            return np.ones(span.last - span.first)
        profile = _PROFILES[self.blending](size)
        total = np.zeros(size)
        for shift in (start - span.start for start in self._starts(axis)):
            if abs(shift) < size:
                total[max(0, shift) : size + min(0, shift)] += profile[max(0, -shift) : size - max(0, shift)]
        return (profile / total)[span.first - span.start : span.last - span.start]

    def _starts(self, axis: int) -> list[int]:
        """Of all windows over the survey along one axis."""
        last = max(0, self.shape[axis] - self.size[axis])
        return [*range(0, last, self.step[axis]), last]


_HOW = {
    "gaussian": "blended by a Gaussian",
    "cosine": "blended by a cosine",
    "none": "each sample from the window whose centre is nearest",
}


def _gaussian(size: int) -> Weights:
    """exp(−d²/2σ²), d from the centre, σ = size/8, as nnU-Net and MONAI weigh windows."""
    from_centre = np.arange(size) - (size - 1) / 2
    return np.asarray(np.maximum(LEAST, np.exp(-(from_centre**2) / (2 * (size / 8) ** 2))))


def _cosine(size: int) -> Weights:
    """sin²(π(i + ½)/size): the sum of two that overlap by half is 1."""
    return np.asarray(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2)


_PROFILES: Mapping[str, Callable[[int], Weights]] = {"gaussian": _gaussian, "cosine": _cosine}


def plan_windows(
    plan: Plan,
    patch: Sequence[int],
    shape: tuple[int, ...],
    within: Window,
    *,
    overlap: float = 0.5,
    blending: str = "gaussian",
    step: Sequence[int] | None = None,
) -> Windowing:
    """The windows over a survey of `shape` that predict `within`.

    Parameters
    ----------
    plan
        The network. One that gives one value for a window makes a map of blocks, without blending.
    patch
        Of training. Windows have its size, made one that the network takes.
    overlap
        Share of a window that the next one along an axis covers too; not for networks of one value for a window.
    blending
        One of `BLENDINGS`.
    step
        From one window to the next, instead of the overlap; a quarter of the window by default where the network gives
        one value for it.

    Raises
    ------
    UsageError
        If the overlap, the step or the blending cannot be.
    ModelError
        If the network makes other sizes than those that it takes.
    """
    if not 0 <= overlap < 1:
        raise UsageError(
            f"an overlap of {overlap:g}", expected="a share from 0 to below 1", do="pass 0.5 for windows half over each"
        )
    size, one_value = _window_size(plan, patch), not plan.output.shape
    share = 0.25 if one_value else 1 - overlap
    usual = tuple(max(1, round(share * each)) for each in size)
    if one_value and blending in BLENDINGS:
        blending = "none"
    return Windowing(within, tuple(shape), size, usual if step is None else tuple(step), blending, one_value)


def _window_size(plan: Plan, patch: Sequence[int]) -> tuple[int, ...]:
    """The patch, or else the multiples of the stride that hold it, or else the only size that the network takes."""
    for size in (tuple(patch), plan.admissible(patch), plan.input[1:]):
        shapes = shapes_for(plan, size)
        if shapes is not None and shapes[plan.output_id] in (size, ()):
            return size
    raise ModelError(
        f"the network makes {crossed(plan.output.shape)} of {crossed(plan.input[1:])} samples",
        expected="one output for each sample, or one for the whole window",
        do="end the network with flatten and dense layers, or with as many samples as it takes",
    )
