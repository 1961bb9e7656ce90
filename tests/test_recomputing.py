"""Recomputation: the same bits in less memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from measure import peak_bytes
from networks import SHAPES, all_specs, network_of, plan_of
from torch import Tensor, distributed

from geocnn.errors import ConfigError
from geocnn.network import schedule, synchronised
from geocnn.network.build import Network
from geocnn.network.liveness import overwrites
from geocnn.network.node import Node
from geocnn.network.plan import Plan, expand
from geocnn.network.segments import Segment, cut_at, cuts, segments
from geocnn.network.spec import load_spec
from geocnn.network.synchronised import synchronise


def learnt(network: Network, x: Tensor, recompute: bool, heads: bool) -> list[Tensor]:
    """Outputs, all gradients and all buffers after two steps."""
    network.train()
    network.recompute = recompute
    torch.manual_seed(5)
    found = []
    for _ in range(2):
        inputs = x.clone().requires_grad_()
        logits, others = network.with_heads(inputs) if heads else (network(inputs), {})
        outputs = [logits, *others.values()]
        sum((y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)).sum() for y in outputs).backward()
        found += [*outputs, inputs.grad]
    found.append(torch.rand(1))  # The random numbers go on as they did.
    return found + [p.grad for p in network.parameters() if p.grad is not None] + list(network.buffers())


def require_equal_bits(plan: Plan, heads: bool = False) -> None:
    x = torch.randn(3, *plan.input, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, again = (learnt(network_of(plan), x, recompute, heads) for recompute in (False, True))
    assert len(plain) == len(again)
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


@pytest.fixture
def finest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut wherever that is allowed."""

    def everywhere(nodes: Sequence[Node], keep: Any, over: Any) -> tuple[Segment, ...]:
        return cut_at(nodes, keep, cuts(nodes, over))

    monkeypatch.setattr(schedule, "segments", everywhere)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A group of one process, whose norms talk to it."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    monkeypatch.setattr(synchronised, "_several", lambda: True)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("finest")
@pytest.mark.parametrize(("axes", "size"), [(1, 36), (2, 36), (3, 12)])
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), heads=st.booleans())
def test_drawn_networks_learn_the_same_bits(axes: int, size: int, data: st.DataObject, heads: bool) -> None:
    try:
        plan = expand(data.draw(all_specs(axes)), (2, *(size,) * axes), 1)
    except ConfigError:  # Levels that do not divide it.
        assume(False)
    require_equal_bits(plan, heads)


KINDS = {
    "in place": "- {conv: 2, kernel: 3, norm: batch, activation: elu, save: a}\n- {conv: 2, kernel: 3}\n- {add: a}",
    "unpool": "- {pool: max, size: 2, save: p}\n- {conv: 2, kernel: 3}\n- {norm: batch}\n- {unpool: p}",
    "dropout": "- {conv: 4, kernel: 3, dropout: 0.5}\n- {conv: 4, kernel: 3, dropout: 0.5}\n- {activation: gelu}",
    "a head": "- {conv: 2, kernel: 3, save: a}\n- {conv: 1, kernel: 3, head: h}\n- {use: a}\n- {norm: batch}",
    "frozen": "- {conv: 2, kernel: 3, norm: batch, activation: relu}\n- {conv: 2, kernel: 3, norm: batch}",
}


@pytest.mark.usefixtures("finest")
@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns_the_same_bits(kind: str, axes: int) -> None:
    text = "- {conv: 2, kernel: 1}\n" + KINDS[kind] + "\n- {conv: 1, kernel: 1}"
    require_equal_bits(plan_of(text, (2, *SHAPES[axes])), heads=kind == "a head")


@pytest.mark.usefixtures("finest")
def test_frozen_layers_stay_as_they_are() -> None:
    """Norms in `eval` mode and layers without gradients before layers that learn."""
    found = []
    for recompute in (False, True):
        network = network_of(plan_of(KINDS["frozen"] + "\n- {conv: 1, kernel: 1}", (2, 24))).train()
        for step in list(network.steps.values())[:3]:
            step.eval().requires_grad_(requires_grad=False)
        network.recompute = recompute
        network(torch.linspace(-1, 1, 96, dtype=torch.float64).view(2, 2, 24)).square().sum().backward()
        found.append([*network.buffers(), *[p.grad for p in network.parameters() if p.grad is not None]])
    assert len(found[0]) == len(found[1]) > 6
    assert all(a.equal(b) for a, b in zip(*found, strict=True))


@pytest.mark.usefixtures("finest")
def test_synchronised_norms_learn_the_same_bits(alone: None) -> None:
    found = []
    for recompute in (False, True):
        network = network_of(plan_of(KINDS["frozen"] + "\n- {conv: 1, kernel: 1}", (2, 24)))
        synchronise(network)
        x = torch.linspace(-1, 1, 96, dtype=torch.float64).view(2, 2, 24)
        found.append(learnt(network, x, recompute, heads=False))
    assert all(a.equal(b) for a, b in zip(*found, strict=True))


def unet(shape: tuple[int, ...], outputs: int = 1) -> Plan:
    return expand(load_spec("faultseg3d")[0], (1, *shape), outputs)


def test_a_u_net_keeps_less() -> None:
    plan = unet((32, 32, 32))

    def step(recompute: bool) -> int:
        def work() -> None:
            network.recompute = recompute
            network(x).square().mean().backward()

        network, x = Network(plan).train(), torch.randn(2, *plan.input)
        work()
        return peak_bytes(work)

    plain, again = step(recompute=False), step(recompute=True)
    assert again < 0.75 * plain


def test_prediction_keeps_nothing() -> None:
    plan = unet((16, 16, 16))
    network, x = network_of(plan), torch.randn(1, *plan.input, dtype=torch.float64)
    expected = network(x)
    network.recompute = True
    assert network(x).equal(expected)
    saved: list[Tensor] = []
    with torch.no_grad(), torch.autograd.graph.saved_tensors_hooks(saved.append, lambda x: x):
        network.train()(x)
    assert not saved


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), axes=st.integers(1, 3))
def test_segments_follow_one_another_and_write_over_nothing_that_crosses(data: st.DataObject, axes: int) -> None:
    try:
        plan = expand(data.draw(all_specs(axes)), (2, *(36,) * axes), 1)
    except ConfigError:
        assume(False)
    keep, over = {plan.output_id}, overwrites(plan, training=True)
    for found in (segments(plan.trunk, keep, over), cut_at(plan.trunk, keep, cuts(plan.trunk, over))):
        assert found[0].start == 1
        assert found[-1].stop == len(plan.trunk)
        assert all(a.stop == b.start for a, b in pairwise(found))
        made = {0}
        for segment in found:
            assert made.issuperset(segment.taken)
            made |= set(segment.made)
            inside = plan.trunk[segment.start : segment.stop]
            assert not {node.inputs[0] for node in inside if node.id in over} & set(segment.taken)
        assert plan.output_id in made


def test_a_chain_is_cut_into_shorter_and_shorter_segments() -> None:
    """16 equal outputs as 6 + 3/2, 4 + 2 · 3/2, 3 + 3 · 3/2 and 3 + 3 · 3/2; four segments of 4 take 4 + 3 · 3/2."""
    plan = plan_of("- {conv: 1, kernel: 3}\n" * 16, (1, 64))
    found = segments(plan.nodes, {plan.output_id}, ())
    assert [(segment.taken, segment.made) for segment in found] == [
        ((0,), (6,)),
        ((6,), (10,)),
        ((10,), (13,)),
        ((13,), (16,)),
    ]
