"""What pooling is: the largest or mean sample of each window, channel by channel, without parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod

import torch
from torch import Tensor, nn

from geocnn.network.node import GlobalPoolAttributes, Node, PoolAttributes
from geocnn.network.verify.drawn import difference, draw, drawn_module, inside
from geocnn.network.verify.finding import EXACT, ROUNDING, Finding
from geocnn.network.verify.sizing import small_shape
from geocnn.network.windows import Windows

__all__ = ["pool_findings"]

CHANNELS = 3


def pool_findings(node: Node, seed: int, module: nn.Module | None = None) -> Iterator[Finding]:
    """Findings of one pool: the module that is built for the node, or another one."""
    asked = node.attributes
    if not isinstance(asked, PoolAttributes | GlobalPoolAttributes):
        return
    few = replace(node, channels=CHANNELS)
    module = drawn_module(few, seed) if module is None else module
    ndim = len(node.shape)
    shape = small_shape(node, ndim)
    x = draw((2, CHANNELS, *shape), seed)
    with torch.no_grad():
        y = _made(module(x))
        alone = [_made(module(x[:, [channel]])) for channel in range(CHANNELS)]
    count = sum(each.numel() for each in module.parameters())
    yield Finding("pool: no parameters", f"{count} parameters", count, EXACT, node.place)
    what = f"{CHANNELS} channels together and one by one"
    yield Finding("pool: each channel alone", what, difference(y, torch.cat(alone, 1)), ROUNDING, node.place)
    word = "largest" if asked.method == "max" else "mean"
    expected = _expected(asked, x)
    what = f"{prod(expected.shape[2:])} windows of {shape}"
    yield Finding(f"pool: {word} of each window", what, difference(y, expected), ROUNDING, node.place)


def _made(made: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The samples, of a pool that tells their places too."""
    return made[0] if isinstance(made, tuple) else made


def _expected(asked: PoolAttributes | GlobalPoolAttributes, x: Tensor) -> Tensor:
    """Window by window."""
    axes = tuple(range(2, x.ndim))
    if isinstance(asked, GlobalPoolAttributes):
        return x.amax(axes, keepdim=True) if asked.method == "max" else x.mean(axes, keepdim=True)
    one = (1,) * len(asked.size)
    shape = Windows(asked.size, asked.stride, one, asked.before, asked.after).shape(tuple(x.shape[2:]))
    y = x.new_empty(*x.shape[:2], *shape)
    for j in product(*map(range, shape)):
        starts = [at * step - near for at, step, near in zip(j, asked.stride, asked.before, strict=True)]
        ends = zip(starts, asked.size, strict=True)
        window = x[inside(slice(max(0, start), max(0, start + size)) for start, size in ends)]
        if asked.method == "max":
            y[inside(slice(at, at + 1) for at in j)] = window.amax(axes, keepdim=True)
        else:
            y[inside(slice(at, at + 1) for at in j)] = window.sum(axes, keepdim=True) / prod(asked.size)
    return y
