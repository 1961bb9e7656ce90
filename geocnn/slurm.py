"""Batch jobs for Slurm: what a job asks for, the script that it becomes, and how it is submitted."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from geocnn.errors import RunError, UsageError
from geocnn.job_limits import read_duration

__all__ = ["Command", "Job", "JobOptions", "render", "submit"]

EARLY = 60
"""Seconds by which Slurm may send a signal earlier than it was asked to (man sbatch, --signal)."""

PATIENCE = 600
"""Seconds that the processes of a training have to end after the first of them has."""

OWN = {
    "--array": "--array",
    "-a": "--array",
    "--chdir": "cd, and geocnn slurm there",
    "-D": "cd, and geocnn slurm there",
    "--nodes": "--nodes",
    "-N": "--nodes",
    "--ntasks": "--tasks-per-node",
    "-n": "--tasks-per-node",
    "--ntasks-per-node": "--tasks-per-node",
    "--cpus-per-task": "--cpus-per-task",
    "-c": "--cpus-per-task",
    "--time": "--time",
    "-t": "--time",
    "--signal": "--signal",
    "--output": "--output",
    "-o": "--output",
    "--open-mode": "nothing: the log is appended to",
    "--requeue": "nothing: it is always there",
    "--no-requeue": "nothing: a job that cannot be queued again cannot go on",
}
"""Options of sbatch that the script sets or relies on, and what to say instead."""


@dataclass(frozen=True)
class JobOptions:
    """What a job asks of the cluster, as the user says it. Checked when made: UsageError names the option."""

    nodes: Annotated[int, "Nodes."] = 1
    gpus: Annotated[int, "GPUs on each node."] = 0
    tasks_per_node: Annotated[int | None, "Processes on each node: one for each GPU, else one."] = None
    cpus_per_task: Annotated[int, "Cores for each process."] = 4
    memory: Annotated[str | None, "Memory on each node, such as 64G; the cluster decides by default."] = None
    time: Annotated[str | None, "Longest time, such as 12:00:00; the cluster decides by default."] = None
    partition: Annotated[str | None, "Partition (queue)."] = None
    account: Annotated[str | None, "Account that the time is charged to."] = None
    qos: Annotated[str | None, "Quality of service."] = None
    job_name: Annotated[str | None, "Name of the job; made from the run or the output by default."] = None
    module: Annotated[tuple[str, ...], "Environment module to load, such as cuda/12.4; may be repeated."] = ()
    venv: Annotated[str | None, "Virtual environment to activate; the one that geocnn runs in by default."] = None
    conda_env: Annotated[str | None, "Conda environment to activate, by name or path, instead of --venv."] = None
    signal: Annotated[int, "Seconds before the end at which the job is told to save."] = 300
    output: Annotated[str | None, "Log; %x is the job's name, %j its number. %x-%j.log by default."] = None
    sbatch: Annotated[tuple[str, ...], 'Further option for sbatch: --sbatch "--constraint=a100"; may be repeated.'] = ()

    def __post_init__(self) -> None:
        for name, least, most in (
            ("nodes", 1, 10**6),
            ("gpus", 0, 1000),
            ("tasks_per_node", 1, 10**4),
            ("cpus_per_task", 1, 10**4),
            ("signal", 10, 65535),
        ):
            _require_between(_option(name), getattr(self, name), least, most)
        for name in ("partition", "account", "qos", "job_name"):
            _require_plain(_option(name), getattr(self, name))
        for line in self.sbatch:
            _require_foreign(line)
        _require_log(self.output)
        if self.memory is not None:
            _memory(self.memory)
        if self.seconds is not None and self.seconds <= self.signal + EARLY:
            raise UsageError(
                f"--time {self.time} and --signal {self.signal}",
                expected=f"more time than the {self.signal} s for saving, and {EARLY} s by which Slurm may be early",
                do="ask for more --time, or for less with --signal",
            )
        if self.venv is not None and self.conda_env is not None:
            raise UsageError("--venv and --conda-env together", "one environment", "leave one out")

    @property
    def seconds(self) -> int | None:
        """The longest time."""
        if self.time is None:
            return None
        # Slurm's days-hours.
        said = self.time.strip()
        return int(read_duration("--time", f"{said}:00" if re.fullmatch(r"\d+-\d+", said) else said))

    @property
    def tasks(self) -> int:
        """Processes on each node."""
        return self.tasks_per_node or max(1, self.gpus)


@dataclass(frozen=True)
class Command:
    """What a job runs.

    Parameters
    ----------
    arguments
        Of geocnn: ``train``, or ``predict``, and what follows.
    run
        The run directory of a training, which goes on with ``--resume`` once it holds a checkpoint; empty for a
        prediction, which can always be told to.
    beginning
        Arguments for a training that begins, such as ``--init MODEL``.
    """

    arguments: tuple[str, ...]
    run: str = ""
    beginning: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A batch job.

    Parameters
    ----------
    command
        What it runs.
    options
        What it asks for.
    folder
        Where paths are relative to.
    members
        Of an array, each of which does one part; 0: no array.
    """

    command: Command
    options: JobOptions
    folder: Path
    members: int = 0

    def __post_init__(self) -> None:
        _require_between("--array", self.members, 0, 100_000)
        if self.members and self.options.nodes * self.options.tasks > 1:
            raise UsageError(
                f"--array with {self.options.nodes * self.options.tasks} processes",
                expected="one process for each member of an array",
                do="leave out --nodes, and pass --gpus 1 and no --tasks-per-node",
            )

    @property
    def name(self) -> str:
        """``train-first``, or what the user says."""
        return self.options.job_name or "geocnn"

    def called(self, name: str) -> Job:
        """The same job with a name, if it has none; characters that Slurm might take amiss become dashes."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "geocnn"
        return replace(self, options=replace(self.options, job_name=self.options.job_name or plain[:60]))


def render(job: Job) -> str:
    """The batch script of a job.

    Notes
    -----
    The signal goes to the processes of the step, which save and end with status 75; with ``B:`` it would reach the
    shell alone. Slurm itself queues a job again after a node has failed or it was preempted, but not for a limit of
    time.
    """
    parts = (["#!/bin/bash"], _header(job), _surroundings(job), _beginning(job.command), _step(job), _ending(job))
    return "\n\n".join("\n".join(lines) for lines in _joined(parts)) + "\n"


def _joined(parts: Sequence[list[str]]) -> list[list[str]]:
    """Parts without empty ones; the header follows the first line at once."""
    first, header, *rest = parts
    return [first + header, *(part for part in rest if part)]


def _header(job: Job) -> list[str]:
    said = job.options
    log = said.output or ("%x-%A_%a.log" if job.members else "%x-%j.log")
    values = {
        "job-name": job.name,
        "array": f"1-{job.members}" if job.members else None,
        "nodes": said.nodes,
        "ntasks-per-node": said.tasks,
        "gpus-per-node": said.gpus or None,
        "cpus-per-task": said.cpus_per_task,
        "mem": _memory(said.memory) if said.memory is not None else None,
        "time": _clock(said.seconds) if said.seconds is not None else None,
        "partition": said.partition,
        "account": said.account,
        "qos": said.qos,
        "signal": f"USR1@{said.signal}",
        "output": f'"{log}"' if re.search(r"[^\w./%-]", log, re.ASCII) else log,
    }
    lines = [f"--{name}={value}" for name, value in values.items() if value is not None]
    lines += ["--requeue", "--open-mode=append", *(line.strip() for line in said.sbatch)]
    return [f"#SBATCH {line}" for line in lines]


def _surroundings(job: Job) -> list[str]:
    """Folder, modules, environment and threads; foreign scripts run before unset variables become errors."""
    said = job.options
    lines = [f"cd -- {shlex.quote(str(job.folder))} || exit"]
    lines += [f"module load {shlex.quote(name)} || exit" for name in said.module]
    if said.venv is not None:
        lines.append(f"source {shlex.quote(str(Path(said.venv) / 'bin/activate'))} || exit")
    if said.conda_env is not None:
        lines.append(f'eval "$(conda shell.bash hook)" && conda activate {shlex.quote(said.conda_env)} || exit')
    return [*lines, "set -u", 'export OMP_NUM_THREADS="$SLURM_CPUS_PER_TASK"']


def _beginning(command: Command) -> list[str]:
    """What a training is called with depends on whether it has a checkpoint."""
    if not command.run:
        return []
    return [
        "begun=$(date +%s)",
        f"run={shlex.quote(command.run)}",
        # The config is the last thing that a run begins with, after a first checkpoint.
        'if [ -e "$run/config.yaml" ] && ls -- "$run"/checkpoints/slot-*.pt >/dev/null 2>&1; then',
        "    set -- --resume",
        "else",
        f"    set -- {shlex.join(command.beginning)}".rstrip(),
        "fi",
    ]


def _step(job: Job) -> list[str]:
    """The step: a process that ends does not end the others, which may still have something to save."""
    name, *rest = job.command.arguments
    # Before what the user says, in which options may have ended.
    own = ['"$@"'] if job.command.run else ["--resume"]
    own += [f'--part "$SLURM_ARRAY_TASK_ID/{job.members}"'] if job.members else []
    wait = PATIENCE if job.command.run else 0
    return [
        f'srun --kill-on-bad-exit=0 --wait={wait} --cpus-per-task="$SLURM_CPUS_PER_TASK" \\',
        f"    geocnn {name} {' '.join(own)} {shlex.join(rest)}",
        "status=$?",
    ]


def _ending(job: Job) -> list[str]:
    # The number of an array's last member is that of the whole array, which would be queued again with it.
    number = "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" if job.members else "$SLURM_JOB_ID"
    return [
        "# 75: stopped before the end with everything saved.",
        'if [ "$status" -eq 75 ]; then',
        *(_IN_VAIN if job.command.run else ()),
        f'    echo "stopped with everything saved: job {number} is queued again"',
        f'    scontrol requeue "{number}" || echo "it is not: submit this script again to go on" >&2',
        "fi",
        'exit "$status"',
    ]


_IN_VAIN = (
    "    # A job whose time ends before a first step would be queued for ever.",
    '    saved=$(find "$run/checkpoints" -newermt "@$begun" 2>/dev/null)',
    '    if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] && [ -z "$saved" ]; then',
    '        echo "stopped again before anything was saved, and not queued again: ask for more --time" >&2',
    '        exit "$status"',
    "    fi",
)


def submit(script: Path) -> str:
    """Number of the job that a script has become.

    Raises
    ------
    RunError
        If there is no Slurm here, or it refuses the script.
    """
    program = shutil.which("sbatch")
    if program is None:
        raise RunError(
            f"no sbatch here; {script} is written",
            expected="a machine from which jobs are submitted to Slurm",
            do=f"run there: sbatch {shlex.quote(str(script))}",
        )
    done = subprocess.run([program, "--parsable", str(script.absolute())], capture_output=True, text=True, check=False)
    if done.returncode:
        why = " ".join(done.stderr.split())
        raise RunError(f"Slurm did not take {script}: {why}", "a job that the cluster allows", "correct the options")
    return done.stdout.strip().split(";")[0]


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _require_between(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise UsageError(f"{option} {value}", f"a number from {least} to {most}", f"correct {option}")


def _require_plain(option: str, value: str | None) -> None:
    """Refuse what would not be one word of a line ``#SBATCH``."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9_.,:+@%=/-]{1,200}", value):
        raise UsageError(
            f"{option} {value!r}", "a name of letters, digits and _ . , : + @ % = / -", f"correct {option}"
        )


