"""Axes and grids: labels (inline 2400) to positions and back, and windows of positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from geocnn.errors import SurveyError

__all__ = ["Axis", "Grid", "Window", "overlap"]


@dataclass(frozen=True)
class Axis:
    """A regular axis: label of position ``i`` is ``first + i * step``.

    Parameters
    ----------
    name
        ``inline``, ``crossline``, ``trace``, ``sample``, ``row``, ``column``.
    first, step
        Label of position 0 and increment per position (line numbers, or `unit`). The step may be negative.
    size
        Number of positions.
    unit
        ``ms``, ``m``, ``ft``, or empty for line numbers and pixels.
    """

    name: str
    first: float
    step: float
    size: int
    unit: str = ""

    def __post_init__(self) -> None:
        if self.size < 1 or self.step == 0:
            raise SurveyError(
                f"axis {self.name} has size {self.size} and step {self.step:g}",
                expected="at least one position and a step other than 0",
            )

    @property
    def last(self) -> float:
        """Label of the last position."""
        return self.first + (self.size - 1) * self.step

    def label(self, position: int) -> float:
        """Label at a position."""
        return self.first + position * self.step

    def position(self, label: float) -> int:
        """Position of a label.

        Raises
        ------
        SurveyError
            If no position of this axis carries the label.
        """
        position = round((label - self.first) / self.step)
        if not 0 <= position < self.size or abs(self.label(position) - label) > 0.01 * abs(self.step):
            raise SurveyError(f"no {self.name} {label:g}", expected=str(self), do="choose one on this axis")
        return position

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {self.first:g} to {self.last:g}{unit} by {self.step:g} ({self.size})"


@dataclass(frozen=True)
class Window:
    """A box of positions, half open: ``start[k] <= position < stop[k]`` on each axis, slow to fast."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions on each axis; never negative."""
        return tuple(max(0, stop - start) for start, stop in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of samples."""
        return prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The window as an index of an array."""
        return tuple(slice(start, stop) for start, stop in zip(self.start, self.stop, strict=True))

    def shifted(self, offset: Sequence[int]) -> Window:
        """The window moved by `offset` positions on each axis."""
        return Window(
            tuple(a + d for a, d in zip(self.start, offset, strict=True)),
            tuple(b + d for b, d in zip(self.stop, offset, strict=True)),
        )

    def within(self, other: Window) -> Window:
        """The part of this window that lies in `other`; empty if none does."""
        start = tuple(max(a, b) for a, b in zip(self.start, other.start, strict=True))
        stop = tuple(max(low, min(a, b)) for low, a, b in zip(start, self.stop, other.stop, strict=True))
        return Window(start, stop)

    def __str__(self) -> str:
        return " × ".join(f"{start}:{stop}" for start, stop in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True)
class Grid:
    """The axes of a survey, slow to fast; the last is the sample axis (or the columns of an image)."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def ndim(self) -> int:
        """1 for traces, 2 for sections and images, 3 for volumes."""
        return len(self.axes)

    @property
    def lateral(self) -> tuple[int, ...]:
        """Positions on each axis but the sample axis: the shape of a map of traces."""
        return self.shape[:-1]

    @property
    def whole(self) -> Window:
        """The window of everything."""
        return Window((0,) * self.ndim, self.shape)

    def axis(self, name: str) -> Axis:
        """The axis of that name.

        Raises
        ------
        SurveyError
            If there is none.
        """
        return self.axes[self.index(name)]

    def index(self, name: str) -> int:
        """Place of the axis of that name."""
        names = [axis.name for axis in self.axes]
        if name not in names:
            raise SurveyError(f"no axis {name!r}", expected=f"one of {', '.join(names)}")
        return names.index(name)

    def part(self, window: Window) -> Grid:
        """The grid of a window: its axes begin at the window's first labels."""
        spans = zip(self.axes, window.start, window.shape, strict=True)
        return Grid(tuple(replace(axis, first=axis.label(start), size=size) for axis, start, size in spans))

    def slabs(self, samples: int) -> Iterator[Window]:
        """Windows of about `samples` samples, in order along the first axis, that together make the whole."""
        thickness = max(1, samples // max(1, prod(self.shape[1:])))
        for start in range(0, self.shape[0], thickness):
            stop = min(start + thickness, self.shape[0])
            yield Window((start, *(0,) * (self.ndim - 1)), (stop, *self.shape[1:]))

    def __str__(self) -> str:
        return ", ".join(str(axis) for axis in self.axes)


def overlap(first: Grid, second: Grid, names: tuple[str, str]) -> tuple[Window, Window]:
    """The same samples as a window of each of two grids, matched by labels.

    Parameters
    ----------
    first, second
        Grids with the same axes; order, steps and units must agree, extents need not.
    names
        What the user calls the two surveys; both appear in every message.

    Raises
    ------
    SurveyError
        If the axes differ, do not fall on each other, or do not overlap.
    """
    pair = f"{names[0]} and {names[1]}"
    if [a.name for a in first.axes] != [a.name for a in second.axes]:
        raise SurveyError(
            f"{pair} have different axes: {first} against {second}",
            expected="the same axes in the same order",
            do="name the axes of the HDF5 data set with --axes (config: axes)",
        )
    windows: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for a, b in zip(first.axes, second.axes, strict=True):
        shift = (b.first - a.first) / a.step
        if a.unit != b.unit or abs(a.step - b.step) > 1e-3 * abs(a.step) or abs(shift - round(shift)) > 0.01:
            raise SurveyError(
                f"{pair} do not fall on the same {a.name} positions: {a} against {b}",
                expected="equal steps and units, and labels that coincide",
                do="check the header bytes, --dt and --t0 of both",
            )
        start = max(0, round(shift))
        stop = min(a.size, round(shift) + b.size)
        if start >= stop:
            raise SurveyError(
                f"{pair} do not overlap: {a} against {b}",
                expected="surveys over the same lines and samples",
                do="check that both belong to the same survey, and their header bytes",
            )
        windows[0].append((start, stop))
        windows[1].append((start - round(shift), stop - round(shift)))
    in_first, in_second = (Window(tuple(s for s, _ in w), tuple(e for _, e in w)) for w in windows)
    return in_first, in_second
