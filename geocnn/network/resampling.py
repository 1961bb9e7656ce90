"""Torch modules that pad, gather, repeat and lay out samples, without weights."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from geocnn.network.node import PoolAttributes

__all__ = ["GlobalPool", "LinearUpsampling", "Nearest", "Pad", "Pooled", "PutBack", "Shuffle"]


class Pad(nn.Module):
    """More samples at the ends of each axis: a value, or after a mode of `torch.nn.functional.pad`.

    (B, C, \\*N) becomes (B, C, \\*(before + N + after)).
    """

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...], mode: str, value: float = 0.0) -> None:
        super().__init__()
        ends = zip(reversed(before), reversed(after), strict=True)  # torch begins with the last axis
        self.ends = [width for pair in ends for width in pair]
        self.mode, self.value = mode, value

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "constant":
            return functional.pad(x, self.ends, value=self.value)
        return functional.pad(x, self.ends, mode=self.mode)


class Pooled(nn.Module):
    """Max pooling that tells where in its padded input the largest samples were.

    Of x (B, C, \\*sizes) it makes (largest, indices, sizes); indices, shaped as the largest samples, count the padded
    samples of a channel, the last axis fastest.
    """

    def __init__(self, pool: nn.Module, pad: Pad | None) -> None:
        super().__init__()
        self.pool, self.pad = pool, pad

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, torch.Size]:
        sizes = x.shape[2:]
        largest, indices = self.pool(x if self.pad is None else self.pad(x))
        return largest, indices, sizes


class PutBack(nn.Module):
    """Samples put back at the indices of a pool, zeros elsewhere: (B, C, \\*M) to (B, C, \\*sizes).

    It takes what `Pooled` makes: indices (B, C, \\*M), and the sizes before that pool.
    """

    def __init__(self, pool: PoolAttributes) -> None:
        super().__init__()
        self.before, self.after = pool.before, pool.after

    def forward(self, x: Tensor, indices: Tensor, sizes: torch.Size) -> Tensor:
        padded = [near + n + far for near, n, far in zip(self.before, sizes, self.after, strict=True)]
        y = x.new_zeros(*x.shape[:2], prod(padded)).scatter(2, indices.flatten(2), x.flatten(2))
        y = y.view(*x.shape[:2], *padded)
        for axis, (near, n) in enumerate(zip(self.before, sizes, strict=True), start=2):
            y = y.narrow(axis, near, n)
        return y


class GlobalPool(nn.Module):
    """The largest or the mean of all samples, channel by channel: (B, C, \\*N) to (B, C, 1, …)."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        axes = tuple(range(2, x.ndim))
        return x.amax(axes, keepdim=True) if self.method == "max" else x.mean(axes, keepdim=True)


class Nearest(nn.Module):
    """Each sample repeated along each axis: (B, C, \\*N) to (B, C, \\*(N·f)).

    Torch computes which sample to repeat in floating point, which is exact for powers of two alone; other factors are
    done by views and one copy.
    """

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor
        self.scale = [float(f) for f in factor]
        self.exact = all(f & (f - 1) == 0 for f in factor)

    def forward(self, x: Tensor) -> Tensor:
        if self.exact:
            return functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        batch, channels, *shape = x.shape
        pairs = list(zip(shape, self.factor, strict=True))
        spread = x.reshape(batch, channels, *(size for n, _ in pairs for size in (n, 1)))
        repeated = spread.expand(batch, channels, *(size for pair in pairs for size in pair))
        return repeated.reshape(batch, channels, *(n * factor for n, factor in pairs))


class LinearUpsampling(nn.Module):
    """Samples on lines between neighbours along each axis: (B, C, \\*N) to (B, C, \\*(N·f)).

    Samples are centres of cells; the first and the last one hold beyond the ends.
    Output i·f + p lies at i + (p + ½)/f − ½: each phase p has weights of its own, so no position is computed.
    """

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        for axis, factor in enumerate(self.factor, start=2):
            if factor > 1:
                x = self._along(x, axis, factor)
        return x

    @staticmethod
    def _along(x: Tensor, axis: int, factor: int) -> Tensor:
        n = x.shape[axis]
        before = torch.cat((x.narrow(axis, 0, 1), x.narrow(axis, 0, n - 1)), axis)
        after = torch.cat((x.narrow(axis, 1, n - 1), x.narrow(axis, n - 1, 1)), axis)
        phases = []
        for p in range(factor):
            shift = (2 * p + 1 - factor) / (2 * factor)
            other = after if shift > 0 else before
            phases.append(x if shift == 0 else torch.lerp(x, other, abs(shift)))
        return torch.stack(phases, axis + 1).flatten(axis, axis + 1)


class Shuffle(nn.Module):
    """Channels laid out as samples: (B, C·Πf, \\*N) to (B, C, \\*(N·f))."""

    def __init__(self, factor: tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, *shape = x.shape
        ndim = len(shape)
        made = channels // prod(self.factor)
        y = x.reshape(batch, made, *self.factor, *shape)
        order = [part for axis in range(ndim) for part in (2 + ndim + axis, 2 + axis)]
        y = y.permute(0, 1, *order)
        return y.reshape(batch, made, *(n * f for n, f in zip(shape, self.factor, strict=True)))
