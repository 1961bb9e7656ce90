"""Networks: equal to their plans for every kind and dimension, every field matters, memory is given back."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, exact_specs, network_of, plan_of, spec_of
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from geocnn.network import modules
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.layers import KINDS as LAYER_KINDS
from geocnn.network.node import step_name
from geocnn.network.onnx.steps import STEPS
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec
from geocnn.pictures.network import GROUPS

LAYERS = [
    "- {conv: 4, kernel: 3}",
    "- {conv: 4, kernel: 4}",
    "- {conv: 4, kernel: 3, stride: 2, padding: 2, dilation: 2, bias: false}",
    "- {conv: 4, kernel: 2, padding: valid, norm: batch, activation: silu, dropout: 0.5}",
    "- {conv: 4, kernel: 3, groups: 2, norm: batch, bias: true}",
    "- {pool: max, size: 2}",
    "- {pool: max, size: 2, stride: 1, padding: same}",
    "- {pool: mean, size: 3, stride: 2, padding: 1}",
    "- {pool: max, size: 3, stride: 2, padding: 1}",
    "- {pool: mean, size: 5, stride: 2, padding: 3}",
    "- {upsample: 3}",
    "- {conv: 2, kernel: 1, save: a}\n- {conv: 2, kernel: 3}\n- {add: a}",
    "- {conv: 3, kernel: 1, save: a}\n- {conv: 2, kernel: 3}\n- {concat: a}",
    "- residual: [{conv: 2, kernel: 3, norm: batch, activation: relu}, {conv: 2, kernel: 3}]\n  activation: relu",
    "- residual: [{conv: 5, kernel: 3, stride: 2, norm: batch}]\n  activation: relu",
    "- residual: [{conv: 5, kernel: 4, stride: 3}]",
    "- {conv: 4, kernel: 3, padding_mode: reflect}",
    "- {conv: 4, kernel: 4, padding: 2, padding_mode: replicate}",
    "- {conv: 6, kernel: 3, groups: channels}",
    "- {conv: 5, kernel: 3, stride: 2, separable: true, norm: batch, activation: relu}",
    "- {conv: 2, kernel: 3, weights: laplace}",
    "- {conv: 2, kernel: 4, weights: gaussian, stride: 2}",
    "- {conv: 2, kernel: 5, weights: mean, activation: tanh}",
    "- {transposed_conv: 4, kernel: 2, stride: 2}",
    "- {transposed_conv: 4, kernel: 7, stride: 4, norm: batch, activation: relu}",
    "- {transposed_conv: 4, kernel: 1, stride: 3, groups: 2}",
    "- {transposed_conv: 4, kernel: 4, stride: 2, dilation: 2, padding: valid, bias: false}",
    "- {transposed_conv: 4, kernel: 3, padding: 1}",
    "- {pool: max, size: all}",
    "- {pool: mean, size: all}",
    "- {pool: max, size: 2, padding: same, save: p}\n- {conv: 2, kernel: 3}\n- {unpool: p}",
    "- {pool: max, size: 3, stride: 4, save: p}\n- {activation: relu}\n- {unpool: p}",
    "- {upsample: 3, mode: linear}",
    "- {upsample: 2, mode: linear}",
    "- {conv: 16, kernel: 1}\n- {pixel_shuffle: 2}",
    "- {conv: 2, kernel: 3, save: a}\n- {conv: 1, kernel: 3, save: b}\n- {use: a}\n- {multiply: b}",
    "- {conv: 2, kernel: 3, save: a}\n- {conv: 2, kernel: 3, padding: valid}\n- {concat: a, fit: crop}",
    "- {conv: 2, kernel: 3, save: a}\n- {pool: mean, size: all}\n- {conv: 2, kernel: 1}\n- {multiply: a}",
    "- {conv: 2, kernel: 3, save: a}\n- {pool: max, size: all}\n- {concat: a}",
    "- residual: [{conv: 5, kernel: 3}]\n  join: concat\n  activation: relu",
    "- residual: [{pool: max, size: 2}, {conv: 3, kernel: 3}, {upsample: 2}]\n  join: concat",
    "- {branches: [[], [{conv: 3, kernel: 3}], [{conv: 1, kernel: 1}]], activation: relu}",
    "- {branches: [[{conv: 3, kernel: 1}], [{conv: 3, kernel: 3}]], join: add}",
    "- {branches: [[{conv: 3, kernel: 1}], [{conv: 1, kernel: 3}]], join: multiply}",
    "- {repeat: 3, layers: [{conv: 2, kernel: 3, norm: batch, activation: relu}]}",
    "- {conv: 2, kernel: 1, save: a}\n- repeat: 2\n  carry: [a]\n  layers: [{conv: 2, kernel: 3}, {add: a, save: a}]",
    "- {norm: batch}",
    "- {norm: instance}",
    "- {norm: layer}",
    "- {conv: 6, kernel: 3, norm: {group: 3}}",
    "- {conv: 64, kernel: 1, norm: group}",
    "- {conv: 2, kernel: 1, save: a}\n- {conv: outputs, kernel: 1, head: h}\n- {use: a}",
    "- {activation: gelu}",
    "- {dropout: 0.2}",
    "- flatten",
    "- flatten\n- {dense: 5, norm: batch, activation: tanh, dropout: 0.1}\n- residual: [{dense: 5}]\n- {norm: batch}",
]
KINDS = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


def _outputs(network: Network, x: Tensor) -> dict[str, Tensor]:
    """The output of every step by its name."""
    values: dict[str, Tensor] = {}
    for name, step in network.steps.items():
        step.register_forward_hook(
            lambda module, taken, made, name=name: values.update({name: made[0] if isinstance(made, tuple) else made})
        )
    network.with_heads(x)
    return values


def _finished(text: str, ndim: int, channels: int = 2) -> Plan:
    end = "{dense: outputs}" if "flatten" in text else "{conv: outputs, kernel: 1}"
    return plan_of(f"{text}\n- {end}", (channels, *SHAPES[ndim]), outputs=3)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("text", LAYERS + [f"- {{activation: {kind}}}" for kind in KINDS])
def test_the_plan_says_what_the_module_does(text: str, ndim: int) -> None:
    plan = _finished(text, ndim)
    network = Network(plan)
    x = torch.randn(2, *plan.input)
    values = _outputs(network, x)
    for node in plan.nodes[1:]:
        value = values[step_name(node)]
        assert value.shape == (2, node.channels, *node.shape), node.place
        assert sum(parameter.numel() for parameter in network.step(node).parameters()) == node.parameters, node.place
    assert network.eval()(x).shape == (2, 3, *plan.output.shape)
    assert sum(parameter.numel() for parameter in network.parameters()) == plan.parameters


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("text", LAYERS)
def test_multiply_adds_are_those_of_the_weights(text: str, ndim: int) -> None:
    plan = _finished(text, ndim)
    network = Network(plan)
    assert _counted(network, torch.randn(2, *plan.input)) == plan.multiply_adds


def _counted(network: Network, x: Tensor) -> int:
    """Products of weights and samples, as torch counts them, for one input."""
    with FlopCounterMode(display=False) as counter:
        network.with_heads(x)
    return counter.get_total_flops() // 2 // len(x)


FIELDS = [
    ("{conv: 2, kernel: 3, FIELD}", "stride: 2", "stride: 3"),
    ("{conv: 2, kernel: 3, FIELD}", "padding: same", "padding: valid"),
    ("{conv: 2, kernel: 3, FIELD}", "padding: 1", "padding: 2"),
    ("{conv: 2, kernel: 3, FIELD}", "padding_mode: zeros", "padding_mode: reflect"),
    ("{conv: 2, kernel: 3, FIELD}", "dilation: 1", "dilation: 2"),
    ("{conv: 2, kernel: 3, FIELD}", "groups: 1", "groups: 2"),
    ("{conv: 2, kernel: 3, FIELD}", "separable: false", "separable: true"),
    ("{conv: 2, kernel: 3, FIELD}", "weights: mean", "weights: gaussian"),
    ("{conv: 2, kernel: 3, FIELD}", "bias: true", "bias: false"),
    ("{conv: 2, kernel: 3, FIELD}", "init: he_normal", "init: orthogonal"),
    ("{conv: 2, kernel: 3, FIELD}", "activation: relu", "activation: tanh"),
    ("{conv: 2, kernel: 3, FIELD}", "dropout: 0.1", "dropout: 0.2"),
    ("{conv: 2, kernel: 3, bias: true, FIELD}", "norm: batch", "norm: layer"),
    ("{conv: 2, FIELD}", "kernel: 3", "kernel: 5"),
    ("{FIELD, kernel: 3}", "conv: 2", "conv: 4"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "stride: 2", "stride: 3"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "padding: same", "padding: valid"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "dilation: 1", "dilation: 2"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "groups: 1", "groups: 2"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "bias: true", "bias: false"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "init: he_normal", "init: zeros"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "norm: batch", "norm: instance"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "activation: relu", "activation: elu"),
    ("{transposed_conv: 2, kernel: 3, FIELD}", "dropout: 0.1", "dropout: 0.2"),
    ("{transposed_conv: 2, FIELD}", "kernel: 3", "kernel: 5"),
    ("{FIELD, kernel: 3}", "transposed_conv: 2", "transposed_conv: 4"),
    ("{FIELD, size: 2}", "pool: max", "pool: mean"),
    ("{pool: max, FIELD}", "size: 2", "size: 3"),
    ("{pool: max, size: 2, FIELD}", "stride: 1", "stride: 2"),
    ("{pool: max, size: 3, FIELD}", "padding: valid", "padding: 1"),
    (
        "{pool: max, size: 2, save: a}, {unpool: a}, {pool: max, size: 2, save: b}, {add: b}, {FIELD}",
        "unpool: a",
        "unpool: b",
    ),
    ("{FIELD}", "upsample: 2", "upsample: 3"),
    ("{upsample: 2, FIELD}", "mode: nearest", "mode: linear"),
    ("{conv: 36, kernel: 1}, {FIELD}", "pixel_shuffle: 2", "pixel_shuffle: 3"),
    *(
        (
            "{conv: 2, kernel: 1, save: a}, {conv: 2, kernel: 3, save: b}, {add: a}, {add: b, save: c}, {FIELD}, "
            "{concat: c}",
            f"{kind}: a",
            f"{kind}: b",
        )
        for kind in ("use", "add", "multiply", "concat")
    ),
    *(
        (f"{{conv: 2, kernel: 1, save: a}}, {{conv: 2, kernel: 1}}, {{{kind}: a, FIELD}}", "fit: crop", "")
        for kind in ("add", "multiply", "concat")
    ),
    ("{FIELD}", "residual: [{conv: 2, kernel: 3}]", "residual: [{conv: 2, kernel: 5}]"),
    ("{residual: [{conv: 2, kernel: 3}], FIELD}", "join: add", "join: concat"),
    ("{residual: [{conv: 2, kernel: 3}], FIELD}", "activation: relu", "activation: elu"),
    ("{residual: [{conv: 2, kernel: 3}], FIELD}", "fit: crop", ""),
    ("{FIELD}", "branches: [[], [{conv: 2, kernel: 3}]]", "branches: [[], [{conv: 2, kernel: 5}]]"),
    ("{branches: [[], [{conv: 2, kernel: 3}]], FIELD}", "join: add", "join: multiply"),
    ("{branches: [[], [{conv: 2, kernel: 3}]], FIELD}", "activation: relu", "activation: elu"),
    ("{branches: [[], [{conv: 2, kernel: 3}]], FIELD}", "fit: crop", ""),
    ("{FIELD, layers: [{conv: 2, kernel: 3}]}", "repeat: 2", "repeat: 3"),
    ("{repeat: 2, FIELD}", "layers: [{conv: 2, kernel: 3}]", "layers: [{conv: 2, kernel: 5}]"),
    ("{FIELD}", "norm: batch", "norm: layer"),
    ("{FIELD}", "activation: relu", "activation: elu"),
    ("{FIELD}", "dropout: 0.2", "dropout: 0.3"),
    ("flatten, {FIELD}", "dense: 2", "dense: 3"),
    *(
        ("flatten, {dense: 2, FIELD}", *fields)
        for fields in (
            ("bias: true", "bias: false"),
            ("init: he_normal", "init: zeros"),
            ("norm: batch, bias: true", "norm: layer, bias: true"),
            ("activation: relu", "activation: elu"),
            ("dropout: 0.1", "dropout: 0.2"),
        )
    ),
]
"""Layers of a network of which one differs in one field."""


@pytest.mark.parametrize(("layers", "first", "second"), FIELDS)
def test_every_field_changes_plan_or_module(layers: str, first: str, second: str) -> None:
    def described(field: str) -> str:
        last = "{dense: outputs}" if "dense" in layers + field else "{conv: outputs, kernel: 1}"
        plan = plan_of(f"[{layers.replace('FIELD', field)}, {last}]", (2, 12, 12))
        return f"{Network(plan)} {plan.nodes}"

    assert described(first) != described(second)


def test_no_field_is_left_out() -> None:
    """But for names, and `carry`, without which what it carries cannot even be named."""
    wanted = {
        (kind, name)
        for kind, record in LAYER_KINDS.items()
        for name in record.model_fields
        if name not in ("kind", "save", "head", "carry")
    }
    seen = set()
    for layers, first, second in FIELDS:
        pairs = [spec_of(f"[{layers.replace('FIELD', field)}]").layers for field in (first, second)]
        for one, other in zip(*pairs, strict=True):
            differing = [name for name in type(one).model_fields if getattr(one, name) != getattr(other, name, None)]
            seen |= {(one.kind, name) for name in differing}
    assert sorted(wanted - seen) == []


@pytest.mark.parametrize("table", [STEPS, GROUPS], ids=["onnx", "picture"])
def test_tables_know_every_kind(table: Mapping[str, object]) -> None:
    known = {*table, "norm", "activation", "dropout"} if table is GROUPS else {*table}
    assert modules._MODULES.keys() <= known


def test_the_wider_half_of_same_padding_is_at_the_far_end() -> None:
    plan = plan_of("- {conv: 1, kernel: 2, bias: false}", (1, 4))
    network = Network(plan)
    with torch.no_grad():
        next(network.parameters()).copy_(torch.tensor([[[1.0, 10.0]]]))
    assert network(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])).tolist() == [[[21.0, 32.0, 43.0, 4.0]]]


def test_max_pooling_pads_with_nothing_and_mean_pooling_with_zeros() -> None:
    x = torch.tensor([[[-4.0, -2.0, -6.0]]])
    largest = Network(plan_of("- {pool: max, size: 3, stride: 1, padding: same}", (1, 3)))
    mean = Network(plan_of("- {pool: mean, size: 3, stride: 1, padding: same}", (1, 3)))
    assert largest(x).tolist() == [[[-2.0, -2.0, -2.0]]]
    assert mean(x).tolist() == [[[-2.0, -4.0, pytest.approx(-8 / 3)]]]


@pytest.mark.parametrize("factor", [2, 3, 5, 7])
def test_upsampling_repeats_samples(factor: int) -> None:
    network = Network(plan_of(f"- {{upsample: [{factor}, 1]}}", (1, 50, 2)))
    x = torch.randn(2, 1, 50, 2)
    assert torch.equal(network(x), x.repeat_interleave(factor, dim=2))


def test_a_network_runs_other_sizes_than_its_plan() -> None:
    network = network_of(
        plan_of("- {conv: 2, kernel: 3, stride: 2}\n- {upsample: 2}\n- {conv: 1, kernel: 1}", (1, 8, 8))
    )
    assert network(torch.zeros(1, 1, 12, 20, dtype=torch.float64)).shape == (1, 1, 12, 20)


def test_outputs_are_freed_after_their_last_use() -> None:
    conv = "- {conv: 1, kernel: 1}\n"
    network = Network(plan_of(f"- {{conv: 1, kernel: 1, save: a}}\n{conv}{conv}- {{concat: a}}\n{conv}", (1, 8)))
    alive: list[int] = []
    made: list[weakref.ref[Tensor]] = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        gc.collect()
        alive.append(sum(each() is not None for each in made))
        made.append(weakref.ref(output))

    for step in network.steps.values():
        step.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 1, 8))
    assert alive == [0, 1, 2, 2, 1]


def test_weights_come_from_the_seed_alone() -> None:
    plan = plan_of(
        "- {conv: 64, kernel: 3, activation: relu, norm: batch}\n- {conv: 64, kernel: 3}\n- flatten\n- {dense: 1}",
        (16, 8, 8),
    )
    first, second, other = Network(plan), Network(plan), Network(plan)
    initialise(first, 1)
    torch.manual_seed(5)
    initialise(second, 1)
    initialise(other, 2)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    rectified, plain = (first.steps[f"layers_{layer}_conv"].weight.detach() for layer in (0, 1))
    assert not torch.equal(plain, other.steps["layers_1_conv"].weight)
    assert float(rectified.std()) == pytest.approx((2 / (16 * 9)) ** 0.5, rel=0.03)
    assert float(plain.std()) == pytest.approx((1 / (64 * 9)) ** 0.5, rel=0.03)
    assert not any(value.any() for name, value in first.named_parameters() if name.endswith("bias"))


def test_names_of_weights_are_places_in_the_spec() -> None:
    plan = plan_of("- residual: [{conv: 3, kernel: 2, norm: batch}]\n- {conv: 1, kernel: 1}", (1, 4))
    assert [name for name, _ in Network(plan).named_parameters()] == [
        "steps.layers_0_residual_0_conv.1.weight",
        "steps.layers_0_residual_0_norm.weight",
        "steps.layers_0_residual_0_norm.bias",
        "steps.layers_0_shortcut_conv.weight",
        "steps.layers_0_shortcut_norm.weight",
        "steps.layers_0_shortcut_norm.bias",
        "steps.layers_1_conv.weight",
        "steps.layers_1_conv.bias",
    ]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_random_networks_are_as_planned(ndim: int, data: st.DataObject) -> None:
    plan = expand(data.draw(exact_specs(ndim)), (1, *(36,) * ndim), 1)
    network = network_of(plan)
    values = _outputs(network, torch.randn(1, *plan.input, dtype=torch.float64))
    shapes = {step_name(node): (node.channels, *node.shape) for node in plan.nodes[1:]}
    assert {name: tuple(value.shape[1:]) for name, value in values.items()} == shapes
    assert sum(parameter.numel() for parameter in network.parameters()) == plan.parameters


EVERY_KIND = """
- {conv: 8, kernel: 4, padding_mode: reflect, norm: {group: 2}, activation: silu, dropout: 0.1, save: a}
- {pool: max, size: 2, save: p}
- residual: [{conv: 8, kernel: 3, norm: batch, activation: relu}, {conv: 8, kernel: 3, norm: layer}]
  activation: relu
