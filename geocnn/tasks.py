"""What a network can be trained for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["TASKS", "Task"]


@dataclass(frozen=True)
class Task:
    """A kind of question, and what the answer to it looks like.

    Parameters
    ----------
    name
        The config's ``task``.
    losses
        Names of the losses that fit; the first is the default.
    """

    name: str
    losses: tuple[str, ...]

    def outputs(self, classes: int) -> int:
        """Number of logits for a number of classes: one for two (the second class's), else one each."""
        return 1 if classes == 2 else classes


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (Task("segmentation", ("balanced-cross-entropy+dice", "balanced-cross-entropy", "dice")),)
    }
)
"""The tasks by name."""
