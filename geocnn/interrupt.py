"""Signals and limits of time that ask a run to stop: noted, and obeyed where everything can be saved."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import TypeVar

from geocnn.errors import Stopped
from geocnn.progress import Work

__all__ = ["StopRequest", "heeding", "stop_requests"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """Whether a signal, or the end of the time that there is, has asked to stop.

    Parameters
    ----------
    seconds
        How long there is from now on; None: no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.signal: signal.Signals | None = None
        # Not the time of day, which may jump.
        self._end = None if seconds is None else time.monotonic() + seconds

    def __bool__(self) -> bool:
        return self.signal is not None or (self._end is not None and time.monotonic() >= self._end)

    @property
    def reason(self) -> str:
        """``SIGTERM``, or ``the limit of time``."""
        return self.signal.name if self.signal else "the limit of time"


@contextmanager
def stop_requests(seconds: float | None = None) -> Iterator[StopRequest]:
    """Note SIGINT, SIGTERM and SIGUSR1 instead of dying of them, and when so many seconds are over.

    A second signal ends at once. A process that is stopped for the sake of another ignores those that come later.
    """
    request = StopRequest(seconds)

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(number)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    before = {each: signal.signal(each, note) for each in _SIGNALS}
    try:
        yield request
    except Stopped:
        if not request:
            # What stopped another process of the job may be on its way to this one, which is ending in order.
            before |= dict.fromkeys((signal.SIGTERM, signal.SIGUSR1), signal.SIG_IGN)
        raise
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
                    f"stopped by {stop.reason} before anything was computed",
                    do="start it again with the same command",
                )
