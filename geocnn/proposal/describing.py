"""What was found, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from geocnn.proposal.fingerprint import Fingerprint, SurveyFound
from geocnn.proposal.wording import counted, percent, size
from geocnn.records import crossed

__all__ = ["described"]

MOST = 4
"""Surveys that are described one by one."""

MOST_CLASSES = 8
"""Classes whose shares are told one by one."""


def described(found: Fingerprint, total: int) -> list[str]:
    """What was found: surveys, labels, machine."""
    return list(_lines(found, total))


def _lines(found: Fingerprint, total: int) -> Iterator[str]:
    for survey in found.surveys[:MOST]:
        yield f"{survey.image}: {_grid(survey)}"
        yield f"    {_samples(survey)}"
    if total > MOST:
        sizes = [crossed(each) for each in sorted({survey.shape for survey in found.surveys})]
        kinds = f"of {sizes[0]}" if len(sizes) == 1 else f"from {sizes[0]} to {sizes[-1]}"
        looked = f"; {len(found.surveys)} of them were looked at" if total > len(found.surveys) else ""
        yield f"… {counted(total, 'survey')} in all, {kinds}{looked}"
    ignored = f"; {percent(1 - found.interpreted)} of the live samples are -1" if found.interpreted < 1 else ""
    yield f"labels: {counted(found.classes, 'class')}, {_shares(found)}{ignored}"
    machine = found.machine
    yield f"machine: {machine.device}, {counted(machine.cores, 'core')}, {size(machine.memory)} {machine.known}"


def _shares(found: Fingerprint) -> str:
    """Share of each class, or of the most frequent and the rarest of many."""
    shares = [f"{index}: {percent(share)}" for index, share in enumerate(found.shares)]
    if len(shares) <= MOST_CLASSES:
        return ", ".join(shares)
    ordered = sorted(range(found.classes), key=lambda index: found.shares[index])
    return f"from {shares[ordered[-1]]} to {shares[ordered[0]]}"


def _grid(survey: SurveyFound) -> str:
    """``64 inlines × 96 crosslines × 96 samples by 4 ms, bins 25 × 25, 3 channels``."""
    axes = " × ".join(
        counted(axis.size, axis.name) + (f" by {abs(axis.step):g} {axis.unit}" if axis.unit else "")
        for axis in survey.grid.axes
    )
    bins = f", bins {survey.bins[0]:.4g} × {survey.bins[1]:.4g}" if survey.bins else ""
    channels = f", {survey.channels} channels" if survey.channels > 1 else ""
    return f"{axes}{bins}{channels}"


def _samples(survey: SurveyFound) -> str:
    all_of_them = prod(survey.shape)
    looked = "" if survey.seen >= all_of_them else f"; looked at {percent(survey.seen / all_of_them)}"
    live = percent(survey.live / max(1, survey.seen))
    spectrum = f", {survey.spectrum}" if survey.spectrum else ""
    return f"{live} live{spectrum}{looked}"
