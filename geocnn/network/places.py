"""Where a max pool found its samples, window by window, so that planes of windows can be taken apart and joined."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

__all__ = ["from_windows", "to_windows"]


def to_windows(indices: Tensor, sizes: Sequence[int], axis: int, stride: int) -> Tensor:
    """Flat indices into `sizes` as indices into the same sizes with one window along an axis.

    Parameters
    ----------
    indices
        (B, C, \\*windows), as torch's max pools give them.
    sizes
        Of what was pooled, padding counted.
    axis
        Along which the windows can be taken apart.
    stride
        From one window to the next along it; no window is longer.
    """
    inner = prod(sizes[axis + 1 :])
    plane, rest = indices // inner % sizes[axis], indices % inner
    outer = indices // (inner * sizes[axis])
    return (outer * stride + plane - _begins(indices, axis, stride)) * inner + rest


def from_windows(places: Tensor, sizes: Sequence[int], axis: int, stride: int) -> Tensor:
    """The reverse of `to_windows`: flat indices into `sizes` of consecutive windows."""
    inner = prod(sizes[axis + 1 :])
    plane, rest = places // inner % stride, places % inner
    outer = places // (inner * stride)
    return (outer * sizes[axis] + plane + _begins(places, axis, stride)) * inner + rest


def _begins(windows: Tensor, axis: int, stride: int) -> Tensor:
    """First plane of each window, along its own axis."""
    begins = torch.arange(windows.shape[2 + axis], device=windows.device) * stride
    return begins.view(-1, *(1,) * (windows.ndim - 3 - axis))
