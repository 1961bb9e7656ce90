"""The running mean of a network's weights: smoother than the weights of the last step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["Average"]

Weights = dict[str, torch.Tensor]


class Average:
    """The exponential moving average of the weights of a network, which validation and the model file use.

    Parameters
    ----------
    network
        Whose weights; what norms have gathered is taken as it is at the last step.
    decay
        How much of the mean stays at each step.

    Notes
    -----
    After step k, counted from 1: m ← d m + (1 − d) w, with d = min(decay, (1 + k) / (10 + k)), so that the first steps
    are soon forgotten: as TensorFlow's ExponentialMovingAverage has it with its argument num_updates.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._mean = {name: each.detach().clone() for name, each in network.named_parameters()}

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        weights = [each.detach() for _, each in self._network.named_parameters()]
        torch._foreach_lerp_(list(self._mean.values()), weights, 1 - decay)

    @property
    def state(self) -> Weights:
        """The means by name."""
        return self._mean

    def restore(self, state: Weights) -> None:
        """Take up the means of a checkpoint."""
        for name, mean in self._mean.items():
            mean.copy_(state[name])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The network with the means for its weights; its own come back at the end."""
        parameters = dict(self._network.named_parameters())
        own = {name: each.detach().clone() for name, each in parameters.items()}
        try:
            _set(parameters, self._mean)
            yield
        finally:
            _set(parameters, own)


@torch.no_grad()
def _set(parameters: dict[str, nn.Parameter], values: Weights) -> None:
    for name, parameter in parameters.items():
        parameter.copy_(values[name])
