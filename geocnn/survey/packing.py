"""Float samples as numbers of another type, and how many it could not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import OutputError
from geocnn.survey.survey import FloatArray

__all__ = ["pack", "type_named"]

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

TYPES = {"ieee": "float32", "float64": "float64", **dict(zip(WHOLE, WHOLE, strict=True))}
"""NumPy types by the names that sample formats have in SEG-Y."""


def type_named(name: str | None, path: Path) -> np.dtype[Any]:
    """The NumPy type of a sample format; float32 for none.

    Raises
    ------
    OutputError
        If arrays do not have that format.
    """
    if name is not None and name not in TYPES:
        raise OutputError(
            f"{path} cannot hold samples of the format {name}",
            expected=f"one of {', '.join(TYPES)}",
            do="choose one of them, or write SEG-Y",
        )
    return np.dtype(TYPES[name or "ieee"])


def pack(samples: FloatArray, kind: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Samples as another type, integers rounded half to even, and how many were set to its nearest value.

    Not-a-number, which integers lack, becomes 0 and is counted too.
    """
    if kind.kind == "f":
        return samples.astype(kind, copy=False), 0
    limits = np.iinfo(kind)
    rounded = np.rint(samples.astype(np.float64))
    # The largest 64-bit integers are no floats: the limit is the last float below them.
    highest = float(limits.max) if float(limits.max) <= limits.max else np.nextafter(float(limits.max), 0)
    beyond = ~((rounded >= limits.min) & (rounded <= highest))
    clipped = np.nan_to_num(np.clip(rounded, limits.min, highest), nan=0.0)
    return clipped.astype(kind), int(np.count_nonzero(beyond))
