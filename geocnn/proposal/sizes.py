"""Patch, batch and steps of a network within the memory and the time that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor, log10, prod

from geocnn.errors import ConfigError, SurveyError
from geocnn.fitting import total_stride
from geocnn.network.memory import training_bytes
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import Spec
from geocnn.proposal.cost import budget, needed, seconds
from geocnn.proposal.fingerprint import Fingerprint
from geocnn.proposal.holding import LEAST, Held
from geocnn.proposal.networks import Candidate, candidates
from geocnn.proposal.wording import percent, power
from geocnn.records import crossed
from geocnn.tasks import TASKS

__all__ = ["LONGEST", "MOST_SAMPLES", "PASSES", "STEPS", "Sized", "aspect", "require_room", "sized"]

EDGES = {
    1: (4096, 3072, 2048, 1024, 512, 256, 128, 64),
    2: (512, 384, 256, 192, 128, 96, 64, 48, 32, 16),
    3: (128, 112, 96, 80, 64, 48, 32, 16),
}
"""Edges of patches, in positions, that are tried for traces, sections and volumes; thin volumes count as sections."""

MOST_SAMPLES = {"cpu": 64**3, "cuda": 128**3}
"""Samples of a patch at most, and of a batch at most the second of these times as many."""

MOST_BATCH = {"cpu": 2, "cuda": 4}
MOST_PATCHES = {1: 64, 2: 16, 3: 4}
"""Patches of a batch at most, for traces, sections and volumes: more train no better for each sample."""

LEAST_BATCH = 2
"""Batch norms take their statistics over a batch: of one patch they are those of one place."""

BATCH_SHARE = 0.05
"""Share of the labelled samples that a batch may hold: nnU-Net's bound (Isensee et al., 2021)."""

PASSES = 100
"""How often training sees each labelled sample, on average."""

STEPS = (1_000, 25_000)
"""Fewest and most steps; the most are a tenth of nnU-Net's 250 000."""

LONGEST = 12 * 3600.0
"""Seconds that training may take before a cheaper network is proposed: a night."""


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
    limit
        What the batch is bound by, in words.
    passed_over
        What would have been better, and why it is not proposed.
    """

    network: Candidate
    plan: Plan
    batch: int
    steps: int
    memory: int
    seconds: float
    limit: str
    passed_over: tuple[str, ...] = ()

    @property
    def patch(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return self.plan.input[1:]


def sized(found: Fingerprint, held: Held) -> Sized:
    """The first network that fits into memory, with a patch of half the wished edges at least, and into a night.

    If none does, the last one, with whatever patch fits.

    Raises
    ------
    SurveyError
        If the memory, or the surveys, are too small for any.
    """
    room = held.room
    require_room(found, room)
    passed: list[str] = []
    wished = candidates(found, room)
    for network in wished:
        last = network is wished[-1]
        one = _fitted(found, held, network)
        if one is None:
            passed.append(f"{network.called} does not fit into memory or surveys")
        elif not last and prod(one.patch) < next(map(prod, _patches(found, network.spec, room))) / 2**found.ndim:
            passed.append(f"{network.called} would only fit with patches of {crossed(one.patch)}")
        elif not last and one.seconds > LONGEST:
            passed.append(f"{network.called} would take about {one.seconds / 3600:.0f} hours")
        else:
            return replace(one, passed_over=tuple(passed))
    raise _too_little(found, room, wished[-1])


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
    for patch in _patches(found, spec, room):
        try:
            plan = expand(spec, (found.channels, *patch), outputs)
        except ConfigError:
            continue
        if plan.output.shape == patch and training_bytes(plan, LEAST_BATCH) <= most:
            return _with_batch(found, held, network, plan)
    return None


def _patches(found: Fingerprint, spec: Spec, room: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Patches that fit into the room, from large to small, multiples of the stride of a network."""
    outputs = TASKS["segmentation"].outputs(found.classes)
    stride = total_stride(spec, found.channels, found.ndim, outputs)
    if stride is None:
        return
    tried = [_box(edge, room, aspect(found), stride) for edge in EDGES[_dimensions(room)]]
    most = MOST_SAMPLES[found.machine.device]
    yield from dict.fromkeys(patch for patch in tried if 0 < prod(patch) <= most)


