"""Scores of a segmentation, streamed over slabs."""

from __future__ import annotations

from collections.abc import Iterable

from geocnn.grid import Window
from geocnn.metrics.binary import BinaryScorer, BinaryScores
from geocnn.metrics.classes import ClassScorer, ClassScores
from geocnn.metrics.scores import Labels, Point, Scorer, Scores
from geocnn.survey.survey import FloatArray

__all__ = ["BinaryScores", "Block", "ClassScores", "Point", "Scorer", "Scores", "score", "scorer"]

Block = tuple[Window, FloatArray, Labels]
"""A slab, its probabilities (K, \\*w), and its labels (\\*w) with −1 where not interpreted or dead."""


def score(windows: Iterable[Iterable[Block]], classes: int, threshold: float | None = None) -> Scores:
    """Scores of all windows together.

    Parameters
    ----------
    windows
        For each window its slabs, disjoint and in order along the first axis.
    classes
        Number of classes.
    threshold
        Probability from which a sample counts as class 1, chosen beforehand; without one, the best on these data.
    """
    counting = scorer(classes)
    for slabs in windows:
        for _, probability, label in slabs:
            counting.add(probability, label)
        counting.end_window()
    return counting.scores(threshold)


def scorer(classes: int) -> Scorer:
    """An empty scorer for a number of classes."""
    return BinaryScorer() if classes == 2 else ClassScorer(classes)
