"""What is written: a layer spec, one strict record a layer kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, Marked, load_marked
from geocnn.records import Record, RecordError, nearest, read_record, show, spell

__all__ = [
    "KINDS",
    "Activation",
    "Add",
    "Concat",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "Function",
    "Layer",
    "Norm",
    "NormKind",
    "Padding",
    "Pool",
    "Residual",
    "Saved",
    "Sizes",
    "Spec",
    "Upsample",
    "load_spec",
    "read_spec",
    "zoo_names",
]

MAX_NESTING = 50

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=0, le=1_000_000)]
Name = Annotated[str, Field(min_length=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Sizes = Count | tuple[Count, ...]
"""One number for all axes, or one per axis."""
Padding = Literal["same", "valid"] | Width | tuple[Width, ...]
Channels = Literal["outputs"] | Count
Function = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
NormKind = Literal["batch"]


class Saved(Record):
    """A layer; `save` names its output for a later `add` or `concat` in the same block."""

    save: Name | None = None


class Conv(Saved):
    """Convolution, then norm, activation, dropout, as far as they are written.

    `padding` is ``same`` (d(k−1) zeros in all, the extra one at the far end for even kernels, whatever the
    stride), ``valid`` (none), or zeros at both ends. `bias` left out means: unless there is a norm.
    """

    kind: Literal["conv"] = "conv"
    channels: Channels = Field(alias="conv")
    kernel: Sizes
    stride: Sizes = 1
    padding: Padding = "same"
    dilation: Sizes = 1
    groups: Count = 1
    bias: bool | None = None
    norm: NormKind | None = None
    activation: Function | None = None
    dropout: Rate | None = None


class Pool(Saved):
    """Largest or mean sample of each window, channel by channel; padding counts as −∞, or as 0 in the mean.

    `stride` left out means: the size.
    """

    kind: Literal["pool"] = "pool"
    method: Literal["max", "mean"] = Field(alias="pool")
    size: Sizes
    stride: Sizes | None = None
    padding: Padding = "valid"


class Upsample(Saved):
    """Each sample repeated `factor` times along each axis."""

    kind: Literal["upsample"] = "upsample"
    factor: Sizes = Field(alias="upsample")


class Add(Saved):
    """Sum with what was saved as `name`."""

    kind: Literal["add"] = "add"
    name: Name = Field(alias="add")


class Concat(Saved):
    """The channels so far, followed by the channels that were saved as `name`."""

    kind: Literal["concat"] = "concat"
    name: Name = Field(alias="concat")


class Residual(Saved):
    """σ(a + z): the block's input a is added to its output z, then the activation.

    Where channels or stride differ, a goes through a 1×1 convolution without bias, with the block's norm.
    """

    kind: Literal["residual"] = "residual"
    layers: tuple[Layer, ...] = Field(alias="residual")
    activation: Function | None = None


class Norm(Saved):
    """Normalisation of each channel over the batch, with a learned scale and shift."""

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


class Dense(Saved):
    """Every output from every feature, then norm, activation, dropout; after `flatten`."""

    kind: Literal["dense"] = "dense"
    channels: Channels = Field(alias="dense")
    bias: bool | None = None
    norm: NormKind | None = None
    activation: Function | None = None
    dropout: Rate | None = None


Layer = Annotated[
    Conv | Pool | Upsample | Add | Concat | Residual | Norm | Activation | Dropout | Flatten | Dense,
    Field(discriminator="kind"),
]

KINDS: Mapping[str, type[Saved]] = {
    str(kind.model_fields["kind"].default): kind
    for kind in (Conv, Pool, Upsample, Add, Concat, Residual, Norm, Activation, Dropout, Flatten, Dense)
}


class Spec(Record):
    """A network as it is written: dimension-free, without input channels.

    Attributes
    ----------
    layers
        From input to output.
    title, source
        What it is, and where it was published.
    parameters
        Published count of trainable parameters, with one input channel and one output in 3-D.
    """

    layers: tuple[Layer, ...]
    title: str = ""
    source: str = ""
    parameters: int | None = None


def load_spec(name: str) -> tuple[Spec, Marked]:
    """Spec of a published network, or of a spec file, and the marks of its file.

    Raises
    ------
    ConfigError
        If there is no such network or file, or with every fault of the file.
    """
    path = Path(name)
    if name in zoo_names():
        path = _ZOO / f"{name}.yaml"
    elif path.suffix not in (".yaml", ".yml") and not path.exists():
        meant = nearest(name, zoo_names())
        raise ConfigError(
            [
                Fault(
                    f"no network {name!r}",
                    expected=f"one of {', '.join(zoo_names())}, or the path of a spec file (.yaml)",
                    do=f"write {meant!r}" if meant else "",
                )
            ]
        )
    marked = load_marked(path)
    faults: list[Fault] = []
    spec = read_spec(marked, (), marked.data, faults)
    if spec is None:
        raise ConfigError(faults)
    return spec, marked


_ZOO = Path(__file__).with_name("zoo")


def zoo_names() -> tuple[str, ...]:
    """Names of the published networks that come with geocnn."""
    return tuple(sorted(path.stem for path in _ZOO.glob("*.yaml")))


def read_spec(marked: Marked, key: KeyPath, data: object, faults: list[Fault]) -> Spec | None:
    """The spec that `data` describes, or None with every fault appended to `faults`.

    Parameters
    ----------
    marked
        The file that `data` is a part of, for line numbers.
    key
        Where `data` stands in it.
    data
        A list of layers, or a mapping with `layers` and, if wished, `title`, `source`, `parameters`. The first key
        of a layer is its kind, as in ``{conv: 16, kernel: 3}``; the explicit form of `Spec.model_dump` is read too.
    faults
        Takes what is wrong, in words.
    """
    before = len(faults)
    if isinstance(data, list):
        head: object = {"layers": _read_layers(marked, key, data, faults)}
    elif isinstance(data, dict) and isinstance(data.get("layers"), list):
        head = {**data, "layers": _read_layers(marked, (*key, "layers"), data["layers"], faults)}
    elif isinstance(data, dict):
        head = data
    else:
        expected = "a list of layers, or a mapping with layers: [...]"
        faults.append(Fault(f"found {show(data)}", expected, "", marked.source, marked.line(key), spell(key)))
        return None
    spec = read_record(Spec, marked, key, head, faults)
    return spec if len(faults) == before else None


def _read_layers(marked: Marked, key: KeyPath, data: list[object], faults: list[Fault]) -> tuple[Saved, ...]:
    """The layers that are right; the faults of the others."""
    read = [_read_layer(marked, (*key, index), item, faults) for index, item in enumerate(data)]
    return tuple(layer for layer in read if layer is not None)


def _read_layer(marked: Marked, key: KeyPath, data: object, faults: list[Fault]) -> Saved | None:
    before = len(faults)
    try:
        kind, fields = _kind_and_fields(data)
    except _UnreadableError as error:
        faults.append(Fault(error.found, error.expected, error.do, marked.source, marked.line(key), spell(key)))
        return None
    if kind is Residual:
        fields = _read_block(marked, key, fields, faults)
    layer = read_record(kind, marked, key, fields, faults)
    return layer if len(faults) == before else None


def _read_block(marked: Marked, key: KeyPath, fields: dict[str, object], faults: list[Fault]) -> dict[str, object]:
    """Fields of a residual block, its layers read."""
    name = "residual" if "residual" in fields else "layers"
    inner = fields.get(name)
    if not isinstance(inner, list):
        return fields
    if sum(isinstance(part, int) for part in key) > MAX_NESTING:
        found, expected = f"more than {MAX_NESTING} blocks in each other", f"at most {MAX_NESTING}"
        faults.append(Fault(found, expected, file=marked.source, line=marked.line(key), key=spell(key[:8])))
        return {**fields, name: ()}
    return {**fields, name: _read_layers(marked, (*key, name), inner, faults)}


class _UnreadableError(RecordError):
    """A layer whose kind is not to be seen."""


def _kind_and_fields(data: object) -> tuple[type[Saved], dict[str, object]]:
    """The record of a layer's kind, and its fields with the kind made explicit."""
    example = "a layer such as {conv: 16, kernel: 3}"
    if isinstance(data, str):
        data = {data: None}
    if not isinstance(data, dict) or not data:
        raise _UnreadableError(f"found {show(data)}", example)
    name = data.get("kind", next(iter(data)))
    if not isinstance(name, str) or name not in KINDS:
        raise _unknown(name, list(data))
    fields = {"kind": name, **data}
    if name == "flatten" and data.get(name) in (None, True):
        fields.pop(name, None)
    return KINDS[name], fields


def _unknown(name: object, keys: list[str]) -> _UnreadableError:
    expected = f"one of {', '.join(KINDS)}"
    others = [key for key in keys if key in KINDS]
    meant = nearest(name, KINDS) if isinstance(name, str) else None
    if others and not meant:
        do = f"write the kind of the layer first: {{{others[0]}: …, {name}: …}}"
        return _UnreadableError(f"the layer begins with {name!r}", expected, do)
    if name in get_args(Function):
        return _UnreadableError(f"unknown layer {name!r}", expected, f"write {{activation: {name}}}")
    return _UnreadableError(f"unknown layer {show(name)}", expected, f"write {meant!r}" if meant else "")