def _dimensions(room: Sequence[int]) -> int:
    """Axes along which a patch is no slice."""
    return sum(size >= LEAST for size in room)


def _box(edge: int, room: Sequence[int], relative: Sequence[float], stride: Sequence[int]) -> tuple[int, ...]:
    """A patch of about an edge; axes too short for one are taken whole."""
    wished = [max(LEAST, edge * each) for each in relative]
    sizes = [int(min(n, w)) // s * s for n, w, s in zip(room, wished, stride, strict=True)]
    if len(sizes) == 3 and relative[0] == relative[1] and 3 * max(sizes[:2]) <= 4 * min(sizes[:2]):
        # Nearly square becomes square, so that it can be turned.
        sizes[0] = sizes[1] = min(sizes[:2])
    return tuple(sizes)


def _with_batch(found: Fingerprint, held: Held, network: Candidate, plan: Plan) -> Sized:
    volume = prod(plan.input[1:])
    batch, limit = _batch(found, held, plan)
    wished = PASSES * held.labelled / (batch * volume)
    steps = _rounded(min(STEPS[1], max(STEPS[0], wished)))
    time = seconds(plan, batch, steps, found.machine)
    return Sized(network, plan, batch, steps, training_bytes(plan, batch), time, limit)


def _batch(found: Fingerprint, held: Held, plan: Plan) -> tuple[int, str]:
    """Patches of a batch, and what bounds them in words."""
    volume, device = prod(plan.input[1:]), found.machine.device
    patches = MOST_PATCHES[_dimensions(held.room)]
    bounds = {
        "learn no more from each sample": patches,
        f"make steps of over {MOST_BATCH[device]} × {power(MOST_SAMPLES[device], 3)} samples, which take long": (
            MOST_BATCH[device] * MOST_SAMPLES[device] // volume
        ),
        f"hold over {percent(BATCH_SHARE)} of the labelled samples, nnU-Net's bound": floor(
            BATCH_SHARE * held.labelled / volume
        ),
    }
    limit = min(bounds, key=lambda each: bounds[each])
    most = max(LEAST_BATCH, bounds[limit])
    fits = max(n for n in range(LEAST_BATCH, most + 1) if training_bytes(plan, n) <= budget(found.machine))
    why = f"More would {limit if fits == most else 'not fit into memory'}."
    return fits, f"The fewest that batch norms can do with. {why}" if fits == LEAST_BATCH else why


def _rounded(steps: float) -> int:
    """Two digits."""
    unit: int = 10 ** (floor(log10(steps)) - 1)
    return round(steps / unit) * unit


def require_room(found: Fingerprint, room: tuple[int, ...]) -> None:
    """Refuse surveys in which no patch would show a structure: at most one axis may be short."""
    if _dimensions(room) >= max(1, found.ndim - 1):
        return
    names = ", ".join(f"{axis.name} {size}" for axis, size in zip(found.surveys[0].grid.axes, room, strict=True))
    raise SurveyError(
        f"too small: {crossed(room)} labelled positions are there for a patch ({names})",
        expected=f"at least {LEAST} on {'each axis' if found.ndim < 3 else 'two of the three axes'}",
        do="leave out the smallest survey, or label more of it",
    )


def _too_little(found: Fingerprint, room: tuple[int, ...], network: Candidate) -> SurveyError:
    outputs = TASKS["segmentation"].outputs(found.classes)
    patches = list(_patches(found, network.spec, room))
    if not patches:
        return SurveyError(
            f"no network of the zoo takes a patch that fits into {crossed(room)} positions",
            expected=f"at least {LEAST} along each axis",
            do="label more, or write a network of your own (docs/layers.md)",
        )
    plan = expand(network.spec, (found.channels, *patches[-1]), outputs)
    least = needed(training_bytes(plan, LEAST_BATCH), found.machine)
    return SurveyError(
        f"{found.machine.memory / 1e9:.2g} GB of memory ({found.machine.source}) are too little to train even "
        f"{network.name} on {LEAST_BATCH} patches of {crossed(patches[-1])}",
        expected=f"{least / 1e9:.2g} GB at least",
        do="close other programs, choose another machine, or pass --memory if more is there",
    )
