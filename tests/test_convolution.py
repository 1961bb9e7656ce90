"""The mathematics of the layers: matrices, adjoints, and answers by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from networks import SHAPES, network_of, plan_of
from torch import Tensor

from geocnn.network import modules
from geocnn.network.build import Network
from geocnn.network.node import ConvAttributes
from geocnn.network.plan import Plan
from geocnn.network.verify.convolutions import convolution_findings
from geocnn.network.verify.drawn import drawn_module
from geocnn.network.verify.linear import dot_finding
from geocnn.network.verify.matrices import toeplitz


def _linear(text: str, input: tuple[int, ...], outputs: int = 1) -> Network:
    """A network in float64 whose biases are zero."""
    network = network_of(plan_of(text, input, outputs))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
    return network


def _random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_an_answer_by_hand() -> None:
    """y_i = Σ_m x_{i+m} h_m, h = (1, 2, −1) with one zero at each end, plus b = 10."""
    network = _linear("- {conv: 1, kernel: 3}", (1, 4))
    with torch.no_grad():
        network.steps["layers_0_conv"].weight.copy_(torch.tensor([[[1.0, 2.0, -1.0]]]))
        network.steps["layers_0_conv"].bias.fill_(10)
    x = torch.tensor([[[3.0, 1.0, 4.0, 2.0]]], dtype=torch.float64)
    # 0·1+3·2−1=5, 3+2−4=1, 1+8−2=7, 4+4−0=8
    assert network(x).tolist() == [[[15.0, 11.0, 17.0, 18.0]]]


def test_a_convolution_is_a_toeplitz_matrix_and_its_gradient_the_transpose() -> None:
    network = _linear("- {conv: 1, kernel: 3, padding: valid, bias: false}", (1, 8))
    h = network.steps["layers_0_conv"].weight.detach().numpy()[0, 0]
    matrix = np.zeros((6, 8))
    for i, m in product(range(6), range(3)):
        matrix[i, i + m] = h[m]
    x = _random(1, 1, 8).requires_grad_()
    y = network(x)
    assert np.allclose(y.detach().numpy()[0, 0], matrix @ x.detach().numpy()[0, 0], rtol=0, atol=1e-14)
    r = _random(1, 1, 6)
    y.backward(r)
    assert x.grad is not None
    assert np.allclose(x.grad.numpy()[0, 0], matrix.T @ r.numpy()[0, 0], rtol=0, atol=1e-14)


CONVOLUTIONS = [
    "{conv: 4, kernel: 3}",
    "{conv: 4, kernel: 4, stride: 2, dilation: 2}",
    "{conv: 4, kernel: 2, padding: 2, bias: false}",
    "{conv: 4, kernel: 5, padding: valid}",
    "{conv: 4, kernel: 1, stride: 2}",
    "{conv: 4, kernel: 3, groups: 2}",
    "{conv: 8, kernel: 3, groups: channels}",
    "{conv: 4, kernel: 3, separable: true}",
    "{conv: 4, kernel: 4, padding_mode: reflect}",
    "{conv: 4, kernel: 3, dilation: 2, stride: 3, padding_mode: replicate}",
    "{conv: SOBEL, kernel: 3, weights: sobel}",
    "{conv: 4, kernel: 3, weights: laplace}",
    "{conv: 4, kernel: 4, weights: gaussian, stride: 2, padding_mode: reflect}",
    "{conv: 4, kernel: 5, weights: mean}",
    "{transposed_conv: 4, kernel: 2, stride: 2}",
    "{transposed_conv: 4, kernel: 7, stride: 4}",
    "{transposed_conv: 4, kernel: 1, stride: 3}",
    "{transposed_conv: 4, kernel: 4, stride: 2, groups: 2, padding: valid}",
    "{transposed_conv: 4, kernel: 3, dilation: 2, padding: 1, bias: false}",
]


def _plan(layer: str, ndim: int) -> Plan:
    """A layer on four channels."""
    layer = layer.replace("SOBEL", str(4 * ndim))
    return plan_of(f"- {layer}\n- {{conv: outputs, kernel: 1}}", (4, *(12 + axis for axis in range(ndim))), outputs=4)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("layer", CONVOLUTIONS)
def test_every_convolution_is_a_matrix_and_its_gradient_the_transpose(layer: str, ndim: int) -> None:
    (node, *_) = _plan(layer, ndim).nodes[1:]
    findings = {finding.name: finding for finding in convolution_findings(node, 5)}
    transposed = node.kind == "transposed_conv"
    assert findings["transposed convolution = matrix" if transposed else "convolution = Toeplitz matrix"].passed
    assert findings["gradient = transpose of the matrix"].passed
    padded = "padding_mode" in layer
    assert ("gradient = full convolution, flipped" in findings) is not (transposed or padded)
    assert all(finding.passed for finding in findings.values())


@pytest.mark.parametrize("layer", ["{conv: 1, kernel: 3}", "{conv: 1, kernel: 3, stride: 2}"])
def test_the_matrix_of_a_window_one_sample_off_is_found(layer: str) -> None:
    (node,) = plan_of(f"- {layer}", (1, 9)).nodes[1:]
    other = drawn_module(node, 1)
    assert all(finding.passed for finding in convolution_findings(node, 5, other))
    asked = node.attributes
    assert isinstance(asked, ConvAttributes)
    wrong = replace(node, attributes=replace(asked, before=(asked.before[0] - 1,), after=(asked.after[0] + 1,)))
    found = [finding.name for finding in convolution_findings(wrong, 5, other) if not finding.passed]
    assert "convolution = Toeplitz matrix" in found


def test_toeplitz_matrices_by_hand() -> None:
    """Kernel (1, 2, 3) on four samples: zeros, reflected and repeated at the ends; then transposed at a stride of 2."""
    weight = np.array([[[1.0, 2.0, 3.0]]])
    zeros = [[2, 3, 0, 0], [1, 2, 3, 0], [0, 1, 2, 3], [0, 0, 1, 2]]
    reflected = [[2, 4, 0, 0], *zeros[1:3], [0, 0, 4, 2]]
    repeated = [[3, 3, 0, 0], *zeros[1:3], [0, 0, 1, 5]]
    for mode, expected in (("zeros", zeros), ("reflect", reflected), ("replicate", repeated)):
        (node,) = plan_of(f"- {{conv: 1, kernel: 3, padding_mode: {mode}}}", (1, 4)).nodes[1:]
        assert toeplitz(node, weight, (4,), range(4)).tolist() == expected
    (node,) = plan_of("- {transposed_conv: 1, kernel: 3, stride: 2, padding: valid}", (1, 2)).nodes[1:]
    assert toeplitz(node, weight, (2,), range(5)).tolist() == [[1, 0], [2, 0], [3, 1], [0, 2], [0, 3]]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_transposed_convolution_is_the_transpose_of_a_convolution(stride: int) -> None:
    """Of the same kernel and stride: Aᵀ of the one is A of the other."""
    (conv,) = plan_of(f"- {{conv: 1, kernel: 4, stride: {stride}, padding: valid}}", (1, 4 + 3 * stride)).nodes[1:]
    (back,) = plan_of(f"- {{transposed_conv: 1, kernel: 4, stride: {stride}, padding: valid}}", (1, 4)).nodes[1:]
    weight = _random(1, 1, 4).numpy()
    forth = toeplitz(conv, weight, (4 + 3 * stride,), range(4))
    assert np.array_equal(toeplitz(back, weight, (4,), range(4 + 3 * stride)), forth.T)


LINEAR = [
    *CONVOLUTIONS,
    "{pool: mean, size: 2}",
    "{pool: mean, size: 3, stride: 2, padding: same}",
    "{pool: mean, size: all}",
    "{upsample: 2}",
    "{upsample: 3, mode: linear}",
    "{upsample: 2, mode: linear}",
    "{norm: batch}",
]
JOINED = [
    "{pool: max, size: 2, save: a}\n- {activation: relu}\n- {unpool: a}",
    "{conv: 16, kernel: 1}\n- {pixel_shuffle: [PARTS]}",
    "{activation: relu, save: a}\n- {conv: 4, kernel: 3}\n- {add: a}",
    "{activation: relu, save: a}\n- {conv: 3, kernel: 3, padding: 3}\n- {concat: a, fit: crop}",
    "{activation: relu, save: a}\n- {pool: max, size: all}\n- {concat: a}",
    "{activation: relu, save: a}\n- {conv: 1, kernel: 3}\n- {multiply: a}",
    "{branches: [[], [{activation: tanh}], [{activation: relu}]], join: add}",
]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("layer", LINEAR + JOINED)
def test_the_gradient_is_the_adjoint(layer: str, ndim: int) -> None:
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩ of every linear step."""
    plan = _plan(layer.replace("PARTS", ", ".join(["2", "1", "2"][:ndim])), ndim)
    found = [dot_finding(plan, node, 3) for node in plan.nodes[1:]]
    kinds = {finding.name.split()[-1] for finding in found if finding is not None}
    linear = plan.nodes[1].kind if layer in LINEAR else plan.nodes[-2].kind
    assert linear in kinds
    assert all(finding.passed for finding in found if finding is not None)


