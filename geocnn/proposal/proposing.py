"""A config proposed for surveys and a machine, after the idea of nnU-Net (Isensee et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geocnn.config import load_config
from geocnn.errors import ConfigError, GeocnnError, SurveyError
from geocnn.output import whole_file
from geocnn.preflight import preflight
from geocnn.proposal.choice import Choice
from geocnn.proposal.choices import choices
from geocnn.proposal.describing import described
from geocnn.proposal.fingerprint import Fingerprint, Pair
from geocnn.proposal.holding import Held, hold
from geocnn.proposal.sizes import Sized, require_room, sized
from geocnn.proposal.writing import config_text, pair_lines
from geocnn.survey.options import SurveyOptions

__all__ = ["Proposal", "Wish", "propose", "write"]


@dataclass(frozen=True)
class Wish:
    """What the user named: pairs, those that starred names among them stand for, and how they are read."""

    pairs: tuple[Pair, ...]
    expanded: tuple[Pair, ...]
    options: SurveyOptions


@dataclass(frozen=True)
class Proposal:
    """A config that fits what was found.

    Parameters
    ----------
    found
        What it depends on.
    held, sized
        Validation; network and sizes.
    choices
        All of it, with reasons.
    lines
        What was found, in words.
    """

    found: Fingerprint
    held: Held
    sized: Sized
    choices: tuple[Choice, ...]
    lines: tuple[str, ...]


def propose(found: Fingerprint, total: int) -> Proposal:
    """A config for what was found; `total` surveys there are, of which some were looked at.

    Raises
    ------
    SurveyError
        If nothing can be learned from the labels, or the surveys or the memory are too small.
    """
    _require_classes(found)
    require_room(found, found.least)
    held = hold(found, total)
    network = sized(found, held)
    return Proposal(found, held, network, tuple(choices(found, held, network)), tuple(described(found, total)))


def write(proposal: Proposal, wish: Wish, out: Path, overwrite: bool = False) -> tuple[str, ...]:
    """Write the config, once it is loaded and checked against the headers of all surveys; what to know of these.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    ConfigError
        If surveys that were not looked at, or the same one named twice, do not fit together.
    """
    order = proposal.held.order
    pairs = pair_lines([wish.expanded[k] for k in order] if order else wish.pairs, wish.options, out.parent)
    head = ["Written by geocnn init; change whatever you know better.", *proposal.lines]
    text = config_text(head, pairs, proposal.choices)
    with whole_file(out, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
        try:
            return preflight(load_config(temporary)).remarks
        except GeocnnError as error:
            # The file that the faults would name is gone when they are read.
            raise ConfigError(replace(fault, file="", line=None) for fault in error.faults) from error


def _require_classes(found: Fingerprint) -> None:
    """Refuse labels of which nothing can be learned."""
    present = np.flatnonzero(found.counts[1:])
    names = ", ".join(list(dict.fromkeys(each.label for each in found.surveys))[:3])
    looked = "" if found.whole else ", in the even sample of its traces that was looked at"
    if not present.size:
        raise SurveyError(
            f"label all ignore: {names} is -1, or has no trace, wherever the image is live{looked}",
            expected="0 for background, 1, 2, … for what is to be found",
            do="check that label and image belong together: geocnn inspect, geocnn plot IMAGE --overlay LABEL",
        )
    if present.size == 1:
        [only] = present.tolist()
        raise SurveyError(
            f"one class only: {names} is {only} wherever it is interpreted{looked}",
            expected="two classes at least, such as 0 for background and 1 for faults",
            do="write 0, not -1, where someone looked and found nothing" if only else "label what is to be found as 1",
        )
    if _mostly_gaps(present.tolist()):
        raise SurveyError(
            f"{names} has the values {', '.join(map(str, present.tolist()[:8]))}: more numbers between are unused "
            "than used",
            expected="classes numbered 0, 1, 2, … without gaps",
            do="renumber the labels",
        )


def _mostly_gaps(present: Sequence[int]) -> bool:
    """Whether more numbers are unused than used."""
    return max(present) + 1 > 2 * len(present)
