"""A network as a table: each layer as it is written, what comes out of it, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geocnn.network.node import Node
    from geocnn.network.outline import Row
    from geocnn.network.plan import Plan
    from geocnn.network.spec import Spec

__all__ = ["draw_plan", "plan_json"]

COLUMNS = ("", "layer", "output", "params", "sees", "stride", "offset", "mult-adds", "memory")

GAP = 2
LEAST_LAYER = 26
"""Columns of the screen that the layer as it is written gets at least."""
SPARE = (6, 8, 5)
"""Columns that are left out first on a narrow screen: offset, memory, stride."""

MOST_ROWS = 400
"""Rows of a table; of longer ones the beginning and the end are shown."""
MOST_PLACES = 4
"""Layers that look at the whole input, which are named."""


def draw_plan(plan: Plan, spec: Spec, title: str) -> None:
    """Print the table of a network, its sums, which sizes it takes, and whether tiles of it are exact."""
    from geocnn.network.outline import outline

    from . import report

    rows = outline(plan, spec)
    hidden = len(rows) - MOST_ROWS
    shown = rows if hidden <= 0 else (*rows[: MOST_ROWS // 2], *rows[-MOST_ROWS // 2 :])
    cells = [_cells(row, plan.ndim) for row in shown]
    if hidden > 0:
        more = ("…", f"{hidden:,} more rows; --json has all", *("",) * (len(COLUMNS) - 2))
        cells.insert(MOST_ROWS // 2, more)
    kept = _kept(cells, report.width())
    report.table(title, [COLUMNS[each] for each in kept], [[row[each] for each in kept] for row in cells])
    if len(kept) < len(COLUMNS):
        left = ", ".join(name for index, name in enumerate(COLUMNS) if index not in kept)
        report.say(f"{left}: on wider screens, and in --json")
    if any(row.folds for row in rows):
        report.say("in a repeat: costs of all repetitions together")
    if spec.width != 1:
        report.say(f"width {spec.width:g}: layers have so many times the channels that are written, outputs apart")
    for line in _sums(plan):
        report.say(line)
    if plan.breaks:
        report.warn(_broken(plan))


def _kept(cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns for which there is room, if layers get as much as they can be read in."""
    wide = [max(len(row[column]) for row in cells) + GAP for column in range(len(COLUMNS))]
    wide = [max(have, len(name) + GAP) for have, name in zip(wide, COLUMNS, strict=True)]
    wide[1] = min(wide[1], LEAST_LAYER + GAP)
    kept = [*range(len(COLUMNS))]
    for column in SPARE:
        if sum(wide[each] for each in kept) - GAP > width:
            kept.remove(column)
    return kept


def _cells(row: Row, ndim: int) -> tuple[str, ...]:
    """One written layer: what comes out of its last node, and what its nodes cost together."""
    from geocnn.network.wording import output_text, row_text

    from . import report

    label, text = "  " * row.depth + (row.label or row.place * (not row.heading)), row_text(row, ndim)
    if row.label == "shortcut":
        label, text = label.removesuffix("shortcut"), f"shortcut: {text}"
    return (
        label,
        text if row.place != "input" else "",
        output_text(row),
        f"{row.parameters:,}" if row.parameters else "",
        *_reach(row),
        report.short(row.multiply_adds) if row.multiply_adds else "",
        report.volume(row.activation_bytes) if row.nodes else "",
    )


def _reach(row: Row) -> tuple[str, str, str]:
    """Receptive field, of the first and last repetition if they differ; stride; offset."""
    from geocnn.network.wording import by, number

    if not row.made:
        return "", "", ""
    node = row.made[-1]
    if not node.shape or not any(node.stride):
        return "all", "", ""
    seen = dict.fromkeys("all" if each.sees_all else by(each.receptive_field) for each in row.made)
    return " to ".join(seen), number(node.stride), "" if node.sees_all else number(node.offset)


