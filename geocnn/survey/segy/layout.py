"""Where things lie in a SEG-Y file: byte order, sample format, first trace, trace length."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.survey.options import Place
from geocnn.survey.segy.formats import FORMATS, SampleFormat, format_named
from geocnn.survey.segy.text import TEXT_BYTES, text_lines

__all__ = ["BLOCK", "HEADER_BYTES", "HEAD_BYTES", "ByteOrder", "SegyFile", "open_segy_file"]

HEAD_BYTES = 3600
HEADER_BYTES = 240

BLOCK = 64 * 2**20
"""Bytes of the file gone through at once."""

ByteOrder = Literal[">", "<"]
ORDERS: dict[ByteOrder, str] = {">": "big-endian", "<": "little-endian"}


@dataclass(frozen=True)
class SegyFile:
    """The layout of a SEG-Y file.

    ::

        | text 3200 | binary 400 | extended text … | header samples | header samples | … | trailer |
        0           3200         3600              start                                 end

    Parameters
    ----------
    path
        The file.
    head
        Text and binary header, 3600 bytes.
    order
        Byte order, ``>`` or ``<``.
    sample_format
        Format of the samples.
    start
        First byte of the first trace header.
    header
        Bytes of a trace header, with its extensions.
    samples, traces
        Samples in a trace, traces in the file.
    """

    path: Path
    head: bytes
    order: ByteOrder
    sample_format: SampleFormat
    start: int
    header: int
    samples: int
    traces: int

    @property
    def trace_bytes(self) -> int:
        """Bytes from one trace to the next."""
        return self.header + self.samples * self.sample_format.bytes

    @property
    def end(self) -> int:
        """First byte after the last trace."""
        return self.start + self.traces * self.trace_bytes

    @property
    def words(self) -> str:
        """The format in words: ``SEG-Y revision 1, 4-byte IBM float, big-endian``."""
        return f"SEG-Y revision {_revision(self.head)}, {self.sample_format.words}, {ORDERS[self.order]}"

    @cached_property
    def text(self) -> tuple[str, ...]:
        """The 40 lines of the text header."""
        return text_lines(self.head[:TEXT_BYTES])

    def binary(self, byte: int, kind: str = "h") -> int:
        """A field of the binary header by its first byte, counted from 1 in the file (3217: sample interval)."""
        return _field(self.head, self.order, byte, kind)

    def map(self, mode: Literal["r", "r+"] = "r") -> np.memmap[Any, np.dtype[Any]]:
        """All traces as records (traces,) of `header` and `samples`, as they lie in the file; nothing is read yet."""
        samples = np.dtype(self.sample_format.kind).newbyteorder(self.order)
        record = np.dtype([("header", np.void, self.header), ("samples", samples, (self.samples,))])
        return np.memmap(self.path, record, mode, self.start, (self.traces,))

    def fields(self, *places: Place, every: int = 1) -> list[NDArray[np.int64]]:
        """Fields of all trace headers, or of every n-th, each of shape (traces,), in one pass over the file.

        Parameters
        ----------
        places
            First byte of each field, counted from 1, and its kind: ``i4``, ``i2``.
        """
        record = np.dtype(
            {
                "names": [str(number) for number in range(len(places))],
                "formats": [np.dtype(kind).newbyteorder(self.order) for _, kind in places],
                "offsets": [byte - 1 for byte, _ in places],
                "itemsize": self.trace_bytes,
            }
        )
        mapped = np.memmap(self.path, record, "r", self.start, (self.traces,))[::every]
        found = [np.empty(len(mapped), np.int64) for _ in places]
        block = max(1, BLOCK // (self.trace_bytes * every))
        for start in range(0, len(mapped), block):
            for name, values in zip(record.names or (), found, strict=True):
                values[start : start + block] = mapped[name][start : start + block]
        return found

    def first(self, place: Place) -> int:
        """A field of the first trace header."""
        return int(self.fields(place, every=self.traces)[0][0])


def open_segy_file(path: Path, sample_format: str | None) -> SegyFile:
    """The layout of the SEG-Y file at `path`.

    Parameters
    ----------
    sample_format
        The user's word against the header's code.

    Raises
    ------
    SurveyError
        If the file is no SEG-Y, is cut off, holds no traces, or has samples in a format that is not read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            raise _not_segy(path, f"is {'too short' if head else 'empty'} ({size:,} bytes)")
        said = [
            layout
            for order, known in _orders_and_formats(path, head, sample_format)
            for layout in _layouts(file, SegyFile(path, head, order, known, HEAD_BYTES, HEADER_BYTES, 0, 0), size)
        ]
    whole = [layout for layout in said if layout.traces > 0 and layout.end == size - _trailer(layout)]
    if not whole:
        raise _cut_off(path, size, said)
    return whole[0]


