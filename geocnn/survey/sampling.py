"""A look at a survey in about a second: all of a small one, an even sample of a large one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from geocnn.grid import Window
from geocnn.progress import Progress, Work
from geocnn.survey.profile import Profile
from geocnn.survey.scan import SLAB, Part, Scan, scan
from geocnn.survey.survey import BoolArray, Survey

__all__ = ["Look", "Mutes", "look", "sampled_windows"]

SMALL = 64_000_000
"""Bytes of float32 samples up to which a survey is looked at as a whole."""

BUDGET = 16_000_000
"""Bytes of float32 samples that are read of a larger one."""

SECONDS = 0.8
"""Time after which no further window is read, as on slow disks."""

FEWEST = 16
"""Windows that are read however long it takes."""

RUN = 8
"""Neighbouring traces that are read together."""

GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole parts, lie evenly however many there are."""


@dataclass(frozen=True)
class Mutes:
    """Constant or missing samples at the ends of live traces.

    Parameters
    ----------
    share
        Of the samples of the live traces.
    top, bottom
        Samples above and below the live ones, median over the live traces.
    """

    share: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Look:
    """What was seen of a survey.

    Parameters
    ----------
    scan, profile
        Of the traces that were read.
    present
        Which traces the file holds, shape `grid.lateral`.
    """

    scan: Scan
    profile: Profile
    present: BoolArray

    @property
    def traces(self) -> int:
        """Traces of the file that were read."""
        return int(np.count_nonzero(self.read))

    @property
    def whole(self) -> bool:
        """Whether everything was read."""
        return bool(self.profile.seen.all())

    @property
    def read(self) -> BoolArray:
        """Which traces the file holds and were read, shape `grid.lateral`."""
        return np.asarray(self.profile.seen & self.present)

    @property
    def live(self) -> BoolArray:
        """Which traces were read and have a live sample, shape `grid.lateral`."""
        return np.asarray(self.read & (self.scan.stop > self.scan.first))

    @property
    def mutes(self) -> Mutes | None:
        """What is constant at the ends of the live traces; None if nothing is, or for labels and images."""
        if self.profile.classes is not None:
            return None
        live, size = self.live, self.profile.survey.grid.shape[-1]
        first, stop = self.scan.first[live], self.scan.stop[live]
        muted = int(first.sum(dtype=np.int64) + (size - stop).sum(dtype=np.int64))
        if not muted:
            return None
        return Mutes(muted / (first.size * size), float(np.median(first)), float(np.median(size - stop)))


def look(survey: Survey, whole: bool = False) -> Work[Look]:
    """Look at a survey: at all of it if that takes no longer than a second, else at an even sample of its traces.

    Parameters
    ----------
    whole
        Look at all of it in any case.
    """
    profile = Profile(survey)
    present = survey.present
    if whole or survey.grid.whole.size * survey.channels * 4 <= SMALL or survey.grid.ndim < 2:
        slabs = list(survey.grid.slabs(SLAB)) if survey.grid.ndim > 1 else [survey.grid.whole]
        part = Part(slabs, prod(survey.grid.lateral), profile.add)
    else:
        windows = sampled_windows(survey, present)
        part = Part(_in_time(windows), sum(prod(window.shape[:-1]) for window in windows), profile.add)
    found = yield from scan(survey, strict=False, part=part)
    done = int(np.count_nonzero(profile.seen)) * survey.grid.shape[-1]
    # There may have been no time for all windows: that is no work left undone.
    yield Progress(done, done, "samples", stage=f"scanning {survey.name}")
    return Look(found, profile, present)


def sampled_windows(survey: Survey, present: BoolArray) -> list[Window]:
    """Runs of neighbouring traces, evenly over the map of traces, so that any first part of them is even too."""
    lateral, deep = survey.grid.lateral, survey.grid.shape[-1]
    traces = max(1, BUDGET // (4 * deep * survey.channels))
    run = min(RUN, traces, lateral[-1])
    columns = -(-lateral[-1] // run)
    rows = np.flatnonzero(present.reshape(-1, lateral[-1]).any(axis=1))
    if not rows.size:
        return []
    number = np.arange(max(1, traces // run))
    # Two steps that have no common measure: rows and columns are filled evenly, and not along diagonals.
    row = rows[(number * GOLDEN % 1 * rows.size).astype(np.int64)]
    column = (number * GOLDEN**2 * 2**0.5 % 1 * columns).astype(np.int64)
    picked = dict.fromkeys(zip(row.tolist(), column.tolist(), strict=True))
    return [_window(survey, row, column * run, run) for row, column in picked]


def _window(survey: Survey, row: int, start: int, run: int) -> Window:
    """Whole traces of a row of the map of traces; rows are counted over all axes but the last of the map."""
    *outer, last = survey.grid.lateral
    place = tuple(int(i) for i in np.unravel_index(row, outer)) if outer else ()
    return Window((*place, start, 0), (*(i + 1 for i in place), min(start + run, last), survey.grid.shape[-1]))


def _in_time(windows: Sequence[Window]) -> Iterator[Window]:
    """The windows, as many as there is time for."""
    until = time.monotonic() + SECONDS
    for number, window in enumerate(windows):
        if number >= FEWEST and time.monotonic() > until:
            return
        yield window
