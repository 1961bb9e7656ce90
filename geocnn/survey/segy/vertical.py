"""The sample axis of a SEG-Y file: interval, first sample, and traces that start later than others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.coordinates import scaled
from geocnn.survey.segy.segy_file import SegyFile

__all__ = ["Vertical", "find_vertical", "sampled_vertical"]

INTERVAL = Place(117, "i2")
DELAY = Place(109, "i2")
LAG = Place(105, "i2")
TIME_SCALAR = Place(215, "i2")

MOST_GROWN = 4
"""Times the longest trace that an axis over all delays may have."""

MOST_LOOKED_AT = 256
"""Traces without a delay among others with one, of which all must be dead for their delays to be passed over."""


@dataclass(frozen=True)
class Vertical:
    """The sample axis that all traces share.

    ::

        trace 0      |‾‾‾‾‾‾‾‾‾‾‾|
        trace 1           |‾‾‾‾‾‾‾‾‾‾‾|         shifts[1] = 5
        axis         |‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|

    Parameters
    ----------
    axis
        From the first sample of any trace to the last of any, in ms or m.
    shifts
        Samples by which each trace starts later than the axis, shape (traces,); none if all start with it.
    words
        The delays in words.
    remarks
        What was doubtful.
    """

    axis: Axis
    shifts: NDArray[np.int32] | None
    words: str
    remarks: tuple[str, ...]


def find_vertical(file: SegyFile, options: SurveyOptions, unit: str) -> Vertical:
    """The sample axis of a file, in `unit`, ms or m.

    Raises
    ------
    SurveyError
        If the headers tell no interval, or delays lie further apart than any recording.
    """
    step, doubts = _interval(file, options)
    if options.t0 is not None:
        return Vertical(Axis("sample", options.t0, step, file.samples, unit), None, "start by --t0", doubts)
    starts = scaled(*file.fields(DELAY, TIME_SCALAR))
    return _from_starts(file, _without_dead(file, starts), Axis("sample", 0, step, file.samples, unit), doubts)


def sampled_vertical(file: SegyFile, options: SurveyOptions, unit: str, numbers: NDArray[np.int64]) -> Vertical | None:
    """The same by the delays of some traces, by number; None if they differ."""
    starts = scaled(*file.fields_of(numbers, DELAY, TIME_SCALAR))
    if options.t0 is not None:
        return find_vertical(file, options, unit)
    if np.ptp(starts):
        return None
    step, doubts = _interval(file, options)
    return _from_starts(file, starts[:1], Axis("sample", 0, step, file.samples, unit), doubts)


def _from_starts(file: SegyFile, starts: NDArray[np.float64], axis: Axis, doubts: tuple[str, ...]) -> Vertical:
    """The axis from the first sample of any trace to the last of any; `axis` is that of a trace that starts at 0."""
    first = float(starts.min())
    late = (starts - first) / axis.step
    shifts = np.rint(late).astype(np.int64)
    axis = replace(axis, first=first)
    if not shifts.any():
        return Vertical(axis, None, f"delay {first:g} {axis.unit}, constant", (*doubts, *_elsewhere(file, first)))
    size = file.samples + int(shifts.max())
    if size > MOST_GROWN * file.samples:
        raise _too_far_apart(file, starts, axis.unit)
    words = f"delay {first:g} to {starts.max():g} {axis.unit}, varying by trace"
    remarks = (*doubts, *_varying(starts, late - shifts, axis.unit))
    return Vertical(replace(axis, size=size), shifts.astype(np.int32), words, remarks)


def _interval(file: SegyFile, options: SurveyOptions) -> tuple[float, tuple[str, ...]]:
    """Sample interval; headers give µs or mm."""
    if options.dt is not None:
        return options.dt, ()
    binary, trace = file.binary(3217), file.first(INTERVAL)
    if binary <= 0 and trace <= 0:
        headers = "" if file.su else f"{binary} in the binary header, "
        raise SurveyError(
            f"{file.path} tells no sample interval: {headers}{trace} in the first trace header",
            expected="an interval above 0, in µs (time) or mm (depth)",
            do="pass it, such as --dt 4",
        )
    chosen, source = (binary, "binary header's") if binary > 0 else (trace, "first trace header's")
    odd = (
        f"the sample interval is {binary} in the binary header, {trace} in the first trace header: "
        f"the {source} was taken (--dt overrides)",
    )
    disagree = binary < 0 or (trace and binary and trace != binary)
    return chosen / 1000, odd if disagree and not file.su else ()


def _without_dead(file: SegyFile, starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """First samples of all traces, where dead traces without a delay start as most do."""
    most = float(np.median(starts))
    bare = np.flatnonzero((starts == 0) & (starts != most))
    if 0 < bare.size <= file.traces // 2 and _dead(file, bare[:MOST_LOOKED_AT]):
        starts[bare] = most
    return starts


def _dead(file: SegyFile, traces: NDArray[np.int64]) -> bool:
    """Whether traces hold nothing but zeros."""
    return file.offsets is None and not any(np.any(file.map()["samples"][trace]) for trace in traces)


def _elsewhere(file: SegyFile, first: float) -> tuple[str, ...]:
    """A remark on a start time where some systems write it instead."""
    lag = file.first(LAG)
    if first or lag <= 0:
        return ()
    return (
        f"the delay (bytes 109-110) is 0, but bytes 105-106 hold {lag}, where some systems write the start time: "
        f"if it is one, pass --t0 {lag}",
    )


def _varying(starts: NDArray[np.float64], rest: NDArray[np.float64], unit: str) -> tuple[str, ...]:
    """What is to be said of traces with other delays."""
    odd = np.count_nonzero(starts != np.median(starts))
    remark = (
        f"{odd:,} of {starts.size:,} traces have another delay than most ({starts.min():g} to {starts.max():g} {unit})"
        f": each was laid at its own time (--t0 lays all at one)"
    )
    between = np.count_nonzero(np.abs(rest) > 0.01)
    if not between:
        return (remark,)
    return remark, f"{between:,} traces start between two samples: they were moved to the nearest one"


def _too_far_apart(file: SegyFile, starts: NDArray[np.float64], unit: str) -> SurveyError:
    trace = int(np.abs(starts - np.median(starts)).argmax())
    return SurveyError(
        f"delays of the traces of {file.path} range from {starts.min():g} to {starts.max():g} {unit}, such as "
        f"{starts[trace]:g} at trace {trace + 1:,}",
        expected=f"delays (bytes 109-110) within {MOST_GROWN - 1} trace lengths of each other",
        do="correct the headers, or lay all traces at one time with --t0",
    )
