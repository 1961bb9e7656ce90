"""What HDF5 raises, or would do for ever, on damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import h5py

from geocnn.errors import SurveyError

__all__ = ["attribute", "require_possible", "telling"]

MOST_ITEMS = 1000
"""Texts or numbers in an attribute; damaged ones claim billions, and HDF5 reads them one by one."""

MOST_TRACES = 2**30
"""Positions of a map of traces."""


@contextmanager
def telling(what: object) -> Iterator[None]:
    """Turn what HDF5 raises on damaged or strange metadata into an error that says so.

    Raises
    ------
    SurveyError
        For each of them; errors of the operating system pass.
    """
    try:
        yield
    except (KeyError, RuntimeError, ValueError, TypeError, UnicodeError) as error:
        raise SurveyError(
            f"{what} cannot be understood by HDF5: {error}",
            expected="an undamaged HDF5 file",
            do="copy it again, or see what h5dump -H says of it",
        ) from error


def attribute(data: h5py.Dataset, name: str, default: Any = None) -> Any:
    """An attribute of a data set; the default if it has none, or one that is absurdly large."""
    if name not in data.attrs:
        return default
    shape = data.attrs.get_id(name).shape
    return data.attrs[name] if shape is not None and prod(shape) <= MOST_ITEMS else default


def require_possible(data: h5py.Dataset, name: str) -> None:
    """Refuse sizes that no survey has, before memory is taken for them.

    Raises
    ------
    SurveyError
        If all axes but the longest would have more positions than a survey has traces.
    """
    if prod(data.shape) // max(data.shape) > MOST_TRACES or max(data.shape) > MOST_TRACES:
        raise SurveyError(
            f"{name} claims the sizes {data.shape}",
            expected=f"at most {MOST_TRACES:,} traces, and as many samples",
            do="copy the file again; it may be damaged",
        )
