"""The fingerprint of what a network is to be trained on: surveys, labels, machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid
from geocnn.survey.spectrum import Spectrum

__all__ = ["PARTS", "VALUES", "Counts", "Fingerprint", "Machine", "Pair", "SurveyFound", "counted"]

PARTS = 20
"""Parts of each lateral axis whose labels are counted apart, to know what a validation block would hold."""

VALUES = 129
"""Values of a label: −1, not interpreted, and the classes 0 to 127; value v is counted at v + 1."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """The files of an image, one a channel or group of channels, and of its label, as the config names them."""

    images: tuple[str, ...]
    label: str

    def __str__(self) -> str:
        return f"{', '.join(self.images)}, labelled by {self.label}"


@dataclass(frozen=True)
class SurveyFound:
    """What was found of a survey and its label, in the samples that were looked at.

    Parameters
    ----------
    image, label
        Names.
    grid
        Axes of the part of the image that the label covers.
    channels
        Channels of the image.
    bins
        Distance between inlines and between crosslines, in units of the coordinates; None where unknown.
    seen
        Samples looked at, of all in `grid`.
    live
        Those of them that are live.
    along
        Live samples by part and label value, for each lateral axis, shape (PARTS, VALUES) each.
    counts
        The same for all parts together, shape (VALUES,).
    highest
        The highest value of the label, on dead traces too.
    widths
        Mean length, in positions, of the runs of classes above 0 along each axis; infinite where none begins.
    mean, std
        Of each channel.
    beyond, crest
        Share of samples further than 5 standard deviations from the mean, and the furthest, in standard deviations.
    spectrum
        Of the traces; None for images and axes without a unit.
    """

    image: str
    label: str
    grid: Grid
    channels: int
    bins: tuple[float, float] | None
    seen: int
    live: int
    along: tuple[Counts, ...]
    counts: Counts
    highest: int
    widths: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    beyond: float
    crest: float
    spectrum: Spectrum | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return self.grid.shape

    @property
    def labelled(self) -> int:
        """Interpreted, live samples of all of the survey, as the part that was seen lets expect."""
        return round(int(self.counts[1:].sum()) / max(1, self.seen) * prod(self.shape))


@dataclass(frozen=True)
class Machine:
    """Where training will run.

    Parameters
    ----------
    device
        ``cpu`` or ``cuda``.
    memory
        Bytes that training may take.
    cores
        Of the processor.
    source
        How the memory is known: ``free``, ``--memory``.
    """

    device: Literal["cpu", "cuda"]
    memory: int
    cores: int
    source: str = "free"

    @property
    def known(self) -> str:
        """How the memory is known, in words."""
        where = "on the GPU" if self.device == "cuda" else "on this machine"
        return f"free {where}" if self.source == "free" else f"by {self.source}"


@dataclass(frozen=True)
class Fingerprint:
    """All that the proposal of a config depends on."""

    surveys: tuple[SurveyFound, ...]
    machine: Machine

    @property
    def ndim(self) -> int:
        """1 for traces, 2 for sections and images, 3 for volumes."""
        return self.surveys[0].grid.ndim

    @property
    def channels(self) -> int:
        """Channels of each image."""
        return self.surveys[0].channels

    @property
    def least(self) -> tuple[int, ...]:
        """The fewest positions of any survey along each axis."""
        return tuple(min(sizes) for sizes in zip(*(each.shape for each in self.surveys), strict=True))

    @cached_property
    def counts(self) -> Counts:
        """Live samples of each label value in all surveys, in proportion to what they hold, shape (VALUES,)."""
        return counted(self.surveys)

    @property
    def classes(self) -> int:
        """Number of classes: the highest that was met, and one."""
        return 1 + max(each.highest for each in self.surveys)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each class in the interpreted, live samples."""
        of_classes = self.counts[1 : self.classes + 1]
        return tuple((of_classes / of_classes.sum()).tolist())

    @property
    def interpreted(self) -> float:
        """Share of the live samples that are interpreted."""
        return 1 - float(self.counts[0] / self.counts.sum())

    @property
    def unused(self) -> tuple[int, ...]:
        """Classes below the highest that no label has."""
        return tuple(index for index, share in enumerate(self.shares) if not share)

    @property
    def rare(self) -> bool:
        """Whether a class has less than half of the share that each would have if all had the same."""
        return self.rarest < 0.5 / sum(share > 0 for share in self.shares)

    @property
    def rarest(self) -> float:
        """Share of the rarest class that was met."""
        return min(share for share in self.shares if share)

    @property
    def width(self) -> tuple[float, str]:
        """Mean width, in positions, of what is labelled above 0 where it is thinnest, and along which axis."""
        widths = np.median([each.widths for each in self.surveys], axis=0)
        thinnest = int(widths.argmin())
        return float(widths[thinnest]), self.surveys[0].grid.axes[thinnest].name

    @property
    def whole(self) -> bool:
        """Whether all samples were looked at."""
        return all(each.seen >= prod(each.shape) for each in self.surveys)


def counted(surveys: Sequence[SurveyFound]) -> Counts:
    """Counts of several surveys, each scaled to all of its samples, shape (VALUES,)."""
    scaled = [each.counts * (prod(each.shape) / max(1, each.seen)) for each in surveys]
    total: Counts = np.ceil(np.sum(scaled, axis=0)).astype(np.int64)
    return total
