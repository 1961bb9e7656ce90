"""Numbers, sizes and times as the comments of a config say them."""

from __future__ import annotations

from geocnn.proposal.fingerprint import SurveyFound

__all__ = ["amount", "distance", "percent", "ratio", "size", "time_of"]


def percent(share: float) -> str:
    """0.0123 as ``1.2 %``."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %" if share == 1 else f"{100 * share:.4g} %"


def size(number: float, unit: str = "B") -> str:
    """1234567 as ``1.2 MB``."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return (
                f"{number / factor:.2g} {prefix}{unit}"
                if number < 10 * factor
                else f"{number / factor:.0f} {prefix}{unit}"
            )
    return f"{number:.0f} {unit}".rstrip()


def amount(count: int, noun: str) -> str:
    """A count and what is counted."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def ratio(factor: float) -> str:
    """2.0 as ``2-fold``."""
    return f"{factor:.2g}-fold" if factor < 100 else "over 100-fold"


def time_of(seconds: float) -> str:
    """Seconds as minutes, hours or days."""
    for unit, name in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.0f} {name}s"
    return "a minute"


def distance(survey: SurveyFound, axis: int, positions: int) -> str:
    """What so many positions along an axis measure, with the unit; empty where that is unknown."""
    of_axis = survey.grid.axes[axis]
    if of_axis.unit:
        return f"{positions * abs(of_axis.step):g} {of_axis.unit}"
    if survey.bins and survey.grid.ndim == 3 and axis < 2:
        return f"{positions * survey.bins[axis]:.4g} (coordinate units)"
    return ""
