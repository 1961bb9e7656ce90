"""The training stream: its n-th sample is a pure function of (seed, n), wherever and in whatever order it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from geocnn.augment import Augmentation
from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey
from geocnn.records import crossed
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "Patch", "Source", "Stream"]

Labels = NDArray[np.int8]
Source = tuple[NormalisedSurvey, LabelledSurvey, tuple[Window, ...]]
"""A survey to draw from, its labels, and the windows that patches must lie in."""

TRIES = 16
"""Windows drawn anywhere before interpreted samples are searched for."""


@dataclass(frozen=True)
class Patch:
    """What training sees: `image` (C, \\*patch), and `label` (\\*patch) with −1 where not interpreted or dead."""

    image: FloatArray
    label: Labels


@dataclass(frozen=True)
class _Place:
    """A window of one survey that patches are drawn from."""

    image: NormalisedSurvey
    labelled: LabelledSurvey
    window: Window


class Stream:
    """An endless, random-access stream of training patches.

    A patch lies wholly in one training window. Every admissible position of every window is as likely as any other,
    save that a patch always has an interpreted, live sample: where `TRIES` windows have none, one is laid over an
    interpreted sample drawn at random.

    Parameters
    ----------
    sources
        Surveys with their training windows.
    patch
        Positions on each axis.
    augmentation
        Random changes of image and label that keep them matched.

    Raises
    ------
    SurveyError
        If no training window has room for a patch.
    """

    def __init__(self, sources: Sequence[Source], patch: tuple[int, ...], augmentation: Augmentation) -> None:
        self.patch = patch
        self.augmentation = augmentation
        self._places = tuple(
            _Place(image, labelled, window)
            for image, labelled, windows in sources
            for window in windows
            if self._positions(window)
        )
        if not self._places:
            windows = ", ".join(str(window) for _, _, found in sources for window in found) or "none"
            raise SurveyError(
                f"no training window has room for a patch of {crossed(patch)} (windows: {windows})",
                expected="a window at least as large as the patch on every axis",
                do="choose a smaller data.patch or a smaller validation block",
            )
        self._until = tuple(accumulate(self._positions(place.window) for place in self._places))

    def _positions(self, window: Window) -> int:
        """Number of places that a patch can take in a window."""
        return prod(max(0, n - p + 1) for n, p in zip(window.shape, self.patch, strict=True))

    def draw(self, seed: int, n: int) -> Patch:
        """The n-th patch of the stream of a seed.

        Raises
        ------
        SurveyError
            If no sample of any training window is both interpreted and live.
        """
        rng = np.random.default_rng([seed, n])
        candidates = (_patch(place, window) for place, window in self._windows(rng))
        drawn = next(patch for patch in candidates if patch is not None)
        image, label = self.augmentation(rng, drawn.image, drawn.label)
        return Patch(np.ascontiguousarray(image), np.ascontiguousarray(label))

    def batch(self, seed: int, step: int, size: int) -> tuple[FloatArray, Labels]:
        """Patches `step` · `size` and following: images (B, C, \\*patch) and labels (B, \\*patch)."""
        patches = [self.draw(seed, step * size + index) for index in range(size)]
        return np.stack([patch.image for patch in patches]), np.stack([patch.label for patch in patches])

    def _windows(self, rng: np.random.Generator) -> Iterator[tuple[_Place, Window]]:
        """Windows to try: a few anywhere, then one that is sure to serve."""
        for _ in range(TRIES):
            yield self._anywhere(rng)
        yield self._over_an_interpreted_sample(rng)

    def _anywhere(self, rng: np.random.Generator) -> tuple[_Place, Window]:
        """A window drawn evenly from all admissible positions of all places."""
        position = int(rng.integers(self._until[-1]))
        index = int(np.searchsorted(self._until, position, side="right"))
        place = self._places[index]
        room = tuple(n - p + 1 for n, p in zip(place.window.shape, self.patch, strict=True))
        offset = np.unravel_index(position - (self._until[index - 1] if index else 0), room)
        return place, self._at(tuple(a + int(o) for a, o in zip(place.window.start, offset, strict=True)))

    def _over_an_interpreted_sample(self, rng: np.random.Generator) -> tuple[_Place, Window]:
        """A window over an interpreted, live sample: cell, sample and place of the window over it drawn at random."""
        place, cell = self._interpreted[int(rng.integers(len(self._interpreted)))]
        samples = np.argwhere(_label(place, cell) >= 0)
        sample = samples[int(rng.integers(len(samples)))] + cell.start
        axes = zip(sample.tolist(), self.patch, place.window.start, place.window.stop, strict=True)
        # A patch of p samples covers sample s if it starts at s − p + 1 to s; it ends inside the window.
        return place, self._at(
            tuple(int(rng.integers(max(first, s - p + 1), min(s, stop - p) + 1)) for s, p, first, stop in axes)
        )

    @cached_property
    def _interpreted(self) -> list[tuple[_Place, Window]]:
        """All cells of the size of a patch that have an interpreted, live sample."""
        cells = [
            (place, cell)
            for place in self._places
            for cell in _cells(place.window, self.patch)
            if (_label(place, cell) >= 0).any()
        ]
        if not cells:
            names = ", ".join(dict.fromkeys(place.labelled.label.name for place in self._places))
            raise SurveyError(
                f"label all ignore: {names} has no interpreted live sample in the training windows",
                expected="labels from 0 on where someone interpreted, −1 elsewhere",
                do="check the label's values and lines with geocnn inspect, or choose another validation block",
            )
        return cells

    def _at(self, start: tuple[int, ...]) -> Window:
        """The window of a patch."""
        return Window(start, tuple(a + p for a, p in zip(start, self.patch, strict=True)))


def _patch(place: _Place, window: Window) -> Patch | None:
    """The patch in a window; none if it has no interpreted, live sample."""
    label = place.labelled.labels(window)
    if not (label >= 0).any():
        return None
    image, live = place.image.both(window)
    label = np.where(live, label, np.int8(-1))
    return Patch(image, label) if (label >= 0).any() else None


def _label(place: _Place, window: Window) -> Labels:
    """Labels of a window, −1 where dead."""
    label = place.labelled.labels(window)
    return np.where(place.image.live(window), label, np.int8(-1)) if (label >= 0).any() else label


def _cells(window: Window, size: tuple[int, ...]) -> Iterator[Window]:
    """Boxes of at most `size` that make up a window."""
    starts = (range(a, b, n) for a, b, n in zip(window.start, window.stop, size, strict=True))
    for start in product(*starts):
        yield Window(start, tuple(a + n for a, n in zip(start, size, strict=True))).within(window)
