"""Starred names: files that belong together because their stars stand for the same."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence

from geocnn.errors import SurveyError
from geocnn.records import listed

__all__ = ["is_starred", "match_names"]


def is_starred(names: Sequence[str]) -> bool:
    """Whether any of the names has a star."""
    return any("*" in name for name in names)


def match_names(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Files that match all names with the same parts in place of the stars, sorted by these parts.

    ``cubes/*-seismic.sgy`` and ``cubes/*-label.h5:/faults`` give one pair for each cube. A star stands for anything
    but a slash.

    Raises
    ------
    SurveyError
        If nothing matches, or a file of one name has no partner of another.
    """
    matches = [_matches(name) for name in names]
    common = sorted(set.intersection(*(set(match) for match in matches)))
    alone = sorted(file for match in matches for parts, file in match.items() if parts not in common)
    if common and not alone:
        return [tuple(match[parts] for match in matches) for parts in common]
    empty = ", ".join(name for name, match in zip(names, matches, strict=True) if not match)
    counts = ", ".join(f"{len(match)} of {name}" for match, name in zip(matches, names, strict=True))
    raise SurveyError(
        f"no file matches {empty}" if empty else f"without a partner: {listed(alone, 3)}",
        expected=f"files of all names whose starred parts are equal (found {counts})",
        do="check the folder and the patterns",
    )


def _matches(name: str) -> dict[tuple[str, ...], str]:
    """Files that a starred name matches, by what the stars stand for; a data set in HDF5 stays behind the file."""
    parts = re.fullmatch(r"(.+\.(?:h5|hdf5))(:.*)", name, re.IGNORECASE)
    pattern, inside = (parts[1], parts[2]) if parts else (name, "")
    pieces = pattern.split("*")
    stars = re.compile("([^/]*)".join(re.escape(piece) for piece in pieces))
    files = {file: stars.fullmatch(file) for file in glob.glob("*".join(glob.escape(piece) for piece in pieces))}
    return {match.groups(): file + inside for file, match in files.items() if match}
