"""Losses of a segmentation: ratios of sums over interpreted samples, so that parts of a batch add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from geocnn.errors import ConfigError, Fault

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
    weights
        A weight w_c for each class, of which one at least is not 0; None leaves weighting to the formula.
    formula
        The loss of the sums (4, N) and the weights (N,).

    Raises
    ------
    ConfigError
        If the weights are not one for each class, or none of them is larger than 0.

    Notes
    -----
    All losses are ratios of the same four sums for each class c, over the samples whose label is not −1, with p the
    probability of the class: cross-entropy s_c = −Σ log p_c over the samples of class c, their number n_c,
    intersection i_c = Σ p_c over the samples of class c, and mass m_c = Σ p_c over all samples.
    """

    classes: int
    weights: Sequence[float] | None = None
    formula: Callable[[Tensor, Tensor | None], Tensor] = field(kw_only=True)

    def __post_init__(self) -> None:
        weights = self.weights
        if weights is not None and (len(weights) != self.classes or min(weights) < 0 or max(weights) <= 0):
            expected = f"{self.classes} numbers from 0 on, one for each class, of which one at least is larger than 0"
            raise ConfigError([Fault(f"class weights {', '.join(f'{each:g}' for each in weights)}", expected)])

    def value(self, sums: Tensor) -> Tensor:
        """The loss, a scalar, of the sums (4, N) over a whole batch; 0 where nothing is interpreted."""
        return self.formula(sums, None if self.weights is None else sums.new_tensor(self.weights))

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


def _balanced_cross_entropy(sums: Tensor, weights: Tensor | None) -> Tensor:
    """Cross-entropy with the samples of class c weighted by w_c: Σ w_c s_c / n; w_c = 1 − n_c / n if none are given.

    Without given weights this is, for two classes, the loss of Wu et al. (2019), FaultSeg3D: weight β, the share of
    background, for faults, and 1 − β for background. It is 0 then where only one class is there.
    """
    entropy, count = sums[0], sums[1]
    return (_weighting(count, weights) * entropy).sum() / count.sum().clamp(min=1)


def _dice(sums: Tensor, weights: Tensor | None) -> Tensor:
    """Σ w_c d_c / Σ w_c with d_c = 1 − (2 i_c + 1) / (m_c + n_c + 1): a mean over all classes, w_c = 1 if not given.

    For two classes it is d_1, which given weights do not change. Soft Dice of Milletari et al. (2016), V-Net, without
    squares, over the batch as a whole.
    """
    two = sums.shape[1] == 2
    _, count, intersection, mass = sums[:, 1:] if two else sums
    loss: Tensor = 1 - (2 * intersection + SMOOTHING) / (mass + count + SMOOTHING)
    return loss.mean() if two or weights is None else (weights * loss).sum() / weights.sum()


def _balanced_cross_entropy_and_dice(sums: Tensor, weights: Tensor | None) -> Tensor:
    """Dice + Σ w_c s_c / Σ w_c n_c, with w_c as in the two alone.

    Here the cross-entropy is divided by its weights, not by n: rare faults would else leave Dice alone in the sum.
    """
    entropy, count = sums[0], sums[1]
    weight = _weighting(count, weights)
    # Where Σ w_c n_c is 0, Σ w_c s_c is, too; else it is at least 1, unless weights are given.
    least = 1.0 if weights is None else torch.finfo(sums.dtype).tiny
    return _dice(sums, weights) + (weight * entropy).sum() / (weight * count).sum().clamp(min=least)


def _weighting(count: Tensor, weights: Tensor | None) -> Tensor:
    """The weights given, or w_c = 1 − n_c / n of each class."""
    return 1 - count / count.sum().clamp(min=1) if weights is None else weights


LOSSES: Mapping[str, Callable[..., Loss]] = MappingProxyType(
    {
        "balanced-cross-entropy": partial(Loss, formula=_balanced_cross_entropy),
        "dice": partial(Loss, formula=_dice),
        "balanced-cross-entropy+dice": partial(Loss, formula=_balanced_cross_entropy_and_dice),
    }
)
"""The losses by name, made for a number of classes and perhaps their weights: ``LOSSES["dice"](3, (1, 5, 5))``."""
