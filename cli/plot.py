"""``geocnn plot``"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, survey_options

__all__ = ["plot"]


@survey_options
def plot(
    out: Annotated[Path, typer.Option(help="Picture to write; its suffix names the format (.png, .pdf, .svg).")],
    options: SurveyOptions,
    survey: Annotated[str | None, typer.Argument(help="Survey to draw.")] = None,
    overlay: Annotated[str | None, typer.Option(help="Survey to lay over it: labels or probabilities.")] = None,
    inline: Annotated[float | None, typer.Option(help="Inline number; the middle one by default.")] = None,
    crossline: Annotated[float | None, typer.Option(help="Crossline number; the middle one by default.")] = None,
    slice_: Annotated[
        float | None, typer.Option("--slice", help="Time (ms) or depth (m) of the slice; the middle by default.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Run directory: draw its loss and scores, and no survey.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw sections of a survey, with an overlay if there is one; or the loss and scores of a run.

    Example: geocnn plot survey.sgy --overlay faults.sgy --inline 1448 --out faults.png
    """
    chosen = {"inline": inline, "crossline": crossline, "sample": slice_}
    where = {name: label for name, label in chosen.items() if label is not None}
    _require_one_subject(survey, run, overlay, where)
    from geocnn.pictures import loss_curve, require_picture, save_figure, section_panels

    from . import report

    require_picture(out, overwrite)
    if run is not None:
        from geocnn.run import RunDirectory

        figure = loss_curve(RunDirectory(run).metrics)
    else:
        from geocnn.survey.opening import open_pair, open_survey

        drawn = (open_survey(survey or "", options),) if overlay is None else open_pair(survey or "", overlay, options)
        for each in drawn:
            for remark in each.remarks:
                report.warn(f"{each.name}: {remark}")
        figure = section_panels(drawn[0], drawn[1] if len(drawn) > 1 else None, where)
    save_figure(figure, out, overwrite)
    report.say(f"done: {out}")


def _require_one_subject(survey: str | None, run: Path | None, overlay: str | None, where: Mapping[str, float]) -> None:
    """Refuse to draw both a survey and a run, neither, or a run's sections."""
    expected, do = "a SURVEY, or --run DIR", "name one of them; geocnn plot --help has an example"
    if not survey and run is None:
        raise UsageError("nothing to draw", expected, do)
    if run is not None and (survey or overlay or where):
        raise UsageError("--run together with a survey, an overlay or a line", expected, do)
