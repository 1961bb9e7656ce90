"""A whole survey, predicted and written as it is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from geocnn.device import Device, sharers
from geocnn.errors import GeocnnError, ModelError, OutputError, RunError, Stopped, UsageError
from geocnn.interrupt import StopRequest, heeding, stop_requests
from geocnn.job_limits import seconds_left
from geocnn.model import Contract, Model, far_from_training, normalised, require_fit
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.choice import SHARE, Runner, averaged_pass, flips_of, inexact
from geocnn.prediction.content import Content, ContentName, Field
from geocnn.prediction.identity import identity_of
from geocnn.prediction.job import Going, Job, is_finished, open_job
from geocnn.prediction.passes import Times
from geocnn.prediction.ranges import Budget, Finished, RangeWork
from geocnn.prediction.windows import Blending
from geocnn.progress import Remark, Work
from geocnn.survey.creating import create_survey
from geocnn.survey.scan import Scan, Statistics, scan
from geocnn.survey.survey import NewSurvey, Survey, SurveyWriter

__all__ = ["Output", "Predicted", "predict_volume"]


@dataclass(frozen=True)
class Output:
    """Where a prediction goes, what is written, and what it may use.

    Parameters
    ----------
    path
        The file.
    content
        What is written.
    sample_format
        Name of the format of the samples, 4-byte floats by default; integers hold probabilities in percent.
    memory
        Bytes of activations; half of what is free by default.
    mirrored
        Whether to average over mirrored copies of the survey.
    blending
        How windows overlap, for networks that cannot be exact.
    going
        How to deal with what is there, and which part of the work to do.
    """

    path: str
    content: ContentName = "auto"
    sample_format: str | None = None
    memory: int | None = None
    mirrored: bool = False
    blending: Blending = field(default_factory=Blending)
    going: Going = field(default_factory=Going)

    @property
    def percent(self) -> bool:
        """Whether probabilities are written as 0 to 100."""
        return self.sample_format is not None and "int" in self.sample_format


@dataclass(frozen=True)
class Predicted:
    """What was done.

    Parameters
    ----------
    files
        The output's.
    whole
        Whether the output has its final name; else other processes are still at it.
    total
        Samples of the survey.
    finished
        What this process has done.
    seconds
        What the run took in all, and what threads spent reading, computing, writing, waiting; they overlap.
    """

    files: tuple[str, ...]
    whole: bool = True
    total: int = 0
    finished: Finished = field(default_factory=Finished)
    seconds: Mapping[str, float] = field(default_factory=dict)


def predict_volume(models: Sequence[Model], survey: Survey, output: Output, device: Device) -> Work[Predicted]:
    """Predict every sample of a survey and write it where the survey loads.

    The work is kept in a folder beside the output until all of it is done, so that it can go on after a stop, and
    several processes can share it.

    Parameters
    ----------
    models
        One, or several whose mean is taken; then their spread is written beside it.

    Raises
    ------
    ModelError
        If the survey is of another dimension or channel count than a model takes, or models differ in their classes.
    OutputError
        If the output exists or cannot be written.
    RunError
        If an unfinished prediction is of another model, survey or setting.
    Stopped
        If a signal asked to stop; everything is saved.
    """
    begun, finished = time.monotonic(), Finished()
    contract = _common(models, survey)
    flips = flips_of(survey.grid) if output.mirrored else [()]
    content = _content(output, contract, several=len(models) * len(flips) > 1)
    fields = content.fields(output.path)
    with stop_requests(seconds_left()) as stop:
        task = _Task(tuple(models), survey, output, device, content, fields, flips, stop)
        files = [each.file for each in fields]
        opening = open_job(files, task.identity, survey.grid.shape, output.going, task.begin)
        job = yield from heeding(opening, stop)
        if job is None:
            return Predicted(tuple(each.path for each in fields), is_finished(files), survey.grid.whole.size)
        try:
            whole = yield from task.complete(job, finished)
        except (OutputError, RunError):
            # Others may have finished all of it since the job was opened, and removed the folder.
            if not is_finished(files):
                raise
            whole = True
    seconds = {"total": time.monotonic() - begun, **task.times.seconds}
    return Predicted(tuple(each.path for each in fields), whole, survey.grid.whole.size, finished, seconds)


@dataclass(frozen=True)
class _Task:
    """What is to be predicted, by what and how."""

    models: tuple[Model, ...]
    survey: Survey
    output: Output
    device: Device
    content: Content
    fields: tuple[Field, ...]
    flips: Sequence[tuple[int, ...]]
    stop: StopRequest
    times: Times = field(default_factory=Times)

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides on the result."""
        exact = all(model.network.plan.exact for model in self.models)
        settings = {
            "--content": self.content.name,
            "--format": self.output.sample_format or "ieee",
            "--precision": self.device.precision,
            "--tta": self.output.mirrored,
            "windows": None if exact else str(self.output.blending),
            "geocnn": version("geocnn"),
        }
        return identity_of(self.models, self.survey, settings)

    def begin(self, folder: Path) -> Work[Scan]:
        """Make the files, with all but their samples, and scan the survey."""
        for each in self.fields:
            self.writer(each, folder).discard()
        with self.times.of("scan"):
            return (yield from scan(self.survey))

    def writer(self, each: Field, folder: Path) -> SurveyWriter:
        """The writer of a file, which lies in the folder until it is finished."""
        contract = self.models[0].contract
        new = NewSurvey(
            self.survey.grid,
            self.survey.domain,
            provenance=(f"geocnn: {each.what}", *(f"{key}: {value}" for key, value in contract.provenance.items())),
            sample_format=self.output.sample_format,
            coordinates=self.survey.coordinates,
        )
        # That nothing lies under its final name, or that it is to be replaced, was seen to when the job began.
        unfinished = folder / each.file.name
        return create_survey(each.path, new, like=self.survey, overwrite=True, unfinished=unfinished)

    def complete(self, job: Job, finished: Finished) -> Work[bool]:
        """Do this process's part of the job; whether the output has its final name now."""
        # A process that died while it gave files their final names leaves those that are still without.
        left = [each for each in self.fields if (job.folder / each.file.name).exists()]
        _require_rest(job, [each for each in self.fields if each not in left])
        with ExitStack() as stack:
            writers = [stack.enter_context(self.writer(each, job.folder)) for each in left]
            if len(left) == len(self.fields):
                try:
                    yield from self.compute(job, writers, finished)
                except GeocnnError as error:
                    if not isinstance(error, Stopped):
                        yield from job.abandon()
                    raise

            def commit() -> None:
                for writer in writers:
                    writer.commit()

            return (yield from job.publish(commit))

    def compute(self, job: Job, writers: Sequence[SurveyWriter], finished: Finished) -> Work[None]:
        """Compute what this process is to do."""
        found = job.scan()
        yield from _remarks(self.models, self.survey, found, self.device)
        if self.output.blending != Blending() and all(model.network.plan.exact for model in self.models):
            yield Remark("the network needs no windows: --overlap, --blending and --step change nothing")
        images = [_image(model, self.survey, found) for model in self.models]
        runner = Runner(self.device, self.content.activation, self.output.blending, self.times)
        taking = zip(self.models, images, strict=True)
        over = averaged_pass(
            runner, [(model.network, model.contract.patch, image) for model, image in taking], self.flips
        )
        going = self.output.going
        memory = self.output.memory or int(SHARE * self.device.free_memory() / sharers(self.device, going.process))
        budget = Budget(memory, self.output.memory is not None)
        work = RangeWork(job, going, over, budget, images[0], writers, self.content, self.device, self.times, self.stop)
        yield from work.run(finished)


