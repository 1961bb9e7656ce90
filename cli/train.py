"""``geocnn train``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DeviceOption

if TYPE_CHECKING:
    from collections.abc import Generator

    from geocnn.progress import Progress, Remark, Work
    from geocnn.run import RunDirectory
    from geocnn.training import Validated

__all__ = ["train"]


def train(
    config: Annotated[Path, typer.Argument(help="YAML config; `geocnn check CONFIG` prints what it means.")],
    run: Annotated[Path, typer.Option(help="Run directory: made for a new run, taken up with --resume.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    init: Annotated[
        Path | None, typer.Option(help="Start from the layers of another MODEL that fit by name and shape.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key: training.steps=100.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train a network on labelled surveys.

    Example: geocnn train faults.yaml --run runs/first
    """
    from geocnn.config import load_config
    from geocnn.device import choose_device, keep_freed_memory
    from geocnn.errors import UsageError
    from geocnn.run import RunDirectory
    from geocnn.training import Start
    from geocnn.training import train as run_training

    from . import report

    if resume and init is not None:
        raise UsageError("--resume and --init together", expected="one of them", do="--init starts a new run")
    settings = load_config(config, set_ or ())
    keep_freed_memory()
    chosen = choose_device(device, settings.record.training.precision)
    directory = RunDirectory(run)
    report.say(f"training on {chosen}")
    work = run_training(settings, directory, chosen, Start(resume, init))
    report.show(_drawing(work, directory), "training")
    _draw_loss(directory)
    report.say(f"done: model {directory.model}, curves {directory.metrics}, pictures {directory.pictures}")


def _drawing(work: Generator[Progress | Remark | Validated, None, None], run: RunDirectory) -> Work[None]:
    """Pass progress and remarks on; tell and draw each validation."""
    from geocnn.pictures import save_figure, training_panel
    from geocnn.progress import Progress, Remark

    from . import report

    for event in work:
        if isinstance(event, Progress | Remark):
            yield event
            continue
        report.say(f"validation after step {event.step}: {event.scores.summary()}")
        panel = event.panel
        figure = training_panel(panel.image, panel.label, panel.probability, panel.grid)
        save_figure(figure, run.pictures / f"validation-{event.step:06d}.png", overwrite=True)
        _draw_loss(run)


def _draw_loss(run: RunDirectory) -> None:
    from geocnn.pictures import loss_curve, save_figure

    save_figure(loss_curve(run.metrics), run.pictures / "loss.png", overwrite=True)
