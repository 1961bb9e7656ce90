"""``geocnn train``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DeviceOption

if TYPE_CHECKING:
    from collections.abc import Generator

    from geocnn.config import Config
    from geocnn.device import Device
    from geocnn.processes import Process
    from geocnn.progress import Progress, Remark, Work
    from geocnn.run import RunDirectory
    from geocnn.training.group import Group
    from geocnn.training.starting import Start
    from geocnn.training.validation import Validated

__all__ = ["train"]


def train(
    config: Annotated[Path, typer.Argument(help="YAML config; `geocnn check CONFIG` prints what it means.")],
    run: Annotated[Path, typer.Option(help="Run directory: made for a new run, taken up with --resume.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    init: Annotated[
        Path | None, typer.Option(help="Start from the layers of another MODEL that fit by name and shape.")
    ] = None,
    find_rate: Annotated[
        bool,
        typer.Option(
            "--find-rate",
            help="Try learning rates on the first steps, draw the losses, and begin no run.",
        ),
    ] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key: training.steps=100.")] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="Save and end with status 75 after that long, such as 12:00:00 or 90m.")
    ] = None,
    device: DeviceOption = "auto",
    devices: Annotated[
        int, typer.Option(help="Processes to train in on this machine, a GPU for each; srun, torchrun and mpirun too.")
    ] = 1,
    workers: Annotated[
        int | None, typer.Option(help="Threads that draw batches ahead; the weights do not depend on them.")
    ] = None,
) -> None:
    """Train a network on labelled surveys.

    Example: geocnn train faults.yaml --run runs/first
    """
    from geocnn.config import load_config
    from geocnn.device import choose_device, keep_freed_memory, share_machine
    from geocnn.errors import Stopped
    from geocnn.job_limits import read_duration, seconds_left
    from geocnn.processes import this_process
    from geocnn.run import RunDirectory
    from geocnn.training.group import join_group
    from geocnn.training.starting import Start

    from . import report

    _require_one_way(resume, init, find_rate, workers)
    limits = [None if time_limit is None else read_duration("--time-limit", time_limit), seconds_left()]
    seconds = min((limit for limit in limits if limit is not None), default=None)
    process = this_process()
    if process.rank:
        report.silence()
    settings = load_config(config, set_ or ())
    keep_freed_memory()
    share_machine(process)
    chosen = choose_device(device, settings.record.training.precision)
    group = join_group(chosen, process, devices)
    if not group.is_first:
        report.silence()
    threads = _threads(chosen, process, devices) if workers is None else workers
    start = Start(resume, init, threads, seconds)
    try:
        (_find_rate if find_rate else _train)(settings, RunDirectory(run), group, start)
    except Stopped:
        # The status of the first process is that of all; to launchers another one's would be a failure.
        if group.is_first:
            raise
        return
    group.end()


def _require_one_way(resume: bool, init: Path | None, find_rate: bool, workers: int | None) -> None:
    from geocnn.errors import UsageError

    told = {"--resume": resume, "--init": init, "--find-rate": find_rate}
    asked = [name for name, said in told.items() if said]
    if len(asked) > 1:
        raise UsageError(
            " and ".join(asked), expected="one of them", do="--init starts a new run, --find-rate starts none"
        )
    if workers is not None and not 0 <= workers <= 64:
        raise UsageError(f"--workers {workers}", expected="0 to 64", do="leave it out")


def _threads(device: Device, process: Process, devices: int) -> int:
    """Threads that draw batches: one beside a CPU that computes, one for each core left beside a GPU."""
    from geocnn.job_limits import cores

    if device.kind != "cuda":
        return 1
    return max(1, min(8, cores() // max(process.local_count, devices) - 1))


def _train(config: Config, run: RunDirectory, group: Group, start: Start) -> None:
    from geocnn.training.starting import train as run_training

    from . import report

    work = run_training(config, run, group, start)
    several = f"{group.count} processes, each " if group.count > 1 else ""
    report.show(_drawing(work, run, f"{several}{group.device}", config.record.classes), "training")
    if not group.is_first:
        return
    _draw_loss(run)
    report.say(f"done: model {run.model}, curves {run.metrics}, pictures {run.pictures}")


def _drawing(
    work: Generator[Progress | Remark | Validated, None, None], run: RunDirectory, where: str, classes: tuple[str, ...]
) -> Work[None]:
    """Pass progress and remarks on; say where the work is done once it begins, tell and draw each validation."""
    from geocnn.pictures import save_figure, training_panel
    from geocnn.progress import Progress, Remark

    from . import report

    has_begun = False
    for event in work:
        if isinstance(event, Progress) and not has_begun:
            has_begun = True
            report.say(f"training on {where}")
        if isinstance(event, Progress | Remark):
            yield event
            continue
        report.say(f"validation after step {event.step}: {event.scores.summary()}")
        panel = event.panel
        figure = training_panel(panel.image, panel.label, panel.probability, panel.grid, classes)
        save_figure(figure, run.pictures / f"validation-{event.step:06d}.png", overwrite=True)
        _draw_loss(run)


def _draw_loss(run: RunDirectory) -> None:
    from geocnn.pictures import loss_curve, save_figure

    save_figure(loss_curve(run.metrics), run.pictures / "loss.png", overwrite=True)


def _find_rate(config: Config, run: RunDirectory, group: Group, start: Start) -> None:
    from geocnn.output import require_free
    from geocnn.pictures import range_curve, require_picture, save_figure
    from geocnn.training.rates import find_rate

    from . import report

    picture = run.path.with_name(f"{run.path.name}-rates.png")
    require_picture(picture, overwrite=True)
    require_free(picture, overwrite=True)
    report.say(f"trying learning rates on {group.device}; no run is begun")
    found = report.show(find_rate(config, group, start.workers, start.seconds), "trying rates")
    if group.is_first:
        save_figure(range_curve(found.rates, found.losses, found.suggestion), picture, overwrite=True)
        report.say(f"done: training.learning_rate: {found.suggestion:.1g} ; {picture}")
