"""What a user may say about a survey file that its headers do not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple, Self

from geocnn.errors import UsageError

__all__ = ["PLACES", "Place", "SampleFormatName", "SurveyOptions"]


class Place(NamedTuple):
    """Where a field of the trace header is: its first byte, counted from 1, and its kind without byte order."""

    byte: int
    kind: str = "i4"

    @classmethod
    def parse(cls, said: int | str) -> Self:
        """A place as users write it: ``189``, ``"189"``, ``189:i2``, ``189:f4``.

        Raises
        ------
        ValueError
            If it is written in another way.
        """
        match = re.fullmatch(r"\s*(\d{1,5})\s*(?::\s*(i2|u2|i4|f4|ibm)\s*)?", str(said))
        if match is None:
            raise ValueError(f"{said!r} is no place in a header: write {FIELD}")
        return cls(int(match[1]), match[2] or "i4")

    @property
    def bytes(self) -> int:
        """How many bytes it has."""
        return 2 if self.kind in ("i2", "u2") else 4

    def fits(self, header: int) -> bool:
        """Whether it lies inside a trace header of so many bytes."""
        return 1 <= self.byte <= header - self.bytes + 1

    def __str__(self) -> str:
        return str(self.byte) if self.kind == "i4" else f"{self.byte}:{self.kind}"


PLACES = ("iline", "xline", "cdp_x", "cdp_y", "offset")
"""Options that are places in the trace header."""

SampleFormatName = Literal[
    "ibm", "ieee", "int8", "int16", "int24", "int32", "int64", "uint8", "uint16", "uint24", "uint32", "uint64",
    "float64", "gain",
]  # fmt: skip
"""Sample formats of SEG-Y as the command line calls them."""

FIELD = "first byte, such as 189, or 189:i2, 189:f4 for 16-bit and float fields"


@dataclass(frozen=True)
class SurveyOptions:
    """Options of every command that opens a survey, and keys of the config, under the same names.

    Each field carries its help text, which the command line prints. What is None is found in the headers.
    """

    iline: Annotated[int | str | None, f"SEG-Y: inline number in the trace header: {FIELD}"] = None
    xline: Annotated[int | str | None, "SEG-Y: crossline number in the trace header"] = None
    cdp_x: Annotated[int | str | None, "SEG-Y: X coordinate in the trace header"] = None
    cdp_y: Annotated[int | str | None, "SEG-Y: Y coordinate in the trace header"] = None
    offset: Annotated[int | str | None, "SEG-Y: offset or angle in the trace header"] = None
    geometry: Annotated[
        Literal["volume", "line", "shots"] | None,
        "SEG-Y: a 3-D volume by line numbers, a 2-D line in file order, or shots by field record and channel",
    ] = None
    gathers: Annotated[Literal["channels", "axis"] | None, "SEG-Y: prestack gathers as channels, or as an axis"] = None
    duplicates: Annotated[
        Literal["first", "last", "mean", "error"], "SEG-Y: what is read where several traces share a position"
    ] = "first"
    sample_format: Annotated[
        SampleFormatName | None,
        "SEG-Y: sample format, against the header's code",
    ] = None
    dt: Annotated[float | None, "sample interval, in ms (time) or m (depth)"] = None
    t0: Annotated[float | None, "first sample, in ms (time) or m (depth)"] = None
    domain: Annotated[Literal["time", "depth"] | None, "vertical domain"] = None
    axes: Annotated[str | None, "arrays: names of the axes, slow to fast, such as crossline,inline,sample"] = None
    shape: Annotated[str | None, "headerless cubes: sizes in the order of the axes, such as 400,500,462"] = None
    dtype: Annotated[str | None, "headerless cubes: sample type, such as float32, >f4 (big-endian), int16"] = None
    order: Annotated[Literal["C", "F"], "headerless cubes: the last axis runs fastest (C), or the first (F)"] = "C"
    null: Annotated[float | None, "sample value that means 'no data', besides 1e30 and -999.25; may be nan"] = None

    def __post_init__(self) -> None:
        for name in PLACES:
            said = getattr(self, name)
            try:
                if said is not None:
                    Place.parse(said)
            except ValueError as error:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} {said}", expected=FIELD, do=f"correct {option}") from error

    @property
    def for_label(self) -> SurveyOptions:
        """The same for the label that goes with a survey: its samples are of another kind."""
        return replace(self, sample_format=None, null=None)
