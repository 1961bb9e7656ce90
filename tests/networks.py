"""Specs, plans and networks for tests, and a strategy that draws specs which fit together."""

from __future__ import annotations

from itertools import count
from math import prod
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from geocnn.errors import ConfigError, Fault
from geocnn.marked import parse_marked
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import Plan, expand
from geocnn.network.resampling import Pooled
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


def is_determined(network: Network, x: Tensor) -> bool:
    """Whether roundings decide nowhere which sample of a window is the largest.

    ``unpool`` puts values back where it was: of some that are equal but for roundings, that may be another one in every
    order of the arithmetic. Zeros, as relu gives them, are equal in all.
    """
    generator, same = torch.Generator().manual_seed(1), []

    def compare(pool: nn.Module, inputs: tuple[Tensor], output: tuple[Any, ...]) -> None:
        noise = torch.randn(inputs[0].shape, dtype=x.dtype, generator=generator)
        _, *moved = pool.forward(inputs[0] * (1 + 64 * torch.finfo(x.dtype).eps * noise))
        same.extend(a.equal(b) for a, b in zip(output[1:], moved, strict=True) if isinstance(a, Tensor))

    hooks = [step.register_forward_hook(compare) for step in network.steps.values() if isinstance(step, Pooled)]
    with torch.inference_mode():
        network(x)
    for hook in hooks:
        hook.remove()
    return all(same)


Layers = list[dict[str, Any]]
FUNCTIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")
FACTORS = (2, 3)


def exact_specs(axes: int) -> st.SearchStrategy[Spec]:
    """Specs of at most three levels whose output has the sizes of their input, and whose tiles are exact."""
    return _specs(axes, whole=False)


def plain_specs(axes: int) -> st.SearchStrategy[Spec]:
    """The same of convolutions, pools, batch norms, residual blocks and levels that are repeated upwards alone."""
    return _specs(axes, whole=False, plain=True)


def all_specs(axes: int) -> st.SearchStrategy[Spec]:
    """The same, and some that look at all samples at once: norms of an instance or of groups, gates, dense ends."""
    return _specs(axes, whole=True)


@st.composite
def _specs(draw: st.DrawFn, axes: int, whole: bool, plain: bool = False) -> Spec:
    writer = _Writer(draw, axes, whole, plain)
    layers = writer.level(2)
    if whole and draw(st.integers(0, 3)) == 0:
        return _checked([*layers, "flatten", {"dense": 3, "activation": "tanh"}, {"dense": "outputs"}])
    return _checked([*layers, {"conv": "outputs", "kernel": 1}])


