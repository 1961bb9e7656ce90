"""What a user says of an interpretation: its format and units, and where someone looked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from geocnn.records import Record, RecordError, show

__all__ = ["FORMATS", "HORIZONS", "STICKS", "Interpreted", "PickOptions"]

STICKS = ("opendtect-sticks", "charisma-sticks", "iesx-sticks")
HORIZONS = ("opendtect-horizon", "charisma-horizon")
FORMATS = (*STICKS, *HORIZONS)

Format = Literal["opendtect-sticks", "charisma-sticks", "iesx-sticks", "opendtect-horizon", "charisma-horizon"]


WIDTH = 2.0


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
    width: Annotated[float, Field(ge=1, le=50)] = WIDTH
    horizon: Literal["surface", "interval", "distance"] = "surface"

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        if self.format and self.columns:
            raise RecordError(
                f"both format {self.format} and columns {self.columns}", "one of the two", "leave one away"
            )
        if self.horizon != "surface" and self.width != WIDTH:
            raise RecordError(
                f"width {self.width:g} with horizon {self.horizon}", "horizon surface, which has one", "leave width out"
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

    @field_validator("inlines", "crosslines", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise RecordError(f"found {value:g}", "a list of line numbers", f"write [{value:g}]")
        return value

    @field_validator("window_ms", mode="before")
    @classmethod
    def _first_and_last(cls, value: Any) -> Any:
        if value is not None and (not isinstance(value, list | tuple) or len(value) != 2):
            raise RecordError(f"found {show(value)}", "two numbers: first and last", "write both, such as [300, 900]")
        return value

    @field_validator("polygon", mode="before")
    @classmethod
    def _area(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) < 3:
            count = f"{len(value)} corner{'' if len(value) == 1 else 's'}"
            raise RecordError(f"found {count}", "at least 3 corners", "write more, each as [X, Y]")
        return value

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
