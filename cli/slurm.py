"""``geocnn slurm``"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from geocnn.slurm import Command, Job, JobOptions

from .options import record_options
from .predict import predict as predict_command
from .train import train as train_command

__all__ = ["slurm"]

slurm = typer.Typer(
    help="Write batch jobs for a Slurm cluster, and submit them.", no_args_is_help=True, rich_markup_mode=None
)

# What is no option of the job is an option or an argument of the command that it runs.
PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True}

SubmitOption = Annotated[bool, typer.Option("--submit", help="Submit it, and print the number of the job.")]
ScriptOption = Annotated[Path | None, typer.Option(help="Where to write the script; JOB-NAME.sh by default.")]


@slurm.command(context_settings=PASSED_ON, options_metavar="CONFIG --run DIR [OPTIONS] [OPTIONS OF geocnn train]")
@record_options(JobOptions, "Job options")
def train(
    context: typer.Context, options: JobOptions, script: ScriptOption = None, submit: SubmitOption = False
) -> None:
    """Write a job that trains, and goes on where it stopped until it is done.

    Example: geocnn slurm train faults.yaml --run runs/first --gpus 4 --time 12:00:00 --submit
    """
    from geocnn.config import load_config, require_same
    from geocnn.errors import UsageError

    said = _parsed(train_command, "train", context.args)
    config = load_config(said["config"], said["set_"] or ())
    begun = said["run"] / "config.yaml"
    if begun.exists():
        require_same(config, begun)
    batch, processes = config.record.training.batch, options.nodes * options.tasks
    if batch % processes:
        raise UsageError(
            f"training.batch is {batch}, for {processes} processes ({options.nodes} × {options.tasks})",
            expected="a batch that all processes share evenly",
            do=f"pass --set training.batch={-(-batch // processes) * processes}, or ask for other --nodes or --gpus",
        )
    beginning = () if said["init"] is None else ("--init", str(said["init"]))
    rest = _without(context.args, flags=("--resume",), valued=("--init",))
    command = Command(("train", *rest), str(said["run"]), beginning)
    _write(Job(command, _activated(options), Path.cwd()).called(f"train-{said['run'].name}"), script, submit)


@slurm.command(
    context_settings=PASSED_ON, options_metavar="MODEL SURVEY… --out FILE [OPTIONS] [OPTIONS OF geocnn predict]"
)
@record_options(JobOptions, "Job options")
def predict(
    context: typer.Context,
    options: JobOptions,
    array: Annotated[int, typer.Option(help="So many jobs of one process each, each for its part.")] = 0,
    script: ScriptOption = None,
    submit: SubmitOption = False,
) -> None:
    """Write a job, or an array of jobs, that predicts, and goes on where it stopped until it is done.

    --memory is that of the job; pass that of geocnn predict behind --.

    Example: geocnn slurm predict runs/first new.sgy --out faults.sgy --array 8 --gpus 1 --time 1:00:00
    """
    from geocnn.errors import UsageError

    said = _parsed(predict_command, "predict", context.args)
    if said["overwrite"]:
        raise UsageError(
            "--overwrite in a job that may be queued again, and would begin anew each time",
            expected="an output that is not there yet",
            do=f"remove {said['out']}, or choose another --out",
        )
    if array and said["part"] is not None:
        raise UsageError("--part and --array together", "the one or the other", "leave out --part")
    command = Command(("predict", *_without(context.args, flags=("--resume",))))
    job = Job(command, _activated(options), Path.cwd(), array)
    _write(job.called(f"predict-{Path(said['out'].split(':/')[0]).stem}"), script, submit)


def _parsed(command: Callable[..., None], name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What a command would be called with; wrong usage is told now, not by a job in the night."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(command)
    return typer.main.get_command(app).make_context(f"geocnn {name}", list(arguments)).params


def _without(arguments: Sequence[str], flags: Sequence[str] = (), valued: Sequence[str] = ()) -> list[str]:
    """Arguments without some flags, and some options with their values."""
    kept, rest = list[str](), iter(arguments)
    for each in rest:
        if each in valued:
            next(rest, None)
        elif each not in flags and each.split("=")[0] not in valued:
            kept.append(each)
    return kept


def _activated(options: JobOptions) -> JobOptions:
    """The options with the environment that geocnn runs in now, if they name none."""
    from geocnn.errors import UsageError

    if options.conda_env is not None or (options.venv is None and sys.prefix == sys.base_prefix):
        return options
    folder = Path(options.venv or sys.prefix).absolute()
    if not (folder / "bin/activate").is_file():
        raise UsageError(
            f"{folder} has no bin/activate", expected="a virtual environment", do="correct --venv, or pass --conda-env"
        )
    return replace(options, venv=str(folder))


def _write(job: Job, script: Path | None, is_submitted: bool) -> None:
    """Write the script of a job; submit it if asked to."""
    from geocnn.errors import OutputError
    from geocnn.output import output_error, whole_file
    from geocnn.slurm import render, submit

    from . import report

    path, text = script or Path(f"{job.name}.sh"), render(job).encode("utf-8", "surrogateescape")
    if not (path.is_file() and path.read_bytes() == text):
        if path.is_file():
            raise OutputError(
                f"{path} is there and says something else",
                "a name that is free",
                "remove it, or choose another --script",
            )
        with whole_file(path) as temporary:
            temporary.write_bytes(text)
            temporary.chmod(0o755)
    log = Path(job.options.output or "")
    if "%" not in str(log.parent):
        # Slurm makes no folder for its log: the job would end before it began, and say nothing.
        try:
            (job.folder / log.parent).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(log, error) from error
    if is_submitted:
        report.say(f"submitted {path} as job {submit(path)}")
    else:
        report.say(f"written: {path}; submit it: sbatch {shlex.quote(str(path))}")
