"""Weights before training: the distributions are those of their papers."""

from __future__ import annotations

from math import sqrt
from typing import get_args

import pytest
import torch
from networks import plan_of

from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.layers import Initialiser

# Fan-in and fan-out by hand: 3·3 taps; a stride of 2 × 2 lets an input reach a quarter of the taps' outputs.
LAYERS = {
    "conv: 64, kernel: 3": (32 * 9, 64 * 9),
    "conv: 64, kernel: 3, stride: 2": (32 * 9, 64 * 9 / 4),
    "conv: 64, kernel: 3, groups: 2": (16 * 9, 32 * 9),
    "transposed_conv: 64, kernel: 4, stride: 2": (32 * 16 / 4, 64 * 16),
}
GAINS = {"relu": sqrt(2), "tanh": 1.0}


def weights_of(layer: str, seed: int = 0) -> torch.Tensor:
    """Weights of a layer that takes 32 channels."""
    network = Network(plan_of(f"- {{{layer}}}\n- {{conv: outputs, kernel: 1}}", (32, 16, 16)))
    initialise(network, seed)
    return next(network.parameters()).detach()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", sorted(set(get_args(Initialiser)) - {"orthogonal", "zeros"}))
@pytest.mark.parametrize("activation", GAINS)
def test_deviation_and_bounds_follow_from_the_fans(layer: str, name: str, activation: str) -> None:
    fan_in, fan_out = LAYERS[layer]
    he, glorot = GAINS[activation] / sqrt(fan_in), sqrt(2 / (fan_in + fan_out))
    expected = he if name.startswith("he") else glorot
    weights = weights_of(f"{layer}, init: {name}, activation: {activation}")
    assert float(weights.std()) == pytest.approx(expected, rel=0.04)
    assert abs(float(weights.mean())) < 0.05 * expected
    bound = float(weights.abs().max()) / expected
    assert 1.7 < bound <= sqrt(3) * 1.0001 if name.endswith("uniform") else bound > 3


def test_he_normal_is_the_default() -> None:
    layer = "conv: 8, kernel: 3, activation: relu"
    assert torch.equal(weights_of(layer), weights_of(f"{layer}, init: he_normal"))


@pytest.mark.parametrize("activation", GAINS)
@pytest.mark.parametrize("count", [16, 512])
def test_orthogonal_rows_or_columns_are_orthonormal(count: int, activation: str) -> None:
    weights = weights_of(f"conv: {count}, kernel: 3, init: orthogonal, activation: {activation}").flatten(1).double()
    product = weights @ weights.T if count <= weights.shape[1] else weights.T @ weights
    assert torch.allclose(product, GAINS[activation] ** 2 * torch.eye(len(product), dtype=torch.float64), atol=1e-5)


def test_zeros_are_zero_and_so_are_biases() -> None:
    assert not weights_of("conv: 8, kernel: 3, init: zeros").any()
    network = Network(plan_of("- {conv: 8, kernel: 3}\n- {conv: outputs, kernel: 1}", (1, 9)))
    initialise(network, 0)
    assert [bool(value.any()) for name, value in network.named_parameters() if name.endswith("bias")] == [False, False]


def test_the_seed_decides() -> None:
    layer = "conv: 8, kernel: 3"
    assert torch.equal(weights_of(layer, 3), weights_of(layer, 3))
    assert not torch.equal(weights_of(layer, 3), weights_of(layer, 4))


def test_the_gain_is_that_of_the_activation_behind_norm_and_sum() -> None:
    text = "- residual: [{conv: 32, kernel: 3, norm: batch}]\n  activation: relu\n- {conv: outputs, kernel: 1}"
    network = Network(plan_of(text, (32, 16, 16)))
    initialise(network, 0)
    assert float(next(network.parameters()).detach().std()) == pytest.approx(sqrt(2 / (32 * 9)), rel=0.04)
