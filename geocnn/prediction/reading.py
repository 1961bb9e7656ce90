"""Reading ahead: what is computed next is read by another thread while this one computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from geocnn.prediction.passes import Times

__all__ = ["read_ahead"]

T = TypeVar("T")


def read_ahead(reads: Iterable[Callable[[], T]], times: Times) -> Iterator[T]:
    """What some calls return, in order, the next one being made in another thread; three results are held at most.

    Parameters
    ----------
    reads
        The calls.
    times
        Where the seconds are counted that it takes to wait for them.
    """
    with ThreadPoolExecutor(1) as reader:
        waiting: Future[T] | None = None
        for read in reads:
            begun = reader.submit(read)
            if waiting is not None:
                yield _result(waiting, times)
            waiting = begun
        if waiting is not None:
            yield _result(waiting, times)


def _result(waiting: Future[T], times: Times) -> T:
    with times.of("wait"):
        return waiting.result()
