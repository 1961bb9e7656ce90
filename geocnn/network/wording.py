"""Layers and sizes in words, short enough for a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

from geocnn.network import layers
from geocnn.network.node import Node, NormAttributes
from geocnn.network.outline import Row
from geocnn.network.plan import Plan
from geocnn.records import crossed

__all__ = ["breaking", "by", "number", "output_text", "row_text", "written"]

BARE = frozenset({"kernel", "size", "mode", "norm", "activation"})
"""Fields whose value tells what it is."""
SQUARES = frozenset({"kernel", "size"})
"""Fields that are the sizes of a window."""
LAST = ("bias", "init", "norm", "activation", "dropout", "join", "carry", "fit", "save", "head")
"""What many layers may have is read best at the end, in this order."""


def by(sizes: Sequence[object]) -> str:
    """Sizes with crosses between: ``64 × 32``; equal ones as a power: ``64³``."""
    if len(sizes) > 1 and len(set(sizes)) == 1:
        return f"{sizes[0]}{'²³'[len(sizes) - 2] if len(sizes) < 4 else f'^{len(sizes)}'}"
    return crossed(sizes)


def number(values: Sequence[Fraction | int]) -> str:
    """One number for each axis: ``½``, ``2 × 4``; one alone where they are equal."""
    words = [_HALVES.get(Fraction(value), f"{float(value):.4g}") for value in values]
    return words[0] if len(set(words)) == 1 else crossed(words)


_HALVES = {Fraction(1, 2): "½", Fraction(1, 4): "¼", Fraction(-1, 2): "−½", Fraction(-1, 4): "−¼"}


def breaking(plan: Plan) -> list[str]:
    """The layers that look at a whole input, as users write them: ``pool of size all at layers[3]``."""
    return [f"{_in_words(node)} at {node.place}" for node in plan.breaks]


def _in_words(node: Node) -> str:
    if isinstance(node.attributes, NormAttributes):
        return f"{node.attributes.method} norm"
    return "pool of size all" if node.kind == "global_pool" else node.kind


def written(layer: layers.Saved, ndim: int, without: Collection[str] = ()) -> str:
    """A layer as it is written: ``conv 16 3³ batch relu save fine``; what has its default is left out."""
    kind = layer.named()
    words = [kind]
    for name, field in sorted(type(layer).model_fields.items(), key=lambda item: _rank(item[0])):
        value = getattr(layer, name)
        if name in ("kind", "layers", "blocks", *without) or value == field.default:
            continue
        text = _value(name, value, ndim)
        if name in ("times", "factor"):
            words.append(f"× {text}")
        elif isinstance(value, bool):
            words.append(name if value else f"no {name}")
        else:
            words.append(text if field.alias == kind or name in BARE else f"{name} {text}")
    if isinstance(layer, layers.Branches):
        words.insert(1, f"× {len(layer.blocks)}")
    return " ".join(words)


def _rank(name: str) -> int:
    return LAST.index(name) if name in LAST else -1


def _value(name: str, value: object, ndim: int) -> str:
    if isinstance(value, layers.GroupNorm):
        return f"group {value.group}"
    if isinstance(value, tuple):
        numbers = all(isinstance(each, int) for each in value)
        return (by(value) if len(set(value)) > 1 or name in SQUARES else str(value[0])) if numbers else ", ".join(value)
    if name in SQUARES and isinstance(value, int):
        return by((value,) * ndim)
    return str(value)


def output_text(row: Row) -> str:
    """What comes out of a row: ``16 × 32³``, its channels alone after a flatten, nothing of a heading."""
    if not row.made:
        return ""
    node = row.made[-1]
    return f"{node.channels} × {by(node.shape)}" if node.shape else str(node.channels)


def row_text(row: Row, ndim: int) -> str:
    """What a row stands for, as it is written."""
    if row.layer is not None:
        return written(row.layer, ndim)
    if row.heading:
        return row.heading
    return " ".join(node.kind for node in row.nodes)
