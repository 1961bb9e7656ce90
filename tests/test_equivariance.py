"""Translations: shifted inputs give shifted outputs at whole strides and, where samples are left out, at no other."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import exact_specs, network_of, plan_of

from geocnn.network.plan import expand
from geocnn.network.verify.drawn import draw, drawn_network
from geocnn.network.verify.shifts import shift_curve, shift_finding, tile_finding

END = "\n- {conv: 1, kernel: 1}"
UNET = (
    "- {conv: 3, kernel: 3, activation: relu, save: a}\n- {pool: max, size: 2}\n- {conv: 3, kernel: 3, save: b}\n"
    "- {conv: 3, kernel: 3, stride: 2, activation: tanh}\n- {transposed_conv: 3, kernel: 3, stride: 2}\n"
    "- {concat: b}\n- {upsample: 2, mode: linear}\n- {concat: a}" + END
)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(
    ("text", "stride"),
    [
        ("- {conv: 2, kernel: 3, activation: relu}\n- {conv: 1, kernel: 4, dilation: 2}", 1),
        ("- {pool: max, size: 3, stride: 1, padding: same}\n- {conv: 3, kernel: 1, norm: batch}" + END, 1),
        ("- {conv: 2, kernel: 3, stride: 2}\n- {conv: 1, kernel: 3}\n- {upsample: 2}", 2),
        ("- {pool: max, size: 3}\n- residual: [{conv: 1, kernel: 3}]\n- {upsample: 3}", 3),
        (UNET, 4),
    ],
)
def test_the_curve_is_zero_at_whole_strides_alone(text: str, stride: int, ndim: int) -> None:
    network = drawn_network(plan_of(text, (1, *(24,) * ndim)), 2)
    for axis in range(ndim):
        curve = shift_curve(network, axis, 7)
        assert sorted(curve) == list(range(2 * stride + 1))
        for shift, differs in curve.items():
            assert (differs <= 1e-12) is (shift % stride == 0), shift


def test_a_pool_worked_by_hand() -> None:
    """Windows of 3 1 | 4 2, then of 1 4 | 2 5, then of 4 2 | 5 0: the last are the first, moved by one."""
    network = network_of(plan_of("- {pool: max, size: 2}", (1, 4)))
    x = torch.tensor([[[3.0, 1.0, 4.0, 2.0, 5.0, 0.0]]], dtype=torch.float64)
    still, one, two = (network(x[..., shift : shift + 4]).flatten().tolist() for shift in range(3))
    assert (still, one, two) == ([3, 4], [4, 5], [4, 5])


def test_shifts_between_the_samples_of_the_output_are_left_out() -> None:
    """An output of every third sample can only move by three."""
    network = drawn_network(plan_of("- {conv: 1, kernel: 3, stride: 3}", (1, 24)), 0)
    curve = shift_curve(network, 0, 1)
    assert list(curve) == [0, 3, 6]
    assert max(curve.values()) <= 1e-12


@pytest.mark.parametrize("axes", [1, 2])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_drawn_networks_move_with_their_input_and_their_tiles_equal_the_whole(axes: int, data: st.DataObject) -> None:
    plan = expand(data.draw(exact_specs(axes)), (1, *(36,) * axes), 1)
    network = drawn_network(plan, 1)
    for axis in range(axes):
        for finding in (shift_finding(network, axis, 3), tile_finding(network, axis, 3)):
            assert finding.applies
            assert finding.passed, finding


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ("{norm: instance}", "norm"),
        ("{conv: 4, kernel: 1, norm: {group: 2}}", "norm"),
        ("{conv: 1, kernel: 1, save: a}\n- {pool: mean, size: all}\n- {multiply: a}", "global_pool"),
    ],
)
def test_what_looks_at_all_samples_is_told_with_its_layer(layer: str, kind: str) -> None:
    network = drawn_network(plan_of(f"- {layer}{END}", (1, 9)), 0)
    for finding in (shift_finding(network, 0, 1), tile_finding(network, 0, 1)):
        assert not finding.applies
        assert finding.what == f"{kind} looks at all samples at once"
        assert finding.place.startswith("layers[")


def test_a_mean_of_all_samples_would_not_pass() -> None:
    """The statement is left out for a reason."""
    plan = plan_of("- {conv: 2, kernel: 3, activation: relu}\n- {norm: instance}" + END, (1, 16))
    network = drawn_network(plan, 0)
    x = draw((1, 1, 17), 1)
    with torch.no_grad():
        still, shifted = network(x[..., :16]), network(x[..., 1:])
    assert float((still[..., 5:12] - shifted[..., 4:11]).abs().max()) > 1e-3


def test_no_tiles_of_a_network_whose_output_is_smaller() -> None:
    network = drawn_network(plan_of("- {conv: 1, kernel: 3, padding: valid}", (1, 9)), 0)
    assert shift_finding(network, 0, 1).passed
    assert tile_finding(network, 0, 1).what == "axis 1: the output has other sizes than the input"


def test_an_input_that_takes_too_long_is_told() -> None:
    text = "- {conv: 4000, kernel: 9}\n- {conv: 4000, kernel: 9}" + END
    plan = plan_of(text, (1, 64, 64, 64))
    network = drawn_network(plan_of("- {conv: 1, kernel: 17}", (1, 64, 64, 64)), 0)
    network.plan = plan
    finding = shift_finding(network, 0, 1)
    assert not finding.applies
    assert "takes too long here" in finding.what
