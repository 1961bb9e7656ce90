"""Finished parts on their way to the disk: written by a thread, then made safe, then noted in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from geocnn.errors import Stopped
from geocnn.grid import Window
from geocnn.prediction.content import Content
from geocnn.prediction.journal import Counts, Done, Journal
from geocnn.prediction.passes import Part, Times
from geocnn.prediction.tiles import WAITING, Tile, planes_of
from geocnn.survey.survey import BoolArray, SurveyWriter

__all__ = ["EVERY", "PartWriter"]

EVERY = 5.0
"""Seconds between two entries of the journal: what a kill can cost, beside a receptive field."""


class _Item(NamedTuple):
    """A finished part, the tile that it is of and its number in the layout."""

    number: int
    tile: Tile
    part: Part


class PartWriter:
    """Writes finished parts in a thread of its own, in the order in which they come.

    A context manager. Left well, all is written, on the disk and in the journal; left by an error, what was put in is
    written all the same, and the error goes on.

    Parameters
    ----------
    writers
        One for each file of the content.
    content
        What is written of a part.
    live
        Which samples of a window are live; the others are written as 0.
    journal
        Of the range.
    times
        Where seconds are counted.
    """

    def __init__(
        self,
        writers: Sequence[SurveyWriter],
        content: Content,
        live: Callable[[Window], BoolArray],
        journal: Journal,
        times: Times,
    ) -> None:
        self._writers, self._content, self._live = tuple(writers), content, live
        self._journal, self._times = journal, times
        self._queue: Queue[_Item | None] = Queue(WAITING - 2)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="writer", daemon=True)
        # Written, and not in the journal yet.
        self._open: list[tuple[int, Tile, Window]] = []
        self._counts = Counts()
        self._noted = time.monotonic()

    def put(self, number: int, tile: Tile, part: Part) -> None:
        """Have a part of a tile written; waits while others do.

        Raises
        ------
        OutputError
            If an earlier one could not be written.
        """
        with self._times.of("wait"):
            self._queue.put(_Item(number, tile, part))
        self._tell()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._times.of("wait"):
            self._queue.put(None)
            self._thread.join()
        # Who was asked to stop believes that all is saved.
        if error is None or isinstance(error, Stopped):
            self._tell()

    def _tell(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                with self._times.of("write"):
                    self._write(*item)
            with self._times.of("write"):
                self._note()
        except BaseException as error:  # noqa: BLE001 (handed to the thread that waits for it)
            self._error = error
            # Whoever puts must not wait for a writer that is gone.
            while self._queue.get() is not None:
                pass

    def _write(self, number: int, tile: Tile, part: Part) -> None:
        window, live = part.window, self._live(part.window)
        before = sum(writer.clipped for writer in self._writers)
        fields, positive = self._content.made_of(part)
        for writer, samples in zip(self._writers, fields, strict=True):
            # Not a product: where the survey is dead the network may have given what is no number.
            writer.write(window, np.where(live, samples, np.float32(0)))
        positive &= live
        clipped = sum(writer.clipped for writer in self._writers) - before
        self._counts += Counts(live.size - int(live.sum()), int(positive.sum()), clipped)
        self._open.append((number, tile, window))
        at_end = window.stop[tile.axis] >= tile.core.stop[tile.axis]
        if at_end or time.monotonic() - self._noted >= EVERY:
            self._note()

    def _note(self) -> None:
        """Make what was written safe and note it."""
        if self._open:
            number, tile, first = self._open[0]
            last = self._open[-1][2]
            window = planes_of(tile.core, tile.axis, first.start[tile.axis], last.stop[tile.axis])
            for writer in self._writers:
                writer.sync()
            checksums = tuple(writer.checksum(window) for writer in self._writers)
            self._journal.finish(Done(number, window, checksums, self._counts))
        self._open, self._counts, self._noted = [], Counts(), time.monotonic()
