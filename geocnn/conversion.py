"""A survey written in another format, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geocnn.progress import Progress, Work
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.opening import create_survey
from geocnn.survey.raw import RawWriter
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.segy.writer import SegyWriter
from geocnn.survey.survey import NewSurvey, Survey, SurveyWriter

__all__ = ["Converted", "convert"]

SLAB = 2_000_000
"""Samples, of all channels, that are read and written at once."""


@dataclass(frozen=True)
class Converted:
    """What became of the samples.

    Parameters
    ----------
    samples
        How many were written, of all channels.
    native
        Whether they were copied as they lie in the file, bit for bit.
    rounded
        How many float32 could not hold exactly.
    clipped
        How many the new format could not hold.
    layout
        What a headerless cube must be read with, such as ``--shape 4,5,6 --dtype float32``; empty for other files.
    """

    samples: int
    native: bool
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
    provenance = () if own else (f"geocnn: converted from {survey.name}",)
    new = NewSurvey(survey.grid, survey.domain, survey.channels, provenance, sample_format or own, survey.coordinates)
    with create_survey(path, new, like=survey, overwrite=overwrite) as writer:
        native = isinstance(writer, SegyWriter) and writer.is_native
        rounded = 0
        if isinstance(writer, SegyWriter) and writer.is_native:
            for done in writer.copy_samples():
                yield Progress(done, writer.traces, "traces")
        else:
            rounded = yield from _through_float32(survey, writer)
        writer.commit()
    layout = writer.layout if isinstance(writer, RawWriter) and Path(path).suffix.lower() != ".npy" else ""
    return Converted(survey.channels * survey.grid.whole.size, native, rounded, writer.clipped, layout)


def _own_format(survey: Survey, path: str) -> str | None:
    """The sample format of SEG-Y that stays SEG-Y."""
    source = survey.surveys[0] if isinstance(survey, JoinedSurvey) else survey
    stays = isinstance(source, SegySurvey) and Path(path).suffix.lower() in (".sgy", ".segy")
    return source.file.sample_format.name if stays and isinstance(source, SegySurvey) else None


def _through_float32(survey: Survey, writer: SurveyWriter) -> Work[int]:
    """Write all windows; how many samples were rounded."""
    done = rounded = 0
    for slab in survey.grid.slabs(max(1, SLAB // survey.channels)):
        writer.write(slab, survey.read(slab))
        rounded += survey.inexact(slab)
        done += slab.size
        yield Progress(done, survey.grid.whole.size, "samples")
    return rounded
