"""``geocnn label``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, survey_options
from .outputs import require_apart, require_volume

if TYPE_CHECKING:
    from geocnn.interpretation.label import PickedLabel
    from geocnn.interpretation.options import Interpreted
    from geocnn.survey.survey import Survey

__all__ = ["label"]


@survey_options
def label(
    picks: Annotated[
        list[str], typer.Argument(help="Files of fault sticks or of horizons; or a label volume, to make sticks of it.")
    ],
    options: SurveyOptions,
    like: Annotated[str, typer.Option(help="The survey that was interpreted.")],
    out: Annotated[str, typer.Option(help="Label volume to write, such as faults.h5; or sticks, such as sticks.dat.")],
    format: Annotated[
        str | None,
        typer.Option(
            help="Layout: {opendtect,charisma,iesx}-sticks, {opendtect,charisma}-horizon; told by the file. "
            "Sticks are written as charisma-sticks, or opendtect-sticks."
        ),
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of another layout, such as x,y,z,fault,stick.")] = None,
    z_unit: Annotated[
        Literal["s", "ms", "m", "ft"] | None, typer.Option(help="Unit of z; the one that fits by default.")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Thickness of faults or horizons, in samples; 2 by default.")
    ] = None,
    horizon: Annotated[
        Literal["surface", "interval", "distance"] | None,
        typer.Option(help="What horizons become; surface by default."),
    ] = None,
    inlines: Annotated[str, typer.Option(help="Inlines that were interpreted: 1400,1420. Elsewhere is ignored.")] = "",
    crosslines: Annotated[str, typer.Option(help="Crosslines that were interpreted.")] = "",
    window_ms: Annotated[str, typer.Option(help="First and last time (ms) or depth (m) that was looked at.")] = "",
    polygon: Annotated[str, typer.Option(help="Corners of the area that was looked at: 'X,Y X,Y X,Y'.")] = "",
    for_scores: Annotated[
        bool, typer.Option("--for-scores", help="Ignore picks, too, where nobody looked: a label to evaluate with.")
    ] = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the label over the survey to this file.")] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Sticks: lines from one that is picked to the next; 4 by default.")
    ] = None,
    axis: Annotated[
        Literal["inline", "crossline"] | None,
        typer.Option(help="Sticks: the lines that are picked; those that cross more of the faults by default."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a label volume from fault sticks or horizons, on the grid of the survey; or sticks from a label volume.

    Example: geocnn label sticks.dat --like survey.sgy --inlines 1400,1420 --out faults.h5 --picture faults.png

    And back: geocnn label faults.h5 --like survey.sgy --out sticks.dat --every 10
    """
    from geocnn.output import require_free
    from geocnn.survey.content import is_text, split_name

    to_volume = {"columns": columns, "z_unit": z_unit, "width": width, "horizon": horizon}
    looked = {"inlines": inlines, "crosslines": crosslines, "window_ms": window_ms, "polygon": polygon}
    to_sticks: dict[str, Any] = {"every": every, "axis": axis}
    require_apart({"--out": split_name(out)[0], "--picture": picture}, [*picks, like])
    require_free(split_name(out)[0], overwrite)
    if Path(out).suffix.lower() in TEXTS and not is_text(Path(picks[0])):
        volume = {**to_volume, **looked, "for_scores": for_scores or None, "picture": picture}
        _refuse(volume, f"sticks are written to {out}", "a label volume of picks")
        how = {name: value for name, value in to_sticks.items() if value is not None}
        _to_sticks(picks, like, out, options, format or "charisma-sticks", how, overwrite)
        return
    _refuse(to_sticks, f"a label volume is written to {out}", "sticks of a label, an --out that ends in .dat or .txt")
    said = {name: value for name, value in {"format": format, **to_volume}.items() if value is not None}
    if for_scores and not any(looked.values()):
        expected = "--inlines, --crosslines, --window-ms or --polygon beside it"
        raise UsageError("--for-scores without where someone looked", expected, "say where, or leave it out")
    _to_volume(picks, like, out, options, said, looked, picture, overwrite, for_scores=for_scores)


TEXTS = (".dat", ".txt")
"""Suffixes of outputs that are sticks, if what they are made of is a volume."""


SLAB = 2**21
"""Samples that are written at once."""

BYTES = (".h5", ".hdf5", ".npy")
"""Suffixes of volumes that tell the type of their samples: classes are written as bytes."""


def _refuse(said: dict[str, Any], found: str, kept: str) -> None:
    """Refuse options that are given and would not be used."""
    unused = [f"--{name.replace('_', '-')}" for name, value in said.items() if value not in (None, "")]
    if unused:
        raise UsageError(
            f"{', '.join(unused)}: {found}", f"{'this' if len(unused) == 1 else 'these'} for {kept}", "leave it out"
        )


