"""Inline and crossline numbers of a volume: as the user says, as they are found, or as bins of coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NoReturn

from geocnn.errors import SurveyError
from geocnn.survey.options import Place
from geocnn.survey.segy.choice import Asked, Choice
from geocnn.survey.segy.coordinates import coordinate_places, coordinates_of
from geocnn.survey.segy.gathers import sort_gathers
from geocnn.survey.segy.header_sample import Pair
from geocnn.survey.segy.header_scan import SHOTS, STANDARD, likely_pairs, partners
from geocnn.survey.segy.keys import Keys, field_words

__all__ = ["binned", "found_lines", "no_lines", "said_lines"]

CROWDED = {"standard": 0.5, "text header": 0.5, "scan": 0.1, "guess": 0.0}
"""Share of the traces that may lie where another does, by what speaks for the numbers."""

FEWEST_BINNED = 9
"""Traces below which coordinates make no grid."""

LINES = ("inline", "crossline")


def said_lines(asked: Asked) -> Choice | None:
    """Both line numbers as the user named them; None if one is to be found."""
    inline, crossline = asked.said
    if inline is None or crossline is None:
        return None
    keys = asked.keys(LINES, inline, crossline)
    if keys.file.traces > 1 and keys.shape == (1, 1) and asked.options.gathers is None:
        raise _all_alike(asked, keys)
    keys.require_full_enough(_other_bytes(asked, keys))
    places = {"inline": f"{field_words(inline)} (--iline)", "crossline": f"{field_words(crossline)} (--xline)"}
    return Choice(keys, places, (), frozenset((inline.byte, crossline.byte)))


def found_lines(asked: Asked) -> Choice | None:
    """The best line numbers that are found in the headers; None if none serve."""
    for pair in _pairs(asked):
        if pair.bytes == SHOTS and pair.source == "scan" and asked.options.geometry is None:
            # By the standard these are field records and channels, which make as good a grid.
            return None
        keys = _keys(asked, pair)
        if keys is None:
            continue
        if not keys.full_enough and pair.source in ("standard", "text header") and any(keys.outliers()):
            # A few bad headers among good ones: other bytes would be the wrong way out.
            keys.require_full_enough(_other_bytes(asked, keys))
        if keys.full_enough and _apart(asked, keys, pair):
            return _chosen(asked, pair, keys)
    return None


def _keys(asked: Asked, pair: Pair) -> Keys | None:
    """Numbers of all traces at a pair; None where those of the sample were whole, and others are not."""
    numbers = asked.whole(pair.inline, pair.crossline)
    source = f"bytes {pair.inline} and {pair.crossline}"
    return None if numbers is None else Keys(asked.file, LINES, numbers, source)


def _pairs(asked: Asked) -> Iterator[Pair]:
    inline, crossline = asked.said
    if inline is not None:
        return partners(asked.sample, inline, inline=True)
    if crossline is not None:
        return partners(asked.sample, crossline, inline=False)
    return likely_pairs(asked.sample, asked.hints)


def _apart(asked: Asked, keys: Keys, pair: Pair) -> bool:
    """Whether numbers tell traces apart, but for a few, and but for the offsets of gathers."""
    if keys.repeats <= CROWDED[pair.source] * asked.file.traces:
        return True
    return sort_gathers(keys.positions, asked.file.fields(asked.offset)[0]) is not None


def _chosen(asked: Asked, pair: Pair, keys: Keys) -> Choice:
    """What was found, with how sure it is."""
    filled = (asked.file.traces - keys.repeats) / keys.size
    sure = _sureness(pair, filled)
    fields = dict(zip(LINES, (pair.inline, pair.crossline), strict=True))
    options = dict(zip(LINES, ("--iline", "--xline"), strict=True))
    said = dict(zip(LINES, asked.said, strict=True))
    why = f"{sure}: {keys.shape[0]:,} × {keys.shape[1]:,} lines, {100 * filled:.0f} % full"
    places = {axis: f"{field_words(place)} ({options[axis] if said[axis] else why})" for axis, place in fields.items()}
    return Choice(keys, places, _found_elsewhere(asked, pair, sure), frozenset(pair.bytes))


def _sureness(pair: Pair, filled: float) -> str:
    """``sure``, ``likely`` or ``a guess``."""
    if pair.source == "guess":
        return "a guess"
    if filled >= (0.8 if pair.source == "scan" else 0.5):
        return "sure"
    return "likely" if filled >= 0.2 or pair.source == "standard" else "a guess"


def _found_elsewhere(asked: Asked, pair: Pair, sure: str) -> tuple[str, ...]:
    """A remark on line numbers that are not where the standard has them."""
    named = asked.hints.places
    hinted = named.get("inline"), named.get("crossline")
    if (pair.inline, pair.crossline) == tuple(map(Place, STANDARD)):
        if None in hinted or hinted == STANDARD:
            return ()
        return (
            f"the text header names bytes {hinted[0]} and {hinted[1]} for line numbers; those at 189 and 193 were "
            f"taken (--iline {hinted[0]} --xline {hinted[1]} overrides)",
        )
    if pair.bytes == STANDARD:
        return (f"line numbers are no 4-byte integers: read from {pair.inline} and {pair.crossline} ({sure})",)
    source = "the text header names" if pair.source == "text header" else "were found at"
    where = f"{source} bytes {pair.inline} and {pair.crossline}"
    return (f"line numbers {where} ({sure}), not at 189 and 193; --iline and --xline override",)


def binned(asked: Asked) -> tuple[Choice | None, str]:
    """Bins of the coordinates; else None, and why there are none."""
    places = coordinate_places(asked.sample, asked.options, asked.hints, ())
    if any(asked.said) or places is None or asked.file.traces < FEWEST_BINNED:
        return None, ""
    # Imported here, since it takes as long as all the rest, and is hardly ever needed.
    from geocnn.survey.segy.binning import NoLattice, bin_by_coordinates

    try:
        inline, crossline, misfit = bin_by_coordinates(*coordinates_of(asked.file, places))
    except NoLattice as error:
        return None, error.faults[0].found
    where = f"bins of the coordinates at bytes {places[0]} and {places[1]}"
    keys = Keys(asked.file, LINES, (inline, crossline), where)
    words = f"{where} (likely: at most {misfit:.2f} bins off the centres)"
    remark = (
        f"no line numbers in the headers: lines were counted from 1 by {where}, at most {misfit:.2f} bins off their "
        "centres (--iline and --xline override)"
    )
    return Choice(keys, dict.fromkeys(LINES, words), (remark,)), ""


def no_lines(asked: Asked, why: str = "") -> NoReturn:
    """What is wrong with the line numbers that were named, or are where the standard has them.

    Raises
    ------
    SurveyError
        Always.
    """
    inline, crossline = (said or Place(byte) for said, byte in zip(asked.said, STANDARD, strict=True))
    keys = asked.keys(LINES, inline, crossline)
    if keys.shape == (1, 1):
        raise _all_alike(asked, keys, why)
    others = _other_bytes(asked, keys)
    keys.require_full_enough(others)
    raise SurveyError(
        f"the line numbers of {asked.file.path} at {keys.source} make no grid: {keys.repeats:,} of its "
        f"{asked.file.traces:,} traces lie where another does ({keys.spread}){_because(why)}",
        expected="line numbers that tell the traces apart",
        do=others,
    )


def _all_alike(asked: Asked, keys: Keys, why: str = "") -> SurveyError:
    return SurveyError(
        f"all {asked.file.traces:,} traces of {asked.file.path} have {keys.of(0).replace(', ', ' and ')} at "
        f"{keys.source}{_because(why)}",
        expected="line numbers that differ from trace to trace",
        do=_other_bytes(asked, keys),
    )


def _because(why: str) -> str:
    return f"; {why}" if why else ""


def _other_bytes(asked: Asked, tried: Keys) -> str:
    """What to pass instead of header bytes that did not serve."""
    others = [
        f"{keys.source} would give {keys.shape[0]:,} × {keys.shape[1]:,} lines: pass --iline {pair.inline} "
        f"--xline {pair.crossline}"
        for pair in islice(likely_pairs(asked.sample, asked.hints), 3)
        if (keys := _keys(asked, pair)) is not None
        and keys.source != tried.source
        and keys.full_enough
        and _apart(asked, keys, pair)
    ]
    default = "pass the bytes of the line numbers with --iline and --xline, or of coordinates with --cdp-x and --cdp-y"
    forced = "for a 2-D line pass --geometry line, for shots --geometry shots"
    return "; ".join([*(dict.fromkeys(others) or [default]), forced])
