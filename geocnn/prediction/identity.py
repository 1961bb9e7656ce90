"""What decides on the result of a prediction, as plain data that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geocnn.model import Model
from geocnn.survey.creating import names_of
from geocnn.survey.files import state_of_file
from geocnn.survey.survey import Survey

__all__ = ["identity_of"]


def identity_of(models: Sequence[Model], survey: Survey, settings: dict[str, Any]) -> dict[str, Any]:
    """Models by their digests, files by path, size and time of change, how they are read, and settings.

    Two predictions of equal identity give the same result, but for the last bits, which the device, the number of
    threads and how the survey was cut decide on.
    """
    return {
        "model": [model.digest[:16] for model in models],
        "survey": [state_of_file(name) for name in names_of(survey)],
        "axes": str(survey.grid),
        "vertical domain": survey.domain.name,
        "reading": dict(survey.description),
        "null": None if survey.null is None else str(survey.null),
        **settings,
    }
