"""What is held out for validation, so that both sides have all classes and room for a patch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from geocnn.errors import SurveyError
from geocnn.proposal.fingerprint import PARTS, Counts, Fingerprint, SurveyFound, counted

__all__ = ["LEAST", "Held", "hold"]

LEAST = 16
"""Positions along an axis below which a patch shows no structure; shorter axes are taken whole and not reduced."""

TRIED = ((0.2, 16), (0.25, 16), (0.15, 16), (0.1, 16), (0.2, 8), (0.1, 8), (0.2, 4), (0.1, 4), (0.2, 2), (0.1, 0))
"""Blocks and gaps in the order of preference."""

PART = 0.01
"""Share of the samples of a class that a side must have to count as having the class."""


@dataclass(frozen=True)
class Held:
    """What is held out.

    Parameters
    ----------
    surveys
        How many of the last surveys; 0: a block of the only one.
    block, gap, axis
        Of the block: share of the axis, positions next to it that nobody trains on, name of the axis.
    rooms
        Shapes that patches of training must fit into.
    training, validation
        Live samples of each label value on both sides, as what was seen lets expect, shape (VALUES,).
    """

    surveys: int
    block: float
    gap: int
    axis: str
    rooms: tuple[tuple[int, ...], ...]
    training: Counts
    validation: Counts

    @property
    def room(self) -> tuple[int, ...]:
        """The most positions along each axis that fit into every survey."""
        return tuple(min(sizes) for sizes in zip(*self.rooms, strict=True))

    @property
    def labelled(self) -> int:
        """Interpreted, live samples to train on."""
        return int(self.training[1:].sum())

    @property
    def missing(self) -> tuple[int, ...]:
        """Classes that are labelled, but hardly on both sides."""
        return _missing(self.training, self.validation)


def hold(found: Fingerprint, total: int) -> Held:
    """What to hold out of the surveys: a fifth of them, at least one, or a block of the only one.

    Parameters
    ----------
    found
        What is known of them; of very many, some only.
    total
        How many surveys there are.

    Raises
    ------
    SurveyError
        If nothing can be held out: a single trace, or a survey too small.
    """
    if total > 1:
        return _surveys(found, total)
    [survey] = found.surveys
    if survey.grid.ndim == 1:
        raise SurveyError(
            f"{survey.image} is a single trace: nothing of it can be held out for validation",
            expected="two traces at least, each with its label",
            do="pass another pair: --image other.sgy --label other.h5",
        )
    blocks = list(_blocks(survey))
    if not blocks:
        raise SurveyError(
            f"{survey.image} is labelled on {' × '.join(map(str, survey.shape))} positions: too few for a patch beside "
            "a block for validation",
            expected=f"a lateral axis of {_needed()} positions at least",
            do="pass another labelled survey to validate on: --image other.sgy --label other.h5",
        )
    # The first of the order that has all classes on both sides, else the one that lacks the fewest.
    return min(blocks, key=lambda held: len(held.missing))


def _surveys(found: Fingerprint, total: int) -> Held:
    """Hold out the last surveys; where only some were looked at, they stand for all."""
    looked = found.surveys
    held = max(1, round(len(looked) / 5))
    train, last = looked[:-held], looked[-held:]
    training, validation = (counted(each) * total // len(looked) for each in (train, last))
    rooms = tuple(each.shape for each in train)
    return Held(max(1, round(total / 5)), 0, 0, "", rooms, training, validation)


def _blocks(survey: SurveyFound) -> Iterator[Held]:
    """Blocks that leave room for a patch, in the order of preference."""
    shape = survey.shape
    for block, gap in TRIED:
        rooms = {k: shape[k] - ceil(block * shape[k]) - gap for k in range(len(shape) - 1)}
        for k in sorted(rooms, key=lambda k: -rooms[k]):
            if rooms[k] < LEAST:
                continue
            until = PARTS - max(1, round(block * PARTS))
            keep = max(1, min(until, rooms[k] * PARTS // shape[k]))
            table = survey.along[k] * prod(shape) // max(1, survey.seen)
            room = (*shape[:k], rooms[k], *shape[k + 1 :])
            sides = table[:keep].sum(axis=0), table[until:].sum(axis=0)
            yield Held(0, block, gap, survey.grid.axes[k].name, (room,), *sides)


def _missing(training: Counts, validation: Counts) -> tuple[int, ...]:
    both = training + validation
    lacks = (np.minimum(training, validation) < PART * both) & (both > 0)
    return tuple((np.flatnonzero(lacks[1:])).tolist())


def _needed() -> int:
    """Positions that the smallest block and gap need beside the smallest patch."""
    return next(n for n in range(LEAST, 10 * LEAST) if any(n - ceil(b * n) - g >= LEAST for b, g in TRIED))
