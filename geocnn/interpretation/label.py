"""Labels from interpretation: picks of faults or horizons as classes on the grid of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.interpretation.fault_surface import triangles_of, unjoined
from geocnn.interpretation.horizon_classes import HORIZON_CLASSES, NULL, Classes
from geocnn.interpretation.horizons import horizon_of_picks
from geocnn.interpretation.looked import Looked
from geocnn.interpretation.nearness import near
from geocnn.interpretation.options import Interpreted, PickOptions
from geocnn.interpretation.picks import Floats, Picks
from geocnn.interpretation.placing import Placed, place
from geocnn.interpretation.reading import read_picks
from geocnn.interpretation.sticks import sticks_of_picks
from geocnn.survey.memory import MemorySurvey
from geocnn.survey.survey import Coordinates, Survey

__all__ = ["LabelReport", "PickedLabel", "picked_label"]


@dataclass(frozen=True)
class LabelReport:
    """What came of the picks.

    Parameters
    ----------
    formats
        Layout of each file.
    nodes, outside, duplicates, undefined
        Nodes read, and how many of them lie outside the survey, stand twice, or are undefined.
    residual
        Largest distance between coordinates and line numbers of a node, in positions; None where not both are given.
    things
        What was picked: ``2 faults, 14 sticks``.
    shares
        Share of the samples by class name, ``ignored`` among them.
    """

    formats: tuple[str, ...]
    nodes: int
    outside: int
    duplicates: int
    undefined: int
    residual: float | None
    things: str
    shares: dict[str, float]

    def lines(self) -> list[str]:
        """The report in words."""
        placed = f"{_several(self.nodes, 'node')} ({', '.join(dict.fromkeys(self.formats))}): {self.things}"
        twice = _several(self.duplicates, "duplicate")
        faulty = f"{self.outside:,} outside the survey, {twice}, {self.undefined:,} undefined"
        fit = "" if self.residual is None else f"; coordinates and line numbers agree within {self.residual:.2g} bins"
        shares = ", ".join(f"{100 * share:.3g} % {name}" for name, share in self.shares.items())
        return [placed, faulty + fit, shares]


@dataclass(frozen=True)
class _Made:
    """A label without its report: samples and classes, what was picked, and what to say of it."""

    classes: Classes
    things: str
    duplicates: int
    remarks: list[str]


class PickedLabel(MemorySurvey):
    """A label made from picks, on the grid of a survey.

    Parameters
    ----------
    files
        The picks that it was made from.
    like
        The survey.
    samples
        Classes (I, X, S), or distances.
    report
        What came of the picks.
    remarks
        What the user must know of it.

    Attributes
    ----------
    kind
        What the files hold: ``sticks`` or ``horizon``.
    interpreted
        Traces with a label other than −1, shape `grid.lateral`.
    has_classes
        Whether samples are classes: distances are not.
    """

    def __init__(
        self,
        files: Sequence[Placed],
        like: Survey,
        samples: NDArray[np.generic],
        report: LabelReport,
        remarks: Sequence[str],
    ) -> None:
        names = [each.picks.name for each in files]
        name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        super().__init__(name, like.grid, like.domain, samples[None])
        self._files, self.kind = tuple(names), files[0].picks.kind
        self.has_classes = np.issubdtype(samples.dtype, np.integer)
        self.interpreted = np.asarray((samples != -1).any(axis=-1))
        self.like, self.report = like, report
        self.counted, self.remarks = like.counted, tuple(remarks)

    @property
    def files(self) -> tuple[str, ...]:
        return self._files

    @property
    def coordinates(self) -> Coordinates | None:
        return self.like.coordinates


def picked_label(
    names: Sequence[str], like: Survey, options: PickOptions, interpreted: Interpreted | None = None
) -> PickedLabel:
    """The label that files of picks make on the grid of a survey.

    Faults and horizon surfaces are 1. What is not picked is background, 0, where someone looked, and −1 elsewhere;
    picks count everywhere.

    Raises
    ------
    SurveyError
        If files cannot be read, mix sticks and horizons, or do not lie in the survey.
    """
    _require_different(names)
    picks = [read_picks(name, options.format, options.columns) for name in names]
    _require_one_kind(picks)
    if picks[0].kind == "sticks" and options.horizon != "surface":
        raise SurveyError(
            f"horizon {options.horizon} with {picks[0].name}, which holds fault sticks",
            expected="horizons, of which it says what they become",
            do="leave --horizon out (config: horizon)",
        )
    files = [place(each, like, options.z_unit) for each in picks]
    looked = Looked(interpreted, like)
    if files[0].picks.kind == "sticks":
        made = _of_faults(files, like, options.width, looked)
        if interpreted is None:
            made.remarks.append(
                "everything that is not picked was taken as background: say where someone looked with --inlines, "
                "--crosslines, --window-ms or --polygon (config: interpreted)"
            )
    else:
        made = _of_horizons(files, like, options, looked)
    remarks = [remark for each in files for remark in each.remarks] + made.remarks
    return PickedLabel(files, like, made.classes.samples, _report(files, made), remarks)


def _require_different(names: Sequence[str]) -> None:
    paths = [Path(name).resolve() for name in names]
    for name, path in zip(names, paths, strict=True):
        if paths.count(path) > 1:
            raise SurveyError(f"{name} is named twice", "each file once", "leave one of the two out")


def _require_one_kind(files: Sequence[Picks]) -> None:
    if len({each.kind for each in files}) > 1:
        kinds = ", ".join(f"{each.name} ({each.format})" for each in files)
        raise SurveyError(
            f"fault sticks and horizons together: {kinds}",
            expected="one of the two in a label",
            do="make a label of each",
        )


def _of_faults(files: Sequence[Placed], like: Survey, width: float, looked: Looked) -> _Made:
    sticks = sticks_of_picks(files)
    # False and True become −1 and 0, in bytes throughout: a label is as large as its survey.
    label = looked.at(like.grid.whole).view(np.int8) - np.int8(1)
    label[near(triangles_of(sticks), like.grid.shape, width / 2)] = 1
    told = all(each.picks.tells_faults for each in files)
    other = "" if told else f" ({files[0].picks.format} does not tell faults apart, charisma-sticks does)"
    remarks = [
        (sticks.disordered, "with nodes out of order: sorted along the stick"),
        (sticks.single, "with one node alone: it counts, no surface is made of it"),
        (unjoined(sticks), f"not joined to the next: on its line, or more than three usual distances away{other}"),
        (sticks.turns, f"taken as the first of another fault: there the way from stick to stick turns back{other}"),
    ]
    said = [f"{_several(count, 'stick')} {text}" for count, text in remarks if count]
    if sticks.strays:
        said.append(
            f"{_several(len(sticks.strays), 'node')} ten usual distances and more from those beside it on its stick, "
            f"such as {sticks.strays[0]}: the surface leads there; correct or remove what was mistyped"
        )
    return _Made(
        Classes(label, ("background", "fault")),
        f"{_several(len(sticks.faults), 'fault')}, {_several(sticks.count, 'stick')}",
        sticks.duplicates,
        said,
    )


def _of_horizons(files: Sequence[Placed], like: Survey, options: PickOptions, looked: Looked) -> _Made:
    inlines, crosslines, samples = like.grid.shape
    horizons = [horizon_of_picks(each.positions, (inlines, crosslines)) for each in files]
    remarks = [
        f"{_several(horizon.gaps, 'trace')} between the picks of {each.picks.name} not known: in gaps wider than "
        f"{horizon.widest:.3g} bins, three times the usual"
        for each, horizon in zip(files, horizons, strict=True)
        if horizon.gaps
    ]
    depths = np.stack([horizon.depths for horizon in horizons])
    depths = depths[np.argsort(_mean_depths(files, depths))]
    crossing = int((np.diff(depths, axis=0) < 0).sum())
    if crossing:
        remarks.append(f"horizons cross on {_several(crossing, 'trace')}: there each was taken at its own depth")
    label, names = HORIZON_CLASSES[options.horizon](depths, samples, options.width)
    unseen = ~looked.at(like.grid.whole)
    if options.horizon == "surface":
        unseen &= label != 1
    label[unseen] = NULL if options.horizon == "distance" else -1
    known = 100 * float(np.isfinite(depths).all(axis=0).mean())
    things = f"{_several(len(files), 'horizon')}, known on {known:.3g} % of the traces"
    return _Made(Classes(label, names), things, sum(horizon.duplicates for horizon in horizons), remarks)


def _mean_depths(files: Sequence[Placed], depths: Floats) -> Floats:
    """Mean depth of each horizon where it is known: of its picks, if it is known on no trace."""
    return np.array(
        [
            np.nanmean(depth) if np.isfinite(depth).any() else each.positions[:, 2].mean()
            for each, depth in zip(files, depths, strict=True)
        ]
    )


def _report(files: Sequence[Placed], made: _Made) -> LabelReport:
    label, names = made.classes
    shares = {name: float((label == number).mean()) for number, name in enumerate(names)}
    residuals = [each.residual for each in files if each.residual is not None]
    return LabelReport(
        formats=tuple(each.picks.format for each in files),
        nodes=sum(len(each.picks) + each.left_out for each in files),
        outside=sum(each.outside for each in files),
        duplicates=made.duplicates,
        undefined=sum(each.picks.undefined for each in files),
        residual=max(residuals, default=None),
        things=made.things,
        shares={**shares, "ignored": float((label == (-1 if names else NULL)).mean())},
    )


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
