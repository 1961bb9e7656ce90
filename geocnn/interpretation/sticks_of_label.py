"""Sticks of a label volume: what a network or an algorithm marked as fault, for interpretation systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.interpretation.picks import Floats
from geocnn.interpretation.tracing import SHORTEST, traced_sticks
from geocnn.survey.survey import FloatArray, Survey

__all__ = ["TracedLabel", "sticks_of_label"]

SLAB = 2**24
"""Samples that are read at once."""

MOST_CLASSES = 16
"""Whole numbers from which a volume is taken for percentages."""

STEP = 4
"""Samples from one node of a stick to the next."""

Picked = Literal["auto", "inline", "crossline"]


@dataclass(frozen=True)
class TracedLabel:
    """Faults of a label.

    Parameters
    ----------
    faults
        For each fault its sticks, arrays (n, 3) of positions.
    axis
        On what they were picked: ``inline`` or ``crossline``.
    """

    faults: list[list[Floats]]
    axis: str

    def __str__(self) -> str:
        sticks = sum(len(fault) for fault in self.faults)
        nodes = sum(len(stick) for fault in self.faults for stick in fault)
        counts = ((len(self.faults), "fault"), (sticks, "stick"), (nodes, "node"))
        said = ", ".join(f"{count:,} {what}{'' if count == 1 else 's'}" for count, what in counts)
        return f"{said}, picked on {self.axis}s"


def sticks_of_label(label: Survey, like: Survey, every: int = 4, axis: Picked = "auto") -> TracedLabel:
    """Sticks along the middle of the faults, value 1, of a label.

    Parameters
    ----------
    label, like
        The label, and the survey on whose grid it lies.
    every
        Lines from one picked line to the next.
    axis
        The lines that are picked; auto: those that more faults cross than run along.

    Raises
    ------
    SurveyError
        If the two have other grids, or the label holds something else than classes, or no fault.
    """
    _require_one_grid(label, like)
    fault = _faults(label)
    if not fault.any():
        raise SurveyError(
            f"no sample of {label.name} is 1",
            expected="a label whose faults are 1",
            do="check that it is the label, and its classes with geocnn inspect",
        )
    number = ("inline", "crossline").index(axis) if axis != "auto" else _crossed(fault)
    name = ("inline", "crossline")[number]
    faults = traced_sticks(fault.view(np.int8), every, STEP, number)
    if not faults:
        raise SurveyError(
            f"none of the {int(fault.sum()):,} samples of fault in {label.name} make a stick on every {every}th {name}",
            expected=f"faults that go on for at least {SHORTEST} samples along such a line",
            do="pick more lines with a smaller --every, or the others with --axis",
        )
    return TracedLabel(faults, name)


def _require_one_grid(label: Survey, like: Survey) -> None:
    """Refuse a label that does not lie on a survey, position by position."""
    for survey in (label, like):
        if [axis.name for axis in survey.grid.axes] != ["inline", "crossline", "sample"] or label.channels != 1:
            raise SurveyError(
                f"{survey.name} has {survey.grid} and {survey.channels} channels",
                expected="volumes of inlines, crosslines and samples, of one channel",
                do="name one label volume and the survey that it was made for",
            )
    for mine, its in zip(label.grid.axes, like.grid.axes, strict=True):
        counted = mine.name in label.counted | like.counted
        if mine.size != its.size or not (counted or _alike(mine, its)):
            raise SurveyError(
                f"{label.name} has {mine}, {like.name} has {its}",
                expected="a label on the grid of the survey",
                do="name the survey that the label was made for",
            )


def _alike(first: Axis, second: Axis) -> bool:
    apart = max(abs(first.first - second.first), abs(first.last - second.last))
    return apart <= 0.01 * abs(second.step)


def _faults(label: Survey) -> NDArray[np.bool_]:
    """Which samples are 1.

    Raises
    ------
    SurveyError
        If values are no classes.
    """
    fault = np.zeros(label.grid.shape, np.bool_)
    seen: set[float] = set()
    for window in label.grid.slabs(SLAB):
        values = label.read(window)[0]
        _require_classes(label, values, seen)
        fault[window.slices] = values == 1
    return fault & label.present[..., None]


def _require_classes(label: Survey, values: FloatArray, seen: set[float]) -> None:
    """Refuse fractions, and more whole numbers than a label has classes."""
    whole = np.isfinite(values) & (values == np.trunc(values))
    if not whole.all():
        raise SurveyError(
            f"{label.name} holds {int((~whole).sum()):,} values such as {values[~whole][0]:.3g}, which are no classes",
            expected="whole numbers, 1 where there is a fault: not probabilities",
            do="predict classes, with geocnn predict --content class",
        )
    seen.update(np.unique(values).tolist())
    if len(seen) > MOST_CLASSES:
        raise SurveyError(
            f"{label.name} holds {len(seen)} different whole numbers, from {min(seen):g} to {max(seen):g}",
            expected="a few classes, 1 where there is a fault: not probabilities in per cent, or amplitudes",
            do="predict classes, with geocnn predict --content class",
        )


def _crossed(fault: NDArray[np.bool_]) -> int:
    """0 if inlines cross the faults rather than crosslines, else 1: runs of fault are more, and shorter, across."""
    runs = [int(np.count_nonzero(fault.swapaxes(0, k)[1:] & ~fault.swapaxes(0, k)[:-1])) for k in (0, 1)]
    return 0 if runs[1] >= runs[0] else 1
