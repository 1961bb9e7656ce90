"""A whole survey, predicted and written as it is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geocnn.device import Device
from geocnn.errors import ModelError
from geocnn.interrupt import heeding, stop_requests
from geocnn.model import Contract, Model, far_from_training, normalised, require_fit
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.choice import SHARE, Runner, averaged_pass, flips_of, inexact
from geocnn.prediction.content import Content, ContentName, Field
from geocnn.prediction.identity import identity_of
from geocnn.prediction.job import Going, open_job
from geocnn.prediction.passes import Times
from geocnn.prediction.ranges import Finished, RangeWork
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
    finished
        What this process has done.
    seconds
        What the run took in all, and what threads spent reading, computing, writing, waiting; they overlap.
    """

    files: tuple[str, ...]
    whole: bool = True
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
    begun, times, finished = time.monotonic(), Times(), Finished()
    contract = _common(models, survey)
    flips = flips_of(survey.grid) if output.mirrored else [()]
    content = _content(output, contract, several=len(models) * len(flips) > 1)
    fields = content.fields(output.path)
    paths = tuple(each.path for each in fields)
    identity = identity_of(models, survey, _settings(output, device, content, models))

    def begin(folder: Path) -> Work[Scan]:
        found = yield from heeding(scan(survey), stop)
        for each in fields:
            _writer(each, survey, output, models[0], folder).discard()
        return found

    with stop_requests() as stop, ExitStack() as stack:
        job = yield from open_job([each.file for each in fields], identity, survey.grid.shape, output.going, begin)
        if job is None:
            return Predicted(paths)
        # A process that died while it gave files their final names leaves those that are still without.
        left = [each for each in fields if (job.folder / each.file.name).exists()]
        writers = [stack.enter_context(_writer(each, survey, output, models[0], job.folder)) for each in left]
        if len(left) == len(fields):
            found = job.scan()
            yield from _remarks(models, survey, found)
            images = [_image(model, survey, found) for model in models]
            members = [
                (model.network, model.contract.patch, image) for model, image in zip(models, images, strict=True)
            ]
            over = averaged_pass(Runner(device, content.activation, output.blending, times), members, flips)
            memory = output.memory or int(SHARE * device.free_memory() / output.going.process.local_count)
            work = RangeWork(job, output.going, over, memory, images[0], writers, content, device, times, stop)
            yield from work.run(finished)

        def commit() -> None:
            for writer in writers:
                writer.commit()

        whole = yield from job.publish(commit)
    seconds = {"total": time.monotonic() - begun, **times.seconds}
    return Predicted(paths, whole, finished, seconds)


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
    return Content(
        output.content,
        contract.classes,
        contract.outputs,
        contract.threshold,
        percent=output.percent,
        several=several,
    )


def _settings(output: Output, device: Device, content: Content, models: Sequence[Model]) -> dict[str, Any]:
    """What the user chose that decides on the result."""
    exact = all(model.network.plan.exact for model in models)
    return {
        "content": content.name,
        "sample format": output.sample_format or "ieee",
        "precision": device.precision,
        "mirrored copies": output.mirrored,
        "windows": None if exact else asdict(output.blending),
    }


def _writer(each: Field, survey: Survey, output: Output, model: Model, folder: Path) -> SurveyWriter:
    """The writer of an output file, which lies in the folder until it is finished."""
    contract = model.contract
    new = NewSurvey(
        survey.grid,
        survey.domain,
        provenance=(f"geocnn: {each.what}", *(f"{key}: {value}" for key, value in contract.provenance.items())),
        sample_format=output.sample_format,
        coordinates=survey.coordinates,
    )
    # That nothing lies under its final name, or that it is to be replaced, was seen to when the job began.
    return create_survey(each.path, new, like=survey, overwrite=True, unfinished=folder / each.file.name)


def _image(model: Model, survey: Survey, found: Scan) -> NormalisedSurvey:
    """The survey as a model takes it."""
    contract = model.contract
    return normalised(survey, found, contract.normalisation, Statistics.from_json(contract.statistics))


def _remarks(models: Sequence[Model], survey: Survey, found: Scan) -> Iterator[Remark]:
    """What the user must know of the survey and the models, each remark once."""
    far = [remark for model in models for remark in far_from_training(model, survey.grid, found.statistics)]
    windows = [words for model in models if (words := inexact(model.network))]
    for text in dict.fromkeys((*far, *windows)):
        yield Remark(text)
