"""Names of the axes of an array, whose file says less of them than SEG-Y does: told, or found by a partner's sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Domain, Survey

__all__ = [
    "ORDER",
    "AxisNames",
    "NamelessError",
    "array_name",
    "bare_axis",
    "count_remarks",
    "grid_name",
    "guessed_axes",
    "listed",
    "told_axes",
]

ORDER = ("channel", "record", "inline", "crossline", "trace", "receiver", "offset", "row", "column", "sample")
"""Canonical order of axes, slow to fast; ``channel`` holds the channels of a survey and is no axis of its grid."""

SYNONYMS = {
    **dict.fromkeys(("component", "attribute", "band"), "channel"),
    **dict.fromkeys(("iline", "inlines"), "inline"),
    **dict.fromkeys(("xline", "crosslines"), "crossline"),
    **dict.fromkeys(("event", "traces"), "trace"),
    **dict.fromkeys(("shot",), "record"),
    **dict.fromkeys(("angle",), "offset"),
    **dict.fromkeys(("time", "depth", "samples"), "sample"),
}

DEFAULTS = {1: ("sample",), 2: ("row", "column"), 3: ("inline", "crossline", "sample")}

RECEIVER = "receiver"
"""What an array calls the axis ``channel`` of shot records, to tell it from the channels of a survey."""

HOW = "pass --axes, such as --axes inline,crossline,sample (config: axes)"


class NamelessError(SurveyError):
    """Nobody names the axes of an array, and their number does not tell; a partner might."""


@dataclass(frozen=True)
class AxisNames:
    """Names of the axes of an array.

    Parameters
    ----------
    names
        In the order of the array, slow to fast, ``channel`` among them if there is one.
    source
        How they are known.
    guessed
        Whether neither the file nor the user told them.
    """

    names: tuple[str, ...]
    source: str
    guessed: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The names in canonical order."""
        return tuple(sorted(self.names, key=ORDER.index))

    @property
    def remarks(self) -> tuple[str, ...]:
        """That they were guessed, if they were."""
        return (f"axes were taken as {', '.join(self.names)} ({self.source}); --axes overrides",) * self.guessed


def listed(text: str) -> tuple[str, ...]:
    """Names of axes from one text with commas."""
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def told_axes(said: Sequence[str], source: str, name: str, shape: tuple[int, ...]) -> AxisNames:
    """The names that a file or a user gives to the axes of an array.

    Parameters
    ----------
    said
        Names as they are written.
    source
        Where, such as ``--axes``.
    name
        What the user calls the array.
    shape
        Its sizes.

    Raises
    ------
    SurveyError
        If names are unknown, doubled, or not one for each dimension.
    """
    names = tuple(SYNONYMS.get(axis, axis) for axis in said)
    if len(names) != len(shape):
        raise SurveyError(
            f"{name} has {len(shape)} dimensions {shape}, {source} names {len(names)} axes: {', '.join(said)}",
            expected="one name for each dimension, slow to fast",
            do=HOW,
        )
    if set(names) - set(ORDER) or len(set(names)) < len(names):
        raise SurveyError(
            f"{name} has the axes {', '.join(said)} ({source})",
            expected=f"each one of {', '.join(ORDER)}, none twice",
            do=HOW,
        )
    if not {"sample", "column"} & set(names):
        raise SurveyError(
            f"{name} has the axes {', '.join(said)} ({source})", expected="a sample axis, or row and column", do=HOW
        )
    return AxisNames(names, source)


def guessed_axes(name: str, shape: tuple[int, ...], partner: Survey | None) -> AxisNames:
    """Names where nobody told them: the only order by which the sizes are those of the partner, else the usual ones.

    Parameters
    ----------
    name, shape
        What the user calls the array, and its sizes.
    partner
        The survey that goes with it, such as the image of a label.

    Raises
    ------
    SurveyError
        If the usual order does not fit the partner, but several others do.
    NamelessError
        If no order is usual, and none fits the partner.
    """
    fitting = [] if partner is None else _fitting(shape, partner.grid)
    usual = DEFAULTS.get(len(shape), ())
    if partner is None or not fitting or usual in fitting:
        if not usual:
            raise NamelessError(f"{name} has {len(shape)} dimensions {shape} without names", "a name for each", HOW)
        return AxisNames(usual, f"the default for {len(shape)} dimensions", guessed=True)
    if len(fitting) > 1:
        orders = " or ".join(",".join(names) for names in fitting[:4])
        raise SurveyError(
            f"{name} has the sizes {shape} without names of axes, and fits {partner.name} in several orders",
            expected=f"the order: {orders}",
            do="pass --axes (config: axes)",
        )
    return AxisNames(fitting[0], f"the only order that fits {partner.name}", guessed=True)


def _fitting(shape: tuple[int, ...], grid: Grid) -> list[tuple[str, ...]]:
    """Orders of the grid's axes in which their sizes are those of the array; one axis more is that of channels."""
    sizes: dict[str, int | None] = {array_name(axis): axis.size for axis in grid.axes}
    if len(shape) == len(sizes) + 1:
        sizes["channel"] = None
    if len(shape) != len(sizes) or not sizes.keys() <= set(ORDER):
        return []
    return [
        names
        for names in permutations(sorted(sizes, key=ORDER.index))
        if all(sizes[axis] in (None, size) for axis, size in zip(names, shape, strict=True))
    ]


def grid_name(axis: str) -> str:
    """What the grid of a survey calls an axis of an array."""
    return "channel" if axis == RECEIVER else axis


def array_name(axis: Axis) -> str:
    """What an array calls an axis of the grid of a survey."""
    return RECEIVER if axis.name == "channel" else axis.name


def bare_axis(axis: str, size: int, domain: Domain, options: SurveyOptions) -> Axis:
    """An axis without labels, counted from 0; samples by dt and t0 where the user tells them."""
    if axis != "sample" or (options.dt is None and options.t0 is None):
        return Axis(grid_name(axis), 0.0, 1.0, size)
    first = 0.0 if options.t0 is None else options.t0
    return Axis(axis, first, 1.0 if options.dt is None else options.dt, size, domain.unit)


def count_remarks(counted: frozenset[str]) -> tuple[str, ...]:
    """A remark on axes that are counted."""
    axes = ", ".join(sorted(counted, key=ORDER.index))
    return (f"no numbers for {axes}: counted from 0",) if counted else ()
