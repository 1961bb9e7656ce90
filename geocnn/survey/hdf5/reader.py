"""Data sets in HDF5 as surveys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (registers the filters of compressed chunks)
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Grid, Window
from geocnn.survey.array import NUMBERS, ArrayOnDisk
from geocnn.survey.hdf5.axes import read_axes
from geocnn.survey.naming import ORDER, AxisNames, count_remarks
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Survey

__all__ = ["Hdf5Survey"]

CHUNK_CACHE = 64 * 2**20


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
        self._handle: tuple[int, h5py.File] | None = None
        file = self._file()
        self._inside = _inside(file, path, inside)
        self.name = f"{path}:/{self._inside}"
        data = file[self._inside]
        axes = read_axes(data, self.name, options, partner)
        self.axis_names = axes.names
        names = axes.names.names
        self.channels = data.shape[names.index("channel")] if "channel" in names else 1
        self.grid = Grid(axes.axes)
        self.domain = axes.domain
        self.counted = axes.counted
        self.null = options.null
        self.remarks = (*axes.names.remarks, *count_remarks(axes.counted))
        self._type: np.dtype[Any] = data.dtype
        self._description = _describe(data, axes.names)

    def block(self, window: Window, selection: tuple[slice, ...]) -> NDArray[Any]:
        try:
            values: NDArray[Any] = self._file()[self._inside][selection]
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

    def _file(self) -> h5py.File:
        """The file, opened by each process for itself: a handle that was forked or pickled reads garbage."""
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = (os.getpid(), h5py.File(self._path, "r", rdcc_nbytes=CHUNK_CACHE))
        return self._handle[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}


def _inside(file: h5py.File, path: Path, inside: str | None) -> str:
    """Path of the data set that is meant, without a leading slash.

    Raises
    ------
    SurveyError
        If there is none, or several could be meant; it lists them.
    """
    numeric = dict(_data_sets(file))
    listed = ", ".join(f"/{name} {shape}" for name, shape in numeric.items()) or "none"
    if inside is not None:
        name = inside.strip("/")
        if name in numeric:
            return name
        what = "has no data set" if name not in file else "has no numeric data set of 1 dimension or more at"
        raise SurveyError(
            f"{path} {what} /{name}", expected=f"one of its data sets: {listed}", do=f"name it: {path}:/name"
        )
    meant = [name for name in numeric if not _is_scale(file[name])]
    if len(meant) != 1:
        raise SurveyError(
            f"{path} holds {len(numeric)} data sets that could be meant: {listed}",
            expected="the path of one of them",
            do=f"name it: {path}:/{meant[0] if meant else 'name'}",
        )
    return meant[0]


def _is_scale(data: h5py.Dataset) -> bool:
    """Whether a data set holds the labels of an axis, by its standing or by its name."""
    name = str(data.name).rsplit("/", 1)[-1].lower()
    return bool(data.is_scale) or (data.ndim == 1 and name in {*ORDER, "sample_ms", "sample_m"})


def _data_sets(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Paths and shapes of all data sets with numbers in at least one dimension."""
    found: list[tuple[str, tuple[int, ...]]] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape and 0 not in item.shape and item.dtype.kind in NUMBERS:
            found.append((name, item.shape))

    file.visititems(visit)
    yield from found


def _describe(data: h5py.Dataset, names: AxisNames) -> Mapping[str, str]:
    kind = "boolean" if data.dtype.kind == "b" else f"{data.dtype.name}, {_byte_order(data.dtype)}"
    chunks = "contiguous" if data.chunks is None else "chunks of " + " × ".join(map(str, data.chunks))
    return {
        "format": f"HDF5, {kind}, {chunks}",
        "order in the file": f"{', '.join(names.names)} ({names.source})",
    }


def _byte_order(kind: np.dtype[Any]) -> str:
    return {">": "big-endian", "|": "single bytes"}.get(kind.str[0], "little-endian")
