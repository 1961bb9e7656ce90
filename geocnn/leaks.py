"""Leaks: validation samples that training sees through another pair of the same survey or label."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.ndimage import distance_transform_cdt

from geocnn.config import Config
from geocnn.errors import Fault
from geocnn.grid import Window
from geocnn.interpretation.label import PickedLabel
from geocnn.settings import BlockConfig
from geocnn.survey.labelled import LabelledSurvey, Windows
from geocnn.survey.survey import BoolArray

__all__ = ["check_leaks"]


def check_leaks(config: Config, training: Windows, validation: Windows, faults: list[Fault]) -> None:
    """Refuse validation samples that training sees through another pair of the same survey or label."""
    rule = config.record.data.validation
    gap = rule.gap if isinstance(rule, BlockConfig) else BlockConfig().gap
    for (drawn, window), (scored, block) in product(training, validation):
        same = drawn.image.name == scored.image.name or drawn.label.name == scored.label.name
        if not same or drawn.grid != scored.grid:
            continue
        between = _between((drawn, window), (scored, block), gap)
        if between < gap:
            do = "name each survey once, lines further apart, or hold out another survey"
            if any(isinstance(each.label, PickedLabel) for each in (drawn, scored)):
                do = "picks count on all lines: hold out a block, validation: {block: 0.2}"
            faults.append(
                config.fault(
                    ("data", "validation"),
                    f"{scored.image.name} is validated on {block} with labels of {scored.label.name}, and trained on "
                    f"{window} as {drawn.image.name} with labels of {drawn.label.name}: {between} positions between "
                    "interpreted traces of the two",
                    expected=f"at least {gap} positions between training and validation of one survey",
                    do=do,
                )
            )


def _between(trained: tuple[LabelledSurvey, Window], held: tuple[LabelledSurvey, Window], gap: int) -> int:
    """Positions between interpreted traces of two windows of one survey where they are nearest; or the gap, if more."""
    if _apart(trained[1], held[1]) >= gap:
        return gap
    first, second = (_interpreted(*each) for each in (trained, held))
    if not (first.any() and second.any()):
        return gap
    if not first.ndim:
        return 0
    return min(gap, max(0, int(distance_transform_cdt(~first, "chessboard")[second].min()) - 1))


def _interpreted(labelled: LabelledSurvey, window: Window) -> BoolArray:
    """The traces of a window that someone looked at, as far as the config tells; shape `grid.lateral`."""
    traces = np.zeros(labelled.grid.lateral, np.bool_)
    traces[window.slices[:-1]] = True
    told = labelled.label.interpreted
    return traces & told if told is not None and labelled.label.grid == labelled.grid else traces


def _apart(first: Window, second: Window) -> int:
    """Positions between two windows along the axis where they are furthest apart; negative where they overlap."""
    axes = zip(first.start, first.stop, second.start, second.stop, strict=True)
    return max(max(c - b, a - d) for a, b, c, d in axes)
