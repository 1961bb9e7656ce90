"""One pass after another: a normalised survey through a network, slab by slab, exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from geocnn.device import Device
from geocnn.errors import ModelError
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
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
    fast = InferenceNetwork(network.to(device.torch))
    for slab, tiles in tiling.slabs():
        logits = np.empty((network.plan.outputs, *slab.shape), np.float32)
        for tile in tiles:
            inside = tile.core.shifted([-a for a in slab.start]).slices
            logits[(slice(None), *inside)] = _pass(fast, image, tile, device)
        yield slab, logits


def _pass(network: InferenceNetwork, image: NormalisedSurvey, tile: Tile, device: Device) -> FloatArray:
    """Logits of one tile's core, shape (K, \\*core)."""
    there = tile.read.within(image.grid.whole)
    missing = [far - near for near, far in zip(there.stop, tile.read.stop, strict=True)]
    samples = torch.from_numpy(image.read(there)).to(device.torch)
    padding = [side for size in reversed(missing) for side in (0, size)]
    with torch.inference_mode(), device.autocast():
        logits = network(functional.pad(samples, padding)[None])[0]
    core = tile.core.shifted([-a for a in tile.read.start]).slices
    return np.asarray(logits[(slice(None), *core)].float().cpu().numpy())
