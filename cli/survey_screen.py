"""A summary of a survey on one screen: lines of at most 100 columns, numbers aligned, the worst last."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from math import atan2, degrees
from typing import Any

from .columns import SUBJECT, below, counted, number, row, table

__all__ = ["WIDEST", "survey_screen"]

WIDEST = 100
NARROWEST = 60

TEXT_LINES = 6
"""Lines of the text header that are shown."""

MOST_CLASSES = 16
"""Values of a label that are shown."""

MOST_CHANNELS = 8
"""Channels whose amplitudes are shown."""

RARE = 1e-5
"""Share of the samples below which one that equals a null does so by chance."""

NYQUIST = 500
"""Half of a thousand: Nyquist's frequency in Hz of an interval in ms, or in cycles/km of one in m."""

Told = Mapping[str, Any]
Lines = Iterator[str]


def survey_screen(told: Told, width: int) -> list[str]:
    """Lines that tell a summary to people.

    Parameters
    ----------
    told
        What `geocnn.survey.summary.summary` returns.
    width
        Columns of the terminal; from 60 to 100 of them are used.
    """
    width = min(WIDEST, max(NARROWEST, width))
    return [told["survey"], *(line.rstrip() for part in _PARTS for line in part(told, width))]


SHORT = {"order in the file": "file order"}
"""Subjects that are too long for their column."""


def _file(told: Told, width: int) -> Lines:
    """What the file says of itself, but for what stands with the axes; of several files, one after the other."""
    placed = [*(f"{axis['name']} numbers" for axis in told["axes"]), "start", "crs"]
    for subject, words in told["file"].items():
        *of, what = subject.rsplit(", ", 1)
        if what not in placed:
            name = SHORT.get(what, what)
            # "channel 0, file": the number of the file, and below it what is told of it.
            subject, words = (of[0], words) if of and what == "file" else ("" if of else name, words)
            yield from row(subject, f"{name} {words}" if of and what != "file" else words, width)


def _axes(told: Told, width: int) -> Lines:
    """A table of the axes, with where their numbers come from."""
    rows = [("", "first", "last", "step", "positions", "numbers from")]
    for axis in told["axes"]:
        vertical = axis["name"] == "sample"
        unit = f" {axis['unit']}" if axis["unit"] else ""
        name = told["domain"]["name"] if vertical and unit else axis["name"]
        labels = (f"{axis[key]:.10g}{unit}" for key in ("first", "last", "step"))
        source = _source(told, "start" if vertical else f"{axis['name']} numbers")
        rows.append((name, *labels, f"{axis['size']:,}", source))
    yield ""
    *columns, sources = zip(*rows, strict=True)
    columns[0] = tuple(f"{name:<{SUBJECT - 2}}" for name in columns[0])
    for line, source in zip(table(list(zip(*columns, strict=True)), left=[0]), sources, strict=True):
        first, *more = textwrap.wrap(source, max(24, width - len(line) - 2)) or [""]
        yield f"{line}  {first}"
        yield from (f"{'':<{len(line)}}  {rest}" for rest in more)
    yield ""


def _source(told: Told, subject: str) -> str:
    """What the file, or the first of several, tells of the numbers of an axis."""
    found = (words for key, words in told["file"].items() if key == subject or key.endswith(f", {subject}"))
    return next(found, "").removeprefix("trace header ")


def _domain(told: Told, width: int) -> Lines:
    """Time or depth, how it is known, and the coordinate system as stated."""
    domain = told["domain"]
    doubt = ": pass --domain depth if it is depth" if domain["source"] == "assumed" else ""
    yield from row("domain", f"{domain['name']} in {domain['unit']} ({domain['source']}{doubt})", width)
    crs = _source(told, "crs")
    if crs:
        yield from row("CRS", f"as stated: {crs}", width)


