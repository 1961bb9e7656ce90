"""The journal of a range: what it is cut into, and what of it is on the disk for good."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from geocnn.grid import Window
from geocnn.output import output_error
from geocnn.prediction.lock import Lock
from geocnn.prediction.tiles import Tile

__all__ = ["Counts", "Done", "Journal", "Layout"]


@dataclass(frozen=True)
class Counts:
    """Samples: dead ones, positive ones, and those that the format could not hold."""

    dead: int = 0
    positive: int = 0
    clipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.dead + other.dead, self.positive + other.positive, self.clipped + other.clipped)


@dataclass(frozen=True)
class Layout:
    """What is left of a range, cut into tiles, and what decides on the last bits of what they give.

    Parameters
    ----------
    tiles
        In the order in which they are computed.
    device, threads
        Where they are computed, ``cpu``, and with how many threads.
    memory
        Bytes that they were cut for.
    """

    tiles: tuple[Tile, ...]
    device: str
    threads: int
    memory: int


@dataclass(frozen=True)
class Done:
    """Finished planes, on the disk.

    Parameters
    ----------
    tile
        Its number in the layout.
    window
        The samples: planes of the tile's core, those after the ones before.
    checksums
        CRC-32 of them, for each output.
    counts
        Of these samples.
    """

    tile: int
    window: Window
    checksums: tuple[int, ...]
    counts: Counts


class Journal:
    """The journal of one range: lines of JSON after their CRC-32, each on the disk before the next thing happens.

    Its file is the lock of the range too: who has taken it works on the range, and nobody else.

    Parameters
    ----------
    path
        Made if it is not there.

    Raises
    ------
    OutputError
        If it cannot be made, or a line cannot be written.

    Attributes
    ----------
    layout
        The last one; None before the first.
    done
        What is finished, in order.
    since
        How many of `done` there were before the last layout.
    complete
        Whether all of the range is finished.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock(path)
        self._path = path
        self._forget()

    def take(self) -> bool:
        """Take the range and read what is known of it; False if another process has it."""
        if not self._lock.take():
            return False
        self.read()
        return True

    def read(self) -> None:
        """Read what is known of the range, whoever works on it."""
        self._forget()
        size = os.fstat(self._lock.descriptor).st_size
        for line in os.pread(self._lock.descriptor, size, 0).splitlines(keepends=True):
            # A line that was cut off by a kill, and what a disk that failed left of others, is not believed.
            if not self._believe(line):
                break

    def close(self) -> None:
        """Give the range back."""
        self._lock.release()

    @property
    def reached(self) -> tuple[int, int | None]:
        """Number of the tile to go on with, and where in it; None for its start."""
        last = self.done[-1] if len(self.done) > self.since else None
        if last is None or self.layout is None:
            return 0, None
        tile = self.layout.tiles[last.tile]
        front = last.window.stop[tile.axis]
        return (last.tile + 1, None) if front >= tile.core.stop[tile.axis] else (last.tile, front)

    @property
    def counts(self) -> Counts:
        """Of all that is finished."""
        return sum((each.counts for each in self.done), Counts())

    @property
    def samples(self) -> int:
        """How many are finished."""
        return sum(each.window.size for each in self.done)

    def keep(self, count: int) -> None:
        """Forget all but the first entries of `done`: what came after them is not as it was."""
        kept = self._ends[count]
        os.ftruncate(self._lock.descriptor, kept)
        os.fsync(self._lock.descriptor)
        self.read()

    def lay(self, layout: Layout) -> None:
        """Note a new layout of what is left."""
        tiles = [[_box(tile.core), _box(tile.read), tile.axis, tile.chunk, tile.memory] for tile in layout.tiles]
        self._add({"layout": tiles, "device": layout.device, "threads": layout.threads, "memory": layout.memory})

    def finish(self, done: Done) -> None:
        """Note finished planes; they must be on the disk."""
        counts = done.counts
        self._add(
            {
                "tile": done.tile,
                "window": _box(done.window),
                "checksums": list(done.checksums),
                "counts": [counts.dead, counts.positive, counts.clipped],
            }
        )

    def complete_range(self) -> None:
        """Note that all of the range is finished."""
        self._add({"complete": True})

    def _forget(self) -> None:
        self.layout: Layout | None = None
        self.done: list[Done] = []
        self.since, self.complete = 0, False
        # Where the line of each entry of `done` begins, and where the file ends.
        self._ends = [0]

    def _add(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (crc32(text), text)
        try:
            # What was not believed goes.
            os.ftruncate(self._lock.descriptor, self._ends[-1])
            if os.pwrite(self._lock.descriptor, line, self._ends[-1]) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._lock.descriptor)
        except OSError as error:
            raise output_error(self._path, error) from error
        self._believe(line)

    def _believe(self, line: bytes) -> bool:
        """Take up a line; False if it cannot be read."""
        try:
            checksum, text = line[:8], line[9:-1]
            if not line.endswith(b"\n") or int(checksum, 16) != crc32(text):
                return False
            entry = json.loads(text)
            if "layout" in entry:
                tiles = tuple(Tile(_window(core), _window(read), *rest) for core, read, *rest in entry["layout"])
                self.layout, self.since = (
                    Layout(tiles, entry["device"], entry["threads"], entry["memory"]),
                    len(self.done),
                )
                self._ends[-1] += len(line)
            elif "complete" in entry:
                self.complete = True
                self._ends[-1] += len(line)
            else:
                counts, checksums = Counts(*entry["counts"]), tuple(entry["checksums"])
                self.done.append(Done(entry["tile"], _window(entry["window"]), checksums, counts))
                self._ends.append(self._ends[-1] + len(line))
        except (ValueError, KeyError, TypeError, IndexError):
            return False
        return True


def _box(window: Window) -> list[list[int]]:
    return [list(window.start), list(window.stop)]


def _window(box: Sequence[Sequence[int]]) -> Window:
    return Window(tuple(box[0]), tuple(box[1]))
