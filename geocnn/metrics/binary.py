"""Scores of two classes, at every threshold and within a few samples at once, streamed over slabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.metrics.scores import Labels, Point, require_finite
from geocnn.survey.survey import FloatArray

__all__ = ["RADII", "THRESHOLDS", "BinaryScorer", "BinaryScores"]

Counts = NDArray[np.int64]

THRESHOLDS = np.linspace(0, 1, 201, dtype=np.float32)
"""Thresholds of the precision-recall curve; a sample is positive where its probability is at least the threshold."""

RADII = (0, 1, 2, 3)
"""Distances in samples within which prediction and label match; 0 is sample by sample."""


@dataclass(frozen=True)
class BinaryScores:
    """Scores of two classes on interpreted, live samples.

    Parameters
    ----------
    scored, ignored, positives
        Samples that count, samples labelled −1, and samples of class 1 among the first.
    average_precision
        Σ (R_k − R_k+1) P_k over the thresholds, sample by sample.
    chosen
        One point for each of `RADII`, at the threshold that was chosen beforehand.
    best
        The same at the threshold of the highest F1, sample by sample, on these very data: what a better threshold
        would gain here, not what to expect elsewhere.
    """

    scored: int
    ignored: int
    positives: int
    average_precision: float
    chosen: tuple[Point, ...]
    best: tuple[Point, ...]

    @property
    def best_threshold(self) -> float:
        """Threshold of the highest F1 on these data; the middle one of several."""
        return self.best[0].threshold

    def summary(self) -> str:
        """One line for a log."""
        near = "".join(f", {point.f1:.3f} within {point.radius}" for point in self.chosen if point.radius == 2)
        return (
            f"F1 {self.chosen[0].f1:.3f}{near}, IoU {self.chosen[0].iou:.3f}, average precision "
            f"{self.average_precision:.3f} (threshold {self.chosen[0].threshold:.3g})"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "scored": self.scored,
            "ignored": self.ignored,
            "positives": self.positives,
            "average_precision": self.average_precision,
            "threshold": self.chosen[0].threshold,
            **self.chosen[0].to_json(),
            "within": {str(point.radius): point.to_json() for point in self.chosen[1:]},
            "best_threshold": self.best_threshold,
            "best": {
                **self.best[0].to_json(),
                "within": {str(point.radius): point.to_json() for point in self.best[1:]},
            },
        }

    def table(self, classes: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each radius at the chosen threshold, then at the best."""
        rows = [
            (
                f"{classes[1]}, {'sample by sample' if point.radius == 0 else f'within {point.radius}'}",
                f"{point.threshold:.3f}{remark}",
                *(f"{value:.3f}" for value in point.to_json().values()),
            )
            for points, remark in ((self.chosen, ""), (self.best, " best here"))
            for point in points
        ]
        return ("", "threshold", "precision", "recall", "F1", "IoU"), rows


class BinaryScorer:
    """Histograms from which precision and recall follow at every threshold and radius.

    Notes
    -----
    Recall within r: a labelled sample is met at threshold t if the highest probability within r of it is at least t.
    Precision within r: a predicted sample is right if a labelled one lies within r of it. Distances are Euclidean, in
    samples. Many may match one; only interpreted live samples count and are matched. Probabilities become the number of
    thresholds that they reach, so that a histogram holds the answer for all thresholds, and the last planes of a slab
    wait for the next one, so that the answer does not depend on how the volume was cut.
    """

    def __init__(self) -> None:
        bins = len(THRESHOLDS) + 1
        self._predicted = np.zeros(bins, np.int64)
        self._right = np.zeros((len(RADII), bins), np.int64)
        self._met = np.zeros((len(RADII), bins), np.int64)
        self._held: tuple[NDArray[np.uint8], Labels] | None = None
        self._waiting = 0

    def add(self, probability: FloatArray, label: Labels) -> None:
        """Count a slab: probabilities (1, \\*w) of class 1, labels (\\*w)."""
        require_finite(probability)
        # The number of thresholds reached: 1 at least, for the first is 0; none where nobody interpreted.
        reached = np.searchsorted(THRESHOLDS, probability[0], side="right").astype(np.uint8)
        reached[label < 0] = 0
        if self._held is not None:
            reached, label = (np.concatenate(pair) for pair in zip(self._held, (reached, label), strict=True))
        settled = max(self._waiting, len(label) - RADII[-1])
        self._count(reached, label, slice(self._waiting, settled))
        keep = max(0, settled - RADII[-1])
        self._held, self._waiting = (reached[keep:], label[keep:]), settled - keep

    def end_window(self) -> None:
        """Count the last planes."""
        if self._held is not None:
            self._count(*self._held, slice(self._waiting, None))
        self._held, self._waiting = None, 0

    def _count(self, reached: NDArray[np.uint8], label: Labels, planes: slice) -> None:
        """Count some planes, given their neighbours."""
        core, faults, bins = reached[planes], label[planes] == 1, len(self._predicted)
        self._predicted += np.bincount(core.reshape(-1), minlength=bins)
        near = zip(_highest_within(reached), _highest_within((label == 1).astype(np.uint8)), strict=True)
        for index, (highest, fault) in enumerate(near):
            self._met[index] += np.bincount(highest[planes][faults], minlength=bins)
            self._right[index] += np.bincount(core[fault[planes] > 0], minlength=bins)

    def scores(self, threshold: float | None = None) -> BinaryScores:
        """Scores of all windows that have ended."""
        predicted, right, met = (_from_above(counts) for counts in (self._predicted, self._right, self._met))
        positives = int(self._met[0].sum())
        precision = np.divide(right, predicted, out=np.zeros(right.shape), where=predicted > 0)
        recall = met / max(1, positives)

        def points(index: int) -> tuple[Point, ...]:
            at = round(float(THRESHOLDS[index]), 3)
            return tuple(
                Point(radius, at, float(p), float(r))
                for radius, p, r in zip(RADII, precision[:, index], recall[:, index], strict=True)
            )

        f1 = [points(index)[0].f1 for index in range(len(THRESHOLDS))]
        ties = np.flatnonzero(np.array(f1) == max(f1))
        best = points(int(ties[len(ties) // 2]))
        nearest = int(np.abs(THRESHOLDS - (best[0].threshold if threshold is None else threshold)).argmin())
        return BinaryScores(
            scored=int(predicted[0]),
            ignored=int(self._predicted[0]),
            positives=positives,
            average_precision=float(-np.sum(np.diff(recall[0], append=0) * precision[0])),
            chosen=points(nearest),
            best=best,
        )


def _highest_within(values: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """For each of `RADII`, the highest value within that distance of every sample; one array, raised step by step."""
    highest = values.copy()
    reach = range(-RADII[-1], RADII[-1] + 1)
    distances = {offset: sum(o * o for o in offset) for offset in product(reach, repeat=values.ndim)}
    inner = -1
    for radius in RADII:
        for offset, squared in distances.items():
            if max(0, inner) ** 2 < squared <= radius**2:
                axes = tuple(zip(offset, values.shape, strict=True))
                into = tuple(slice(max(0, o), max(0, n + min(0, o))) for o, n in axes)
                source = tuple(slice(max(0, -o), max(0, n - max(0, o))) for o, n in axes)
                np.maximum(highest[into], values[source], out=highest[into])
        yield highest
        inner = radius


def _from_above(counts: Counts) -> Counts:
    """Counts of samples that reach each threshold, of counts by the number of thresholds reached (last axis)."""
    return np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]