def _bins(told: Told, width: int) -> Lines:
    """Bins and corners, in units of the coordinates."""
    bins = told["bins"]
    if bins is None:
        return
    hand = "right-handed" if bins["right_handed"] else "left-handed"
    grow = ", ".join(f"{name} numbers grow to {_compass(*bins[name])}" for name in LINES)
    between = ", ".join(f"{number(size)} between {name}s" for size, name in zip(bins["size"], LINES, strict=True))
    yield from row("bins", f"{between} (coordinate units)", width)
    share = 100 * bins["misfit"] / min(bins["size"])
    fit = f"coordinates fit within {bins['misfit']:.2g} ({share:.2g} % of a bin)"
    yield from row("azimuth", f"inlines run at {bins['azimuth']:.1f}° from north (Y); {fit}", width)
    mirrored = "" if bins["right_handed"] else ": a map with inlines as x, crosslines as y is mirrored"
    yield from row("handedness", f"{grow}, {hand}{mirrored}", width)
    inline, crossline = told["axes"][:2]
    numbers = [(i, x) for i in (inline["first"], inline["last"]) for x in (crossline["first"], crossline["last"])]
    rows = [("inline", "crossline", "X", "Y")]
    for (i, x), place in zip(numbers, bins["corners"], strict=True):
        # Less a tiny negative number that would be written −0.0.
        x_y = (f"{round(coordinate, 1) + 0:.1f}" for coordinate in place)
        rows.append((f"{i:g}", f"{x:g}", next(x_y), next(x_y)))
    yield from below("corners", table(rows))


LINES = ("inline", "crossline")

COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def _compass(x: float, y: float) -> str:
    """The direction of a vector, Y being north."""
    return COMPASS[round(degrees(atan2(x, y)) / 45) % 8]


def _live(told: Told, width: int) -> Lines:
    """Live traces and samples, gaps, mutes and nulls, and a map if traces are missing or dead."""
    traces, samples = told["traces"], told["samples"]
    held = traces["positions"] - traces["missing"]
    yield ""
    if traces["seen"] < held:
        share = f"sampled evenly: {traces['seen']:,} of {held:,} traces; what follows is of these (--whole reads all)"
        yield from row("looked at", share, width)
    yield from row("traces" if told["classes"] else "live", "; ".join(_live_parts(told, held)), width)
    if told["mutes"]:
        yield from row("muted", _mutes(told), width)
    if samples["null"] > RARE * samples["seen"]:
        share = 100 * samples["null"] / samples["seen"]
        yield from row("null", f"{samples['null']:,} samples ({share:.2g} %) that mean 'no data'", width)
    if told["map"]:
        yield from _map(told)


def _live_parts(told: Told, held: int) -> Iterator[str]:
    traces, samples = told["traces"], told["samples"]
    # Traces of a label may well be constant.
    if told["classes"]:
        yield counted(held, "trace")
    else:
        dead = traces["dead"]
        yield (
            f"{traces['seen'] - dead:,} of {traces['seen']:,} traces, {dead:,} dead"
            if dead
            else counted(traces["seen"], "trace")
        )
        yield f"{100 * samples['live'] / max(samples['seen'], 1):.1f} % of {samples['seen']:,} samples"
    if traces["missing"]:
        share = 100 * traces["missing"] / traces["positions"]
        yield f"{traces['missing']:,} of {traces['positions']:,} positions ({share:.2g} %) without a trace"


def _mutes(told: Told) -> str:
    """What is constant at the ends of the live traces."""
    mutes, axis = told["mutes"], told["axes"][-1]
    ends = [
        f"{mutes[end] * abs(axis['step']):g} {axis['unit']}".strip() + f" at the {end}"
        for end in ("top", "bottom")
        if mutes[end]
    ]
    median = f"; median {' and '.join(ends)}" if ends else ""
    return f"{100 * mutes['share']:.1f} % of the samples of live traces, constant at an end{median}"


def _map(told: Told) -> Lines:
    """Where traces are live, with the first and last line of each axis."""
    rows, across, down = (told["map"][key] for key in ("rows", "across", "down"))
    axes = {axis["name"]: axis for axis in told["axes"]}
    ends = [""] * len(rows)
    if down:
        ends[-1] = f"{axes[down]['last']:g}"
        ends[0] = f"{down} {axes[down]['first']:g}"
    span = f"{across} {axes[across]['first']:g} to {axes[across]['last']:g}"
    keys = [(f"{shade} {words}", shade) for shade, words in (("█", "live"), ("·", "none"), ("?", "not looked at"))]
    key = ", ".join(words for words, shade in keys if any(shade in line for line in rows))
    yield from below("map", table([*zip(ends, rows, strict=True), ("", f"{span}   {key}")], left=[1]))


