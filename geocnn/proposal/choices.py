"""From what was found to what the config says: each choice with its reason in words and measured numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geocnn.proposal.fingerprint import Counts, Fingerprint
from geocnn.proposal.holding import LEAST, Held
from geocnn.proposal.sizes import BATCH_SHARE, LONGEST, PASSES, STEPS, Sized, aspect, budget
from geocnn.proposal.wording import distance, percent, ratio, size, time_of
from geocnn.records import crossed, listed

__all__ = ["Choice", "choices", "class_names"]

RARE, COMMON = 0.01, 0.15
"""Shares of the rarest class below which half of the patches are laid over classes, and from which none need be."""

ALIKE = 3.0
"""Ratio of the channels' standard deviations up to which they are taken for parts of one gather or stack."""

MOST_NAMED = 6
"""Classes whose shares are written one by one."""

KNOWN = ("fault", "salt", "channel", "karst", "fracture", "horizon", "reef", "dyke", "gas")
"""Words in a label's name that name its class."""


@dataclass(frozen=True)
class Choice:
    """What stands at a key of the config (``data.patch``), and why."""

    key: str
    value: Any
    why: str


def choices(found: Fingerprint, held: Held, network: Sized) -> list[Choice]:
    """All choices but the surveys themselves, in the order of the config."""
    return [
        Choice("task", "segmentation", "A class for each sample."),
        _classes(found),
        _validation(found, held),
        _patch(found, held, network),
        _foreground(found),
        _network(found, network),
        *_normalisation(found),
        *_augmentation(found, network),
        *_training(found, held, network),
    ]


def class_names(found: Fingerprint) -> list[str]:
    """Names for the classes, by the label's name where it tells."""
    if found.classes > 2:
        return [f"class-{index}" for index in range(found.classes)]
    name = found.surveys[0].label.lower()
    return ["background", next((word for word in KNOWN if word in name), "object")]


def _classes(found: Fingerprint) -> Choice:
    if found.classes <= MOST_NAMED:
        shares = ", ".join(f"{index} is {percent(share)}" for index, share in enumerate(found.shares) if share)
    else:
        least = int(np.argmin([share or 1 for share in found.shares]))
        most = int(np.argmax(found.shares))
        shares = f"{most} is the most frequent with {percent(found.shares[most])}, {least} the rarest with "
        shares += percent(found.shares[least])
    why = f"Label values 0, 1, … in this order; rename them as you like. Of the interpreted samples, {shares}."
    if found.unused:
        absent = listed([str(each) for each in found.unused], 6)
        why += f" No label seen has {absent}: if nothing is meant by it, renumber the labels without gaps."
    if found.interpreted < 1:
        why += f" {percent(1 - found.interpreted)} of the live samples are -1, not interpreted: they count nowhere."
    return Choice("classes", class_names(found), why)


def _validation(found: Fingerprint, held: Held) -> Choice:
    value: dict[str, Any]
    if held.surveys:
        value = {"surveys": held.surveys}
        last = "the last survey is" if held.surveys == 1 else f"the last {held.surveys} surveys are"
        why = f"Several surveys: {last} never trained on, the honest test of what a new survey will give."
    else:
        value = {"block": held.block, "gap": held.gap, "axis": held.axis}
        axis = held.axis
        why = (
            f"One survey: the far {percent(held.block)} of the {axis} axis are never trained on, nor the {held.gap} "
            f"{axis}s before them, since neighbours have nearly the same labels."
        )
    if found.classes == 2:
        why += f" Class 1 is {_share(held.validation)} of the interpreted samples there, {_share(held.training)} in "
        why += "training."
    if held.missing:
        absent = listed([str(each) for each in held.missing], 6)
        why += f" Beware: class {absent} is hardly there on one of the sides; its score will mean little."
    return Choice("data.validation", value, why)


def _share(counts: Counts) -> str:
    interpreted = int(counts[1:].sum())
    return percent(int(counts[2:].sum()) / interpreted) if interpreted else "0 %"


