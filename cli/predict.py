"""``geocnn predict``"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from geocnn.survey.options import SampleFormatName, SurveyOptions

from .options import (
    DeviceOption,
    JsonOption,
    OverwriteOption,
    PrecisionOption,
    read_bytes,
    read_sizes,
    survey_options,
)

if TYPE_CHECKING:
    from geocnn.model import Contract
    from geocnn.prediction.volume import Predicted

__all__ = ["predict"]

WINDOWS = "Overlapping windows, for networks that look at their whole input"


@survey_options
def predict(
    model: Annotated[Path, typer.Argument(help="Run directory or model file. Further ones after it: their mean.")],
    survey: Annotated[list[str], typer.Argument(help="Survey to predict; several files are stacked as channels.")],
    out: Annotated[str, typer.Option(help="Output; its suffix names the format (.sgy, .h5, .npy, …).")],
    options: SurveyOptions,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a stopped prediction ended; without one, begin.")
    ] = False,
    overwrite: OverwriteOption = False,
    content: Annotated[
        Literal["auto", "probability", "class", "values"],
        typer.Option(
            help="What is written; auto is the probability of the second of two classes, and the class index of more. "
            "Probabilities and values of several classes are a file each, such as out-salt.sgy."
        ),
    ] = "auto",
    format: Annotated[
        SampleFormatName | None,
        typer.Option(
            help="Sample format of the output, ieee by default; integers hold probabilities as 0 to 100, "
            "which geocnn plot draws alike, and classes as they are."
        ),
    ] = None,
    tta: Annotated[
        bool,
        typer.Option("--tta", help="Mean over mirrored copies of the survey, lines backward; OUT-spread beside it."),
    ] = False,
    memory: Annotated[
        str | None, typer.Option(help="Memory for activations, such as 8GB; half of what is free by default.")
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    part: Annotated[
        str | None,
        typer.Option(
            help="Do one of several parts, such as 2/8, each in a job of its own; the last to end joins them."
        ),
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="Share that two windows have in common.", rich_help_panel=WINDOWS)
    ] = 0.5,
    blending: Annotated[
        Literal["gaussian", "cosine", "none"], typer.Option(help="How windows are weighed.", rich_help_panel=WINDOWS)
    ] = "gaussian",
    step: Annotated[
        str | None,
        typer.Option(help="Samples from one window to the next, such as 8,8,8.", rich_help_panel=WINDOWS),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a trained network over a whole survey.

    Example: geocnn predict runs/first new.sgy --out new-faults.sgy
    """
    from geocnn.device import choose_device, keep_freed_memory, share_machine
    from geocnn.model import load_model
    from geocnn.prediction.job import Going
    from geocnn.prediction.volume import Output, predict_volume
    from geocnn.prediction.windows import Blending
    from geocnn.processes import this_process
    from geocnn.survey.opening import open_survey

    from . import report

    steps = None if step is None else read_sizes("--step", step, "numbers from 1 on, such as 8,8,8", "correct --step")
    process = this_process()
    output = Output(
        out,
        content,
        format,
        read_bytes(memory) if memory is not None else None,
        tta,
        Blending(overlap, blending, steps),
        Going(resume, overwrite, _part(part), process),
    )
    share_machine(process)
    chosen = choose_device(device, precision)
    keep_freed_memory()
    models, surveys = _sorted([model], survey)
    trained = [load_model(each) for each in models]
    opened = open_survey(surveys, options)
    if not json:
        report.say(f"predicting {opened.name} on {chosen}")
    for remark in opened.remarks:
        report.warn(remark)
    done = report.show(predict_volume(trained, opened, output, chosen), "predicting")
    if json:
        report.print_json(_summary(done, content == "values"))
        return
    _tell(done, trained[0].contract, content == "values", format)


def _part(said: str | None) -> tuple[int, int] | None:
    """``2/8`` as (2, 8)."""
    from geocnn.errors import UsageError

    if said is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", said.strip())
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--part {said}", expected="which part of how many: 1/8 to 8/8", do="correct --part")
    return int(found[1]), int(found[2])


def _sorted(models: list[Path], names: list[str]) -> tuple[list[Path], list[str]]:
    """Models, and the files of the survey: further models come before these."""
    from geocnn.errors import UsageError
    from geocnn.model import is_model

    rest = list(names)
    while rest and is_model(Path(rest[0])):
        models = [*models, Path(rest.pop(0))]
    if not rest:
        raise UsageError(
            f"{', '.join(map(str, models))}: models, and no survey",
            expected="MODEL … SURVEY",
            do="name the survey to predict last",
        )
    return models, rest


def _summary(done: Predicted, values: bool) -> dict[str, object]:
    """What a program may read; null is what is not known."""
    finished, seconds = done.finished, done.seconds
    counts = finished.counts if finished.samples else None
    return {
        "files": list(done.files),
        "whole": done.whole,
        "total": done.total,
        "samples": finished.samples,
        "computed": finished.computed,
        "dead": counts and counts.dead,
        "positive": counts and (None if values else counts.positive),
        "clipped": counts and counts.clipped,
        "plans": list(finished.plans),
        "samples_per_second": finished.computed / seconds["total"] if seconds else None,
        "seconds": {name: round(each, 3) for name, each in seconds.items()},
    }


def _tell(done: Predicted, contract: Contract, values: bool, format: str | None) -> None:
    """Say what was written, and what is still missing."""
    from . import report

    finished, files = done.finished, ", ".join(done.files)
    counts = finished.counts
    if not finished.samples:
        report.say(f"{files}: already there" if done.whole else f"{files}: others are at work on what is left")
        return
    live = max(1, finished.samples - counts.dead)
    found = f"at or above {contract.threshold:g}" if contract.outputs == 1 else f"not {contract.classes[0]}"
    end = "done" if done.whole else "this part is done; the file appears when the others are"
    own = "" if finished.samples == done.total else f" of {done.total:,}"
    share = "" if values else f"; {100 * counts.positive / live:.1f} % of the live ones {found}"
    report.say(f"{end}: {files}, {finished.samples:,}{own} samples, {counts.dead:,} dead{share}")
    if counts.clipped:
        report.warn(f"{counts.clipped:,} samples were clipped to what {format} can hold")
    if finished.computed:
        spent = ", ".join(f"{name} {done.seconds[name]:.1f}" for name in _SPENT if name in done.seconds)
        rate = report.short(finished.computed / done.seconds["total"])
        report.say(f"{rate} samples/s; {done.seconds['total']:.1f} s in all: {spent} (side by side)")


_SPENT = ("read", "compute", "write", "wait")
