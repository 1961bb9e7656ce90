"""IBM floats, which NumPy lacks: their bits as numbers, and numbers as their bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.survey import FloatArray

__all__ = ["ibm_bits", "ibm_floats", "ibm_inexact", "ibm_values"]

Bits = NDArray[np.uint32]

BLOCK = 2**16
"""Numbers turned at once: all steps of a block happen within a core's cache."""

_FIRST = np.arange(256)
_EXPONENTS = (_FIRST & 127) - 64
_SCALES = np.where(_FIRST & 128, -1.0, 1.0) * 2.0 ** (4 * _EXPONENTS - 24)
"""What the 24-bit fraction is multiplied by, for each first byte: sign, and power of 16."""

_EXACT = (4 * _EXPONENTS - 24 >= -149) & (4 * _EXPONENTS <= 128)
"""Whether every fraction with this first byte is a float32: 24 bits from 2^-149 to 2^128."""


def ibm_values(bits: NDArray[Any]) -> NDArray[np.float64]:
    """Exact values of IBM floats (…) given as 32-bit words of any byte order.

    Notes
    -----
    ``(−1)^sign · fraction / 2²⁴ · 16^(exponent − 64)``, with 1 bit of sign, 7 of exponent and 24 of fraction.
    """
    words = bits.astype(np.uint32)
    return np.asarray((words & 0xFFFFFF) * _SCALES[words >> 24], np.float64)


def ibm_floats(bits: NDArray[Any], out: FloatArray) -> None:
    """Put the nearest float32 of IBM floats (…), 32-bit words of any byte order, into `out` (…), which is contiguous.

    Infinite beyond the range of float32.

    Twice as fast as segyio's conversion, in C, and unlike that right for fractions that begin with a zero digit.

    Notes
    -----
    Sign and exponent e, taken for a float32 as they stand, are q = ± 2^(2e − 127), and 0 for e = 0. So the value,
    ± fraction · 2^(4e − 280), is fraction · 2⁻²⁶ · q · |q|: three products with powers of two, of which only the last
    can round or overflow, since where the second is too small for float32 the last is nothing.
    """
    floats = out.reshape(-1)
    flat = floats.view(np.uint32)
    out.view(np.uint32)[...] = bits
    of_block = np.empty(min(BLOCK, flat.size), np.uint32)
    products = np.empty(of_block.size, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, flat.size, BLOCK):
            part = flat[start : start + BLOCK]
            masked, product = of_block[: part.size], products[: part.size]
            np.bitwise_and(part, np.uint32(0x00FFFFFF), out=masked)
            np.copyto(product, masked.view(np.int32), casting="unsafe")
            product *= np.float32(2**-26)
            np.bitwise_and(part, np.uint32(0xFF000000), out=masked)
            product *= masked.view(np.float32)
            np.bitwise_and(masked, np.uint32(0x7FFFFFFF), out=masked)
            np.multiply(product, masked.view(np.float32), out=floats[start : start + BLOCK])


def ibm_inexact(bits: NDArray[Any]) -> int:
    """How many IBM floats lie beyond the range of float32, or too near to 0 for it."""
    words = bits.astype(np.uint32)
    values = ibm_values(words[~_EXACT[words >> 24]])
    with np.errstate(over="ignore", under="ignore"):
        return int(np.count_nonzero(values.astype(np.float32) != values))


def ibm_bits(values: FloatArray) -> tuple[Bits, int]:
    """Nearest IBM floats of float32 numbers (…), and how many had none: the infinite and the undefined.

    They become the largest number of that sign, and 0. Ties go to the even fraction.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    bits = np.empty(flat.size, np.uint32)
    for start in range(0, flat.size, BLOCK):
        bits[start : start + BLOCK] = _nearest(flat[start : start + BLOCK])
    without = ~np.isfinite(flat)
    lost = int(np.count_nonzero(without))
    if lost:
        largest = flat[without].view(np.uint32) | np.uint32(0x7FFFFFFF)
        bits[without] = np.where(np.isnan(flat[without]), 0, largest)
    return bits.reshape(values.shape), lost


def _nearest(values: FloatArray) -> Bits:
    """Nearest IBM floats of finite float32 numbers (n,)."""
    one = np.uint32(1)
    tiny = np.abs(values) < np.finfo(np.float32).tiny
    words = np.multiply(values, np.float32(2**24), out=values.copy(), where=tiny).view(np.uint32)
    # Of a float32: value = fraction / 2²⁴ · 2^exponent, the first bit of the fraction being 1.
    exponent = ((words >> np.uint32(23)) & np.uint32(0xFF)).astype(np.int32) - np.where(tiny, 126 + 24, 126)
    fraction = (words & np.uint32(0x7FFFFF)) | np.uint32(0x800000)
    shift = (-exponent & 3).astype(np.uint32)
    # Just under a half of what is shifted out, and a half where what stays is odd: ties go to even.
    rounding = (((one << shift) - one) >> one) + ((fraction >> shift) & (shift > 0))
    power = ((exponent + 3 >> 2) + 64).astype(np.uint32) << np.uint32(24)
    sign = words & np.uint32(0x80000000)
    return np.asarray(np.where(values == 0, sign, sign | power | (fraction + rounding) >> shift), np.uint32)