def _classes(told: Told, width: int) -> Lines:
    """Values of a label."""
    total = sum(told["classes"].values())
    shown = list(told["classes"].items())[:MOST_CLASSES]
    yield from row("values", f"{len(told['classes'])} whole numbers, as of a label", width)
    cells = [(value, f"{count:,}", f"{100 * count / total:.3g} %") for value, count in shown]
    yield from below("", table([("value", "samples", "share"), *cells]))
    if len(told["classes"]) > MOST_CLASSES:
        yield from row("", f"… and {len(told['classes']) - MOST_CLASSES} more", width)


def _amplitudes(told: Told, width: int) -> Lines:
    """Values of a label; or statistics of each channel, trend and spectrum."""
    if told["classes"]:
        yield from _classes(told, width)
        return
    if not told["samples"]["live"]:
        return
    yield from below("amplitude", _statistics(told))
    if told["channels"] > MOST_CHANNELS:
        yield from row("", f"… and {told['channels'] - MOST_CHANNELS} more channels", width)
    for channel in range(min(told["channels"], MOST_CHANNELS)):
        yield from row("" if channel else "extremes", _extremes(told, channel), width)
    if told["samples"]["inexact"]:
        share = 100 * told["samples"]["inexact"] / told["samples"]["seen"]
        yield from row("inexact", f"{share:.2g} % of the samples are rounded to 32-bit floats", width)
    gain, spectrum = told["gain"], told["statistics"]["spectrum"]
    if gain:
        spread = f"{gain['spread']:.1f} dB between the loudest and the quietest layer"
        yield from row("gain", f"{round(gain['slope'], 1) + 0:+.1f} {gain['unit']} along the traces; {spread}", width)
    if spectrum:
        unit = spectrum["unit"]
        band = f"{spectrum['low']:.3g} to {spectrum['high']:.3g} {unit} at −20 dB"
        nyquist = f"Nyquist {NYQUIST / abs(told['axes'][-1]['step']):.4g} {unit}"
        yield from row("spectrum", f"peak {spectrum['peak']:.3g} {unit}; {band}; {nyquist}", width)
        yield from row("polarity", "can't be known from headers", width)


def _statistics(told: Told) -> list[str]:
    """A table of percentiles and moments, a line for each channel."""
    several = told["channels"] > 1
    names = [f"p{percentile}" for percentile in told["percentiles"]]
    rows = [(*(["channel"] if several else []), "min", *names, "max", "mean", "std")]
    for channel in range(min(told["channels"], MOST_CHANNELS)):
        values = [
            told["statistics"]["minimum"][channel],
            *(value[channel] for value in told["percentiles"].values()),
            *(told["statistics"][key][channel] for key in ("maximum", "mean", "std")),
        ]
        rows.append((*([str(channel)] if several else []), *(number(value) for value in values)))
    return table(rows)


def _extremes(told: Told, channel: int) -> str:
    """How many samples of a channel there are of the lowest and of the highest value."""
    ends = []
    for each in told["extremes"].values():
        end = each[channel]
        share = 100 * end["samples"] / told["samples"]["live"]
        words = "1 sample is" if end["samples"] == 1 else f"{end['samples']:,} samples are"
        percent = f" ({share:.2g} %)" if share >= 0.001 else ""
        ends.append(f"{words} {number(end['value'])}{percent}")
    return ", ".join(ends)


def _text(told: Told, width: int) -> Lines:
    """The first lines of the text header."""
    lines = told["text"][:TEXT_LINES]
    more = len(told["text"]) - len(lines)
    if lines:
        yield ""
        yield from below("text header", [line[: width - SUBJECT] for line in lines])
    if more:
        yield from row("", f"… and {counted(more, 'more line')}", width)


def _odd(told: Told, width: int) -> Lines:
    """What the user must know, what looks wrong, and what mends it."""
    if told["remarks"] or told["odd"]:
        yield ""
    for remark in told["remarks"]:
        yield from row("note", remark, width)
    for finding in told["odd"]:
        mends = f" → {finding['do']}" if finding["do"] else ""
        yield from row("looks wrong", f"{finding['what']}{mends}", width)


_PARTS: tuple[Callable[[Told, int], Lines], ...] = (_file, _axes, _domain, _bins, _live, _amplitudes, _text, _odd)
