"""The learning-rate range test: rates from tiny to huge, and the one to train with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from geocnn.config import Config
from geocnn.errors import RunError
from geocnn.interrupt import StopRequest, heeding, stop_requests
from geocnn.progress import Progress, Remark, Work
from geocnn.training.data import assemble, lacking, look
from geocnn.training.feeding import feeding
from geocnn.training.group import Group
from geocnn.training.starting import checked_for, make_learner

__all__ = ["Rates", "find_rate", "suggested"]

LOWEST, HIGHEST = 1e-6, 1.0
MOST_STEPS = 100
SMOOTHING = 0.9
BLOWN_UP = 4.0
"""How many times the lowest smoothed loss ends the test."""


class Rates(NamedTuple):
    """Learning rates, the smoothed loss at each, and the rate to train with."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float


def find_rate(config: Config, group: Group, workers: int, seconds: float | None) -> Work[Rates]:
    """Try rates on the first steps of a run; nothing is written.

    The rate grows geometrically from 10⁻⁶ to 1 over at most 100 steps.

    Notes
    -----
    L. Smith (2017), Cyclical learning rates for training neural networks, arXiv:1506.01186, section 3.3; the loss is
    smoothed exponentially.

    Raises
    ------
    RunError
        If the loss falls nowhere.
    """
    settings = config.record.training.model_copy(update={"schedule": "constant", "warmup": 0})
    tried = [LOWEST * (HIGHEST / LOWEST) ** (k / (MOST_STEPS - 1)) for k in range(MOST_STEPS)]
    with group.working(), stop_requests(seconds) as stop:
        checked = checked_for(config, group)
        findings = yield from group.first(heeding(look(config, checked), stop))
        stream = assemble(config, checked, findings).stream
        for remark in (*checked.remarks, *lacking(config.record.classes, findings)):
            yield Remark(remark)
        learner = make_learner(config, checked, group)
        size = settings.batch // group.count

        def draw(number: int) -> tuple:  # type: ignore[type-arg]
            first = number * settings.batch + group.rank * size
            return stream.batch(settings.seed, range(first, first + size))

        losses: list[float] = []
        with feeding(draw, 0, workers) as feed:
            for number, rate in enumerate(tried):
                batches = [feed.take() for _ in range(settings.accumulate)]
                loss = learner.step(number, batches, rate).loss
                _stop_if_asked(group, stop)
                if not math.isfinite(loss):
                    break
                losses.append(_smoothed(losses, loss))
                yield Progress(number + 1, MOST_STEPS, "steps", f"loss {loss:.4f}, rate {rate:.2g}")
                if losses[-1] > BLOWN_UP * min(losses):
                    break
    rates = tuple(tried[: len(losses)])
    return Rates(rates, tuple(losses), suggested(rates, losses))


def _stop_if_asked(group: Group, stop: StopRequest) -> None:
    if group.any(bool(stop)):
        raise RunError(f"stopped by {stop.reason}", expected="a test that ends", do="run it again")


def _smoothed(before: Sequence[float], loss: float) -> float:
    return loss if not before else SMOOTHING * before[-1] + (1 - SMOOTHING) * loss


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate at which the loss falls most, by the logarithm of the rate, or a tenth of that where it is lowest.

    The smaller of the two, which are the suggestions of fastai's ``lr_find`` (Howard & Gugger, 2020): the loss lags
    behind the rate, the more the more it is smoothed.

    Raises
    ------
    RunError
        If it falls nowhere.
    """
    lowest = min(range(len(losses)), key=losses.__getitem__) if losses else 0
    falls = [losses[k + 1] - losses[k - 1] for k in range(1, lowest)]
    if not falls or min(falls) >= 0:
        raise RunError(
            "the loss falls at no learning rate between 1e-06 and 1",
            expected="a loss that falls at some",
            do="look at the data with geocnn plot, and train with the default rate for longer",
        )
    return min(rates[1 + min(range(len(falls)), key=falls.__getitem__)], rates[lowest] / 10)
