"""The axes of an HDF5 data set: their names, order, labels and units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.hdf5.damage import attribute
from geocnn.survey.naming import AxisNames, bare_axis, grid_name, guessed_axes, listed, told_axes
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Domain, Survey

__all__ = ["DataAxes", "read_axes"]

UNITS: dict[str, tuple[Literal["time", "depth"], float]] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("time", 1.0)),
    **dict.fromkeys(("s", "second", "seconds"), ("time", 1000.0)),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("depth", 1.0)),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometre", "kilometres"), ("depth", 1000.0)),
}
"""Units of a sample axis: the domain that they tell, and the factor to ms or m."""


SEISBENCH = {"N": "trace", "C": "channel", "W": "sample"}
"""Axes by the letters of SeisBench's data format."""


@dataclass(frozen=True)
class DataAxes:
    """The axes of a data set.

    Parameters
    ----------
    names
        In the order of the file, and how they are known.
    axes
        In canonical order, without the channel axis.
    domain
        Vertical domain and how it is known.
    counted
        Axes without labels in the file.
    """

    names: AxisNames
    axes: tuple[Axis, ...]
    domain: Domain
    counted: frozenset[str]


def read_axes(data: h5py.Dataset, name: str, options: SurveyOptions, partner: Survey | None = None) -> DataAxes:
    """The axes of a data set that the user calls `name`.

    Names come from ``--axes``, else from the attribute ``axes``, else from dimension scales, else from the sizes of
    the partner, else from the number of dimensions. Labels come from dimension scales or data sets beside it named as
    the axis, for samples also ``sample_ms`` or ``sample_m``; else they are counted 0, 1, 2 …

    Raises
    ------
    SurveyError
        If names are unknown, doubled, or not one for each dimension, or labels are not regular.
    """
    said = _said(data, options)
    names = told_axes(*said, name, data.shape) if said else guessed_axes(name, data.shape, partner)
    lateral = [axis for axis in names.order if axis != "channel"]
    found = {axis: _labels(data, names.names.index(axis), axis) for axis in lateral}
    domain = _domain(data, found.get("sample"), options)
    axes = [_axis(name, axis, data.shape[names.names.index(axis)], found[axis], domain, options) for axis in lateral]
    told = options.dt is not None or options.t0 is not None
    counted = {axis for axis, labels in found.items() if labels is None and not (axis == "sample" and told)}
    return DataAxes(names, tuple(axes), domain, frozenset(map(grid_name, counted)))


def _said(data: h5py.Dataset, options: SurveyOptions) -> tuple[tuple[str, ...], str] | None:
    """Names as they are written, and where, by the best source that there is."""
    if options.axes is not None:
        return listed(options.axes), "--axes"
    told = attribute(data, "axes")
    if told is not None:
        return _listed(told), "attribute axes"
    letters = _written(data.file.get("data_format/dimension_order"))
    if letters and set(letters) <= SEISBENCH.keys():
        # Traces may be gathered in buckets, which have one axis more.
        several = "N" * (len(letters) == data.ndim - 1)
        return tuple(SEISBENCH[letter] for letter in several + letters), "dimension_order of SeisBench"
    labels = tuple(str(dimension.label) or _scale_name(dimension) for dimension in data.dims)
    if all(labels):
        return tuple(label.removesuffix("_ms").removesuffix("_m").lower() for label in labels), "dimension scales"
    return None


def _listed(value: object) -> tuple[str, ...]:
    """Names from one text with commas, or from a list of texts, in bytes or not."""
    parts: Sequence[object] = list(value) if isinstance(value, np.ndarray | list | tuple) else [value]
    text = ",".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
    return listed(text)


def _scale_name(dimension: Any) -> str:
    """Name of the first scale of a dimension."""
    return str(dimension[0].name).rsplit("/", 1)[-1] if len(dimension) else ""


@dataclass(frozen=True)
class _Labels:
    """Labels of an axis, as `source` tells them; `step` and `unit` where it does."""

    values: NDArray[np.float64]
    step: float | None
    unit: str
    source: str


