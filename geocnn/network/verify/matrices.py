"""Convolutions as matrices, built from their kernels by index arithmetic alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from geocnn.network.node import ConvAttributes, Node, TransposedAttributes
from geocnn.network.windows import Windows

__all__ = ["output_shape", "toeplitz"]

FloatArray = NDArray[np.float64]


def toeplitz(node: Node, weight: FloatArray, shape: tuple[int, ...], rows: Sequence[int]) -> FloatArray:
    """Rows of the matrix of a convolution, or of a transposed one, on an input of `shape`.

    Parameters
    ----------
    weight
        (channels out, channels in / groups, \\*kernel); of a transposed convolution (in, out / groups, \\*kernel).
    rows
        Numbers of the outputs, the channel first and the last axis fastest.

    Returns
    -------
    matrix
        (rows, channels in · samples in).

    Notes
    -----
    y[c, j] = Σ_{b, m} h[c, b, m] x[b, j·s + m·d − before], and transposed y[c, j] = Σ h[b, c, m] x[b, i] over all i, m
    with i·s + m·d − before = j. Along one axis without stride the matrix holds the same kernel in each row, one place
    further: a Toeplitz matrix.
    """
    asked = node.attributes
    if not isinstance(asked, ConvAttributes | TransposedAttributes):
        raise TypeError(f"{node.kind} is no convolution")
    made = output_shape(asked, shape)
    matrix = np.zeros((len(rows), asked.in_channels, *shape))
    width = asked.in_channels // asked.groups
    for row, number in zip(matrix, rows, strict=True):
        channel, *output = np.unravel_index(number, (node.channels, *made))
        group = int(channel) // (node.channels // asked.groups)
        pairs = [_pairs(asked, axis, n, int(j)) for axis, (n, j) in enumerate(zip(shape, output, strict=True))]
        if not all(pairs):
            continue
        taps, inputs = zip(*(zip(*along, strict=True) for along in pairs), strict=True)
        kernels = _kernels(asked, weight, int(channel), group)
        where = np.ix_(range(group * width, (group + 1) * width), *inputs)
        np.add.at(row, where, kernels[np.ix_(range(width), *taps)])  # Reflected samples may be met twice.
    return matrix.reshape(len(rows), asked.in_channels * prod(shape))


def output_shape(asked: ConvAttributes | TransposedAttributes, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Samples along each axis after a convolution."""
    windows = Windows(asked.kernel, asked.stride, asked.dilation, asked.before, asked.after)
    return windows.shape(shape) if isinstance(asked, ConvAttributes) else windows.transposed_shape(shape)


def _kernels(asked: ConvAttributes | TransposedAttributes, weight: FloatArray, channel: int, group: int) -> FloatArray:
    """What an output channel does to each channel of its group."""
    if isinstance(asked, ConvAttributes):
        own: FloatArray = weight[channel]
        return own
    width, made = asked.in_channels // asked.groups, weight.shape[1]
    kernels: FloatArray = weight[group * width : (group + 1) * width, channel - group * made]
    return kernels


def _pairs(asked: ConvAttributes | TransposedAttributes, axis: int, n: int, j: int) -> list[tuple[int, int]]:
    """Each tap of the kernel and the input sample that it meets at output `j`, along one axis of `n` samples."""
    stride, dilation, before = asked.stride[axis], asked.dilation[axis], asked.before[axis]
    taps = range(asked.kernel[axis])
    if isinstance(asked, TransposedAttributes):
        found = [(m, divmod(j + before - m * dilation, stride)) for m in taps]
        return [(m, i) for m, (i, rest) in found if rest == 0 and 0 <= i < n]
    met = [(m, _inside(j * stride + m * dilation - before, n, asked.padding_mode)) for m in taps]
    return [(m, i) for m, i in met if i is not None]


def _inside(i: int, n: int, mode: str) -> int | None:
    """The sample that stands at `i`, which may lie beyond the ends; None where there is a zero."""
    if 0 <= i < n:
        return i
    if mode == "reflect":
        return -i if i < 0 else 2 * (n - 1) - i
    if mode == "replicate":
        return 0 if i < 0 else n - 1
    return None
