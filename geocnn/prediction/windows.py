"""A normalised survey through a network in overlapping windows, for networks that look at their whole input."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from math import prod

import torch
from torch import Tensor

from geocnn.device import Device
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.memory import inference_bytes
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.network.plan import Plan
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.windowing import BLENDINGS, Span, Windowing, plan_windows

__all__ = ["BLENDINGS", "Windowing", "plan_windows", "window_bytes", "windowed_parts"]

PIECE = 2**22
"""Samples that are read and normalised at a time."""


def window_bytes(plan: Plan, windowing: Windowing) -> int:
    """The most bytes held at once: a row of windows, read and summed, and what the network takes for one window."""
    size = windowing.size
    summed = plan.outputs * min(size[0], windowing.within.shape[0]) * prod(windowing.within.shape[1:])
    read = plan.input[0] * size[0] * prod(a[-1] - a[0] + n for a, n in zip(windowing.starts[1:], size[1:], strict=True))
    weighted = plan.outputs * prod(size)
    return BYTES_PER_SAMPLE * (summed + read + weighted) + inference_bytes(plan, size)


def windowed_parts(
    network: Network, image: NormalisedSurvey, windowing: Windowing, device: Device, front: int | None = None
) -> Iterator[tuple[Window, Tensor]]:
    """Logits of a survey, blended from windows, as cross-sections in order along the first axis.

    Parameters
    ----------
    front
        The start of a part along the first axis, to go on there; the parts that follow have the same bits as without.

    Yields
    ------
    part, logits
        Disjoint windows that make up `windowing.within`, and (K, \\*part.shape) in float32 on the device.
    """
    within, rows = windowing.within, windowing.spans(0, front)
    if not rows:
        return
    fast = InferenceNetwork(network.to(device.torch))
    across = [windowing.spans(axis) for axis in range(1, len(windowing.size))]
    coming = deque(pairwise(sorted({edge for row in rows for edge in (row.first, row.last)})))
    held: deque[tuple[Window, Tensor]] = deque()
    for row, done in zip(rows, [*(row.first for row in rows[1:]), within.stop[0]], strict=True):
        while coming and coming[0][0] < row.last:
            first, last = coming.popleft()
            part = Window((first, *within.start[1:]), (last, *within.stop[1:]))
            held.append((part, torch.zeros((network.plan.outputs, *part.shape), device=device.torch)))
        for box, weighted in _weighted(fast, image, windowing, [[row], *across], device):
            _add(held, weighted, box)
        while held and held[0][0].stop[0] <= done:
            yield held.popleft()


def _weighted(
    network: InferenceNetwork,
    image: NormalisedSurvey,
    windowing: Windowing,
    axes: Sequence[Sequence[Span]],
    device: Device,
) -> Iterator[tuple[Window, Tensor]]:
    """What each window at a combination of spans adds to the sums, (K, \\*box.shape), and where."""
    sizes, corner = windowing.size, tuple(spans[0].start for spans in axes)
    row = _read(image, Window(corner, tuple(spans[-1].start + n for spans, n in zip(axes, sizes, strict=True))))
    weights = [
        [torch.from_numpy(windowing.weights(axis, span)).to(device.torch, torch.float32) for span in spans]
        for axis, spans in enumerate(axes)
    ]
    for spans, factors in zip(product(*axes), product(*weights), strict=True):
        start = tuple(span.start - first for span, first in zip(spans, corner, strict=True))
        window = row[(slice(None), *(slice(a, a + n) for a, n in zip(start, sizes, strict=True)))]
        with torch.inference_mode(), device.autocast():
            logits = network(window.contiguous().to(device.torch)[None])[0].float()
            if windowing.one_value:
                found = logits.view(-1, *(1,) * len(sizes))
            else:
                found = logits[(slice(None), *(slice(s.first - s.start, s.last - s.start) for s in spans))]
            for axis, factor in enumerate(factors, start=1):
                found = found * factor.view(-1, *(1,) * (len(sizes) - axis))
        yield Window(tuple(span.first for span in spans), tuple(span.last for span in spans)), found


def _read(image: NormalisedSurvey, window: Window) -> Tensor:
    """Normalised samples (C, \\*window.shape), zero past the far edges of the survey."""
    there, origin = window.within(image.grid.whole), tuple(-start for start in window.start)
    row = torch.zeros((image.channels, *window.shape))
    for piece in image.grid.part(there).slabs(PIECE):
        piece = piece.shifted(there.start)
        row[(slice(None), *piece.shifted(origin).slices)] = torch.from_numpy(image.read(piece))
    return row


def _add(held: Iterable[tuple[Window, Tensor]], weighted: Tensor, box: Window) -> None:
    """Add what is weighted in a box to the sums of the parts that it meets."""
    for part, sums in held:
        both = box.within(part)
        if both.size:
            to, of = (both.shifted([-start for start in each.start]).slices for each in (part, box))
            sums[(slice(None), *to)] += weighted[(slice(None), *of)]
