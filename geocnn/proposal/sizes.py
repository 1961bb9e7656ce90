"""Patch, batch and steps of a network within the memory and the time that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10, prod

from geocnn.errors import ConfigError, SurveyError
from geocnn.fitting import total_stride
from geocnn.network.memory import training_bytes
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import Spec
from geocnn.proposal.fingerprint import Fingerprint, Machine
from geocnn.proposal.holding import LEAST, Held
from geocnn.proposal.networks import Candidate, candidates
from geocnn.records import crossed
from geocnn.tasks import TASKS

__all__ = ["LONGEST", "PASSES", "Sized", "aspect", "budget", "sized"]

EDGES = {1: (4096, 3072, 2048, 1024, 512, 256, 128, 64), 2: (512, 384, 256, 192, 128, 96, 64, 48, 32, 16)}
VOLUME_EDGES = (128, 112, 96, 80, 64, 48, 32, 16)
CPU_EDGES = {1: 4096, 2: 256, 3: 64}
"""Edges of patches, in positions, and the largest that a CPU is asked for: larger ones make each step take minutes."""

MOST_BATCH = {"cpu": {1: 32, 2: 8, 3: 2}, "cuda": {1: 64, 2: 16, 3: 4}}
LEAST_BATCH = 2
"""Batch norms take their statistics over a batch: of one patch they are those of one place."""

BATCH_SHARE = 0.05
"""Share of the labelled samples that a batch may hold: nnU-Net's bound (Isensee et al., 2021)."""

PASSES = 100
"""How often training sees each labelled sample, on average."""

STEPS = (1_000, 25_000)
"""Fewest and most steps; the most are a tenth of nnU-Net's 250 000."""

SPEED = {"cpu": 12e9, "cuda": 3e12}
"""Multiply-adds a second that training reaches, for each core or on a GPU; good to a factor of two or three."""

LONGEST = 12 * 3600.0
"""Seconds that training may take before a cheaper network is proposed: a night."""

OVERHEAD = {"cpu": 600_000_000, "cuda": 1_000_000_000}
"""Bytes that Python, torch and its libraries take before a network does."""

USED = 0.8
"""Share of the memory to plan with; kernels need workspaces, and pieces of memory are lost between others."""


