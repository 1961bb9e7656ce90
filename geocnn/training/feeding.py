"""Batches ahead of time: threads draw the next ones while the network learns from this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

__all__ = ["Feeder", "feeding"]

T = TypeVar("T")

AHEAD = 2
"""Draws that wait for each thread, so that one that takes long holds nothing up."""


class Feeder(Generic[T]):
    """Results of `draw` for numbers from `first` on, in order.

    Threads, and not processes: reading, normalising and turning patches are calls of NumPy, which let other threads
    run, and the maps of files and the index of labels are there once. What a draw raises is raised where its result is
    taken.
    """

    def __init__(self, draw: Callable[[int], T], first: int, threads: ThreadPoolExecutor | None, ahead: int) -> None:
        self._draw, self._next, self._threads, self._ahead = draw, first, threads, ahead
        self._waiting: deque[Future[T]] = deque()

    def take(self) -> T:
        """The next result."""
        if self._threads is None:
            self._next += 1
            return self._draw(self._next - 1)
        while len(self._waiting) <= self._ahead:
            self._waiting.append(self._threads.submit(self._draw, self._next))
            self._next += 1
        return self._waiting.popleft().result()


@contextmanager
def feeding(draw: Callable[[int], T], first: int, workers: int) -> Iterator[Feeder[T]]:
    """Draws on so many threads; on none, they are made when they are taken."""
    if workers == 0:
        yield Feeder(draw, first, None, 0)
        return
    threads = ThreadPoolExecutor(workers, thread_name_prefix="feeding")
    try:
        yield Feeder(draw, first, threads, AHEAD * workers)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
