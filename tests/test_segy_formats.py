"""Sample formats of SEG-Y: answers by hand for every code, and both ways."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import segyio
import segyio._segyio
import segyio.tools
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geocnn.survey.options import SampleFormatName
from geocnn.survey.segy.formats import FORMATS, ByteOrder, SampleFormat, decode, encode, format_named, inexact
from geocnn.survey.segy.ibm import ibm_values

ORDERS: tuple[ByteOrder, ...] = (">", "<")

BY_HAND: dict[str, list[tuple[str, float]]] = {
    # −118.625 is C276A000 in every textbook; 100 = 0x64 / 256 · 16²; 1 = 1/16 · 16; 0.1 in 24 bits.
    "ibm": [("C276A000", -118.625), ("42640000", 100), ("41100000", 1), ("00000000", 0), ("4019999A", 1677722 / 2**24)],
    "int32": [("00000001", 1), ("FFFFFFFE", -2), ("7FFFFF80", 2**31 - 128), ("80000000", -(2**31))],
    "int16": [("0102", 258), ("FFFE", -2), ("7FFF", 32767), ("8000", -32768)],
    # 3 · 2²; −1 · 2⁻¹; −32768 · 2⁰; 1 · 2¹⁰.
    "gain": [("00020003", 12), ("00FFFFFF", -0.5), ("00008000", -32768), ("000A0001", 1024), ("00000000", 0)],
    "ieee": [("3F800000", 1), ("C2ED4000", -118.625), ("00000001", 2.0**-149), ("7F800000", np.inf)],
    "float64": [("3FF0000000000000", 1), ("C05DA80000000000", -118.625), ("7FE0000000000000", np.inf)],
    "int24": [("000102", 258), ("FFFFFE", -2), ("7FFFFF", 2**23 - 1), ("800000", -(2**23))],
    "int8": [("7F", 127), ("FE", -2), ("80", -128)],
    "int64": [("0000000000000102", 258), ("FFFFFFFFFFFFFFFE", -2), ("8000000000000000", -(2.0**63))],
    "uint32": [("00000102", 258), ("FFFFFF00", 2**32 - 256), ("80000000", 2**31)],
    "uint16": [("0102", 258), ("FFFE", 65534), ("8000", 32768)],
    "uint64": [("0000000000000102", 258), ("FFFFFF0000000000", 2.0**64 - 2**40)],
    "uint24": [("000102", 258), ("FFFFFE", 2**24 - 2), ("800000", 2**23)],
    "uint8": [("7F", 127), ("FE", 254), ("80", 128)],
}
"""Bytes of a sample, the highest first, and what they mean."""

CODES = {1: "ibm", 2: "int32", 3: "int16", 4: "gain", 5: "ieee", 6: "float64", 7: "int24", 8: "int8", 9: "int64",
         10: "uint32", 11: "uint16", 12: "uint64", 15: "uint24", 16: "uint8"}  # fmt: skip


def laid(content: bytes, sample_format: SampleFormat, order: ByteOrder) -> np.ndarray:
    """Samples whose bytes are given highest first, as they lie in a file of byte order `order`."""
    size = sample_format.bytes
    samples = [content[start : start + size] for start in range(0, len(content), size)]
    kind = np.dtype(sample_format.kind)
    raw = b"".join(sample if order == ">" else sample[::-1] for sample in samples)
    return np.frombuffer(raw, kind.base.newbyteorder(order)).reshape(-1, *kind.shape).copy()


def test_codes_of_the_standard() -> None:
    assert {code: known.name for code, known in FORMATS.items()} == CODES
    assert all(known.bytes == len(BY_HAND[known.name][0][0]) // 2 for known in FORMATS.values())
    assert all(format_named(known.name) is known for known in FORMATS.values())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", BY_HAND)
def test_answers_by_hand(name: str, order: ByteOrder) -> None:
    content, values = zip(*BY_HAND[name], strict=True)
    raw = laid(bytes.fromhex("".join(content)), format_named(name), order)
    decoded = decode(raw.copy(), format_named(name), order)
    assert decoded.dtype == np.float32
    assert decoded.tolist() == list(values)
    # A line of the grid, and a column of it, have the shape of the samples.
    again = decode(np.stack([raw, raw])[:, ::2], format_named(name), order)
    assert again.tolist() == [list(values[::2])] * 2


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", BY_HAND)
def test_what_a_format_holds_comes_back(name: str, order: ByteOrder) -> None:
    content, values = zip(*[pair for pair in BY_HAND[name] if np.isfinite(pair[1])], strict=True)
    samples = np.array(values, np.float32)
    raw, clipped = encode(samples, format_named(name), order)
    assert clipped == 0
    assert np.array_equal(decode(raw.copy(), format_named(name), order), samples)
    # Fixed point with gain has several words for a number.
    if name != "gain":
        assert raw.tobytes() == laid(bytes.fromhex("".join(content)), format_named(name), order).tobytes()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("known", [known for known in FORMATS.values() if known.span], ids=lambda known: known.name)
def test_integers_are_rounded_to_even_and_clipped(known: SampleFormat, order: ByteOrder) -> None:
    low, high = known.span or (0, 0)
    samples = np.array([0.5, 1.5, 2.5, 1e30, -1e30, np.inf, -np.inf, np.nan, 7], np.float32)
    raw, clipped = encode(samples, known, order)
    expected = np.array([0, 2, 2, high, low, high, low, 0, 7], np.float32)
    assert np.array_equal(decode(raw, known, order), expected)
    assert clipped == 5
    if known.bytes < 3:
        edge = np.array([low, high, low - 0.4, high + 0.4, low - 1, high + 1], np.float32)
        raw, clipped = encode(edge, known, order)
        assert decode(raw, known, order).tolist() == [low, high, low, high, low, high]
        assert clipped == 2


WORDS = arrays.arrays(np.uint32, st.integers(0, 40), elements=st.integers(0, 2**32 - 1))


@given(WORDS)
def test_any_ibm_word_means_the_nearest_float(words: np.ndarray) -> None:
    exactly = [
        (-1) ** (word >> 31) * (word & 0xFFFFFF) * 2.0 ** (4 * ((word >> 24 & 127) - 64) - 24)
        for word in map(int, words)
    ]
    assert ibm_values(words.astype(">u4")).tolist() == exactly
    with np.errstate(over="ignore"):
        nearest = np.array(exactly).astype(np.float32)
    assert np.array_equal(decode(words.astype("<u4"), FORMATS[1]), nearest)
    assert inexact(words, FORMATS[1]) == np.count_nonzero(nearest != np.array(exactly))


def test_ibm_words_of_every_first_byte() -> None:
    fractions = np.array([0, 1, 3, 0xFFFFFF, 0x800000, 0x7FFFFF, 0x100000, 0x0FFFFF, 0xAAAAAB], np.uint32)
    words = (np.arange(256, dtype=np.uint32)[:, None] << np.uint32(24)) | fractions
    with np.errstate(over="ignore"):
        assert np.array_equal(decode(words.astype(">u4"), FORMATS[1]), ibm_values(words).astype(np.float32))


def test_ordinary_ibm_floats_are_what_segyio_reads() -> None:
    values = np.random.default_rng(0).normal(0, 1000, (300, 500)).astype(np.float32)
    raw, _ = encode(values, FORMATS[1], ">")
    assert np.array_equal(decode(raw.copy(), FORMATS[1]), segyio.tools.native(raw.copy(), 1))


@given(arrays.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32, allow_nan=False)))
def test_ibm_floats_are_the_nearest(values: np.ndarray) -> None:
    raw, clipped = encode(values, FORMATS[1], ">")
    finite = np.isfinite(values)
    assert clipped == np.count_nonzero(~finite)
    found, wanted = ibm_values(raw)[finite], values[finite].astype(np.float64)
    words = raw[finite].astype(np.uint32)
    for step in (-1, 1):
        # The neighbours in 24 bits of fraction are no nearer.
        beside = ibm_values((words & 0xFF000000) | np.clip((words & 0xFFFFFF).astype(int) + step, 0, 0xFFFFFF))
        assert np.all(np.abs(found - wanted) <= np.abs(beside - wanted))
    # At least 21 bits: a first hexadecimal digit that is not 0, for all but 0.
    assert np.all((words & 0xF00000 != 0) | (wanted == 0))


def test_ibm_has_no_infinity() -> None:
    raw, clipped = encode(np.array([np.inf, -np.inf, np.nan, -0.0], np.float32), FORMATS[1], ">")
    assert raw.tobytes().hex() == "7fffffffffffffff0000000080000000"
    assert clipped == 3


@given(arrays.arrays(np.float32, 20, elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_gain_keeps_fifteen_bits(values: np.ndarray) -> None:
    raw, clipped = encode(values, FORMATS[4], "<")
    assert clipped == 0
    assert np.all(np.abs(decode(raw, FORMATS[4]) - values) <= np.maximum(np.abs(values) * 2.0**-15, 2.0**-129))


def test_gain_clips_what_is_infinite() -> None:
    raw, clipped = encode(np.array([np.inf, -np.inf, np.nan], np.float32), FORMATS[4], ">")
    assert raw.tobytes().hex() == "007f7fff007f800000000000"
    assert clipped == 3
    # 32767 · 2¹²⁷ is beyond float32.
    assert inexact(raw, FORMATS[4]) == 2


INEXACT: dict[str, tuple[list[float], int]] = {
    "int32": ([2**24, 2**24 + 1, 2**24 + 2, -(2**24) - 1, 2**31 - 1, -(2**31), 0], 3),
    "uint32": ([2**24 + 1, 2**32 - 1, 2**31, 2**32 - 256], 2),
    "int64": ([2**62 + 1, -(2**63), 2**63 - 1, 5 << 40], 2),
    "uint64": ([2**63, 2**64 - 1, 2**64 - 2**40], 1),
    "float64": ([0.1, 0.5, 1e300, 1e-300, np.inf, np.nan], 3),
    "ieee": ([0.1, 1e30], 0),
    "int16": ([1, 2], 0),
}


@pytest.mark.parametrize(("name", "values", "count"), [(name, *truth) for name, truth in INEXACT.items()])
def test_numbers_that_float32_cannot_hold_are_counted(name: str, values: list[float], count: int) -> None:
    for order in ORDERS:
        raw = np.array(values, format_named(name).kind).astype(np.dtype(format_named(name).kind).newbyteorder(order))
        assert inexact(raw, format_named(name)) == count


@pytest.mark.parametrize("endian", ["m", "l"])
@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 7, 9])
def test_one_cube_in_many_formats(real_data: Path, code: int, endian: str) -> None:
    def cube(code: int, endian: str) -> np.ndarray:
        content = (real_data / f"segy_awkward/segyio/multiformats/Format{code}{endian}sb.sgy").read_bytes()
        known = FORMATS[code]
        order: ByteOrder = ">" if endian == "m" else "<"
        samples = int.from_bytes(content[3220:3222], "big" if endian == "m" else "little")
        traces = np.frombuffer(content[3600:], np.uint8).reshape(-1, 240 + samples * known.bytes)[:, 240:]
        kind = np.dtype(known.kind)
        raw = np.ascontiguousarray(traces).view(kind.base.newbyteorder(order))
        return decode(raw.reshape(len(traces), samples, *kind.shape), known, order)

    assert np.array_equal(cube(code, endian), cube(5, "m"))


def test_every_format_can_be_asked_for() -> None:
    assert set(get_args(SampleFormatName)) == {known.name for known in FORMATS.values()}


def test_ties_between_ibm_floats_go_to_the_even_fraction() -> None:
    """1 + n/2^23 for odd n lies between fractions: of 1, an IBM float has 21 bits."""
    values = np.array([1 + n / 2**23 for n in (0, 4, 12, 20, 28)], np.float32)
    raw, _ = encode(values, FORMATS[1], ">")
    assert (raw.astype(np.uint32) & 0xFFFFFF).tolist() == [0x100000, 0x100000, 0x100002, 0x100002, 0x100004]
