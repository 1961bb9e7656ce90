"""Losses of a segmentation: ratios of sums over interpreted samples, so that parts of a batch add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["LOSSES", "Loss"]

SMOOTHING = 1.0
"""Added to both sides of Dice's ratio, in samples: finite and without a cliff where a class is absent."""


@dataclass(frozen=True)
class Loss:
    """A loss in two steps: sums over the samples of a part of a batch, then one value of the sums of all parts.

    Parameters
    ----------
    classes
        Number of classes N. Two classes have one logit, that of class 1; more have N.
    value
        The loss, a scalar, of the sums (4, N) over a whole batch; 0 where nothing is interpreted.

    Notes
    -----
    All losses are ratios of the same four sums for each class c, over the samples whose label is not −1, with p the
    probability of the class: cross-entropy s_c = −Σ log p_c over the samples of class c, their number n_c,
    intersection i_c = Σ p_c over the samples of class c, and mass m_c = Σ p_c over all samples.
    """

    classes: int
    value: Callable[[Tensor], Tensor]

    def sums(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The sums s, n, i, m of every class, shape (4, N), in float32 at least.

        Parameters
        ----------
        logits
            Shape (B, 1, \\*patch) for two classes, else (B, N, \\*patch).
        labels
            Shape (B, \\*patch), integers: 0 to N − 1, or −1 where nobody interpreted.
        """
        logs = _log_probabilities(logits.to(torch.promote_types(logits.dtype, torch.float32)))
        if logs.shape[1] != self.classes:
            raise ValueError(f"{logits.shape[1]} logits for {self.classes} classes")
        interpreted = labels >= 0
        columns = []
        for index, log in enumerate(logs.unbind(1)):
            own, probability = labels == index, log.exp()
            columns.append(
                torch.stack(
                    (
                        -log.where(own, 0).sum(),
                        own.sum().to(log.dtype),
                        probability.where(own, 0).sum(),
                        probability.where(interpreted, 0).sum(),
                    )
                )
            )
        return torch.stack(columns, dim=1)


def _log_probabilities(logits: Tensor) -> Tensor:
    """Log-probabilities of all classes, shape (B, N, \\*patch)."""
    if logits.shape[1] == 1:
        return torch.cat((functional.logsigmoid(-logits), functional.logsigmoid(logits)), dim=1)
    return functional.log_softmax(logits, dim=1)


def _balanced_cross_entropy(sums: Tensor) -> Tensor:
    """Cross-entropy with the samples of class c weighted by w_c = 1 − n_c / n: Σ w_c s_c / n.

    For two classes this is the loss of Wu et al. (2019), FaultSeg3D: weight β, the share of background, for faults, and
    1 − β for background. It is 0 where only one class is there.
    """
    entropy, count = sums[0], sums[1]
    return (_balance(count) * entropy).sum() / count.sum().clamp(min=1)


def _dice(sums: Tensor) -> Tensor:
    """1 − (2 i_c + 1) / (m_c + n_c + 1): of class 1 for two classes, else the mean over all classes.

    Soft Dice of Milletari et al. (2016), V-Net, without squares, over the batch as a whole.
    """
    _, count, intersection, mass = sums if sums.shape[1] > 2 else sums[:, 1:]
    loss: Tensor = 1 - (2 * intersection + SMOOTHING) / (mass + count + SMOOTHING)
    return loss.mean()


def _balanced_cross_entropy_and_dice(sums: Tensor) -> Tensor:
    """Dice + Σ w_c s_c / Σ w_c n_c.

    Here the cross-entropy is divided by its weights, not by n: rare faults would else leave Dice alone in the sum.
    """
    entropy, count = sums[0], sums[1]
    weight = _balance(count)
    # Σ w_c n_c is at least 1 wherever two classes are there, and 0 elsewhere.
    return _dice(sums) + (weight * entropy).sum() / (weight * count).sum().clamp(min=1)


def _balance(count: Tensor) -> Tensor:
    """w_c = 1 − n_c / n of each class."""
    weight: Tensor = 1 - count / count.sum().clamp(min=1)
    return weight


LOSSES: Mapping[str, Callable[[int], Loss]] = MappingProxyType(
    {
        "balanced-cross-entropy": partial(Loss, value=_balanced_cross_entropy),
        "dice": partial(Loss, value=_dice),
        "balanced-cross-entropy+dice": partial(Loss, value=_balanced_cross_entropy_and_dice),
    }
)
"""The losses by name, each made for a number of classes: ``LOSSES["dice"](2)``."""
