"""Data sets in HDF5 as surveys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (registers the filters of compressed chunks)
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Grid, Window
from geocnn.survey.array import ArrayOnDisk
from geocnn.survey.hdf5.axes import DataAxes, read_axes
from geocnn.survey.hdf5.chunks import access_of, chunk_remarks, filter_names, require_filters
from geocnn.survey.hdf5.contents import COORDINATES, PRESENT, find_inside, matlab_remarks, trace_map
from geocnn.survey.hdf5.damage import attribute, require_possible, telling
from geocnn.survey.naming import AxisNames, count_remarks
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import BoolArray, Coordinates, Survey

__all__ = ["Hdf5Survey"]


class Hdf5Survey(ArrayOnDisk):
    """A data set of an HDF5 file as a survey.

    Parameters
    ----------
    path
        The file.
    inside
        Path of the data set in it; not needed if there is only one that could be meant.
    options
        Names of the axes, dt, t0 and domain, where the file does not tell.

    Raises
    ------
    SurveyError
        If there is no such data set, or its axes cannot be understood.
    """

    def __init__(self, path: Path, inside: str | None, options: SurveyOptions, partner: Survey | None = None) -> None:
        self._path = path
        self._handle: tuple[int, h5py.Dataset] | None = None
        self.null = options.null
        file = _open(path)
        with telling(path):
            self._inside = find_inside(file, path, inside)
            self.name = f"{path}:/{self._inside}"
            data = file[self._inside]
            require_filters(data, self.name)
            require_possible(data, self.name)
            self._understand(data, read_axes(data, self.name, options, partner))

    def _understand(self, data: h5py.Dataset, axes: DataAxes) -> None:
        """Take over what the file says of a data set."""
        self.axis_names = axes.names
        names = axes.names.names
        self.channels = data.shape[names.index("channel")] if "channel" in names else 1
        self.grid = Grid(axes.axes)
        self.domain = axes.domain
        self.counted = axes.counted
        self._type: np.dtype[Any] = data.dtype
        self._present = trace_map(data, PRESENT, axes.names)
        self._coordinates = [trace_map(data, name, axes.names) for name in COORDINATES]
        self.remarks = (
            *axes.names.remarks,
            *count_remarks(axes.counted),
            *matlab_remarks(data),
            *chunk_remarks(data, axes.names),
            *_emptiness(self.present),
        )
        self._text = _provenance(data)
        self._description = _describe(data, axes.names)

    def block(self, window: Window, selection: tuple[slice, ...]) -> NDArray[Any]:
        try:
            with telling(self.name):
                values: NDArray[Any] = self._data()[selection]
        except OSError as error:
            raise SurveyError(
                f"{self.name} cannot be read at {window}: {error}",
                expected="chunks that can be decompressed",
                do="copy the file again; it may be damaged, or compressed by a filter that hdf5plugin lacks",
            ) from error
        return values

    @property
    def _kind(self) -> np.dtype[Any]:
        return self._type

    @property
    def description(self) -> Mapping[str, str]:
        return self._description

    @property
    def present(self) -> BoolArray:
        """Traces that the data set ``present`` beside the samples tells, or all."""
        return super().present if self._present is None else self._present != 0

    @property
    def coordinates(self) -> Coordinates | None:
        """The data sets ``cdp_x`` and ``cdp_y`` beside the samples."""
        x, y = self._coordinates
        return None if x is None or y is None else np.stack([x, y]).astype(np.float64)

    @property
    def text(self) -> tuple[str, ...]:
        """The attribute ``provenance``."""
        return self._text

    def _data(self) -> h5py.Dataset:
        """The data set, opened by each process for itself: a handle that was forked or pickled reads garbage."""
        if self._handle is None or self._handle[0] != os.getpid():
            file = _open(self._path)
            access = access_of(file[self._inside])
            self._handle = (os.getpid(), h5py.Dataset(h5py.h5d.open(file.id, self._inside.encode(), access)))
        return self._handle[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}


def _open(path: Path) -> h5py.File:
    """The file; without a lock where its file system has none, as on some clusters."""
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise
    except OSError:
        # Whatever else is wrong is told again. Never without a lock at first: who opens it beside us would be refused.
        return h5py.File(path, "r", locking=False)


def _emptiness(present: BoolArray) -> tuple[str, ...]:
    missing = np.count_nonzero(~present)
    share = 100 * missing / present.size
    return (f"{missing:,} of {present.size:,} grid positions ({share:.1f} %) have no trace",) if missing else ()


def _provenance(data: h5py.Dataset) -> tuple[str, ...]:
    """Lines of the attribute ``provenance``, if there is one."""
    said = attribute(data, "provenance", "")
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return tuple(text.splitlines())


def _describe(data: h5py.Dataset, names: AxisNames) -> Mapping[str, str]:
    kind = "boolean" if data.dtype.kind == "b" else f"{data.dtype.name}, {_byte_order(data.dtype)}"
    chunks = "contiguous" if data.chunks is None else "chunks of " + " × ".join(map(str, data.chunks))
    filters = ", ".join(filter_names(data)) or "not compressed"
    return {
        "format": f"HDF5, {kind}, {chunks}, {filters}",
        "order in the file": f"{', '.join(names.names)} ({names.source})",
    }


def _byte_order(kind: np.dtype[Any]) -> str:
    return {">": "big-endian", "|": "single bytes"}.get(kind.str[0], "little-endian")
