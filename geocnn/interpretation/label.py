"""Labels from interpretation: picks of faults or horizons as classes on the grid of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.interpretation.formats import read_picks
from geocnn.interpretation.looked import Looked
from geocnn.interpretation.options import Interpreted, PickOptions
from geocnn.interpretation.picks import Floats
from geocnn.interpretation.placing import Placed, place
from geocnn.interpretation.surfaces import dense_surface, horizon_depths, near, sticks_of_picks
from geocnn.survey.memory import MemorySurvey
from geocnn.survey.survey import Coordinates, Survey

__all__ = ["LabelReport", "PickedLabel", "picked_label"]

NULL = np.float32(1e30)
"""Distance where no horizon is known."""


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
        placed = f"{self.nodes:,} nodes ({', '.join(dict.fromkeys(self.formats))}): {self.things}"
        faulty = f"{self.outside:,} outside the survey, {self.duplicates:,} duplicates, {self.undefined:,} undefined"
        fit = "" if self.residual is None else f"; coordinates and line numbers agree within {self.residual:.2g} bins"
        shares = ", ".join(f"{100 * share:.3g} % {name}" for name, share in self.shares.items())
        return [placed, faulty + fit, shares]


class PickedLabel(MemorySurvey):
    """A label made from picks, on the grid of a survey.

    Attributes
    ----------
    report
        What came of the picks.
    files
        The files that it was made from.
    kind
        What they hold: ``sticks`` or ``horizon``.
    interpreted
        Traces with a label other than −1, shape `grid.lateral`.
    """

    report: LabelReport

    def __init__(self, files: Sequence[Placed], like: Survey, samples: NDArray[np.generic]) -> None:
        names = [each.picks.name for each in files]
        super().__init__(
            names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
            like.grid,
            like.domain,
            samples[None],
        )
        self.files, self.kind = tuple(names), files[0].picks.kind
        self.interpreted = np.asarray((samples != -1).any(axis=-1))
        self.like = like
        self.counted = like.counted

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
    files = [place(read_picks(name, options.format, options.columns), like, options.z_unit) for name in names]
    kinds = {each.picks.kind for each in files}
    if len(kinds) > 1:
        raise SurveyError(
            f"{', '.join(names)} hold both fault sticks and horizons",
            expected="one of the two in a label",
            do="make a label of each",
        )
    looked = Looked(interpreted, like)
    if kinds == {"sticks"}:
        return _of_faults(files, like, options.width, looked, whole=interpreted is None)
    return _of_horizons(files, like, options, looked)


def _of_faults(files: Sequence[Placed], like: Survey, width: float, looked: Looked, *, whole: bool) -> PickedLabel:
    sticks = sticks_of_picks(files)
    fault = near(dense_surface(sticks), like.grid.shape, width / 2)
    label = np.where(fault, 1, np.where(looked.at(like.grid.whole), 0, -1)).astype(np.int8)
    things = f"{_several(len(sticks.faults), 'fault')}, {_several(sticks.count, 'stick')}"
    remarks = [
        (sticks.disordered, "with nodes out of order: sorted along the stick"),
        (sticks.single, "with one node alone: it counts, no surface is made of it"),
        (sticks.unjoined, "not joined to the next: on its line, or more than three usual distances away"),
    ]
    said = [f"{_several(count, 'stick')} {text}" for count, text in remarks if count]
    if whole:
        said.append("everything that is not picked was taken as background; say where someone looked with interpreted")
    made = PickedLabel(files, like, label)
    return _told(made, files, label, things, sticks.duplicates, ["background", "fault"], said)


def _of_horizons(files: Sequence[Placed], like: Survey, options: PickOptions, looked: Looked) -> PickedLabel:
    found = [horizon_depths(each, like.grid.lateral) for each in files]
    depths = np.stack([each for each, _ in found])
    order = np.argsort(np.nanmean(depths.reshape(len(depths), -1), axis=1))
    depths, said = depths[order], list[str]()
    crossing = int((np.diff(depths, axis=0) < 0).sum())
    if crossing:
        said.append(f"horizons cross on {crossing:,} traces: there each was taken at its own depth")
    label, classes = _MADE[options.horizon](depths, like.grid.shape[-1], options.width)
    seen = looked.at(like.grid.whole)
    if options.horizon == "distance":
        label = np.where(seen, label, NULL)
    else:
        keep = label == 1 if options.horizon == "surface" else np.zeros(label.shape, np.bool_)
        label = np.where(seen | keep, label, np.int8(-1)).astype(np.int8)
    known = 100 * float(np.isfinite(depths).all(axis=0).mean())
    things = f"{_several(len(files), 'horizon')}, known on {known:.3g} % of the traces"
    made = PickedLabel(files, like, label)
    return _told(made, files, label, things, sum(twice for _, twice in found), classes, said)


def _surface(depths: Floats, samples: int, width: float) -> tuple[NDArray[np.generic], list[str]]:
    """1 within half the width of a horizon, 0 elsewhere on traces where all are known, else −1."""
    s = np.arange(samples)
    on = np.zeros((*depths.shape[1:], samples), np.bool_)
    for depth in depths:
        # Half open: a whole width holds as many samples wherever between two samples the horizon lies.
        on |= (s >= depth[..., None] - width / 2) & (s < depth[..., None] + width / 2)
    known = np.asarray(np.isfinite(depths).all(axis=0))[..., None]
    return np.where(on, 1, np.where(known, 0, -1)).astype(np.int8), ["background", "horizon"]


def _interval(depths: Floats, samples: int, width: float) -> tuple[NDArray[np.generic], list[str]]:
    """The number of horizons above a sample; −1 on traces where one is unknown."""
    above = sum((np.arange(samples) >= depth[..., None]).astype(np.int8) for depth in depths)
    known = np.asarray(np.isfinite(depths).all(axis=0))[..., None]
    return np.where(known, above, -1).astype(np.int8), [f"interval {k}" for k in range(len(depths) + 1)]


def _distance(depths: Floats, samples: int, width: float) -> tuple[NDArray[np.generic], list[str]]:
    """Samples from the nearest horizon, positive below it; null where none is known."""
    apart = np.arange(samples) - depths[..., None]
    apart = np.where(np.isfinite(apart), apart, np.inf)
    nearest = np.take_along_axis(apart, np.abs(apart).argmin(axis=0)[None], axis=0)[0]
    return np.where(np.isfinite(nearest), nearest, NULL).astype(np.float32), []


_MADE = {"surface": _surface, "interval": _interval, "distance": _distance}


def _told(
    made: PickedLabel,
    files: Sequence[Placed],
    label: NDArray[np.generic],
    things: str,
    duplicates: int,
    classes: Sequence[str],
    remarks: Sequence[str],
) -> PickedLabel:
    """The label with its report and remarks."""
    shares = {name: float((label == number).mean()) for number, name in enumerate(classes)}
    ignored = float((label == (-1 if classes else NULL)).mean())
    residuals = [each.residual for each in files if each.residual is not None]
    made.report = LabelReport(
        formats=tuple(each.picks.format for each in files),
        nodes=sum(len(each.picks) for each in files),
        outside=sum(each.outside for each in files),
        duplicates=duplicates,
        undefined=sum(each.picks.undefined for each in files),
        residual=max(residuals, default=None),
        things=things,
        shares={**shares, "ignored": ignored},
    )
    made.remarks = (*(remark for each in files for remark in each.remarks), *remarks)
    return made


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
