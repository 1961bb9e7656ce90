"""Windows as layers ask for them, fitted to a node."""

from __future__ import annotations

from geocnn.marked import KeyPath
from geocnn.network import layers
from geocnn.network.draft import Draft, spell_output
from geocnn.network.windows import Windows, same_padding

__all__ = ["asked_windows", "axes_to_slide_along", "windows_that_fit"]


def axes_to_slide_along(draft: Draft, layer: layers.Saved, place: KeyPath, at: int) -> bool:
    """Whether a node has any axes; else a fault."""
    if draft.nodes[at].shape:
        return True
    if not draft.sure_of_shape(at):
        return False
    kind = layer.named()
    found = f"{kind} on {spell_output(draft.nodes[at])}"
    draft.fault(place, found, "samples along axes", f"put {kind} before flatten, or use dense")
    return False


def asked_windows(
    draft: Draft, place: KeyPath, asked: dict[str, layers.Sizes], padding: layers.Padding
) -> tuple[Windows, bool]:
    """Windows as written, and whether each list has a number per axis.

    The keys of `asked` are those of the spec: the window's ``kernel`` or ``size`` first, then ``stride`` and, if
    wished, ``dilation``.
    """
    read = {key: draft.axes((*place, key), value) for key, value in asked.items()}
    sure = all(right for _, right in read.values())
    size, stride = (numbers for numbers, _ in list(read.values())[:2])
    dilation = read["dilation"][0] if "dilation" in read else (1,) * len(size)
    if padding == "same":
        ends = [same_padding(k, d) for k, d in zip(size, dilation, strict=True)]
        return Windows(size, stride, dilation, tuple(end[0] for end in ends), tuple(end[1] for end in ends)), sure
    width, right = draft.axes((*place, "padding"), 0 if padding == "valid" else padding)
    return Windows(size, stride, dilation, width, width), sure and right


def windows_that_fit(
    draft: Draft, place: KeyPath, at: int, asked: dict[str, layers.Sizes], padding: layers.Padding
) -> tuple[Windows, bool]:
    """Windows as written, and whether they fit a node; else a fault with the formula."""
    windows, sure = asked_windows(draft, place, asked, padding)
    return windows, sure and _fit(draft, windows, place, at, next(iter(asked)))


def _fit(draft: Draft, windows: Windows, place: KeyPath, at: int, size: str) -> bool:
    node = draft.nodes[at]
    shape = windows.shape(node.shape)
    if not draft.sure_of_shape(at) or min(shape) >= 1:
        return True
    axis = next(axis for axis, each in enumerate(shape) if each < 1)
    n, pad = node.shape[axis], windows.before[axis] + windows.after[axis]
    found = (
        f"a window of {windows.spans[axis] + 1} samples on {n} + {pad} padded = {n + pad}, "
        f"along axis {axis + 1} of {len(shape)}"
    )
    expected = f"an output of at least 1 sample; {windows.formula(axis, n)}"
    largest = (n + pad - 1) // windows.dilation[axis] + 1
    do = f"use a {size} of at most {largest}, padding: same, fewer reductions or a larger input"
    draft.fault(place, found, expected, do)
    return False
