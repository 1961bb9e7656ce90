"""``geocnn inspect``"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from geocnn.survey.options import SurveyOptions

from .options import JsonOption, survey_options

__all__ = ["inspect"]

TEXT_LINES = 6
"""Lines of the text header that are shown."""


@survey_options
def inspect(
    survey: Annotated[list[str], typer.Argument(help="Survey to look at; several files are stacked as channels.")],
    options: SurveyOptions,
    picture: Annotated[Path | None, typer.Option(help="Draw sections to this PNG file.")] = None,
    json: JsonOption = False,
) -> None:
    """Tell what a survey file holds: format, axes, domain, bins, statistics, and what is odd about it.

    Example: geocnn inspect survey.sgy --picture survey.png
    """
    from geocnn.survey.opening import open_survey
    from geocnn.survey.scan import scan
    from geocnn.survey.summary import summary

    from . import report

    if picture is not None:
        from geocnn.pictures import require_picture, save_figure, section_panels

        require_picture(picture)
    opened = open_survey(survey, options)
    told = summary(opened, report.show(scan(opened, strict=False), "scanning"))
    if json:
        report.print_json(told)
    else:
        report.table(opened.name, ("", ""), list(_rows(told)))
        for remark in opened.remarks:
            report.warn(remark)
    if picture is not None:
        save_figure(section_panels(opened, None, {}), picture)


def _rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A summary as rows of subject and finding."""
    yield from told["file"].items()
    for axis in told["axes"]:
        unit = f" {axis['unit']}" if axis["unit"] else ""
        yield (
            axis["name"],
            f"{axis['first']:g} to {axis['last']:g}{unit}, step {axis['step']:g}{unit}, {axis['size']:,} positions",
        )
    yield "domain", f"{told['domain']['name']} in {told['domain']['unit']} ({told['domain']['source']})"
    if told["bins"]:
        yield "bins", _bins(told["bins"])
    yield "live", _live(told)
    if told["samples"]["not_finite"]:
        wrong = told["samples"]["not_finite"]
        yield (
            "not finite",
            f"{wrong['nans']:,} NaN, {wrong['infinite']:,} infinite samples, the first at {wrong['first']}",
        )
    if told["samples"]["live"]:
        yield from _statistics(told)
    for number, line in enumerate(told["text"][:TEXT_LINES]):
        yield "" if number else "text header", line
    if len(told["text"]) > TEXT_LINES:
        yield "", f"… and {len(told['text']) - TEXT_LINES} more lines"


def _bins(bins: Mapping[str, Any]) -> str:
    hand = "right" if bins["right_handed"] else "left"
    return (
        f"{bins['size'][0]:.4g} between inlines, {bins['size'][1]:.4g} between crosslines (units of the coordinates); "
        f"inlines run at azimuth {bins['azimuth']:.1f}°, {hand}-handed; largest misfit {bins['misfit']:.2g}"
    )


def _live(told: Mapping[str, Any]) -> str:
    """Live samples, dead traces, gaps and nulls."""
    traces, samples = told["traces"], told["samples"]
    parts = [
        f"{100 * samples['live'] / samples['all']:.1f} % of {samples['all']:,} samples",
        f"{traces['dead']:,} of {traces['positions'] - traces['missing']:,} traces dead",
        f"{traces['missing']:,} of {traces['positions']:,} positions without a trace",
    ]
    return ", ".join([*parts, f"{samples['null']:,} nulls"] if samples["null"] else parts)


def _statistics(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Statistics of each channel, and the spectrum."""
    statistics, percentiles = told["statistics"], told["percentiles"]
    for channel in range(told["channels"]):
        name = f"channel {channel}, " if told["channels"] > 1 else ""
        # What is not finite is null in the summary: amplitudes beyond all bounds.
        mean, std, low, high = (
            "infinite" if statistics[key][channel] is None else f"{statistics[key][channel]:.4g}"
            for key in ("mean", "std", "minimum", "maximum")
        )
        yield f"{name}amplitudes", f"mean {mean}, std {std}, from {low} to {high}"
        yield (
            f"{name}percentiles",
            ", ".join(f"p{p} {values[channel]:.4g}" for p, values in percentiles.items()),
        )
    spectrum = statistics["spectrum"]
    if spectrum:
        unit = spectrum["unit"]
        yield (
            "spectrum",
            f"peak {spectrum['peak']:.3g} {unit}, {spectrum['low']:.3g} to {spectrum['high']:.3g} {unit} at −20 dB",
        )
