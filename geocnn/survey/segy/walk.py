"""Whether trace headers lie where a layout says, and the walk from each to the next where traces differ in length."""

from __future__ import annotations

import mmap
import struct
from array import array
from dataclasses import replace

import numpy as np

from geocnn.survey.options import Place
from geocnn.survey.segy.formats import FORMATS, SampleFormat
from geocnn.survey.segy.segy_file import HEADER_BYTES, SegyFile

__all__ = ["COUNT", "FEW", "INTERVAL", "MOSTLY", "Agreement", "agreement", "fitting", "walked"]

COUNT = Place(115, "u2")
INTERVAL = Place(117, "u2")

SAMPLED = 256
"""Trace headers looked at, evenly picked."""

MOSTLY = 0.5
"""Share of headers that must be as the first is, for a layout to be believed against an odd end of the file."""

NEARLY_ALL = 0.95

FEW = 3
"""Traces at which headers begin to tell chance from truth."""


class Agreement:
    """How far the sample counts and intervals of trace headers agree, by a few hundred of them.

    Attributes
    ----------
    counts
        Sample counts met.
    like_first
        Share of the headers with the count and the interval of the first.
    looked_at
        Number of headers.
    told
        Whether the first tells a count or an interval.
    whole
        Whether the file ends with a whole trace.
    """

    def __init__(self, file: SegyFile) -> None:
        counts, intervals = file.fields(COUNT, INTERVAL, every=max(1, file.traces // SAMPLED))
        self.counts = frozenset(counts.tolist())
        self.like_first = float(np.mean((counts == counts[0]) & (intervals == intervals[0])))
        self.looked_at = len(counts)
        self.told = bool(counts[0] or intervals[0])
        self.whole = file.trailing == 0

    @property
    def believable(self) -> bool:
        """Whether most headers are as the first; where that is blank, nearly all, since samples are often 0 as well."""
        return self.like_first > (MOSTLY if self.told else NEARLY_ALL)

    @property
    def constant(self) -> bool:
        """Whether all headers tell one sample count, or none; a few at least, if the file has an odd end."""
        return len(self.counts) == 1 and self.believable and (self.whole or self.looked_at >= FEW)


def agreement(file: SegyFile) -> Agreement:
    """What the trace headers say where the layout puts them."""
    return Agreement(file)


def walked(file: SegyFile, stop: int) -> SegyFile | None:
    """The layout with traces as long as each header says, up to byte `stop`; none if the headers don't lead there.

    ::

        | header: 5 | 5 samples | header: 3 | 3 | header: 5 | 5 samples | a trace that is cut off
        offsets[0]              offsets[1]      offsets[2]              stop − trailing          stop

    The first header that tells no samples ends the walk; so does a trace that ends beyond `stop`.
    """
    size = file.sample_format.bytes
    count_at = struct.Struct(f"{file.order}H").unpack_from
    offsets, lengths = array("q"), array("q")
    at = file.start
    with file.path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while at + HEADER_BYTES <= stop:
            (count,) = count_at(content, at + COUNT.byte - 1)
            beyond = at + file.header + count * size
            if not count or beyond > stop:
                break
            offsets.append(at)
            lengths.append(count)
            at = beyond
    if len(offsets) < 2 or min(lengths) == max(lengths):
        return None
    found = replace(
        file,
        samples=max(lengths),
        traces=len(offsets),
        offsets=np.array(offsets, np.int64),
        lengths=np.array(lengths, np.int64),
        trailing=stop - at,
    )
    # Chance leads through nonsense for a while: intervals then differ from header to header.
    intervals = found.fields(INTERVAL, every=max(1, found.traces // SAMPLED))[0]
    told = np.append(intervals, _interval(file, at)) if found.trailing >= HEADER_BYTES else intervals
    return found if np.mean(intervals == intervals[0]) > MOSTLY and told[-1] == intervals[0] else None


def _interval(file: SegyFile, at: int) -> int:
    """The interval in the header of a trace that is cut off."""
    return replace(file, start=at, traces=1, samples=0).first(INTERVAL)


def fitting(file: SegyFile) -> tuple[SampleFormat, ...]:
    """Sample formats with which a file ends with a whole trace and all headers lie where they should."""
    left = file.traces * file.trace_bytes + file.trailing
    for known in FORMATS.values():
        other = replace(file, sample_format=known, trailing=0)
        traces, rest = divmod(left, other.trace_bytes)
        if traces and not rest:
            found = agreement(replace(other, traces=traces))
            if found.like_first == 1 and found.looked_at >= FEW:
                return tuple(same for same in FORMATS.values() if same.bytes == known.bytes)
    return ()
