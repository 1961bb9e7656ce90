"""Numbers, sizes and times as the comments of a config say them."""

from __future__ import annotations

from collections.abc import Sequence

from geocnn.proposal.fingerprint import SurveyFound
from geocnn.records import crossed

__all__ = ["counted", "each_of", "extent", "percent", "power", "ratio", "size", "time_of"]


def percent(share: float) -> str:
    """0.0123 as ``1.2 %``; what is not all is never called 100 %."""
    if 0.995 < share < 1:
        return f"{min(99.99, 100 * share):.4g} %"
    return f"{100 * share:.0f} %" if share >= 1 else f"{100 * share:.2g} %"


def size(number: float, unit: str = "B") -> str:
    """1234567 as ``1.2 MB``."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            digits = f"{number / factor:.2g}" if number < 10 * factor else f"{number / factor:.0f}"
            return f"{digits} {prefix}{unit}"
    return f"{number:.0f} {unit}".rstrip()


def counted(count: int, noun: str) -> str:
    """``1 core``, ``4 cores``, ``2 classes``."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending * (count != 1)}"


def ratio(factor: float) -> str:
    """2.0 as ``2-fold``."""
    return f"{factor:.2g}-fold" if factor < 99 else "a hundredfold or more"


def each_of(values: Sequence[object]) -> str:
    """One value where all are alike, else ``3 × 4``."""
    return str(values[0]) if len(set(values)) == 1 else crossed(values)


def power(number: int, exponent: int) -> str:
    """262144 and 3 as ``64³``."""
    return f"{round(number ** (1 / exponent))}{'¹²³'[exponent - 1]}"


def time_of(seconds: float) -> str:
    """Seconds as minutes, hours or days."""
    for unit, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.0f} {name}"
    return "a minute"


def extent(survey: SurveyFound, patch: Sequence[int]) -> str:
    """What a patch measures, as far as is known: ``800 × 800 on the ground (units of the coordinates), 256 ms …``."""
    parts = []
    if survey.bins and len(patch) == 3:
        ground = crossed(f"{n * each:.4g}" for n, each in zip(patch, survey.bins, strict=False))
        parts.append(f"{ground} on the ground (units of the coordinates)")
    last = survey.grid.axes[-1]
    if last.unit:
        parts.append(f"{patch[-1] * abs(last.step):g} {last.unit} along {last.name}")
    return ", ".join(parts)