@pytest.mark.parametrize(
    "layer",
    ["{pool: max, size: 2}", "{pool: max, size: all}", "{norm: instance}", "{norm: layer}", "{activation: relu}"],
)
def test_what_is_not_linear_is_not_taken_for_linear(layer: str) -> None:
    plan = _plan(layer, 2)
    assert dot_finding(plan, plan.nodes[1], 3) is None


def test_a_rectifier_fails_the_dot_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though ⟨f(x), y⟩ = ⟨x, gradient at x⟩ holds of it."""
    plan = plan_of("- {upsample: 1}", (1, 9))
    monkeypatch.setitem(modules._MODULES, "upsample", lambda node, asked: torch.nn.ReLU())
    finding = dot_finding(plan, plan.nodes[1], 3)
    assert finding is not None
    assert finding.measured > 0.01


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_kernels_of_one_sample_are_a_matrix_product_over_channels(ndim: int) -> None:
    network = network_of(plan_of("- {conv: 5, kernel: 1}", (3, *SHAPES[ndim]), outputs=5))
    layer = network.steps["layers_0_conv"]
    x = _random(2, 3, *SHAPES[ndim])
    expected = torch.einsum("kc,bcs->bks", layer.weight.flatten(1), x.flatten(2)) + layer.bias[:, None]
    assert torch.allclose(network(x).flatten(2), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("method", ["max", "mean"])
def test_pooling_has_no_parameters_and_treats_each_channel_alone(method: str, ndim: int) -> None:
    text = f"- {{pool: {method}, size: 2}}"
    shape = SHAPES[ndim]
    network = network_of(plan_of(text, (3, *shape), outputs=3))
    alone = network_of(plan_of(text, (1, *shape)))
    x = _random(1, 3, *shape)
    assert not list(network.parameters())
    blocks = x.reshape(1, 3, *(size for n in shape for size in (n // 2, 2)))
    taps = tuple(range(3, 3 + 2 * ndim, 2))
    expected = blocks.amax(taps) if method == "max" else blocks.mean(taps)
    assert torch.allclose(network(x), expected, rtol=0, atol=1e-15)
    assert torch.equal(network(x), torch.cat([alone(x[:, [channel]]) for channel in range(3)], dim=1))


def test_grouped_convolution_keeps_groups_apart() -> None:
    network = network_of(plan_of("- {conv: 4, kernel: 3, groups: 2}", (2, 16), outputs=4))
    x = _random(1, 2, 16)
    other = x.clone()
    other[:, 1] += 1
    before, after = network(x), network(other)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.isclose(before[:, 2:], after[:, 2:]).any()


def test_an_identity_shortcut_adds_the_input_before_the_activation() -> None:
    """σ(a + z)."""
    network = network_of(plan_of("- residual: [{conv: 2, kernel: 3}]\n  activation: relu", (2, 9), outputs=2))
    assert not any("shortcut" in name for name in network.steps)
    a = _random(1, 2, 9)
    z = network.steps["layers_0_residual_0_conv"](a)
    assert torch.equal(network(a), torch.relu(z + a))


def test_a_projecting_shortcut_has_kernel_one_the_norm_and_no_bias() -> None:
    """σ(f(a) + z)."""
    layers = "[{conv: 4, kernel: 3, stride: 2, norm: batch, activation: relu}, {conv: 4, kernel: 3, norm: batch}]"
    text = f"- {{residual: {layers}, activation: tanh}}"
    network = network_of(plan_of(text, (2, 10, 12), outputs=4))
    a = _random(1, 2, 10, 12)
    steps = network.steps
    projection = steps["layers_0_shortcut_conv"]
    assert projection.bias is None
    assert projection.weight.shape == (4, 2, 1, 1)
    z = a
    for name in ["residual_0_conv", "residual_0_norm", "residual_0_activation", "residual_1_conv", "residual_1_norm"]:
        z = steps[f"layers_0_{name}"](z)
    f = steps["layers_0_shortcut_norm"](torch.einsum("kc,bcij->bkij", projection.weight[..., 0, 0], a[..., ::2, ::2]))
    assert torch.allclose(network(a), torch.tanh(f + z), rtol=0, atol=1e-12)


def test_a_skip_is_added_or_stacked_after_the_channels_so_far() -> None:
    x = _random(1, 2, 8)
    for join in ("add", "concat"):
        text = f"- {{conv: 2, kernel: 3, save: a}}\n- {{conv: 2, kernel: 3}}\n- {{{join}: a}}"
        network = network_of(plan_of(text, (2, 8), outputs=2 if join == "add" else 4))
        a = network.steps["layers_0_conv"](x)
        z = network.steps["layers_1_conv"](a)
        assert torch.equal(network(x), z + a if join == "add" else torch.cat([z, a], 1))


def test_norm_stands_before_the_activation_and_dropout_after_it() -> None:
    text = "- {conv: 2, kernel: 1, norm: batch, activation: relu, dropout: 0.5}"
    network = network_of(plan_of(text, (2, 64), outputs=2))
    x = _random(1, 2, 64)
    z = network.steps["layers_0_norm"](network.steps["layers_0_conv"](x))
    assert torch.equal(network(x), torch.relu(z))
    network.steps["layers_0_dropout"].train()
    kept = network(x)
    assert torch.equal(kept[kept != 0], 2 * torch.relu(z)[kept != 0])
    assert (kept == 0).sum() > (torch.relu(z) == 0).sum()
