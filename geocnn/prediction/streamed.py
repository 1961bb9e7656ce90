"""A survey through a network plane by plane: each activation once, equal to one pass over the whole."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from geocnn.device import Device
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.fronts import replay
from geocnn.network.stream import Stream, StreamingNetwork
from geocnn.prediction.passes import Activation, Cut, Image, Part, Times
from geocnn.prediction.reading import read_ahead
from geocnn.prediction.tiles import Tile, Tiling, plan_tiles, planes_of, tiling_bytes

__all__ = ["StreamedPass"]


class StreamedPass:
    """A network whose layers all look at a bounded neighbourhood, run over a survey exactly.

    The reference is ``crop(network(pad(survey)))``, with zeros at the far ends up to a multiple of the stride. A tile
    sees every true neighbour within the halo, and the network pads itself at true edges alone.

    Parameters
    ----------
    network
        Its plan must be exact.
    image
        What it is run over.
    device
        Where, and in which precision.
    activation
        What is made of its logits (K, \\*w).
    times
        Where seconds are counted.
    """

    def __init__(
        self, network: Network, image: Image, device: Device, activation: Activation, times: Times | None = None
    ) -> None:
        self._network, self._image, self._device = network.to(device.torch), image, device
        self._activation, self._times = activation, times or Times()
        self._along: dict[int, StreamingNetwork] = {}

    def cut(self, within: Window, memory: int) -> Cut:
        """How a window is best predicted with so many bytes of memory; a `Pass`."""
        tiling = self._tiling(within, memory, ordered=False)
        tiles = tuple(tiling.tiles())
        axis = self._image.grid.axes[tiling.axis].name
        planes = f"{tiling.chunk} at a time" if tiling.chunk < within.shape[tiling.axis] else "all at a time"
        how = f"streams along {axis}s, {planes}, in {len(tiles)} tile{'s' * (len(tiles) > 1)}"
        plan, width = self._network.plan, self._device.dtype.itemsize
        return Cut(tiles, how, tiling.arithmetic, tiling_bytes(plan, tiling, bytes_per_sample=width))

    def parts(self, tile: Tile, front: int | None = None) -> Generator[Part]:
        """The parts of a tile's core, in order along its axis; a `Pass`."""
        axis, read = tile.axis, tile.read
        front = tile.core.start[axis] if front is None else front
        before = max(0, front - read.start[axis] - replay(self._network.plan, tile.chunk, axis))
        at = read.start[axis] + before // tile.chunk * tile.chunk
        stream = Stream(self._streaming(axis))
        across = tile.core.shifted([-a for a in read.start])
        for planes in read_ahead(self._chunks(tile, at), self._times):
            with torch.inference_mode(), self._times.of("compute"):
                if planes is None:
                    found = stream.finish()
                else:
                    found = stream.push(planes.to(self._device.torch, non_blocking=True)[None])
                if found is None:
                    continue
                first, at = at, at + found.shape[2 + axis]
                low, high = max(first, front), min(at, tile.core.stop[axis])
                if low >= high:
                    continue
                wanted = planes_of(across, axis, low - first, high - first).slices
                values = self._activation(found[0][(slice(None), *wanted)])
            yield Part(planes_of(tile.core, axis, low, high), values)

    def sections(self, within: Window, memory: int) -> Iterator[Part]:
        """The window as whole cross-sections, in order along the first axis; a `Pass`."""
        tiling = self._tiling(within, memory, ordered=True)
        if tiling.whole:
            for tile in tiling.tiles():
                yield from self.parts(tile)
            return
        for slab, tiles in tiling.slabs():
            values: Tensor | None = None
            for tile in tiles:
                for part in self.parts(tile):
                    if values is None:
                        values = torch.empty((len(part.values), *slab.shape))
                    values[(slice(None), *part.window.shifted([-a for a in slab.start]).slices)] = part.values.cpu()
            if values is not None:
                yield Part(slab, values)

    def _tiling(self, within: Window, memory: int, *, ordered: bool) -> Tiling:
        width = self._device.dtype.itemsize
        return plan_tiles(
            self._network.plan, self._image.grid.shape, within, memory, ordered=ordered, bytes_per_sample=width
        )

    def _streaming(self, axis: int) -> StreamingNetwork:
        """The network to be streamed along an axis."""
        if axis not in self._along:
            self._along[axis] = StreamingNetwork(self._network, axis, self._device.dtype)
        return self._along[axis]

    def _chunks(self, tile: Tile, start: int) -> Iterator[Callable[[], Tensor | None]]:
        """What reads the planes (C, \\*chunk) of a tile one after another, and None at the end."""
        end = tile.read.stop[tile.axis]
        for first in range(start, end, tile.chunk):
            yield partial(self._read, planes_of(tile.read, tile.axis, first, min(first + tile.chunk, end)))
        yield lambda: None

    def _read(self, window: Window) -> Tensor:
        """Normalised samples; what lies past the far edges of the survey is zero."""
        with self._times.of("read"):
            there = window.within(self._image.grid.whole)
            missing = [far - near for near, far in zip(there.stop, window.stop, strict=True)]
            padding = [side for size in reversed(missing) for side in (0, size)]
            planes = functional.pad(torch.from_numpy(self._image.read(there)), padding)
            return planes.pin_memory() if self._device.kind == "cuda" else planes
