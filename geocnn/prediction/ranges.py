"""Ranges of a survey computed and written, each from where its journal ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import torch

from geocnn.device import Device, is_out_of_memory
from geocnn.errors import RunError, Stopped
from geocnn.grid import Window
from geocnn.interrupt import StopRequest
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.content import Content
from geocnn.prediction.job import Going, Job, peeked
from geocnn.prediction.journal import Counts, Journal, Layout
from geocnn.prediction.passes import Cut, Part, Pass, Times, Underway
from geocnn.prediction.tiles import memory_words, planes_of
from geocnn.prediction.writing import PartWriter
from geocnn.progress import Progress, Remark, Work
from geocnn.survey.survey import SurveyWriter

__all__ = ["Budget", "Finished", "RangeWork"]


@dataclass
class Finished:
    """What a run has done so far.

    Parameters
    ----------
    samples, counts
        Of the ranges that it answers for.
    computed
        How many of the samples it computed itself; the others were there already.
    plans
        How, in words.
    """

    samples: int = 0
    counts: Counts = field(default_factory=Counts)
    computed: int = 0
    plans: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """Bytes of memory that a pass may take; whether the user said so, or that much was free."""

    size: int
    is_told: bool = False

    def change(self, planned: int) -> str:
        """``less`` or ``more`` if what was planned for so many bytes is to be planned anew; else nothing.

        What is free changes from run to run; that alone is no reason to plan anew, with other last bits.
        """
        if planned > (self.size if self.is_told else 2 * self.size):
            return "less"
        return "more" if self.is_told and planned < self.size else ""


@dataclass(frozen=True)
class RangeWork:
    """All that it takes to compute ranges of a job.

    Parameters
    ----------
    job, going
        The job, and which of its ranges are this process's.
    over, budget
        The pass, and the memory that it may take.
    image
        The survey; it tells which samples are live.
    writers, content
        The job's files, and what goes into them.
    device, times
        Where it is computed, and where seconds are counted.
    stop
        Whether to end early.
    """

    job: Job
    going: Going
    over: Pass
    budget: Budget
    image: NormalisedSurvey
    writers: Sequence[SurveyWriter]
    content: Content
    device: Device
    times: Times
    stop: StopRequest

    def run(self, finished: Finished) -> Work[None]:
        """Compute this process's range; when going on, then all others that nobody is at.

        Raises
        ------
        Stopped
            If a signal asked to; all that was computed is saved.
        RunError
            If another process is at this one's range.
        """
        own, count = self.going.place[0], len(self.job.ranges)
        others = self.going.resume and self.going.part is None
        for number in range(own, own + (count if others else 1)):
            yield from self._if_free(number % count, finished)

    def _if_free(self, number: int, finished: Finished) -> Work[None]:
        """One range, unless another process is at it; when going on, that may be."""
        if number != self.going.place[0]:
            # Who only looks takes no lock, which would keep the range from those whose own it is.
            with peeked(self.job.journal(number)) as journal:
                if journal.complete and self.going.process.count > 1:
                    return
        with closing(Journal(self.job.journal(number))) as journal:
            if journal.take():
                yield from self._range(number, journal, finished)
            elif self.going.process.count > 1 and self.going.resume:
                yield Remark(f"another process has taken over {self._name(number)}")
            elif number == self.going.place[0]:
                raise RunError(
                    f"another process is at work on {self._name(number)} of {self.job.folder}",
                    expected="one process for each part",
                    do="wait for it or stop it; --resume goes on with what it leaves",
                )

    def _range(self, number: int, journal: Journal, finished: Finished) -> Work[None]:
        """One range, from where its journal ends."""
        window = self._window(number)
        if journal.layout is None:
            yield from self._lay(journal, [window], self.budget.size, finished)
        elif self.going.resume or not journal.complete:
            yield from self._check(journal)
            if not journal.complete:
                yield from self._take_up(number, journal, window, finished)
        there = journal.samples
        while not journal.complete:
            try:
                yield from self._tiles(journal, window, self._name(number))
                journal.complete_range()
                break
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                less = journal.layout.memory // 2 if journal.layout else 0
            finally:
                finished.computed += journal.samples - there
                there = journal.samples
            gc.collect()
            if self.device.kind == "cuda":
                torch.cuda.empty_cache()
            yield Remark(f"out of memory on {self.device.kind}: going on with half of it, {memory_words(less)}")
            yield from self._lay(journal, list(self._left(journal)), less, finished)
        finished.samples += window.size
        finished.counts += journal.counts

    def _lay(self, journal: Journal, boxes: Sequence[Window], memory: int, finished: Finished) -> Work[None]:
        """Cut what is left of a range into tiles."""
        cuts = [self.over.cut(box, memory) for box in boxes]
        cut = _joint(cuts, boxes)
        journal.lay(Layout(cut.tiles, self.device.kind, torch.get_num_threads(), memory))
        finished.plans += (cut.words,)
        yield Remark(cut.words)

    def _left(self, journal: Journal) -> Iterator[Window]:
        """What is left of a range, as boxes."""
        number, front = journal.reached
        for tile in journal.layout.tiles[number:] if journal.layout else ():
            start = tile.core.start[tile.axis] if front is None else front
            yield planes_of(tile.core, tile.axis, start, tile.core.stop[tile.axis])
            front = None

    def _check(self, journal: Journal) -> Work[None]:
        """Go back to before the first planes that are not in the files as they were written."""
        total = journal.samples
        checked = 0
        for number, done in enumerate(journal.done):
            found = tuple(writer.checksum(done.window) for writer in self.writers)
            if found != done.checksums:
                journal.keep(number)
                yield Remark(
                    f"{total - checked:,} samples that were written are not there as they were: computed again"
                )
                return
            checked += done.window.size
            yield Progress(checked, total, "samples", stage="checking what is there")
            if self.stop:
                raise self._stopped(checked / total, "checking what is there")

    def _take_up(self, number: int, journal: Journal, window: Window, finished: Finished) -> Work[None]:
        """Say where a range goes on, and make it go on with the same bits."""
        layout = journal.layout
        if layout is None:
            return
        yield Remark(f"going on with {self._name(number)} at {100 * journal.samples / window.size:.0f} %")
        if layout.device != self.device.kind:
            yield Remark(f"begun on {layout.device}, now on {self.device.kind}: the last bits of samples may differ")
        elif layout.threads != torch.get_num_threads():
            torch.set_num_threads(layout.threads)
            yield Remark(f"computing with {layout.threads} threads, as it was begun, so that no bit is another")
        change = self.budget.change(layout.memory)
        if change:
            yield Remark(f"with {change} memory than before: the last bits of what follows may differ")
            yield from self._lay(journal, list(self._left(journal)), self.budget.size, finished)

    def _tiles(self, journal: Journal, window: Window, name: str) -> Work[None]:
        """The tiles that are left, part by part."""
        layout, done = journal.layout, journal.samples
        if layout is None:
            return
        first, front = journal.reached
        stage = f"predicting {name}" if len(self.job.ranges) > 1 else ""
        yield Progress(done, window.size, "samples", stage=stage)
        with PartWriter(self.writers, self.content, self.image.live, journal, self.times) as writer:
            for number, tile in enumerate(layout.tiles[first:], start=first):
                with closing(self.over.parts(tile, front)) as parts:
                    for part in parts:
                        underway = part.samples if isinstance(part, Underway) else 0
                        if isinstance(part, Part):
                            writer.put(number, tile, part)
                            done += part.window.size
                        yield Progress(done + underway, window.size, "samples", stage=stage)
                        if self.stop and done < window.size:
                            raise self._stopped(done / window.size, name, is_lost=underway > 0)
                front = None

    def _stopped(self, share: float, name: str, is_lost: bool = False) -> Stopped:
        by = self.stop.reason
        saved = "what is under way is lost, what is finished" if is_lost else "everything"
        return Stopped(
            f"stopped by {by} at {100 * share:.0f} % of {name}; {saved} is saved in {self.job.folder}",
            do="go on with the same command and --resume",
        )

    def _window(self, number: int) -> Window:
        """The samples of a range."""
        return planes_of(self.image.grid.whole, 0, *self.job.ranges[number])

    def _name(self, number: int) -> str:
        """``the survey``, or ``part 2 of 4``."""
        count = len(self.job.ranges)
        return f"part {number + 1} of {count}" if count > 1 else "the survey"


def _joint(cuts: Sequence[Cut], boxes: Sequence[Window]) -> Cut:
    """Several cuts as one."""
    tiles = tuple(tile for cut in cuts for tile in cut.tiles)
    sizes = [box.size for box in boxes]
    arithmetic = sum(cut.arithmetic * size for cut, size in zip(cuts, sizes, strict=True)) / sum(sizes)
    return Cut(tiles, cuts[0].how, arithmetic, max(cut.memory for cut in cuts))
