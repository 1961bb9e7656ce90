"""How a run begins: anew, from its last checkpoint, or from the weights of another model."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from geocnn.config import Config, dump_config, load_config, require_same
from geocnn.errors import ConfigError, Fault, RunError
from geocnn.interrupt import StopRequest, heeding, stop_requests
from geocnn.losses import LOSSES
from geocnn.model import load_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.memory import training_bytes
from geocnn.objective import Objective
from geocnn.patch import Patch
from geocnn.preflight import Preflight, preflight
from geocnn.progress import Progress, Remark, Work
from geocnn.run import RunDirectory
from geocnn.training.data import Findings, assemble, lacking, look
from geocnn.training.group import Group
from geocnn.training.learner import Learner
from geocnn.training.loop import Setting, Trainer
from geocnn.training.validation import Validated
from geocnn.transfer import load_weights

__all__ = ["Drawn", "Start", "checked_for", "drawn_sample", "make_learner", "train"]


@dataclass(frozen=True)
class Start:
    """How a run begins, and what it may use.

    Parameters
    ----------
    resume
        Go on from the last checkpoint.
    initial
        Model to take the first weights from.
    workers
        Threads that draw batches ahead; the weights do not depend on them.
    seconds
        Time that there is; None: no limit.
    """

    resume: bool = False
    initial: Path | None = None
    workers: int = 1
    seconds: float | None = None


def train(
    config: Config, run: RunDirectory, group: Group, start: Start
) -> Generator[Progress | Remark | Validated, None, None]:
    """Train, yielding progress, remarks and validations.

    Raises
    ------
    Stopped
        If a signal or the limit of time asked to stop; the last step is saved.
    ConfigError, SurveyError
        If config, network and surveys do not fit together; nothing is written then.
    RunError
        If the run cannot start, go on, or its loss is no longer finite.
    """
    with group.working(), stop_requests(start.seconds) as stop, ExitStack() as held:
        checked = checked_for(config, group)
        initial = load_model(start.initial) if start.initial is not None else None
        if initial is not None:
            load_weights(Network(checked.plan), initial)  # Refuse what fits nowhere before anything is read.
        findings = yield from group.first(_findings(config, checked, run, start, stop))
        data = assemble(config, checked, findings)
        for remark in (*checked.remarks, *lacking(config.record.classes, findings)):
            yield Remark(remark)
        trainer = Trainer(
            Setting(config, checked, findings, data, run, group, start.workers),
            learner := make_learner(config, checked, group),
        )
        if group.is_first:
            if not start.resume:
                run.create()
            held.enter_context(run.locked())
        if start.resume:
            yield from _resumed(trainer, group)
        else:
            if initial is not None:
                yield Remark(load_weights(learner.network, initial).summary(str(start.initial)))
            trainer.save()
        if group.is_first:
            _describe(config, run, group, trainer, findings)
        yield from trainer.steps(stop)


def _describe(config: Config, run: RunDirectory, group: Group, trainer: Trainer, findings: Findings) -> None:
    """Have everything in the folder that a run which is gone on with needs; the config is written last."""
    trainer.settle()
    run.sweep()
    findings.save(run.data)
    run.describe(group.device, group.count)
    if not run.config.exists():
        run.begin(dump_config(config))
    run.forget_after(trainer.step)
    run.append_log(f"training from step {trainer.step} on {group.count} × {group.device}")


def _resumed(trainer: Trainer, group: Group) -> Work[None]:
    """Take up the last checkpoint."""
    state, remarks = yield from group.first(trainer.load())
    if state is None:
        raise RunError(
            "the run holds no checkpoint to resume from",
            expected="the run directory of a training that was stopped",
            do="check --run, or train anew in an empty folder without --resume",
        )
    for remark in (*remarks, *trainer.restore(state)):
        yield Remark(remark)


def _findings(config: Config, checked: Preflight, run: RunDirectory, start: Start, stop: StopRequest) -> Work[Findings]:
    """What is known of the surveys: from the run, or by looking at them, before a folder is made."""
    if not start.resume:
        run.require_new()
        return (yield from heeding(look(config, checked), stop))
    run.require_begun()
    require_same(config, run.config)
    kept = Findings.load(run.data)
    if kept is None:
        yield Remark(f"what was found about the surveys is missing or damaged in {run.data}: looking at them again")
        return (yield from heeding(look(config, checked), stop))
    kept.require_unchanged()
    return kept


def make_learner(config: Config, checked: Preflight, group: Group) -> Learner:
    """Network and optimiser with the first weights of a config's seed."""
    settings = config.record.training
    network = Network(checked.plan)
    initialise(network, settings.seed)
    loss = LOSSES[settings.loss](len(config.record.classes), settings.class_weights)
    return Learner(network, settings, Objective(loss, checked.plan, settings.heads), group)


def checked_for(config: Config, group: Group) -> Preflight:
    """The preflight of a config, and what only training asks of it: processes and memory.

    Raises
    ------
    ConfigError
        With everything that does not fit.
    """
    checked = preflight(config)
    settings = config.record.training
    faults = _indivisible(config, group)
    if not faults:
        share = settings.batch // group.count
        needed = training_bytes(checked.plan, share, recompute=settings.recompute)
        free = group.device.free_memory()
        # The estimate is within a factor of two for the networks that it was tried on.
        if needed > 2 * free:
            found = f"a step on {share} patches needs about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
            do = "choose a smaller training.batch (and accumulate more of them) or data.patch, or recompute: true"
            faults.append(config.fault(("training", "batch"), found, "a step that fits into memory", do))
    if faults:
        raise ConfigError(faults)
    return checked


def _indivisible(config: Config, group: Group) -> list[Fault]:
    """The fault of a batch that the processes cannot share evenly."""
    batch, count = config.record.training.batch, group.count
    if batch % count == 0:
        return []
    found = f"a batch of {batch} patches for {count} processes"
    do = f"write training.batch: {-(-batch // count) * count}, or launch another number of processes"
    return [config.fault(("training", "batch"), found, "equally many patches for each process", do)]


class Drawn(NamedTuple):
    """A sample of a run's training stream, as the network saw it, and the names of its classes."""

    patch: Patch
    classes: tuple[str, ...]


def drawn_sample(run: RunDirectory, number: int) -> Drawn:
    """The sample of that number, drawn again.

    Raises
    ------
    RunError
        If the folder holds no run that has begun, or its surveys have changed.
    """
    run.require_begun()
    config = load_config(run.config)
    checked = preflight(config)
    findings = Findings.load(run.data)
    if findings is None:
        raise RunError(
            f"{run.data} does not tell what was found about the surveys",
            expected="the findings with which the run began",
            do="geocnn train … --resume finds them again",
        )
    findings.require_unchanged()
    patch = assemble(config, checked, findings).stream.draw(config.record.training.seed, number)
    return Drawn(patch, config.record.classes)
