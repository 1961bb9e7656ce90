"""An image and its labels, matched by line numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Grid, Window, overlap
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["LabelledSurvey", "Windows", "numbered_like"]


class LabelledSurvey:
    """A survey with a class for each sample.

    Parameters
    ----------
    image, label
        Surveys with the same axes; their extents may differ.
    classes
        Number of classes; labels are 0 to classes − 1, and −1 where nobody interpreted.
    scored
        What scores count instead of the label, on its grid: picks reach beyond the lines that were interpreted, what
        is no pick does not, so that together they would tell another share of faults than there is.

    Attributes
    ----------
    grid
        The image's.
    covered
        The part of the image, in its positions, that the label's grid covers.
    remarks
        What the user must know of the match.

    Raises
    ------
    SurveyError
        If the two do not fall on each other, or do not overlap.
    """

    def __init__(self, image: Survey, label: Survey, classes: int, scored: Survey | None = None) -> None:
        if label.channels != 1:
            raise SurveyError(
                f"label {label.name} has {label.channels} channels", expected="1", do="name one data set as the label"
            )
        self.image = image
        self.label = label
        self._scored = label if scored is None else scored
        self.classes = classes
        self.grid = image.grid
        label_grid, self.remarks = numbered_like(image, label)
        self.covered, start = overlap(image.grid, label_grid, (image.name, label.name))
        # What must be added to positions of the image to get positions of the label.
        self._offset = tuple(b - a for a, b in zip(self.covered.start, start.start, strict=True))

    def labels(self, window: Window) -> NDArray[np.int8]:
        """Classes in a window of the image, shape `window.shape`; −1 where not interpreted or not covered.

        Raises
        ------
        SurveyError
            If the label has other values than −1 to classes − 1.
        """
        return self._read(self.label, window)

    def scored(self, window: Window) -> NDArray[np.int8]:
        """As `labels`, of what scores count."""
        return self._read(self._scored, window)

    def _read(self, label: Survey, window: Window) -> NDArray[np.int8]:
        labels = np.full(window.shape, -1, np.int8)
        inside = window.within(self.covered)
        if inside.size == 0:
            return labels
        source = inside.shifted(self._offset)
        values = label.read(source)[0]
        self._require_classes(values, source)
        values[~self._held[source.slices[:-1]]] = -1
        target = inside.shifted(tuple(-a for a in window.start))
        labels[target.slices] = values.astype(np.int8)
        return labels

    @cached_property
    def _held(self) -> BoolArray:
        """Traces that the label has; kept, because files make it anew each time."""
        return self.label.present

    def _require_classes(self, values: FloatArray, window: Window) -> None:
        """Refuse labels that are no class, naming the first value and its place."""
        legal = (values >= -1) & (values < self.classes) & (values == np.trunc(values))
        if legal.all():
            return
        first = tuple(int(i) for i in np.argwhere(~legal)[0])
        axes = zip(self.label.grid.axes, window.start, first, strict=True)
        place = ", ".join(f"{axis.name} {axis.label(start + i):g}" for axis, start, i in axes)
        raise SurveyError(
            f"label {self.label.name} has the value {values[first]:g} at {place}, and {np.sum(~legal):,} like it "
            "around",
            expected=f"whole numbers from 0 to {self.classes - 1} ({self.classes} classes), or -1: not interpreted",
            do="list as many classes as the label has, or correct the label",
        )


Windows = tuple[tuple[LabelledSurvey, Window], ...]
"""Surveys, each with a window of its positions."""


def numbered_like(image: Survey, label: Survey) -> tuple[Grid, tuple[str, ...]]:
    """The label's grid, with the image's axes where one of the two files has no labels of positions.

    Raises
    ------
    SurveyError
        If such axes differ in size, so that nothing tells how they lie.
    """
    if [axis.name for axis in image.grid.axes] != [axis.name for axis in label.grid.axes]:
        return label.grid, ()
    axes, taken = [], []
    for of_image, axis in zip(image.grid.axes, label.grid.axes, strict=True):
        if axis.name not in image.counted | label.counted or axis == of_image:
            axes.append(axis)
            continue
        if axis.size != of_image.size:
            bare = label if axis.name in label.counted else image
            raise SurveyError(
                f"{bare.name} has no {axis.name} numbers, and {image.name} and {label.name} have different sizes: "
                f"{of_image.size} against {axis.size} {axis.name}s",
                expected="the same size where one of them has no numbers",
                do=f"add a data set {axis.name!r} with the numbers to the HDF5 file, or cut the label to the image",
            )
        axes.append(replace(of_image))
        taken.append(axis.name)
    remark = f"{label.name} was laid on {image.name} by position along {', '.join(taken)}: one of them has no numbers"
    return Grid(tuple(axes)), (remark,) if taken else ()
