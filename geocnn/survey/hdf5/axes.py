"""The axes of an HDF5 data set: their names, order, labels and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Domain

__all__ = ["ORDER", "DataAxes", "read_axes"]

ORDER = ("channel", "inline", "crossline", "trace", "row", "column", "sample")
"""Canonical order of axes, slow to fast."""

SYNONYMS = {"component": "channel", "iline": "inline", "xline": "crossline", "time": "sample", "depth": "sample"}

DEFAULTS = {1: ("sample",), 2: ("row", "column"), 3: ("inline", "crossline", "sample")}

UNITS: dict[str, tuple[Literal["time", "depth"], float]] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("time", 1.0)),
    **dict.fromkeys(("s", "second", "seconds"), ("time", 1000.0)),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("depth", 1.0)),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometre", "kilometres"), ("depth", 1000.0)),
}
"""Units of a sample axis: the domain that they tell, and the factor to ms or m."""


@dataclass(frozen=True)
class DataAxes:
    """The axes of a data set.

    Parameters
    ----------
    names
        In the order of the file, ``channel`` among them if there is one.
    axes
        In canonical order, without the channel axis.
    domain
        Vertical domain and how it is known.
    counted
        Axes without labels in the file.
    source
        How the names are known.
    """

    names: tuple[str, ...]
    axes: tuple[Axis, ...]
    domain: Domain
    counted: frozenset[str]
    source: str


def read_axes(data: h5py.Dataset, name: str, options: SurveyOptions) -> DataAxes:
    """The axes of a data set that the user calls `name`.

    Names come from ``--axes``, else from the attribute ``axes``, else from dimension scales, else from the number of
    dimensions. Labels come from dimension scales or data sets beside it named as the axis, for samples also
    ``sample_ms`` or ``sample_m``; else they are counted 0, 1, 2 …

    Raises
    ------
    SurveyError
        If names are unknown, doubled, or not one for each dimension, or labels are not regular.
    """
    names, source = _names(data, name, options)
    found = {axis: _labels(data, names.index(axis), axis) for axis in names if axis != "channel"}
    domain = _domain(data, found.get("sample"), options)
    axes = [
        _axis(name, axis, data.shape[names.index(axis)], found[axis], domain, options)
        for axis in sorted(found, key=ORDER.index)
    ]
    told = options.dt is not None or options.t0 is not None
    counted = frozenset(axis for axis, labels in found.items() if labels is None and not (axis == "sample" and told))
    return DataAxes(names, tuple(axes), domain, counted, source)


def _names(data: h5py.Dataset, name: str, options: SurveyOptions) -> tuple[tuple[str, ...], str]:
    """Names in the order of the file, and how they are known."""
    said, source = _said(data, options)
    names = tuple(SYNONYMS.get(axis, axis) for axis in said)
    how = "pass --axes, such as --axes inline,crossline,sample (config: axes)"
    if len(names) != data.ndim:
        raise SurveyError(
            f"{name} has {data.ndim} dimensions {data.shape}, {source} names {len(names)} axes: {', '.join(said)}",
            expected="one name for each dimension, slow to fast",
            do=how,
        )
    unknown = [axis for axis in names if axis not in ORDER]
    if unknown or len(set(names)) < len(names):
        raise SurveyError(
            f"{name} has the axes {', '.join(said)} ({source})",
            expected=f"each one of {', '.join(ORDER)}, none twice",
            do=how,
        )
    if not {"sample", "column"} & set(names):
        raise SurveyError(
            f"{name} has the axes {', '.join(said)} ({source})", expected="a sample axis, or row and column", do=how
        )
    return names, source


def _said(data: h5py.Dataset, options: SurveyOptions) -> tuple[tuple[str, ...], str]:
    """Names as they are written, by the best source that there is."""
    if options.axes is not None:
        return _listed(options.axes), "--axes"
    if "axes" in data.attrs:
        return _listed(data.attrs["axes"]), "attribute axes"
    labels = tuple(str(dimension.label) or _scale_name(dimension) for dimension in data.dims)
    if all(labels):
        return tuple(label.removesuffix("_ms").removesuffix("_m").lower() for label in labels), "dimension scales"
    return DEFAULTS.get(data.ndim, ()), f"the default for {data.ndim} dimensions"


def _listed(value: object) -> tuple[str, ...]:
    """Names from one text with commas, or from a list of texts, in bytes or not."""
    parts: Sequence[object] = list(value) if isinstance(value, np.ndarray | list | tuple) else [value]
    text = ",".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _scale_name(dimension: Any) -> str:
    """Name of the first scale of a dimension."""
    return str(dimension[0].name).rsplit("/", 1)[-1] if len(dimension) else ""


@dataclass(frozen=True)
class _Labels:
    """Labels of an axis, as the data set of the name `source` tells them; `step` and `unit` where it does."""

    values: NDArray[np.float64]
    step: float | None
    unit: str
    source: str


def _labels(data: h5py.Dataset, dimension: int, axis: str) -> _Labels | None:
    """Labels of one dimension from its scale, or from a data set beside it; none if there is neither."""
    scales = list(data.dims[dimension].values())
    suffixes = ("", "_ms", "_m") if axis == "sample" else ("",)
    beside = [data.parent.get(axis + suffix) for suffix in suffixes]
    for scale in (*scales, *beside):
        if isinstance(scale, h5py.Dataset) and scale.shape == (data.shape[dimension],) and scale.dtype.kind in "iuf":
            source = str(scale.name).rsplit("/", 1)[-1]
            unit = "".join(_listed(scale.attrs.get("units", ""))) or source.removeprefix(axis).removeprefix("_")
            step = scale.attrs.get("step")
            values = np.asarray(scale[...], np.float64)
            return _Labels(values, None if step is None else float(step), unit, source)
    return None


def _domain(data: h5py.Dataset, samples: _Labels | None, options: SurveyOptions) -> Domain:
    """Vertical domain: from the user, else from the unit of the samples, else time."""
    if options.domain is not None:
        return Domain(options.domain, "--domain")
    if samples is not None and samples.unit in UNITS:
        return Domain(UNITS[samples.unit][0], f"unit of the data set {samples.source}")
    if data.attrs.get("domain") in ("time", "depth"):
        return Domain(data.attrs["domain"], "attribute domain")
    return Domain("time", "assumed")


def _axis(name: str, axis: str, size: int, labels: _Labels | None, domain: Domain, options: SurveyOptions) -> Axis:
    """An axis by its labels; dt and t0 go before the file's labels of samples."""
    first, step = (0.0, 1.0) if labels is None else _regular(name, axis, labels)
    if axis != "sample":
        return Axis(axis, first, step, size)
    if labels is not None:
        if labels.unit and labels.unit not in UNITS:
            raise SurveyError(
                f"samples of {name} are in {labels.unit!r} (data set {labels.source})",
                expected=f"one of {', '.join(UNITS)}",
                do="correct the attribute units",
            )
        factor = UNITS[labels.unit][1] if labels.unit else 1.0
        first, step = first * factor, step * factor
    told = options.dt is not None or options.t0 is not None
    first = first if options.t0 is None else options.t0
    step = step if options.dt is None else options.dt
    return Axis(axis, first, step, size, domain.unit if told or labels is not None else "")


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
            f"{axis} labels of {name} (data set {labels.source}) are not evenly spaced: {values[place : place + 2]} at "
            f"position {place}, where the step is {step:g} on average",
            expected="a regular axis",
            do="write lines that lie apart to data sets of their own",
        )
    return float(values[0]), step
