"""A watch over the loss: what is no number, or leads away from any, ends a run early."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geocnn.errors import RunError

__all__ = ["Watch"]

MEMORY = 50
"""Steps over which the loss is smoothed."""

GROWTH = 5.0
"""How many times its best a smoothed loss may be, if it is also worse than it was at first."""

OVERFLOWS = 20
"""Steps in a row that fp16 may skip: its scale is halved at each, and begins at 2¹⁶."""


class Watch:
    """The smoothed loss of a run, and its best.

    Attributes
    ----------
    state
        Plain data for a checkpoint: the smoothed loss, what it was at first, its best, steps seen, and steps in a row
        without a finite loss.
    """

    def __init__(self, state: Sequence[float] = (0.0, math.inf, math.inf, 0, 0)) -> None:
        self._smoothed, self._first, self._best, seen, overflows = state
        self._seen, self._overflows = int(seen), int(overflows)

    @property
    def state(self) -> list[float]:
        return [self._smoothed, self._first, self._best, self._seen, self._overflows]

    def look(self, loss: float, told: str, may_overflow: bool = False) -> None:
        """Take in the loss of a step.

        Parameters
        ----------
        loss
            Of the whole batch.
        told
            Which step it was, and how to see what it learnt from, in words.
        may_overflow
            Whether the precision skips steps whose gradients overflow.

        Raises
        ------
        RunError
            If the loss is not finite, or the smoothed loss far above its best.
        """
        if not math.isfinite(loss):
            self._overflows += 1
            if may_overflow and self._overflows <= OVERFLOWS:
                return
            raise RunError(
                f"the loss is {loss} at {told}",
                expected="a finite loss",
                do="lower training.learning_rate (--find-rate measures one), set training.clip: 1, or train in float32 "
                "(training.precision)",
            )
        self._overflows = 0
        self._seen += 1
        share = max(1 / self._seen, 1 / MEMORY)
        self._smoothed += share * (loss - self._smoothed)
        if self._seen == MEMORY:
            self._first = self._smoothed
        if self._seen >= MEMORY:
            self._best = min(self._best, self._smoothed)
        if self._smoothed > max(GROWTH * self._best, self._first):
            raise RunError(
                f"the loss diverges: {self._smoothed:.3g} over the last {MEMORY} steps at {told}, {self._best:.3g} at "
                "its best",
                expected="a loss that falls",
                do="lower training.learning_rate (--find-rate measures one), or set training.clip: 1",
            )
