"""Which pass a network needs: exact where its plan is, overlapping windows else, the mean of several where asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from geocnn.device import Device
from geocnn.errors import UsageError
from geocnn.grid import Grid, Window
from geocnn.network.build import Network
from geocnn.network.wording import breaking
from geocnn.prediction.averaged import AveragedPass, Member, MirroredImage
from geocnn.prediction.passes import ACTIVATIONS, Image, Pass, Times
from geocnn.prediction.streamed import StreamedPass
from geocnn.prediction.windows import Blending, WindowedPass
from geocnn.records import listed
from geocnn.survey.survey import FloatArray

__all__ = ["SHARE", "Runner", "averaged_pass", "flips_of", "inexact", "probability_slabs"]

SHARE = 0.5
"""Share of the free memory that activations may take unless the user says otherwise; the rest is for workspaces."""


class Runner(NamedTuple):
    """How a network is run over a survey.

    Parameters
    ----------
    device
        Where, and in which precision.
    activation
        What is made of its outputs: a name of `ACTIVATIONS`.
    blending
        How windows overlap, for networks that cannot be exact.
    times
        Where seconds are counted.
    """

    device: Device
    activation: str = "probabilities"
    blending: Blending = Blending()
    times: Times | None = None

    def over(self, network: Network, patch: Sequence[int], image: Image) -> StreamedPass | WindowedPass:
        """The pass of one network, trained on patches of that size, over one image."""
        activation = ACTIVATIONS[self.activation]
        if network.plan.exact:
            return StreamedPass(network, image, self.device, activation, self.times)
        return WindowedPass(network, patch, image, self.device, activation, self.blending, self.times)


def averaged_pass(
    runner: Runner, members: Sequence[tuple[Network, Sequence[int], Image]], flips: Sequence[tuple[int, ...]]
) -> Pass:
    """One pass, or the mean of several: every network over every mirrored copy of its image.

    Parameters
    ----------
    members
        Networks, the patches of their training, and the survey as each takes it.
    flips
        Axes along which the image is mirrored, one entry for each copy: ``[()]`` for the image alone.
    """
    passes = [
        Member(runner.over(network, patch, MirroredImage(image, axes) if axes else image), axes)
        for network, patch, image in members
        for axes in flips
    ]
    if len(passes) == 1:
        return passes[0].each
    network, _, image = members[0]
    halo = max(sum(each.plan.halo[0]) if each.plan.exact else patch[0] for each, patch, _ in members)
    return AveragedPass(passes, image.grid.shape, network.plan.outputs, halo)


def flips_of(grid: Grid) -> list[tuple[int, ...]]:
    """All combinations of the axes along which a survey may be mirrored: all but the sample axis.

    Raises
    ------
    UsageError
        If there is none.
    """
    axes = [at for at, axis in enumerate(grid.axes) if axis.name != "sample"]
    if not axes:
        raise UsageError(
            f"--tta for traces alone ({grid})",
            expected="an axis beside the sample axis, which must not be mirrored",
            do="leave --tta out",
        )
    return [flips for count in range(len(axes) + 1) for flips in combinations(axes, count)]


def inexact(network: Network) -> str:
    """Why a network is run in windows, in words; empty if it is exact."""
    layers = listed(breaking(network.plan), 2)
    return f"the network looks at its whole input ({layers}): no tile can equal one pass" if layers else ""


def probability_slabs(
    network: Network, patch: Sequence[int], image: Image, within: Window, device: Device, memory: int | None = None
) -> Iterator[tuple[Window, FloatArray]]:
    """Probabilities of `within`, as cross-sections in order along the first axis.

    Yields
    ------
    slab, probabilities
        Disjoint windows that make up `within`, and arrays (K, \\*slab.shape): the probability of class 1 for a network
        of one output, of every class for others.
    """
    found = Runner(device).over(network, patch, image)
    for part in found.sections(within, memory or int(SHARE * device.free_memory())):
        yield part.window, np.asarray(part.values.cpu().numpy(), np.float32)
