"""Data sets in HDF5 as surveys, read and written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (registers the filters of compressed chunks)
import numpy as np

from geocnn.errors import OutputError, SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.output import output_error, publish, temporary_beside
from geocnn.survey.disk import reserve
from geocnn.survey.hdf5_axes import ORDER, read_axes
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import BoolArray, FloatArray, NewSurvey, Survey, SurveyWriter

__all__ = ["Hdf5Survey", "Hdf5Writer"]

NUMBERS = "biuf"
"""Kinds of NumPy types that are samples."""

CHUNK_CACHE = 64 * 2**20


class Hdf5Survey(Survey):
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

    def __init__(self, path: Path, inside: str | None, options: SurveyOptions) -> None:
        self._path = path
        self._handle: tuple[int, h5py.File] | None = None
        file = self._file()
        self._inside = _inside(file, path, inside)
        self.name = f"{path}:/{self._inside}"
        data = file[self._inside]
        axes = read_axes(data, self.name, options)
        self._order = tuple(sorted(axes.names, key=ORDER.index))
        self._names = axes.names
        self.channels = data.shape[axes.names.index("channel")] if "channel" in axes.names else 1
        self.grid = Grid(axes.axes)
        self.domain = axes.domain
        self.counted = axes.counted
        self.null = options.null
        self.remarks = _remarks(axes.source, axes.names, axes.counted)
        self._description = _describe(data, axes.names, axes.source)

    def read(self, window: Window) -> FloatArray:
        wanted = dict(zip((axis.name for axis in self.grid.axes), window.slices, strict=True))
        wanted["channel"] = slice(None)
        try:
            block = self._file()[self._inside][tuple(wanted[name] for name in self._names)]
        except OSError as error:
            raise SurveyError(
                f"{self.name} cannot be read at {window}: {error}",
                expected="chunks that can be decompressed",
                do="copy the file again; it may be damaged, or compressed by a filter that hdf5plugin lacks",
            ) from error
        ordered = np.transpose(block, [self._names.index(name) for name in self._order])
        # Larger numbers than float32 holds become infinite, which a scan tells.
        with np.errstate(over="ignore"):
            samples = np.ascontiguousarray(ordered, np.float32)
        return samples if "channel" in self._names else samples[None]

    @property
    def present(self) -> BoolArray:
        return np.ones(self.grid.lateral, np.bool_)

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


def _remarks(source: str, names: Sequence[str], counted: frozenset[str]) -> tuple[str, ...]:
    """What was guessed of the axes."""
    guessed = f"axes were taken as {', '.join(names)} ({source}); --axes overrides"
    numbers = f"no numbers for {', '.join(sorted(counted, key=ORDER.index))}: counted from 0"
    return ((guessed,) if source.startswith("the default") else ()) + ((numbers,) if counted else ())


def _describe(data: h5py.Dataset, names: Sequence[str], source: str) -> Mapping[str, str]:
    kind = "boolean" if data.dtype.kind == "b" else f"{data.dtype.name}, {_byte_order(data.dtype)}"
    chunks = "contiguous" if data.chunks is None else "chunks of " + " × ".join(map(str, data.chunks))
    return {
        "format": f"HDF5, {kind}, {chunks}",
        "order in the file": f"{', '.join(names)} ({source})",
    }


def _byte_order(kind: np.dtype[Any]) -> str:
    return {">": "big-endian", "|": "single bytes"}.get(kind.str[0], "little-endian")


class Hdf5Writer(SurveyWriter):
    """A float32 data set that is written window by window.

    Axes become dimension scales, samples with a unit ``sample_ms`` or ``sample_m``; the provenance is an attribute.

    Parameters
    ----------
    path, inside
        The file, and the path of the data set in it.
    new
        What will be written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """

    def __init__(self, path: Path, inside: str, new: NewSurvey) -> None:
        self._path = path
        self._temporary = temporary_beside(path)
        self._channel = new.channels > 1
        names = [axis.name for axis in new.grid.axes]
        if not inside.strip("/") or inside.strip("/").split("/")[-1] in {*map(_scale_name, new.grid.axes), *names}:
            raise OutputError(
                f"{path}:{inside} is the name of no data set or of an axis",
                expected="a path in the file, such as /data",
                do="choose another name",
            )
        try:
            self._file = h5py.File(self._temporary, "w")
            self._data = _create(self._file, inside.strip("/"), new)
            reserve(self._temporary, self._file.id.get_filesize())
        except OSError as error:
            self.discard()
            raise output_error(path, error) from error

    def write(self, window: Window, samples: FloatArray) -> None:
        try:
            if self._channel:
                self._data[(slice(None), *window.slices)] = samples
            else:
                self._data[window.slices] = samples[0]
        except OSError as error:
            raise output_error(self._path, error) from error

    def commit(self) -> None:
        try:
            self._file.close()
            publish(self._temporary, self._path)
        except OSError as error:
            raise output_error(self._path, error) from error

    def discard(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


CHUNK = 2**18
"""Samples in a chunk: 64 × 64 × 64, or 512 × 512."""


def _create(file: h5py.File, inside: str, new: NewSurvey) -> h5py.Dataset:
    """An empty data set with its axes."""
    names = [axis.name for axis in new.grid.axes]
    side = round(CHUNK ** (1 / new.grid.ndim))
    chunks = [min(side, size) for size in new.grid.shape]
    # Space is taken now, so that a full disk is noticed before hours of work.
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    several = new.channels > 1
    data = file.create_dataset(
        inside,
        (new.channels, *new.grid.shape) if several else new.grid.shape,
        np.float32,
        chunks=(1, *chunks) if several else tuple(chunks),
        dcpl=early,
    )
    data.attrs["axes"] = ",".join(["channel", *names] if several else names)
    data.attrs["domain"] = new.domain.name
    data.attrs["provenance"] = "\n".join(new.provenance)
    for dimension, axis in enumerate(new.grid.axes, start=int(several)):
        data.dims[dimension].label = axis.name
        # A sample axis without a unit has no labels: it was counted.
        if axis.name != "sample" or axis.unit:
            _attach(data, dimension, axis)
    return data


def _attach(data: h5py.Dataset, dimension: int, axis: Axis) -> None:
    """Write the labels of an axis beside the data set, as a scale of its dimension."""
    scale = data.parent.create_dataset(_scale_name(axis), data=axis.first + np.arange(axis.size) * axis.step)
    scale.attrs["step"] = axis.step
    if axis.unit:
        scale.attrs["units"] = axis.unit
    scale.make_scale(axis.name)
    data.dims[dimension].attach_scale(scale)


def _scale_name(axis: Axis) -> str:
    return f"{axis.name}_{axis.unit}" if axis.unit else axis.name
