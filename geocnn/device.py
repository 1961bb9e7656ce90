"""Where a network computes, in which precision, and how the allocator keeps memory."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

import torch

from geocnn.errors import UsageError
from geocnn.job_limits import cores
from geocnn.memory_limit import free_memory
from geocnn.processes import Process

__all__ = ["Device", "choose_device", "is_out_of_memory", "keep_freed_memory", "share_machine", "sharers"]


@dataclass(frozen=True)
class Device:
    """A device (``cpu``, ``cuda``, ``mps``) and a precision (``float32``, ``bf16``, ``fp16``) to compute in."""

    kind: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        """The type of the numbers that a network for prediction computes with."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def torch(self) -> torch.device:
        """The device as torch names it."""
        return torch.device(self.kind)

    def free_memory(self) -> int:
        """Bytes that are free on the device, or for this process where the device shares its memory."""
        if self.kind == "cuda":
            return int(torch.cuda.mem_get_info()[0])
        free = free_memory()
        return 8 * 2**30 if free is None else free

    def __str__(self) -> str:
        name = torch.cuda.get_device_name() if self.kind == "cuda" else f"{torch.get_num_threads()} threads"
        return f"{self.kind} ({name}), {self.precision}"


def choose_device(kind: str = "auto", precision: str = "auto") -> Device:
    """Device that the user asked for, or the best that is there.

    Parameters
    ----------
    kind
        ``auto`` (the first of cuda, mps, cpu that is there), or one of these.
    precision
        ``auto`` (bf16 on a GPU that computes in it natively, float32 elsewhere), ``float32``, ``bf16`` or
        ``fp16`` (for training on Nvidia GPUs).

    Raises
    ------
    UsageError
        If the device is not there, or does not compute so.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        kind = next(name for name, found in there.items() if found)
    elif not there[kind]:
        raise UsageError(
            f"no {kind} device on this machine",
            expected=f"one of {', '.join(name for name, found in there.items() if found)}",
            do="pass --device auto, or check the driver and the installed torch",
        )
    if kind == "cuda":
        # float32 means float32: by default convolutions on Nvidia GPUs round their inputs to 10 bits (TF32).
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if precision == "fp16" and kind != "cuda":
        raise UsageError(
            f"fp16 on {kind}", expected="an Nvidia GPU for fp16", do="write precision: bf16 or float32, or auto"
        )
    if precision == "auto":
        native = kind == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
        precision = "bf16" if native else "float32"
    return Device(kind, precision)


def share_machine(process: Process) -> None:
    """Leave others on this machine their share: a GPU of one's own, and as many threads as there are cores for each.

    Where a launcher has bound processes to cores of their own, each has these; where the user has said how many threads
    there are, that stays.
    """
    if process.local_count > 1 and torch.cuda.is_available():
        torch.cuda.set_device(process.local % torch.cuda.device_count())
    if "OMP_NUM_THREADS" in os.environ:
        return
    mine = cores()
    if mine == os.cpu_count():
        mine = max(1, mine // process.local_count)
    if mine < torch.get_num_threads():
        torch.set_num_threads(mine)


def sharers(device: Device, process: Process) -> int:
    """How many of the processes on this machine share the memory of a device.

    Where a process sees one GPU of several, the launcher has given it one of its own.
    """
    if device.kind == "cuda":
        return -(-process.local_count // torch.cuda.device_count()) if torch.cuda.device_count() > 1 else 1
    return process.local_count


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or this machine, has no memory left.

    torch has an error of its own for that on Nvidia GPUs alone.
    """
    told = isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    return told or isinstance(error, torch.OutOfMemoryError | MemoryError)


_NO_MEMORY = ("can't allocate memory", "MPS backend out of memory")


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of returning them to the system; elsewhere do nothing.

    Large activations are otherwise mapped and unmapped for every layer, and page faults take up to half of the
    time of a convolution on a CPU.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_trim_threshold, m_mmap_max, m_arena_max = -1, -4, -8
        mallopt(m_mmap_max, 0)
        # What one thread frees others may use: each keeping its own takes a sixth more memory, and no less time. There
        # are two, so that what threads read and write does not break up the room that large activations leave.
        mallopt(m_arena_max, 2)
        mallopt(m_trim_threshold, 2**31 - 1)
