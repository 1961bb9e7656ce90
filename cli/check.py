"""``geocnn check``"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geocnn.errors import UsageError

from .options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geocnn.config import Config
    from geocnn.network.plan import Node, Plan
    from geocnn.preflight import Preflight

__all__ = ["check"]

SIZE = 64
"""Positions on each axis that a bare spec is checked with."""


def check(
    target: Annotated[str, typer.Argument(metavar="CONFIG|SPEC|ZOO-NAME", help="What to check.")],
    input: Annotated[
        str | None, typer.Option(help="Input of a bare spec: channels and sizes, such as 1,128,128,128.")
    ] = None,
    outputs: Annotated[int, typer.Option(min=1, help="Outputs of a bare spec.")] = 1,
    json: JsonOption = False,
) -> None:
    """Check a config or a layer spec before any sample is read: sizes, parameters, receptive field, cost.

    Example: geocnn check faultseg3d --input 1,128,128,128
    """
    from . import report

    if _is_config(target):
        if input is not None:
            raise UsageError(
                "--input with a config", expected="--input with a bare spec", do="the config's patch is the input"
            )
        data = _check_config(Path(target), draw=not json)
    else:
        data = _check_spec(target, input, outputs, draw=not json)
    if json:
        report.print_json(data)


def _is_config(target: str) -> bool:
    """Whether a file is a config rather than a layer spec: it has no list of layers at its top."""
    from geocnn.marked import load_marked
    from geocnn.network.spec import zoo_names

    if target in zoo_names() or (Path(target).suffix not in (".yaml", ".yml") and not Path(target).exists()):
        return False
    data = load_marked(Path(target)).data
    return not isinstance(data, list) and not (isinstance(data, dict) and "layers" in data)


def _check_spec(name: str, input: str | None, outputs: int, *, draw: bool) -> dict[str, Any]:
    from geocnn.network.plan import expand
    from geocnn.network.spec import load_spec

    from . import report

    spec, marked = load_spec(name)
    plan = expand(spec, _sizes(input) if input else (1, SIZE, SIZE, SIZE), outputs, marked)
    if draw:
        _draw_plan(plan, spec.title or name)
        if spec.source:
            report.say(f"source: {spec.source}")
    return _plan_json(plan)


def _sizes(text: str) -> tuple[int, ...]:
    """``1,128,128,128`` as numbers."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts) or not 2 <= len(parts) <= 4:
        raise UsageError(
            f"--input {text}", expected="channels and one to three sizes", do="write --input 1,128,128,128"
        )
    return tuple(map(int, parts))


def _check_config(path: Path, *, draw: bool) -> dict[str, Any]:
    from geocnn.config import dump_config, load_config
    from geocnn.preflight import preflight

    from . import report

    config = load_config(path)
    checked = preflight(config)
    if draw:
        report.say(dump_config(config))
        _draw_plan(checked.plan, config.spec.title or "network")
        _draw_surveys(config, checked)
        for remark in checked.remarks:
            report.warn(remark)
        report.say("The config fits.")
    return {
        "config": config.record.model_dump(mode="json"),
        **_plan_json(checked.plan),
        "surveys": _surveys_json(checked),
        "memory_of_a_training_step": checked.memory,
        "remarks": list(checked.remarks),
    }


def _draw_plan(plan: Plan, title: str) -> None:
    from . import report

    columns = ("layer", "", "output", "parameters", "sees", "stride", "multiply-adds", "memory")
    report.table(title, columns, [_row(list(nodes)) for _, nodes in groupby(plan.nodes, lambda node: node.place)])
    report.say(
        f"{plan.parameters:,} parameters, {report.short(plan.multiply_adds)} multiply-adds and "
        f"{report.short(plan.activation_bytes)}B of activations for an input of {plan.input[0]} × {_by(plan.input[1:])}"
    )
    halo = " × ".join(f"{near}+{far}" for near, far in plan.halo)
    report.say(
        f"receptive field {_by(plan.receptive_field)}, halo {halo} samples, total stride {_by(plan.stride)}: "
        "a patch is a multiple of it"
    )
    if plan.exact:
        report.say("tiles with this halo give exactly what one pass over the whole survey gives")
    else:
        places = ", ".join(f"{node.kind} at {node.place}" for node in plan.breaks)
        report.warn(f"looks at the whole input at once ({places}): cannot predict a survey tile by tile")


