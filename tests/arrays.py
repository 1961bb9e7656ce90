"""A survey in memory, for tests that need no file."""

from __future__ import annotations

import numpy as np

from geocnn.grid import Axis, Grid, Window
from geocnn.survey.survey import BoolArray, Domain, FloatArray, Survey

NAMES = {1: ("sample",), 2: ("trace", "sample"), 3: ("inline", "crossline", "sample")}


def grid_of(shape: tuple[int, ...]) -> Grid:
    """A grid of that shape, lines from 100 by 1, samples from 0 by 4 ms."""
    lines = [Axis(name, 100, 1, size) for name, size in zip(NAMES[len(shape)][:-1], shape, strict=False)]
    return Grid((*lines, Axis("sample", 0, 4, shape[-1], "ms")))


class ArraySurvey(Survey):
    """Samples (C, *shape) as a survey; traces of zeros are absent."""

    def __init__(self, samples: np.ndarray, name: str = "array") -> None:
        self.name = name
        self.samples = np.asarray(samples, np.float32)
        self.grid = grid_of(self.samples.shape[1:])
        self.channels = len(self.samples)
        self.domain = Domain("time", "made for a test")

    def read(self, window: Window) -> FloatArray:
        return self.samples[(slice(None), *window.slices)].copy()

    @property
    def present(self) -> BoolArray:
        return np.asarray(self.samples.any(axis=(0, -1)))


class ArrayLabel(ArraySurvey):
    """Labels of any shape as a survey in which every trace is there, also those of background alone."""

    def __init__(self, labels: np.ndarray, name: str = "label") -> None:
        super().__init__(labels[None], name)

    @property
    def present(self) -> BoolArray:
        return np.ones(self.grid.lateral, np.bool_)
