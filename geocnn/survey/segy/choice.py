"""What is asked of the headers of a file, and the numbers that were chosen to put its traces on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.header_sample import OFFSET, Sample
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.keys import Keys, field_words, option_place
from geocnn.survey.segy.segy_file import Integers, SegyFile

__all__ = ["Asked", "Choice"]


@dataclass(frozen=True)
class Asked:
    """A file, what the user and its text header say of it, and a sample of its headers."""

    file: SegyFile
    options: SurveyOptions
    hints: Hints

    @cached_property
    def sample(self) -> Sample:
        """Headers of some traces."""
        return Sample(self.file, self.offset)

    @cached_property
    def said(self) -> tuple[Place | None, Place | None]:
        """Fields of line numbers that the user named."""
        return option_place(self.file, self.options, "iline"), option_place(self.file, self.options, "xline")

    @property
    def offset(self) -> Place:
        """Field of the offset."""
        return option_place(self.file, self.options, "offset") or OFFSET

    def numbers(self, place: Place) -> Integers:
        """A field of all traces that the user named, as whole numbers, (traces,).

        Raises
        ------
        SurveyError
            If it holds something else.
        """
        values = self.file.fields(place)[0]
        odd = np.flatnonzero(~_whole(values))
        if odd.size:
            raise SurveyError(
                f"{field_words(place)} of {self.file.path} hold {values[odd[0]]:g} in trace {odd[0] + 1:,}",
                expected="whole numbers",
                do="correct the bytes or their kind, such as 189, 189:i2, 189:f4",
            )
        return values.astype(np.int64)

    def whole(self, *places: Place) -> tuple[Integers, ...] | None:
        """Fields of all traces, (traces,) each, if they hold nothing but whole numbers."""
        fields = self.file.fields(*places)
        return tuple(values.astype(np.int64) for values in fields) if all(map(np.all, map(_whole, fields))) else None

    def keys(self, names: tuple[str, ...], *fields: Place) -> Keys:
        """Numbers of all traces at some fields, by axis."""
        numbers = tuple(self.numbers(place) for place in fields)
        return Keys(self.file, names, numbers, f"bytes {' and '.join(map(str, fields))}")


def _whole(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are whole numbers that four bytes can hold."""
    if values.dtype.kind != "f":
        return np.ones(values.shape, np.bool_)
    whole = np.abs(values) < 2**31
    whole[whole] = values[whole] % 1 == 0
    return np.asarray(whole)


@dataclass(frozen=True)
class Choice:
    """Numbers that were chosen.

    Parameters
    ----------
    keys
        The numbers.
    places
        For each axis where they come from, and how sure that is.
    remarks
        What the user must know.
    fields
        Bytes that are used, and so hold no coordinates.
    """

    keys: Keys
    places: Mapping[str, str]
    remarks: tuple[str, ...] = ()
    fields: frozenset[int] = field(default_factory=frozenset)