class _Writer:
    """Layers that fit together, whatever comes before them.

    Parameters
    ----------
    draw
        Of a composite strategy.
    axes
        Of the input.
    whole
        Whether layers may look at all samples at once.
    plain
        Whether there are only layers of the simplest kinds.
    """

    def __init__(self, draw: st.DrawFn, axes: int, whole: bool, plain: bool) -> None:
        self.draw, self.axes, self.whole, self.plain = draw, axes, whole, plain
        self.names = count()

    def level(self, depth: int) -> Layers:
        """Layers that keep sizes, around a coarser level with a skip, or a block of them."""
        layers = self.some(1, 2)
        if self.draw(st.booleans()):
            layers += self.block()
        if depth and self.draw(st.booleans()):
            layers += self.coarser(depth)
        return layers + self.some(0, 1)

    def some(self, least: int, most: int) -> Layers:
        """A few layers that keep sizes."""
        made = [self.keeping() for _ in range(self.draw(st.integers(least, most)))]
        return [layer for layers in made for layer in layers]

    def keeping(self) -> Layers:
        """One layer that keeps sizes, with what must stand before it."""
        kinds = {
            "conv": self.conv,
            "grouped": self.grouped,
            "transposed": lambda: [{"transposed_conv": self.channels(), **self.windows(), **self.tail()}],
            "pool": self.pool,
            "norm": lambda: [{"norm": self.norm()}],
            "layer norm": lambda: [{"conv": 4, "kernel": 1}, {"norm": "layer"}],
            "activation": lambda: [{"activation": self.draw(st.sampled_from(FUNCTIONS))}],
            "dropout": lambda: [{"dropout": 0.1}],
            "fixed": self.fixed,
            "gate": self.gate,
            "crop": self.cropped,
            "head": self.head,
        }
        names = ["conv", "pool", "norm"] if self.plain else ["conv", *kinds]
        return kinds[self.draw(st.sampled_from(["conv", *names]))]()

    def conv(self) -> Layers:
        """A convolution; to reflect, a level needs more samples than are padded."""
        written = {"conv": self.channels(), **self.windows(), **self.tail()}
        more: list[dict[str, Any]] = [{}, {}, {"separable": True}, {"padding_mode": "replicate"}]
        more.append({"padding_mode": "reflect", "kernel": 3, "dilation": 1})
        return [{**written, **({} if self.plain else self.draw(st.sampled_from(more)))}]

    def grouped(self) -> Layers:
        groups = self.draw(st.sampled_from([2, "channels"]))
        return [{"conv": 4, "kernel": 1}, {"conv": 4, **self.windows(), "groups": groups, **self.tail()}]

    def pool(self) -> Layers:
        method = self.draw(st.sampled_from(["max", "mean"]))
        return [{"pool": method, "size": self.draw(st.integers(1, 3)), "stride": 1, "padding": "same"}]

    def fixed(self) -> Layers:
        name = self.draw(st.sampled_from(["sobel", "laplace", "gaussian", "mean"]))
        channels = 2 * self.axes if name == "sobel" else 2
        return [{"conv": 2, "kernel": 1}, {"conv": channels, "kernel": 3, "weights": name}]

    def gate(self) -> Layers:
        """x · g(x) with as many channels, with one, or with one sample that stands for all."""
        name = self.name()
        gate: Layers = [{"conv": self.draw(st.sampled_from([1, 2])), "kernel": 3, "activation": "sigmoid"}]
        if self.whole and self.draw(st.booleans()):
            method = self.draw(st.sampled_from(["max", "mean"]))
            gate = [{"pool": method, "size": "all"}, {"conv": 2, "kernel": 1, "activation": "sigmoid"}]
        return [{"conv": 2, "kernel": 1, "save": name}, *gate, {"multiply": name}]

    def cropped(self) -> Layers:
        """A join of samples and more samples."""
        name, join = self.name(), self.draw(st.sampled_from(["add", "concat", "multiply"]))
        wide = {"conv": 2, "kernel": 3, "padding": self.draw(st.integers(2, 3))}
        return [{"conv": 2, "kernel": 1, "save": name}, wide, {join: name, "fit": "crop"}]

    def head(self) -> Layers:
        name = self.name()
        end = {"conv": "outputs", "kernel": 1, "head": self.name()}
        return [{"activation": "elu", "save": name}, end, {"use": name}]

    def block(self) -> Layers:
        """Layers that hold layers."""
        kinds = ["residual", "branches", "repeat", "carry"]
        kind = self.draw(st.sampled_from(kinds[:1] if self.plain else ["residual", *kinds]))
        if self.plain:
            return [{"residual": self.some(1, 2), "activation": "relu"}]
        if kind == "residual":
            join = self.draw(st.sampled_from(["add", "concat"]))
            return [{"residual": self.some(1, 2), "join": join, "activation": "relu"}]
        if kind == "branches":
            return [self.branches()]
        if kind == "repeat":
            return [{"repeat": self.draw(st.integers(1, 3)), "layers": self.headless()}]
        name = self.name()
        layers = [*self.headless(), {"conv": 2, "kernel": 1}, {"add": name, "save": name}]
        repeat = {"repeat": self.draw(st.integers(1, 3)), "carry": [name], "layers": layers}
        return [{"conv": 2, "kernel": 1, "save": name}, repeat, {"concat": name}]

    def headless(self) -> Layers:
        """What may be repeated: heads have their names once in a network."""
        layers = self.some(1, 2)
        return [
            {key: value for key, value in layer.items() if key != "head"} for layer in layers if "head" not in layer
        ]

    def branches(self) -> dict[str, Any]:
        join = self.draw(st.sampled_from(["concat", "add", "multiply"]))
        if join == "concat":
            return {"branches": [[], self.some(1, 1), self.some(1, 1)]}
        even: Layers = [{"conv": 2, "kernel": 1}]
        return {"branches": [self.some(0, 1) + even, self.some(0, 1) + even], "join": join, "activation": "tanh"}

    def coarser(self, depth: int) -> Layers:
        """A level of fewer samples between two joined by a skip."""
        axes = self.axes
        factor = self.draw(st.sampled_from(FACTORS) | st.lists(st.integers(1, 2), min_size=axes, max_size=axes))
        parts = factor**axes if isinstance(factor, int) else prod(factor)
        kernel = self.draw(st.integers(1, 5))
        back: list[Layers] = [
            [{"upsample": factor}],
            [{"upsample": factor, "mode": "linear"}],
            [{"transposed_conv": 2, "kernel": kernel, "stride": factor}],
            [{"conv": 2 * parts, "kernel": 1}, {"pixel_shuffle": factor}],
        ]
        skip, pool = self.name(), self.name()
        layers: Layers = [{"conv": 2, "kernel": 1, "activation": "elu", "save": skip}]
        if not self.plain and self.draw(st.integers(0, 3)) == 0:
            layers += [{"pool": "max", "size": factor, "save": pool}, *self.level(depth - 1)]
            layers += [{"conv": 2, "kernel": 1}, {"unpool": pool}]
        else:
            layers += [self.draw(st.sampled_from(_reductions(factor))), *self.level(depth - 1)]
            layers += self.draw(st.sampled_from(back[:1] if self.plain else back))
        return [*layers, {"concat": skip}]

    def windows(self) -> dict[str, Any]:
        """A kernel and its dilation."""
        kernel = self.draw(st.integers(1, 4) | st.lists(st.integers(1, 4), min_size=self.axes, max_size=self.axes))
        return {"kernel": kernel, "dilation": self.draw(st.integers(1, 2))}

    def tail(self) -> dict[str, Any]:
        """What a layer with weights says after itself."""
        more = {"norm": self.norm()} if self.draw(st.booleans()) else {}
        return {"activation": self.draw(st.sampled_from(["tanh", "relu"])), **more}

    def norm(self) -> Any:
        """One that fits any number of channels; of one or two, a layer norm would leave the signs alone."""
        whole: list[Any] = ["instance", {"group": 1}] if self.whole else []
        return self.draw(st.sampled_from(["batch", *whole]))

    def channels(self) -> int:
        return self.draw(st.integers(1, 3))

    def name(self) -> str:
        return f"n{next(self.names)}"


def _reductions(factor: int | list[int]) -> Layers:
    return [
        {"pool": "max", "size": factor},
        {"conv": 2, "kernel": 2, "stride": factor},
        {"pool": "mean", "size": 3, "stride": factor, "padding": "same"},
        {"residual": [{"conv": 2, "kernel": 3, "stride": factor, "norm": "batch"}], "activation": "relu"},
    ]


def _checked(layers: list[Any]) -> Spec:
    faults: list[Fault] = []
    spec = read_spec(parse_marked("", "drawn"), (), layers, faults)
    if spec is None:
        raise ConfigError(faults)
    return spec