- {unpool: p}
- {add: a}
- {branches: [[], [{conv: 8, kernel: 3, separable: true, norm: instance}], [{pool: mean, size: all}]]}
- {conv: 24, kernel: 3, weights: gaussian, stride: 2}
- {upsample: 2, mode: linear}
- {transposed_conv: 16, kernel: 3, stride: 2}
- {pixel_shuffle: [2, 1]}
- {conv: 8, kernel: 3, stride: [4, 2], save: b}
- {upsample: 3}
- {conv: 8, kernel: 3, padding: valid, stride: 3}
- {add: b, fit: crop}
- {multiply: b, fit: crop}
- flatten
- {dense: outputs}
"""


@pytest.mark.parametrize("ours", ["every kind", "fault-small"])
def test_compiling_finds_one_graph(ours: str) -> None:
    shape = (1, 24, 24) if ours == "every kind" else (1, 16, 16, 16)
    plan = plan_of(EVERY_KIND, shape) if ours == "every kind" else expand(load_spec(ours)[0], shape, 1)
    network = network_of(plan)
    x = torch.randn(1, *plan.input, dtype=torch.float64)
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    assert torch.allclose(compiled(x), network(x), atol=1e-12)


def test_a_single_sample_is_cropped_where_it_does_not_stand_for_all() -> None:
    """An input of one sample is one of two, not the one of a global pool."""
    text = "- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 3, padding: 2}\n- {concat: a, fit: crop}"
    plan = plan_of(text + "\n- {conv: outputs, kernel: 1}", (1, 1))
    assert Network(plan)(torch.randn(1, 1, 1)).shape == (1, 1, *plan.output.shape) == (1, 1, 1)
