"""A survey in several files, such as one inline a file, as one."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.survey.lattice import firsts, joint_grid, require_alike, strides, window_of
from geocnn.survey.survey import BoolArray, Coordinates, Extent, FloatArray, Survey

__all__ = ["JoinedSurvey", "Part"]

MOST_OPEN = 64
"""Parts that are kept open at once: a process may not have many more than a thousand open files."""


class Part(NamedTuple):
    """What one file has of a window.

    Parameters
    ----------
    number
        Which file, from 0.
    inside
        The window in positions of that file.
    target
        Where it lies in the window that was asked for.
    """

    number: int
    inside: Window
    target: tuple[slice, ...]


class JoinedSurvey(Survey):
    """Surveys that hold different traces of one lattice, such as one inline each.

    ```
      joint grid      inline 100  ········      file 1, inline 100
                      inline 102  ········      file 2, inline 102
                      inline 104                no file has it: a gap
                      inline 106     ·····      file 3, inline 106
    ```

    Parameters
    ----------
    surveys
        The files; no two may have a trace at the same place.

    Attributes
    ----------
    surveys
        In the order of their places.
    windows
        Where the box of each lies on the grid; boxes may overlap where traces do not.

    Raises
    ------
    SurveyError
        If their axes are not of one lattice, they share traces, or lie so far apart that nearly all would be empty.
    """

    def __init__(self, surveys: Sequence[Survey]) -> None:
        first = surveys[0]
        for other in surveys[1:]:
            require_alike(first, other)
        self.grid = joint_grid(surveys)
        # Copies, because a pickled or copied survey lets go of its file, and there may be more than can be open.
        self.surveys = tuple(copy.copy(each) for each in sorted(surveys, key=lambda each: firsts(each.grid, self.grid)))
        self.windows = tuple(window_of(each.grid, self.grid) for each in self.surveys)
        self._strides = [strides(each.grid, self.grid) for each in self.surveys]
        self._open: OrderedDict[int, Survey] = OrderedDict()
        self.name = f"{self.surveys[0].name} and {len(surveys) - 1} more"
        self.channels = first.channels
        self.domain = first.domain
        self.null = first.null
        self.counted = first.counted
        self._owners = self._find_owners()
        self.remarks = (*_remarks(self.surveys), *_gaps(self.present))

    def parts(self, window: Window) -> Iterator[Part]:
        """What each file has of a window; files that have nothing of it are left out."""
        boxes = self._boxes
        touched = (boxes[:, 0] < np.array(window.stop)) & (boxes[:, 1] > np.array(window.start))
        for number in np.flatnonzero(touched.all(axis=1)):
            part = self._part(int(number), window)
            if part.inside.size:
                yield part

    def read(self, window: Window) -> FloatArray:
        samples = np.zeros((self.channels, *window.shape), np.float32)
        for part in self.parts(window):
            survey = self._opened(part.number)
            target = samples[(slice(None), *part.target)]
            held = self._owners[window.slices[:-1]][part.target[:-1]] == part.number
            values = survey.read(part.inside)
            if held.all():
                target[:] = values
            else:
                target[:, held] = values[:, held]
        return samples

    def inexact(self, window: Window) -> int:
        return sum(self._opened(part.number).inexact(part.inside) for part in self.parts(window))

    @property
    def present(self) -> BoolArray:
        return self._owners >= 0

    @cached_property
    def extent(self) -> Extent | None:
        extents = [each.extent for each in self.surveys]
        if all(each is None for each in extents):
            return None
        first = np.zeros(self.grid.lateral, np.int32)
        last = np.where(self.present, np.int32(self.grid.shape[-1]), np.int32(0))
        for survey, extent, part in zip(self.surveys, extents, self._whole_parts(), strict=True):
            if extent is not None:
                held = survey.present
                first[part.target[:-1]][held] = extent[0][held]
                last[part.target[:-1]][held] = extent[1][held]
        return first, last

    @property
    def coordinates(self) -> Coordinates | None:
        found = np.full((2, *self.grid.lateral), np.nan)
        known = False
        for survey, part in zip(self.surveys, self._whole_parts(), strict=True):
            coordinates = survey.coordinates
            if coordinates is not None:
                known = True
                held = survey.present
                found[(slice(None), *part.target[:-1])][:, held] = coordinates[:, held]
        return found if known else None

    @property
    def description(self) -> Mapping[str, str]:
        sizes = sorted({prod(each.grid.lateral) for each in self.surveys})
        traces = " to ".join(f"{size:,}" for size in (sizes if len(sizes) < 2 else (sizes[0], sizes[-1])))
        return {"files": f"{len(self.surveys):,}, each of {traces} positions", **self.surveys[0].description}

    @property
    def text(self) -> tuple[str, ...]:
        return self.surveys[0].text

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}

    def _opened(self, number: int) -> Survey:
        """A part that may hold its file open; the one that was not read for longest is let go."""
        if number not in self._open:
            self._open[number] = copy.copy(self.surveys[number])
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(number)
        return self._open[number]

    @cached_property
    def _boxes(self) -> NDArray[np.int64]:
        """First position and the one after the last of each part on each axis, (parts, 2, axes)."""
        return np.array([(window.start, window.stop) for window in self.windows])

    def _part(self, number: int, window: Window) -> Part:
        inside: list[tuple[int, int]] = []
        target: list[slice] = []
        axes = zip(self.windows[number].start, self._strides[number], self.surveys[number].grid.shape, strict=True)
        for (origin, stride, size), start, stop in zip(axes, window.start, window.stop, strict=True):
            first = max(0, -(-(start - origin) // stride))
            last = max(first, min(size, -(-(stop - origin) // stride)))
            inside.append((first, last))
            begin = origin + first * stride - start
            target.append(slice(begin, begin + (last - first - 1) * stride + 1 if last > first else begin, stride))
        return Part(number, Window(*(tuple(ends) for ends in zip(*inside, strict=True))), tuple(target))

    def _whole_parts(self) -> list[Part]:
        return [self._part(number, self.grid.whole) for number in range(len(self.surveys))]

    def _find_owners(self) -> NDArray[np.int32]:
        """Number of the file that has the trace at each position, −1 where none has.

        Raises
        ------
        SurveyError
            If two have one at the same place.
        """
        owners = np.full(self.grid.lateral, -1, np.int32)
        for survey, part in zip(self.surveys, self._whole_parts(), strict=True):
            target, held = owners[part.target[:-1]], survey.present
            shared = held & (target >= 0)
            if shared.any():
                raise _overlapping(self.surveys[int(target[shared][0])], survey, shared)
            target[held] = part.number
        return owners


def _overlapping(first: Survey, second: Survey, shared: BoolArray) -> SurveyError:
    """Two files with traces at the same places; `shared` is in positions of the second."""
    at = np.argwhere(shared)[0]
    place = ", ".join(f"{axis.name} {axis.label(int(i)):g}" for axis, i in zip(second.grid.axes, at, strict=False))
    return SurveyError(
        f"{first.name} and {second.name} cover different parts, and share {np.count_nonzero(shared):,} of "
        f"{shared.size:,} positions, the first at {place}",
        expected="files with the same grid, to be stacked as channels, or with no trace in common, to be joined",
        do="cut the surveys to a common grid, or leave one out",
    )


MOST_REMARKS = 8
"""Lines of remarks on single files."""


def _remarks(surveys: Sequence[Survey]) -> tuple[str, ...]:
    """Remarks of the parts, one line for all that share one."""
    names: dict[str, list[str]] = {}
    for survey in surveys:
        for remark in survey.remarks:
            names.setdefault(remark, []).append(survey.name)
    lines = [remark if len(found) == len(surveys) else f"{_some(found)}: {remark}" for remark, found in names.items()]
    left = len(lines) - MOST_REMARKS
    return (*lines[:MOST_REMARKS], *([f"{left:,} more remarks on single files"] if left > 0 else []))


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _gaps(present: BoolArray) -> tuple[str, ...]:
    missing = np.count_nonzero(~present)
    share = 100 * missing / present.size
    return (f"{missing:,} of {present.size:,} grid positions ({share:.1f} %) are in no file",) if missing else ()
