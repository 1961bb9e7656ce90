"""Where things lie in a SEG-Y file: byte order, sample format, first trace, trace lengths."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from geocnn.errors import SurveyError
from geocnn.survey.options import Place
from geocnn.survey.segy.formats import FORMATS, IEEE, ByteOrder, SampleFormat, format_named
from geocnn.survey.segy.segy_file import HEAD_BYTES, HEADER_BYTES, MOST_TEXTS, ORDERS, SegyFile
from geocnn.survey.segy.text import TEXT_BYTES, text_lines
from geocnn.survey.segy.unreadable import cut_off, not_segy, swapped_pairs, unknown_format
from geocnn.survey.segy.walk import COUNT, FEW, agreement, fitting, walked

__all__ = ["open_segy_file"]

ORDER_CONSTANT = slice(3296, 3300)
"""Of revision 2: the bytes 1, 2, 3, 4 in the order of the file."""

ORDER_OF: dict[bytes, ByteOrder] = {b"\1\2\3\4": ">", b"\4\3\2\1": "<"}
PAIRS_SWAPPED = (b"\2\1\4\3", b"\3\4\1\2")

MOST_EXTENSIONS = 16
"""Trace header extensions beyond which the field is taken for garbage."""


def open_segy_file(path: Path, sample_format: str | None) -> SegyFile:
    """The layout of the SEG-Y or Seismic Unix file at `path`.

    What headers claim is held against the size of the file and against what lies where trace headers should be. A
    layout under which the file ends with a whole trace is taken first; then traces of different lengths; then whole
    traces with the beginning of another, which is left out and told in the remarks.

    Parameters
    ----------
    sample_format
        The user's word against the header's code.

    Raises
    ------
    SurveyError
        If the file is no SEG-Y, holds no traces, or has samples in a format that is not read.
    """
    size = path.stat().st_size
    unix = _seismic_unix(path, sample_format, size)
    if unix is not None and path.suffix.lower() == ".su":
        return unix
    try:
        return _segy(path, sample_format, size)
    except SurveyError:
        if unix is None or unix.trailing:
            raise
        return unix


def _segy(path: Path, sample_format: str | None, size: int) -> SegyFile:
    """The layout as SEG-Y."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            raise not_segy(path, f"is {'too short' if head else 'empty'} ({size:,} bytes)")
        said = [
            layout
            for order, known in _orders_and_formats(path, head, sample_format)
            for layout in _layouts(file, SegyFile(path, head, order, known, HEAD_BYTES, HEADER_BYTES, 0, 0), size)
        ]
    chosen = _best(said, size)
    if chosen is None:
        raise cut_off(path, size, said)
    return replace(chosen, remarks=tuple(_remarks(chosen, said[0], size)))


def _best(said: list[SegyFile], size: int) -> SegyFile | None:
    """The most believable of several layouts, the one said first among equals."""
    held = [layout for layout in said if layout.traces > 0]
    held.sort(key=lambda layout: layout.trailing > 0)
    for layout in held:
        if agreement(layout).constant and not _ends_with_a_shorter_trace(layout, size):
            return layout
    walks: dict[tuple[str, int, int], SegyFile] = {}
    for layout in said:
        walks.setdefault((layout.order, layout.start, layout.header), layout)
    differing = [found for layout in walks.values() if (found := walked(layout, size)) is not None]
    ended = [layout for layout in differing if layout.trailing == 0]
    # Chance may end a file of another sample format with a whole trace.
    whole = [layout for layout in held if layout.trailing == 0 and not fitting(layout)]
    believed = [layout for layout in held if layout.trailing and agreement(layout).believable]
    sure = [layout for layout in whole if agreement(layout).believable]
    return next(iter([*ended, *sure, *differing, *whole, *believed]), None)


def _ends_with_a_shorter_trace(layout: SegyFile, size: int) -> bool:
    """Whether what follows the whole traces is one that tells of fewer samples, up to the last byte."""
    if layout.trailing <= layout.header:
        return False
    with layout.path.open("rb") as file:
        count = _first_count(file, layout.end, layout.order, size)
    return layout.header + count * layout.sample_format.bytes == layout.trailing


def _orders_and_formats(path: Path, head: bytes, name: str | None) -> list[tuple[ByteOrder, SampleFormat]]:
    """Byte orders that are possible, with the sample format; a code from 1 to 16 is one in a single order."""
    codes = {order: int(struct.unpack_from(f"{order}h", head, 3224)[0]) for order in ORDERS}
    plausible = [order for order, code in codes.items() if 1 <= code <= 16]
    if head[ORDER_CONSTANT] in PAIRS_SWAPPED:
        raise swapped_pairs(path, head[ORDER_CONSTANT])
    if name is not None:
        return [(order, format_named(name)) for order in plausible or ORDERS]
    if not plausible:
        found = " or ".join(f"{code} ({ORDERS[order]})" for order, code in codes.items())
        raise not_segy(path, f"has the sample format code {found} at bytes 3225-3226")
    code = codes[plausible[0]]
    if code not in FORMATS:
        raise unknown_format(path, code)
    return [(plausible[0], FORMATS[code])]


