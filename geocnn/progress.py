"""How long work tells where it is: generators yield Progress, whoever draws it consumes them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Progress", "Remark", "Work", "finish"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of work.

    Parameters
    ----------
    done, total, unit
        How far the stage is.
    note
        A short remark for the screen, such as a loss.
    stage
        What is being done, where work has several stages: ``scanning``.
    """

    done: int
    total: int
    unit: str
    note: str = ""
    stage: str = ""


@dataclass(frozen=True)
class Remark:
    """Something that the user must know, told as soon as it is known."""

    text: str


Work = Generator[Progress | Remark, None, T]
"""Work that reports progress while it runs and returns a result at its end."""


def finish(work: Work[T]) -> T:
    """Result of `work`, its progress unseen."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