def _sums(plan: Plan) -> list[str]:
    """What the network costs in all, and which inputs it takes."""
    from geocnn.network.sizes import admissible_sizes
    from geocnn.network.wording import by, number

    from . import report

    sizes = dict.fromkeys(map(str, admissible_sizes(plan)))
    lines = [
        f"{plan.parameters:,} parameters, {report.short(plan.multiply_adds)} multiply-adds and "
        f"{report.volume(plan.activation_bytes)} of outputs for an input of {plan.input[0]} × {by(plan.input[1:])}",
        f"takes on each axis: {'; '.join(sizes)}" if len(sizes) == 1 else f"takes along its axes: {'; '.join(sizes)}",
    ]
    if plan.exact:
        halo = " × ".join(dict.fromkeys(f"{near}+{far}" for near, far in plan.halo))
        each = " on each axis" if len(set(plan.halo)) == 1 < plan.ndim else ""
        lines += [
            f"receptive field {by(plan.receptive_field)}, halo {halo} samples{each}, total stride "
            f"{number(plan.stride)}",
            "tiles with this halo give exactly what one pass over the whole survey gives",
        ]
    if plan.heads:
        names = ", ".join(f"{name} at {plan.nodes[at].place}" for name, at in plan.heads.items())
        lines.append(f"extra outputs, not trained yet: {names}")
    return lines


def _broken(plan: Plan) -> str:
    """Which layers look at the whole input, and what follows from it."""
    from geocnn.network.wording import breaking
    from geocnn.records import listed

    places = listed(breaking(plan), MOST_PLACES)
    if not plan.output.shape:
        follows = "it gives one answer for a whole input; a survey is mapped window by window"
    else:
        follows = "tiles would differ from one pass over the whole; a survey is predicted in windows that are blended"
    return f"looks at the whole input at once ({places}): {follows}"


def plan_json(plan: Plan, spec: Spec) -> dict[str, Any]:
    """All that the table tells, node by node, for programs."""
    from geocnn.network.memory import inference_bytes, training_bytes
    from geocnn.network.sizes import admissible_sizes

    return {
        "title": spec.title,
        "source": spec.source,
        "input": plan.input,
        "outputs": plan.outputs,
        "output": [plan.output.channels, *plan.output.shape],
        "parameters": plan.parameters,
        "multiply_adds": plan.multiply_adds,
        "activation_bytes": plan.activation_bytes,
        "receptive_field": plan.receptive_field if plan.exact else None,
        "stride": plan.stride,
        "halo": plan.halo,
        "exact": plan.exact,
        "breaks": [node.place for node in plan.breaks],
        "admissible": [
            {"least": each.least, "step": each.step, "phases": each.phases, "most": each.most}
            for each in admissible_sizes(plan)
        ],
        "memory": {"training": training_bytes(plan, 1), "prediction": inference_bytes(plan)},
        "heads": {name: plan.nodes[at].place for name, at in plan.heads.items()},
        "layers": [_node_json(node, _written_at(spec, node, plan.ndim)) for node in plan.nodes],
    }


def _written_at(spec: Spec, node: Node, ndim: int) -> str:
    """The layer that a node belongs to, as it is written."""
    from geocnn.network.spec import layer_at
    from geocnn.network.wording import written

    layer = layer_at(spec, node.place) if node.kind != "input" else None
    return written(layer, ndim) if layer is not None else node.kind


def _node_json(node: Node, written: str) -> dict[str, Any]:
    return {
        "id": node.id,
        "place": node.place,
        "written": written,
        "kind": node.kind,
        "inputs": node.inputs,
        "channels": node.channels,
        "shape": node.shape,
        "parameters": node.parameters,
        "receptive_field": None if node.sees_all else node.receptive_field,
        "stride": [float(step) for step in node.stride],
        "offset": [float(offset) for offset in node.offset],
        "multiply_adds": node.multiply_adds,
        "activation_bytes": node.activation_bytes,
    }
