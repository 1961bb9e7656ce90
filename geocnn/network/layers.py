"""What may be written in a layer spec: one strict record a layer kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from geocnn.network.synonyms import WORD_SYNONYMS
from geocnn.records import Record, RecordError

__all__ = [
    "KINDS",
    "Activation",
    "Add",
    "Branches",
    "Concat",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "Function",
    "GroupNorm",
    "Initialiser",
    "Join",
    "Kernel",
    "Layer",
    "Multiply",
    "Norm",
    "NormKind",
    "Padding",
    "PixelShuffle",
    "Pool",
    "Repeat",
    "Residual",
    "Saved",
    "Sizes",
    "TransposedConv",
    "Unpool",
    "Upsample",
    "Use",
]

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=0, le=1_000_000)]
Name = Annotated[str, Field(min_length=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Sizes = Count | tuple[Count, ...]
"""One number for all axes, or one per axis."""
Padding = Literal["same", "valid"] | Width | tuple[Width, ...]
Channels = Literal["outputs"] | Count
Function = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
Initialiser = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "orthogonal", "zeros"]
Kernel = Literal["sobel", "laplace", "gaussian", "mean"]
"""Fixed kernels: `sobel` makes one channel per axis of each channel, the others one."""
Join = Literal["add", "concat", "multiply"]
Fit = Literal["crop"]


class GroupNorm(Record):
    """Group normalisation with as many groups of channels."""

    group: Count


NormKind = Literal["batch", "instance", "group", "layer"] | GroupNorm
"""``group`` alone means 32 groups, as in its paper."""


class Saved(Record):
    """A layer; `save` names its output for later layers of the block, `head` makes it an extra output."""

    synonyms = WORD_SYNONYMS

    save: Name | None = None
    head: Name | None = None

    @classmethod
    def named(cls) -> str:
        """The kind of such layers, as it is written: ``conv``."""
        return str(cls.model_fields["kind"].default)


class Weighted(Saved):
    """A layer with weights, then norm, activation, dropout, as far as they are written.

    `bias` left out means: unless there is a norm. `init` names how weights are drawn before training.
    """

    bias: bool | None = None
    init: Initialiser | None = None
    norm: NormKind | None = None
    activation: Function | None = None
    dropout: Rate | None = None


class Conv(Weighted):
    """Convolution.

    `padding` is ``same`` (d(k−1) samples in all, the extra one at the far end for even kernels, whatever the
    stride), ``valid`` (none), or samples at both ends; `padding_mode` says what they hold. `groups: channels` treats
    each channel alone; `separable` does so, then mixes the channels by a kernel of one sample. `weights` names a
    fixed kernel that is applied to each channel and not trained.
    """

    kind: Literal["conv"] = "conv"
    channels: Channels = Field(alias="conv")
    kernel: Sizes
    stride: Sizes = 1
    padding: Padding = "same"
    padding_mode: Literal["zeros", "reflect", "replicate"] = "zeros"
    dilation: Sizes = 1
    groups: Literal["channels"] | Count = 1
    separable: bool = False
    weights: Kernel | None = None

    @model_validator(mode="after")
    def _one_way_to_group(self) -> Conv:
        if self.separable and self.groups != 1:
            raise RecordError("both separable and groups", "one of them", "remove groups: separable takes each channel")
        if self.weights is not None:
            given = {
                "groups": self.groups != 1,
                "separable": self.separable,
                "init": self.init,
                "bias": self.bias is not None,
            }
            if any(given.values()):
                found = f"weights: {self.weights} with {', '.join(key for key, there in given.items() if there)}"
                raise RecordError(found, "fixed weights alone", "a fixed kernel has nothing to train: remove the rest")
        return self


class TransposedConv(Weighted):
    """Transposed convolution (learned upsampling): the adjoint of a convolution of this kernel and stride.

    `padding` is ``same`` (the size times the stride), ``valid`` (nothing cropped), or samples cropped at both ends.
    """

    kind: Literal["transposed_conv"] = "transposed_conv"
    channels: Channels = Field(alias="transposed_conv")
    kernel: Sizes
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    groups: Count = 1


class Pool(Saved):
    """Largest or mean sample of each window, channel by channel; padding counts as −∞, or as 0 in the mean.

    `stride` left out means: the size. ``size: all`` makes one sample of all.
    """

    kind: Literal["pool"] = "pool"
    method: Literal["max", "mean"] = Field(alias="pool")
    size: Literal["all"] | Sizes
    stride: Sizes | None = None
    padding: Padding = "valid"

    @model_validator(mode="after")
    def _nothing_beside_all(self) -> Pool:
        if self.size == "all" and (self.stride is not None or self.padding != "valid"):
            key = "stride" if self.stride is not None else "padding"
            raise RecordError(f"size: all with {key}", "size: all alone", f"remove {key}")
        return self


class Unpool(Saved):
    """Each sample put back where the max pool saved as `name` found it, zeros elsewhere."""

    kind: Literal["unpool"] = "unpool"
    name: Name = Field(alias="unpool")


class Upsample(Saved):
    """Each sample repeated `factor` times along each axis, or (``linear``) on a line between its neighbours."""

    kind: Literal["upsample"] = "upsample"
    factor: Sizes = Field(alias="upsample")
    mode: Literal["nearest", "linear"] = "nearest"


class PixelShuffle(Saved):
    """Channels laid out as samples: sizes times `factor`, channels divided by its product (sub-pixel convolution)."""

    kind: Literal["pixel_shuffle"] = "pixel_shuffle"
    factor: Sizes = Field(alias="pixel_shuffle")


class Use(Saved):
    """Go on from what was saved as `name`."""

    kind: Literal["use"] = "use"
    name: Name = Field(alias="use")


class Joined(Saved):
    """A layer that joins; ``fit: crop`` cuts the larger side at the far end of each axis."""

    fit: Fit | None = None


class Add(Joined):
    """Sum with what was saved as `name`."""

    kind: Literal["add"] = "add"
    name: Name = Field(alias="add")


class Multiply(Joined):
    """Product with what was saved as `name`; one channel, or the one sample of a global pool, counts as repeated."""

    kind: Literal["multiply"] = "multiply"
    name: Name = Field(alias="multiply")


class Concat(Joined):
    """The channels so far, followed by the channels that were saved as `name`."""

    kind: Literal["concat"] = "concat"
    name: Name = Field(alias="concat")


class Residual(Joined):
    """σ(a + z): the block's input a is added to its output z, then the activation.

    Where channels or stride differ, a goes through a 1×1 convolution without bias, with the block's norm. With
    ``join: concat`` the channels of z are followed by those of a.
    """

    kind: Literal["residual"] = "residual"
    layers: tuple[Layer, ...] = Field(alias="residual")
    join: Literal["add", "concat"] = "add"
    activation: Function | None = None


class Branches(Joined):
    """Blocks side by side on the same input, joined in order; an empty block hands its input on."""

    kind: Literal["branches"] = "branches"
    blocks: Annotated[tuple[tuple[Layer, ...], ...], Field(min_length=2)] = Field(alias="branches")
    join: Join = "concat"
    activation: Function | None = None


class Repeat(Saved):
    """The block `layers`, `times` times.

    Names in `carry` go into the block and out of it: each must be saved before, may be saved anew inside, and the
    next repetition, and what comes after the last, sees the new one.
    """

    kind: Literal["repeat"] = "repeat"
    times: Count = Field(alias="repeat")
    layers: tuple[Layer, ...]
    carry: tuple[Name, ...] = ()


class Norm(Saved):
    """Normalisation, then a learned scale and shift of each channel.

    ``batch``: each channel over the batch; ``instance``: each channel over its samples; ``group``: groups of channels
    over their samples; ``layer``: the channels of each sample.
    """

    kind: Literal["norm"] = "norm"
    method: NormKind = Field(alias="norm")


class Activation(Saved):
    """A non-linear function of each sample."""

    kind: Literal["activation"] = "activation"
    function: Function = Field(alias="activation")


class Dropout(Saved):
    """Samples set to zero at random while training."""

    kind: Literal["dropout"] = "dropout"
    rate: Rate = Field(alias="dropout")


class Flatten(Saved):
    """All samples of all channels as one list of features."""

    kind: Literal["flatten"] = "flatten"


class Dense(Weighted):
    """Every output from every feature; after `flatten`."""

    kind: Literal["dense"] = "dense"
    channels: Channels = Field(alias="dense")


Layer = Annotated[
    Conv
    | TransposedConv
    | Pool
    | Unpool
    | Upsample
    | PixelShuffle
    | Use
    | Add
    | Multiply
    | Concat
    | Residual
    | Branches
    | Repeat
    | Norm
    | Activation
    | Dropout
    | Flatten
    | Dense,
    Field(discriminator="kind"),
]

KINDS: Mapping[str, type[Saved]] = {record.named(): record for record in get_args(get_args(Layer)[0])}
for _record in KINDS.values():
    _record.model_rebuild()  # Blocks hold layers of all kinds.
