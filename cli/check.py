"""``geocnn check``"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import JsonOption, OverwriteOption, read_bytes, read_sizes, survey_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geocnn.network.plan import Plan
    from geocnn.network.spec import Spec
    from geocnn.network.verify import Finding
    from geocnn.survey.survey import Survey

__all__ = ["check"]

LONGEST_GRAPH = 40
"""Lines of a drawing that is shown without being asked for."""


@survey_options
def check(
    target: Annotated[str, typer.Argument(metavar="CONFIG|SPEC|ZOO-NAME", help="What to check.")],
    options: SurveyOptions,
    input: Annotated[
        str | None, typer.Option(help="Input of a bare spec: channels and sizes, such as 1,128,128,128.")
    ] = None,
    outputs: Annotated[
        int | None, typer.Option(min=1, help="Outputs of a bare spec; the published number, or 1, if left out.")
    ] = None,
    graph: Annotated[
        bool | None,
        typer.Option("--graph/--no-graph", help="Draw layers and skips as text; by default where it is short."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Picture of the network to write; its suffix names the format.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="Survey: the picture shows patch, halo and receptive field on its sections.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory, such as 8GB: tell the largest patch and batch that train within it.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Build the network, small, and check that it does what the table says.")
    ] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key: training.batch=8.")] = None,
    json: JsonOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Check a config or a layer spec before any sample is read: sizes, parameters, receptive field, cost.

    Example: geocnn check faultseg3d --input 1,128,128,128
    """
    from . import report

    budget = read_bytes(memory) if memory is not None else None
    _require_picture(picture, on, overwrite)
    if json and graph is not None:
        raise UsageError("--json with --graph or --no-graph", expected="one of them", do="--json draws nothing")
    if on is None and options != SurveyOptions():
        raise UsageError("options of a survey without --on", expected="a survey to read by them", do="add --on SURVEY")
    survey = _opened(on, options) if on is not None else None
    if _is_config(target):
        _require_bare(target, input, outputs)
        checked = _check_config(Path(target), set_ or ())
    else:
        if set_:
            raise UsageError("--set for a layer spec", expected="a config", do="leave --set out")
        checked = _check_spec(target, _read_input(input) if input is not None else None, outputs, survey)
    if not json:
        _draw(checked, graph, budget)
    if picture is not None:
        _write_picture(checked, picture, survey, overwrite)
        if not json:
            report.say(f"done: {picture}")
    findings = _verified(checked.plan, draw=not json) if verify else []
    if json:
        report.print_json(_json(checked, budget, findings))
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Checked:
    """What was found right: the plan, and what a config tells besides."""

    plan: Plan
    spec: Spec
    title: str
    batch: int = 1
    before: str = ""
    after: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


def _require_picture(picture: Path | None, on: str | None, overwrite: bool) -> None:
    """Refuse early what cannot be drawn or written."""
    if on is not None and picture is None:
        raise UsageError(
            f"--on {on} without --picture", expected="a picture to draw the survey into", do="add --picture field.png"
        )
    if overwrite and picture is None:
        raise UsageError("--overwrite without --picture", expected="something to replace", do="leave it out")
    if picture is not None:
        from geocnn.pictures import require_picture

        require_picture(picture, overwrite)


def _require_bare(target: str, input: str | None, outputs: int | None) -> None:
    """Refuse sizes beside a config, which has its own."""
    if input is not None or outputs is not None:
        raise UsageError(
            f"{'--input' if input is not None else '--outputs'} with the config {target}",
            expected="--input and --outputs with a bare spec alone",
            do="leave it out: the config's patch and classes decide",
        )


def _opened(name: str, options: SurveyOptions) -> Survey:
    from geocnn.survey.opening import open_survey

    from . import report

    survey = open_survey(name, options)
    for remark in survey.remarks:
        report.warn(f"{survey.name}: {remark}")
    return survey


def _is_config(target: str) -> bool:
    """Whether a file is a config rather than a layer spec: it has no list of layers at its top."""
    from geocnn.marked import load_marked
    from geocnn.network.spec import zoo_names
    from geocnn.survey.opening import SUFFIXES

    if target in zoo_names() or (Path(target).suffix not in (".yaml", ".yml") and not Path(target).exists()):
        return False
    if Path(target).suffix.lower() in SUFFIXES:
        do = f"write geocnn inspect {target}, or geocnn check SPEC --on {target} --picture field.png"
        raise UsageError(f"{target} is a survey", expected="a config or a layer spec (.yaml)", do=do)
    data = load_marked(Path(target)).data
    return not isinstance(data, list) and not (isinstance(data, dict) and "layers" in data)


