"""``geocnn convert``"""

from __future__ import annotations

from typing import Annotated

import typer

from geocnn.survey.options import SampleFormatName, SurveyOptions

from .options import OverwriteOption, survey_options

__all__ = ["convert"]

MANY = 1.0
"""Percent of clipped samples from which the format does not fit the samples."""


@survey_options
def convert(
    survey: Annotated[
        list[str], typer.Argument(help="Survey to convert; several files, or a folder, are one survey or its channels.")
    ],
    out: Annotated[
        str,
        typer.Argument(
            help="Output; its suffix names the format (.sgy, .su, .h5, .npy, .dat); for HDF5 also out.h5:/name."
        ),
    ],
    options: SurveyOptions,
    format: Annotated[
        SampleFormatName | None,
        typer.Option(help="Sample format of the output; by default SEG-Y keeps its own, all else is ieee."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a survey in another format. SEG-Y that stays SEG-Y keeps headers and samples bit for bit.

    Example: geocnn convert survey.sgy survey.h5
    """
    from geocnn.conversion import convert as converted
    from geocnn.survey.opening import open_survey

    from . import report

    opened = open_survey(survey, options)
    for remark in opened.remarks:
        report.warn(remark)
    done = report.show(converted(opened, out, format, overwrite=overwrite), "converting")
    if done.rounded:
        report.warn(f"{done.rounded:,} samples were rounded: they have more digits than 4-byte floats")
    if done.clipped:
        share = 100 * done.clipped / done.samples
        report.warn(
            f"{done.clipped:,} samples ({share:.2g} %) were clipped to what {done.sample_format} can hold"
            + (": amplitudes need --format int16, int32 or ieee" if share > MANY else "")
        )
    report.say(f"done: {out}, {done.samples:,} samples" + (", copied bit for bit" if done.native else ""))
    if done.layout:
        report.say(f"it has no header: read it with {done.layout}")
