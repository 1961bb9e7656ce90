"""What was found, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from geocnn.proposal.fingerprint import Fingerprint, SurveyFound
from geocnn.proposal.wording import amount, percent, size
from geocnn.records import crossed

__all__ = ["described"]

MOST = 4
"""Surveys that are described one by one."""


def described(found: Fingerprint, total: int) -> list[str]:
    """What was found: surveys, labels, machine."""
    return list(_lines(found, total))


def _lines(found: Fingerprint, total: int) -> Iterator[str]:
    for survey in found.surveys[:MOST]:
        yield f"{survey.image}: {_grid(survey)}"
        yield f"    {_samples(survey)}"
    if total > MOST:
        sizes = sorted({survey.shape for survey in found.surveys})
        yield f"… {amount(total, 'survey')} in all, of {crossed(sizes[0])} to {crossed(sizes[-1])}"
    if total > len(found.surveys):
        yield f"{len(found.surveys)} of the {total} surveys were looked at"
    shares = ", ".join(f"{index}: {percent(share)}" for index, share in enumerate(found.shares))
    kind = (
        f"; {percent(1 - found.interpreted)} of the live samples not interpreted (-1)" if found.interpreted < 1 else ""
    )
    yield f"labels: {amount(found.classes, 'class').replace('classs', 'classes')}, {shares}{kind}"
    machine = found.machine
    memory = f"{size(machine.memory)} of memory ({machine.source})"
    yield f"machine: {machine.device}, {amount(machine.cores, 'core')}, {memory}"


def _grid(survey: SurveyFound) -> str:
    """``64 inlines × 96 crosslines × 96 samples by 4 ms, bins 25 × 25, 3 channels``."""
    axes = " × ".join(
        amount(axis.size, axis.name) + (f" by {abs(axis.step):g} {axis.unit}" if axis.unit else "")
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
