"""Writing HDF5: a data set with its axes, window by window."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 (registers the filters of compressed chunks)
import numpy as np

from geocnn.errors import OutputError
from geocnn.grid import Axis, Window
from geocnn.output import output_error, publish, temporary_beside
from geocnn.survey.disk import reserve
from geocnn.survey.survey import FloatArray, NewSurvey, SurveyWriter

__all__ = ["Hdf5Writer"]


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
