"""SEG-Y files of one sample a trace whose trace headers are what a test says."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.geometry import Geometry, find_geometry
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.layout import open_segy_file

Values = Mapping[int | str | tuple[int, str], Sequence[float] | np.ndarray]


def write(path: Path, values: Values, order: str = ">") -> Path:
    """A file with these values (n,) at these places of its trace headers, such as 189 or ``"193:i2"``."""
    count = len(next(iter(values.values())))
    traces = np.zeros((count, 240 + 4), np.uint8)
    for said, numbers in values.items():
        place = Place(*said) if isinstance(said, tuple) else Place.parse(said)
        raw = np.asarray(numbers).astype(np.dtype(order + place.kind)).reshape(-1, 1).view(np.uint8)
        traces[:, place.byte - 1 : place.byte - 1 + raw.shape[1]] = raw
    head = bytearray(b"\x40" * 3200 + bytes(400))
    for byte, value in ((3217, 4000), (3221, 1), (3225, 5)):
        struct.pack_into(f"{order}h", head, byte - 1, value)
    path.write_bytes(bytes(head) + traces.tobytes())
    return path


def geometry(path: Path, options: SurveyOptions | None = None, **hints: int) -> Geometry:
    """The geometry that is found."""
    return find_geometry(open_segy_file(path, None), options or SurveyOptions(), Hints(hints, None))


def lines(inlines: Sequence[int], crosslines: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Inline and crossline of each trace, inline by inline."""
    inline, crossline = np.meshgrid(inlines, crosslines, indexing="ij")
    return inline.ravel(), crossline.ravel()