def _patch(found: Fingerprint, held: Held, network: Sized) -> Choice:
    patch, plan = network.patch, network.plan
    axes = found.surveys[0].grid.axes
    where = " × ".join(axis.name for axis in axes)
    extents = [distance(found.surveys[0], k, n) for k, n in enumerate(patch)]
    told = f" = {' × '.join(extents)}" if any(extents) and all(extents) else ""
    why = f"{where}{told}, of {crossed(held.room)} to train on{_smallest(found, held)}."
    stride = f"; multiples of {crossed(plan.stride)}, by which the network reduces" if max(plan.stride) > 1 else ""
    why += f" The largest that fits there and into memory, up to {_most(network)} on an axis{stride}."
    relative = aspect(found)
    if min(relative) < 1:
        a, b = found.surveys[0].bins or (1, 1)
        why += f" Bins are {a:.4g} by {b:.4g}: fewer positions along the coarse axis make it more even in metres."
    if network.network.flat:
        thin = [axis.name for axis, n in zip(axes, network.network.thin, strict=True) if n]
        why += f" Fewer than {LEAST} positions along {' and '.join(thin)}: taken whole."
    return Choice("data.patch", list(patch), why)


def _smallest(found: Fingerprint, held: Held) -> str:
    return " in the smallest survey" if len(held.rooms) > 1 else ""


def _most(network: Sized) -> int:
    return max(network.patch)


def _foreground(found: Fingerprint) -> Choice:
    rare = f"the rarest class is {percent(found.rarest)} of the interpreted samples"
    if found.rarest < RARE:
        why = f"{rare}: half of the patches are laid over a sample of a class above 0, or most would show none."
        return Choice("data.foreground", 0.5, why[0].upper() + why[1:])
    if found.rarest < COMMON:
        why = f"{rare}: a third of the patches are laid over a class above 0, each as often as the others (nnU-Net)."
        return Choice("data.foreground", 0.33, why[0].upper() + why[1:])
    why = f"{rare}: patches drawn anywhere show all classes."
    return Choice("data.foreground", 0.0, why[0].upper() + why[1:])


def _network(found: Fingerprint, sized: Sized) -> Choice:
    network, plan = sized.network, sized.plan
    sees = plan.receptive_field
    shares = [f"{s / p:.2g}" for s, p in zip(sees, sized.patch, strict=True)]
    of_patch = shares[0] if len(set(shares)) == 1 else " × ".join(shares)
    name = f"{network.name}, made flat" if network.flat else network.name
    why = f"{name}: {network.why}. {plan.parameters:,} parameters; an output sees {crossed(sees)} samples, {of_patch} "
    why += "of the patch."
    if max(s / p for s, p in zip(sees, sized.patch, strict=True)) > 1:
        why += " Where it sees beyond the patch it learns from less than it will have in prediction."
    if sized.passed_over:
        why += f" Passed over: {'; '.join(sized.passed_over)}."
    return Choice("network", network.written, why)


def _normalisation(found: Fingerprint) -> Iterator[Choice]:
    beyond = max(each.beyond for each in found.surveys)
    crest = max(each.crest for each in found.surveys)
    cut = f"{percent(beyond)} of the samples lie further out" if beyond else "hardly a sample lies further out"
    why = f"In standard deviations of the survey; {cut}, the furthest at {crest:.3g}."
    yield Choice("normalisation.clip", 5.0, why)
    if found.channels == 1:
        return
    ratios = [max(each.std) / min(each.std) if min(each.std) else np.inf for each in found.surveys]
    spread = max(ratios)
    offset = max(_offset(each.mean, each.std) for each in found.surveys)
    if spread <= ALIKE and offset <= 1:
        why = f"Standard deviations of the channels differ {ratio(spread)}: one scale for all keeps their ratios (AVO)."
        yield Choice("normalisation.scale", "shared", why)
        return
    why = f"Standard deviations of the channels differ {ratio(spread)}"
    why += ", and their means lie apart" if offset > 1 else ""
    yield Choice("normalisation.scale", "each", f"{why}: different attributes, each by its own.")


