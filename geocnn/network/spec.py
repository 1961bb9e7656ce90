"""What is written: a network as a list of layers, and the published ones by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, Marked, load_marked
from geocnn.network.layers import KINDS, Branches, Function, Layer, Saved
from geocnn.network.synonyms import KIND_SYNONYMS
from geocnn.records import Record, RecordError, key_path, nearest, read_record, show, spell

__all__ = ["MAX_NESTING", "Published", "Spec", "layer_at", "load_spec", "read_spec", "zoo_names", "zoo_text"]

MAX_NESTING = 50


class Published(Record):
    """What a publication says of a network: its input (C, \\*shape), its outputs, and, where told, its parameters."""

    parameters: int | None = None
    input: Annotated[tuple[int, ...], Field(min_length=2, max_length=4)]
    outputs: int


class Spec(Record):
    """A network as it is written: dimension-free, without input channels.

    Attributes
    ----------
    layers
        From input to output.
    title, source, when
        What it is, where it was published, and when to use it.
    published
        What its parameters must be, where a count was published.
    width
        Scales the channels of all layers but those of `outputs`; rounded, at least 1.
    """

    layers: tuple[Layer, ...]
    title: str = ""
    source: str = ""
    when: str = ""
    published: Published | None = None
    width: Annotated[float, Field(gt=0, le=100)] = 1.0


def load_spec(name: str) -> tuple[Spec, Marked]:
    """Spec of a published network, or of a spec file, and the marks of its file.

    Raises
    ------
    ConfigError
        If there is no such network or file, or with every fault of the file.
    """
    is_file = Path(name).suffix in (".yaml", ".yml") or Path(name).exists()
    marked = load_marked(Path(name) if is_file and name not in zoo_names() else _zoo_file(name))
    faults: list[Fault] = []
    spec = read_spec(marked, (), marked.data, faults)
    if spec is None:
        raise ConfigError(faults)
    return spec, marked


def zoo_text(name: str) -> str:
    """The file of a published network, as it is written.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    return _zoo_file(name).read_text(encoding="utf-8")


def _zoo_file(name: str) -> Path:
    if name in zoo_names():
        return _ZOO / f"{name}.yaml"
    meant = nearest(name, zoo_names())
    found, expected = f"no network {name!r}", f"one of {', '.join(zoo_names())}, or the path of a spec file (.yaml)"
    raise ConfigError([Fault(found, expected, do=f"write {meant!r}" if meant else "")])


_ZOO = Path(__file__).with_name("zoo")


def zoo_names() -> tuple[str, ...]:
    """Names of the published networks that come with geocnn."""
    return tuple(sorted(path.stem for path in _ZOO.glob("*.yaml")))


def layer_at(spec: Spec, place: str) -> Layer | None:
    """The layer that is written at the place of a node; None for the input and for what no one writes (a shortcut)."""
    here: Any = spec
    repetition = False
    for part in key_path(place):
        if repetition or part == "repeat":
            repetition = not repetition  # A block is written once, however often it is repeated.
            continue
        if isinstance(part, int):
            here = here[part]
        elif part == "branches":
            here = here.blocks
        elif part in ("layers", "residual"):
            here = here.layers
        else:
            return None
    layer: Layer = here
    return layer


def read_spec(marked: Marked, key: KeyPath, data: object, faults: list[Fault]) -> Spec | None:
    """The spec that `data` describes, or None with every fault appended to `faults`.

    Parameters
    ----------
    marked
        The file that `data` is a part of, for line numbers.
    key
        Where `data` stands in it.
    data
        A list of layers, or a mapping with `layers` and, if wished, `title`, `source`, `when`, `published` and
        `width`. The first key of a layer is its kind, as in ``{conv: 16, kernel: 3}``; the explicit form of
        `Spec.model_dump` is read too.
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
    blocks = [name for name in ("residual", "branches", "layers", "blocks") if isinstance(fields.get(name), list)]
    if blocks and sum(isinstance(part, int) for part in key) > MAX_NESTING:
        found, expected = f"more than {MAX_NESTING} blocks in each other", f"at most {MAX_NESTING}"
        faults.append(Fault(found, expected, file=marked.source, line=marked.line(key), key=spell(key[:8])))
        return None
    for name in blocks:
        read = _read_branches if kind is Branches else _read_layers
        fields = {**fields, name: read(marked, (*key, name), fields[name], faults)}
    layer = read_record(kind, marked, key, fields, faults)
    return layer if len(faults) == before else None


def _read_branches(marked: Marked, key: KeyPath, data: list[object], faults: list[Fault]) -> tuple[object, ...]:
    """The layers of each branch; what is no list is left to the record."""
    return tuple(
        _read_layers(marked, (*key, index), block, faults) if isinstance(block, list) else block
        for index, block in enumerate(data)
    )


class _UnreadableError(RecordError):
    """A layer whose kind is not to be seen."""


def _kind_and_fields(data: object) -> tuple[type[Saved], dict[str, Any]]:
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
    if others and not meant and str(name) not in KIND_SYNONYMS:
        do = f"write the kind of the layer first: {{{others[0]}: …, {name}: …}}"
        return _UnreadableError(f"the layer begins with {name!r}", expected, do)
    if isinstance(name, str) and name in KIND_SYNONYMS:
        return _UnreadableError(f"unknown layer {name!r}", expected, KIND_SYNONYMS[name])
    if name in get_args(Function):
        return _UnreadableError(f"unknown layer {name!r}", expected, f"write {{activation: {name}}}")
    return _UnreadableError(f"unknown layer {show(name)}", expected, f"write {meant!r}" if meant else "")
