"""A SEG-Y or Seismic Unix file whose layout is known: its headers, and where its traces lie."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.survey.options import Place
from geocnn.survey.segy.formats import ByteOrder, SampleFormat
from geocnn.survey.segy.ibm import ibm_values
from geocnn.survey.segy.text import TEXT_BYTES, text_lines

__all__ = ["BLOCK", "HEADER_BYTES", "HEAD_BYTES", "MOST_TEXTS", "ORDERS", "Integers", "SegyFile"]

HEAD_BYTES = 3600
HEADER_BYTES = 240

BLOCK = 64 * 2**20
"""Bytes of the file gone through at once."""

MOST_TEXTS = 1024
"""Extended text headers beyond which no end of them is looked for."""

ORDERS: dict[ByteOrder, str] = {">": "big-endian", "<": "little-endian"}

Integers = NDArray[np.int64]

SPARSE = 32
"""Every so many traces from which on headers are read one by one."""

HEADERS = 2**13
"""Trace headers gone through at once: what is touched of them stays in a core's cache from field to field."""


@dataclass(frozen=True)
class SegyFile:
    """The layout of a SEG-Y file.

    ::

        | text 3200 | binary 400 | extended text … | header samples | header samples | … | trailer |
        0           3200         3600              start                                 end

    A Seismic Unix file has nothing before its first trace header: `head` is empty and `start` is 0.

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
        Samples in a trace (in the longest, where they differ), whole traces in the file.
    offsets, lengths
        Where traces differ in length: first byte of each trace header, and samples of each, shape (traces,).
    remarks
        What was odd, and how it was read.
    trailing
        Bytes after the last trace that belong to nothing: those of a trace that is cut off.
    """

    path: Path
    head: bytes
    order: ByteOrder
    sample_format: SampleFormat
    start: int
    header: int
    samples: int
    traces: int
    offsets: Integers | None = field(default=None, compare=False)
    lengths: Integers | None = field(default=None, compare=False)
    remarks: tuple[str, ...] = ()
    trailing: int = 0

    @property
    def su(self) -> bool:
        """Whether it is a Seismic Unix file, which has no text and binary header."""
        return not self.head

    @property
    def trace_bytes(self) -> int:
        """Bytes from one trace to the next; of the longest, where they differ."""
        return self.header + self.samples * self.sample_format.bytes

    def offset(self, number: int) -> int:
        """First byte of the header of a trace."""
        return self.start + number * self.trace_bytes if self.offsets is None else int(self.offsets[number])

    def length(self, number: int) -> int:
        """Samples of a trace."""
        return self.samples if self.lengths is None else int(self.lengths[number])

    @property
    def end(self) -> int:
        """First byte after the last whole trace."""
        if self.offsets is None or self.lengths is None:
            return self.start + self.traces * self.trace_bytes
        return int(self.offsets[-1]) + self.header + int(self.lengths[-1]) * self.sample_format.bytes

    @property
    def revision(self) -> int:
        """Major revision: byte 3501, or 3502 where both were swapped with the byte order."""
        return next((byte for byte in self.head[3500:3502] if byte in (1, 2)), 0)

    @property
    def words(self) -> str:
        """The format in words: ``SEG-Y revision 1, 4-byte IBM float, big-endian``."""
        standard = "Seismic Unix" if self.su else f"SEG-Y revision {self.revision}"
        return f"{standard}, {self.sample_format.words}, {ORDERS[self.order]}"

    @cached_property
    def text(self) -> tuple[str, ...]:
        """The 40 lines of the text header; none in Seismic Unix."""
        return text_lines(self.head[:TEXT_BYTES])

    @cached_property
    def extended(self) -> tuple[str, ...]:
        """The lines of all extended text headers, 40 of each."""
        count = min((self.start - HEAD_BYTES) // TEXT_BYTES, MOST_TEXTS)
        if count <= 0:
            return ()
        with self.path.open("rb") as file:
            file.seek(HEAD_BYTES)
            return tuple(line for _ in range(count) for line in text_lines(file.read(TEXT_BYTES)))

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines of all text headers."""
        return (*self.text, *self.extended)

    def binary(self, byte: int, kind: str = "h") -> int:
        """A field of the binary header by its first byte, counted from 1 in the file (3217: sample interval).

        0 where there is no binary header.
        """
        return 0 if self.su else int(struct.unpack_from(self.order + kind, self.head, byte - 1)[0])

    def map(self, mode: Literal["r", "r+"] = "r") -> np.memmap[Any, np.dtype[Any]]:
        """All traces as records (traces,) of `header` and `samples`, as they lie in the file; nothing is read yet.

        Samples are (traces, S), with a last axis of 3 bytes more where they have 24 bits. Traces must be of one length.
        """
        if self.offsets is not None:
            raise ValueError(f"traces of {self.path} differ in length: they lie at `offsets`")
        self.require_whole()
        samples = np.dtype(self.sample_format.kind).newbyteorder(self.order)
        record = np.dtype([("header", np.void, self.header), ("samples", samples, (self.samples,))])
        return np.memmap(self.path, record, mode, self.start, (self.traces,))

    def require_whole(self) -> None:
        """Refuse a file that became shorter since it was opened: what was mapped of it would end the process.

        Raises
        ------
        SurveyError
            If it has.
        """
        size = self.path.stat().st_size
        if size < self.end:
            raise SurveyError(
                f"{self.path} became shorter while it was read: {size:,} bytes of {self.end:,}",
                expected="a file that nobody writes to",
                do="wait until it is whole, and start again",
            )

    def fields(self, *places: Place, every: int = 1) -> list[NDArray[Any]]:
        """Fields of all trace headers, or of every n-th, each of shape (traces,), in one pass over the file.

        Whole numbers are int64, others float64.

        Parameters
        ----------
        places
            First byte of each field, counted from 1, and its kind: ``i4``, ``i2``, ``u2``, ``f4``, ``ibm``.
        """
        if every >= SPARSE:
            return self.fields_of(np.arange(0, self.traces, every), *places)
        count = len(range(0, self.traces, every))
        found = [np.empty(count, _KINDS[kind][1]) for _, kind in places]
        for block, headers in self._headers(places, every):
            for number, (_, kind) in enumerate(places):
                found[number][block] = _values(headers[str(number)], kind)
        return found

    def fields_of(self, numbers: Integers, *places: Place) -> list[NDArray[Any]]:
        """Fields of some trace headers, by number of the trace, each of shape (n,).

        They are read one by one: of a file on a slow disk no more is fetched than these headers.
        """
        headers = np.zeros((len(numbers), self.header), np.uint8)
        with self.path.open("rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for header, number in zip(headers, numbers.tolist(), strict=True):
                file.seek(self.offset(number))
                file.readinto(header)  # type: ignore[arg-type]
        records = headers.view(self._record(places, self.header))[:, 0]
        return [_values(records[str(number)], kind) for number, (_, kind) in enumerate(places)]

    def _record(self, places: tuple[Place, ...], length: int) -> np.dtype[Any]:
        """A record of `length` bytes with the fields, named by their number."""
        return np.dtype(
            {
                "names": [str(number) for number in range(len(places))],
                "formats": [np.dtype(_KINDS[kind][0]).newbyteorder(self.order) for _, kind in places],
                "offsets": [byte - 1 for byte, _ in places],
                "itemsize": length,
            }
        )

    def _headers(self, places: tuple[Place, ...], every: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Records of the fields of a few headers at a time, and which of the picked ones they are."""
        length = self.header if self.offsets is not None else self.trace_bytes
        record = self._record(places, length)
        self.require_whole()
        content = self._content
        if self.offsets is None:
            mapped = np.ndarray((self.traces,), record, content, self.start)[::every]
            for start in range(0, len(mapped), HEADERS):
                yield slice(start, start + HEADERS), mapped[start : start + HEADERS]
            return
        # A record at every byte, of which those at the offsets are headers.
        everywhere = np.ndarray((content.size - length + 1,), record, content, strides=(1,))
        offsets = self.offsets[::every]
        for start in range(0, len(offsets), HEADERS):
            yield slice(start, start + HEADERS), everywhere[offsets[start : start + HEADERS]]

    @cached_property
    def _content(self) -> NDArray[np.uint8]:
        """All bytes of the file; mapped once, because the system forgets with each map where its pages are."""
        return np.memmap(self.path, np.uint8, "r")

    def release(self) -> None:
        """Let go of the map of the file, which keeps it open: a process may not have many open files."""
        self.__dict__.pop("_content", None)

    def __getstate__(self) -> dict[str, Any]:
        # A pickled map would carry the whole file.
        return {name: value for name, value in self.__dict__.items() if name != "_content"}

    def first(self, place: Place) -> int:
        """A field of the first trace header, as a whole number."""
        return int(self.fields(place, every=self.traces)[0][0])


def _values(raw: NDArray[Any], kind: str) -> NDArray[Any]:
    """Values of a field as int64 or float64."""
    # What was never meant to be a float may be one that NumPy warns of.
    with np.errstate(invalid="ignore"):
        return ibm_values(raw) if kind == "ibm" else raw.astype(_KINDS[kind][1])


_KINDS: dict[str, tuple[str, type[np.generic]]] = {
    "i4": ("i4", np.int64),
    "i2": ("i2", np.int64),
    "u2": ("u2", np.int64),
    "f4": ("f4", np.float64),
    "ibm": ("u4", np.float64),
}
"""NumPy type of a kind of field in the file, and of its values."""
