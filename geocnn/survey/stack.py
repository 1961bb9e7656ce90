"""Several surveys as the channels of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Window, overlap
from geocnn.survey.bins import Bins
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["StackedSurvey"]


class StackedSurvey(Survey):
    """Surveys over the same grid, stacked as channels in the order given.

    Raises
    ------
    SurveyError
        If their grids are not the same.
    """

    def __init__(self, surveys: Sequence[Survey]) -> None:
        first = surveys[0]
        for other in surveys[1:]:
            windows = overlap(first.grid, other.grid, (first.name, other.name))
            if windows != (first.grid.whole, other.grid.whole):
                raise SurveyError(
                    f"{first.name} and {other.name} cover different parts: {first.grid} against {other.grid}",
                    expected="the same grid for all channels of an image",
                    do="cut the surveys to a common grid",
                )
        self.surveys = tuple(surveys)
        self.name = " + ".join(survey.name for survey in surveys)
        self.grid = first.grid
        self.channels = sum(survey.channels for survey in surveys)
        self.domain = first.domain
        self.null = first.null
        self.counted = first.counted
        self.remarks = tuple(f"{survey.name}: {remark}" for survey in surveys for remark in survey.remarks)

    def read(self, window: Window) -> FloatArray:
        return np.concatenate([survey.read(window) for survey in self.surveys])

    @property
    def present(self) -> BoolArray:
        """Positions where every channel has a trace."""
        return np.asarray(np.stack([survey.present for survey in self.surveys]).all(axis=0))

    @property
    def description(self) -> Mapping[str, str]:
        return {
            f"channel {number}, {subject}": words
            for number, survey in enumerate(self.surveys)
            for subject, words in {"file": survey.name, **survey.description}.items()
        }

    @property
    def text(self) -> tuple[str, ...]:
        return self.surveys[0].text

    @property
    def bins(self) -> Bins | None:
        return self.surveys[0].bins
