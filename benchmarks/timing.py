"""Measuring several ways of doing the same thing in turns, so that a noisy machine is as noisy to each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

__all__ = ["Report", "medians"]


def medians(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each way over `rounds` turns; a way is called with the number of the turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(turn)
            seconds[name].append(time.perf_counter() - begin)
    return {name: median(values) for name, values in seconds.items()}


class Report:
    """What was measured, printed as it comes, and how many promises were not kept."""

    def __init__(self) -> None:
        self.broken = 0

    def ratios(self, title: str, seconds: Mapping[str, float], least: Mapping[str, float]) -> None:
        """Medians, their ratios to geocnn's, and the least ratios that are promised."""
        print(f"\n{title}")
        for name, value in seconds.items():
            ratio = value / seconds["geocnn"]
            promise = self._verdict(ratio >= least[name], f"≥ {least[name]:g} ×") if name in least else ""
            print(f"  {name:34s} {1000 * value:10.2f} ms   {ratio:6.2f} × geocnn{promise}")

    def least(self, title: str, value: float, unit: str, goal: float) -> None:
        """A figure, and the least that it may be; without a promise if that is 0."""
        promise = self._verdict(value >= goal, f"≥ {goal:g} {unit}") if goal else ""
        print(f"{title}: {value:.3g} {unit}{promise}")

    def value(self, title: str, value: float, unit: str, most: float) -> None:
        """A figure, and the most that it may be."""
        print(f"\n{title}: {value:.3g} {unit}{self._verdict(value <= most, f'≤ {most:g} {unit}')}")

    def _verdict(self, kept: bool, promise: str) -> str:
        self.broken += not kept
        return f"   promised {promise}: {'kept' if kept else 'NOT KEPT'}"
