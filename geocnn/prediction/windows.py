"""A normalised survey through a network in overlapping windows, for networks that look at their whole input."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from math import ceil, prod

import torch
from torch import Tensor

from geocnn.device import Device
from geocnn.errors import UsageError
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.memory import inference_bytes
from geocnn.network.node import BYTES_PER_SAMPLE
from geocnn.network.plan import Plan
from geocnn.prediction.passes import Activation, Cut, Image, Part, Times, Underway
from geocnn.prediction.reading import read_ahead
from geocnn.prediction.tiles import Tile, memory_words
from geocnn.prediction.windowing import Span, Windowing, plan_windows
from geocnn.records import crossed

__all__ = ["Blending", "WindowedPass", "window_bytes", "windowed_parts"]

PIECE = 2**22
"""Samples that are read and normalised at a time."""


@dataclass(frozen=True)
class Blending:
    """How windows overlap and are blended; what is None follows from the network, see `plan_windows`.

    Parameters
    ----------
    overlap
        Share of a window that the next one covers too.
    weights
        One of `BLENDINGS`.
    step
        Samples from one window to the next along each axis, instead of the overlap.
    """

    overlap: float = 0.5
    weights: str = "gaussian"
    step: tuple[int, ...] | None = None

    def __str__(self) -> str:
        step = "" if self.step is None else f", step {crossed(self.step)}"
        return f"overlap {self.overlap:g}, {self.weights}{step}"


class WindowedPass:
    """A network that looks at its whole input, run over a survey in overlapping windows.

    Parameters
    ----------
    network
        Any; it gives a value for each sample of a window, or one for each window.
    patch
        Of its training, which windows have the size of.
    image, device, activation, times
        As for `StreamedPass`; the activation is made of what was blended.
    blending
        How windows are laid and weighed.

    Raises
    ------
    UsageError, ModelError
        If the blending cannot be, or the network makes other sizes than those that it takes.
    """

    def __init__(
        self,
        network: Network,
        patch: Sequence[int],
        image: Image,
        device: Device,
        activation: Activation,
        blending: Blending,
        times: Times | None = None,
    ) -> None:
        self._fast = InferenceNetwork(network.to(device.torch), dtype=device.dtype)
        self._patch, self._image, self._device = tuple(patch), image, device
        self._activation, self._blending, self._times = activation, blending, times or Times()
        self._windowing(image.grid.whole)

    def cut(self, within: Window, memory: int) -> Cut:
        """How a window is best predicted with so many bytes of memory; a `Pass`."""
        shares = [1] * len(within.shape)
        while True:
            boxes = list(_boxes(within, shares))
            plans = [self._windowing(box) for box in boxes]
            needed = max(window_bytes(self._fast.plan, windowing) for windowing in plans)
            if needed <= memory:
                break
            # A row of windows along the first axis is held: what is across it is cut.
            longest = max(range(len(shares)), key=lambda axis: boxes[0].shape[axis] * (axis > 0))
            if longest == 0 or boxes[0].shape[longest] <= plans[0].size[longest]:
                raise UsageError(
                    f"{memory_words(memory)} of memory for windows of {crossed(plans[0].size)}",
                    expected=f"at least {memory_words(needed)}",
                    do=f"pass --memory {ceil(needed / 1e8) / 10:g}GB",
                )
            shares[longest] *= 2
        computed = sum(windowing.arithmetic * windowing.within.size for windowing in plans)
        tiles = tuple(Tile(box, box, 0, windowing.step[0], memory) for box, windowing in zip(boxes, plans, strict=True))
        return Cut(tiles, f"in {plans[0].words}", computed / within.size, needed)

    def parts(self, tile: Tile, front: int | None = None) -> Generator[Part | Underway]:
        """The parts of a tile's core, in order along the first axis; a `Pass`."""
        windowing = self._windowing(tile.core)
        for part in windowed_parts(self._fast, self._image, windowing, self._device, front, self._times):
            yield Part(part.window, self._activation(part.values)) if isinstance(part, Part) else part

    def sections(self, within: Window, memory: int) -> Iterator[Part]:
        """The window as whole cross-sections, in order along the first axis, whatever memory a row of windows takes."""
        for part in self.parts(Tile(within, within, 0, 1, memory)):
            if isinstance(part, Part):
                yield part

    def _windowing(self, within: Window) -> Windowing:
        how = self._blending
        shape = self._image.grid.shape
        return plan_windows(
            self._fast.plan,
            self._patch,
            shape,
            within,
            overlap=how.overlap,
            blending=how.weights,
            step=how.step,
        )


