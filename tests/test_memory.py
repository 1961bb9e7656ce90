"""Memory: planned bytes are those that torch hands out, for the zoo and for drawn networks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from measure import measured_inference, measured_training
from networks import exact_specs, plan_of

from geocnn.errors import ConfigError
from geocnn.network.memory import inference_bytes, largest_batch, largest_patch, training_bytes
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec

BEGIN = "- {conv: 8, kernel: 3, norm: batch, activation: relu}\n"
SAVED = "- {conv: 8, kernel: 3, norm: batch, activation: relu, save: a}\n"
END = "\n- {conv: 1, kernel: 1}"
HALF = "- {pool: max, size: 2}\n"
KINDS = {
    "conv": BEGIN,
    "even kernel": BEGIN + "- {conv: 8, kernel: 4}",
    "reflected": BEGIN + "- {conv: 8, kernel: 3, padding_mode: reflect}",
    "replicated": BEGIN + "- {conv: 8, kernel: 5, padding_mode: replicate}",
    "fixed": BEGIN + "- {conv: 8, kernel: 3, weights: gaussian}",
    "depthwise": BEGIN + "- {conv: 8, kernel: 3, groups: channels}",
    "separable": BEGIN + "- {conv: 8, kernel: 3, separable: true}",
    "strided": BEGIN + "- {conv: 16, kernel: 3, stride: 2}\n- {upsample: 2}",
    "transposed": BEGIN + HALF + "- {transposed_conv: 8, kernel: 2, stride: 2}",
    "transposed, cropped": BEGIN + HALF + "- {transposed_conv: 8, kernel: 3, stride: 2}",
    "padded pool": BEGIN + "- {pool: max, size: 3, stride: 1, padding: same}",
    "mean pool": BEGIN + "- {pool: mean, size: 3, stride: 1, padding: same}",
    "unpool": BEGIN + "- {pool: max, size: 2, save: p}\n- {conv: 8, kernel: 3}\n- {unpool: p}",
    "linear": BEGIN + HALF + "- {upsample: 2, mode: linear}",
    "shuffled": BEGIN + "- {conv: 16, kernel: 3}\n- {pixel_shuffle: 2}",
    "gated": SAVED + "- {pool: mean, size: all}\n- {conv: 8, kernel: 1, activation: sigmoid}\n- {multiply: a}",
    "gated by the largest": SAVED + "- {pool: max, size: all}\n- {conv: 8, kernel: 1}\n- {multiply: a}",
    "sum": SAVED + "- {conv: 8, kernel: 3}\n- {add: a}\n- {activation: relu}",
    "product": SAVED + "- {conv: 8, kernel: 3}\n- {multiply: a}",
    "concatenation": SAVED + "- {conv: 8, kernel: 3}\n- {concat: a}",
    "cropped": SAVED + "- {conv: 8, kernel: 3, padding: valid}\n- {add: a, fit: crop}",
    "branches": BEGIN + "- {branches: [[{conv: 8, kernel: 3}], [{conv: 8, kernel: 5}], []], join: add}",
    "dropout": BEGIN + "- {conv: 8, kernel: 3, dropout: 0.5}",
    "a head": SAVED + "- {conv: 1, kernel: 3, head: h}\n- {use: a}",
    **{f"{norm} norm": BEGIN + f"- {{conv: 8, kernel: 3, norm: {norm}}}" for norm in ("instance", "layer")},
    "group norm": BEGIN + "- {conv: 8, kernel: 3, norm: {group: 4}}",
    **{
        function: BEGIN + f"- {{conv: 8, kernel: 3, norm: batch, activation: {function}}}"
        for function in ("leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")
    },
}
SHAPES = {1: (2048,), 2: (48, 48), 3: (16, 16, 16)}
BATCH = 4


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_takes_what_is_planned(kind: str, axes: int) -> None:
    text = KINDS[kind].replace("conv: 16, kernel: 3}\n- {pixel", f"conv: {2 * 2**axes}, kernel: 3}}\n- {{pixel")
    check(plan_of(text + END, (1, *SHAPES[axes])), BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("axes", SHAPES)
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_drawn_networks_take_what_is_planned(axes: int, data: st.DataObject) -> None:
    """Within a factor of two: copies and layouts of odd small networks are the library's own affair.

    Twenty per cent are held to each kind alone and to the networks of the zoo.
    """
    shape = {1: (3600,), 2: (72, 72), 3: (24, 24, 24)}[axes]
    try:
        plan = expand(data.draw(exact_specs(axes)).model_copy(update={"width": 8.0}), (2, *shape), 1)
    except ConfigError:  # A product with one channel, say, which has become eight.
        assume(False)
    pairs = [
        (training_bytes(plan, BATCH), measured_training(plan, BATCH)),
        (inference_bytes(plan, batch=BATCH), measured_inference(plan, BATCH)),
        (inference_bytes(plan, fused=False, batch=BATCH), measured_inference(plan, BATCH, fused=False)),
    ]
    assert all(0.5 < planned / measured < 2 for planned, measured in pairs), pairs


def check(plan: Plan, batch: int, within: float = 0.2) -> None:
    """Planned and measured peaks are close to each other, as a share of what is measured."""
    assert training_bytes(plan, batch) == pytest.approx(measured_training(plan, batch), rel=within)
    for fused in (True, False):
        measured = measured_inference(plan, batch, fused=fused)
        assert inference_bytes(plan, fused=fused, batch=batch) == pytest.approx(measured, rel=within), fused


def zoo(name: str, *input: int, outputs: int = 1) -> Plan:
    return expand(load_spec(name)[0], input, outputs)


ZOO = {
    "faultseg3d": (zoo("faultseg3d", 1, 32, 32, 32), 2),
    "faultseg3d on sections": (zoo("faultseg3d", 1, 128, 128), 4),
    "fault-small": (zoo("fault-small", 1, 32, 32, 32), 2),
}


@pytest.mark.parametrize(("plan", "batch"), ZOO.values(), ids=ZOO)
def test_zoo_networks_take_what_is_planned(plan: Plan, batch: int) -> None:
    check(plan, batch)


@pytest.mark.parametrize(("plan", "batch"), ZOO.values(), ids=ZOO)
def test_computing_twice_takes_what_is_planned_and_less(plan: Plan, batch: int) -> None:
    planned = training_bytes(plan, batch, recompute=True)
    assert planned == pytest.approx(measured_training(plan, batch, recompute=True), rel=0.2)
    assert planned < 0.9 * training_bytes(plan, batch)


@pytest.mark.gpu
def test_a_gpu_takes_what_is_planned() -> None:
    plan = zoo("faultseg3d", 1, 128, 128, 128)
    assert training_bytes(plan, 2) == pytest.approx(measured_training(plan, 2, "cuda"), rel=0.2)
    assert inference_bytes(plan) == pytest.approx(measured_inference(plan, 1, "cuda"), rel=0.2)


def test_a_convolution_worked_by_hand() -> None:
    """One input of 10 samples, two outputs of 10; 8 parameters; the output is made in a block of 16 channels."""
    plan = plan_of("- {conv: 2, kernel: 3}", (1, 10), outputs=2)
    sample = 4 * 10
    assert inference_bytes(plan) == 4 * 8 + sample * (1 + 16 + 2)
    assert inference_bytes(plan, (30,)) == 4 * 8 + 3 * sample * (1 + 16 + 2)
    assert training_bytes(plan, 1, optimiser_moments=2) - training_bytes(plan, 1, optimiser_moments=0) == 2 * 4 * 8


def test_the_largest_batch_and_patch_fit_and_larger_ones_do_not() -> None:
    plan, budget = zoo("faultseg3d", 1, 32, 32, 32), 10**9
    batch = largest_batch(plan, budget)
    assert training_bytes(plan, batch) <= budget < training_bytes(plan, batch + 1)
    assert largest_batch(plan, 10**6) == 0
    patch = largest_patch(plan, budget, batch=2)
    assert patch is not None
    assert len(set(patch)) == 1
    assert training_bytes(plan, 2, shape=patch) <= budget
    assert training_bytes(plan, 2, shape=[size + 8 for size in patch]) > budget
    assert largest_patch(plan, 10**6) is None


def test_a_flatten_layer_fixes_the_patch() -> None:
    plan = plan_of("- {pool: max, size: 4}\n- flatten\n- {dense: 1}", (1, 14))
    assert largest_patch(plan, 10**9) == (15,)


def test_an_input_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"no input of \(33, 32, 32\) samples"):
        training_bytes(zoo("faultseg3d", 1, 32, 32, 32), 1, shape=(33, 32, 32))


def test_memory_needs_no_torch() -> None:
    program = "import sys, geocnn.network.memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
