"""Several surveys as the channels of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Window, overlap
from geocnn.survey.bins import Bins
from geocnn.survey.labelled import numbered_like
from geocnn.survey.survey import BoolArray, Coordinates, Extent, FloatArray, Survey

__all__ = ["StackedSurvey"]


class StackedSurvey(Survey):
    """Surveys over the same grid, stacked as channels in the order given.

    Raises
    ------
    SurveyError
        If their grids are not the same.
    """

    def __init__(self, surveys: Sequence[Survey]) -> None:
        first = next((survey for survey in surveys if not survey.counted), surveys[0])
        laid: list[str] = []
        for other in surveys:
            grid, remarks = numbered_like(first, other)
            laid += remarks
            windows = overlap(first.grid, grid, (first.name, other.name))
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
        self.remarks = (*(f"{survey.name}: {remark}" for survey in surveys for remark in survey.remarks), *laid)

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

    def inexact(self, window: Window) -> int:
        return sum(survey.inexact(window) for survey in self.surveys)

    @property
    def extent(self) -> Extent | None:
        """Samples that every channel has."""
        extents = [extent for survey in self.surveys if (extent := survey.extent) is not None]
        if not extents:
            return None
        first = np.max([extent[0] for extent in extents], axis=0)
        return first, np.maximum(first, np.min([extent[1] for extent in extents], axis=0))

    @property
    def coordinates(self) -> Coordinates | None:
        found = (survey.coordinates for survey in self.surveys)
        return next((coordinates for coordinates in found if coordinates is not None), None)

    @property
    def bins(self) -> Bins | None:
        found = (survey.bins for survey in self.surveys)
        return next((bins for bins in found if bins is not None), None)
