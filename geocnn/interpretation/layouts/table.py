"""The layouts of picks by their names."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from geocnn.interpretation.layouts import charisma, iesx, opendtect
from geocnn.interpretation.layouts.layout import Layout

__all__ = ["LAYOUTS", "SAMPLE", "looks_like"]

LAYOUTS: dict[str, Layout] = {
    "charisma-sticks": charisma.STICKS,
    "charisma-horizon": charisma.HORIZON,
    "opendtect-sticks": opendtect.STICKS,
    "opendtect-horizon": opendtect.HORIZON,
    "iesx-sticks": iesx.STICKS,
}
"""In the order in which they are tried."""

SAMPLE = 50
"""Lines by which a layout is told."""


def looks_like(lines: Sequence[str]) -> str | None:
    """The layout that most lines of a file are of, among some from its beginning to its end; at least half of them."""
    sample = lines[:: ceil(len(lines) / SAMPLE)]
    fitting = {name: sum(layout.read(line) is not None for line in sample) for name, layout in LAYOUTS.items()}
    best = max(fitting, key=lambda name: fitting[name])
    return best if 2 * fitting[best] >= len(sample) else None
