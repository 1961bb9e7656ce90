"""Fixed kernels by name: derivatives and averages that are not trained."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["fixed_kernels"]

FloatArray = NDArray[np.float64]


def fixed_kernels(name: str, size: tuple[int, ...]) -> FloatArray:
    """The filters of a fixed kernel, shape (filters, \\*size).

    Notes
    -----
    ``sobel``: one filter per axis, (−1, 0, 1)/2 along it and (1, 2, 1)/4 along the others, so that a slope of one per
    sample gives one. ``laplace``: the sum over the axes of (1, −2, 1). ``gaussian``: binomial coefficients along each
    axis. ``mean``: equal weights. The last two sum to one.
    """
    ndim = len(size)
    if name == "sobel":
        slope, smooth = np.array([-0.5, 0.0, 0.5]), np.array([0.25, 0.5, 0.25])
        return np.stack([_along(axis, slope, smooth, ndim) for axis in range(ndim)])
    if name == "laplace":
        bend, centre = np.array([1.0, -2.0, 1.0]), np.array([0.0, 1.0, 0.0])
        return np.asarray(np.sum([_along(axis, bend, centre, ndim) for axis in range(ndim)], axis=0))[None]
    if name == "gaussian":
        return _product([np.array([comb(k - 1, m) for m in range(k)]) / 2.0 ** (k - 1) for k in size])[None]
    return np.full((1, *size), 1 / np.prod(size))


def _along(axis: int, special: FloatArray, usual: FloatArray, ndim: int) -> FloatArray:
    """One factor along an axis, another along the rest."""
    return _product([special if each == axis else usual for each in range(ndim)])


def _product(factors: list[FloatArray]) -> FloatArray:
    """Outer product, one factor an axis."""
    product: FloatArray = np.ones(())
    for factor in factors:
        product = np.asarray(np.multiply.outer(product, factor))
    return product
