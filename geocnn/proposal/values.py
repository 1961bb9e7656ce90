"""What values a label has, window by window, and whether they are classes."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.proposal.fingerprint import PARTS, VALUES
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["LabelValues"]

HIGHEST = VALUES - 2


class LabelValues:
    """Counts of the values of a label, and what is no class among them.

    Parameters
    ----------
    name
        What the user calls the label.
    shape
        Positions of the part of the survey that it covers.

    Attributes
    ----------
    counts
        Live samples of each value, shape (VALUES,).
    along
        The same by parts of each lateral axis, shape (PARTS, VALUES) each.
    highest
        The highest value, wherever it stands: training reads labels of dead traces too.
    """

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name = name
        self.counts = np.zeros(VALUES, np.int64)
        self.along = tuple(np.zeros((PARTS, VALUES), np.int64) for _ in shape[:-1])
        self.highest = -1
        self._shape = shape
        self._odd: set[float] = set()
        self._low, self._high = inf, -inf
        # By axis: samples above 0 that have a neighbour before them, and those of them that begin a run.
        self._inside, self._starts = np.zeros(len(shape)), np.zeros(len(shape))

    def add(self, start: tuple[int, ...], values: FloatArray, live: BoolArray) -> None:
        """Add a window that starts at a position of the covered part: values (\\*w), live samples (\\*w)."""
        with np.errstate(invalid="ignore"):
            right = (values >= -1) & (values <= HIGHEST) & (values == np.rint(values))
        if not right.all():
            self._note_odd(values[~right], values)
            return
        self.highest = max(self.highest, int(values.max()))
        classes = np.where(live, values, -1).astype(np.int64) + 1
        here = np.bincount(classes[live], minlength=VALUES)
        self.counts += here
        for axis, table in enumerate(self.along):
            self._add_along(axis, start[axis], classes, live, table)
        self._add_runs(classes > 1)

    def _note_odd(self, odd: FloatArray, told: FloatArray) -> None:
        self._odd.update(np.unique(odd)[:8].tolist())
        finite = told[np.isfinite(told)]
        if finite.size:
            self._low, self._high = min(self._low, float(finite.min())), max(self._high, float(finite.max()))

    def _add_along(
        self, axis: int, start: int, classes: NDArray[np.int64], live: BoolArray, table: NDArray[np.int64]
    ) -> None:
        """Add to the counts by parts of an axis."""
        part = (np.arange(start, start + classes.shape[axis]) * PARTS) // self._shape[axis]
        column = part.reshape([-1 if k == axis else 1 for k in range(classes.ndim)])
        flat = (column * VALUES + classes)[live]
        table += np.bincount(flat, minlength=PARTS * VALUES).reshape(PARTS, VALUES)

    def _add_runs(self, above: BoolArray) -> None:
        """Add to the runs of what is above 0 along each axis."""
        for axis in range(above.ndim):
            later, before = np.moveaxis(above, axis, 0)[1:], np.moveaxis(above, axis, 0)[:-1]
            self._inside[axis] += np.count_nonzero(later)
            self._starts[axis] += np.count_nonzero(later & ~before)

    @property
    def widths(self) -> tuple[float, ...]:
        """Mean length of the runs of classes above 0 along each axis; infinite where none begins.

        Notes
        -----
        Of a long line, a share f of the samples lies in runs and a share f/L of them begins one, L being the mean
        length; both are counted where there is a neighbour before, so that windows need not hold whole runs.
        """
        pairs = zip(self._inside, self._starts, strict=True)
        return tuple(float(inside / starts) if starts else inf for inside, starts in pairs)

    def require_classes(self) -> None:
        """Refuse a label that is a probability, a mask of 0 and 255, or anything else that is no class.

        Raises
        ------
        SurveyError
            With the values and what they probably are.
        """
        if not self._odd:
            return
        example = ", ".join(f"{value:g}" for value in sorted(self._odd)[:3])
        found = f"label {self.name} has values that are no classes, such as {example}"
        expected = f"whole numbers: 0 to {HIGHEST} for the classes, -1 where nobody looked"
        raise SurveyError(found, expected, self._advice())

    def _advice(self) -> str:
        odd = {value for value in self._odd if np.isfinite(value)}
        if any(value != np.rint(value) for value in odd) and self._low >= 0 and self._high <= 1:
            return (
                "it looks like a probability: write 1 where it is above a threshold such as 0.5 and 0 elsewhere "
                "(geocnn predict --content classes writes classes at once)"
            )
        if odd == {255.0}:
            return "it looks like a mask of 0 and 255: write 1 for 255"
        if not odd or min(odd) < -1 or max(odd) > 1e6:
            return "write -1 where the label has no value (nulls such as -999.25, nan or 1e30)"
        return "number the classes 0, 1, 2 …; is it the label, and not the image or a horizon's times?"
