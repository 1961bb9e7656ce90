"""One step: a network learns from a batch, together with the other processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from geocnn.network.build import Network
from geocnn.objective import Objective
from geocnn.patch import Labels
from geocnn.settings import TrainingConfig
from geocnn.survey.survey import FloatArray
from geocnn.training.group import Group
from geocnn.training.recipe import freeze, learning_rate, make_optimizer, still

__all__ = ["Batch", "Learner", "Learnt"]

Batch = tuple[FloatArray, Labels]
"""Images (B, C, \\*patch) and labels (B, \\*patch): this process's part of one batch."""


class Learnt(NamedTuple):
    """What a step did: the loss of the whole batch before it, the learning rate, and the norm of the gradient.

    The norm, of the gradient over all weights and before it is clipped, is only known where `clip` asks for it.
    """

    loss: float
    rate: float
    norm: float | None


class Learner:
    """Network and optimiser, and the step that binds them.

    Parameters
    ----------
    network
        With its first weights.
    settings
        The recipe.
    objective
        What the step makes smaller.
    group
        The processes that learn together, each from its part of every batch.
    """

    def __init__(self, network: Network, settings: TrainingConfig, objective: Objective, group: Group) -> None:
        self._settings, self._objective, self._group = settings, objective, group
        freeze(network, settings.freeze, settings.heads)
        network.recompute = settings.recompute
        self.network = network
        outputs = _Outputs(network, with_heads=bool(settings.heads))
        self._module, self._optimizer = group.prepare(outputs, make_optimizer(network, settings))

    def step(self, number: int, batches: Iterable[Batch], rate: float | None = None) -> Learnt:
        """Learn from `accumulate` batches, after `number` steps, at the recipe's learning rate or at another.

        Notes
        -----
        The loss is f(Σ s) with the sums s of all processes p, and f is not linear. Each process takes the gradient of
        n f(Σ s) by its own part alone, for n processes; their mean, which is what data-parallel training makes, is then
        Σ_p f'(Σ s) ∂s_p: the gradient of the loss of the whole batch. Batches that are accumulated are averaged.
        """
        settings, optimizer = self._settings, self._optimizer
        rate = learning_rate(number, settings) if rate is None else rate
        self._set_rate(rate)
        self.network.train()
        still(self.network)
        optimizer.zero_grad()
        losses = []
        for part, batch in enumerate(batches):
            self._seed(number, part)
            last = part == settings.accumulate - 1
            with self._group.fabric.no_backward_sync(self._module, enabled=not last and self._group.count > 1):
                loss = self._loss(*batch)
                self._group.fabric.backward(loss * (self._group.count / settings.accumulate))
            losses.append(loss.detach())
        norm = self._clip() if settings.clip else None
        optimizer.step()
        return Learnt(float(torch.stack(losses).mean()), rate, norm)

    def _seed(self, step: int, part: int) -> None:
        """Random numbers, as of dropout, that depend on nothing else."""
        place = (self._settings.seed, step, part, self._group.rank)
        seed = int(np.random.SeedSequence(place).generate_state(1)[0])
        # torch.manual_seed notes down its callers for GPUs that are not in use, which takes a millisecond.
        torch.default_generator.manual_seed(seed)
        if self._group.device.kind == "cuda":
            torch.cuda.manual_seed(seed)

    def _set_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]

    def _loss(self, image: FloatArray, label: Labels) -> Tensor:
        """The loss of the batch of all processes."""
        inputs, target = (self._moved(torch.from_numpy(each)) for each in (image, label))
        logits, heads = self._module(inputs)
        sums = self._objective.sums(logits, heads, target.long())
        loss: Tensor = self._objective.value(self._group.total(sums))
        return loss

    def _moved(self, tensor: Tensor) -> Tensor:
        if self._group.device.kind != "cuda":
            return tensor.to(self._group.fabric.device)
        # From pinned memory the copy runs beside what the GPU is still at.
        return tensor.pin_memory().to(self._group.fabric.device, non_blocking=True)

    def _clip(self) -> float:
        norm = self._group.fabric.clip_gradients(
            self._module, self._optimizer, max_norm=self._settings.clip, error_if_nonfinite=False
        )
        return float(norm) if norm is not None else float("nan")

    @property
    def state(self) -> dict[str, Any]:
        """Weights, moments, and the scale of fp16, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "precision": self._group.fabric.strategy.precision.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state of a checkpoint."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._group.fabric.strategy.precision.load_state_dict(state["precision"])


class _Outputs(nn.Module):
    """A network with its heads, where these are trained: what several processes learn together is called as a whole."""

    def __init__(self, network: Network, with_heads: bool) -> None:
        super().__init__()
        self.network, self._with_heads = network, with_heads

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, outputs, \\*patch), and those of the heads by name."""
        return self.network.with_heads(x) if self._with_heads else (self.network(x), {})
