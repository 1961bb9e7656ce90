"""Weights of a trained model in another network: a new head on a trained body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from geocnn.errors import ModelError
from geocnn.model import Model
from geocnn.network.build import Network
from geocnn.records import listed

__all__ = ["NewLayer", "TakenWeights", "load_weights"]

LISTED = 8
"""Layers that are named before the rest is only counted."""


@dataclass(frozen=True)
class NewLayer:
    """A layer that keeps what it had, because the model has none of its name, or one of other shapes.

    Parameters
    ----------
    name
        Such as ``layers_16_conv``.
    here, there
        Shape of the weight that differs, in the network and in the model; None where there is no such weight.
    """

    name: str
    here: tuple[int, ...] | None = None
    there: tuple[int, ...] | None = None

    def __str__(self) -> str:
        if self.here is None and self.there is None:
            return f"{self.name} (not there)"
        return f"{self.name} ({_spelt(self.here)} here, {_spelt(self.there)} there)"


@dataclass(frozen=True)
class TakenWeights:
    """What a network took from a model.

    Parameters
    ----------
    taken, new
        Layers of the network whose weights were taken, and the others.
    unused
        Layers of the model that the network has not.
    weights, all_weights
        How many tensors were taken, and how many the network has.
    """

    taken: tuple[str, ...]
    new: tuple[NewLayer, ...]
    unused: tuple[str, ...]
    weights: int
    all_weights: int

    def summary(self, source: str) -> str:
        """``44 of 46 weights from runs/first; new: layers_16_conv (6×16×1³ here, 1×16×1³ there)``."""
        parts = [f"{self.weights} of {self.all_weights} weights from {source}"]
        named = (("new", [str(layer) for layer in self.new]), ("not used", self.unused))
        return "; ".join(parts + [f"{title}: {listed(names, LISTED)}" for title, names in named if names])


def load_weights(network: Network, model: Model) -> TakenWeights:
    """Copy the weights of a model into a network, for each layer whose name and shapes match.

    A layer is taken whole or not at all: the bias of another kernel is of no use.

    Raises
    ------
    ModelError
        If none matches.
    """
    own, theirs = network.state_dict(), model.network.state_dict()
    ours, others = _by_layer(own), _by_layer(theirs)
    taken = [layer for layer, weights in ours.items() if others.get(layer) == weights]
    if not taken:
        name, weights = next(iter(ours.items()))
        raise ModelError(
            f"no layer of the initial model fits the network: {_new(name, weights, others.get(name))}, and so on",
            expected="a model with layers of the same names and shapes",
            do="take the network that was trained, its width and channels too, or leave --init out",
        )
    network.load_state_dict(own | {name: theirs[name] for name in own if name in theirs and _layer(name) in taken})
    return TakenWeights(
        tuple(taken),
        tuple(_new(layer, weights, others.get(layer)) for layer, weights in ours.items() if layer not in taken),
        tuple(layer for layer in others if layer not in ours),
        sum(len(ours[layer]) for layer in taken),
        sum(map(len, ours.values())),
    )


Shapes = dict[str, tuple[int, ...]]


def _by_layer(state: Mapping[str, torch.Tensor]) -> dict[str, Shapes]:
    """Shapes of the weights of each layer; what only counts batches is left out."""
    layers: dict[str, Shapes] = {}
    for name, tensor in state.items():
        weight = name.rpartition(".")[2]
        if weight != "num_batches_tracked":
            layers.setdefault(_layer(name), {})[weight] = tuple(tensor.shape)
    return layers


def _layer(name: str) -> str:
    """``layers_3_conv`` of ``steps.layers_3_conv.weight``."""
    return name.split(".")[1]


def _new(name: str, ours: Shapes, theirs: Shapes | None) -> NewLayer:
    if theirs is None:
        return NewLayer(name)
    differing = next(weight for weight in (*ours, *theirs) if ours.get(weight) != theirs.get(weight))
    return NewLayer(name, ours.get(differing), theirs.get(differing))


def _spelt(shape: tuple[int, ...] | None) -> str:
    """``6×16×1³``."""
    if shape is None:
        return "nothing"
    axes = shape[2:]
    if len(axes) > 1 and len(set(axes)) == 1:
        return f"{shape[0]}×{shape[1]}×{axes[0]}{'²³'[len(axes) - 2]}"
    return "×".join(map(str, shape))