def _check_spec(name: str, input: tuple[int, ...] | None, outputs: int | None, survey: Survey | None) -> _Checked:
    from geocnn.fitting import plan_alone
    from geocnn.network.spec import load_spec

    spec, marked = load_spec(name)
    if input is None and survey is not None:
        input = _input_for(spec, survey, outputs or 1)
    plan = plan_alone(spec, marked, input, outputs or 0)
    texts = (("when", spec.when), ("source", spec.source))
    return _Checked(plan, spec, spec.title or name, after=tuple(f"{what}: {text}" for what, text in texts if text))


def _input_for(spec: Spec, survey: Survey, outputs: int) -> tuple[int, ...] | None:
    """Channels and axes of a survey; None where the published input has as many axes."""
    from geocnn.fitting import USUAL_SIZE, total_stride

    channels, ndim = survey.channels, survey.grid.ndim
    if spec.published and len(spec.published.input) == ndim + 1:
        return None
    stride = total_stride(spec, channels, ndim, outputs) or (1,) * ndim
    return (channels, *(-(-USUAL_SIZE // step) * step for step in stride))


def _read_input(text: str) -> tuple[int, ...]:
    """``1,128,128,128`` as numbers."""
    expected, do = "channels and one to three sizes", "write --input 1,128,128,128"
    sizes = read_sizes("--input", text, expected, do)
    if not 2 <= len(sizes) <= 4:
        raise UsageError(f"--input {text}", expected=expected, do=f"write --input 1,{text}" if len(sizes) == 1 else do)
    return sizes


def _check_config(path: Path, overrides: Sequence[str]) -> _Checked:
    from geocnn.config import load_config
    from geocnn.preflight import preflight

    from .config_screen import config_json, resolved, survey_lines

    config = load_config(path, overrides)
    checked = preflight(config)
    return _Checked(
        checked.plan,
        config.spec,
        config.spec.title or "network",
        config.record.training.batch,
        before=resolved(config),
        after=(*survey_lines(config, checked), "The config fits."),
        remarks=checked.remarks,
        data=config_json(config, checked),
    )


def _draw(checked: _Checked, graph: bool | None, budget: int | None) -> None:
    """All on the screen: what is written, the table, the drawing, costs, and what else there is to tell."""
    from . import report
    from .memory_screen import memory_lines
    from .plan_screen import draw_plan

    if checked.before:
        report.say(checked.before)
    draw_plan(checked.plan, checked.spec, checked.title)
    for line in memory_lines(checked.plan, checked.batch, budget):
        report.say(line)
    _draw_graph(checked, graph)
    for remark in checked.remarks:
        report.warn(remark)
    for line in checked.after:
        report.say(line)


def _draw_graph(checked: _Checked, graph: bool | None) -> None:
    """The drawing, if it is wished, or if it is short and has more to show than a chain."""
    from geocnn.network.flow import flow_of
    from geocnn.network.outline import outline

    from . import report
    from .graph_screen import graph_lines

    if graph is False:
        return
    if graph is None and sum(bool(row.nodes) for row in outline(checked.plan, checked.spec)) > LONGEST_GRAPH:
        return
    flow = flow_of(checked.plan, checked.spec)
    if graph or flow.skips:
        report.say("\n" + "\n".join(graph_lines(flow, checked.plan.ndim)) + "\n")


def _verified(plan: Plan, *, draw: bool) -> Sequence[Finding]:
    """What was found of the network that is built from the plan."""
    from .verify_screen import draw_findings, found

    findings = found(plan)
    if draw:
        draw_findings(findings)
    return findings


def _json(checked: _Checked, budget: int | None, findings: Sequence[Finding]) -> dict[str, Any]:
    from .plan_screen import plan_json

    data = {**plan_json(checked.plan, checked.spec), **checked.data}
    if budget is not None:
        from .memory_screen import budget_json

        data["within"] = budget_json(checked.plan, checked.batch, budget)
    if findings:
        from .verify_screen import findings_json

        data["verified"] = findings_json(findings)
    return data


def _write_picture(checked: _Checked, picture: Path, survey: Survey | None, overwrite: bool) -> None:
    """The network, or what it sees of a survey."""
    from geocnn.pictures import save_figure
    from geocnn.pictures.field import field_panels
    from geocnn.pictures.network import network_picture

    if survey is not None:
        figure = field_panels(survey, checked.plan)
    else:
        figure = network_picture(checked.plan, checked.spec, checked.title)
    save_figure(figure, picture, overwrite)
