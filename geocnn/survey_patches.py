"""Random patches of labelled surveys, a share of them over rarer classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from math import prod
from typing import NamedTuple

import numpy as np

from geocnn.augment.sampling import Sampling
from geocnn.census import Census
from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey
from geocnn.patch import Labels, Patch
from geocnn.records import crossed
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.survey import Survey

__all__ = ["Source", "SurveyPatches", "sampling_of"]

TRIES = 16
"""Windows drawn anywhere before interpreted samples are looked up."""


class Source(NamedTuple):
    """A survey to draw from, its labels, and which of them lie where in the window that patches must lie in."""

    image: NormalisedSurvey
    labelled: LabelledSurvey
    census: Census

    @property
    def sampling(self) -> Sampling:
        """How its patches are sampled."""
        return sampling_of(self.labelled.image)


class SurveyPatches:
    """Random patches of surveys.

    A patch lies wholly in the window of one source. A share of them is laid over a sample of a class other than the
    first, drawn at random: the class evenly from those that are there, then the sample from all of it. For the others
    every admissible position of every window is as likely as any other, save that a patch always has an interpreted,
    live sample: where `TRIES` windows have none, one is laid over an interpreted sample drawn at random.

    Parameters
    ----------
    sources
        Surveys with their training windows; those too small for a patch are left out.
    patch
        Positions on each axis.
    foreground
        Share of the patches that are laid over a rarer class.

    Raises
    ------
    SurveyError
        If no training window has room for a patch, or none that has holds an interpreted, live sample.
    """

    def __init__(self, sources: Sequence[Source], patch: tuple[int, ...], foreground: float) -> None:
        self.patch, self._foreground = patch, foreground
        self._sources = tuple(source for source in sources if self._positions(source.census.window))
        if not self._sources:
            windows = ", ".join(str(source.census.window) for source in sources) or "none"
            raise SurveyError(
                f"no training window has room for a patch of {crossed(self.patch)} (windows: {windows})",
                expected="a window at least as large as the patch on every axis",
                do="choose a smaller data.patch or a smaller validation block",
            )
        self._until = tuple(accumulate(self._positions(source.census.window) for source in self._sources))
        counts = [source.census.counts.reshape(-1, source.census.counts.shape[-1]) for source in self._sources]
        self._firsts = tuple(accumulate((len(each) for each in counts), initial=0))
        # Samples of each class in each cell of all sources one after the other, added up.
        self._tallies = np.cumsum(np.concatenate(counts), axis=0)
        self._any = np.cumsum(np.concatenate(counts).sum(axis=1) > 0)
        if not self._any[-1]:
            names = ", ".join(dict.fromkeys(source.labelled.label.name for source in self._sources))
            raise SurveyError(
                f"label all ignore: {names} has no interpreted live sample in the training windows",
                expected="labels from 0 on where someone interpreted, −1 elsewhere",
                do="check the label's values and lines with geocnn inspect, or choose another validation block",
            )
        self._rare = [index for index, count in enumerate(self._tallies[-1]) if index and count]

    def _positions(self, window: Window) -> int:
        """Number of places that a patch can take in a window."""
        return prod(max(0, n - p + 1) for n, p in zip(window.shape, self.patch, strict=True))

    def drawn(self, rng: np.random.Generator) -> Patch:
        """A patch, by the next random numbers."""
        candidates = (_patch(source, window) for source, window in self._windows(rng))
        return next(patch for patch in candidates if patch is not None)

    def _windows(self, rng: np.random.Generator) -> Iterator[tuple[Source, Window]]:
        """Windows to try, the last of which is sure to serve."""
        if self._rare and self._foreground and rng.random() < self._foreground:
            yield self._over(rng, self._rare[int(rng.integers(len(self._rare)))])
        for _ in range(TRIES):
            yield self._anywhere(rng)
        yield self._over(rng, None)

    def _anywhere(self, rng: np.random.Generator) -> tuple[Source, Window]:
        """A window drawn evenly from all admissible positions of all sources."""
        position = int(rng.integers(self._until[-1]))
        index = int(np.searchsorted(self._until, position, side="right"))
        source = self._sources[index]
        within = source.census.window
        room = tuple(n - p + 1 for n, p in zip(within.shape, self.patch, strict=True))
        offset = np.unravel_index(position - (self._until[index - 1] if index else 0), room)
        return source, self._at(tuple(a + int(o) for a, o in zip(within.start, offset, strict=True)))

    def _over(self, rng: np.random.Generator, kind: int | None) -> tuple[Source, Window]:
        """A window over a sample of a class, or over any interpreted one, drawn at random as its place in it is.

        The samples of a class are drawn evenly; for any class, first a cell that has some.
        """
        tally = self._any if kind is None else self._tallies[:, kind]
        cell = int(np.searchsorted(tally, rng.integers(tally[-1]), side="right"))
        index = int(np.searchsorted(self._firsts, cell, side="right")) - 1
        source = self._sources[index]
        box, within = source.census.box(cell - self._firsts[index]), source.census.window
        label = _label(source, box)
        samples = np.argwhere(label >= 0 if kind is None else label == kind)
        sample = samples[int(rng.integers(len(samples)))] + box.start
        axes = zip(sample.tolist(), self.patch, within.start, within.stop, strict=True)
        # A patch of p samples covers sample s if it starts at s − p + 1 to s; it ends inside the window.
        return source, self._at(
            tuple(int(rng.integers(max(first, s - p + 1), min(s, stop - p) + 1)) for s, p, first, stop in axes)
        )

    def _at(self, start: tuple[int, ...]) -> Window:
        """The window of a patch."""
        return Window(start, tuple(a + p for a, p in zip(start, self.patch, strict=True)))


def _patch(source: Source, window: Window) -> Patch | None:
    """The patch in a window; none if it has no interpreted, live sample."""
    label = source.labelled.labels(window)
    if not (label >= 0).any():
        return None
    image, live = source.image.both(window)
    label = np.where(live, label, np.int8(-1))
    if not (label >= 0).any():
        return None
    survey = source.labelled.image
    return Patch(image, label, survey.name, survey.grid, window, source.sampling)


def _label(source: Source, window: Window) -> Labels:
    """Labels of a window, −1 where dead."""
    label = source.labelled.labels(window)
    return np.where(source.image.live(window), label, np.int8(-1)) if (label >= 0).any() else label


@cache
def sampling_of(survey: Survey) -> Sampling:
    """Bins and sample interval of a survey; bins count as metres, as coordinates nearly always do."""
    axis, bins = survey.grid.axes[-1], survey.bins
    return Sampling(None if bins is None else bins.size, abs(axis.step), axis.unit)
