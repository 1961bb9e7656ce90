"""Which classes are labelled where: the index by which training finds rare ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey
from geocnn.progress import Progress, Work
from geocnn.survey.labelled import LabelledSurvey

__all__ = ["Census", "cells_of", "census"]


@dataclass(frozen=True)
class Census:
    """How many interpreted, live samples of each class the cells of a window hold.

    Parameters
    ----------
    window
        What was counted.
    cell
        Positions of a cell on each axis; those at the far ends are smaller.
    counts
        Shape (\\*cells, N), int64, with the cells along each axis in order.
    """

    window: Window
    cell: tuple[int, ...]
    counts: NDArray[np.int64]

    @property
    def classes(self) -> NDArray[np.int64]:
        """Samples of each class in all of the window, shape (N,)."""
        total: NDArray[np.int64] = self.counts.reshape(-1, self.counts.shape[-1]).sum(axis=0)
        return total

    def box(self, at: int) -> Window:
        """The window of a cell, counted in C order."""
        index = np.unravel_index(at, self.counts.shape[:-1])
        start = tuple(a + int(i) * n for a, i, n in zip(self.window.start, index, self.cell, strict=True))
        return Window(start, tuple(a + n for a, n in zip(start, self.cell, strict=True))).within(self.window)


def census(
    image: NormalisedSurvey, labelled: LabelledSurvey, window: Window, cell: tuple[int, ...], *, scored: bool = False
) -> Work[Census]:
    """Count the labels of a window, or what scores count of them, some whole traces at a time.

    Raises
    ------
    SurveyError
        If the label has values that are no classes.
    """
    shape = cells_of(window, cell)
    counts = np.zeros((*shape, labelled.classes), np.int64)
    done = 0
    for at, column in _columns(window, cell):
        label = labelled.scored(column) if scored else labelled.labels(column)
        if (label >= 0).any():
            label = np.where(image.live(column), label, np.int8(-1))
            for index in range(labelled.classes):
                cells: Any = (*at, slice(None), index)
                counts[cells] = _sums(label == index, cell[-1])
        done += column.size
        yield Progress(done, window.size, "samples", stage=f"counting labels of {labelled.label.name}")
    return Census(window, cell, counts)


def cells_of(window: Window, cell: tuple[int, ...]) -> tuple[int, ...]:
    """Cells along each axis."""
    return tuple(-(-n // c) for n, c in zip(window.shape, cell, strict=True))


def _columns(window: Window, cell: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Window]]:
    """Cells that reach over all samples of their traces, with their places among the lateral cells."""
    for at in product(*map(range, cells_of(window, cell)[:-1])):
        start = tuple(a + i * n for a, i, n in zip(window.start, at, cell, strict=False))
        stop = tuple(a + n for a, n in zip(start, cell, strict=False))
        yield at, Window((*start, window.start[-1]), (*stop, window.stop[-1])).within(window)


def _sums(there: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """How many are True in each run of `length` samples, over all traces."""
    profile = there.reshape(-1, there.shape[-1]).sum(axis=0, dtype=np.int64)
    sums: NDArray[np.int64] = np.add.reduceat(profile, np.arange(0, len(profile), length))
    return sums
