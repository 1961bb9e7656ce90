"""What is held out for validation, so that both sides have all classes and room for a patch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from geocnn.errors import SurveyError
from geocnn.proposal.fingerprint import PARTS, Counts, Fingerprint, SurveyFound, counted

__all__ = ["GAPS", "LEAST", "Held", "hold"]

LEAST = 16
"""Positions along an axis below which a patch shows no structure; shorter axes are taken whole and not reduced."""

BLOCKS = (0.2, 0.25, 0.15, 0.1)
GAPS = (16, 8, 4, 2, 0)
"""Blocks, in the order of preference, and gaps: a smaller one only where no block leaves room for a larger one."""

UNLIKE = 3.0
"""Ratio of a class's shares on both sides from which a block is a poor picture of the survey."""

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
    order
        Of the surveys, where it must be another than that given for the last ones to have all classes.
    """

    surveys: int
    block: float
    gap: int
    axis: str
    rooms: tuple[tuple[int, ...], ...]
    training: Counts
    validation: Counts
    order: tuple[int, ...] = ()

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

    @property
    def unlike(self) -> int:
        """How many classes have shares of the interpreted samples that differ threefold between the sides."""
        sides = [each[1:] / max(1, int(each[1:].sum())) for each in (self.training, self.validation)]
        return int(np.count_nonzero(np.maximum(*sides) > UNLIKE * np.minimum(*sides)))


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
    blocks = _blocks(survey)
    if not blocks:
        raise SurveyError(
            f"{survey.image} is labelled on {' × '.join(map(str, survey.shape))} positions: too few for a patch beside "
            "a block for validation",
            expected=f"a lateral axis of {_needed()} positions at least",
            do="pass another labelled survey to validate on: --image other.sgy --label other.h5",
        )
    # The first of the order that has all classes on both sides, in like shares; else the one that comes nearest to it.
    return min(blocks, key=lambda held: (len(held.missing), held.unlike))


def _surveys(found: Fingerprint, total: int) -> Held:
    """Hold out the last surveys, or others where these lack classes; the surveys looked at stand for all.

    The others are neighbours in the order given, since surveys of one place often follow each other.
    """
    looked = len(found.surveys)
    count = max(1, round(looked / 5))
    ends = range(looked, count - 1, -1) if looked == total else [looked]
    orders = [(*range(end - count), *range(end, looked), *range(end - count, end)) for end in ends]
    tried = [_last(found, order, count, total) for order in orders]
    return min(tried, key=lambda held: (len(held.missing), held.unlike))


def _last(found: Fingerprint, order: tuple[int, ...], count: int, total: int) -> Held:
    """Hold out the last so many of the surveys in some order."""
    ordered = [found.surveys[index] for index in order]
    train, last = ordered[:-count], ordered[-count:]
    training, validation = (counted(each) * total // len(ordered) for each in (train, last))
    rooms = tuple(each.shape for each in train)
    moved = order if order != tuple(range(len(order))) else ()
    return Held(max(1, round(total / 5)), 0, 0, "", rooms, training, validation, moved)


def _blocks(survey: SurveyFound) -> list[Held]:
    """Blocks that leave room for a patch, with the largest gap that can be, in the order of preference."""
    for gap in GAPS:
        cuts = [(block, axis) for block in BLOCKS for axis in _by_room(survey, block)]
        found = [held for block, axis in cuts if (held := _block(survey, block, gap, axis)).room[axis] >= LEAST]
        if found:
            return found
    return []


def _by_room(survey: SurveyFound, block: float) -> list[int]:
    """Lateral axes, that which leaves most room first."""
    return sorted(range(survey.grid.ndim - 1), key=lambda k: ceil(block * survey.shape[k]) - survey.shape[k])


def _block(survey: SurveyFound, block: float, gap: int, axis: int) -> Held:
    """The block at the far end of an axis; its room may be negative."""
    shape = survey.shape
    room = shape[axis] - ceil(block * shape[axis]) - gap
    until = PARTS - max(1, round(block * PARTS))
    keep = max(1, min(until, room * PARTS // shape[axis]))
    table = survey.along[axis] * prod(shape) // max(1, survey.seen)
    rooms = ((*shape[:axis], room, *shape[axis + 1 :]),)
    return Held(0, block, gap, survey.grid.axes[axis].name, rooms, table[:keep].sum(axis=0), table[until:].sum(axis=0))


def _missing(training: Counts, validation: Counts) -> tuple[int, ...]:
    both = training + validation
    lacks = (np.minimum(training, validation) < PART * both) & (both > 0)
    return tuple((np.flatnonzero(lacks[1:])).tolist())


def _needed() -> int:
    """Positions that the smallest block and gap need beside the smallest patch."""
    return next(n for n in range(LEAST, 10 * LEAST) if n - ceil(min(BLOCKS) * n) - min(GAPS) >= LEAST)
