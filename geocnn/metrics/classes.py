"""Scores of several classes: a confusion matrix and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geocnn.metrics.scores import Labels, Point, ratio, require_finite
from geocnn.survey.survey import FloatArray

__all__ = ["ClassScorer", "ClassScores"]


@dataclass(frozen=True)
class ClassScores:
    """Scores of several classes on interpreted, live samples.

    Parameters
    ----------
    confusion
        Samples of class `row` that were predicted as class `column`, shape (N, N).
    ignored
        Samples labelled −1.
    """

    confusion: tuple[tuple[int, ...], ...]
    ignored: int

    @property
    def scored(self) -> int:
        """Samples that count."""
        return sum(map(sum, self.confusion))

    @property
    def best_threshold(self) -> float:
        """One half: the likeliest class is taken, no threshold is applied."""
        return 0.5

    @property
    def pixel_accuracy(self) -> float:
        """Share of samples whose class is right."""
        return ratio(sum(row[index] for index, row in enumerate(self.confusion)), self.scored)

    @property
    def classes(self) -> tuple[Point, ...]:
        """Precision and recall of every class against all others."""
        predicted = [sum(column) for column in zip(*self.confusion, strict=True)]
        return tuple(
            Point(0, self.best_threshold, ratio(row[index], predicted[index]), ratio(row[index], sum(row)))
            for index, row in enumerate(self.confusion)
        )

    @property
    def mean_iou(self) -> float:
        """Mean intersection over union of the classes that are labelled or predicted somewhere."""
        there = [
            point.iou
            for point, row, column in zip(self.classes, self.confusion, zip(*self.confusion, strict=True), strict=True)
            if any(row) or any(column)
        ]
        return ratio(sum(there), len(there))

    def summary(self) -> str:
        """One line for a log."""
        return f"mean IoU {self.mean_iou:.3f}, pixel accuracy {self.pixel_accuracy:.3f}"

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "scored": self.scored,
            "ignored": self.ignored,
            "mean_iou": self.mean_iou,
            "pixel_accuracy": self.pixel_accuracy,
            "classes": [point.to_json() for point in self.classes],
            "confusion": [list(row) for row in self.confusion],
        }

    def table(self, classes: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each class."""
        rows = [
            (name, f"{sum(row):,}", *(f"{value:.3f}" for value in point.to_json().values()))
            for name, row, point in zip(classes, self.confusion, self.classes, strict=True)
        ]
        return ("class", "samples", "precision", "recall", "F1", "IoU"), rows


class ClassScorer:
    """A confusion matrix of the likeliest classes."""

    def __init__(self, classes: int) -> None:
        self._confusion = np.zeros((classes, classes), np.int64)
        self._ignored = 0

    def add(self, probability: FloatArray, label: Labels) -> None:
        """Count a slab: probabilities (N, \\*w) and labels (\\*w)."""
        require_finite(probability)
        scored, classes = label >= 0, len(self._confusion)
        pairs = label[scored].astype(np.int64) * classes + probability.argmax(axis=0)[scored]
        self._confusion += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        self._ignored += int(label.size - scored.sum())

    def end_window(self) -> None:
        """Nothing waits."""

    def scores(self, threshold: float | None = None) -> ClassScores:
        """Scores of all windows; a threshold means nothing to the likeliest class."""
        return ClassScores(tuple(tuple(row) for row in self._confusion.tolist()), self._ignored)