def _to_sticks(
    names: list[str],
    like: str,
    out: str,
    options: SurveyOptions,
    format: str,
    said: dict[str, Any],
    overwrite: bool,
) -> None:
    """Write the sticks of a label volume."""
    from geocnn.interpretation.layouts.table import LAYOUTS
    from geocnn.interpretation.sticks_of_label import sticks_of_label
    from geocnn.interpretation.writing import WRITTEN, write_sticks
    from geocnn.survey.opening import open_pair

    from . import report

    if format not in WRITTEN:
        raise UsageError(
            f"--format {format}", f"one of {', '.join(WRITTEN)}, in which sticks are written", "choose one"
        )
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} files with --out {out}",
            expected="one label volume, to make sticks of it; or picks, and a volume such as --out faults.h5",
            do="make the sticks of each volume by itself",
        )
    survey, label = open_pair(like, names[0], options)
    for opened in (survey, label):
        for remark in opened.remarks:
            report.warn(f"{opened.name}: {remark}")
    traced = sticks_of_label(label, survey, **said)
    if len(traced.faults) > 1 and not LAYOUTS[format].tells_faults:
        report.warn(f"{format} does not tell which stick is of which fault: --format charisma-sticks does")
    write_sticks(Path(out), traced.faults, survey, format, overwrite)
    report.say(f"{traced} ({format})")
    report.say(f"done: {out}")


def _to_volume(
    picks: list[str],
    like: str,
    out: str,
    options: SurveyOptions,
    said: dict[str, Any],
    looked: dict[str, str],
    picture: Path | None,
    overwrite: bool,
    *,
    for_scores: bool,
) -> None:
    """Write the label volume of picks."""
    from geocnn.interpretation.label import picked_label
    from geocnn.interpretation.looked import RestrictedSurvey
    from geocnn.interpretation.options import PickOptions
    from geocnn.survey.opening import open_survey

    from . import report

    require_volume(out)
    if picture is not None:
        from geocnn.pictures import require_picture

        require_picture(picture, overwrite)
    if said.get("horizon") in ("interval", "distance"):
        _refuse({"width": said.get("width")}, f"--horizon {said['horizon']} has none", "faults and --horizon surface")
    chosen, interpreted = _record(PickOptions, said), _interpreted(looked)
    survey = open_survey(like, options)
    for remark in survey.remarks:
        report.warn(f"{survey.name}: {remark}")
    made = picked_label(picks, survey, chosen, interpreted)
    if made.kind == "sticks":
        _refuse({"horizon": said.get("horizon")}, f"{picks[0]} holds fault sticks", "horizons")
    for remark in made.remarks:
        report.warn(remark)
    for line in made.report.lines():
        report.say(line)
    label: Survey = made
    if for_scores and interpreted is not None:
        label = RestrictedSurvey(made, interpreted, survey)
        report.say("for scores: picks are ignored, too, where nobody looked")
    _write(label, made, out, _provenance(picks, {**said, **looked, "for-scores": for_scores}), overwrite)
    if picture is not None:
        _draw(label, made.like, picture, overwrite)
    report.say(f"done: {out}{f', {picture}' if picture else ''}")


def _interpreted(looked: dict[str, str]) -> Interpreted | None:
    """Where someone looked, by the options that are given; None without one."""
    from geocnn.interpretation.options import Interpreted as Record

    where: dict[str, Any] = {
        name: _corners(text) if name == "polygon" else _lines(f"--{name.replace('_', '-')}", text)
        for name, text in looked.items()
        if text
    }
    record: Interpreted | None = _record(Record, where) if where else None
    return record


def _lines(option: str, text: str) -> tuple[float, ...]:
    """``1400,1420`` as numbers of lines, or as a window."""
    numbers = _numbers(option, text)
    if option == "--window-ms" and len(numbers) != 2:
        raise UsageError(f"{option} {text}", "two numbers: first and last", "write both, such as 300,900")
    return numbers


def _corners(text: str) -> tuple[tuple[float, ...], ...]:
    """``0,0 100,0 100,50`` as corners."""
    corners = tuple(_numbers("--polygon", corner) for corner in text.replace(";", " ").split())
    if len(corners) < 3 or any(len(corner) != 2 for corner in corners):
        raise UsageError(
            f"--polygon {text}",
            expected="at least 3 corners, such as '604000,6082000 606000,6082000 606000,6084000'",
            do="write X,Y without a space, and a space between corners",
        )
    return corners


def _provenance(picks: list[str], said: dict[str, Any]) -> str:
    """The command that makes this label of these picks."""
    import shlex

    options = [
        text
        for name, value in said.items()
        if value
        for text in (f"--{name.replace('_', '-')}", *([] if value is True else [f"{value}"]))
    ]
    return f"label: geocnn label {shlex.join([*(Path(name).name for name in picks), *options])}"


def _write(label: Survey, made: PickedLabel, out: str, source: str, overwrite: bool) -> None:
    """Write a label, or what is left of it for scores."""
    from geocnn.survey.content import split_name
    from geocnn.survey.creating import create_survey
    from geocnn.survey.survey import NewSurvey

    classes = made.has_classes and split_name(out)[0].suffix.lower() in BYTES
    new = NewSurvey(
        made.grid,
        made.domain,
        provenance=(source,),
        sample_format="int8" if classes else None,
        coordinates=made.coordinates,
    )
    with create_survey(out, new, like=made.like, overwrite=overwrite) as writer:
        # By slabs: what a writer makes of them on the way is several times as large.
        for slab in made.grid.slabs(SLAB):
            writer.write(slab, label.read(slab))
        writer.commit()


def _draw(label: Survey, like: Survey, picture: Path, overwrite: bool) -> None:
    """Sections along lines that were interpreted, where most is picked."""
    from geocnn.pictures import save_figure, section_panels, telling_planes

    save_figure(section_panels(like, label, telling_planes(label)), picture, overwrite)


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
