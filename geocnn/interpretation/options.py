"""What a user says of an interpretation: its format and units, and where someone looked."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from geocnn.records import Record, RecordError

__all__ = ["FORMATS", "HORIZONS", "STICKS", "Interpreted", "PickOptions"]

STICKS = ("opendtect-sticks", "charisma-sticks", "iesx-sticks")
HORIZONS = ("opendtect-horizon", "charisma-horizon")
FORMATS = (*STICKS, *HORIZONS)

Format = Literal["opendtect-sticks", "charisma-sticks", "iesx-sticks", "opendtect-horizon", "charisma-horizon"]


class PickOptions(Record):
    """How files of sticks or horizons are read and become a label.

    Parameters
    ----------
    format
        Layout; None: the one that fits.
    columns
        Names of the columns of another layout, with commas: ``x``, ``y``, ``inline``, ``crossline``, ``z``, ``fault``,
        ``stick``, and ``-`` for one to skip. With ``stick`` they are sticks, else a horizon.
    z_unit
        Of the depths or times in the files; None: the one by which they lie in the survey.
    width
        Thickness of faults and horizons in samples, counted in positions across the surface.
    horizon
        What horizons become: a surface of class 1; intervals, whose class is the number of horizons above; or the
        distance from the nearest, in samples, positive below it.
    """

    format: Format | None = None
    columns: str | None = None
    z_unit: Literal["s", "ms", "m", "ft"] | None = None
    width: Annotated[float, Field(ge=1, le=50)] = 2.0
    horizon: Literal["surface", "interval", "distance"] = "surface"

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        if self.format and self.columns:
            raise RecordError(
                f"both format {self.format} and columns {self.columns}", "one of the two", "leave one away"
            )
        return self


class Interpreted(Record):
    """Where someone looked: what is not picked there is background, and elsewhere it is ignored.

    Parameters
    ----------
    inlines, crosslines
        Numbers of lines; none of both: all lines.
    window_ms
        First and last time in ms, or depth in m.
    polygon
        Corners (X, Y) of an area, in coordinates of the survey.
    """

    inlines: tuple[float, ...] = ()
    crosslines: tuple[float, ...] = ()
    window_ms: tuple[float, float] | None = None
    polygon: Annotated[tuple[tuple[float, float], ...], Field(min_length=3)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.window_ms is not None and not self.window_ms[0] < self.window_ms[1]:
            first, last = self.window_ms
            raise RecordError(
                f"window_ms is [{first:g}, {last:g}]", "first and last, the smaller one first", "exchange the two"
            )
        if self == Interpreted.model_construct():
            raise RecordError(
                "interpreted says nothing",
                "some of inlines, crosslines, window_ms, polygon",
                "name the lines that were looked at, or leave interpreted out",
            )
        return self
