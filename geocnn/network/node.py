"""One step of a network as pure data: what it does, to what, and what comes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Literal

from geocnn.network.reach import Gather, Reach

__all__ = [
    "ActivationAttributes",
    "Attributes",
    "ConvAttributes",
    "DenseAttributes",
    "DropoutAttributes",
    "GlobalPoolAttributes",
    "JoinAttributes",
    "Node",
    "NormAttributes",
    "PoolAttributes",
    "ShuffleAttributes",
    "TransposedAttributes",
    "UnpoolAttributes",
    "UpsampleAttributes",
    "needed_by",
    "step_name",
]

BYTES_PER_SAMPLE = 4
BYTES_PER_INDEX = 8


@dataclass(frozen=True)
class ConvAttributes:
    """Convolution; `before` and `after` samples are padded at the two ends of each axis, after `padding_mode`.

    `weights` names a fixed kernel that is applied to each channel (``groups == in_channels``); it is not trained.
    `init` names the initialiser; None is the default of `initialise`.
    """

    in_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    padding_mode: Literal["zeros", "reflect", "replicate"] = "zeros"
    weights: str | None = None
    init: str | None = None


@dataclass(frozen=True)
class TransposedAttributes:
    """Transposed convolution, of whose (n−1)·s + d(k−1) + 1 samples `before` and `after` are cropped at the ends.

    A negative `after` adds samples that no input reaches: they hold the bias.
    """

    in_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    init: str | None = None


@dataclass(frozen=True)
class PoolAttributes:
    """Pooling; the padding counts as −∞ for ``max`` and as 0 for ``mean``.

    `indices` says whether a later `unpool` needs to know where the largest samples were.
    """

    method: Literal["max", "mean"]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    indices: bool = False


@dataclass(frozen=True)
class GlobalPoolAttributes:
    """Pooling of all samples of each channel into one."""

    method: Literal["max", "mean"]


@dataclass(frozen=True)
class UnpoolAttributes:
    """Samples put back where the pool, the second input of the node, found its largest; zeros elsewhere."""

    pool: PoolAttributes


@dataclass(frozen=True)
class UpsampleAttributes:
    """Upsampling: each sample repeated (``nearest``), or on a line between its neighbours (``linear``).

    Samples are centres of cells: output j lies at (j + ½)/factor − ½ of the input, and the first and last input hold
    beyond the ends (PyTorch's ``align_corners=False``).
    """

    factor: tuple[int, ...]
    mode: Literal["nearest", "linear"] = "nearest"


@dataclass(frozen=True)
class ShuffleAttributes:
    """Channels laid out as samples: C·Πf channels of n samples become C channels of n·f.

    Sample ``i·f + p`` of channel c is sample i of channel ``c·Πf + p``, p counted with the last axis fastest.
    """

    factor: tuple[int, ...]


@dataclass(frozen=True)
class JoinAttributes:
    """Sum, product or concatenation.

    `crop` cuts the larger of the inputs at the far end of each axis. `singles` are the positions of inputs that are
    singles (see `Node.single`) beside others that are not.
    """

    crop: bool = False
    singles: tuple[int, ...] = ()


@dataclass(frozen=True)
class NormAttributes:
    """Normalisation: over the batch, over each channel (``instance``), over `groups`, or at each sample (``layer``)."""

    method: Literal["batch", "instance", "group", "layer"]
    groups: int = 1


@dataclass(frozen=True)
class ActivationAttributes:
    """A non-linear function by its name."""

    function: str


@dataclass(frozen=True)
class DropoutAttributes:
    """Dropout: each sample becomes zero with a probability of `rate` while training."""

    rate: float


@dataclass(frozen=True)
class DenseAttributes:
    """Dense layer, which takes `in_features` numbers and adds a bias if `bias`."""

    in_features: int
    bias: bool
    init: str | None = None


Attributes = (
    ConvAttributes
    | TransposedAttributes
    | PoolAttributes
    | GlobalPoolAttributes
    | UnpoolAttributes
    | UpsampleAttributes
    | ShuffleAttributes
    | JoinAttributes
    | NormAttributes
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
        ``input``, ``conv``, ``transposed_conv``, ``pool``, ``global_pool``, ``unpool``, ``upsample``,
        ``pixel_shuffle``, ``add``, ``multiply``, ``concat``, ``norm``, ``activation``, ``dropout``, ``flatten`` or
        ``dense``.
    inputs
        The nodes it takes. In a join singles (see `single`) count as repeated, and so does, in a product, an input
        of one channel.
    attributes
        What its kind needs to know; None where it needs nothing.
    place
        Where it is written: ``layers[3].residual[0]``.
    channels, shape
        Of its output (C, \\*shape); after `flatten` the shape is ().
    reach
        Along each axis of the network's input.
    gather
        Where it looks along each axis of each of its inputs; () where it looks at all samples at once.
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
    gather: tuple[Gather, ...] = ()
    parameters: int = 0
    multiply_adds: int = 0

    @property
    def activation_bytes(self) -> int:
        """Memory of the output for one input, in float32, with the indices that a pool keeps."""
        indexed = isinstance(self.attributes, PoolAttributes) and self.attributes.indices
        return (BYTES_PER_SAMPLE + BYTES_PER_INDEX * indexed) * self.channels * prod(self.shape)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Input samples from one output sample to the next, along each axis."""
        return tuple(reach.stride for reach in self.reach)

    @property
    def offset(self) -> tuple[Fraction, ...]:
        """Where in the input the centre of what output 0 sees lies, along each axis (see `Reach.offset`)."""
        return tuple(reach.offset for reach in self.reach)

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """Input samples that an output sees along each axis (see `Reach.width`)."""
        return tuple(reach.width for reach in self.reach)

    @property
    def sees_all(self) -> bool:
        """Whether its output depends on all samples of the network's input, by itself or by what comes before."""
        return any(reach.whole for reach in self.reach)

    @property
    def single(self) -> bool:
        """Whether it makes one sample that stands for all, as a global pool does.

        Where such a *single* meets outputs of more samples, in a sum, product or concatenation, it counts as repeated
        at each of them.
        """
        return bool(self.shape) and not any(self.stride) and prod(self.shape) == 1

    @property
    def whole(self) -> bool:
        """Whether it looks at all samples at once, so that tiles cannot be exact."""
        return self.kind != "input" and not self.gather


def needed_by(nodes: Sequence[Node], ends: Iterable[int]) -> tuple[Node, ...]:
    """The nodes that `ends` (ids) depend on, the ends among them, in the order of `nodes`."""
    needed = set(ends)
    for node in reversed(nodes):
        if node.id in needed:
            needed.update(node.inputs)
    return tuple(node for node in nodes if node.id in needed)


def step_name(node: Node) -> str:
    """The name of a node's module and weights: ``layers_3_residual_0_conv``."""
    return "_".join([*re.findall(r"\w+", node.place), node.kind])
