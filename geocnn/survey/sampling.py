"""A look at a survey in about a second: all of a small one, an even sample of a large one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

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

FEWEST = 8
"""Windows that are read however long it takes."""

RUN = 8
"""Neighbouring traces of a line that are read together."""

WIDE = (8, 64)
"""Lines, and traces of each, where a window takes long whatever it holds: compressed chunks, slow disks."""

SLOW = 0.01
"""Seconds that a window takes there."""

PLASTIC = 1.324717957244746
"""Solution of x³ = x + 1. Multiples of (1/x, 1/x²), without their whole parts, fill a square evenly however many there
are: Roberts, 2018, "The unreasonable effectiveness of quasirandom sequences"."""


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
        windows = sampled_windows(survey, present, (1, RUN))
        if _is_slow(survey, windows):
            windows = sampled_windows(survey, present, WIDE)
        part = Part(_in_time(windows), sum(prod(window.shape[:-1]) for window in windows), profile.add)
    found = yield from scan(survey, strict=False, part=part)
    done = int(np.count_nonzero(profile.seen)) * survey.grid.shape[-1]
    # There may have been no time for all windows: that is no work left undone.
    yield Progress(done, done, "samples", stage=f"scanning {survey.name}")
    return Look(found, profile, present)


def _is_slow(survey: Survey, windows: Sequence[Window]) -> bool:
    """Whether reading a window takes long; by two of them, since the first may also load what reads it."""
    taken = []
    for window in windows[:: max(1, len(windows) // 2)][:2]:
        since = time.monotonic()
        survey.read(window)
        taken.append(time.monotonic() - since)
    return min(taken, default=0) > SLOW


def sampled_windows(survey: Survey, present: BoolArray, run: tuple[int, int]) -> list[Window]:
    """Blocks of `run` neighbouring traces, evenly over the map of traces, so that any first part of them is even too.

    Blocks are aligned, as chunks of a file are, and hold at least one line with a trace of the file.
    """
    lateral, deep = survey.grid.lateral, survey.grid.shape[-1]
    traces = max(1, BUDGET // (4 * deep * survey.channels))
    blocks = _blocks(lateral, run, traces)
    shape = [-(-size // block) for size, block in zip(lateral, blocks, strict=True)]
    rows = _rows_with_traces(present, blocks)
    if not rows.size:
        return []
    number = np.arange(max(1, traces // prod(blocks)))
    row = rows[(number / PLASTIC % 1 * rows.size).astype(np.int64)]
    column = (number / PLASTIC**2 % 1 * shape[-1]).astype(np.int64)
    flat = np.array(list(dict.fromkeys((row * shape[-1] + column).tolist())))
    starts = np.stack(np.unravel_index(flat, shape), axis=1) * blocks
    stops = np.minimum(starts + blocks, lateral)
    return [Window((*start, 0), (*stop, deep)) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def _blocks(lateral: tuple[int, ...], run: tuple[int, int], traces: int) -> tuple[int, ...]:
    """Size of a block on each axis of the map: `run` on the last two, 1 before; `traces` at most."""
    along = min(run[1], lateral[-1], traces)
    lines = (min(run[0], lateral[-2], traces // along),) if len(lateral) > 1 else ()
    return (*(1,) * (len(lateral) - 2), *lines, along)


def _rows_with_traces(present: BoolArray, blocks: tuple[int, ...]) -> NDArray[np.int64]:
    """Numbers of the rows of blocks, over all axes but the last, that hold a trace."""
    held = present.any(axis=-1)
    for axis, block in enumerate(blocks[:-1]):
        held = np.logical_or.reduceat(held, np.arange(0, held.shape[axis], block), axis=axis)
    return np.flatnonzero(held)


def _in_time(windows: Sequence[Window]) -> Iterator[Window]:
    """The windows, as many as there is time for."""
    until = time.monotonic() + SECONDS
    for number, window in enumerate(windows):
        if number >= FEWEST and time.monotonic() > until:
            return
        yield window
