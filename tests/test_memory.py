"""Memory: planned bytes are those that torch hands out, for the zoo and for drawn networks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from measure import measured_inference, measured_training
from networks import plan_of

from geocnn.network.memory import inference_bytes, largest_batch, largest_patch, training_bytes
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec


def zoo(name: str, *input: int, outputs: int = 1) -> Plan:
    return expand(load_spec(name)[0], input, outputs)


ZOO = {
    "faultseg3d": (zoo("faultseg3d", 1, 32, 32, 32), 2),
    "faultseg3d on sections": (zoo("faultseg3d", 1, 128, 128), 4),
    "fault-small": (zoo("fault-small", 1, 32, 32, 32), 2),
}


@pytest.mark.parametrize(("plan", "batch"), ZOO.values(), ids=ZOO)
def test_training_takes_what_is_planned(plan: Plan, batch: int) -> None:
    assert training_bytes(plan, batch) == pytest.approx(measured_training(plan, batch), rel=0.2)


def test_prediction_takes_what_is_planned() -> None:
    plan = zoo("faultseg3d", 1, 128, 128)
    assert inference_bytes(plan, fused=False) == pytest.approx(measured_inference(plan), rel=0.2)


def test_a_convolution_worked_by_hand() -> None:
    """One input of 10 samples, two outputs of 10; 8 parameters; copies of the input and output in blocks of 16."""
    plan = plan_of("- {conv: 2, kernel: 3}", (1, 10), outputs=2)
    sample = 4 * 10
    assert inference_bytes(plan) == 4 * 8 + sample * (1 + 16 + 16)
    assert inference_bytes(plan, (30,)) == 4 * 8 + 3 * sample * (1 + 16 + 16)
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
