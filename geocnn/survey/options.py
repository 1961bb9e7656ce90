"""What a user may say about a survey file that its headers do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

__all__ = ["SurveyOptions"]


@dataclass(frozen=True)
class SurveyOptions:
    """Options of every command that opens a survey, and keys of the config, under the same names.

    Each field carries its help text, which the command line prints.
    """

    iline: Annotated[int, "SEG-Y: first byte of the inline number in the trace header"] = 189
    xline: Annotated[int, "SEG-Y: first byte of the crossline number in the trace header"] = 193
    cdp_x: Annotated[int, "SEG-Y: first byte of the X coordinate in the trace header"] = 181
    cdp_y: Annotated[int, "SEG-Y: first byte of the Y coordinate in the trace header"] = 185
    geometry: Annotated[
        Literal["volume", "line"], "SEG-Y: a 3-D volume by line numbers, or a 2-D line in file order"
    ] = "volume"
    sample_format: Annotated[
        Literal["ibm", "ieee", "int32", "int16", "int8"] | None, "SEG-Y: sample format, against the header's code"
    ] = None
    dt: Annotated[float | None, "sample interval, in ms (time) or m (depth)"] = None
    t0: Annotated[float | None, "first sample, in ms (time) or m (depth)"] = None
    domain: Annotated[Literal["time", "depth"] | None, "vertical domain"] = None
    axes: Annotated[str | None, "HDF5: names of the axes, slow to fast, such as crossline,inline,sample"] = None
    null: Annotated[float | None, "sample value that means 'no data', besides 1e30 and -999.25; may be nan"] = None
