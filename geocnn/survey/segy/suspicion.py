"""Samples that are not of the format that the header declares, told by what they would be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.segy.formats import SampleFormat, decode, format_named
from geocnn.survey.segy.segy_file import SegyFile

__all__ = ["suspicions"]

TRACES = 256
SAMPLES = 1024
"""Traces looked at, evenly picked, and samples of each, from its middle."""


def suspicions(file: SegyFile) -> tuple[str, ...]:
    """What the samples of a few hundred traces tell against the declared format, and the option that mends it.

    Most 4-byte words are sensible numbers in more than one format, so that each check looks for a trace that only one
    of them leaves; what could be either is passed over.
    """
    samples = Samples(_picked(file), file.sample_format)
    found = (said for check in _CHECKS.get(file.sample_format.name, ()) for said in check(samples))
    return tuple(islice(found, 1))


def _picked(file: SegyFile) -> NDArray[Any]:
    """Samples (n, w) in the machine's byte order; (n, w, 3) bytes, the highest first, where they have 24 bits."""
    numbers = np.unique(np.linspace(0, file.traces - 1, min(TRACES, file.traces)).astype(np.int64))
    if file.offsets is None or file.lengths is None:
        start = max(0, (file.samples - SAMPLES) // 2)
        raw = np.asarray(file.map()["samples"][numbers, start : start + SAMPLES])
    else:
        kind = np.dtype(file.sample_format.kind)
        content = np.memmap(file.path, np.uint8, "r")
        width = min(SAMPLES, int(file.lengths[numbers].min()))
        begins = file.offsets[numbers] + file.header
        rows = [content[at : at + width * kind.itemsize] for at in begins.tolist()]
        raw = np.stack(rows).view(kind.base.newbyteorder(file.order)).reshape(len(rows), width, *kind.shape)
    if raw.ndim == 3:
        return raw if file.order == ">" else raw[..., ::-1]
    return raw.astype(raw.dtype.newbyteorder("="))


@dataclass(frozen=True)
class Samples:
    """Samples of a few traces.

    Parameters
    ----------
    raw
        As they lie in the file but for their byte order.
    declared
        The format that the header, or the user, says they have.
    """

    raw: NDArray[Any]
    declared: SampleFormat

    @cached_property
    def words(self) -> NDArray[np.uint32]:
        """The distinct 4-byte words, both signs of zero left out."""
        words = np.unique(self.raw.view(np.uint32))
        return np.asarray(words[words & 0x7FFFFFFF != 0], np.uint32)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """What they are as declared, (n, w)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(decode(self.raw.copy(), self.declared, ">"), np.float64)

    def read_as(self, name: str) -> NDArray[np.float64]:
        """What the samples would be in another format of as many bytes, zeros left out."""
        known = format_named(name)
        raw = self.raw if self.raw.ndim == 3 else self.raw.view(known.kind)
        with np.errstate(invalid="ignore"):
            values = decode(raw.copy(), known, ">").astype(np.float64)
        return np.asarray(values[values != 0], np.float64)

    def looks_like(self, name: str, why: str) -> str:
        """What is said to the user."""
        return (
            f"samples are declared as {self.declared.words}, but {why}: "
            f"if amplitudes look wrong, pass --sample-format {name}"
        )


Check = Callable[[Samples], Iterator[str]]

ENOUGH = 20
"""Distinct words, or values, from which on they say something."""

MOST_ABSURD = 0.02
"""Share of samples of absurd size that is put down to spikes."""


def _absurd(values: NDArray[np.float64]) -> float:
    """Share of values that no amplitude has: beyond 1e32 (nulls are 1e30), below 1e-25, or not a number."""
    sizes = np.abs(values)
    return float(np.mean(~((sizes > 1e-25) & (sizes < 1e32)))) if sizes.size else 0.0


def _first_digits(words: NDArray[np.uint32]) -> tuple[int, int, int]:
    """Groups of words that have a first digit of 1, and how many in them have the first digits 0 and 1.

    The digit is the first of an IBM fraction, in base 16. In IBM floats it is never 0. In IEEE floats it holds the last
    bit of the exponent and the first three of the fraction: 0 is as frequent as 1, whatever the amplitudes. A group
    is of one first byte; those that hold few are left out, since a range of amplitudes may begin within them.
    """
    first, digit = words >> 24, words >> 20 & 0xF
    ones = np.bincount(first[digit == 1], minlength=256)
    zeros = np.bincount(first[digit == 0], minlength=256)
    # Both signs of one power are one group: labels and velocities have few.
    ones, zeros = (counts[:128] + counts[128:] for counts in (ones, zeros))
    groups = ones >= ENOUGH
    return int(groups.sum()), int(zeros[groups].sum()), int(ones[groups].sum())


def _float_kind(samples: Samples) -> str | None:
    """``ibm`` or ``ieee``, where words tell that they are one of them; none where they could be both, or neither."""
    groups, zeros, ones = _first_digits(samples.words)
    if groups < 2:
        return None
    kind = "ibm" if zeros < 0.01 * ones else "ieee" if 0.3 * ones < zeros < 3 * ones else None
    return kind if kind is not None and _absurd(samples.read_as(kind)) < MOST_ABSURD else None


def _other_float(samples: Samples) -> Iterator[str]:
    """IBM floats that are IEEE floats, and the reverse."""
    kind = _float_kind(samples)
    if kind is not None and kind != samples.declared.name:
        yield samples.looks_like(kind, f"their bits are those of {format_named(kind).words}s")


def _integers_as_floats(samples: Samples) -> Iterator[str]:
    """Floats of absurd size that are ordinary integers."""
    other = f"int{8 * samples.declared.bytes}"
    absurd = _absurd(samples.read_as(samples.declared.name))
    whole = samples.read_as(other)
    if absurd > 0.5 and np.mean(np.abs(whole) < 2.0 ** (8 * samples.declared.bytes - 5)) > 0.99:
        yield samples.looks_like(other, f"{100 * absurd:.0f} % of them are of absurd size, and ordinary as integers")


def _floats_as_integers(samples: Samples) -> Iterator[str]:
    """Integers in the hundreds of millions that are ordinary floats."""
    values = np.abs(samples.read_as(samples.declared.name))
    large = float(np.mean(values >= 2**24)) if values.size else 0.0
    kind = _float_kind(samples) if large > 0.95 else None
    if kind is not None:
        yield samples.looks_like(kind, "nearly all are beyond 16 million, and ordinary as floats")


def _doubles_as_integers(samples: Samples) -> Iterator[str]:
    """8-byte integers beyond all measure that are ordinary floats."""
    values = np.abs(samples.read_as(samples.declared.name))
    large = float(np.mean(values >= 2.0**53)) if values.size >= ENOUGH else 0.0
    if large > 0.95 and _absurd(samples.read_as("float64")) < MOST_ABSURD:
        yield samples.looks_like("float64", "nearly all are beyond 9 · 10¹⁵, and ordinary as floats")


def _no_gain(samples: Samples) -> Iterator[str]:
    """Fixed point with gain whose first byte, always 0, is not."""
    odd = float(np.mean(samples.words >> 24 != 0)) if samples.words.size else 0.0
    if odd > 0.5:
        kind = _float_kind(samples) or ("ieee" if _absurd(samples.read_as("ieee")) < MOST_ABSURD else "int32")
        yield samples.looks_like(kind, f"{100 * odd:.0f} % of them have bits set that this format leaves 0")


def _other_sign(samples: Samples) -> Iterator[str]:
    """Unsigned integers that are wrapped signed ones, and the reverse.

    Amplitudes crowd about 0. Read with the wrong sign they crowd at both ends of the range, and jump from one to the
    other wherever they cross 0. Probabilities crowd there as well, and masks lie there, but they do not jump so often.
    """
    low, high = samples.declared.span or (0, 0)
    values = samples.values
    jumps = float(np.mean(np.abs(np.diff(values, axis=1)) > (high - low) / 2)) if values.shape[1] > 1 else 0.0
    # What is clipped lies at the ends rightly.
    inside = values[(values != 0) & (values != low) & (values != high)]
    shares = np.histogram(inside, 16, (float(low), float(high + 1)))[0] / max(1, inside.size)
    bottom, top = shares[:8], shares[:7:-1]
    alike = top[0] / 3 < bottom[0] < 3 * top[0]
    crowded = alike and all(end[0] > end[2] >= end[5] for end in (bottom, top))
    middle = shares[4:12].sum()
    # Classes have few values.
    if jumps > 0.05 and crowded and middle < 0.1 and np.unique(inside).size >= ENOUGH:
        name = samples.declared.name
        other = name.removeprefix("u") if name.startswith("u") else f"u{name}"
        yield samples.looks_like(other, "crowd at both ends of their range and jump from one to the other")


def _noise(samples: Samples) -> Iterator[str]:
    """One-byte samples that are the last bytes of larger ones: all values alike, and no likeness of neighbours."""
    low, high = samples.declared.span or (0, 0)
    traces = samples.values
    live = traces[np.ptp(traces, axis=1) > 0] if traces.shape[1] > 1 else traces[:0]
    values = live[live != 0]
    if values.size < 50 * ENOUGH:
        return
    shares = np.histogram(values, 8, (float(low), float(high + 1)))[0] / values.size
    before, after = live[:, :-1] - live.mean(), live[:, 1:] - live.mean()
    likeness = float((before * after).mean() / live.var())
    if shares.min() > 0.09 and shares.max() < 0.17 and likeness < 0.5:
        yield (
            f"samples are declared as {samples.declared.words}, but all values are about as frequent, and neighbours "
            "are unlike: larger numbers were cut to one byte. No option mends that: have it exported with 2 bytes or 4"
        )


_CHECKS: dict[str, tuple[Check, ...]] = {
    "ibm": (_other_float, _integers_as_floats),
    "ieee": (_other_float, _integers_as_floats),
    "int32": (_floats_as_integers, _other_sign),
    "uint32": (_floats_as_integers, _other_sign),
    "gain": (_no_gain,),
    "float64": (_integers_as_floats,),
    "int64": (_doubles_as_integers, _other_sign),
    "uint64": (_doubles_as_integers, _other_sign),
    "int8": (_other_sign, _noise),
    "uint8": (_other_sign, _noise),
    **dict.fromkeys(("int16", "uint16", "int24", "uint24"), (_other_sign,)),
}
"""What is looked for in a declared format; the first that is found is said."""
