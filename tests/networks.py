"""Specs, plans and networks for tests, and a strategy that draws specs which fit together."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from geocnn.errors import ConfigError, Fault
from geocnn.marked import parse_marked
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import Spec, read_spec

SHAPES = {1: (24,), 2: (16, 24), 3: (8, 16, 8)}


def spec_of(text: str) -> Spec:
    """Spec of a YAML text without faults."""
    faults: list[Fault] = []
    marked = parse_marked(text, "net.yaml")
    spec = read_spec(marked, (), marked.data, faults)
    if spec is None:
        raise ConfigError(faults)
    return spec


def plan_of(text: str, input: tuple[int, ...], outputs: int = 1) -> Plan:
    """Plan of a YAML text."""
    return expand(spec_of(text), input, outputs, parse_marked(text, "net.yaml"))


def network_of(plan: Plan, seed: int = 0) -> Network:
    """A network in float64 with every parameter and statistic drawn at random, ready to predict."""
    network = Network(plan)
    initialise(network, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("bias", "running_mean")):
                value.copy_(torch.randn(value.shape, generator=generator))
            elif name.endswith(("norm.weight", "running_var")):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network.double().eval()


Layers = list[dict[str, Any]]


def _windows(draw: st.DrawFn, axes: int) -> dict[str, Any]:
    kernel = draw(st.integers(1, 4) | st.lists(st.integers(1, 4), min_size=axes, max_size=axes))
    return {"kernel": kernel, "dilation": draw(st.integers(1, 2))}


@st.composite
def _keeping(draw: st.DrawFn, axes: int) -> dict[str, Any]:
    """A layer that keeps sizes."""
    kind = draw(st.sampled_from(["conv", "conv", "conv", "pool", "norm", "activation"]))
    if kind == "conv":
        more: dict[str, Any] = {"norm": "batch"} if draw(st.booleans()) else {}
        return {"conv": draw(st.integers(1, 3)), **_windows(draw, axes), "activation": "tanh", **more}
    if kind == "pool":
        method = draw(st.sampled_from(["max", "mean"]))
        return {"pool": method, "size": draw(st.integers(1, 3)), "stride": 1, "padding": "same"}
    return {"norm": "batch"} if kind == "norm" else {"activation": "relu"}


@st.composite
def _level(draw: st.DrawFn, axes: int, depth: int) -> Layers:
    """Layers that keep sizes: alone, residual, or around a coarser level with a skip."""
    layers = draw(st.lists(_keeping(axes), min_size=1, max_size=2))
    if draw(st.booleans()):
        layers.append({"residual": draw(st.lists(_keeping(axes), min_size=1, max_size=2)), "activation": "relu"})
    if depth and draw(st.booleans()):
        factor = draw(st.sampled_from([2, 3]) | st.lists(st.integers(1, 2), min_size=axes, max_size=axes))
        layers.append({"activation": "elu", "save": f"level{depth}"})
        layers.append(draw(st.sampled_from(_reductions(factor))))
        layers += draw(_level(axes, depth - 1))
        layers.append({"upsample": factor})
        layers.append({"concat": f"level{depth}"})
    return layers + draw(st.lists(_keeping(axes), max_size=1))


def _reductions(factor: int | list[int]) -> Layers:
    return [
        {"pool": "max", "size": factor},
        {"conv": 2, "kernel": 2, "stride": factor},
        {"pool": "mean", "size": 3, "stride": factor, "padding": "same"},
        {"residual": [{"conv": 2, "kernel": 3, "stride": factor, "norm": "batch"}], "activation": "relu"},
    ]


def exact_specs(axes: int) -> st.SearchStrategy[Spec]:
    """Specs of at most three levels whose output has the sizes of their input."""
    return _level(axes, 2).map(lambda layers: _checked([*layers, {"conv": "outputs", "kernel": 1}]))


def _checked(layers: Layers) -> Spec:
    faults: list[Fault] = []
    spec = read_spec(parse_marked("", "drawn"), (), layers, faults)
    if spec is None:
        raise ConfigError(faults)
    return spec