def _boxes(within: Window, shares: Sequence[int]) -> Iterator[Window]:
    """The window cut into so many boxes along each axis, as equal as can be."""
    axes = []
    for start, size, share in zip(within.start, within.shape, shares, strict=True):
        edges = [start + size * k // share for k in range(share + 1)]
        axes.append([edge for edge in pairwise(edges) if edge[0] < edge[1]])
    for spans in product(*axes):
        starts, stops = zip(*spans, strict=True)
        yield Window(starts, stops)


def window_bytes(plan: Plan, windowing: Windowing) -> int:
    """The most bytes held at once: three rows of windows read, one summed, and what the network takes for a window."""
    size = windowing.size
    summed = plan.outputs * min(size[0], windowing.within.shape[0]) * prod(windowing.within.shape[1:])
    read = plan.input[0] * size[0] * prod(a[-1] - a[0] + n for a, n in zip(windowing.starts[1:], size[1:], strict=True))
    weighted = plan.outputs * prod(size)
    return BYTES_PER_SAMPLE * (summed + 3 * read + weighted) + inference_bytes(plan, size)


def windowed_parts(
    network: InferenceNetwork,
    image: Image,
    windowing: Windowing,
    device: Device,
    front: int | None = None,
    times: Times | None = None,
) -> Generator[Part | Underway]:
    """Logits of a survey, blended from windows, as cross-sections in order along the first axis.

    Parameters
    ----------
    front
        The start of a part along the first axis, to go on there; the parts that follow have the same bits as without.

    Yields
    ------
    Part or Underway
        Disjoint windows that make up `windowing.within`, with logits (K, \\*window.shape) in float32 on the device; and
        after each window of the network how far the next ones are.
    """
    within, rows, times = windowing.within, windowing.spans(0, front), times or Times()
    if not rows:
        return
    across = [windowing.spans(axis) for axis in range(1, len(windowing.size))]
    coming = deque(pairwise(sorted({edge for row in rows for edge in (row.first, row.last)})))
    held: deque[tuple[Window, Tensor]] = deque()
    boxes = [_around([[row], *across], windowing.size) for row in rows]
    samples = read_ahead((partial(_read, image, box, times) for box in boxes), times)
    each = within.size // max(1, len(windowing.starts[0]) * prod(map(len, across)))
    since, left = 0, within.size // within.shape[0] * (within.stop[0] - rows[0].first)
    for row, done, read in zip(rows, [*(row.first for row in rows[1:]), within.stop[0]], samples, strict=True):
        while coming and coming[0][0] < row.last:
            first, last = coming.popleft()
            part = Window((first, *within.start[1:]), (last, *within.stop[1:]))
            held.append((part, torch.zeros((network.plan.outputs, *part.shape), device=device.torch)))
        for box, weighted in _weighted(network, read, windowing, [[row], *across], device, times):
            _add(held, weighted, box)
            since = min(since + each, left)
            yield Underway(since)
        while held and held[0][0].stop[0] <= done:
            window, logits = held.popleft()
            since, left = max(0, since - window.size), left - window.size
            yield Part(window, logits)


def _around(axes: Sequence[Sequence[Span]], sizes: Sequence[int]) -> Window:
    """The samples that windows at all combinations of spans see."""
    start = tuple(spans[0].start for spans in axes)
    return Window(start, tuple(spans[-1].start + n for spans, n in zip(axes, sizes, strict=True)))


def _weighted(
    network: InferenceNetwork,
    samples: Tensor,
    windowing: Windowing,
    axes: Sequence[Sequence[Span]],
    device: Device,
    times: Times,
) -> Iterator[tuple[Window, Tensor]]:
    """What each window at a combination of spans adds to the sums, (K, \\*box.shape), and where.

    `samples` (C, \\*shape) are those that all of them see.
    """
    sizes, corner = windowing.size, _around(axes, windowing.size).start
    weights = [
        [torch.from_numpy(windowing.weights(axis, span)).to(device.torch, torch.float32) for span in spans]
        for axis, spans in enumerate(axes)
    ]
    for spans, factors in zip(product(*axes), product(*weights), strict=True):
        start = tuple(span.start - first for span, first in zip(spans, corner, strict=True))
        window = samples[(slice(None), *(slice(a, a + n) for a, n in zip(start, sizes, strict=True)))]
        with torch.inference_mode(), times.of("compute"):
            logits = network(window.contiguous().to(device.torch, device.dtype)[None])[0].float()
            if windowing.one_value:
                found = logits.view(-1, *(1,) * len(sizes))
            else:
                found = logits[(slice(None), *(slice(s.first - s.start, s.last - s.start) for s in spans))]
            for axis, factor in enumerate(factors, start=1):
                found = found * factor.view(-1, *(1,) * (len(sizes) - axis))
        yield Window(tuple(span.first for span in spans), tuple(span.last for span in spans)), found


def _read(image: Image, window: Window, times: Times) -> Tensor:
    """Normalised samples (C, \\*window.shape), zero past the far edges of the survey."""
    with times.of("read"):
        return _in_pieces(image, window)


def _in_pieces(image: Image, window: Window) -> Tensor:
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