def _labels(data: h5py.Dataset, dimension: int, axis: str) -> _Labels | None:
    """Labels of one dimension from a data set beside it, or from its scale; none if there is neither."""
    for scale in _scales(data, dimension, axis):
        if isinstance(scale, h5py.Dataset) and scale.shape == (data.shape[dimension],) and scale.dtype.kind in "iuf":
            source = str(scale.name).rsplit("/", 1)[-1]
            unit = "".join(_listed(attribute(scale, "units", ""))) or source.removeprefix(axis).removeprefix("_")
            step = attribute(scale, "step")
            values = np.asarray(scale[...], np.float64)
            return _Labels(values, None if step is None else float(step), unit, f"data set {source}")
    return _by_rate(data, data.shape[dimension]) if axis == "sample" else None


def _scales(data: h5py.Dataset, dimension: int, axis: str) -> Iterator[object]:
    """What may hold the labels of one dimension.

    Data sets beside it go first, because HDF5 never returns from damaged references to scales.
    """
    for suffix in ("", "_ms", "_m") if axis == "sample" else ("",):
        yield data.parent.get(axis + suffix)
    yield from data.dims[dimension].values()


def _by_rate(data: h5py.Dataset, size: int) -> _Labels | None:
    """Samples from 0 by the sampling rate, where an attribute of the data set or SeisBench tells it; none if not."""
    rates = {
        "attribute sampling_rate_hz": attribute(data, "sampling_rate_hz"),
        "data set sampling_rate": _value(data.file.get("data_format/sampling_rate")),
    }
    for source, rate in rates.items():
        if np.ndim(rate) == 0 and np.asarray(rate).dtype.kind in "iuf" and 0 < float(rate) < np.inf:
            step = 1000 / float(rate)
            return _Labels(step * np.arange(size, dtype=np.float64), step, "ms", source)
    return None


def _value(item: object) -> Any:
    """Value of a data set without dimensions; None of anything else."""
    return item[()] if isinstance(item, h5py.Dataset) and item.shape == () else None


def _written(item: object) -> str:
    """Text in a data set without dimensions; empty if there is none."""
    value = _value(item)
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""


def _domain(data: h5py.Dataset, samples: _Labels | None, options: SurveyOptions) -> Domain:
    """Vertical domain: from the user, else from the unit of the samples, else time."""
    if options.domain is not None:
        return Domain(options.domain, "--domain")
    if samples is not None and samples.unit in UNITS:
        return Domain(UNITS[samples.unit][0], f"unit of the {samples.source}")
    told = "".join(_listed(attribute(data, "domain", "")))
    if told in ("time", "depth"):
        return Domain("depth" if told == "depth" else "time", "attribute domain")
    return Domain("time", "assumed")


def _axis(name: str, axis: str, size: int, labels: _Labels | None, domain: Domain, options: SurveyOptions) -> Axis:
    """An axis by its labels; dt and t0 go before the file's labels of samples."""
    if labels is None:
        return bare_axis(axis, size, domain, options)
    first, step = _regular(name, axis, labels)
    if axis != "sample":
        return Axis(grid_name(axis), first, step, size)
    if labels.unit and labels.unit not in UNITS:
        raise SurveyError(
            f"samples of {name} are in {labels.unit!r} ({labels.source})",
            expected=f"one of {', '.join(UNITS)}",
            do="correct the attribute units",
        )
    factor = UNITS[labels.unit][1] if labels.unit else 1.0
    first = first * factor if options.t0 is None else options.t0
    step = step * factor if options.dt is None else options.dt
    return Axis(axis, first, step, size, domain.unit)


def _regular(name: str, axis: str, labels: _Labels) -> tuple[float, float]:
    """First label and step.

    Raises
    ------
    SurveyError
        If the labels are not evenly spaced.
    """
    values = labels.values
    # A step that is written spares the rounding of a difference, and serves an axis of one position.
    step = labels.step or (float(values[-1] - values[0]) / (values.size - 1) if values.size > 1 else 1.0)
    uneven = np.abs(np.diff(values) - step) > 1e-3 * abs(step)
    if step == 0 or not np.isfinite(values).all() or uneven.any():
        place = int(uneven.argmax()) if uneven.size else 0
        raise SurveyError(
            f"{axis} labels of {name} ({labels.source}) are not evenly spaced: {values[place : place + 2]} at "
            f"position {place}, where the step is {step:g} on average",
            expected="a regular axis",
            do="write lines that lie apart to data sets of their own",
        )
    return float(values[0]), step
