"""Measuring several ways of doing the same thing in turns, so that a noisy machine is as noisy to each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

__all__ = ["medians", "table"]


def medians(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each way over `rounds` turns; a way is called with the number of the turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(turn)
            seconds[name].append(time.perf_counter() - begin)
    return {name: median(values) for name, values in seconds.items()}


def table(title: str, seconds: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    """Medians, their ratio to geocnn's, and the ratio that was promised."""
    lines = [f"\n{title}"]
    for name, value in seconds.items():
        ratio = value / seconds["geocnn"]
        promise = (
            f"   promised ≥ {wanted[name]:g}: {'kept' if ratio >= wanted[name] else 'NOT KEPT'}"
            if name in wanted
            else ""
        )
        lines.append(f"  {name:34s} {1000 * value:10.2f} ms   {ratio:6.2f} × geocnn{promise}")
    return "\n".join(lines)