def _offset(means: Sequence[float], stds: Sequence[float]) -> float:
    """How far apart the means of channels lie, in their standard deviations."""
    return (max(means) - min(means)) / max(min(stds), 1e-30)


def _augmentation(found: Fingerprint, network: Sized) -> Iterator[Choice]:
    lateral = network.patch[:-1]
    axes = found.surveys[0].grid.axes
    if lateral:
        names = " and ".join(axis.name for axis in axes[:-1])
        yield Choice("augmentation.flip", True, f"Mirrored along {names} at random, never along {axes[-1].name}.")
    else:
        yield Choice("augmentation.flip", False, "A trace has no lateral axis to mirror.")
    turned, why = _rotation(found, lateral)
    yield Choice("augmentation.rotate", turned, why)
    yield Choice("augmentation.gain", 0.2, "Amplitudes times e^±0.2, up to 22 %: gains differ between surveys.")
    yield Choice("augmentation.noise", 0.1, "Noise of up to 0.1 standard deviations is added.")


def _rotation(found: Fingerprint, lateral: tuple[int, ...]) -> tuple[bool, str]:
    if len(lateral) < 2:
        return False, "Quarter turns about the vertical need a volume."
    if lateral[0] != lateral[1]:
        return False, f"A patch of {crossed(lateral)} positions laterally cannot be turned by 90°."
    bins = found.surveys[0].bins
    if bins and max(bins) >= 1.5 * min(bins):
        return False, f"Bins of {bins[0]:.4g} by {bins[1]:.4g}: a turned patch would be stretched."
    known = f"bins of {bins[0]:.4g} by {bins[1]:.4g} are" if bins else "bins are unknown and taken as"
    return True, f"Turned by 90° about the vertical at random: {known} square."


def _training(found: Fingerprint, held: Held, network: Sized) -> Iterator[Choice]:
    yield Choice("training.batch", network.batch, _batch(found, held, network))
    yield Choice("training.steps", network.steps, _steps(found, held, network))
    yield Choice("training.learning_rate", 0.001, "Of AdamW, the usual start; divide by 3 if the loss jumps.")
    yield Choice("training.loss", "balanced-cross-entropy+dice", _loss(found))
    yield Choice("training.seed", 0, "Another seed draws other patches and other first weights.")


def _batch(found: Fingerprint, held: Held, network: Sized) -> str:
    share = network.batch * float(np.prod(network.patch)) / held.labelled
    machine = found.machine
    why = (
        f"A step holds about {size(network.memory)} in float32, of {size(budget(machine))} planned with "
        f"({size(machine.memory)} {machine.source} on the {machine.device})."
    )
    why += " At least 2, because batch norms need more than one patch"
    bound = f"; at most {BATCH_SHARE:.0%} of the labelled samples in one batch (nnU-Net)".replace("%", " %")
    return f"{why}{bound}; here {percent(share)}." if share <= BATCH_SHARE else f"{why}; the survey is small."


def _steps(found: Fingerprint, held: Held, network: Sized) -> str:
    passes = network.steps * network.batch * float(np.prod(network.patch)) / held.labelled
    cores = f"{found.machine.cores} core{'s' * (found.machine.cores != 1)}"
    where = cores if found.machine.device == "cpu" else "a GPU"
    why = (
        f"{size(held.labelled, '')} labelled samples, each seen {passes:.0f} times: aimed at {PASSES}, within "
        f"{STEPS[0]:,} to {STEPS[1]:,} steps. Very roughly {time_of(network.seconds)} on {where}."
    )
    if network.seconds > LONGEST:
        why += " That is long: fewer steps cost some accuracy, a GPU is worth its price."
    return why


def _loss(found: Fingerprint) -> str:
    if found.rarest < COMMON:
        return (
            f"Answering the commonest class everywhere would be right for {percent(max(found.shares))} of the samples: "
            "cross-entropy weighs classes by their rarity, and Dice compares each as a whole."
        )
    return "Cross-entropy weighs classes by their rarity, and Dice compares each as a whole."
