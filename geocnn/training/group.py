"""The processes that train together, on one machine or on several; alone they are a group of one."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from geocnn.device import Device
from geocnn.errors import GeocnnError, RunError, UsageError
from geocnn.network.synchronised import synchronise
from geocnn.processes import Process
from geocnn.progress import Work

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import nn

__all__ = ["Group", "join_group"]

T = TypeVar("T")

_PRECISION = {"float32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}

PATIENCE = timedelta(days=7)
"""How long processes wait for one of them: it may validate, or scan a survey, while the others have nothing to do."""


@dataclass(frozen=True)
class Group:
    """The processes of a training.

    Parameters
    ----------
    fabric
        What they are launched by and talk through.
    device
        Where each of them computes.
    """

    fabric: Fabric
    device: Device

    @property
    def rank(self) -> int:
        """Number of this process, from 0 on."""
        return int(self.fabric.global_rank)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.fabric.world_size)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0

    def first(self, work: Work[T]) -> Work[T]:
        """What the first process makes, in all of them; where it fails, all fail."""
        if self.count == 1:
            return (yield from work)
        outcome: Any = None
        if self.is_first:
            try:
                outcome = yield from work
            except GeocnnError as error:
                outcome = error
        outcome = self.fabric.broadcast(outcome)
        if isinstance(outcome, GeocnnError):
            raise outcome
        result: T = outcome
        return result

    def any(self, flag: bool) -> bool:
        """Whether it is so in any of the processes."""
        if self.count == 1:
            return flag
        told = torch.tensor(float(flag), device=self.fabric.device)
        total: Any = self.fabric.all_reduce(told, reduce_op="sum")
        return bool(total > 0)

    def total(self, sums: Tensor) -> Tensor:
        """The sum over all processes, in each of them; every process takes the gradient of its own part."""
        if self.count == 1:
            return sums
        total: Tensor = _Total.apply(sums)  # type: ignore[no-untyped-call]
        return total

    def prepare(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """Network and optimiser that learn as one with those of the other processes."""
        if self.count > 1:
            synchronise(network)
        with warnings.catch_warnings():
            # The newer name of this setting is not known to all releases of torch that we run with.
            warnings.filterwarnings("ignore", ".*broadcast_buffers. is deprecated")
            module, learning = self.fabric.setup(network, optimizer)
        return module, learning

    @contextmanager
    def working(self) -> Iterator[None]:
        """Turn what is raised when another process has gone into a message; take leave of the others at the end."""
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not any(words in str(error) for words in _GONE):
                raise
            raise RunError(
                f"process {self.rank} of {self.count} lost another one: it was killed, or failed with a message of its "
                "own",
                expected="all processes of a training to go on to its end",
                do="read the messages of the others, and go on with --resume",
            ) from error

    def end(self) -> None:
        """Wait for the others, who may still have something to save, and take leave of them."""
        if self.count > 1:
            self.fabric.barrier()
            torch.distributed.destroy_process_group()


_GONE = ("Connection closed by peer", "Connection reset", "Broken pipe", "Socket closed", "NCCL", "gloo", "store")


class _Total(torch.autograd.Function):
    """Sum over processes; the gradient of a part is that of the sum."""

    @staticmethod
    def forward(context: Any, sums: Tensor) -> Tensor:
        total = sums.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient


def join_group(device: Device, process: Process, devices: int = 1) -> Group:
    """The group of this process.

    Parameters
    ----------
    device
        Where to compute, in which precision.
    process
        Which one it is of those that srun, torchrun or mpirun launched.
    devices
        How many processes to launch on this machine, if none of these has; each has a GPU of its own.

    Raises
    ------
    UsageError
        If there are fewer GPUs than processes, or processes were launched in a way that does not fit.
    """
    local, nodes = (process.local_count, process.count // process.local_count) if process.count > 1 else (devices, 1)
    _require_fit(device, process, devices, local)
    if local * nodes == 1:
        return Group(_fabric(device, plugins=_alone()), device)
    from lightning_fabric.strategies.ddp import DDPStrategy

    # Buffers are those of synchronised norms, equal everywhere; who writes files has the others wait for long.
    strategy = DDPStrategy(timeout=PATIENCE, broadcast_buffers=False)
    if process.launcher == "mpirun":
        _tell_environment(process)
    plugins = None if process.launcher in ("srun", "torchrun") else _alone()
    fabric = _fabric(device, plugins=plugins, strategy=strategy, devices=local, num_nodes=nodes)
    fabric.launch()
    return Group(fabric, device)


def _require_fit(device: Device, process: Process, devices: int, local: int) -> None:
    if devices < 1:
        raise UsageError(f"--devices {devices}", expected="1 or more", do="correct --devices")
    if process.count > 1 and devices > 1:
        raise UsageError(
            f"--devices {devices} in a launch of {process.count} processes by {process.launcher}",
            expected="processes launched in one way",
            do="leave --devices out",
        )
    if process.count % process.local_count:
        raise UsageError(
            f"{process.count} processes, {process.local_count} of them on this machine",
            expected="equally many on each machine",
            do="launch as many tasks on each node (srun --ntasks-per-node)",
        )
    found = torch.cuda.device_count() if device.kind == "cuda" else local
    if local > found:
        raise UsageError(
            f"{local} processes on a machine with {found} GPU(s)",
            expected="a GPU for each process",
            do="launch fewer processes, or pass --device cpu",
        )
    if local > 1 and device.kind == "mps":
        raise UsageError("several processes on mps", expected="one", do="leave --devices out")


def _fabric(device: Device, **settings: Any) -> Fabric:
    # Its import takes longer than torch's.
    from lightning_fabric import Fabric

    # It tells of each process that joins.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Where Slurm is installed, a run without it is no mistake.
        warnings.filterwarnings("ignore", r"(?s).*`srun` command is available")
        return Fabric(accelerator=device.kind, precision=_PRECISION[device.precision], **{"devices": 1, **settings})  # type: ignore[arg-type]


def _alone() -> list[Any]:
    """The plain environment, whatever variables of a cluster there are."""
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    return [LightningEnvironment()]


def _tell_environment(process: Process) -> None:
    """Say to torch what mpirun told in variables of its own."""
    told = {
        "LOCAL_RANK": process.local,
        "NODE_RANK": process.rank // process.local_count,
        "WORLD_SIZE": process.count,
    }
    os.environ |= {name: str(value) for name, value in told.items()}
    several = process.count > process.local_count
    if several and "MASTER_ADDR" not in os.environ:
        raise UsageError(
            f"mpirun on {process.count // process.local_count} machines without MASTER_ADDR",
            expected="the name of the machine of the first process",
            do="mpirun -x MASTER_ADDR=node1 -x MASTER_PORT=29500 …",
        )
    # On one machine all processes have the same parent, and other launches another one.
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", str(20000 + os.getppid() % 20000))
