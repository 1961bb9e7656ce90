"""The training loop: a pure function of config and seed, however often it is interrupted."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geocnn.augment import Augmentation
from geocnn.config import Config, dump_config
from geocnn.device import Device
from geocnn.errors import RunError, Stopped
from geocnn.grid import Grid, Window
from geocnn.interrupt import StopRequest, stop_requests
from geocnn.losses import LOSSES
from geocnn.marked import KeyPath, load_marked, parse_marked
from geocnn.metrics import Scores, score
from geocnn.model import Contract, Model, load_model, normalised, sampling, save_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.normalise import NormalisedSurvey
from geocnn.patches import Stream
from geocnn.prediction.choice import probability_slabs
from geocnn.preflight import Preflight, preflight
from geocnn.progress import Progress, Remark, Work
from geocnn.records import spell
from geocnn.run import Checkpoint, RunDirectory
from geocnn.settings import TrainingConfig
from geocnn.survey.content import split_name
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import FloatArray
from geocnn.transfer import load_weights

__all__ = ["Panel", "Start", "Validated", "learning_rate", "train"]

MOST_NAMED = 4
"""Training surveys that a model names one by one."""

LOG_EVERY = 10
"""Steps between two lines of ``metrics.jsonl``."""


@dataclass(frozen=True)
class Panel:
    """What is shown of a validation window, its middle plane if it is a volume.

    Samples, labels and probabilities have shape (X, S); `grid` is the plane's.
    """

    image: FloatArray
    label: NDArray[np.int8]
    probability: FloatArray
    grid: Grid


@dataclass(frozen=True)
class Validated:
    """What exact prediction of the validation data scored after `step` steps."""

    step: int
    scores: Scores
    panel: Panel


@dataclass(frozen=True)
class Start:
    """How a run begins: anew, from its last checkpoint (`resume`), or from the weights of another model (`initial`)."""

    resume: bool = False
    initial: Path | None = None


def train(
    config: Config, run: RunDirectory, device: Device, start: Start
) -> Generator[Progress | Remark | Validated, None, None]:
    """Train, yielding progress, remarks and validations.

    Raises
    ------
    Stopped
        If a signal asked to stop; the last step is saved.
    RunError
        If the run cannot start, go on, or its loss is no longer finite.
    """
    checked = preflight(config)
    initial = load_model(start.initial) if start.initial is not None else None
    if start.resume:
        _require_same(config, run)
    else:
        if initial is not None:
            load_weights(Network(checked.plan), initial)  # Refuse what fits nowhere before a folder is made.
        run.create(dump_config(config))
    with run.locked(), stop_requests() as stop:
        checkpoint, remarks = run.load() if start.resume else (None, [])
        for remark in (*checked.remarks, *remarks):
            yield Remark(remark)
        data = yield from prepare(config, checked)
        trainer = Trainer(config, checked, data, run, device)
        for remark in (*trainer.start_from(initial, start.initial), *trainer.resume_from(checkpoint)):
            yield Remark(remark)
        yield from trainer.steps(stop)


def _require_same(config: Config, run: RunDirectory) -> None:
    """Refuse to resume a run under another config."""
    if not run.config.exists():
        raise RunError(
            f"{run.path} holds no run",
            expected="the folder of a stopped run",
            do="check --run, or leave --resume out",
        )
    before, now = _leaves(load_marked(run.config).data), _leaves(parse_marked(dump_config(config), "config").data)
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key) and key[-1] != "checkpoint_minutes"]
    if changed:
        words = [f"{spell(key)} is {now.get(key, 'absent')}, was {before.get(key, 'absent')}" for key in changed[:6]]
        raise RunError(
            f"the config is not the one that the run in {run.path} began with: {'; '.join(words)}",
            expected="the same config (checkpoint_minutes may change)",
            do="restore it to resume, or start a new run in another folder, with --init for its weights",
        )


def _leaves(data: object, key: KeyPath = ()) -> dict[KeyPath, str]:
    """Every value of nested data, spelt, by its key path."""
    if not isinstance(data, dict | list):
        return {key: str(data)}
    items = data.items() if isinstance(data, dict) else enumerate(data)
    return {path: leaf for part, value in items for path, leaf in _leaves(value, (*key, part)).items()}


@dataclass(frozen=True)
class Data:
    """Training and validation surveys, scanned and normalised."""

    stream: Stream
    validation: tuple[tuple[NormalisedSurvey, LabelledSurvey, Window], ...]
    statistics: Statistics


def prepare(config: Config, checked: Preflight) -> Work[Data]:
    """Scan every image once and put it under the normalisation contract."""
    scans = {}
    for labelled, _ in (*checked.training, *checked.validation):
        if labelled not in scans:
            scans[labelled] = yield from scan(labelled.image)
    statistics = Statistics.pooled([scans[labelled].statistics for labelled, _ in checked.training])
    policy = config.record.normalisation
    images = {labelled: normalised(labelled.image, found, policy, statistics) for labelled, found in scans.items()}
    stream = Stream(
        [(images[labelled], labelled, (window,)) for labelled, window in checked.training],
        config.record.data.patch,
        Augmentation(**config.record.augmentation.model_dump()),
    )
    validation = tuple((images[labelled], labelled, window) for labelled, window in checked.validation)
    return Data(stream, validation, statistics)


class Trainer:
    """One run: network, optimiser and data, and the step that binds them."""

    def __init__(self, config: Config, checked: Preflight, data: Data, run: RunDirectory, device: Device) -> None:
        self.config = config
        self.settings = config.record.training
        self.checked = checked
        self.data = data
        self.run = run
        self.device = device
        self.fabric = device.fabric()
        self.loss = LOSSES[self.settings.loss](len(config.record.classes))
        network = Network(checked.plan)
        initialise(network, self.settings.seed)
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=self.settings.weight_decay)
        self.network, self.optimizer = self.fabric.setup(network, optimizer)
        self.bare = network
        self.step = 0

    def start_from(self, initial: Model | None, source: Path | None) -> list[str]:
        """Take up the weights of another model; remarks about it."""
        if initial is None:
            return []
        return [load_weights(self.bare, initial).summary(str(source))]

    def resume_from(self, checkpoint: Checkpoint | None) -> list[str]:
        """Take up the state of a checkpoint; remarks about it."""
        if checkpoint is None:
            return []
        self.bare.load_state_dict(checkpoint.network)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.step = checkpoint.step
        if checkpoint.device == str(self.device):
            return []
        return [
            f"resumed on {self.device} after {checkpoint.device}: "
            "weights will differ from an uninterrupted run's in the last bits"
        ]

    def steps(self, stop: StopRequest) -> Iterator[Progress | Validated]:
        """Train to the last step, with validations and checkpoints on the way."""
        self.run.describe(self.device)
        self.run.forget_after(self.step)
        self.run.append_log(f"training from step {self.step} on {self.device}")
        saved = time.monotonic()
        every = self.settings.validate_every
        while self.step < self.settings.steps:
            yield self._train_step()
            last = self.step == self.settings.steps
            if last or (every and self.step % every == 0):
                yield self._validate()
            if stop or last or time.monotonic() - saved >= 60 * self.settings.checkpoint_minutes:
                self._save()
                saved = time.monotonic()
            if stop and not last:
                self.run.append_log(f"stopped after step {self.step}")
                raise Stopped(
                    f"stopped by {stop.signal.name if stop.signal else 'a signal'} after step {self.step} of "
                    f"{self.settings.steps}; everything is saved in {self.run.path}",
                    do="go on with the same command and --resume",
                )

    def _train_step(self) -> Progress:
        """One step of the optimiser on one batch."""
        started = time.monotonic()
        rate = learning_rate(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        image, label = self.data.stream.batch(self.settings.seed, self.step, self.settings.batch)
        torch.manual_seed(int(np.random.SeedSequence([self.settings.seed, self.step]).generate_state(1)[0]))
        self.network.train()
        logits = self.network(self.fabric.to_device(torch.from_numpy(image)))
        target = self.fabric.to_device(torch.from_numpy(label).long())
        loss = self.loss.value(self.loss.sums(logits, target))
        self._require_finite(loss.item(), rate)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        self.step += 1
        if self.step % LOG_EVERY == 0 or self.step in (1, self.settings.steps):
            speed = target.numel() / (time.monotonic() - started)
            self._log("train", loss=loss.item(), learning_rate=rate, samples_per_second=speed)
        return Progress(self.step, self.settings.steps, "steps", f"loss {loss.item():.4f}, rate {rate:.2g}")

    def _require_finite(self, loss: float, rate: float) -> None:
        if not math.isfinite(loss):
            raise RunError(
                f"the loss is {loss} at step {self.step} (learning rate {rate:.2g})",
                expected="a finite loss",
                do="lower training.learning_rate, or train in float32 (training.precision)",
            )

    def _validate(self) -> Validated:
        """Score the exact prediction of the validation data and write the model with the best threshold."""
        panels: list[Panel] = []
        scores = score([self._blocks(*held, panels) for held in self.data.validation], len(self.config.record.classes))
        self._log("validation", **scores.to_json())
        save_model(self.run.model, Model(self.bare, self._contract(scores.best_threshold)))
        self.run.append_log(f"validation after step {self.step}: {scores.summary()}")
        return Validated(self.step, scores, panels[0])

    def _blocks(
        self, image: NormalisedSurvey, labelled: LabelledSurvey, within: Window, panels: list[Panel]
    ) -> Iterator[tuple[Window, FloatArray, NDArray[np.int8]]]:
        """Slabs of a validation window with probabilities and labels; what there is to show of it becomes a panel."""
        plane = _shown(within)
        parts: list[tuple[NDArray[Any], ...]] = []
        for slab, probability in probability_slabs(
            self.bare, self.config.record.data.patch, image, within, self.device
        ):
            samples, live = image.both(slab)
            label = np.where(live, labelled.labels(slab), -1).astype(np.int8)
            shown = slab.within(plane)
            if shown.size:
                at = shown.shifted([-start for start in slab.start]).slices
                parts.append((samples[0][at], label[at], probability[-1][at]))
            yield slab, probability, label
        flat = [np.concatenate(part).reshape(-1, within.shape[-1]) for part in zip(*parts, strict=True)]
        panels.append(Panel(flat[0], flat[1], flat[2], image.grid.part(plane)))

    def _contract(self, threshold: float) -> Contract:
        record = self.config.record
        grid = self.checked.training[0][0].grid
        return Contract(
            spec=self.config.spec,
            task=record.task,
            classes=record.classes,
            channels=self.checked.plan.input[0],
            axes=tuple(axis.name for axis in grid.axes),
            sampling=sampling(grid),
            patch=record.data.patch,
            normalisation=record.normalisation,
            statistics=self.data.statistics.to_json(),
            threshold=threshold,
            provenance={
                "geocnn": version("geocnn"),
                "run": str(self.run.path),
                "step": f"{self.step} of {self.settings.steps}",
                "surveys": _named(labelled.image.name for labelled, _ in self.checked.training),
            },
        )

    def _save(self) -> None:
        self.run.save(Checkpoint(self.step, self.bare.state_dict(), self.optimizer.state_dict(), str(self.device)))

    def _log(self, kind: str, **values: object) -> None:
        self.run.append_metrics({"kind": kind, "step": self.step, **values})


def _named(surveys: Iterable[str]) -> str:
    """Surveys without their folders, which are nobody else's business: all of a few, else the first and the last."""
    places = [split_name(name) for name in dict.fromkeys(surveys)]
    names = [f"{path.name}:{inside}" if inside else path.name for path, inside in places]
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} to {names[-1]}, {len(names)} in all"


def _shown(within: Window) -> Window:
    """The middle plane of a volume along its first axis; all of what is flatter."""
    if len(within.shape) < 3:
        return within
    middle = (within.start[0] + within.stop[0]) // 2
    return Window((middle, *within.start[1:]), (middle + 1, *within.stop[1:]))


def learning_rate(step: int, settings: TrainingConfig) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to zero.

    Notes
    -----
    With w steps of warm-up and n in all: rate · (k + 1) / w for k < w, else rate · ½ (1 + cos π (k − w) / (n − w)).
    The cosine is that of Loshchilov & Hutter, 2017 (SGDR), without restarts.
    """
    warmup = settings.warmup
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (settings.steps - warmup)))
