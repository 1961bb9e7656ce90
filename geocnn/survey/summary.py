"""All that can be told of a survey, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from geocnn.survey.bins import Bins
from geocnn.survey.diagnosis import diagnose
from geocnn.survey.livemap import live_map
from geocnn.survey.sampling import Look
from geocnn.survey.statistics import Statistics
from geocnn.survey.survey import Survey

__all__ = ["PERCENTILES", "summary"]

PERCENTILES = (1, 50, 99)


def summary(survey: Survey, seen: Look) -> dict[str, Any]:
    """What headers and a look at the samples tell of a survey: lists, numbers and text that JSON can hold."""
    found, profile = seen.scan, seen.profile
    return {
        "survey": survey.name,
        "file": dict(survey.description),
        "channels": survey.channels,
        "axes": [{**asdict(axis), "last": axis.last} for axis in survey.grid.axes],
        "domain": {**asdict(survey.domain), "unit": survey.domain.unit},
        "traces": _traces(seen),
        "samples": {
            "all": survey.grid.whole.size,
            "seen": seen.profile.seen.sum().item() * survey.grid.shape[-1],
            "live": found.statistics.count,
            "null": found.null_count,
            "inexact": profile.inexact,
            "not_finite": asdict(found.not_finite) if found.not_finite else None,
        },
        "statistics": _statistics(found.statistics),
        "percentiles": _percentiles(seen),
        "extremes": {
            name: [{"value": _finite(end.value), "samples": end.count} for end in ends]
            for name, ends in (("lowest", profile.lowest), ("highest", profile.highest))
        },
        "gain": asdict(profile.gain) if profile.gain else None,
        "mutes": asdict(seen.mutes) if seen.mutes else None,
        "classes": None if profile.classes is None else {str(key): n for key, n in profile.classes.items()},
        "bins": _bins(survey, survey.bins),
        "map": asdict(shown) if (shown := live_map(survey, seen)) else None,
        "text": [line for line in survey.text if line[3:].strip()],
        "odd": [asdict(each) for each in diagnose(survey, seen)],
        "remarks": list(survey.remarks),
    }


def _traces(seen: Look) -> dict[str, int]:
    """Numbers of grid positions, of those without a trace, of traces looked at, and of the dead ones among them."""
    present, read = int(np.count_nonzero(seen.present)), seen.traces
    return {
        "positions": seen.present.size,
        "missing": seen.present.size - present,
        "seen": read,
        "dead": read - int(np.count_nonzero(seen.live)),
    }


def _statistics(statistics: Statistics) -> dict[str, Any]:
    return {
        key: [_finite(each) for each in value] if isinstance(value, list) else value
        for key, value in statistics.to_json().items()
    }


def _percentiles(seen: Look) -> dict[str, list[float]]:
    """Percentiles of some thousand live samples, by channel."""
    sample = seen.scan.sample
    if not sample.size:
        return {}
    values = np.percentile(sample.astype(np.float64), PERCENTILES, axis=1)
    return {str(p): row.tolist() for p, row in zip(PERCENTILES, values, strict=True)}


def _bins(survey: Survey, bins: Bins | None) -> dict[str, Any] | None:
    """Bins, with what follows of them."""
    if bins is None:
        return None
    corners: Sequence[tuple[float, float]] = bins.corners(*survey.grid.lateral)
    return {
        **asdict(bins),
        "size": bins.size,
        "azimuth": bins.azimuth,
        "right_handed": bins.right_handed,
        "corners": [list(corner) for corner in corners],
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
