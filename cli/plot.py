"""``geocnn plot``"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, survey_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot"]


@survey_options
def plot(
    options: SurveyOptions,
    survey: Annotated[str | None, typer.Argument(help="Survey to draw.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write; its suffix names the format (.png, .pdf, .svg).",
            show_default="with --run: one of its pictures",
        ),
    ] = None,
    overlay: Annotated[
        str | None, typer.Option(help="Survey to lay over it: labels, probabilities or distances.")
    ] = None,
    inline: Annotated[float | None, typer.Option(help="Inline number; the middle one by default.")] = None,
    crossline: Annotated[float | None, typer.Option(help="Crossline number; the middle one by default.")] = None,
    slice_: Annotated[
        float | None, typer.Option("--slice", help="Time (ms) or depth (m) of the slice; the middle by default.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Run directory: draw its loss and scores, and no survey.")] = None,
    sample: Annotated[
        int | None, typer.Option(help="With --run: draw this sample of its training stream, as the network saw it.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw sections of a survey, with an overlay if there is one; or the loss and scores of a run, or a sample of it.

    Example: geocnn plot survey.sgy --overlay faults.sgy --inline 1448 --out faults.png
    """
    chosen = {"inline": inline, "crossline": crossline, "sample": slice_}
    where = {name: label for name, label in chosen.items() if label is not None}
    _require_one_subject(survey, run, overlay, where)
    _require_sample(run, sample)
    from geocnn.pictures import require_picture, save_figure, section_panels

    from . import report

    if out is None:
        out, overwrite = _picture_of(run, sample), True
    require_picture(out, overwrite)
    if run is not None:
        figure = _of_run(run, sample)
    else:
        from geocnn.survey.opening import open_pair, open_survey

        drawn = (open_survey(survey or "", options),) if overlay is None else open_pair(survey or "", overlay, options)
        for each in drawn:
            for remark in each.remarks:
                report.warn(f"{each.name}: {remark}")
        figure = section_panels(drawn[0], drawn[1] if len(drawn) > 1 else None, where)
    save_figure(figure, out, overwrite)
    report.say(f"done: {out}")


def _of_run(run: Path, sample: int | None) -> Figure:
    """The curves of a run, or a sample of its stream."""
    from geocnn.pictures import loss_curve, sample_panels
    from geocnn.run import RunDirectory

    if sample is None:
        return loss_curve(RunDirectory(run).metrics)
    from geocnn.survey.content import split_name
    from geocnn.training.starting import drawn_sample

    drawn = drawn_sample(RunDirectory(run), sample)
    patch = drawn.patch
    names = [axis.name for axis in patch.grid.axes]
    spans = ", ".join(
        f"{axis.name} {axis.label(first):g} to {axis.label(stop - 1):g} {axis.unit}".rstrip()
        for axis, first, stop in zip(patch.grid.axes, patch.window.start, patch.window.stop, strict=True)
    )
    survey = split_name(patch.source)[0].name
    title = f"sample {sample} of {run}\n{survey}: {spans}, before it was augmented"
    return sample_panels(drawn.patch.image, drawn.patch.label, names, drawn.classes, title)


def _picture_of(run: Path | None, sample: int | None) -> Path:
    """Where a picture of a run goes if nothing else is said: to the run's others."""
    from geocnn.run import RunDirectory

    if run is None:
        raise UsageError("no --out", expected="--out FILE, the picture to write", do="pass one, such as --out look.png")
    directory = RunDirectory(run)
    directory.require_begun()
    return directory.pictures / ("loss.png" if sample is None else f"sample-{sample}.png")


def _require_sample(run: Path | None, sample: int | None) -> None:
    """Refuse a sample of no run, or of no number."""
    if sample is not None and (run is None or sample < 0):
        raise UsageError(
            f"--sample {sample}{'' if run else ' without --run'}",
            expected="--run DIR --sample N, with N from 0 on",
            do="name the run; messages of training tell the numbers of its samples",
        )


def _require_one_subject(survey: str | None, run: Path | None, overlay: str | None, where: Mapping[str, float]) -> None:
    """Refuse to draw both a survey and a run, neither, or a run's sections."""
    expected, do = "a SURVEY, or --run DIR", "name one of them; geocnn plot --help has an example"
    if not survey and run is None:
        raise UsageError("nothing to draw", expected, do)
    if run is not None and (survey or overlay or where):
        raise UsageError("--run together with a survey, an overlay or a line", expected, do)
