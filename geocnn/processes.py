"""Which of several processes this one is, as the launcher tells: srun, torchrun or mpirun."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Process", "this_process"]


@dataclass(frozen=True)
class Process:
    """One of `count` processes that were launched together.

    Parameters
    ----------
    rank, count
        Its number, from 0 on, and how many there are.
    local, local_count
        The same among those on this machine.
    launch
        A name that those launched together share, and others do not; empty for a process alone.
    launcher
        ``torchrun``, ``mpirun`` or ``srun``; empty for a process alone.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    launch: str = ""
    launcher: str = ""


@dataclass(frozen=True)
class _Launcher:
    """The variables in which a launcher tells a process its place, and those that name the launch."""

    name: str
    rank: str
    count: str
    local: str
    local_count: str
    launch: tuple[str, ...]


_LAUNCHERS = (
    _Launcher(
        "torchrun",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
        ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT"),
    ),
    _Launcher(
        "mpirun",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
        ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
    ),
    _Launcher(
        "srun",
        "SLURM_PROCID",
        "SLURM_STEP_NUM_TASKS",
        "SLURM_LOCALID",
        "SLURM_STEP_TASKS_PER_NODE",
        ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_STEP_ID"),
    ),
    _Launcher("mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", ("PMI_PORT", "HYDI_CONTROL_FD")),
)
"""In this order, since mpirun and torchrun may run inside a step of Slurm. A batch script is no step: it is alone."""


def this_process(environment: Mapping[str, str] = os.environ) -> Process:
    """This process among those it was launched with; alone where no launcher tells."""
    for launcher in _LAUNCHERS:
        rank, count = (_number(environment, name) for name in (launcher.rank, launcher.count))
        if rank is None or count is None or not rank < count:
            continue
        if count == 1:
            return Process()
        local = _number(environment, launcher.local) or 0
        # Where nothing tells, those launched by one parent on one machine belong together.
        told = [environment[name] for name in launcher.launch if name in environment]
        launch = " ".join(told or [socket.gethostname(), str(os.getppid())])
        local_count = _number(environment, launcher.local_count) or 1
        return Process(rank, count, local, local_count, launch, launcher.name)
    return Process()


def _number(environment: Mapping[str, str], name: str) -> int | None:
    """The number that a variable begins with, such as the 2 of ``2(x4)``."""
    match = re.match(r"\d+", environment.get(name, ""))
    return int(match[0]) if match else None
