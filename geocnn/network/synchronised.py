"""Batch normalisation over the batches of all processes that train together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["SynchronisedBatchNorm", "synchronise"]


class SynchronisedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose statistics are those of the batches of all processes together.

    Parameters and buffers are those of `torch.nn.BatchNorm1d`. In `eval` mode, or in a process alone, it computes what
    that does. It runs wherever processes talk to each other; torch's `SyncBatchNorm` needs GPUs. Batches may differ in
    size, and one value for each channel is enough where the processes together have more.

    Notes
    -----
    Process p has n_p values of a channel, with mean μ_p and variance v_p. Over all n = Σ n_p of them (Chan et al.,
    1979) the mean is μ = Σ n_p μ_p / n and the variance v = Σ n_p (v_p + (μ_p − μ)²) / n; no large squares cancel.
    Moments are gathered and summed in the order of the processes, so that all have the same bits.

    With x̂ = (x − μ)/√(v + ε) and y = γx̂ + β the gradient by x is γ/√(v + ε) · (dy − Σdy/n − x̂ Σ(dy x̂)/n), sums over all
    processes. Those by γ and β are of this process's batch: data-parallel training adds them up.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalised x, of its shape (B, C, \\*N) and type; statistics are in float32 at least."""
        if not self.training or not _several():
            normalised: Tensor = super().forward(x)
            return normalised
        with torch.no_grad():
            mean, variance, count = _moments(x)
            if self.track_running_stats:
                self._track(mean, variance * count / (count - 1))
        apply: Any = _Normalised.apply
        made: Tensor = apply(x, self.weight, self.bias, mean, variance, count, self.eps)
        return made

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        """Let the running statistics follow; the variance is the unbiased one."""
        buffers: Any = self
        buffers.num_batches_tracked.add_(1)
        momentum = 1 / float(buffers.num_batches_tracked) if self.momentum is None else self.momentum
        buffers.running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
        buffers.running_var.mul_(1 - momentum).add_(variance, alpha=momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"an input of {input.ndim} axes, where batch and channels are two")


def synchronise(network: nn.Module) -> None:
    """Have every batch norm in a network take the statistics of all processes, in place.

    Parameters and buffers stay the same objects under the same names. All processes must call the network equally
    often while it trains.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(parent, name, _synchronised(child))


def _synchronised(norm: nn.modules.batchnorm._BatchNorm) -> SynchronisedBatchNorm:
    """A norm with the parameters and buffers of another."""
    made = SynchronisedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    for name, value in [*norm.named_parameters(), *norm.named_buffers()]:
        setattr(made, name, value)
    return made.train(norm.training)


def _several() -> bool:
    """Whether this process has joined others."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (C,) over all processes, and the number of values (1,) of each channel."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    mean, variance = torch.batch_norm_update_stats(wide, None, None, 0.0)
    own = torch.cat((mean, variance, mean.new_full((1,), x.numel() // x.shape[1])))
    gathered = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(gathered, own)
    table, channels = torch.stack(gathered), len(mean)
    means, variances, counts = table[:, :channels], table[:, channels:-1], table[:, -1:]
    count = counts.sum(0)
    mean = (counts * means).sum(0) / count
    return mean, (counts * (variances + (means - mean).square())).sum(0) / count, count


class _Normalised(torch.autograd.Function):
    """A batch normalised by the moments of all processes, and its gradients."""

    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        epsilon: float,
    ) -> Tensor:
        context.save_for_backward(x, weight, mean, variance, count)
        context.epsilon = epsilon
        return functional.batch_norm(x, mean, variance, weight, bias, eps=epsilon)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = context.saved_tensors
        epsilon, scale = context.epsilon, (variance + context.epsilon).rsqrt()
        # With fixed moments the gradients by weight and bias are Σ dy x̂ and Σ dy.
        _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, epsilon, (False, True, True)
        )
        by_input = None
        if context.needs_input_grad[0]:
            total = torch.cat((by_weight, by_bias))
            distributed.all_reduce(total)
            reflected, shift = (total / count).chunk(2)
            steepness = scale if weight is None else scale * weight
            # −γ/√(v + ε) · (x̂ Σ(dy x̂)/n + Σdy/n) is a norm by the same moments.
            by_input = functional.batch_norm(x, mean, variance, -steepness * reflected, -steepness * shift, eps=epsilon)
            by_input.addcmul_(gradient, steepness.view(-1, *(1,) * (x.ndim - 2)))
        if weight is None:
            by_weight = by_bias = None
        return by_input, by_weight, by_bias, None, None, None, None
