"""A survey written in another format, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from pathlib import Path

from geocnn.grid import Grid, Window
from geocnn.progress import Progress, Remark, Work
from geocnn.survey.creating import create_survey
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.raw import RawWriter
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.writer import SegyWriter
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import NewSurvey, Survey, SurveyWriter

__all__ = ["Converted", "convert"]

AT_ONCE = 2**23
"""Samples, of all channels, that are read and written at once: 32 MiB as float32."""

WIDTH = 64
"""Positions on each axis of a chunk as `geocnn` writes them, about."""


@dataclass(frozen=True)
class Converted:
    """What became of the samples.

    Parameters
    ----------
    samples
        How many were written, of all channels.
    native
        Whether they were copied as they lie in the file, bit for bit.
    sample_format
        Name of the format of the samples.
    rounded
        How many float32 could not hold exactly.
    clipped
        How many the new format could not hold.
    layout
        What a headerless cube must be read with, such as ``--shape 4,5,6 --dtype float32``; empty for other files.
    """

    samples: int
    native: bool
    sample_format: str
    rounded: int
    clipped: int
    layout: str


def convert(survey: Survey, path: str, sample_format: str | None = None, *, overwrite: bool = False) -> Work[Converted]:
    """Write a survey to another file, whose suffix names the format.

    SEG-Y that becomes SEG-Y keeps its headers, and without `sample_format` its samples bit for bit; all else goes by
    way of float32.

    Parameters
    ----------
    sample_format
        Name of the format of the new samples; by default that of SEG-Y that stays SEG-Y, else 4-byte floats.

    Raises
    ------
    OutputError
        If the file exists or cannot be written, or its format cannot hold the survey.
    """
    own = _own_format(survey, path)
    kept = own is not None and sample_format in (None, own) and not isinstance(survey, StackedSurvey)
    provenance = () if kept else (f"geocnn: converted from {survey.name}",)
    new = NewSurvey(survey.grid, survey.domain, survey.channels, provenance, sample_format or own, survey.coordinates)
    with create_survey(path, new, like=survey, overwrite=overwrite) as writer:
        yield from map(Remark, _not_kept(survey, path, writer))
        # A mean of duplicates is no trace of the file.
        mean = any(part.options.duplicates == "mean" and len(part.repeats) for part in _segy(survey))
        if isinstance(writer, SegyWriter) and writer.is_like and not mean:
            rounded = yield from _trace_by_trace(writer)
        else:
            rounded = yield from _window_by_window(survey, writer)
        writer.commit()
    native = isinstance(writer, SegyWriter) and writer.is_native and not mean
    made = new.sample_format or "ieee"
    layout = writer.layout if isinstance(writer, RawWriter) and Path(path).suffix.lower() != ".npy" else ""
    return Converted(survey.channels * survey.grid.whole.size, native, made, rounded, writer.clipped, layout)


def _own_format(survey: Survey, path: str) -> str | None:
    """The sample format of SEG-Y that stays SEG-Y; None if its files have several."""
    formats = {part.file.sample_format.name for part in _segy(survey)}
    return formats.pop() if len(formats) == 1 and Path(path).suffix.lower() in (".sgy", ".segy") else None


def _segy(survey: Survey) -> tuple[SegySurvey, ...]:
    """The survey, or the files that make it, if all are in SEG-Y."""
    parts = survey.surveys if isinstance(survey, JoinedSurvey | StackedSurvey) else (survey,)
    found = tuple(part for part in parts if isinstance(part, SegySurvey))
    return found if len(found) == len(parts) else ()


TOLD_AGAIN = ("iline", "xline", "cdp_x", "cdp_y", "offset", "dt", "t0", "domain")
"""Options that say what copied headers do not."""


def _not_kept(survey: Survey, path: str, writer: SurveyWriter) -> Iterator[str]:
    """What the new file does not tell, though the survey does."""
    if not isinstance(writer, SegyWriter):
        return
    sources, vertical = _segy(survey), survey.grid.axes[-1]
    if writer.is_like and sources:
        told = {name: getattr(sources[0].options, name) for name in TOLD_AGAIN}
        options = [f"--{name.replace('_', '-')} {said}" for name, said in told.items() if said is not None]
        if options:
            yield f"headers are copied as they are: read {path} with {' '.join(options)}, too"
    elif sources:
        yield f"the headers of {path} are made anew: those of several files that differ cannot be kept in one"
    if not vertical.unit:
        unit = "ms" if survey.domain.name == "time" else "m"
        yield f"the sample interval is not known: written as {vertical.step:g} {unit} (--dt tells it)"
    if survey.domain.name == "depth" and Path(path).suffix.lower() == ".su":
        yield f"Seismic Unix does not tell depth from time: read {path} with --domain depth"


def _trace_by_trace(writer: SegyWriter) -> Work[int]:
    """Copy all traces with their headers; how many samples were rounded."""
    rounded = 0
    for done, rounded in writer.copy_samples():  # noqa: B007 (the last one counts)
        yield Progress(done, writer.traces, "traces")
    return rounded


def _window_by_window(survey: Survey, writer: SurveyWriter) -> Work[int]:
    """Write all windows; how many samples were rounded."""
    done = rounded = 0
    for window in _windows(survey.grid, max(1, AT_ONCE // survey.channels)):
        writer.write(window, survey.read(window))
        rounded += survey.inexact(window)
        done += window.size
        yield Progress(done, survey.grid.whole.size, "samples")
    return rounded


def _windows(grid: Grid, samples: int) -> Iterator[Window]:
    """Windows of at most `samples` samples that together make the whole, in order.

    They are some 64 traces wide on each axis, which whole chunks of HDF5 fill; then as long as they can be, the last
    axis first, which makes long reads of other files.
    """
    lengths = [ceil(size / ceil(size / WIDTH)) for size in grid.shape]
    while prod(lengths) > samples and max(lengths) > 1:
        longest = lengths.index(max(lengths))
        lengths[longest] = ceil(lengths[longest] / 2)
    for axis in reversed(range(grid.ndim)):
        times = samples // prod(lengths)
        lengths[axis] = min(grid.shape[axis], lengths[axis] * max(1, times))
    starts = (range(0, size, length) for size, length in zip(grid.shape, lengths, strict=True))
    for start in product(*starts):
        ends = zip(start, lengths, grid.shape, strict=True)
        yield Window(start, tuple(min(first + length, size) for first, length, size in ends))