def _row(nodes: list[Node]) -> tuple[str, ...]:
    """One written layer: what its nodes do, what comes out of the last, and what they cost together."""
    from . import report

    last = nodes[-1]
    parameters = sum(node.parameters for node in nodes)
    multiply_adds = sum(node.multiply_adds for node in nodes)
    return (
        last.place.removeprefix("layers"),
        " ".join(_describe(node) for node in nodes),
        f"{last.channels} × {_by(last.shape)}" if last.shape else str(last.channels),
        f"{parameters:,}" if parameters else "",
        _by(last.receptive_field) if last.shape else "all",
        _by(last.stride) if last.shape else "",
        report.short(multiply_adds) if multiply_adds else "",
        f"{report.short(sum(node.activation_bytes for node in nodes))}B",
    )


def _describe(node: Node) -> str:
    """What a node does: ``conv 3³ stride 2``; activation and norm by their own name."""
    given = vars(node.attributes) if node.attributes else {}
    named = [str(given[name]) for name in ("method", "function", "rate") if name in given]
    words = named if node.kind == "activation" else [node.kind, *named]
    words += [_by(given[name]) for name in ("kernel", "size", "factor") if name in given]
    usual = given.get("size") or (1,) * len(node.shape)
    words += [f"{name} {_by(given[name])}" for name in ("stride", "dilation") if given.get(name, usual) != usual]
    words += [f"{given['groups']} groups"] if given.get("groups", 1) > 1 else []
    return " ".join(words)


def _by(sizes: Sequence[object]) -> str:
    """Sizes with crosses between: ``64 × 32``; equal ones as a power: ``64³``."""
    if len(set(sizes)) == 1:
        return f"{sizes[0]}{('', '²', '³')[len(sizes) - 1]}"
    return " × ".join(map(str, sizes))


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "input": plan.input,
        "parameters": plan.parameters,
        "multiply_adds": plan.multiply_adds,
        "activation_bytes": plan.activation_bytes,
        "receptive_field": plan.receptive_field,
        "stride": plan.stride,
        "halo": plan.halo,
        "exact": plan.exact,
        "layers": [
            {
                "place": node.place,
                "kind": node.kind,
                "channels": node.channels,
                "shape": node.shape,
                "parameters": node.parameters,
                "receptive_field": node.receptive_field,
                "stride": [float(step) for step in node.stride],
                "multiply_adds": node.multiply_adds,
                "activation_bytes": node.activation_bytes,
            }
            for node in plan.nodes
        ],
    }


def _draw_surveys(config: Config, checked: Preflight) -> None:
    from . import report

    rows = [
        (name, labelled.image.name, labelled.label.name, str(labelled.grid), str(window))
        for name, windows in (("training", checked.training), ("validation", checked.validation))
        for labelled, window in windows[:8]
    ]
    report.table("surveys", ("for", "image", "label", "grid", "window (positions)"), rows)
    hidden = sum(max(0, len(windows) - 8) for windows in (checked.training, checked.validation))
    if hidden:
        report.say(f"… and {hidden} more")
    training = config.record.training
    report.say(
        f"a step: {training.batch} patches, {report.short(3 * checked.plan.multiply_adds * training.batch)} "
        f"multiply-adds, about {report.short(checked.memory)}B of memory (an estimate)"
    )


def _surveys_json(checked: Preflight) -> list[dict[str, Any]]:
    return [
        {
            "for": name,
            "image": labelled.image.name,
            "label": labelled.label.name,
            "grid": [vars(axis) for axis in labelled.grid.axes],
            "window": [window.start, window.stop],
        }
        for name, windows in (("training", checked.training), ("validation", checked.validation))
        for labelled, window in windows
    ]
