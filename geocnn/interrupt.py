"""Signals that ask a run to stop: noted, and obeyed where everything can be saved."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import TypeVar

from geocnn.errors import Stopped
from geocnn.progress import Work

__all__ = ["StopRequest", "heeding", "stop_requests"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether a signal has asked to stop, and which."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM instead of dying of them; a second signal ends at once."""
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(number)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    before = {each: signal.signal(each, note) for each in _SIGNALS}
    try:
        yield request
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def heeding(work: Work[T], stop: StopRequest) -> Work[T]:
    """The same work, which a signal ends; for work that leaves nothing to save.

    Raises
    ------
    Stopped
        If a signal asked to stop.
    """
    with closing(work):
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                result: T = end.value
                return result
            yield event
            if stop:
                raise Stopped(
                    f"stopped by {stop.signal.name if stop.signal else 'a signal'} before anything was computed",
                    do="start it again with the same command",
                )
