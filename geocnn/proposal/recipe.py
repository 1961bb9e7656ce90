"""Normalisation, augmentation and training: each choice with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from geocnn.proposal.choice import Choice
from geocnn.proposal.cost import budget
from geocnn.proposal.fingerprint import Fingerprint
from geocnn.proposal.holding import Held
from geocnn.proposal.sizes import LONGEST, PASSES, STEPS, Sized
from geocnn.proposal.wording import counted, percent, ratio, size, time_of
from geocnn.records import crossed

__all__ = ["recipe"]

ALIKE = 3.0
"""Ratio of the channels' standard deviations up to which they are taken for parts of one gather or stack."""

STRETCHED = 1.5
"""Ratio of the bins from which a quarter turn would stretch what a patch shows."""


def recipe(found: Fingerprint, held: Held, network: Sized) -> Iterator[Choice]:
    """Choices from normalisation on."""
    yield from _normalisation(found)
    yield from _augmentation(found, network)
    yield Choice("training.batch", network.batch, _batch(found, held, network))
    yield Choice("training.steps", network.steps, _steps(found, held, network))
    yield Choice("training.learning_rate", 0.001, "The usual one of AdamW; a third of it if the loss jumps.")
    yield Choice("training.loss", "balanced-cross-entropy+dice", _loss(found))
    yield Choice("training.seed", 0, "Another seed draws other first weights and other patches.")


def _normalisation(found: Fingerprint) -> Iterator[Choice]:
    beyond, crest = (max(getattr(each, name) for each in found.surveys) for name in ("beyond", "crest"))
    cut = percent(beyond) if beyond else "none"
    why = f"Standard deviations beyond which amplitudes are cut off: {cut} of some thousand samples; the furthest seen "
    yield Choice("normalisation.clip", 5.0, f"{why}lies at {crest:.3g}.")
    why = "Each survey by its own mean and standard deviation, a new one too: gains differ between surveys."
    yield Choice("normalisation.statistics", "survey", why)
    if found.channels > 1:
        yield _scale(found)


def _scale(found: Fingerprint) -> Choice:
    spread = max(max(each.std) / min(each.std) if min(each.std) else float("inf") for each in found.surveys)
    apart = any(_apart(each.mean, each.std) for each in found.surveys)
    why = f"Standard deviations of the {found.channels} channels differ {ratio(spread)}"
    if spread <= ALIKE and not apart:
        why += ", as of offsets or angles: one scale for all keeps the ratios of their amplitudes."
        return Choice("normalisation.scale", "shared", why)
    why += " and their means lie apart" if apart else ""
    return Choice("normalisation.scale", "each", f"{why}, as of different attributes: each by its own.")


def _apart(means: Sequence[float], stds: Sequence[float]) -> bool:
    """Whether the means of channels differ by more than a standard deviation."""
    return max(means) - min(means) > min(stds)


def _augmentation(found: Fingerprint, network: Sized) -> Iterator[Choice]:
    axes = [axis.name for axis in found.surveys[0].grid.axes]
    if len(axes) > 1:
        why = f"Patches are mirrored along {' and '.join(axes[:-1])} at random, never along {axes[-1]}."
        yield Choice("augmentation.flip", True, why)
    else:
        yield Choice("augmentation.flip", False, "A trace has no lateral axis to mirror.")
    yield Choice("augmentation.rotate", *_rotation(found, network.patch[:-1]))
    yield Choice("augmentation.gain", 0.2, "Amplitudes of a patch are multiplied by e^±0.2 at most, 0.82 to 1.22.")
    yield Choice("augmentation.noise", 0.1, "Noise of up to 0.1 standard deviations of the survey is added.")


def _rotation(found: Fingerprint, lateral: tuple[int, ...]) -> tuple[bool, str]:
    if len(lateral) < 2:
        return False, "Quarter turns are about the vertical, and need a volume."
    bins = found.surveys[0].bins
    if bins and max(bins) >= STRETCHED * min(bins):
        return False, f"Bins of {bins[0]:.4g} × {bins[1]:.4g}: a quarter turn would stretch what a patch shows."
    if lateral[0] != lateral[1]:
        return False, f"A patch of {crossed(lateral)} traces cannot be turned by a quarter."
    known = f"bins of {bins[0]:.4g} × {bins[1]:.4g}" if bins else "no coordinates tell the bins, taken as square"
    return True, f"Patches are turned by quarters about the vertical at random ({known})."


def _batch(found: Fingerprint, held: Held, network: Sized) -> str:
    machine = found.machine
    share = network.batch * prod(network.patch) / held.labelled
    return (
        f"{network.limit} A batch is {percent(share)} of the labelled samples. A step takes about "
        f"{size(network.memory)} in float32; {size(budget(machine))} were planned with (80 % of "
        f"{size(machine.memory)} {machine.known}, less what Python and torch take)."
    )


def _steps(found: Fingerprint, held: Held, network: Sized) -> str:
    passes = network.steps * network.batch * prod(network.patch) / held.labelled
    why = f"Each of the {size(held.labelled, '')} labelled samples is drawn {passes:,.0f} times on average: "
    if network.steps == STEPS[0]:
        why += f"{PASSES} would do, but fewer than {STEPS[0]:,} steps hardly settle."
    elif network.steps == STEPS[1]:
        why += f"{PASSES} would be better, but {STEPS[1]:,} steps are the most proposed."
    else:
        why += f"{PASSES} are aimed at, in {STEPS[0]:,} to {STEPS[1]:,} steps."
    where = counted(found.machine.cores, "core") if found.machine.device == "cpu" else "a GPU"
    why += f" Very roughly {time_of(network.seconds)} on {where}."
    return f"{why} That is long: train on a GPU, or on fewer steps." if network.seconds > LONGEST else why


def _loss(found: Fingerprint) -> str:
    most = max(found.shares)
    why = "Cross-entropy that weighs each class by its rarity, and Dice, which compares each class as a whole."
    if most <= 0.5 or not found.rare:
        return why
    common = found.shares.index(most)
    return f"{why} Without them, answering class {common} everywhere would be right for {percent(most)} of the samples."
