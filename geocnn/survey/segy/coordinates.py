"""Coordinates of traces: where they are in the headers, and their scalars."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.header_sample import Sample
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.keys import option_place
from geocnn.survey.segy.segy_file import Integers, SegyFile

__all__ = ["COORDINATES", "coordinate_places", "coordinates_of", "scaled"]

COORDINATES = ((181, 185), (73, 77), (81, 85))
"""Bytes of X and Y: of the bin, the source and the receiver."""

SCALAR = Place(71, "i2")

MOST_METRES = 1.5e7
"""Coordinates beyond which no integer can be meant: further than a quarter of the Earth from the origin, by half."""


def coordinate_places(
    sample: Sample, options: SurveyOptions, hints: Hints, taken: Collection[int]
) -> tuple[Place, Place] | None:
    """Fields of X and Y: what the user says, what the text header names, else the first that vary; or None.

    Parameters
    ----------
    taken
        Bytes that hold something else.
    """
    said = [option_place(sample.file, options, name) for name in ("cdp_x", "cdp_y")]
    if any(said):
        return said[0] or Place(COORDINATES[0][0]), said[1] or Place(COORDINATES[0][1])
    hinted = hints.places.get("cdp_x", 0), hints.places.get("cdp_y", 0)
    for x, y in (hinted, *COORDINATES):
        if not (sample.holds(Place(x)) and sample.holds(Place(y)) and {x, y}.isdisjoint(taken)):
            continue
        single = sample.file.traces == 1 and not (sample.empty(Place(x)) and sample.empty(Place(y)))
        if single or sample.varies(Place(x)) or sample.varies(Place(y)):
            return _coordinate(sample, x), _coordinate(sample, y)
    return None


def _coordinate(sample: Sample, byte: int) -> Place:
    """The field of a coordinate: a float where its bits make a coordinate as a float and none as an integer."""
    bits = np.asarray(sample.raw(Place(byte)), np.int64)
    metres = np.abs(scaled(bits, np.asarray(sample.raw(SCALAR), np.int64)))
    floats = np.abs(bits.astype(np.int32).view(np.float32)[bits != 0])
    as_floats = bool(((floats >= 1) & (floats < MOST_METRES)).all())
    return Place(byte, "f4" if as_floats and metres.size and float(np.median(metres)) > MOST_METRES else "i4")


def coordinates_of(file: SegyFile, places: tuple[Place, Place], numbers: Integers | None = None) -> NDArray[np.float64]:
    """X and Y by their scalars, (2, n), of the traces of these numbers, or of all."""
    found = file.fields(*places, SCALAR) if numbers is None else file.fields_of(numbers, *places, SCALAR)
    return scaled(np.stack(found[:2]), found[2])


def scaled(values: NDArray[np.float64] | Integers, scalar: Integers) -> NDArray[np.float64]:
    """Header values by their scalars: factors if positive, divisors if negative, nothing if 0."""
    factor = np.where(scalar < 0, -1.0 / np.minimum(scalar, -1), np.maximum(scalar, 1.0))
    return np.asarray(values * factor, np.float64)
