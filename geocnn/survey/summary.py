"""All that can be told of a survey, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from geocnn.survey.scan import Scan
from geocnn.survey.survey import Survey

__all__ = ["PERCENTILES", "summary"]

PERCENTILES = (1, 50, 99)


def summary(survey: Survey, found: Scan) -> dict[str, Any]:
    """What headers and one scan tell of a survey: lists, numbers and text that JSON can hold."""
    bins = survey.bins
    statistics = {
        key: [_finite(each) for each in value] if isinstance(value, list) else value
        for key, value in found.statistics.to_json().items()
    }
    return {
        "survey": survey.name,
        "file": dict(survey.description),
        "channels": survey.channels,
        "axes": [{**asdict(axis), "last": axis.last} for axis in survey.grid.axes],
        "domain": {**asdict(survey.domain), "unit": survey.domain.unit},
        "traces": _traces(survey, found),
        "samples": {
            "all": survey.grid.whole.size,
            "live": found.statistics.count,
            "null": found.null_count,
            "not_finite": asdict(found.not_finite) if found.not_finite else None,
        },
        "statistics": statistics,
        "percentiles": _percentiles(found),
        "bins": None
        if bins is None
        else {**asdict(bins), "size": bins.size, "azimuth": bins.azimuth, "right_handed": bins.right_handed},
        "text": [line for line in survey.text if line[3:].strip()],
        "remarks": list(survey.remarks),
    }


def _traces(survey: Survey, found: Scan) -> dict[str, int]:
    """Numbers of grid positions, of those without a trace, and of dead traces."""
    present = survey.present
    dead = int(np.count_nonzero((found.stop <= found.first) & present))
    return {"positions": present.size, "missing": present.size - int(present.sum()), "dead": dead}


def _percentiles(found: Scan) -> dict[str, list[float]]:
    """Percentiles of some thousand live samples, by channel."""
    if not found.sample.size:
        return {}
    values = np.percentile(found.sample.astype(np.float64), PERCENTILES, axis=1)
    return {str(p): row.tolist() for p, row in zip(PERCENTILES, values, strict=True)}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
