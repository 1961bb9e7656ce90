"""Sums, products and concatenations as a torch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geocnn.network.node import JoinAttributes

__all__ = ["Join"]


class Join(nn.Module):
    """Sum, product or concatenation of any number of inputs (B, C, \\*shape), over the first one if `inplace`."""

    def __init__(self, kind: str, asked: JoinAttributes) -> None:
        super().__init__()
        self.kind, self.crop, self.singles, self.inplace = kind, asked.crop, asked.singles, False

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.crop or (self.singles and self.kind == "concat"):
            inputs = self._alike(inputs)
        if self.kind == "concat":
            return torch.cat(inputs, dim=1)
        joined, *others = inputs
        for other in others:
            if self.kind == "add":
                joined = joined.add_(other) if self.inplace else joined + other
            else:
                joined = joined.mul_(other) if self.inplace else joined * other
        return joined

    def _alike(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """All cut at the far end to the smallest, and singles (see `Node.single`) repeated so often."""
        wide = [x.shape[2:] for position, x in enumerate(inputs) if position not in self.singles]
        least = [min(sizes) for sizes in zip(*wide, strict=True)]
        return tuple(
            x.expand(*x.shape[:2], *least) if position in self.singles else _cut(x, least)
            for position, x in enumerate(inputs)
        )


def _cut(x: Tensor, sizes: list[int]) -> Tensor:
    for axis, n in enumerate(sizes, start=2):
        x = x.narrow(axis, 0, n) if x.shape[axis] > n else x  # A view that cuts nothing costs a copy of its gradient.
    return x