def _require_rest(job: Job, gone: Sequence[Field]) -> None:
    """Refuse to go on without files that have not got their final names either."""
    lost = [each for each in gone if not (each.file.exists() and job.is_complete)]
    if lost:
        raise RunError(
            f"{job.folder / lost[0].file.name} is gone",
            expected="all files of an unfinished prediction",
            do=f"begin anew with --overwrite, or remove {job.folder}",
        )


def _common(models: Sequence[Model], survey: Survey) -> Contract:
    """The contract of the first model, which the others must agree with, and all with the survey."""
    first = models[0].contract
    for model in models:
        require_fit(model, survey)
        if model.contract.classes != first.classes:
            raise ModelError(
                f"one model tells {', '.join(first.classes)}, another {', '.join(model.contract.classes)}",
                expected="models of the same classes in the same order, whose mean means something",
                do="leave one of them out",
            )
    return first


def _content(output: Output, contract: Contract, *, several: bool) -> Content:
    if output.content == "values" and output.percent:
        raise UsageError(
            f"--content values in {output.sample_format}, which would round them to whole numbers",
            expected="a format of floats",
            do="leave --format out, or write probabilities",
        )
    return Content(
        output.content,
        contract.classes,
        contract.outputs,
        contract.threshold,
        percent=output.percent,
        several=several,
    )


def _image(model: Model, survey: Survey, found: Scan) -> NormalisedSurvey:
    """The survey as a model takes it."""
    contract = model.contract
    return normalised(survey, found, contract.normalisation, Statistics.from_json(contract.statistics))


def _remarks(models: Sequence[Model], survey: Survey, found: Scan, device: Device) -> Iterator[Remark]:
    """What the user must know of the survey and the models, each remark once."""
    far = [remark for model in models for remark in far_from_training(model, survey.grid, found.statistics)]
    windows = [words for model in models if (words := inexact(model.network))]
    rough = [UNPOOLED for model in models if device.precision == "bf16" and _unpools(model)]
    for text in dict.fromkeys((*far, *windows, *rough)):
        yield Remark(text)


UNPOOLED = "unpooling in bf16 puts samples where a rounded maximum was, far from float32's: pass --precision float32"


def _unpools(model: Model) -> bool:
    return any(node.kind == "unpool" for node in model.network.plan.trunk)
