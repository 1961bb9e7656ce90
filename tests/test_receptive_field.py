"""What an output sees: found by marked samples, and what the plan says, for every kind, window and end."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import all_specs, network_of, plan_of

from geocnn.network.plan import Plan, expand
from geocnn.network.reach import Reach
from geocnn.network.verify import _parts
from geocnn.network.verify.field import field_findings, marking, seen_by

END = "\n- {conv: outputs, kernel: 1}"


@pytest.mark.parametrize(
    ("text", "output", "span"),
    [
        ("- {conv: 1, kernel: 3}", 8, (7, 9)),
        ("- {conv: 1, kernel: 4, dilation: 2}", 8, (5, 11)),
        ("- {conv: 2, kernel: 3, stride: 2}\n- {conv: 1, kernel: 3}", 4, (5, 11)),
        ("- {pool: max, size: 3}\n- {upsample: 3}", 7, (6, 8)),
        ("- {upsample: 2, mode: linear}", 9, (4, 5)),
        ("- {upsample: 3, mode: linear}", 10, (3, 3)),
        ("- {transposed_conv: 1, kernel: 4, stride: 2}", 9, (4, 5)),
        ("- {conv: 4, kernel: 1}\n- {pixel_shuffle: 2}\n- {conv: 1, kernel: 3}", 9, (4, 5)),
        ("- {pool: max, size: 2, save: p}\n- {conv: 1, kernel: 3}\n- {unpool: p}", 9, (6, 11)),
        ("- {conv: 3, kernel: 3, weights: laplace}", 8, (7, 9)),
        ("- {conv: 1, kernel: 3, save: a}\n- {conv: 1, kernel: 5}\n- {multiply: a}", 8, (5, 11)),
        ("- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 3, padding: 3}\n- {add: a, fit: crop}", 8, (5, 8)),
    ],
)
def test_marked_samples_by_hand(text: str, output: int, span: tuple[int, int]) -> None:
    plan = plan_of(text, (3 if "weights" in text else 1, 24), outputs=3 if "weights" in text else 1)
    assert plan.output.reach[0].span(output) == span
    network = marking(plan)
    assert seen_by(network, (24,), 0, output, span) == (True, True, False)
    first, last = span
    assert seen_by(network, (24,), 0, output, (first - 1, last + 1)) == (False, False, False)
    if first < last:
        assert seen_by(network, (24,), 0, output, (first + 1, last - 1))[2]


@pytest.mark.parametrize("axes", [1, 2, 3])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_drawn_networks_see_what_is_planned(axes: int, data: st.DataObject) -> None:
    plan = expand(data.draw(all_specs(axes)), (1, *(36,) * axes), 1)
    for part in _parts(plan):
        for axis in range(axes):
            for finding in field_findings(part, axis):
                assert finding.passed, finding


@pytest.mark.parametrize(("near", "far"), [(1, 0), (0, 1), (-1, 0), (0, -1)])
@pytest.mark.parametrize(
    "text",
    [
        "- {conv: 2, kernel: 5}" + END,
        "- {pool: max, size: 2}\n- {conv: 2, kernel: 3}\n- {upsample: 2}\n- {conv: 1, kernel: 3}",
        "- {conv: 2, kernel: 3, stride: 2}\n- {pool: mean, size: 2}",
    ],
)
@pytest.mark.parametrize("axes", [1, 2])
def test_one_sample_more_or_less_is_found(text: str, near: int, far: int, axes: int) -> None:
    outputs = 2 if "size: 2}" in text[-10:] else 1
    plan = plan_of(text, (1, *(24,) * axes), outputs)
    assert [finding.passed for finding in field_findings(plan, axes - 1)] == [True]
    (finding,) = field_findings(_seeing(plan, near, far), axes - 1)
    assert not finding.passed
    assert "sees other samples than" in finding.what


def _seeing(plan: Plan, near: int, far: int) -> Plan:
    """A plan whose output says that it sees more, or less, at its ends."""
    *others, last = plan.nodes
    reach = tuple(
        Reach(each.stride, tuple((a - near, b + far) for a, b in each.spans), each.whole) for each in last.reach
    )
    return replace(plan, nodes=(*others, replace(last, reach=reach)))


def test_gradients_of_positive_networks_say_the_same() -> None:
    """Where nothing is left out: the support of the gradient is the span, window by window."""
    text = (
        "- {conv: 2, kernel: 3, save: a}\n- {pool: mean, size: 2}\n- {conv: 2, kernel: 4, dilation: 2}\n"
        "- {transposed_conv: 2, kernel: 3, stride: 2}\n- {concat: a}\n- {conv: 1, kernel: 1}"
    )
    plan = plan_of(text, (1, 48))
    network = network_of(plan)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    for output in range(24, 28):
        x = torch.rand(1, 1, 48, dtype=torch.float64, requires_grad=True)
        network(x)[0, 0, output].backward()
        assert x.grad is not None
        found = x.grad[0, 0].nonzero().flatten()
        assert (int(found.min()), int(found.max())) == plan.output.reach[0].span(output)


def test_what_comes_before_one_value_is_looked_at_and_so_are_heads() -> None:
    text = (
        "- {conv: 2, kernel: 5, save: a}\n- {conv: outputs, kernel: 3, head: h}\n- {use: a}\n- {conv: 2, kernel: 3}\n"
        "- {pool: mean, size: all}\n- flatten\n- {dense: outputs}"
    )
    parts = list(_parts(plan_of(text, (1, 30))))
    assert [(part.output.place, part.receptive_field) for part in parts] == [("layers[3]", (7,)), ("layers[1]", (7,))]


def test_a_gate_over_all_samples_is_left_out() -> None:
    text = "- {conv: 2, kernel: 3, save: a}\n- {pool: mean, size: all}\n- {conv: 2, kernel: 1}\n- {multiply: a}" + END
    (finding,) = field_findings(plan_of(text, (1, 30)), 0)
    assert finding.passed
    assert finding.what.startswith("axis 1: 3 samples, at most 1 before and 1 after")


def test_samples_that_see_nothing_are_told() -> None:
    text = "- {transposed_conv: 1, kernel: 1, stride: 3}\n- {conv: 1, kernel: 2}"
    (finding,) = field_findings(plan_of(text, (1, 30)), 0)
    assert finding.passed
    assert "at most, for upsampling leaves samples that see nothing" in finding.what
