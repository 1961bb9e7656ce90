"""Liveness: outputs live as long as they are taken, and what may be written over nobody needs."""

from __future__ import annotations

import pytest
from networks import plan_of

from geocnn.network.liveness import overwrites, spent_after

END = "\n- {conv: 1, kernel: 1}"
"""A network ends with as many channels as the task has."""


def test_outputs_are_spent_after_the_last_node_that_takes_them() -> None:
    text = "- {conv: 2, kernel: 3, save: a}\n- {pool: max, size: 2}\n- {upsample: 2}\n- {concat: a}" + END
    plan = plan_of(text, (1, 8))
    assert spent_after(plan.nodes, keep={plan.output_id}) == {0: (), 1: (0,), 2: (), 3: (2,), 4: (1, 3), 5: (4,)}
    assert spent_after(plan.nodes, keep={1, 5}) == {0: (), 1: (0,), 2: (), 3: (2,), 4: (3,), 5: (4,)}


def test_what_nothing_takes_is_spent_at_once() -> None:
    text = "- {conv: 2, kernel: 3, save: a}\n- {conv: 1, kernel: 1, head: h}\n- {use: a}" + END
    plan = plan_of(text, (1, 8))
    assert spent_after(plan.nodes, keep={plan.output_id}) == {0: (), 1: (0,), 2: (2,), 3: (1,)}
    assert spent_after(plan.trunk, keep={plan.output_id}) == {0: (), 1: (0,), 3: (1,)}


CONV = "- {conv: 2, kernel: 3, save: a}\n"
CASES = {
    "an activation after a norm": ("- {conv: 2, kernel: 3, norm: batch, activation: relu}" + END, {3}, {3}),
    "the network's input": ("- {activation: relu}" + END, set(), set()),
    "a head": ("- {conv: 1, kernel: 3, head: h}\n- {activation: relu}" + END, set(), set()),
    "an output that is taken later": (CONV + "- {activation: relu}\n- {add: a}" + END, set(), {3}),
    "an output that a convolution kept": (
        CONV + "- {conv: 2, kernel: 3, save: b}\n- {use: a}\n- {activation: relu}\n- {add: b}" + END,
        set(),
        {3, 4},
    ),
    "an output that a sum has taken": (
        "- {conv: 2, kernel: 1, save: b}\n" + CONV + "- {add: b, save: c}\n- {use: a}\n- {activation: tanh}\n"
        "- {add: c}" + END,
        {4},
        {4, 5},
    ),
    "an activation that needs its input": (CONV.replace(", save: a", ", activation: silu") + END, set(), {2}),
    "after an activation, which needs its output": (
        "- {conv: 2, kernel: 3}\n" + "- {activation: relu}\n" * 2 + END,
        {2},
        {2, 3},
    ),
    "a product": (
        "- {conv: 2, kernel: 1, save: b}\n- {conv: 2, kernel: 3}\n- {multiply: b}" + END,
        set(),
        {3},
    ),
    "a product with one sample first": (CONV + "- {pool: mean, size: all}\n- {multiply: a}" + END, set(), set()),
    "a sum with itself": (CONV + "- {add: a}" + END, set(), set()),
    "a sum that crops": (CONV + "- {conv: 2, kernel: 3, padding: valid}\n- {add: a, fit: crop}" + END, set(), set()),
    "a view of what is taken later": (
        CONV + "- {dropout: 0.5}\n- {activation: relu}\n- {concat: a}" + END,
        set(),
        set(),
    ),
    "a view": ("- {conv: 2, kernel: 3}\n- {dropout: 0.5}\n- {activation: relu}" + END, set(), {3}),
    "a view, kept": ("- {conv: 1, kernel: 3, head: h}\n- {upsample: 1}\n- {activation: relu}" + END, set(), set()),
}


@pytest.mark.parametrize(("text", "training", "prediction"), CASES.values(), ids=CASES)
def test_a_node_writes_over_what_nobody_needs(text: str, training: set[int], prediction: set[int]) -> None:
    plan = plan_of(text, (1, 8))
    assert overwrites(plan, training=True) == training
    assert overwrites(plan, training=False) == prediction
