"""A survey: a gridded data set on disk, opened lazily and read in windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from geocnn.grid import Grid, Window
from geocnn.survey.bins import Bins, fit_bins

__all__ = ["BoolArray", "Coordinates", "Domain", "Extent", "FloatArray", "NewSurvey", "Survey", "SurveyWriter"]

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

Coordinates = NDArray[np.float64]
"""X and Y of each position of the map of traces, shape (2, \\*lateral), in units of the file; nan where unknown."""

Extent = tuple[NDArray[np.int32], NDArray[np.int32]]
"""First sample that a file holds of each trace, and the one after the last; each of shape `grid.lateral`."""


@dataclass(frozen=True)
class Domain:
    """Vertical domain of a survey, and how it is known (``--domain``, ``text header line C9``, ``assumed``)."""

    name: Literal["time", "depth"]
    source: str

    @property
    def unit(self) -> str:
        """``ms`` for time, ``m`` for depth."""
        return "ms" if self.name == "time" else "m"


class Survey(ABC):
    """Samples on a grid, read window by window; nothing ever holds the whole file.

    Attributes
    ----------
    name
        What the user called it: the path, with the data set for HDF5.
    grid
        Axes, slow to fast, such as (inline, crossline, sample), whatever the order in the file.
    channels
        Number of channels C.
    domain
        Time or depth, and how that is known.
    remarks
        What the user must know and did not ask: skipped bytes, missing traces, guesses.
    null
        Sample value that means "no data", besides the usual ones.
    counted
        Names of the axes whose labels the file does not tell: they are counted 0, 1, 2 …
    interpreted
        Traces of a label that someone looked at, shape `grid.lateral`; None if that is not known.
    """

    name: str
    grid: Grid
    channels: int
    domain: Domain
    remarks: tuple[str, ...] = ()
    null: float | None = None
    counted: frozenset[str] = frozenset()
    interpreted: BoolArray | None = None

    @abstractmethod
    def read(self, window: Window) -> FloatArray:
        """Samples of a window as float32, shape (C, \\*window.shape), the caller's own; missing traces are zero."""

    @property
    @abstractmethod
    def present(self) -> BoolArray:
        """Which traces the file holds, shape `grid.lateral`."""

    @property
    def extent(self) -> Extent | None:
        """Which samples of each trace the file holds, where traces differ in length or delay; none if all are whole."""
        return None

    def inexact(self, window: Window) -> int:
        """How many samples of a window float32 cannot hold exactly, so that `read` rounds them."""
        return 0

    @property
    def description(self) -> Mapping[str, str]:
        """What there is to tell of the file, in words by subject: format, byte order, places of the axes."""
        return MappingProxyType({})

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that it was made from."""
        return (self.name,)

    @property
    def text(self) -> tuple[str, ...]:
        """Lines of a header for people, if the format has one."""
        return ()

    @property
    def coordinates(self) -> Coordinates | None:
        """Coordinates of the traces, if the file has them."""
        return None

    @property
    def bins(self) -> Bins | None:
        """Bins of a volume, by an affine fit to the coordinates; none if there are none, or they do not spread."""
        coordinates = self.coordinates
        lateral = self.grid.lateral
        if coordinates is None or len(lateral) != 2 or min(lateral) < 2:
            return None
        known = np.argwhere(np.isfinite(coordinates).all(axis=0))
        picked = known[:: max(1, len(known) // MOST_FITTED)]
        return fit_bins(picked, coordinates[:, picked[:, 0], picked[:, 1]].T)


MOST_FITTED = 100_000
"""Traces that bins are fitted to, evenly picked."""


@dataclass(frozen=True)
class NewSurvey:
    """What will be written.

    Parameters
    ----------
    grid, domain, channels
        Axes, vertical domain, number of channels C.
    provenance
        Lines for people on its making.
    sample_format
        Name of the format of the samples (``ieee``, ``int8``, …); None: the writer's own default, float32.
    coordinates
        Coordinates of its traces, if known.
    """

    grid: Grid
    domain: Domain
    channels: int = 1
    provenance: tuple[str, ...] = ()
    sample_format: str | None = None
    coordinates: Coordinates | None = None


class SurveyWriter(ABC):
    """A survey file that is written window by window, in any order, and appears whole or not at all.

    A context manager: leaving it without `commit` removes what was written, but for an unfinished file: that stays, and
    another writer goes on with it. Several processes may write windows of one unfinished file that do not overlap.

    Attributes
    ----------
    clipped
        Samples so far that the format of the file cannot hold, and that were set to its nearest value.
    """

    clipped: int = 0

    @abstractmethod
    def write(self, window: Window, samples: FloatArray) -> None:
        """Write samples (C, \\*window.shape); samples of traces that the file does not hold are dropped."""

    @abstractmethod
    def sync(self) -> None:
        """Have everything that was written on the disk.

        Raises
        ------
        OutputError
            If the disk is full or not writable.
        """

    @abstractmethod
    def checksum(self, window: Window) -> int:
        """CRC-32 of the bytes that the file stores for the samples of a window, read back from it.

        Headers, and samples of traces that the file does not hold, do not count. The order of the bytes is that of the
        file.
        """

    @abstractmethod
    def commit(self) -> None:
        """Flush everything to the disk and give the file its final name.

        Raises
        ------
        OutputError
            If the disk is full or not writable.
        """

    @abstractmethod
    def discard(self) -> None:
        """Let go of the file, and remove it unless it is an unfinished one; nothing once it is committed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
