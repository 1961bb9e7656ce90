"""One choice of a config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Choice"]


@dataclass(frozen=True)
class Choice:
    """What stands at a key of the config, and why.

    Parameters
    ----------
    key
        Such as ``data.patch``.
    value
        Plain data.
    why
        With measured numbers.
    notes
        One for each item of a list.
    """

    key: str
    value: Any
    why: str
    notes: tuple[str, ...] = ()