@dataclass(frozen=True)
class Sized:
    """A network with sizes that fit.

    Parameters
    ----------
    network
        What was chosen.
    plan
        For one patch.
    batch, steps
        Of training.
    memory
        Bytes of one training step (see `training_bytes`).
    seconds
        Of the training, roughly.
    passed_over
        What would have been better, and why it is not proposed.
    """

    network: Candidate
    plan: Plan
    batch: int
    steps: int
    memory: int
    seconds: float
    passed_over: tuple[str, ...] = ()

    @property
    def patch(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return self.plan.input[1:]


def budget(machine: Machine) -> int:
    """Bytes that a training step may hold."""
    return round(USED * machine.memory) - OVERHEAD[machine.device]


def sized(found: Fingerprint, held: Held) -> Sized:
    """The first network that fits into memory, with a patch of half the wished edges at least, and into a night.

    If none does, the last one, with whatever patch fits.

    Raises
    ------
    SurveyError
        If the memory, or the surveys, are too small for any.
    """
    room = held.room
    _require_room(found, room)
    passed: list[str] = []
    wished = candidates(found, room)
    for network in wished:
        last = network is wished[-1]
        one = _fitted(found, held, network)
        if one is None:
            passed.append(f"{network.name} does not fit into memory or surveys")
        elif not last and prod(one.patch) < prod(_largest(found, room, one.plan)) / 2**found.ndim:
            passed.append(f"{network.name} would only fit with patches of {crossed(one.patch)}")
        elif not last and one.seconds > LONGEST:
            passed.append(f"{_called(network)} would take about {one.seconds / 3600:.0f} hours")
        else:
            return Sized(
                one.network, one.plan, one.batch, one.steps, one.memory, one.seconds, tuple(dict.fromkeys(passed))
            )
    raise _too_little(found, room, wished[-1])


def _called(network: Candidate) -> str:
    return network.name if network.width == 1 else f"{network.name} at width {network.width:g}"


def aspect(found: Fingerprint) -> tuple[float, ...]:
    """Relative sizes of a patch on each axis: lateral axes are made alike in metres where bins differ twofold.

    The sample axis counts as it is: time and distance cannot be compared without a velocity, and layers lie flat, so
    that a network must see as many samples as traces.
    """
    bins = [each.bins for each in found.surveys]
    if found.ndim != 3 or not bins[0] or max(bins[0]) < 2 * min(bins[0]) or min(bins[0]) <= 0:
        return (1.0,) * found.ndim
    fine = min(bins[0])
    return (*(max(0.25, fine / size) for size in bins[0]), 1.0)


def _fitted(found: Fingerprint, held: Held, network: Candidate) -> Sized | None:
    """A network with the largest patch that fits, and batch and steps for it; None if no patch fits."""
    outputs, room = TASKS["segmentation"].outputs(found.classes), held.room
    spec, most = network.spec, budget(found.machine)
    for patch in _patches(found, spec, outputs, room):
        try:
            plan = expand(spec, (found.channels, *patch), outputs)
        except ConfigError:
            continue
        if plan.output.shape == patch and training_bytes(plan, LEAST_BATCH) <= most:
            return _with_batch(found, held, network, plan)
    return None


def _patches(found: Fingerprint, spec: Spec, outputs: int, room: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Patches that fit into the room, from large to small, multiples of the stride of a network."""
    stride = total_stride(spec, found.channels, found.ndim, outputs)
    if stride is None:
        return
    edges = EDGES.get(found.ndim, VOLUME_EDGES)
    most = CPU_EDGES[found.ndim] if found.machine.device == "cpu" else edges[0]
    tried = [_box(edge, room, aspect(found), stride) for edge in edges if edge <= most]
    yield from dict.fromkeys(patch for patch in tried if min(patch) > 0)


def _box(edge: int, room: Sequence[int], relative: Sequence[float], stride: Sequence[int]) -> tuple[int, ...]:
    """A patch of about an edge; axes too short for one are taken whole."""
    wished = [max(LEAST, edge * each) for each in relative]
    sizes = [int(min(n, w)) // s * s for n, w, s in zip(room, wished, stride, strict=True)]
    if len(sizes) == 3 and relative[0] == relative[1] and 3 * max(sizes[:2]) <= 4 * min(sizes[:2]):
        # Nearly square becomes square, so that it can be turned.
        sizes[0] = sizes[1] = min(sizes[:2])
    return tuple(sizes)


def _largest(found: Fingerprint, room: tuple[int, ...], plan: Plan) -> tuple[int, ...]:
    """The patch that would be chosen if memory had no end."""
    edge = CPU_EDGES[found.ndim] if found.machine.device == "cpu" else EDGES.get(found.ndim, VOLUME_EDGES)[0]
    return _box(edge, room, aspect(found), plan.stride)


def _with_batch(found: Fingerprint, held: Held, network: Candidate, plan: Plan) -> Sized:
    samples, volume = held.labelled, prod(plan.input[1:])
    most = MOST_BATCH[found.machine.device][found.ndim]
    fits = [n for n in range(LEAST_BATCH, most + 1) if training_bytes(plan, n) <= budget(found.machine)]
    batch = max(LEAST_BATCH, min(max(fits), floor(BATCH_SHARE * samples / volume)))
    wished = PASSES * samples / (batch * volume)
    steps = _rounded(min(STEPS[1], max(STEPS[0], wished)))
    speed = SPEED[found.machine.device] * (found.machine.cores if found.machine.device == "cpu" else 1)
    seconds = 3 * plan.multiply_adds * batch * steps / speed
    return Sized(network, plan, batch, steps, training_bytes(plan, batch), seconds)


def _rounded(steps: float) -> int:
    """Two digits."""
    unit: int = 10 ** (floor(log10(steps)) - 1)
    return round(steps / unit) * unit


def _require_room(found: Fingerprint, room: tuple[int, ...]) -> None:
    """Refuse surveys in which no patch would show a structure: at most one axis may be short."""
    long = sum(size >= LEAST for size in room)
    if long >= max(1, found.ndim - 1):
        return
    names = ", ".join(f"{axis.name} {size}" for axis, size in zip(found.surveys[0].grid.axes, room, strict=True))
    raise SurveyError(
        f"the labelled surveys leave {crossed(room)} positions for a patch ({names})",
        expected=f"at least {LEAST} on {'each axis' if found.ndim < 3 else 'two of the three axes'}",
        do="leave out the smallest survey, or label more of it",
    )


def _too_little(found: Fingerprint, room: tuple[int, ...], network: Candidate) -> SurveyError:
    outputs = TASKS["segmentation"].outputs(found.classes)
    patches = list(_patches(found, network.spec, outputs, room))
    if not patches:
        return SurveyError(
            f"no network of the zoo takes a patch that fits into {crossed(room)} positions",
            expected=f"at least {LEAST} along each axis",
            do="label more, or write a network of your own (docs/layers.md)",
        )
    plan = expand(network.spec, (found.channels, *patches[-1]), outputs)
    least = (training_bytes(plan, LEAST_BATCH) + OVERHEAD[found.machine.device]) / USED
    return SurveyError(
        f"{found.machine.memory / 1e9:.2g} GB of memory ({found.machine.source}) are too little to train even "
        f"{network.name} on {LEAST_BATCH} patches of {crossed(patches[-1])}",
        expected=f"{least / 1e9:.2g} GB at least",
        do="close other programs, choose another machine, or pass --memory if more is there",
    )
