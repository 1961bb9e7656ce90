"""Validation: exact prediction of what is held out, scored as evaluate scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.device import Device
from geocnn.grid import Grid, Window
from geocnn.metrics import Scores, scorer
from geocnn.network.build import Network
from geocnn.prediction.choice import probability_slabs
from geocnn.progress import Progress, Work
from geocnn.survey.survey import FloatArray
from geocnn.training.data import Held

__all__ = ["Panel", "Validated", "validate"]


@dataclass(frozen=True)
class Panel:
    """What is shown of a validation window, its plane with most labels if it is a volume.

    Samples, labels and probabilities have shape (X, S); `grid` is the plane's.
    """

    image: FloatArray
    label: NDArray[np.int8]
    probability: FloatArray
    grid: Grid


@dataclass(frozen=True)
class Validated:
    """What exact prediction of the validation data scored after `step` steps, and whether it is the best so far."""

    step: int
    scores: Scores
    panel: Panel
    is_best: bool = True


def validate(
    network: Network, patch: Sequence[int], held: Sequence[Held], device: Device
) -> Work[tuple[Scores, Panel]]:
    """Scores of all held windows together, and a panel of the first."""
    counting = scorer(held[0].labelled.classes)
    done, total = 0, sum(each.window.size for each in held)
    drawing = _Drawing(_shown(held[0]))
    # At the start, too: the first slab of a large window takes a while.
    yield Progress(done, total, "samples", stage="validating")
    for number, each in enumerate(held):
        for slab, probability in probability_slabs(network, patch, each.image, each.window, device):
            samples, live = each.image.both(slab)
            label = np.where(live, each.labelled.scored(slab), np.int8(-1))
            counting.add(probability, label)
            if number == 0:
                drawing.add(slab, (samples[0], label, probability[-1]))
            done += slab.size
            yield Progress(done, total, "samples", stage="validating")
        counting.end_window()
    return counting.scores(), drawing.panel(held[0].image.grid)


def _shown(held: Held) -> Window:
    """The plane of a volume, along its first axis, with most samples of the classes but the first.

    Where there are none, the one with most that are interpreted; the middle one of equals. All of what is flatter.
    """
    within = held.window
    if len(within.shape) < 3:
        return within
    lines = held.census.counts.reshape(within.shape[0], -1)
    rare = lines[:, 1:].sum(axis=1)
    most = rare if rare.any() else lines.sum(axis=1)
    best = np.flatnonzero(most == most.max())
    at = within.start[0] + int(best[len(best) // 2])
    return Window((at, *within.start[1:]), (at + 1, *within.stop[1:]))


@dataclass
class _Drawing:
    """The parts of a plane that slabs bring."""

    plane: Window
    parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def add(self, slab: Window, values: Iterable[NDArray[Any]]) -> None:
        """Keep of each array, of the shape of the slab, what lies in the plane."""
        shown = slab.within(self.plane)
        if shown.size:
            at = shown.shifted([-start for start in slab.start]).slices
            self.parts.append(tuple(each[at] for each in values))

    def panel(self, grid: Grid) -> Panel:
        """The whole plane, from parts that came in order."""
        flat = [np.concatenate(part).reshape(-1, self.plane.shape[-1]) for part in zip(*self.parts, strict=True)]
        return Panel(flat[0], flat[1], flat[2], grid.part(self.plane))
