"""The loop: steps, validations and checkpoints, until the last step, the best that patience finds, or a stop."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from math import prod
from typing import Any

import torch

from geocnn.checkpoints import Checkpoints, State
from geocnn.config import Config
from geocnn.curves import Curves
from geocnn.errors import Stopped
from geocnn.interrupt import StopRequest, heeding
from geocnn.metrics import Scores
from geocnn.model import Contract, Model, load_model, sampling, save_model
from geocnn.preflight import Preflight
from geocnn.progress import Progress, Remark, Work
from geocnn.run import RunDirectory
from geocnn.survey.content import split_name
from geocnn.training.averaging import Average
from geocnn.training.data import Data, Findings, grids_of
from geocnn.training.feeding import feeding
from geocnn.training.group import Group
from geocnn.training.learner import Batch, Learner, Learnt
from geocnn.training.validation import Validated, validate
from geocnn.training.watching import Watch

__all__ = ["Setting", "Trainer"]

MOST_NAMED = 4
"""Training surveys that a model names one by one."""

LOG_EVERY = 10
"""Steps between two lines of ``metrics.jsonl``."""


@dataclass(frozen=True)
class Setting:
    """What a run is made of: its config and plan, what was found about its surveys, its folder, its processes."""

    config: Config
    checked: Preflight
    findings: Findings
    data: Data
    run: RunDirectory
    group: Group
    workers: int


class Trainer:
    """A run under way.

    Parameters
    ----------
    setting
        What it is made of.
    learner
        Network and optimiser.
    """

    def __init__(self, setting: Setting, learner: Learner) -> None:
        self._setting, self._learner = setting, learner
        self._settings = setting.config.record.training
        self._group, self._run = setting.group, setting.run
        self._checkpoints = Checkpoints(setting.run.checkpoints)
        self._average = Average(learner.network, self._settings.average) if self._settings.average else None
        self._watch = Watch()
        self._step = self._validated = self._fruitless = 0
        self._best: float | None = None
        self._score = self._told = ""

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self._step

    # What a checkpoint holds, and how it is taken up.

    @property
    def state(self) -> State:
        """Everything that the steps to come depend on, and where it was computed."""
        return {
            "step": self._step,
            "validated": self._validated,
            "best": self._best,
            "fruitless": self._fruitless,
            "watch": self._watch.state,
            "average": self._average.state if self._average else {},
            "device": str(self._group.device),
            "processes": self._group.count,
            **self._learner.state,
        }

    def restore(self, state: State) -> list[str]:
        """Take up a checkpoint; remarks on what differs from where it was made."""
        self._learner.restore(state)
        self._step, self._validated = state["step"], state["validated"]
        self._best, self._fruitless = state["best"], state["fruitless"]
        self._watch = Watch(state["watch"])
        if self._average is not None:
            self._average.restore(state["average"])
        before, now = (_place(each) for each in ((state["device"], state["processes"]), self._place))
        if before == now:
            return []
        return [f"resumed on {now} after {before}: weights will differ from an uninterrupted run's in the last bits"]

    @property
    def _place(self) -> tuple[str, int]:
        return str(self._group.device), self._group.count

    def load(self) -> Work[tuple[State | None, list[str]]]:
        """The newest checkpoint and remarks on damaged ones."""
        yield from ()
        return self._checkpoints.load()

    def save(self) -> None:
        """Begin to write a checkpoint, in the first process.

        Raises
        ------
        OutputError
            If the one before could not be written.
        """
        if self._group.is_first:
            self._checkpoints.save(self.state)

    def settle(self) -> None:
        """Wait until what was saved is on the disk."""
        self._checkpoints.wait()

    # The loop.

    def steps(self, stop: StopRequest) -> Generator[Progress | Remark | Validated, None, None]:
        """Train to the end, yielding progress, remarks and validations.

        Raises
        ------
        Stopped
            If a stop was asked for; the last step is saved.
        RunError
            If the loss is no longer finite or grows, or a survey has changed.
        """
        curves = Curves(self._run.curves, self._step) if self._group.is_first else nullcontext(None)
        with (
            curves as drawn,
            feeding(self._draw, self._step * self._settings.accumulate, self._setting.workers) as feed,
        ):
            self._curves, saved = drawn, time.monotonic()
            yield from self._catch_up(stop)
            if self._is_over:
                yield Remark(f"this run has ended after step {self._step}; to train further, begin one with --init")
            while not self._is_over:
                started = time.monotonic()
                learnt = self._learner.step(self._step, (feed.take() for _ in range(self._settings.accumulate)))
                yield self._learnt(learnt, time.monotonic() - started)
                yield from self._catch_up(stop)
                stopped = self._group.any(bool(stop))
                if stopped or self._is_over or time.monotonic() - saved >= 60 * self._settings.checkpoint_minutes:
                    if self._group.is_first:
                        self._setting.findings.require_unchanged()
                    self.save()
                    saved = time.monotonic()
                if stopped and not self._is_over:
                    self._stop(stop)
            self.settle()
            yield from self._group.first(self._finish())
            yield self._progress

    def _draw(self, number: int) -> Batch:
        """This process's part of the batch of that number: patches number · batch and following, over all processes."""
        size = self._settings.batch // self._group.count
        first = number * self._settings.batch + self._group.rank * size
        return self._setting.data.stream.batch(self._settings.seed, range(first, first + size))

    @property
    def _is_over(self) -> bool:
        patience = self._settings.patience
        given_up = bool(patience) and self._fruitless >= patience
        return (self._step >= self._settings.steps or given_up) and self._validated == self._step

    def _learnt(self, learnt: Learnt, seconds: float) -> Progress:
        """Take note of a step."""
        settings = self._settings
        samples = settings.batch * settings.accumulate
        first = self._step * samples
        told = (
            f"step {self._step} (learning rate {learnt.rate:.2g}), samples {first} to {first + samples - 1} "
            f"(geocnn plot --run {self._run.path} --sample {first} draws the first)"
        )
        self._watch.look(learnt.loss, told, settings.precision == "fp16")
        self._step += 1
        if self._average is not None:
            self._average.update(self._step)
        if self._step % LOG_EVERY == 0 or self._step in (1, settings.steps):
            known = {"gradient_norm": learnt.norm} if learnt.norm is not None else {}
            rate = samples * prod(self._setting.config.record.data.patch) / seconds
            self._log("train", loss=learnt.loss, learning_rate=learnt.rate, samples_per_second=rate, **known)
        self._told = f"loss {learnt.loss:.4f}, rate {learnt.rate:.2g}"
        return self._progress

    @property
    def _progress(self) -> Progress:
        note = ", ".join(part for part in (self._told, self._score, self._memory) if part)
        return Progress(self._step, self._settings.steps, "steps", note)

    @property
    def _memory(self) -> str:
        """The most memory that a GPU has given; that of a CPU is the process's own."""
        if self._group.device.kind != "cuda":
            return ""
        return f"GPU {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"

    def _catch_up(self, stop: StopRequest) -> Generator[Progress | Remark | Validated, None, None]:
        """Validate if that is due: after so many steps, after the last, and when a stop came in between."""
        every, steps = self._settings.validate_every, self._settings.steps
        due = self._step and (self._step % every == 0 or self._step == steps)
        if not due or self._validated == self._step:
            return
        validated = yield from self._group.first(self._validate(stop))
        if validated is None:
            self.save()
            self._stop(stop)
            return
        self._take(validated)
        if self._group.is_first:
            yield validated

    def _validate(self, stop: StopRequest) -> Work[Validated | None]:
        """Score what is held out, and write the model if it is the best; None if a stop was asked for."""
        patch = self._setting.config.record.data.patch
        network = self._learner.network
        with self._average.in_use() if self._average else nullcontext():
            work = validate(network, patch, self._setting.data.held, self._group.device)
            try:
                scores, panel = yield from heeding(work, stop)
            except Stopped:
                return None
            best = self._is_best(scores)
            if best:
                save_model(self._run.model, Model(network, self._contract(scores.best_threshold)))
        self._run.append_log(f"validation after step {self._step}: {scores.summary()}{', the best' if best else ''}")
        self._log("validation", **scores.to_json(), kept=best)
        return Validated(self._step, scores, panel, best)

    def _is_best(self, scores: Scores) -> bool:
        if self._settings.keep == "last" or self._best is None:
            return True
        return bool(scores.to_json()[self._settings.keep] > self._best)

    def _take(self, validated: Validated) -> None:
        """Take note of a validation, in every process."""
        self._validated = self._step
        keep = self._settings.keep
        name = "average_precision" if keep == "last" else keep
        score = validated.scores.to_json().get(name, validated.scores.to_json().get("mean_iou", 0.0))
        self._score = f"{name.replace('_', ' ')} {score:.3f}"
        if validated.is_best:
            self._best, self._fruitless = score, 0
        else:
            self._fruitless += 1

    def _stop(self, stop: StopRequest) -> None:
        """Leave, once the checkpoint is on the disk."""
        self.settle()
        reason = stop.reason if stop else "a signal to another process"
        if self._group.is_first:
            self._run.append_log(f"stopped by {reason} after step {self._step}")
        raise Stopped(
            f"stopped by {reason} after step {self._step} of {self._settings.steps}; everything is saved in "
            f"{self._run.path}",
            do="go on with the same command and --resume",
        )

    def _finish(self) -> Work[None]:
        """Say in the model file that its training has ended."""
        model = load_model(self._run.model)
        provenance = model.contract.provenance
        if self._step < self._settings.steps:
            text = f"no better {self._settings.keep} in {self._fruitless} validations: ended after step {self._step}"
            self._run.append_log(text)
            yield Remark(text)
        if provenance["step"] != f"{self._step} of {self._settings.steps}":
            kept = provenance["step"].partition(" of ")[0]
            yield Remark(f"the model is that of step {kept}, the best by {self._settings.keep.replace('_', ' ')}")
        if "ended" not in provenance:
            ended = {**provenance, "ended": str(self._step)}
            save_model(self._run.model, Model(model.network, model.contract.model_copy(update={"provenance": ended})))

    def _contract(self, threshold: float) -> Contract:
        record, checked = self._setting.config.record, self._setting.checked
        grids = grids_of(self._setting.config, checked)
        return Contract(
            spec=self._setting.config.spec,
            task=record.task,
            classes=record.classes,
            channels=checked.plan.input[0],
            axes=tuple(axis.name for axis in grids[0].axes),
            sampling=sampling(grids),
            patch=record.data.patch,
            normalisation=record.normalisation,
            statistics=self._setting.data.statistics.to_json(),
            threshold=threshold,
            provenance={
                "geocnn": version("geocnn"),
                "run": str(self._run.path),
                "step": f"{self._step} of {self._settings.steps}",
                "surveys": _named(labelled.image.name for labelled, _ in checked.training) or "none",
                **_recipes(checked),
            },
        )

    def _log(self, kind: str, **values: Any) -> None:
        if self._group.is_first:
            self._run.append_metrics({"kind": kind, "step": self._step, **values})
            if self._curves is not None:
                self._curves.add(kind, self._step, values)


def _recipes(checked: Preflight) -> dict[str, str]:
    """The synthetic worlds that were trained on, if any were."""
    names = [f"{entry.synthetic.recipe} (weight {entry.weight:g})" for entry in checked.synthetic]
    return {"worlds": ", ".join(names)} if names else {}


def _place(told: tuple[str, int]) -> str:
    """``cpu (2 threads), float32`` or ``2 processes on …``."""
    device, processes = told
    return device if processes == 1 else f"{processes} processes on {device}"


def _named(surveys: Iterable[str]) -> str:
    """Surveys without their folders, which are nobody else's business: all of a few, else the first and the last."""
    places = [split_name(name) for name in dict.fromkeys(surveys)]
    names = [f"{path.name}:{inside}" if inside else path.name for path, inside in places]
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} to {names[-1]}, {len(names)} in all"