def _layouts(file: BinaryIO, bare: SegyFile, size: int) -> Iterator[SegyFile]:
    """What the headers say, the likeliest first; then without what may be garbage in them.

    The sample count is told by the binary header and again by the first trace header.
    """
    modern = _modern(bare)
    extensions = bare.binary(3507) if modern else 0
    headers = (HEADER_BYTES * (1 + (extensions if 0 < extensions <= MOST_EXTENSIONS else 0)), HEADER_BYTES)
    trailer = TEXT_BYTES * max(0, bare.binary(3529, "i")) if modern else 0
    for start in dict.fromkeys((_first_trace(file, bare, size), HEAD_BYTES)):
        counts = (
            max(0, bare.binary(3269, "i")) if modern else 0,
            bare.binary(3221, "H"),
            _first_count(file, start, bare.order, size),
        )
        for header in dict.fromkeys(headers):
            for stop in dict.fromkeys((size - trailer, size)):
                for count in dict.fromkeys(count for count in counts if count):
                    layout = replace(bare, start=start, header=header, samples=count)
                    traces, rest = divmod(max(0, stop - start), layout.trace_bytes)
                    yield replace(layout, traces=traces, trailing=rest)


def _modern(bare: SegyFile) -> bool:
    """Whether the binary header has the fields of revision 2."""
    return bare.revision == 2 or ORDER_OF.get(bare.head[ORDER_CONSTANT]) == bare.order


def _first_count(file: BinaryIO, start: int, order: ByteOrder, size: int) -> int:
    """Sample count of the trace header at byte `start`; 0 where there is none."""
    file.seek(min(start, size))
    header = file.read(HEADER_BYTES).ljust(HEADER_BYTES, b"\0")
    return int(struct.unpack_from(f"{order}H", header, COUNT.byte - 1)[0])


def _first_trace(file: BinaryIO, bare: SegyFile, size: int) -> int:
    """First byte of the first trace: told outright in revision 2, else after the extended text headers."""
    told = bare.binary(3521, "Q") if _modern(bare) else 0
    if HEAD_BYTES <= told < size:
        return told
    count = bare.binary(3505)
    if count > 0:
        # A count beyond the file is garbage.
        return HEAD_BYTES + count * TEXT_BYTES if HEAD_BYTES + count * TEXT_BYTES < size else HEAD_BYTES
    # -1: as many as there are up to the stanza that says it is the last. Some files have stanzas and tell of none.
    file.seek(HEAD_BYTES)
    told_by_stanza = "".join(text_lines(file.read(TEXT_BYTES))).lstrip().startswith("((")
    if count != -1 and not told_by_stanza:
        return HEAD_BYTES
    file.seek(HEAD_BYTES)
    for number in range(1, MOST_TEXTS + 1):
        text = file.read(TEXT_BYTES)
        if "((SEG:ENDTEXT))" in "".join(text_lines(text)).replace(" ", "").upper():
            return HEAD_BYTES + number * TEXT_BYTES
    return HEAD_BYTES + TEXT_BYTES * told_by_stanza


def _seismic_unix(path: Path, sample_format: str | None, size: int) -> SegyFile | None:
    """The layout as Seismic Unix: traces from the first byte on; none if there are no trace headers where they'd be."""
    known = format_named(sample_format) if sample_format else IEEE
    said = []
    for order in ORDERS:
        with path.open("rb") as file:
            samples = _first_count(file, 0, order, size)
        layout = SegyFile(path, b"", order, known, 0, HEADER_BYTES, samples, 0)
        traces, rest = divmod(size, layout.trace_bytes)
        if samples and traces:
            said.append(replace(layout, traces=traces, trailing=rest))
    found = _best([layout for layout in said if _signed_interval(layout) > 0] or said, size)
    # One trace and the beginning of another could be anything.
    if found is None or (found.trailing and found.traces < FEW):
        return None
    return replace(found, remarks=tuple(_remarks(found, found, size)))


def _signed_interval(layout: SegyFile) -> int:
    """Sample interval of the first trace; often negative where bytes are read in the wrong order."""
    return layout.first(Place(117, "i2"))


def _remarks(chosen: SegyFile, first: SegyFile, size: int) -> Iterator[str]:
    """What was odd in the layout that was chosen, against the one that the headers say first."""
    if chosen.lengths is not None:
        low, high = int(chosen.lengths.min()), int(chosen.lengths.max())
        yield f"traces differ in length: {low:,} to {high:,} samples; what a trace does not hold is taken as missing"
    elif chosen.samples != first.samples:
        yield f"the headers say {first.samples:,} samples a trace, but {chosen.samples:,} fit the file: they were taken"
    else:
        others = sorted(agreement(chosen).counts - {0, chosen.samples})
        if others:
            yield f"trace headers tell of {others[0]:,} samples, but {chosen.samples:,} fit the file: they were taken"
    if chosen.order != first.order:
        yield f"neither byte order gives a format code of the standard: {ORDERS[chosen.order]} fits the trace headers"
    if chosen.start != first.start:
        yield f"the headers put the first trace at byte {first.start:,}; it lies at byte {chosen.start:,}"
    if chosen.trailing:
        yield (
            f"the file is cut off: {chosen.trailing:,} of its {size:,} bytes, from byte {chosen.end:,} on, are no "
            f"whole trace; the {chosen.traces:,} before were read"
        )
