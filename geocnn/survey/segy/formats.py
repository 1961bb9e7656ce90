"""Sample formats of SEG-Y: what the codes mean, and their samples as float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# segyio.tools.native looks its extension module up as an attribute that only this import sets.
import segyio._segyio
import segyio.tools
from numpy.typing import NDArray

from geocnn.survey.survey import FloatArray

__all__ = ["FORMATS", "IEEE", "SampleFormat", "decode", "format_named"]


@dataclass(frozen=True)
class SampleFormat:
    """A sample format of the SEG-Y standard.

    Parameters
    ----------
    code
        Data sample format code of the binary header, bytes 3225–3226.
    name
        What ``--sample-format`` calls it.
    words
        What people call it.
    kind
        NumPy type without byte order; for IBM floats, which NumPy lacks, that of their bits.
    """

    code: int
    name: str
    words: str
    kind: str

    @property
    def bytes(self) -> int:
        """Bytes of a sample."""
        return np.dtype(self.kind).itemsize


IBM = SampleFormat(1, "ibm", "4-byte IBM float", "u4")
IEEE = SampleFormat(5, "ieee", "4-byte IEEE float", "f4")

FORMATS = {
    known.code: known
    for known in (
        IBM,
        SampleFormat(2, "int32", "4-byte integer", "i4"),
        SampleFormat(3, "int16", "2-byte integer", "i2"),
        IEEE,
        SampleFormat(6, "float64", "8-byte IEEE float", "f8"),
        SampleFormat(8, "int8", "1-byte integer", "i1"),
        SampleFormat(9, "int64", "8-byte integer", "i8"),
        SampleFormat(10, "uint32", "4-byte unsigned integer", "u4"),
        SampleFormat(11, "uint16", "2-byte unsigned integer", "u2"),
        SampleFormat(12, "uint64", "8-byte unsigned integer", "u8"),
        SampleFormat(16, "uint8", "1-byte unsigned integer", "u1"),
    )
}
"""Formats that are read, by code; 4 (fixed point with gain), 7 and 15 (24 bits) are not."""


def format_named(name: str) -> SampleFormat:
    """The format that ``--sample-format`` calls by that name."""
    return next(known for known in FORMATS.values() if known.name == name)


def decode(raw: NDArray[Any], sample_format: SampleFormat) -> FloatArray:
    """Samples as float32, same shape, of samples as they lie in the file; `raw` may be overwritten."""
    if sample_format != IBM:
        # Larger numbers than float32 holds become infinite, which a scan tells.
        with np.errstate(over="ignore"):
            return raw.astype(np.float32)
    converted: FloatArray = segyio.tools.native(np.ascontiguousarray(raw, dtype=">u4"), IBM.code, copy=False)
    return converted
