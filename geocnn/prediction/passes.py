"""A normalised survey through a network, plane by plane, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from geocnn.device import Device
from geocnn.errors import ModelError
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.stream import Stream, StreamingNetwork
from geocnn.network.wording import breaking
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.tiles import Tile, plan_tiles
from geocnn.survey.survey import FloatArray

__all__ = ["logit_slabs", "probability_slabs"]

SHARE = 0.5
"""Share of the free memory that activations may take unless the user says otherwise; the rest is for workspaces."""


def probability_slabs(
    network: Network, image: NormalisedSurvey, within: Window, device: Device, memory: int | None = None
) -> Iterator[tuple[Window, FloatArray]]:
    """Probabilities of `within`, as cross-sections in order along the first axis.

    Yields
    ------
    slab, probabilities
        Disjoint windows that make up `within`, and arrays (K, \\*slab.shape): the probability of class 1 for a network
        of one output, of every class for others.
    """
    for slab, logits in logit_slabs(network, image, within, device, memory):
        yield slab, _probabilities(logits)


def _probabilities(logits: FloatArray) -> FloatArray:
    tensor = torch.from_numpy(logits)
    probabilities = torch.sigmoid(tensor) if len(logits) == 1 else torch.softmax(tensor, dim=0)
    return np.asarray(probabilities.numpy(), np.float32)


def logit_slabs(
    network: Network, image: NormalisedSurvey, within: Window, device: Device, memory: int | None = None
) -> Iterator[tuple[Window, FloatArray]]:
    """Logits of `within`, equal to one pass over the whole survey.

    The reference is ``crop(network(pad(survey)))``, with zeros at the far ends up to a multiple of the stride. A tile
    sees every true neighbour within the halo, and the network pads itself at true edges alone.

    Raises
    ------
    ModelError
        If a layer of the network looks at the whole input, so that no tile could equal the reference.
    """
    if not network.plan.exact:
        layers = ", ".join(breaking(network.plan))
        raise ModelError(
            f"the network cannot predict a volume exactly: {layers}",
            expected="layers that look at a bounded neighbourhood (convolution, pooling, upsampling)",
            do="replace the dense head by 1×1 convolutions",
        )
    tiling = plan_tiles(network.plan, image.grid.shape, within, memory or int(SHARE * device.free_memory()))
    fast = StreamingNetwork(network.to(device.torch))
    for slab, tiles in tiling.slabs():
        if len(tiles) == 1:
            yield from _streamed(fast, image, tiles[0], tiling.chunk, device)
            continue
        logits = np.empty((network.plan.outputs, *slab.shape), np.float32)
        for tile in tiles:
            for part, found in _streamed(fast, image, tile, tiling.chunk, device):
                logits[(slice(None), *part.shifted([-a for a in slab.start]).slices)] = found
        yield slab, logits


def _streamed(
    network: StreamingNetwork, image: NormalisedSurvey, tile: Tile, chunk: int, device: Device
) -> Iterator[tuple[Window, FloatArray]]:
    """Logits of one tile's core, (K, \\*part), part by part along the first axis."""
    stream, at = Stream(network), tile.read.start[0]
    across = tile.core.shifted([-a for a in tile.read.start]).slices[1:]
    with ThreadPoolExecutor(1) as reader:
        for planes in _ahead(reader, _chunks(image, tile.read, chunk)):
            with torch.inference_mode(), device.autocast():
                found = stream.finish() if planes is None else stream.push(planes.to(device.torch)[None])
            if found is None:
                continue
            first, at = at, at + found.shape[2]
            part = Window((first, *tile.core.start[1:]), (at, *tile.core.stop[1:])).within(tile.core)
            if part.size:
                wanted = slice(part.start[0] - first, part.stop[0] - first)
                yield part, found[(0, slice(None), wanted, *across)].float().cpu().numpy()


def _chunks(image: NormalisedSurvey, read: Window, chunk: int) -> Iterator[Callable[[], Tensor | None]]:
    """What reads the planes (C, \\*chunk) of a window one after another, and None at the end."""
    for first in range(read.start[0], read.stop[0], chunk):
        last = min(first + chunk, read.stop[0])
        yield partial(_read, image, Window((first, *read.start[1:]), (last, *read.stop[1:])))
    yield lambda: None


def _read(image: NormalisedSurvey, window: Window) -> Tensor:
    """Normalised samples; what lies past the far edges of the survey is zero."""
    there = window.within(image.grid.whole)
    missing = [far - near for near, far in zip(there.stop, window.stop, strict=True)]
    padding = [side for size in reversed(missing) for side in (0, size)]
    return functional.pad(torch.from_numpy(image.read(there)), padding)


def _ahead(pool: ThreadPoolExecutor, reads: Iterable[Callable[[], Tensor | None]]) -> Iterator[Tensor | None]:
    """What is read, while the next is being read in another thread."""
    waiting: Future[Tensor | None] | None = None
    for read in reads:
        begun = pool.submit(read)
        if waiting is not None:
            yield waiting.result()
        waiting = begun
    if waiting is not None:
        yield waiting.result()