def _not_segy(path: Path, why: str) -> SurveyError:
    return SurveyError(
        f"{path} {why}: it is no SEG-Y file",
        expected=f"3,600 bytes of headers, with a sample format code of {', '.join(map(str, FORMATS))}",
        do="name a SEG-Y file; if it is one and only the code is wrong, pass --sample-format",
    )


def _cut_off(path: Path, size: int, said: list[SegyFile]) -> SurveyError:
    """What is wrong with a file that does not end with a whole trace under any reading of its headers."""
    if not said:
        return _not_segy(path, "has 0 samples a trace in its binary header and its first trace header")
    layout = said[0]
    left = size - layout.start
    if left <= 0:
        return SurveyError(
            f"{path} holds no traces: its {size:,} bytes end with the headers",
            expected=f"traces from byte {layout.start:,} on",
            do="copy the file again",
        )
    whole, rest = divmod(left, layout.trace_bytes)
    end = layout.start + whole * layout.trace_bytes
    return SurveyError(
        f"{path} is cut off: its {size:,} bytes hold {whole:,} whole traces of {layout.trace_bytes:,} bytes "
        f"({layout.samples:,} samples) and {rest:,} bytes of another",
        expected=f"whole traces: {end:,} bytes for {whole:,}, {end + layout.trace_bytes:,} for {whole + 1:,}",
        do="copy the file again; if its sample format is declared wrongly, pass --sample-format",
    )


def _orders_and_formats(path: Path, head: bytes, name: str | None) -> list[tuple[ByteOrder, SampleFormat]]:
    """Byte orders that are possible, with the sample format; a code from 1 to 16 is one in a single order."""
    codes = {order: _field(head, order, 3225, "h") for order in ORDERS}
    plausible = [order for order, code in codes.items() if 1 <= code <= 16]
    if name is not None:
        return [(order, format_named(name)) for order in plausible or ORDERS]
    if not plausible:
        found = " or ".join(f"{code} ({ORDERS[order]})" for order, code in codes.items())
        raise _not_segy(path, f"has the sample format code {found} at bytes 3225-3226")
    code = codes[plausible[0]]
    if code not in FORMATS:
        raise SurveyError(
            f"{path} has samples of format {code}",
            expected=", ".join(f"{known.code} ({known.words})" for known in FORMATS.values()),
            do="convert the file, or pass --sample-format if the code is wrong",
        )
    return [(plausible[0], FORMATS[code])]


def _field(head: bytes, order: str, byte: int, kind: str) -> int:
    value: int = struct.unpack_from(order + kind, head, byte - 1)[0]
    return value


def _revision(head: bytes) -> int:
    """Major revision: byte 3501, or 3502 where both were swapped with the byte order."""
    return next((byte for byte in head[3500:3502] if byte in (1, 2)), 0)


MOST_EXTENSIONS = 16
"""Trace header extensions beyond which the field is taken for garbage."""


def _layouts(file: BinaryIO, bare: SegyFile, size: int) -> Iterator[SegyFile]:
    """What the headers say: by the sample count of the binary header, then by that of the first trace header."""
    start = _first_trace(file, bare)
    file.seek(min(start, size))
    first = file.read(HEADER_BYTES).ljust(HEADER_BYTES, b"\0")
    counts = [bare.binary(3221, "H"), _field(first, bare.order, 115, "H")]
    header = HEADER_BYTES
    if _revision(bare.head) == 2:
        counts.insert(0, max(0, bare.binary(3269, "i")))
        extensions = bare.binary(3507)
        header += HEADER_BYTES * extensions if 0 < extensions <= MOST_EXTENSIONS else 0
    for count in dict.fromkeys(counts):
        if count:
            layout = replace(bare, start=start, header=header, samples=count)
            left = size - _trailer(layout) - start
            yield replace(layout, traces=max(0, left // layout.trace_bytes))


def _trailer(layout: SegyFile) -> int:
    """Bytes of the trailing stanzas of revision 2."""
    return TEXT_BYTES * max(0, layout.binary(3529, "i")) if _revision(layout.head) == 2 else 0


def _first_trace(file: BinaryIO, bare: SegyFile) -> int:
    """First byte of the first trace: told outright in revision 2, else after the extended text headers."""
    told = bare.binary(3521, "Q") if _revision(bare.head) == 2 else 0
    if told:
        return told
    count = bare.binary(3505)
    if count >= 0:
        return HEAD_BYTES + count * TEXT_BYTES
    # -1: as many as there are up to the stanza that says it is the last.
    file.seek(HEAD_BYTES)
    number = 0
    while text := file.read(TEXT_BYTES):
        number += 1
        if "((SEG:ENDTEXT))" in "".join(text_lines(text)).replace(" ", "").upper():
            return HEAD_BYTES + number * TEXT_BYTES
    return HEAD_BYTES
