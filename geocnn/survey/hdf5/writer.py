"""Writing HDF5: a data set with its axes, window by window."""

from __future__ import annotations

import os
import re
from math import ceil, prod
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid, Window
from geocnn.output import output_error, publish, temporary_beside
from geocnn.survey.disk import reserve
from geocnn.survey.hdf5.contents import BESIDE, COORDINATES, PRESENT
from geocnn.survey.naming import array_name
from geocnn.survey.packing import pack, type_named
from geocnn.survey.survey import BoolArray, FloatArray, NewSurvey, SurveyWriter

__all__ = ["Hdf5Writer"]

CHUNK = 2**18
"""Samples in a chunk at most: 64 × 64 × 64, or 512 × 512; 1 MiB in float32."""

LEAST_CACHE, MOST_CACHE = 8 * 2**20, 512 * 2**20
"""Bytes of the chunk cache."""


class Hdf5Writer(SurveyWriter):
    """A data set that is written window by window, in float32 or another sample format.

    Axes become dimension scales, samples with a unit ``sample_ms`` or ``sample_m``; the provenance is an attribute.
    Coordinates become the data sets ``cdp_x`` and ``cdp_y`` beside it; a map of the traces that there are becomes the
    data set ``present``.

    Integers are compressed without loss (Blosc with bit shuffling and zstd: labels to a thirtieth, percentages to
    three quarters). Floats are not: they would shrink by an eighth to a quarter only, take three to six times as long
    to write, and the space on the disk could not be taken beforehand.

    Parameters
    ----------
    path, inside
        The file, and the path of the data set in it.
    new
        What will be written.
    present
        Which traces there are, shape `new.grid.lateral`; None: all.

    Raises
    ------
    OutputError
        If the file cannot be written, or HDF5 lacks the sample format.
    """

    def __init__(self, path: Path, inside: str, new: NewSurvey, present: BoolArray | None = None) -> None:
        self._path = path
        self._temporary = temporary_beside(path)
        self._channel = new.channels > 1
        self._type = type_named(new.sample_format, path)
        _require_name(path, inside, new.grid)
        try:
            self._file = h5py.File(self._temporary, "w", rdcc_nbytes=_cache(new, self._type))
            self._data = _create(self._file, inside.strip("/"), new, self._type)
            _describe_traces(self._data, new, present)
            reserve(self._temporary, self._file.id.get_filesize())
        except (OSError, ValueError, RuntimeError) as error:
            self.discard()
            raise output_error(path, _as_os_error(error)) from error

    def write(self, window: Window, samples: FloatArray) -> None:
        packed, clipped = pack(samples, self._type)
        self.clipped += clipped
        try:
            if self._channel:
                self._data[(slice(None), *window.slices)] = packed
            else:
                self._data[window.slices] = packed[0]
        except (OSError, RuntimeError) as error:
            raise output_error(self._path, _as_os_error(error)) from error

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


def _require_name(path: Path, inside: str, grid: Grid) -> None:
    """Refuse the name of an axis, or of what lies beside the samples."""
    names = {*map(_scale_name, grid.axes), *(axis.name for axis in grid.axes), *BESIDE}
    if not inside.strip("/") or inside.strip("/").split("/")[-1] in names:
        raise OutputError(
            f"{path}:{inside} is the name of no data set, or of an axis or of what lies beside the samples",
            expected="a path in the file, such as /data",
            do="choose another name",
        )


def _chunks(grid: Grid) -> tuple[int, ...]:
    """Sizes of a chunk: 64³ samples at most, and as few as possible beyond the far ends.

    Axes that are shorter leave more to the others: 22 × 1536 × 512 is cut into 22 × 110 × 103.
    """
    left, chunks = CHUNK, dict.fromkeys(range(grid.ndim), 1)
    for done, axis in enumerate(sorted(range(grid.ndim), key=lambda k: grid.shape[k])):
        size = grid.shape[axis]
        most = max(1, round(left ** (1 / (grid.ndim - done))))
        chunks[axis] = ceil(size / ceil(size / most))
        left //= chunks[axis]
    return tuple(chunks.values())


def _cache(new: NewSurvey, kind: np.dtype[Any]) -> int:
    """Bytes that hold all chunks along the first axis, so that each is compressed once when slabs are thin."""
    chunks = _chunks(new.grid)
    row = prod(ceil(size / chunk) * chunk for size, chunk in zip(new.grid.shape[1:], chunks[1:], strict=True))
    return min(max(new.channels * chunks[0] * row * kind.itemsize, LEAST_CACHE), MOST_CACHE)


def _create(file: h5py.File, inside: str, new: NewSurvey, kind: np.dtype[Any]) -> h5py.Dataset:
    """An empty data set with its axes."""
    names = [array_name(axis) for axis in new.grid.axes]
    several = new.channels > 1
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compression: dict[str, Any] = {}
    if kind.kind == "f":
        # Space is taken now, so that a full disk is noticed before hours of work.
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    else:
        compression = dict(hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.BITSHUFFLE))
    data = file.create_dataset(
        inside,
        (new.channels, *new.grid.shape) if several else new.grid.shape,
        kind,
        chunks=(1, *_chunks(new.grid)) if several else _chunks(new.grid),
        dcpl=properties,
        **compression,
    )
    data.attrs["axes"] = _text(",".join(["channel", *names] if several else names))
    data.attrs["domain"] = _text(new.domain.name)
    if new.provenance:
        data.attrs["provenance"] = _text("\n".join(new.provenance))
    for dimension, axis in enumerate(new.grid.axes, start=int(several)):
        data.dims[dimension].label = array_name(axis)
        # A sample axis without a unit has no labels: it was counted.
        if axis.name != "sample" or axis.unit:
            _attach(data, dimension, axis)
    return data


def _describe_traces(data: h5py.Dataset, new: NewSurvey, present: BoolArray | None) -> None:
    """Write coordinates and the map of traces beside the data set, where they are known."""
    if new.coordinates is not None:
        for name, values in zip(COORDINATES, new.coordinates, strict=True):
            data.parent.create_dataset(name, data=values)
    if present is not None and not present.all():
        data.parent.create_dataset(PRESENT, data=present)


def _attach(data: h5py.Dataset, dimension: int, axis: Axis) -> None:
    """Write the labels of an axis beside the data set, as a scale of its dimension."""
    scale = data.parent.create_dataset(_scale_name(axis), data=axis.first + np.arange(axis.size) * axis.step)
    scale.attrs["step"] = axis.step
    if axis.unit:
        scale.attrs["units"] = _text(axis.unit)
    scale.make_scale(array_name(axis))
    data.dims[dimension].attach_scale(scale)


def _text(text: str) -> np.bytes_:
    """Text of fixed length, which HDF5 keeps in place: of other text, if it is damaged, it never returns."""
    return np.bytes_(text.encode())


def _as_os_error(error: Exception) -> OSError:
    """What the system said, which h5py hides in the text of other errors: ``… errno = 28 …``."""
    said = re.search(r"errno = (\d+)", str(error))
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return OSError(int(said[1]), os.strerror(int(said[1]))) if said else OSError(str(error))


def _scale_name(axis: Axis) -> str:
    return f"{array_name(axis)}_{axis.unit}" if axis.unit else array_name(axis)
