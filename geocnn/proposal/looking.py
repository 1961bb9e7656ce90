"""Looking at surveys and their labels: a bounded number of windows of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from geocnn.errors import SurveyError, UsageError
from geocnn.grid import Grid, Window, overlap
from geocnn.progress import Work
from geocnn.proposal.fingerprint import Pair, SurveyFound
from geocnn.proposal.values import LabelValues
from geocnn.starred import is_starred, match_names
from geocnn.survey.labelled import LabelledSurvey, numbered_like
from geocnn.survey.opening import open_pair
from geocnn.survey.options import SurveyOptions
from geocnn.survey.sampling import SMALL, sampled_windows
from geocnn.survey.scan import SLAB, Part, Scan, scan
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["expanded", "look_at", "paired"]

RUN = (1, 16)
"""Lines, and traces of each, of a window of a large survey."""

MOST_SURVEYS = 24
"""Surveys that are looked at; of more, so many evenly picked ones: cubes of one recipe are alike."""

FAR = 5.0
"""Standard deviations beyond which samples are counted."""


def paired(images: Sequence[str], labels: Sequence[str]) -> list[Pair]:
    """Images and labels, matched in order; commas between the files of one image stack them as channels.

    Raises
    ------
    UsageError
        If there are more of one than of the other.
    """
    if len(images) != len(labels):
        raise UsageError(
            f"{len(images)} --image and {len(labels)} --label",
            expected="a label for each image, in the same order",
            do="repeat both: --image a.sgy --label a.h5 --image b.sgy --label b.h5",
        )
    return [Pair(_channels(image), label) for image, label in zip(images, labels, strict=True)]


def _channels(image: str) -> tuple[str, ...]:
    """The files of an image."""
    names = tuple(name.strip() for name in image.split(","))
    if not all(names):
        raise UsageError(f"--image {image}", "file names with commas between", "leave out the comma that is too many")
    return names


def expanded(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that starred names stand for.

    Raises
    ------
    SurveyError
        If a starred name matches nothing, or files have no partner.
    """
    found = []
    for pair in pairs:
        names = (*pair.images, pair.label)
        matched = match_names(names) if is_starred(names) else [names]
        found += [Pair(tuple(each[:-1]), each[-1]) for each in matched]
    return found


def look_at(pairs: Sequence[Pair], options: SurveyOptions) -> Work[tuple[SurveyFound, ...]]:
    """What is found of surveys and their labels; of very many, of some.

    Raises
    ------
    SurveyError
        If one cannot be opened or used, or they differ in axes or channels.
    """
    every = -(-len(pairs) // MOST_SURVEYS)
    found: list[SurveyFound] = []
    for pair in pairs[::every]:
        one = yield from _look_at_one(pair, options)
        found.append(one)
        _require_alike(found[0], one)
    return tuple(found)


def _look_at_one(pair: Pair, options: SurveyOptions) -> Work[SurveyFound]:
    image, label = open_pair(pair.images if len(pair.images) > 1 else pair.images[0], pair.label, options)
    _require_axes(image)
    match = _Match.of(image, label)
    values = LabelValues(label.name, match.covered.shape)
    held = label.present

    def watch(window: Window, samples: FloatArray, live: BoolArray, bad: BoolArray) -> None:
        inside = window.within(match.covered)
        if not inside.size:
            return
        source = inside.shifted(match.offset)
        told = label.read(source)[0]
        told[~held[source.slices[:-1]]] = -1
        local = inside.shifted(tuple(-a for a in window.start))
        at = tuple(a - b for a, b in zip(inside.start, match.covered.start, strict=True))
        values.add(at, told, live[local.slices])

    windows = match.windows()
    traces = sum(prod(window.shape[:-1]) for window in windows)
    found = yield from scan(image, part=Part(windows, traces, watch))
    values.require_classes()
    deep = match.covered.shape[-1]
    return _found(match, values, found, traces * deep)


def _require_axes(image: Survey) -> None:
    if image.grid.ndim > 3:
        names = ", ".join(axis.name for axis in image.grid.axes)
        raise SurveyError(
            f"{image.name} has {image.grid.ndim} axes: {names}",
            expected="one to three axes",
            do="pass --gathers channels for prestack SEG-Y, or --axes with channel for one axis of an array",
        )


def _require_alike(first: SurveyFound, other: SurveyFound) -> None:
    """Refuse surveys that one network cannot take."""
    mine, others = ((each.channels, [axis.name for axis in each.grid.axes]) for each in (first, other))
    if mine != others:
        raise SurveyError(
            f"{other.image} has {others[0]} channel(s) on {', '.join(others[1])}; "
            f"{first.image} has {mine[0]} on {', '.join(mine[1])}",
            expected="the same channels and axes in all surveys",
            do="stack the same attributes, in the same order, for each survey",
        )


@dataclass(frozen=True)
class _Match:
    """How a label lies on its image: the part that it covers, and what brings positions there to those of the label."""

    image: Survey
    label: Survey
    covered: Window
    offset: tuple[int, ...]

    @classmethod
    def of(cls, image: Survey, label: Survey) -> _Match:
        covered = LabelledSurvey(image, label, 2).covered  # It also refuses what does not match.
        grid, _ = numbered_like(image, label)
        _, inside = overlap(image.grid, grid, (image.name, label.name))
        offset = tuple(b - a for a, b in zip(covered.start, inside.start, strict=True))
        return cls(image, label, covered, offset)

    def windows(self) -> list[Window]:
        """Windows of whole traces of the image over the covered part: all of it if it is small, else an even sample."""
        image, covered = self.image, self.covered
        grid = image.grid
        deep = grid.shape[-1]

        def whole(window: Window) -> Window:
            return Window((*window.start[:-1], 0), (*window.stop[:-1], deep))

        if grid.ndim == 1:
            return [grid.whole]
        if prod(covered.shape[:-1]) * deep * image.channels * 4 <= SMALL:
            part = Grid((*grid.part(covered).axes[:-1], grid.axes[-1]))
            slabs = [window.shifted((*covered.start[:-1], 0)) for window in part.slabs(SLAB)]
            return [whole(window) for window in slabs]
        if prod(self.label.grid.lateral) < prod(grid.lateral):
            back = tuple(-each for each in self.offset)
            picked = [window.shifted(back) for window in sampled_windows(self.label, self.label.present, RUN)]
        else:
            picked = sampled_windows(image, image.present, RUN)
        inside = [window.within(covered) for window in picked]
        return [whole(window) for window in inside if window.size]


def _found(match: _Match, values: LabelValues, scanned: Scan, seen: int) -> SurveyFound:
    statistics, bins = scanned.statistics, match.image.bins
    mean, std = (np.array(each)[:, None] for each in (statistics.mean, statistics.std))
    scale = np.where(std > 0, std, 1)
    beyond = np.abs(scanned.sample - mean) > FAR * scale
    ends = np.maximum(np.array(statistics.maximum) - mean[:, 0], mean[:, 0] - np.array(statistics.minimum))
    return SurveyFound(
        image=match.image.name,
        label=match.label.name,
        grid=match.image.grid.part(match.covered),
        channels=match.image.channels,
        bins=bins.size if bins else None,
        seen=seen,
        live=int(values.counts.sum()),
        along=values.along,
        counts=values.counts,
        highest=values.highest,
        widths=values.widths,
        mean=statistics.mean,
        std=statistics.std,
        beyond=float(beyond.mean()) if beyond.size else 0.0,
        crest=float((ends / scale[:, 0]).max()),
        spectrum=statistics.spectrum,
    )
