"""``geocnn init``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, read_bytes, survey_options

if TYPE_CHECKING:
    from geocnn.proposal.fingerprint import Machine
    from geocnn.proposal.proposing import Proposal

__all__ = ["init"]

UNKNOWN = 8 * 10**9
"""Bytes that are taken as free where the system does not tell."""


@survey_options
def init(
    image: Annotated[
        list[str],
        typer.Option(help="Survey to train on; a comma between files stacks them as channels. Repeat for more pairs."),
    ],
    label: Annotated[list[str], typer.Option(help="Label of the image at the same place in the order.")],
    out: Annotated[Path, typer.Option(help="Config to write (.yaml).")],
    options: SurveyOptions,
    memory: Annotated[
        str | None, typer.Option(help="Memory to plan with, such as 8GB, instead of what is free.")
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where training will run.")] = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Look at labelled surveys and write a config that fits them and this machine, with the reason for each choice.

    Example: geocnn init --image survey.sgy --label faults.h5 --out config.yaml
    """
    from geocnn.output import require_free
    from geocnn.proposal.fingerprint import Fingerprint
    from geocnn.proposal.looking import expanded, look_at, paired
    from geocnn.proposal.proposing import Wish, propose, write

    from . import report

    pairs = paired(image, label)
    require_free(out, overwrite)
    machine = _machine(device, read_bytes(memory) if memory is not None else None)
    every = expanded(pairs)
    found = report.show(look_at(every, options), "looking")
    proposal = propose(Fingerprint(found, machine), len(every))
    for remark in write(proposal, Wish(tuple(pairs), tuple(every), options), out, overwrite):
        report.warn(remark)
    _tell(proposal, out)


def _machine(device: str, memory: int | None) -> Machine:
    """The machine that training will run on, as far as this one tells."""
    from geocnn.job_limits import cores
    from geocnn.memory_limit import free_memory
    from geocnn.proposal.fingerprint import Machine

    free = _free_on_gpu(required=device == "cuda") if device != "cpu" else None
    kind: Literal["cpu", "cuda"] = "cuda" if free is not None else "cpu"
    if memory is not None:
        return Machine(kind, memory, cores(), "--memory")
    return Machine(kind, free if free is not None else free_memory() or UNKNOWN, cores())


def _free_on_gpu(*, required: bool) -> int | None:
    """Bytes free on the GPU; None if there is none."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    if required:
        raise UsageError(
            "no cuda device on this machine",
            expected="one, to tell how much memory it has",
            do="run geocnn init where training will run, or pass --device cpu",
        )
    return None


def _tell(proposal: Proposal, out: Path) -> None:
    """What was found, what was chosen, and what to do next."""
    from geocnn.proposal.wording import size, time_of
    from geocnn.records import crossed

    from . import report

    for line in proposal.lines:
        report.say(line)
    chosen = proposal.sized
    report.say(
        f"chosen: {chosen.network.name}, patches of {crossed(chosen.patch)}, batch {chosen.batch}, "
        f"{chosen.steps:,} steps (very roughly {time_of(chosen.seconds)}); {size(chosen.memory)} a step"
    )
    report.say(f"done: {out}; the reason for each choice is in it. Next:")
    report.say(f"  geocnn check {out}")
    report.say(f"  geocnn train {out} --run runs/{out.stem}")
