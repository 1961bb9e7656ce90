"""A network as a table: each layer as it is written, what comes out of it, and what it costs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geocnn.network.plan import Node, Plan
    from geocnn.network.spec import Spec

__all__ = ["by", "draw_plan", "plan_json"]

COLUMNS = ("", "layer", "output", "params", "sees", "stride", "mult-adds", "memory")

SIZES = frozenset({"kernel", "size", "stride", "dilation", "factor"})
"""Fields with one number for all axes, or one per axis."""
BARE = frozenset({"kernel", "size", "norm", "activation"})
"""Fields whose value tells what it is."""


def draw_plan(plan: Plan, spec: Spec, title: str) -> None:
    """Print the table of a network, its sums, and whether tiles of it are exact."""
    from . import report

    report.table(title, COLUMNS, [_row(spec, plan.ndim, nodes) for nodes in _layers(plan)])
    report.say(
        f"{plan.parameters:,} parameters, {report.short(plan.multiply_adds)} multiply-adds and "
        f"{report.short(plan.activation_bytes)}B of activations for an input of {plan.input[0]} × {by(plan.input[1:])}"
    )
    if plan.exact:
        halo = " × ".join(f"{near}+{far}" for near, far in plan.halo)
        report.say(
            f"receptive field {by(plan.receptive_field)}, halo {halo} samples, total stride {by(plan.stride)}: "
            "a patch is a multiple of it"
        )
        report.say("tiles with this halo give exactly what one pass over the whole survey gives")
    else:
        places = ", ".join(f"{node.kind} at {node.place}" for node in plan.breaks)
        report.warn(f"looks at the whole input at once ({places}): cannot predict a survey tile by tile")


def _layers(plan: Plan) -> list[list[Node]]:
    """Nodes that one written layer stands for, in order."""
    return [list(nodes) for _, nodes in groupby(plan.nodes, lambda node: node.place)]


def _row(spec: Spec, ndim: int, nodes: list[Node]) -> tuple[str, ...]:
    """One written layer: what comes out of its last node, and what its nodes cost together."""
    from . import report

    last = nodes[-1]
    parameters = sum(node.parameters for node in nodes)
    multiply_adds = sum(node.multiply_adds for node in nodes)
    return (
        last.place.removeprefix("layers"),
        _written(spec, ndim, nodes),
        f"{last.channels} × {by(last.shape)}" if last.shape else str(last.channels),
        f"{parameters:,}" if parameters else "",
        by(last.receptive_field) if last.shape else "all",
        by(last.stride) if last.shape else "",
        report.short(multiply_adds) if multiply_adds else "",
        f"{report.short(sum(node.activation_bytes for node in nodes))}B",
    )


def _written(spec: Spec, ndim: int, nodes: list[Node]) -> str:
    """A layer as it is written: ``conv 16 3×3×3 batch relu save fine``; what has its default is left out."""
    from geocnn.overrides import key_path

    record: Any = spec
    for part in key_path(nodes[-1].place):
        if isinstance(part, str) and part not in ("layers", "residual"):
            # The input, and the 1×1 shortcut of a residual block: no one writes them.
            return " ".join(node.kind for node in nodes)
        record = record[part] if isinstance(part, int) else record.layers
    words = [record.kind]
    # The record's own fields come after the one that all layers have, which is read best at the end.
    for name, field in sorted(type(record).model_fields.items(), key=lambda item: item[0] == "save"):
        value = getattr(record, name)
        if name in ("kind", "layers") or value == field.default:
            continue
        text = _sizes(value, ndim) if name in SIZES else str(value)
        words.append(text if field.alias or name in BARE else f"{name} {text}")
    return " ".join(words)


def _sizes(value: int | tuple[int, ...], ndim: int) -> str:
    return "×".join(map(str, (value,) * ndim if isinstance(value, int) else value))


def by(sizes: Sequence[object]) -> str:
    """Sizes with crosses between: ``64 × 32``; equal ones as a power: ``64³``."""
    if len(set(sizes)) == 1:
        return f"{sizes[0]}{('', '²', '³')[len(sizes) - 1]}"
    return " × ".join(map(str, sizes))


def plan_json(plan: Plan, spec: Spec) -> dict[str, Any]:
    """All that the table tells, node by node, for programs."""
    return {
        "title": spec.title,
        "source": spec.source,
        "input": plan.input,
        "outputs": plan.outputs,
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
                "written": _written(spec, plan.ndim, nodes),
                "kind": node.kind,
                "channels": node.channels,
                "shape": node.shape,
                "parameters": node.parameters,
                "receptive_field": node.receptive_field,
                "stride": [float(step) for step in node.stride],
                "multiply_adds": node.multiply_adds,
                "activation_bytes": node.activation_bytes,
            }
            for nodes in _layers(plan)
            for node in nodes
        ],
    }
