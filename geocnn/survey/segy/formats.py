"""Sample formats of SEG-Y: what the codes mean, and their samples as float32, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.segy.ibm import ibm_bits, ibm_floats, ibm_inexact
from geocnn.survey.survey import FloatArray

__all__ = ["FORMATS", "IEEE", "ByteOrder", "SampleFormat", "decode", "encode", "format_named", "inexact"]

ByteOrder = Literal[">", "<"]
Raw = NDArray[Any]


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
        NumPy type without byte order; that of the bits for floats that NumPy lacks; three bytes for 24-bit integers, so
        that arrays of them have a last axis of 3 more.
    span
        Smallest and largest integer; none for floats.
    """

    code: int
    name: str
    words: str
    kind: str
    span: tuple[int, int] | None = None

    @property
    def bytes(self) -> int:
        """Bytes of a sample."""
        return np.dtype(self.kind).itemsize

    @property
    def fits_float32(self) -> bool:
        """Whether float32 holds every number exactly."""
        return self.name not in _INEXACT

    @property
    def signed(self) -> bool:
        """Whether it holds negative numbers."""
        return self.span is None or self.span[0] < 0


def _signed(code: int, size: int, kind: str = "") -> SampleFormat:
    span = (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1)
    return SampleFormat(code, f"int{8 * size}", f"{size}-byte integer", kind or f"i{size}", span)


def _unsigned(code: int, size: int, kind: str = "") -> SampleFormat:
    span = (0, 2 ** (8 * size) - 1)
    return SampleFormat(code, f"uint{8 * size}", f"{size}-byte unsigned integer", kind or f"u{size}", span)


IBM = SampleFormat(1, "ibm", "4-byte IBM float", "u4")
GAIN = SampleFormat(4, "gain", "4-byte fixed point with gain", "u4")
IEEE = SampleFormat(5, "ieee", "4-byte IEEE float", "f4")
THREE_BYTES = "3u1"

FORMATS = {
    known.code: known
    for known in (
        IBM,
        _signed(2, 4),
        _signed(3, 2),
        GAIN,
        IEEE,
        SampleFormat(6, "float64", "8-byte IEEE float", "f8"),
        _signed(7, 3, THREE_BYTES),
        _signed(8, 1),
        _signed(9, 8),
        _unsigned(10, 4),
        _unsigned(11, 2),
        _unsigned(12, 8),
        _unsigned(15, 3, THREE_BYTES),
        _unsigned(16, 1),
    )
}
"""All formats of the standard, by code."""


def format_named(name: str) -> SampleFormat:
    """The format that ``--sample-format`` calls by that name."""
    return next(known for known in FORMATS.values() if known.name == name)


def decode(raw: Raw, sample_format: SampleFormat, order: ByteOrder = ">", out: FloatArray | None = None) -> FloatArray:
    """Samples as float32 of samples as they lie in the file.

    Numbers beyond float32 become infinite, which a scan tells; what it cannot hold exactly is rounded (see `inexact`).

    Parameters
    ----------
    raw
        Shape (…); (…, 3) bytes where samples have 24 bits.
    order
        Byte order of 24-bit samples; all others carry it in their type.
    out
        Where they go, contiguous, shape (…); a new array if it is not given.
    """
    if out is None:
        out = np.empty(raw.shape[:-1] if sample_format.kind == THREE_BYTES else raw.shape, np.float32)
    if sample_format == IBM:
        ibm_floats(raw, out)
    elif sample_format.kind == THREE_BYTES:
        out[...] = _of_three_bytes(raw, sample_format, order)
    elif sample_format == GAIN:
        out[...] = _of_gain(raw)
    else:
        with np.errstate(over="ignore"):
            out[...] = raw
    return out


def encode(samples: FloatArray, sample_format: SampleFormat, order: ByteOrder) -> tuple[Raw, int]:
    """Samples as they lie in a file, the nearest there are, and how many were clipped to what the format holds.

    Ties go to the even neighbour. Where a format cannot say ``nan``, it becomes 0 and counts as clipped.

    Returns
    -------
    raw
        Shape (…), in byte order `order`; (…, 3) bytes where samples have 24 bits.
    clipped
        Number of samples.
    """
    samples = np.asarray(samples, np.float32)
    if sample_format.span is not None:
        return _integers(samples, sample_format, order)
    make = _ENCODERS.get(sample_format.name)
    bits, clipped = make(samples) if make else (samples, 0)
    return bits.astype(np.dtype(sample_format.kind).newbyteorder(order), copy=False), clipped


