"""What decides on the result of a prediction, as plain data that people can read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from geocnn.model import Model
from geocnn.survey.content import split_name
from geocnn.survey.creating import names_of
from geocnn.survey.survey import Survey

__all__ = ["identity_of"]


def identity_of(models: Sequence[Model], survey: Survey, settings: dict[str, Any]) -> dict[str, Any]:
    """Models by their digests, files by path, size and time of change, how they are read, and settings.

    Two predictions of equal identity give the same result, but for the last bits, which the device, the number of
    threads and how the survey was cut decide on.
    """
    return {
        "model": [model.digest[:16] for model in models],
        "survey": [_told(name) for name in names_of(survey)],
        "axes": str(survey.grid),
        "vertical domain": survey.domain.name,
        "reading": dict(survey.description),
        "null": None if survey.null is None else str(survey.null),
        **settings,
    }


def _told(name: str) -> str:
    """``/data/f3.sgy, 1,234,567 bytes, changed 2024-05-01 12:00:00.123456``."""
    path, inside = split_name(name)
    try:
        state = path.stat()
    except OSError:
        return name
    changed = datetime.fromtimestamp(state.st_mtime_ns / 1e9, UTC).isoformat(sep=" ").removesuffix("+00:00")
    data_set = f":{inside}" if inside else ""
    return f"{path.absolute()}{data_set}, {state.st_size:,} bytes, changed {changed}"
