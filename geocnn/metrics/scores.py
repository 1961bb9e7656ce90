"""What scores are: precision and recall at a threshold, and what every kind of scores can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import ModelError
from geocnn.survey.survey import FloatArray

__all__ = ["Labels", "Point", "Scorer", "Scores", "ratio", "require_finite"]

Labels = NDArray[np.int8]


class Scores(Protocol):
    """What a scorer finds, whatever the number of classes."""

    @property
    def scored(self) -> int:
        """Samples that count."""

    @property
    def ignored(self) -> int:
        """Samples labelled −1."""

    @property
    def best_threshold(self) -> float:
        """The threshold to store in a model that was validated so."""

    def summary(self) -> str:
        """One line for a log."""

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""

    def table(self, classes: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Heads and rows of a table, given the names of the classes."""


class Scorer(Protocol):
    """Counts over slabs, whatever the number of classes."""

    def add(self, probability: FloatArray, label: Labels) -> None:
        """Count a slab: probabilities (K, \\*w) and labels (\\*w); slabs of a window come in order along axis 0."""

    def end_window(self) -> None:
        """Count what waits for its neighbours: no slab follows on the last one."""

    def scores(self, threshold: float | None = None) -> Scores:
        """Scores of all windows that have ended, at a threshold, or at the best one if there is none."""


@dataclass(frozen=True)
class Point:
    """Precision and recall at one threshold, where prediction and label match within `radius` samples."""

    radius: int
    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """2 P R / (P + R); 0 where nothing matches."""
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def iou(self) -> float:
        """Intersection over union, as F1 / (2 − F1)."""
        return self.f1 / (2 - self.f1)

    def to_json(self) -> dict[str, float]:
        """The numbers by name."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "iou": self.iou}


def ratio(part: float, whole: float) -> float:
    """part / whole; 0 where there is nothing."""
    return part / whole if whole else 0.0


def require_finite(probability: FloatArray) -> None:
    """Refuse the output of a network that has lost its numbers."""
    bad = int(probability.size - np.isfinite(probability).sum())
    if bad:
        raise ModelError(
            f"the network predicts nan for {bad:,} of {probability.size:,} values",
            expected="probabilities",
            do="predict in float32 (--precision float32), or train again with a lower training.learning_rate",
        )
