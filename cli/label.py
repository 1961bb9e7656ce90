"""``geocnn label``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, survey_options

if TYPE_CHECKING:
    from geocnn.interpretation.label import PickedLabel

__all__ = ["label"]


@survey_options
def label(
    picks: Annotated[list[str], typer.Argument(help="Files of fault sticks, or of horizons.")],
    options: SurveyOptions,
    like: Annotated[str, typer.Option(help="The survey that was interpreted.")],
    out: Annotated[str, typer.Option(help="Label volume to write, such as faults.h5.")],
    format: Annotated[
        str | None,
        typer.Option(help="Layout: {opendtect,charisma,iesx}-sticks, {opendtect,charisma}-horizon; told by the file."),
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of another layout, such as x,y,z,fault,stick.")] = None,
    z_unit: Annotated[
        Literal["s", "ms", "m", "ft"] | None, typer.Option(help="Unit of z; the one that fits by default.")
    ] = None,
    width: Annotated[float, typer.Option(help="Thickness of faults or horizons, in samples.")] = 2.0,
    horizon: Annotated[
        Literal["surface", "interval", "distance"], typer.Option(help="What horizons become.")
    ] = "surface",
    inlines: Annotated[str, typer.Option(help="Inlines that were interpreted: 1400,1420. Elsewhere is ignored.")] = "",
    crosslines: Annotated[str, typer.Option(help="Crosslines that were interpreted.")] = "",
    window_ms: Annotated[str, typer.Option(help="First and last time (ms) or depth (m) that was looked at.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Draw the label over the survey to this file.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a label volume from fault sticks or horizons, on the grid of the survey that was interpreted.

    Example: geocnn label sticks.dat --like survey.sgy --inlines 1400,1420 --out faults.h5 --picture faults.png
    """
    from geocnn.interpretation.label import picked_label
    from geocnn.interpretation.options import Interpreted, PickOptions
    from geocnn.output import require_free
    from geocnn.survey.content import split_name
    from geocnn.survey.opening import open_survey

    from . import report

    if picture is not None:
        from geocnn.pictures import require_picture

        require_picture(picture, overwrite)
    require_free(split_name(out)[0], overwrite)
    said = {"format": format, "columns": columns, "z_unit": z_unit, "width": width, "horizon": horizon}
    chosen = _record(PickOptions, said)
    window = _numbers("--window-ms", window_ms)
    looked = {"inlines": _numbers("--inlines", inlines), "crosslines": _numbers("--crosslines", crosslines)}
    where: dict[str, Any] = {name: lines for name, lines in looked.items() if lines}
    if window:
        where["window_ms"] = window
    survey = open_survey(like, options)
    for remark in survey.remarks:
        report.warn(f"{survey.name}: {remark}")
    made = picked_label(picks, survey, chosen, _record(Interpreted, where) if where else None)
    for remark in made.remarks:
        report.warn(remark)
    for line in made.report.lines():
        report.say(line)
    _write(made, out, picks, overwrite)
    if picture is not None:
        _draw(made, picture, overwrite)
    report.say(f"done: {out}{f', {picture}' if picture else ''}")


def _write(made: PickedLabel, out: str, picks: list[str], overwrite: bool) -> None:
    from geocnn.survey.creating import create_survey
    from geocnn.survey.survey import NewSurvey

    source = f"label: geocnn label {' '.join(Path(name).name for name in picks)}"
    new = NewSurvey(made.grid, made.domain, provenance=(source,), coordinates=made.coordinates)
    with create_survey(out, new, like=made.like, overwrite=overwrite) as writer:
        writer.write(made.grid.whole, made.read(made.grid.whole))
        writer.commit()


def _draw(made: PickedLabel, picture: Path, overwrite: bool) -> None:
    """Sections through the sample of the middle of what was picked."""
    import numpy as np

    from geocnn.pictures import save_figure, section_panels

    marked = np.argwhere(made.read(made.grid.whole)[0] == 1)
    where = {}
    if len(marked):
        middle = marked[len(marked) // 2].tolist()
        where = {axis.name: axis.label(position) for axis, position in zip(made.grid.axes, middle, strict=True)}
    save_figure(section_panels(made.like, made, where), picture, overwrite)


def _record(kind: Any, said: dict[str, Any]) -> Any:
    """The record of options, its faults as those of the command line."""
    from geocnn.errors import Fault
    from geocnn.marked import Marked
    from geocnn.records import read_record

    faults: list[Fault] = []
    record = read_record(kind, Marked(said, "", {}), (), said, faults)
    if record is None:
        first = faults[0]
        option = f"--{first.key.replace('_', '-')}: " if first.key else ""
        raise UsageError(f"{option}{first.found}", first.expected, first.do)
    return record


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """``1400,1420`` as numbers."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"{option} {text}", "numbers with commas between, such as 1400,1420", "correct it") from error
