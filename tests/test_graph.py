"""The outline of a plan, what flows between its rows, and its drawing as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from networks import exact_specs, plan_of, spec_of

from geocnn.fitting import plan_alone, total_stride
from geocnn.network.flow import Flow, flow_of
from geocnn.network.outline import outline
from geocnn.network.plan import expand
from geocnn.network.spec import Spec, load_spec, zoo_names
from geocnn_cli.graph_screen import graph_lines

UNET = """
- {conv: 8, kernel: 3, activation: relu, save: fine}
- {pool: max, size: 2}
- {conv: 16, kernel: 3, activation: relu}
- {upsample: 2}
- {concat: fine}
- {conv: outputs, kernel: 1}
"""
BLOCKS = """
- repeat: 3
  layers:
    - residual: [{conv: 4, kernel: 3, norm: batch}, {conv: 4, kernel: 1}]
- {conv: outputs, kernel: 1}
"""
CARRIED = """
- {conv: 4, kernel: 1, save: x}
- repeat: 5
  carry: [x]
  layers:
    - {conv: 4, kernel: 3}
    - {add: x, save: x}
- {use: x}
- {conv: outputs, kernel: 1}
"""


def flow(text: str, input: tuple[int, ...] = (1, 8, 8)) -> Flow:
    return flow_of(plan_of(text, input), spec_of(text))


def drawn(text: str, input: tuple[int, ...] = (1, 8, 8), width: int = 100) -> list[str]:
    return list(graph_lines(flow(text, input), len(input) - 1, width))


def test_the_drawing_of_a_u_net() -> None:
    """The very lines: the coarse level further in, the skip at the side."""
    assert drawn(UNET) == [
        "╷ input                      1 × 8²",
        "│ conv 8 3² relu save fine   8 × 8² ──╮",
        "│   pool max 2²              8 × 4²   │",
        "│   conv 16 3² relu         16 × 4²   │",
        "│ upsample × 2              16 × 8²   │",
        "│ concat fine               24 × 8² ◀─╯",
        "╵ conv outputs 1²            1 × 8²",
    ]


def test_alike_repetitions_stand_in_a_bracket_and_another_alone() -> None:
    """The first block has a projection, from 1 to 4 channels; its sum comes in by one line and goes out by another."""
    assert drawn(BLOCKS) == [
        "    ╷ input                 1 × 8² ────╮",
        "    │ conv 4 3² batch       4 × 8²     │",
        "    ╵ conv 4 1²             4 × 8² ──╮ │",
        "    ╷ conv 1² norm          4 × 8² ◀─│─╯",
        "    │ add                   4 × 8² ◀─╯",
        "    │                              ╰───╮",
        "2×╭ │ conv 4 3² batch       4 × 8²     │",
        "  │ │ conv 4 1²             4 × 8²     │",
        "  ╰ │ add                   4 × 8² ◀───╯",
        "    ╵ conv outputs 1²       1 × 8²",
    ]


def test_what_a_repetition_hands_to_the_next_is_no_line() -> None:
    assert drawn(CARRIED)[1:4] == [
        "    │ conv 4 1² save x      4 × 8² ──╮",
        "5×╭ │ conv 4 3²             4 × 8²   │",
        "  ╰ │ add x save x          4 × 8² ◀─╯",
    ]


def test_several_lines_meet_in_a_join() -> None:
    blocks = ", ".join(f"[{{conv: {channels}, kernel: 1}}]" for channels in (2, 3, 4))
    assert drawn(f"[{{branches: [{blocks}]}}, {{conv: outputs, kernel: 1}}]") == [
        "╷ input                 1 × 8² ────╮",
        "╵ conv 2 1²             2 × 8² ────│─╮",
        "· conv 3 1²             3 × 8² ◀───┤ │",
        "                               ╰─╮ │ │",
        "╷ conv 4 1²             4 × 8² ◀─│─╯ │",
        "│ concat                9 × 8² ◀─┴───╯",
        "╵ conv outputs 1²       1 × 8²",
    ]


def test_long_layers_are_cut_to_the_width() -> None:
    lines = drawn(UNET, width=36)
    assert max(map(len, lines)) <= 36
    assert "conv 8 3² relu save … " in lines[1]
    assert lines[1].endswith("──╮")


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_are_outlined_whole_and_drawn_within_100_columns(name: str) -> None:
    spec, marked = load_spec(name)
    plan = plan_alone(spec, marked)
    rows = outline(plan, spec)
    assert sorted(node.id for row in rows for node in row.nodes) == [node.id for node in plan.nodes]
    for cost in ("parameters", "multiply_adds", "activation_bytes"):
        assert sum(getattr(row, cost) for row in rows) == getattr(plan, cost)
    assert max(map(len, graph_lines(flow_of(plan, spec), plan.ndim))) <= 100


def test_a_repeated_block_is_one_row_a_layer() -> None:
    rows = outline(plan_of(CARRIED, (1, 8, 8)), spec_of(CARRIED))
    assert [(row.label, row.depth) for row in rows] == [
        ("", 0),
        ("[0]", 0),
        ("[1]", 0),
        ("[0]", 1),
        ("[1]", 1),
        ("[2]", 0),
        ("[3]", 0),
    ]
    conv = rows[3]
    # 4·4·9 weights and 4 biases, five times; its reach grows by 2 samples each time.
    assert conv.parameters == 5 * (4 * 4 * 9 + 4)
    assert [node.receptive_field for node in conv.made] == [(3, 3), (11, 11)]
    assert conv.folds[0].times == 5


def test_a_separable_convolution_keeps_both_of_its_nodes() -> None:
    text = "[{conv: 4, kernel: 3, separable: true}, {conv: outputs, kernel: 1}]"
    assert len(outline(plan_of(text, (2, 8, 8)), spec_of(text))[1].nodes) == 2


@given(exact_specs(2))
def test_drawn_graphs_are_whole(spec: Spec) -> None:
    stride = total_stride(spec, 1, 2, 1) or (1, 1)
    plan = expand(spec, (1, *(4 * each for each in stride)), 1)
    shown = flow_of(plan, spec)
    assert sorted(node.id for row in shown.rows for node in row.nodes) == [node.id for node in plan.nodes]
    text = "".join(graph_lines(shown, 2))
    assert text.count("╮") == text.count("╯") + text.count("┴") == len(shown.skips)
