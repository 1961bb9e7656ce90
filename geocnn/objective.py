"""What training makes smaller: the loss of a network's output and of its heads, in sums that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil, floor

import torch
from torch import Tensor

from geocnn.errors import ConfigError, Fault
from geocnn.losses import Loss
from geocnn.network.plan import Node, Plan

__all__ = ["Objective", "at_samples", "unknown_heads"]


class Objective:
    """The loss of the output and, weighted, of heads (deep supervision): of sums over parts of a batch.

    Parameters
    ----------
    loss
        Of each of them.
    plan
        Of the network.
    heads
        Weights v_h by the names of heads, larger than 0; heads without a weight do not count.

    Raises
    ------
    ConfigError
        If a head of these is not there, or makes one output for all samples, which have labels of their own.

    Notes
    -----
    With L of the output and L_h of the heads: (L + Σ v_h L_h) / (1 + Σ v_h), as Lee et al. (2015), Deeply-supervised
    nets, but divided by the weights, so that learning rates fit any number of heads.
    """

    def __init__(self, loss: Loss, plan: Plan, heads: Mapping[str, float]) -> None:
        faults = [Fault(f"no head {name!r}", _named(plan.heads)) for name in unknown_heads(plan, heads)]
        for name in heads:
            if name in plan.heads and _is_one(node := plan.nodes[plan.heads[name]]):
                found = f"head {name!r} makes one output for all samples ({node.place})"
                faults.append(Fault(found, "a head with samples, as labels have", "leave it out of training.heads"))
        if faults:
            raise ConfigError(faults)
        self._loss = loss
        self._heads = [(name, plan.nodes[plan.heads[name]], weight) for name, weight in heads.items()]

    def sums(self, logits: Tensor, heads: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        """The sums of `Loss` of the output and of each weighted head, shape (1 + heads, 4, N); parts of a batch add up.

        Parameters
        ----------
        logits
            Of the output, shape (B, outputs, \\*patch).
        heads
            Those of heads by name, shape (B, outputs, \\*samples of the head); some may have no weight.
        labels
            Shape (B, \\*patch), integers; −1 where nobody interpreted.
        """
        found = [self._loss.sums(logits, labels)]
        found += [
            self._loss.sums(heads[name], at_samples(labels, node, heads[name].shape[2:]))
            for name, node, _ in self._heads
        ]
        return torch.stack(found)

    def value(self, sums: Tensor) -> Tensor:
        """The loss, a scalar, of the sums over a whole batch."""
        total, *others = (self._loss.value(each) for each in sums)
        for (_, _, weight), value in zip(self._heads, others, strict=True):
            total = total + weight * value
        return total / (1 + sum(weight for _, _, weight in self._heads))


def unknown_heads(plan: Plan, heads: Iterable[str]) -> list[str]:
    """The names among `heads` of which a network has no head."""
    return [name for name in heads if name not in plan.heads]


def at_samples(labels: Tensor, node: Node, samples: Iterable[int]) -> Tensor:
    """The labels of a node's output: one sample (B, \\*samples) of (B, \\*patch) for each of its samples.

    Notes
    -----
    Sample j of a node of stride s stands for the labels from ⌊js⌋ on. Of these it has the one at the node's offset, the
    centre of what output 0 sees, in whole samples: the earlier of two as near. Windows that lean to one side move it no
    further than to where the last output still has a label: at stride 1 and as many samples each has its own.

    Two pools of size 2, offset 3/2::

        labels   0 1 2 3 | 4 5 6 7
        samples    0     |   1          takes 1 and 5
    """
    for axis, (n, stride, offset) in enumerate(zip(samples, node.stride, node.offset, strict=True), start=1):
        size = labels.shape[axis]
        if n != size or stride != 1:
            labels = labels.index_select(axis, torch.tensor(_positions(n, size, stride, offset), device=labels.device))
    return labels


def _positions(n: int, size: int, stride: Fraction, offset: Fraction) -> list[int]:
    """Where among `size` labels the n samples of a head lie along an axis."""
    starts = [floor(j * stride) for j in range(n)]
    shift = max(0, min(ceil(offset - Fraction(1, 2)), size - 1 - starts[-1]))
    return [min(start + shift, size - 1) for start in starts]


def _is_one(node: Node) -> bool:
    """Whether a node makes one output for all samples."""
    return not node.shape or node.single


def _named(heads: Iterable[str]) -> str:
    return f"one of {', '.join(heads)}" if heads else "none: the network has no heads"
