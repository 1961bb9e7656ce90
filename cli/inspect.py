"""``geocnn inspect``"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from geocnn.survey.options import SurveyOptions

from .options import JsonOption, survey_options

__all__ = ["inspect"]

TEXT_LINES = 6
"""Lines of the text header that are shown."""

MOST_CLASSES = 12
"""Values of a label that are shown."""

Told = Mapping[str, Any]
Rows = Iterator[tuple[str, str]]


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

    if picture is not None:
        from geocnn.pictures import require_picture

        require_picture(picture)
    opened = open_survey(survey, options, glanced=not whole)
    seen = report.show(look(opened, whole), "scanning")
    told = summary(opened, seen)
    if json:
        report.print_json(told)
    else:
        report.table(opened.name, ("", ""), [row for part in _PARTS for row in part(told)])
        for remark in opened.remarks:
            report.warn(remark)
    if picture is not None:
        from geocnn.pictures import save_figure, survey_overview

        save_figure(survey_overview(opened, seen), picture)


def _file(told: Told) -> Rows:
    """What the file says of itself, but for the places that stand with their axes."""
    placed = {f"{axis['name']} numbers" for axis in told["axes"]} | {"start"}
    yield from ((subject, words) for subject, words in told["file"].items() if subject not in placed)


def _axes(told: Told) -> Rows:
    """Axes, where their numbers come from, and the domain."""
    for axis in told["axes"]:
        unit = f" {axis['unit']}" if axis["unit"] else ""
        words = f"{axis['first']:g} to {axis['last']:g}{unit}, step {axis['step']:g}{unit}, {axis['size']:,} positions"
        source = told["file"].get("start" if axis["name"] == "sample" else f"{axis['name']} numbers")
        yield axis["name"], f"{words}; {source}" if source else words
    domain = told["domain"]
    doubt = ": pass --domain depth if it is depth" if domain["source"] == "assumed" else ""
    yield "domain", f"{domain['name']} in {domain['unit']} ({domain['source']}{doubt})"


def _bins(told: Told) -> Rows:
    """Bins and corners, in units of the coordinates."""
    bins = told["bins"]
    if bins is None:
        return
    hand = "right-handed" if bins["right_handed"] else "left-handed (mirrored)"
    yield (
        "bins",
        f"{bins['size'][0]:.4g} between inlines, {bins['size'][1]:.4g} between crosslines (units of the coordinates); "
        f"inlines run at azimuth {bins['azimuth']:.1f}°, {hand}; largest misfit {bins['misfit']:.2g}",
    )
    inline, crossline = told["axes"][:2]
    numbers = [(i, x) for i in (inline["first"], inline["last"]) for x in (crossline["first"], crossline["last"])]
    corners = [
        f"{i:g}/{x:g}: {round(place[0], 1) + 0:.1f} {round(place[1], 1) + 0:.1f}"
        for (i, x), place in zip(numbers, bins["corners"], strict=True)
    ]
    yield "corners", "; ".join(corners[:2])
    yield "", "; ".join(corners[2:])


def _live(told: Told) -> Rows:
    """Live samples, dead traces, gaps, mutes and nulls, and a map if traces are missing or dead."""
    traces, samples = told["traces"], told["samples"]
    held = traces["positions"] - traces["missing"]
    if traces["seen"] < held:
        yield "sampled", f"{traces['seen']:,} of {held:,} traces, evenly; all below is of these (--whole reads all)"
    parts = [f"{traces['missing']:,} of {traces['positions']:,} positions without a trace"]
    if samples["null"]:
        parts.append(f"{samples['null']:,} nulls")
    # Traces of a label may well be constant.
    if not told["classes"]:
        live = f"{100 * samples['live'] / max(samples['seen'], 1):.1f} % of {samples['seen']:,} samples"
        parts = [live, f"{traces['dead']:,} of {traces['seen']:,} traces dead", *parts]
    yield "traces" if told["classes"] else "live", ", ".join(parts)
    if told["mutes"]:
        yield "muted", _mutes(told)
    if told["map"]:
        rows, across, down = (told["map"][key] for key in ("rows", "across", "down"))
        for number, row in enumerate(rows):
            yield "" if number else "live traces", row
        keys = ["█ all live", "· none", *(["? not sampled"] if "?" in "".join(rows) else [])]
        yield "", f"{across} → {down}{' ↓' if down else ''}   {', '.join(keys)}"


def _mutes(told: Told) -> str:
    """What is constant at the ends of the live traces."""
    mutes, axis = told["mutes"], told["axes"][-1]
    ends = [
        f"{mutes[end] * abs(axis['step']):g} {axis['unit']}".strip() + f" at the {end}"
        for end in ("top", "bottom")
        if mutes[end]
    ]
    typical = f", typically {' and '.join(ends)}" if ends else ""
    return f"{100 * mutes['share']:.1f} % of the samples of live traces are constant at an end{typical}"


def _amplitudes(told: Told) -> Rows:
    """Values of a label; or statistics of each channel, trend and spectrum."""
    if told["classes"]:
        total = sum(told["classes"].values())
        shown = list(told["classes"].items())[:MOST_CLASSES]
        more = f", and {len(told['classes']) - MOST_CLASSES} more values" if len(told["classes"]) > MOST_CLASSES else ""
        yield "values", "whole numbers, as of a label: " + ", ".join(_count(v, n, total) for v, n in shown) + more
        return
    if not told["samples"]["live"]:
        return
    for channel in range(told["channels"]):
        yield from _statistics(told, channel)
    ends = [f"{e['samples']:,} at {e['value']:.6g}" for e in told["extremes"].values() if e["value"] is not None]
    yield "extremes", f"samples: {', '.join(ends)} (many would mean clipping)"
    if told["samples"]["inexact"]:
        yield "inexact", f"{told['samples']['inexact']:,} samples are rounded to 32-bit floats"
    gain, spectrum = told["gain"], told["statistics"]["spectrum"]
    if gain:
        yield "gain", f"{gain['slope']:+.3g} {gain['unit']} along the traces, {gain['spread']:.3g} dB between layers"
    if spectrum:
        unit = spectrum["unit"]
        band = f"{spectrum['low']:.3g} to {spectrum['high']:.3g} {unit} at −20 dB"
        yield "spectrum", f"peak {spectrum['peak']:.3g} {unit}, {band}; polarity can't be known from headers"


def _count(value: str, number: int, total: int) -> str:
    return f"{value} × {number:,} ({100 * number / total:.3g} %)"


def _statistics(told: Told, channel: int) -> Rows:
    """Statistics and percentiles of a channel."""
    name = f"channel {channel}, " if told["channels"] > 1 else ""
    # What is not finite is null in the summary: amplitudes beyond all bounds.
    mean, std, low, high = (
        "infinite" if told["statistics"][key][channel] is None else f"{told['statistics'][key][channel]:.4g}"
        for key in ("mean", "std", "minimum", "maximum")
    )
    percentiles = ", ".join(f"p{p} {values[channel]:.4g}" for p, values in told["percentiles"].items())
    yield f"{name}amplitudes", f"mean {mean}, std {std}, from {low} to {high}; {percentiles}"


def _text(told: Told) -> Rows:
    """The first lines of the text header."""
    for number, line in enumerate(told["text"][:TEXT_LINES]):
        yield "" if number else "text header", line
    if len(told["text"]) > TEXT_LINES:
        yield "", f"… and {len(told['text']) - TEXT_LINES} more lines"


def _odd(told: Told) -> Rows:
    """What looks wrong, and what mends it."""
    for finding in told["odd"]:
        yield "looks wrong", f"{finding['what']} → {finding['do']}"


_PARTS: tuple[Callable[[Told], Rows], ...] = (_file, _axes, _bins, _live, _amplitudes, _text, _odd)
