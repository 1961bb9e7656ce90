"""Layers that take up what was saved: use, add, multiply, concat."""

from __future__ import annotations

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_channels
from geocnn.network.node import JoinAttributes
from geocnn.records import crossed

__all__ = ["add", "can_meet", "concat", "join", "multiply", "use"]


def use(draft: Draft, layer: layers.Use, place: KeyPath, at: int) -> int:
    """The node that was saved, whatever its shape; no node is added."""
    other = draft.saved(layer.name, (*place, "use"))
    if other is None:
        draft.doubt(at, shape=True, channels=True)
        return at
    return other


def add(draft: Draft, layer: layers.Add, place: KeyPath, at: int) -> int:
    """The sum with what was saved: (C, N) and (C, N) → (C, N)."""
    return _with_saved(draft, "add", layer, place, at)


def multiply(draft: Draft, layer: layers.Multiply, place: KeyPath, at: int) -> int:
    """The product with what was saved: (C, N) and (C, N), or one channel, or a single → (C, N)."""
    return _with_saved(draft, "multiply", layer, place, at)


def concat(draft: Draft, layer: layers.Concat, place: KeyPath, at: int) -> int:
    """The channels followed by those that were saved: (C, N) and (C′, N) → (C + C′, N)."""
    return _with_saved(draft, "concat", layer, place, at)


def _with_saved(
    draft: Draft, kind: layers.Join, layer: layers.Add | layers.Multiply | layers.Concat, place: KeyPath, at: int
) -> int:
    other = draft.saved(layer.name, (*place, kind))
    if other is None:
        draft.doubt(at, channels=kind == "concat")
        return at
    return join(draft, kind, place, (at, other), (repr(layer.name),), crop=layer.fit == "crop")


def join(
    draft: Draft,
    kind: layers.Join,
    place: KeyPath,
    ends: tuple[int, ...],
    names: tuple[str, ...],
    *,
    crop: bool = False,
) -> int:
    """Sum, product or concatenation of nodes; `names` are those of all but the first."""
    meet = can_meet(draft, place, ends, names, crop=crop)
    counts = [draft.nodes[end].channels for end in ends]
    # In a product one channel counts as repeated.
    several = [count for count in counts if count > 1 or kind != "multiply"] or counts
    agree = kind == "concat" or len(set(several)) == 1
    if not agree and draft.sure_of_channels(*ends):
        odd = next(index for index, count in enumerate(counts) if count in several and count != several[0])
        found = f"{spell_channels(several[0])} here and {counts[odd]} of {names[odd - 1]} cannot be {_DONE[kind]}"
        do = "use concat, or bring one to the other's number by a conv with kernel 1"
        draft.fault(place, found, "equal numbers of channels", do)
    channels = sum(counts) if kind == "concat" else several[0]
    wide = [end for end in ends if not draft.nodes[end].single] or list(ends)
    shapes = [draft.nodes[end].shape for end in wide]
    shape = tuple(map(min, zip(*shapes, strict=True))) if meet else shapes[0]
    singles = tuple(position for position, end in enumerate(ends) if end not in wide)
    done = draft.step(kind, ends, place, JoinAttributes(crop, singles), channels=channels, shape=shape)
    draft.doubt(done, shape=not meet, channels=not agree)
    return done


_DONE = {"add": "added", "multiply": "multiplied"}


def can_meet(
    draft: Draft, place: KeyPath, ends: tuple[int, ...], names: tuple[str, ...], *, crop: bool = False
) -> bool:
    """Whether nodes agree in sizes and stride, singles left out; else a fault."""
    if not draft.sure_of_shape(*ends):
        return True
    named = [(end, name) for end, name in zip(ends, ("", *names), strict=True) if not draft.nodes[end].single]
    (first, called), *others = named or [(ends[0], "")]
    ours = draft.nodes[first]
    for other, name in others:
        theirs = draft.nodes[other]
        here = f"of {called}" if called else "here"
        if len(ours.shape) != len(theirs.shape) or (ours.shape != theirs.shape and not crop):
            found = f"{crossed(ours.shape)} samples {here} and {crossed(theirs.shape)} of {name} cannot meet"
            draft.fault(place, found, "equal sizes", _remedy(draft))
            return False
        if ours.stride != theirs.stride:
            found = f"one sample in {crossed(ours.stride)} {here} and one in {crossed(theirs.stride)} of {name}"
            draft.fault(place, found, "equal strides", "upsample or reduce one of the two")
            return False
    return True


def _remedy(draft: Draft) -> str:
    """What to do about sizes that differ: mostly an odd size was halved."""
    shape = draft.nodes[0].shape
    strides = [max(node.stride[axis].numerator for node in draft.nodes) for axis in range(len(shape))]
    fitting = tuple(-(-size // stride) * stride for size, stride in zip(shape, strides, strict=True))
    if fitting != shape:
        return (
            f"use an input of multiples of {crossed(strides)}, such as {crossed(fitting)}, "
            "or write fit: crop in this layer"
        )
    return "use padding: same, and upsample as often as sizes are reduced; or write fit: crop"
