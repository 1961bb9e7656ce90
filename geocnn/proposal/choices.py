"""From what was found to what the config says: each choice with its reason in words and measured numbers."""

from __future__ import annotations

from typing import Any

from geocnn.proposal.choice import Choice
from geocnn.proposal.fingerprint import Counts, Fingerprint
from geocnn.proposal.holding import GAPS, LEAST, Held
from geocnn.proposal.recipe import recipe
from geocnn.proposal.sizes import MOST_SAMPLES, Sized, aspect
from geocnn.proposal.wording import each_of, extent, percent, power
from geocnn.records import crossed, listed

__all__ = ["choices", "class_names"]

RARE = 0.01
"""Share of the rarest class below which half of the patches are laid over classes."""

KNOWN = ("fault", "salt", "channel", "karst", "fracture", "horizon", "reef", "dyke", "gas")
"""Words in a label's name that name its class."""


def choices(found: Fingerprint, held: Held, network: Sized) -> list[Choice]:
    """All choices but the surveys themselves, in the order of the config."""
    return [
        Choice("task", "segmentation", "A class for each sample."),
        _classes(found),
        _validation(found, held),
        _patch(found, held, network),
        _foreground(found),
        _network(network),
        *recipe(found, held, network),
    ]


def class_names(found: Fingerprint) -> list[str]:
    """Names for the classes, by the label's name where it tells."""
    if found.classes > 2:
        return [f"class-{index}" for index in range(found.classes)]
    name = found.surveys[0].label.lower()
    return ["background", next((word for word in KNOWN if word in name), "object")]


def _classes(found: Fingerprint) -> Choice:
    why = "Names of the label values 0, 1, … in this order, with their share of the interpreted samples; rename them "
    why += "as you like."
    if found.unused:
        absent = listed([str(each) for each in found.unused], 6)
        why += f" No label seen has {absent}: if nothing is meant by it, renumber the labels without gaps."
    if found.interpreted < 1:
        why += f" {percent(1 - found.interpreted)} of the live samples are -1, not interpreted: they count nowhere."
    return Choice("classes", class_names(found), why, tuple(percent(share) for share in found.shares))


def _validation(found: Fingerprint, held: Held) -> Choice:
    if held.surveys:
        last = "the last is" if held.surveys == 1 else f"the last {held.surveys} are"
        why = f"Several surveys: {last} never trained on, the honest test of what a new survey will give."
        why += " Others stood last, with classes missing or in other shares." if held.order else ""
        return Choice("data.validation", {"surveys": held.surveys}, why + _both(found, held))
    value: dict[str, Any] = {"block": held.block, "gap": held.gap, "axis": held.axis}
    gap = f", nor the {held.gap} before it: neighbours have nearly the same labels" if held.gap else ""
    why = f"One survey: the last {percent(held.block)} along {held.axis} is never trained on{gap}."
    if held.gap < GAPS[0]:
        why += f" The survey has no room for the usual gap of {GAPS[0]}: scores will flatter."
    return Choice("data.validation", value, why + _both(found, held))


def _both(found: Fingerprint, held: Held) -> str:
    """How the classes are on both sides, in words."""
    why = ""
    if found.classes == 2:
        why = f" Of what is interpreted, class 1 is {_share(held.validation)} there and {_share(held.training)} in "
        why += "training."
    if held.missing:
        absent = listed([str(each) for each in held.missing], 6)
        do = "name another pair last" if held.surveys else "try another axis or a larger block"
        why += f" Beware: class {absent} is hardly there on one of the sides, so that its score means little; {do}."
    return why


def _share(counts: Counts) -> str:
    interpreted = int(counts[1:].sum())
    return percent(int(counts[2:].sum()) / interpreted) if interpreted else "0 %"


def _patch(found: Fingerprint, held: Held, network: Sized) -> Choice:
    axes = [axis.name for axis in found.surveys[0].grid.axes]
    measured = extent(found.surveys[0], network.patch)
    smallest = " in the smallest survey" if len(held.rooms) > 1 else ""
    device = found.machine.device
    bound = power(MOST_SAMPLES[device], 3)
    reason = " (a step on a CPU then takes seconds)" if device == "cpu" else ""
    why = (
        f"{crossed(axes)}{f', {measured}' if measured else ''}. Training has {crossed(held.room)} positions{smallest}; "
        f"this is the largest patch with edges as even as can be that fits there, into memory, and into {bound} "
        f"samples{reason}"
    )
    stride = network.plan.stride
    why += f", in multiples of {each_of(stride)}, by which the network reduces." if max(stride) > 1 else "."
    if min(aspect(found)) < 1:
        a, b = found.surveys[0].bins or (1, 1)
        why += f" Bins are {a:.4g} × {b:.4g}: fewer positions along the coarse axis make it more even on the ground."
    thin = [name for name, n in zip(axes, network.network.thin, strict=True) if n]
    if thin:
        why += f" Fewer than {LEAST} positions along {' and '.join(thin)}: all are taken, and none is reduced away."
    return Choice("data.patch", list(network.patch), why)


def _foreground(found: Fingerprint) -> Choice:
    rare = f"The rarest class is {percent(found.rarest)} of the interpreted samples"
    classes = "class 1" if found.classes == 2 else "one of the classes after the first, each as often as the others"
    if found.rarest < RARE:
        return Choice("data.foreground", 0.5, f"{rare}: half of the patches are laid over {classes}, or few show it.")
    if found.rare:
        return Choice("data.foreground", 0.33, f"{rare}: a third of the patches are laid over {classes} (nnU-Net).")
    return Choice("data.foreground", 0.0, f"{rare}, common enough: patches are drawn anywhere.")


def _network(sized: Sized) -> Choice:
    network, plan = sized.network, sized.plan
    sees = plan.receptive_field
    shares = [f"{s / p:.2g}" for s, p in zip(sees, sized.patch, strict=True)]
    name = f"{network.name}, made flat" if network.flat else network.called
    why = (
        f"{name}: {network.why}. {plan.parameters:,} parameters; an output sees {each_of(sees)} samples along each "
        f"axis, {each_of(shares)} of the patch."
    )
    if max(s / p for s, p in zip(sees, sized.patch, strict=True)) > 1:
        why += " In prediction it sees that much; in training no more than the patch."
    if sized.passed_over:
        why += f" Passed over: {'; '.join(sized.passed_over)}."
    return Choice("network", network.written, why)
