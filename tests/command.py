"""What a command of geocnn leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Geocnn", "Outcome"]


class Outcome(NamedTuple):
    """Exit status, output, and messages with their spaces and line ends folded."""

    status: int
    out: str
    err: str


Geocnn = Callable[..., Outcome]