def inexact(raw: Raw, sample_format: SampleFormat) -> int:
    """Number of samples, as they lie in the file, that float32 cannot hold exactly.

    None of the formats of up to 24 bits, and of IEEE floats; IBM floats beyond float32's range, above or below.
    """
    count = _INEXACT.get(sample_format.name)
    return count(raw) if count else 0


def _of_three_bytes(raw: Raw, sample_format: SampleFormat, order: ByteOrder) -> NDArray[np.int32]:
    """Numbers (…) of three bytes each (…, 3)."""
    words = np.zeros((*raw.shape[:-1], 4), np.uint8)
    # Above a byte of zeros, so that the shift back brings the sign along.
    words[..., slice(0, 3) if order == ">" else slice(1, 4)] = raw
    kind = "i4" if sample_format.signed else "u4"
    return np.asarray(words.view(f"{order}{kind}")[..., 0] >> 8, np.int32)


def _of_gain(raw: Raw) -> FloatArray:
    """Numbers of fixed point with gain.

    Notes
    -----
    A byte of zeros, a signed byte of gain, a 16-bit mantissa: ``mantissa · 2^gain`` in revisions 0 and 1. (Revision 2
    prints ``2^−gain``, and has no such files.)
    """
    words = raw.astype(np.uint32)
    mantissa = words.astype(np.uint16).view(np.int16).astype(np.float32)
    gain = (words >> 16).astype(np.uint8).view(np.int8).astype(np.int32)
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(mantissa, gain), np.float32)


def _to_gain(samples: FloatArray) -> tuple[NDArray[np.uint32], int]:
    """Nearest words of fixed point with gain, all 16 bits of the mantissa in use."""
    without = ~np.isfinite(samples)
    finite = np.where(without, 0, samples).astype(np.float64)
    gain = np.where(finite == 0, 0, np.clip(np.frexp(finite)[1] - 15, -128, 127))
    # What rounds up to 2¹⁵ takes the next gain.
    gain += np.abs(np.rint(np.ldexp(finite, -gain))) == 2**15
    mantissa = np.rint(np.ldexp(finite, -gain))
    infinite = np.isinf(samples)
    mantissa[infinite] = np.where(samples[infinite] > 0, 2**15 - 1, -(2**15))
    gain[infinite] = 127
    words = gain.astype(np.int8).view(np.uint8).astype(np.uint32) << np.uint32(16)
    return words | mantissa.astype(np.int16).view(np.uint16), int(np.count_nonzero(without))


def _integers(samples: FloatArray, sample_format: SampleFormat, order: ByteOrder) -> tuple[Raw, int]:
    """Nearest integers that a format holds, in byte order `order`."""
    low, high = sample_format.span or (0, 0)
    whole = np.rint(samples)
    # The largest integer itself is often no float32, but the next one is a power of two.
    above, below, without = whole >= float(high + 1), whole < low, np.isnan(whole)
    clipped = int(np.count_nonzero(above | below | without))
    if clipped:
        whole[above | below | without] = 0
    three = sample_format.kind == THREE_BYTES
    numbers = whole.astype("i4" if three else sample_format.kind)
    if clipped:
        numbers[above], numbers[below] = high, low
    if not three:
        return numbers.astype(numbers.dtype.newbyteorder(order), copy=False), clipped
    words = numbers.astype(f"{order}i4")[..., None].view(np.uint8)
    return np.ascontiguousarray(words[..., slice(1, 4) if order == ">" else slice(0, 3)]), clipped


_ENCODERS: dict[str, Callable[[FloatArray], tuple[Raw, int]]] = {"ibm": ibm_bits, "gain": _to_gain}


def _rounded_floats(raw: Raw) -> int:
    """How many 8-byte floats are no float32; ``nan`` is."""
    with np.errstate(over="ignore", under="ignore"):
        return int(np.count_nonzero((raw.astype(np.float32) != raw) & ~np.isnan(raw)))


def _rounded_integers(raw: Raw) -> int:
    """How many integers have more than 24 bits between their first and their last 1."""
    numbers = raw.astype("i8" if raw.dtype.kind == "i" else "u8")
    size = np.where(numbers < 0, -numbers, numbers).astype(np.uint64)
    last = size & (~size + np.uint64(1))
    return int(np.count_nonzero(size >> np.uint64(24) >= np.maximum(last, np.uint64(1))))


def _rounded_gains(raw: Raw) -> int:
    return int(np.count_nonzero(np.isinf(_of_gain(raw))))


_INEXACT: dict[str, Callable[[Raw], int]] = {
    "ibm": ibm_inexact,
    "gain": _rounded_gains,
    "float64": _rounded_floats,
    **dict.fromkeys(("int32", "uint32", "int64", "uint64"), _rounded_integers),
}
