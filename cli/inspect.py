"""``geocnn inspect``"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from geocnn.survey.options import SurveyOptions

from .options import JsonOption, survey_options

__all__ = ["inspect"]


@survey_options
def inspect(
    survey: Annotated[list[str], typer.Argument(help="Survey to look at; several files are stacked as channels.")],
    options: SurveyOptions,
    picture: Annotated[
        Path | None, typer.Option(help="Draw sections, a map, histogram and spectrum to this file (.png, .pdf, .svg).")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read all samples of a large survey, not an even sample of its traces.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tell what a survey file holds: format, axes, domain, bins, amplitudes, and what looks wrong with it.

    Of a large survey an even sample of the traces is read, which takes about a second.

    Example: geocnn inspect survey.sgy --picture survey.png
    """
    from geocnn.survey.opening import open_survey
    from geocnn.survey.sampling import look
    from geocnn.survey.summary import summary

    from . import report
    from .survey_screen import WIDEST, survey_screen

    if picture is not None:
        from geocnn.pictures import require_picture

        require_picture(picture)
    opened = open_survey(survey, options, glanced=not whole)
    seen = report.show(look(opened, whole), "scanning")
    told = summary(opened, seen)
    if json:
        report.print_json(told)
    else:
        for line in survey_screen(told, shutil.get_terminal_size((WIDEST, 24)).columns):
            report.say(line)
    if picture is not None:
        from geocnn.pictures import save_figure, survey_overview

        save_figure(survey_overview(opened, seen), picture)
