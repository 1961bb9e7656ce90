"""What convolutions are: matrices, whose transposes are their gradients, and full convolutions backwards."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from geocnn.network.node import ConvAttributes, Node, TransposedAttributes
from geocnn.network.verify.drawn import difference, draw, drawn_module, inside, weight_of
from geocnn.network.verify.finding import ROUNDING, Finding
from geocnn.network.verify.matrices import output_shape, toeplitz
from geocnn.network.verify.sizing import small_shape

__all__ = ["convolution_findings"]

ENTRIES = 4_000_000
"""Numbers of a matrix that is built; of larger ones some rows are drawn."""
ROWS = 256


def convolution_findings(node: Node, seed: int, module: nn.Module | None = None) -> Iterator[Finding]:
    """Findings of one convolution, transposed or not: the module that is built for the node, or another one."""
    asked = node.attributes
    if not isinstance(asked, ConvAttributes | TransposedAttributes):
        return
    module = drawn_module(node, seed) if module is None else module
    shape = small_shape(node, len(asked.kernel))
    yield from _matrix_findings(node, asked, module, shape, seed)
    if isinstance(asked, ConvAttributes):
        if asked.padding_mode == "zeros":
            yield _flipped(node, asked, module, shape, seed)
        if set(asked.kernel) == {1} and not any(asked.before + asked.after):
            yield _matrix_product(node, asked, module, shape, seed)


def _matrix_findings(
    node: Node, asked: ConvAttributes | TransposedAttributes, module: nn.Module, shape: tuple[int, ...], seed: int
) -> Iterator[Finding]:
    """y = A x + b and ∂⟨r, y⟩/∂x = Aᵀ r."""
    weight, bias = weight_of(module)
    made = output_shape(asked, shape)
    rows = _rows(node.channels * prod(made), asked.in_channels * prod(shape), seed)
    matrix = torch.from_numpy(toeplitz(node, weight.numpy(), shape, rows))
    x = draw((1, asked.in_channels, *shape), seed + 1).requires_grad_()
    y = module(x)
    name = "convolution = Toeplitz matrix"
    if asked.__class__ is TransposedAttributes:
        name = "transposed convolution = matrix"
    what = f"{len(rows)} of {node.channels * prod(made)} rows of {matrix.shape[1]} columns"
    if y.shape != (1, node.channels, *made):
        yield Finding(name, f"output of the shape {tuple(y.shape[1:])}", float("inf"), ROUNDING, node.place)
        return
    constant = torch.zeros(node.channels, dtype=y.dtype) if bias is None else bias
    shift = constant.repeat_interleave(prod(made))[rows]
    yield Finding(
        name, what, difference(y.flatten()[rows].detach(), matrix @ x.detach().flatten() + shift), ROUNDING, node.place
    )
    r = draw((len(rows),), seed + 2)
    (gradient,) = torch.autograd.grad(y.flatten()[rows] @ r, x)
    yield Finding(
        "gradient = transpose of the matrix", what, difference(gradient.flatten(), matrix.T @ r), ROUNDING, node.place
    )


def _rows(count: int, columns: int, seed: int) -> list[int]:
    """The first, the last, and as many between as are affordable."""
    most = min(count, ROWS, max(8, ENTRIES // columns))
    drawn = np.random.default_rng(seed).permutation(count)[:most]
    return sorted({0, count - 1, *(int(row) for row in drawn)})


def _flipped(node: Node, asked: ConvAttributes, module: nn.Module, shape: tuple[int, ...], seed: int) -> Finding:
    """∂⟨r, y⟩/∂x is r, with s − 1 zeros between its samples, fully convolved with the flipped kernel."""
    weight, _ = weight_of(module)
    ndim = len(shape)
    x = draw((1, asked.in_channels, *shape), seed + 1).requires_grad_()
    y = module(x)
    r = draw(tuple(y.shape), seed + 2)
    (gradient,) = torch.autograd.grad(y, x, r)
    spread = _spread(r, asked.stride)
    ends = [d * (k - 1) for d, k in zip(asked.dilation, asked.kernel, strict=True)]
    spread = functional.pad(spread, [end for end in reversed(ends) for _ in range(2)])
    parts = weight.reshape(asked.groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
    flipped = parts.flip(tuple(range(2, 2 + ndim)))
    convolve: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[ndim - 1]
    full = convolve(spread, flipped, None, 1, 0, asked.dilation, asked.groups)
    for axis, (near, n) in enumerate(zip(asked.before, shape, strict=True), start=2):
        full = full.narrow(axis, near, min(n, full.shape[axis] - near))
    reached = inside(slice(size) for size in full.shape[2:])
    beyond = gradient.clone()
    beyond[reached] = 0  # What no window reaches has no gradient.
    measured = max(difference(gradient[reached], full), difference(beyond, torch.zeros_like(beyond)))
    name = "gradient = full convolution, flipped"
    return Finding(name, f"on {asked.in_channels} channels of {shape}", measured, ROUNDING, node.place)


def _spread(r: Tensor, stride: tuple[int, ...]) -> Tensor:
    """The same samples with zeros between them."""
    sizes = [(n - 1) * step + 1 for n, step in zip(r.shape[2:], stride, strict=True)]
    spread = r.new_zeros(*r.shape[:2], *sizes)
    spread[inside(slice(None, None, step) for step in stride)] = r
    return spread


def _matrix_product(node: Node, asked: ConvAttributes, module: nn.Module, shape: tuple[int, ...], seed: int) -> Finding:
    """y[:, j] = H x[:, j·s] + b."""
    weight, bias = weight_of(module)
    x = draw((2, asked.in_channels, *shape), seed + 1)
    strided = x[inside(slice(None, None, step) for step in asked.stride)]
    blocks = weight.reshape(asked.groups, -1, weight.shape[1])
    samples = strided.reshape(2, asked.groups, weight.shape[1], -1)
    expected = torch.einsum("goi,bgis->bgos", blocks, samples).flatten(1, 2)
    if bias is not None:
        expected = expected + bias[:, None]
    with torch.no_grad():
        measured = difference(module(x).flatten(2), expected)
    what = f"{node.channels} × {asked.in_channels}"
    return Finding("kernel of 1 = a matrix at each sample", what, measured, ROUNDING, node.place)
