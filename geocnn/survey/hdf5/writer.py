"""Writing HDF5: a data set with its axes, window by window."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid, Window
from geocnn.output import NewFile
from geocnn.survey.array_file import ArrayFile
from geocnn.survey.disk import AT_ONCE, OpenFile, reserve
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

    Of an unfinished file the samples lie in one piece, without chunks and compression: HDF5 lets only one process
    write, and may not open a file again that it was writing when it was killed. So HDF5 makes the file and is done
    with it, and samples are written where it says that they lie.

    Parameters
    ----------
    file, inside
        The file that it becomes, and the path of the data set in it.
    new
        What will be written.
    present
        Which traces there are, shape `new.grid.lateral`; None: all.

    Raises
    ------
    OutputError
        If the file cannot be written, HDF5 lacks the sample format, or the unfinished file holds another data set.
    """

    def __init__(self, file: NewFile, inside: str, new: NewSurvey, present: BoolArray | None = None) -> None:
        self._file = file
        self._channels = new.channels
        self._type = type_named(new.sample_format, file.path)
        _require_name(file.path, inside, new.grid)
        name = inside.strip("/")
        self._samples: ChunkedArray | ArrayFile
        if file.unfinished is None:
            with file.made() as scratch, _system_errors():
                data = _make(scratch, name, new, self._type, present)
                self._samples = ChunkedArray(data)
                reserve(scratch, data.file.id.get_filesize())
            return
        if not file.is_begun:
            with file.made() as scratch, _system_errors():
                _make(scratch, name, new, self._type, present, in_one_piece=True).file.close()
                reserve(scratch, scratch.stat().st_size)
        start = _begun(file, name, _shape(new), self._type)
        with file.errors():
            self._samples = ArrayFile(OpenFile(file.place), start, _shape(new), self._type)

    def write(self, window: Window, samples: FloatArray) -> None:
        packed, clipped = pack(samples, self._type)
        self.clipped += clipped
        with self._file.errors(), _system_errors():
            self._samples.write(self._within(window), packed if self._channels > 1 else packed[0])

    def sync(self) -> None:
        with self._file.errors(), _system_errors():
            self._samples.sync()

    def checksum(self, window: Window) -> int:
        with self._file.errors(), _system_errors():
            return self._samples.checksum(self._within(window))

    def commit(self) -> None:
        with self._file.errors(), _system_errors():
            self._samples.close()
        self._file.publish()

    def discard(self) -> None:
        self._samples.close()
        self._file.discard()

    def _within(self, window: Window) -> tuple[slice, ...]:
        """The window as an index of the data set, with all channels."""
        return (slice(0, self._channels), *window.slices) if self._channels > 1 else window.slices


class ChunkedArray:
    """A data set in chunks, written and read back by HDF5."""

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data
        self._hdf5: h5py.File = data.file

    def write(self, window: tuple[slice, ...], values: NDArray[Any]) -> None:
        """Write the values of a window."""
        self._data[window] = values

    def checksum(self, window: tuple[slice, ...]) -> int:
        """CRC-32 of the values of a window, in C order."""
        found = 0
        first, *others = window
        size = self._data.dtype.itemsize * prod(each.stop - each.start for each in others)
        step = max(1, AT_ONCE // size)
        for start in range(first.start, first.stop, step):
            found = zlib.crc32(self._data[(slice(start, min(start + step, first.stop)), *others)], found)
        return found

    def sync(self) -> None:
        """Have everything that was written on the disk."""
        self._hdf5.flush()
        os.fsync(self._hdf5.id.get_vfd_handle())

    def close(self) -> None:
        """Let go of the file; nothing if that was done."""
        self._hdf5.close()


@contextmanager
def _system_errors() -> Iterator[None]:
    """What HDF5 raises within, as what the system said: it hides it in the text of other errors, ``… errno = 28 …``."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = re.search(r"errno = (\d+)", str(error))
        raise (OSError(int(said[1]), os.strerror(int(said[1]))) if said else OSError(str(error))) from error


def _begun(file: NewFile, name: str, shape: tuple[int, ...], kind: np.dtype[Any]) -> int:
    """First byte of the samples in the unfinished file, which must be those that are to be written."""
    expected = f"{name}, {' × '.join(map(str, shape))} of {kind.name}, in one piece"
    try:
        with h5py.File(file.place, "r") as hdf5:
            data = hdf5.get(name)
            start = data.id.get_offset() if isinstance(data, h5py.Dataset) else None
            if start is None:
                raise file.is_another(f"{name} is no data set in one piece", expected)
            if (data.shape, data.dtype) != (shape, kind):
                raise file.is_another(f"{' × '.join(map(str, data.shape))} of {data.dtype.name}", expected)
    except (OSError, RuntimeError) as error:
        raise file.is_another(f"HDF5 cannot open it ({error})", expected) from error
    found, least = file.place.stat().st_size, start + prod(shape) * kind.itemsize
    if found < least:
        raise file.is_another(f"{found:,} bytes", f"at least {least:,} bytes")
    return int(start)


def _make(
    path: Path, name: str, new: NewSurvey, kind: np.dtype[Any], present: BoolArray | None, *, in_one_piece: bool = False
) -> h5py.Dataset:
    """The data set of a new file, which it keeps open, with all that lies beside it; samples are zero."""
    hdf5 = h5py.File(path, "w", rdcc_nbytes=_cache(new, kind))
    try:
        data = _create(hdf5, name, new, kind, in_one_piece)
        _describe_traces(data, new, present)
    except BaseException:
        hdf5.close()
        raise
    return data


def _shape(new: NewSurvey) -> tuple[int, ...]:
    """The shape of the data set."""
    return (new.channels, *new.grid.shape) if new.channels > 1 else new.grid.shape


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


def _create(file: h5py.File, inside: str, new: NewSurvey, kind: np.dtype[Any], in_one_piece: bool) -> h5py.Dataset:
    """An empty data set with its axes."""
    names = [array_name(axis) for axis in new.grid.axes]
    several = new.channels > 1
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout: dict[str, Any] = {}
    if not in_one_piece:
        layout["chunks"] = (1, *_chunks(new.grid)) if several else _chunks(new.grid)
    if in_one_piece or kind.kind == "f":
        # Space is taken now, so that a full disk is noticed before hours of work.
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    else:
        layout |= hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.BITSHUFFLE)
    data = file.create_dataset(inside, _shape(new), kind, dcpl=properties, **layout)
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


def _scale_name(axis: Axis) -> str:
    return f"{array_name(axis)}_{axis.unit}" if axis.unit else array_name(axis)
