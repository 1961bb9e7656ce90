"""One step of a network as pure data: what it does, to what, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod
from typing import Literal

__all__ = [
    "ActivationAttributes",
    "Attributes",
    "ConvAttributes",
    "DenseAttributes",
    "DropoutAttributes",
    "Node",
    "PoolAttributes",
    "Reach",
    "UpsampleAttributes",
]

BYTES_PER_SAMPLE = 4


@dataclass(frozen=True)
class Reach:
    """Which input samples an output depends on, along one axis.

    Attributes
    ----------
    stride
        Input samples from one output sample to the next.
    left, right
        Output j depends on no input outside ``[j*stride − left, j*stride + right]``.
    mean_left, mean_right
        The same, averaged over neighbouring outputs: after upsampling they see windows that differ.

    Notes
    -----
    A window of k taps, d apart, at stride s with p zeros before the first sample makes output i from the inputs
    ``i*s − p … i*s − p + d(k−1)``; upsampling by f makes it from input ⌊i/f⌋, which lies between ``i/f − (f−1)/f``
    and ``i/f``, in the middle of the two on average.
    """

    stride: Fraction = Fraction(1)
    left: Fraction = Fraction(0)
    right: Fraction = Fraction(0)
    mean_left: Fraction = Fraction(0)
    mean_right: Fraction = Fraction(0)

    def windowed(self, span: int, before: int, step: int) -> Reach:
        """After a window of ``span = d(k−1)`` at stride `step`, with `before` samples of padding."""
        left, right = self.stride * before, self.stride * (span - before)
        return Reach(
            self.stride * step,
            self.left + left,
            self.right + right,
            self.mean_left + left,
            self.mean_right + right,
        )

    def upsampled(self, factor: int) -> Reach:
        """After repeating each sample `factor` times."""
        lag = self.stride * (factor - 1) / factor
        return Reach(
            self.stride / factor,
            self.left + lag,
            self.right,
            self.mean_left + lag / 2,
            self.mean_right - lag / 2,
        )

    def joined(self, other: Reach) -> Reach:
        """Of a sum or concatenation; the strides are equal."""
        return Reach(
            self.stride,
            max(self.left, other.left),
            max(self.right, other.right),
            max(self.mean_left, other.mean_left),
            max(self.mean_right, other.mean_right),
        )

    @property
    def width(self) -> int:
        """Input samples that an output sees, on average over neighbouring outputs, rounded up."""
        return ceil(self.mean_left + self.mean_right + 1)


@dataclass(frozen=True)
class ConvAttributes:
    """Convolution; `before` and `after` are the zeros padded at the two ends of each axis."""

    in_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool


@dataclass(frozen=True)
class PoolAttributes:
    """Pooling; the padding counts as −∞ for ``max`` and as 0 for ``mean``."""

    method: Literal["max", "mean"]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class UpsampleAttributes:
    """Nearest upsampling."""

    factor: tuple[int, ...]


@dataclass(frozen=True)
class ActivationAttributes:
    """A non-linear function by its name."""

    function: str


@dataclass(frozen=True)
class DropoutAttributes:
    """Probability with which a sample becomes zero while training."""

    rate: float


@dataclass(frozen=True)
class DenseAttributes:
    """Dense layer."""

    in_features: int
    bias: bool


Attributes = (
    ConvAttributes
    | PoolAttributes
    | UpsampleAttributes
    | ActivationAttributes
    | DropoutAttributes
    | DenseAttributes
    | None
)


@dataclass(frozen=True)
class Node:
    """One step of a network.

    Attributes
    ----------
    id
        Position in the plan; inputs come before.
    kind
        ``input``, ``conv``, ``pool``, ``upsample``, ``add``, ``concat``, ``norm``, ``activation``, ``dropout``,
        ``flatten`` or ``dense``.
    inputs
        The nodes it takes.
    attributes
        What its kind needs to know; None where it needs nothing.
    place
        Where it is written: ``layers[3].residual[0]``.
    channels, shape
        Of its output (C, \\*shape); after `flatten` the shape is ().
    reach
        Along each axis of the network's input.
    parameters
        Trainable ones.
    multiply_adds
        Of one pass over the plan's input, in convolutions and dense layers.
    """

    id: int
    kind: str
    inputs: tuple[int, ...]
    attributes: Attributes
    place: str
    channels: int
    shape: tuple[int, ...]
    reach: tuple[Reach, ...]
    parameters: int = 0
    multiply_adds: int = 0

    @property
    def activation_bytes(self) -> int:
        """Memory of the output for one input, in float32."""
        return BYTES_PER_SAMPLE * self.channels * prod(self.shape)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Input samples from one output sample to the next, along each axis."""
        return tuple(reach.stride for reach in self.reach)

    @property
    def left(self) -> tuple[Fraction, ...]:
        """How far before ``j*stride`` output j sees at most, along each axis."""
        return tuple(reach.left for reach in self.reach)

    @property
    def right(self) -> tuple[Fraction, ...]:
        """How far after ``j*stride`` output j sees at most, along each axis."""
        return tuple(reach.right for reach in self.reach)

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """Input samples that an output sees along each axis (see `Reach.width`)."""
        return tuple(reach.width for reach in self.reach)
