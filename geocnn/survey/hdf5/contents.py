"""Which data set of an HDF5 file is meant, and what lies beside it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.survey.array import NUMBERS
from geocnn.survey.hdf5.damage import attribute
from geocnn.survey.naming import ORDER, AxisNames

__all__ = ["BESIDE", "COORDINATES", "PRESENT", "find_inside", "matlab_remarks", "trace_map"]

COORDINATES = ("cdp_x", "cdp_y")
"""Data sets beside the samples that hold X and Y of each trace."""

PRESENT = "present"
"""Data set beside the samples that tells which traces there are."""

BESIDE = frozenset({*COORDINATES, PRESENT})

MATLAB_CLASS = "MATLAB_class"
"""Attribute that MATLAB gives to all its data sets."""

HIDDEN = ("#refs#", "#subsystem#")
"""Groups in which MATLAB keeps the contents of cells and objects, under names of its own."""


def find_inside(file: h5py.File, path: Path, inside: str | None) -> str:
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
    meant = [name for name in numeric if not _is_beside(file[name])]
    # Beside one array of traces, lists of numbers tell something of each trace, such as picks.
    arrays = [name for name in meant if len(numeric[name]) > 1]
    meant = arrays if len(arrays) == 1 else sorted(meant, key=lambda name: -prod(numeric[name]))
    if not numeric:
        raise SurveyError(
            f"{path} holds no data set of numbers",
            expected="an array of numbers, not of texts or records",
            do="see what h5ls -r says of it",
        )
    if len(meant) != 1:
        raise SurveyError(
            f"{path} holds {len(numeric)} data sets that could be meant: {listed}",
            expected="the path of one of them",
            do=f"name it: {path}:/{meant[0] if meant else 'name'}",
        )
    return meant[0]


def trace_map(data: h5py.Dataset, name: str, axes: AxisNames) -> NDArray[Any] | None:
    """Values for each trace from the data set `name` beside `data`, in canonical order; None if there is none.

    The map may lie in the order of the file or in the canonical one, which its shape tells; where it does not, it is
    taken to lie as the samples do.
    """
    beside = data.parent.get(name)
    if not isinstance(beside, h5py.Dataset) or beside.name == data.name or beside.dtype.kind not in NUMBERS:
        return None
    sizes = dict(zip(axes.names, data.shape, strict=True))
    canonical = [axis for axis in axes.order[:-1] if axis != "channel"]
    own = [axis for axis in axes.names if axis in canonical]
    if beside.shape == tuple(sizes[axis] for axis in own):
        return np.transpose(beside[...], [own.index(axis) for axis in canonical])
    values: NDArray[Any] | None = beside[...] if beside.shape == tuple(sizes[axis] for axis in canonical) else None
    return values


def matlab_remarks(data: h5py.Dataset) -> tuple[str, ...]:
    """That MATLAB writes its axes the other way round, for a data set that MATLAB wrote."""
    if MATLAB_CLASS not in data.attrs or data.ndim < 2:
        return ()
    there, here = (" × ".join(map(str, shape)) for shape in (data.shape[::-1], data.shape))
    return (
        f"MATLAB keeps the axes of its arrays reversed: size {there} there is {here} here; "
        "--axes names them slow to fast, which is MATLAB's last axis first",
    )


def _data_sets(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Paths and shapes of all data sets with numbers in at least one dimension."""
    found: list[tuple[str, tuple[int, ...]]] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and _is_numeric(item) and not name.startswith(HIDDEN):
            found.append((name, item.shape))

    file.visititems(visit)
    yield from found


def _is_numeric(data: h5py.Dataset) -> bool:
    """Whether a data set holds numbers, and not what MATLAB writes as numbers: text, and the sizes of empty arrays."""
    matlab = attribute(data, MATLAB_CLASS, b"")
    text = str(matlab) in ("b'char'", "char") or "MATLAB_empty" in data.attrs
    return bool(data.shape) and 0 not in data.shape and data.dtype.kind in NUMBERS and not text


def _is_beside(data: h5py.Dataset) -> bool:
    """Whether a data set holds labels of an axis, or something of each trace, by its standing or by its name."""
    name = str(data.name).rsplit("/", 1)[-1].lower()
    labels = data.ndim == 1 or (data.ndim == 2 and 1 in data.shape and MATLAB_CLASS in data.attrs)
    # HDF5's own test of a scale frees memory twice where its name is damaged.
    is_scale = attribute(data, "CLASS") in (b"DIMENSION_SCALE", "DIMENSION_SCALE")
    return is_scale or name in BESIDE or (labels and name in {*ORDER, "sample_ms", "sample_m"})
