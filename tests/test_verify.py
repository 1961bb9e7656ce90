"""Verification: all holds of networks as they are built, and each statement fails of a network that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from command import Geocnn
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, all_specs, plan_of
from torch import Tensor, nn

from geocnn.network import modules
from geocnn.network.build import Network
from geocnn.network.node import Node
from geocnn.network.plan import Plan, expand
from geocnn.network.reach import Gather
from geocnn.network.spec import load_spec, zoo_names
from geocnn.network.verify import agreement, verify
from geocnn.network.verify.agreement import plan_findings, prediction_finding, wiring_finding
from geocnn.network.verify.blocks import FUNCTIONS, residual_findings
from geocnn.network.verify.drawn import draw, drawn_network, part_up_to
from geocnn.network.verify.finding import Finding
from geocnn_cli import verify_screen


def failures(plan: Plan) -> list[Finding]:
    return [finding for finding in verify(plan) if not finding.passed]


@pytest.mark.parametrize("axes", [1, 2, 3])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_all_holds_of_drawn_networks(axes: int, data: st.DataObject) -> None:
    assert not failures(expand(data.draw(all_specs(axes)), (2, *(36,) * axes), 1))


@pytest.mark.parametrize("name", zoo_names())
def test_all_holds_of_the_zoo(name: str) -> None:
    """Narrow, and with a whole pass that ends where the published one ends."""
    spec, _ = load_spec(name)
    narrow = spec.model_copy(update={"width": 1 / 16})
    published = spec.published
    input, outputs = (published.input, published.outputs) if published else ((1, 32, 32, 32), 1)
    findings = list(verify(expand(narrow, input, min(outputs, 10))))
    assert [finding for finding in findings if not finding.passed] == []
    seen = [finding for finding in findings if finding.name == "outputs see what is planned"]
    assert seen
    assert all(finding.applies for finding in seen)


Break = Callable[[nn.Module], nn.Module]


class After(nn.Module):
    """A module, and something done to what it makes."""

    def __init__(self, inner: nn.Module, change: Callable[..., Any]) -> None:
        super().__init__()
        self.inner, self.change = inner, change

    def forward(self, *inputs: Tensor) -> Any:
        return self.change(self.inner(*inputs), *inputs)


def after(change: Callable[..., Any]) -> Break:
    return lambda module: After(module, change)


def reset(**changes: Any) -> Break:
    def broken(module: nn.Module) -> nn.Module:
        for name, value in changes.items():
            setattr(module, name, value)
        return module

    return broken


CONV = "- {conv: 2, kernel: 3}\n- {conv: outputs, kernel: 1}"
STRIDED = (
    "- {conv: 2, kernel: 3, stride: 2}\n- {transposed_conv: 2, kernel: 2, stride: 2}\n- {conv: outputs, kernel: 1}"
)
POOL = "- {conv: 3, kernel: 1}\n- {pool: KIND, size: 2}\n- {upsample: 2}\n- {conv: outputs, kernel: 1}"
RESIDUAL = (
    "- {conv: 2, kernel: 1}\n- {residual: [{conv: 2, kernel: 3}], activation: relu}\n- {conv: outputs, kernel: 1}"
)
PROJECTED = "- residual: [{conv: 2, kernel: 3, norm: batch}]\n  activation: tanh\n- {conv: outputs, kernel: 1}"
BROKEN: dict[str, tuple[str, str, Break, str]] = {
    "shifted by one": (CONV, "conv", after(lambda y, x: y.roll(1, -1)), "convolution = Toeplitz matrix"),
    "gradient of half": (
        CONV,
        "conv",
        after(lambda y, x: y / 2 + (y / 2).detach()),
        "gradient = transpose of the matrix",
    ),
    "flipped gradient": (
        CONV,
        "conv",
        after(lambda y, x: y.detach() + (y - y.detach()).flip(-1)),
        "gradient = full convolution, flipped",
    ),
    "not a matrix": (CONV, "conv", after(lambda y, x: y + y.mean()), "kernel of 1 = a matrix at each sample"),
    "not linear": (CONV, "conv", after(lambda y, x: y.relu()), "⟨Ax, y⟩ = ⟨x, Aᵀy⟩ of conv"),
    "wrong output": (STRIDED, "transposed_conv", after(lambda y, x: y.flip(2)), "transposed convolution = matrix"),
    "smaller output": (CONV, "conv", after(lambda y, x: y[..., :-1]), "shapes as planned"),
    "a mean with weights": (POOL, "pool", lambda module: weighted(module), "pool: no parameters"),
    "channels mixed": (POOL, "pool", after(lambda y, x: y + y.mean(1, keepdim=True)), "pool: each channel alone"),
    "twice the largest": (POOL, "pool", after(lambda y, x: 2 * y), "pool: largest of each window"),
    "a longer window": (POOL, "pool", reset(kernel_size=1), "pool: largest of each window"),
    "a difference": (RESIDUAL, "add", after(lambda y, z, a: z - a), "residual block = σ(a + z), σ(f(a) + z)"),
    "another function": (PROJECTED, "activation", after(lambda y, x: y + 1), "residual block = σ(a + z), σ(f(a) + z)"),
    "sees more": (CONV, "conv", after(lambda y, x: y + y.roll(1, 2)), "outputs see what is planned"),
    "sees less": (
        CONV,
        "conv",
        after(lambda y, x: y - y.detach() if y.shape[1] > 1 else y),
        "outputs see what is planned",
    ),
    "knows where it is": (
        CONV,
        "conv",
        after(lambda y, x: y + torch.linspace(0, 1, y.shape[2], dtype=y.dtype).reshape(-1, *(1,) * (y.ndim - 3))),
        "shifted input, shifted output",
    ),
    "knows how far it is": (CONV, "conv", after(lambda y, x: y * y.shape[2]), "a tile gives what the whole gives"),
}


def weighted(module: nn.Module) -> nn.Module:
    module.weight = nn.Parameter(torch.ones(1))
    return module


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_module_is_found(name: str, axes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, kind, broken, statement = BROKEN[name]
    plan = plan_of(text.replace("KIND", "max"), (1, *SHAPES[axes]))
    assert not failures(plan)
    build = modules._MODULES[kind]
    monkeypatch.setitem(modules._MODULES, kind, lambda node, asked: broken(build(node, asked)))
    found = {finding.name for finding in survived(plan)}
    assert statement in found


def survived(plan: Plan) -> list[Finding]:
    """What fails until a module can no longer be run at all."""
    found: list[Finding] = []
    with suppress(RuntimeError):
        found.extend(finding for finding in verify(plan) if not finding.passed)
    return found


def changed(plan: Plan, kind: str, **changes: Any) -> Plan:
    """A plan whose first node of a kind says something else."""
    odd = next(node for node in plan.nodes if node.kind == kind)
    nodes = tuple(replace(node, **changes) if node is odd else node for node in plan.nodes)
    return replace(plan, nodes=nodes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"shape": (15, 24)}, "shapes as planned"),
        ({"channels": 3}, "shapes as planned"),
        ({"parameters": 21}, "parameters as planned"),
        ({"multiply_adds": 1}, "multiply-adds as planned"),
    ],
)
def test_a_plan_that_says_something_else_is_found(changes: dict[str, Any], name: str) -> None:
    plan = plan_of(CONV, (1, 16, 24))
    network = Network(plan)
    assert [finding.name for finding in plan_findings(plan, network) if not finding.passed] == []
    found = [finding for finding in plan_findings(changed(plan, "conv", **changes), network) if not finding.passed]
    assert [finding.name for finding in found] == [name]


def test_a_step_that_takes_another_output_is_found() -> None:
    """The last sum takes the input where the plan says the first convolution."""
    plan = plan_of("- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 3}\n- {add: a}", (1, 9))
    network = drawn_network(plan, 0)
    x = draw((1, 1, 9), 1)
    assert wiring_finding(network, x).passed
    *others, last = plan.nodes
    network.plan = replace(plan, nodes=(*others, replace(last, inputs=(last.inputs[0], 0))))
    finding = wiring_finding(network, x)
    assert not finding.passed
    assert finding.place == "layers[2]"


def test_a_prediction_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = drawn_network(plan_of("- {conv: 2, kernel: 3, norm: batch}\n- {conv: 1, kernel: 1}", (1, 9)), 0)
    x = draw((1, 1, 9), 1)
    assert prediction_finding(network, x).passed
    monkeypatch.setattr(agreement, "InferenceNetwork", lambda network: After(network, lambda y, x: y + 1e-9))
    assert not prediction_finding(network, x).passed


def test_a_residual_block_is_told_by_its_formula() -> None:
    for text, formula in (
        (RESIDUAL, "relu(a + z)"),
        (PROJECTED, "tanh(f(a) + z)"),
        ("- {residual: [{conv: 3, kernel: 3}], join: concat}\n- {conv: 1, kernel: 1}", "a beside z"),
    ):
        network = drawn_network(plan_of(text, (1, 16)), 0)
        (finding,) = residual_findings(network, draw((1, 1, 16), 1))
        assert finding.what == formula
        assert finding.passed


def test_a_sum_that_is_no_residual_block_is_left_alone() -> None:
    network = drawn_network(plan_of("- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 3}\n- {add: a}", (1, 9)), 0)
    assert not list(residual_findings(network, draw((1, 1, 9), 1)))


def test_a_run_that_breaks_off_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(CONV, (1, 16))
    monkeypatch.setattr("geocnn.network.verify.wiring_finding", lambda network, x: network(x[:, :, :0]))
    (finding,) = failures(plan)
    assert finding.name == "each step takes what is planned"
    assert "cannot be run" in finding.what


def test_one_sample_is_not_normalised_by_itself() -> None:
    """An input of the usual small size would leave one sample of the instance."""
    half = "- {pool: max, size: 2}\n"
    assert not failures(plan_of(f"{half * 3}- {{norm: instance}}\n- {{conv: 1, kernel: 1}}", (1, 32)))


def test_a_thousand_layers_are_verified() -> None:
    """Once for all that are alike."""
    text = "- {conv: 2, kernel: 3, activation: relu}\n- {residual: [{conv: 2, kernel: 1}]}\n" * 250
    findings = list(verify(plan_of(text + "- {conv: outputs, kernel: 1}", (1, 32))))
    assert all(finding.passed for finding in findings)
    names = [finding.name for finding in findings]
    assert names.count("convolution = Toeplitz matrix") == 4
    assert names.count("residual block = σ(a + z), σ(f(a) + z)") == 250


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations_are_their_formulas(name: str) -> None:
    network = Network(plan_of(f"- {{activation: {name}}}", (1, 101)))
    x = torch.linspace(-5, 5, 101, dtype=torch.float64).reshape(1, 1, -1)
    assert torch.allclose(network(x.clone()), FUNCTIONS[name](x), rtol=0, atol=1e-14)


def test_a_part_is_what_one_node_depends_on() -> None:
    plan = plan_of(
        "- {conv: 2, kernel: 3, save: a}\n- {conv: outputs, kernel: 5, head: h}\n- {use: a}\n- {conv: 1, kernel: 1}",
        (1, 20),
    )
    part = part_up_to(plan, plan.nodes[plan.heads["h"]])
    assert [node.kind for node in part.nodes] == ["input", "conv", "conv"]
    assert (part.receptive_field, plan.receptive_field) == ((7,), (3,))


def test_the_screen_tells_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    verify_screen.draw_findings(verify_screen.found(plan_of(POOL.replace("KIND", "mean"), (1, 12, 12))))
    out = " ".join(capsys.readouterr().out.split())
    assert "convolution = Toeplitz" in out  # Further words may stand on the next line of a narrow screen.
    assert "pool: mean of each" in out
    assert "all hold" in out


def test_the_screen_tells_what_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = modules._MODULES["pool"]
    monkeypatch.setitem(modules._MODULES, "pool", lambda node, asked: After(build(node, asked), lambda y, x: 3 * y))
    verify_screen.draw_findings(verify_screen.found(plan_of(POOL.replace("KIND", "max"), (1, 12))))
    out = " ".join(capsys.readouterr().out.split())
    assert "does not hold: layers[1]: pool: largest of each window" in out
    assert "1 do not hold" in out


@pytest.mark.parametrize(("factor", "status"), [(1, 0), (3, 1)])
def test_the_command_fails_where_a_statement_does(
    factor: int, status: int, geocnn: Geocnn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(POOL.replace("KIND", "mean"), encoding="utf-8")
    build = modules._MODULES["pool"]
    monkeypatch.setitem(
        modules._MODULES, "pool", lambda node, asked: After(build(node, asked), lambda y, x: factor * y)
    )
    outcome = geocnn("check", spec, "--verify", "--input", "1,12,12")
    assert outcome.status == status
    assert ("does not hold" in outcome.out) is bool(status)


def test_findings_are_told_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    findings = verify_screen.found(plan_of("- {norm: instance}\n- {conv: 1, kernel: 3}", (1, 9)))
    data = verify_screen.findings_json(findings)
    assert all(each["passed"] for each in data)
    left = [(each["name"], each["place"], each["what"]) for each in data if not each["applies"]]
    why = "norm looks at all samples at once"
    assert left == [
        ("shifted input, shifted output", "layers[0]", why),
        ("a tile gives what the whole gives", "layers[0]", why),
    ]


@pytest.mark.parametrize(
    ("gather", "holds"), [(Gather(), True), (Gather(1, 1, 1, 0), False), (Gather(1, 1, 0, 1), False)]
)
def test_a_reach_that_is_one_sample_off_is_found(gather: Gather, holds: bool) -> None:
    plan = plan_of(CONV, (1, 16))
    nodes = tuple(wider(node, gather) for node in plan.nodes)
    found = [each for each in failures(replace(plan, nodes=nodes)) if each.name == "outputs see what is planned"]
    assert bool(found) is not holds


def wider(node: Node, gather: Gather) -> Node:
    last = node.kind == "conv" and node.place == "layers[1]"
    return replace(node, reach=tuple(reach.gathered(gather) for reach in node.reach)) if last else node