def _require_log(pattern: str | None) -> None:
    if pattern is not None and (not pattern or not pattern.isprintable() or re.search(r'["\'\\#]', pattern)):
        raise UsageError(f"--output {pattern!r}", "a path without quotes, backslashes and #", "correct --output")


def _require_foreign(line: str) -> None:
    """Refuse a further option of sbatch that is none, or that the script itself sets."""
    said = line.strip()
    name = re.match(r"--[a-z][a-z-]*(?==|\s|$)|-[A-Za-z](?![a-z-])", said)
    if name is None or not said.isprintable():
        raise UsageError(f"--sbatch {line!r}", 'one option, such as "--constraint=a100"', "begin it with a dash")
    if name[0] in OWN:
        raise UsageError(f"--sbatch {said!r}", "an option that the script does not set itself", f"say {OWN[name[0]]}")


def _memory(text: str) -> str:
    """``64GB`` as Slurm's ``64G``."""
    found = re.fullmatch(r"([1-9]\d{0,9})\s*([KMGT])(?:I?B)?", text.strip().upper(), re.ASCII)
    if found is None:
        raise UsageError(f"--memory {text}", "a whole number and a unit, such as 64G", "correct --memory")
    return found[1] + found[2]


def _clock(seconds: int) -> str:
    """90000 as ``1-01:00:00``."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock
