"""Networks made for prediction: norms folded and activations fused change nothing but rounding."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, exact_specs, network_of, plan_of
from torch import nn

from geocnn.network.build import Network
from geocnn.network.inference import FusedConvolution, InferenceNetwork
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec

FUNCTIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
LAYERS = [
    *(f"- {{conv: 4, kernel: 3, activation: {function}}}" for function in FUNCTIONS),
    *(f"- {{transposed_conv: 4, kernel: 3, norm: batch, activation: {function}}}" for function in FUNCTIONS),
    "- {conv: 4, kernel: 3, groups: 2, norm: batch, bias: true}",
    "- {conv: 4, kernel: 4, stride: 2, norm: batch, activation: relu}",
    "- {conv: 4, kernel: 3, padding_mode: reflect, norm: batch, activation: relu, dropout: 0.5}",
    "- {conv: 4, kernel: 3, separable: true, norm: batch, activation: relu}",
    "- {transposed_conv: 4, kernel: 4, stride: 2, groups: 2, norm: batch, activation: relu}",
    "- {transposed_conv: 4, kernel: 7, stride: 4, norm: batch}",
    "- {conv: 4, kernel: 3, norm: layer, activation: relu}",
    "- {conv: 4, kernel: 3, norm: instance, activation: relu}",
    "- {conv: 2, kernel: 3, weights: mean, norm: batch, activation: relu}",
    "- {pool: max, size: 2}\n- {norm: batch}\n- {activation: relu}",
    "- residual: [{conv: 2, kernel: 3, norm: batch, activation: relu}, {conv: 2, kernel: 3, norm: batch}]\n"
    "  activation: relu",
    "- {conv: 4, kernel: 3, save: a}\n- {activation: relu}\n- {concat: a}",
    "- {conv: 4, kernel: 3, save: a}\n- {norm: batch}\n- {add: a}",
    "- {conv: 4, kernel: 3, norm: batch, save: a}\n- {activation: tanh}\n- {multiply: a}",
    "- {dropout: 0.5}\n- {activation: relu}\n- {conv: 2, kernel: 1, save: a}\n- {dropout: 0.5}\n"
    "- {activation: relu}\n- {add: a}",
]


def _same(network: Network, shape: tuple[int, ...], bound: float) -> None:
    x = torch.randn(2, *shape, dtype=next(network.parameters()).dtype, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    with torch.no_grad():
        expected, found = network(x), InferenceNetwork(network)(x)
    assert torch.equal(x, before)
    assert (found - expected).abs().max() <= bound * max(1, float(expected.abs().max()))


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("text", LAYERS)
def test_outputs_are_those_of_the_network(text: str, ndim: int) -> None:
    plan = plan_of(f"{text}\n- {{conv: outputs, kernel: 1}}", (2, *SHAPES[ndim]), outputs=3)
    _same(network_of(plan), plan.input, 1e-12)
    _same(network_of(plan).float(), plan.input, 1e-5)


def test_dense_heads_fold_too() -> None:
    plan = plan_of("- flatten\n- {dense: 8, norm: batch, activation: relu}\n- {dense: outputs}", (2, 8, 6), outputs=3)
    network = network_of(plan)
    _same(network, plan.input, 1e-12)
    assert not any(isinstance(part, nn.BatchNorm1d) for part in InferenceNetwork(network).modules())


@pytest.mark.parametrize("ndim", [1, 2])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_networks_are_the_same(ndim: int, data: st.DataObject) -> None:
    plan = expand(data.draw(exact_specs(ndim)), (1, *(36,) * ndim), 1)
    _same(network_of(plan), plan.input, 1e-10)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("text", [*LAYERS, "- {pool: mean, size: 3, stride: 1, padding: same}", "- {norm: batch}"])
def test_every_kind_computes_in_bf16(text: str, ndim: int) -> None:
    """Two roundings a step, of weights and of outputs, to 8 bits each; here they all add up.

    A norm of the channels divides what was rounded by its spread, here by as little as a tenth of the largest.
    """
    plan = plan_of(f"{text}\n- {{conv: outputs, kernel: 1}}", (2, *SHAPES[ndim]), outputs=3)
    network, x = network_of(plan).float(), torch.randn(2, *plan.input, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        exact, found = network(x), InferenceNetwork(network, dtype=torch.bfloat16)(x.bfloat16())
    spread = 10 if "layer" in text else 1
    assert found.dtype == torch.bfloat16
    assert 0 < (found - exact).abs().max() <= spread * 2 * len(plan.trunk) * 2**-9 * exact.abs().max()


def test_bf16_computes_convolution_and_activation_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn.network.inference._bf16", lambda: True)
    network = InferenceNetwork(network_of(plan_of("- {conv: 1, kernel: 3, activation: relu}", (1, 8, 8))).float())
    fused, types = network.steps[0], []
    fused.pointwise = lambda x, *_: types.append(x.dtype) or x
    with torch.no_grad():
        for dtype in (torch.float32, torch.bfloat16, torch.float64):
            fused.convolution.to(dtype)
            fused(torch.zeros(1, 1, 8, 8, dtype=dtype))
        fused.convolution.float()
        with torch.autocast("cpu", torch.bfloat16):
            fused(torch.zeros(1, 1, 8, 8))
    assert types == [torch.float32, torch.bfloat16]


def test_norms_and_activations_are_no_steps_of_their_own() -> None:
    layer = "- {conv: 4, kernel: 3, norm: batch, activation: relu}\n"
    made = InferenceNetwork(network_of(plan_of(layer * 2 + "- {conv: 1, kernel: 1}", (1, 8, 8))))
    kinds = [type(step) for step in made.steps]
    assert kinds == [FusedConvolution, nn.Identity, nn.Identity] * 2 + [FusedConvolution]


def test_without_the_operator_of_torch_the_activation_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn.network.inference._pointwise", lambda: None)
    _same(network_of(plan_of("- {conv: 1, kernel: 3, activation: relu}", (1, 8, 8))).float(), (1, 8, 8), 1e-6)


def test_the_network_itself_stays_as_it_is() -> None:
    network = network_of(plan_of("- {conv: 2, kernel: 3, norm: batch}\n- {conv: 1, kernel: 1}", (1, 8, 8)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    InferenceNetwork(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("context", [torch.no_grad, torch.enable_grad])
def test_compiling_finds_one_graph(context: Callable[[], AbstractContextManager[None]]) -> None:
    """With the fused operator, and with the step of its own that gradients need."""
    network = InferenceNetwork(Network(expand(load_spec("fault-small")[0], (1, 16, 16, 16), 1)).eval())
    x = torch.randn(1, 1, 16, 16, 16)
    with context():
        compiled = torch.compile(network, fullgraph=True, backend="eager")
        assert torch.allclose(compiled(x), network(x), atol=1e-6)
