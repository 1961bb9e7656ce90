"""What training costs: time, roughly, and the memory that may be planned with."""

from __future__ import annotations

from geocnn.network.plan import Plan
from geocnn.proposal.fingerprint import Machine

__all__ = ["budget", "needed", "seconds"]

MOVED = {"cpu": 0.2e9, "cuda": 40e9}
"""Bytes of activations that a training step gets through in a second, for each core or on a GPU.

Measured on two busy cores of a server for six networks of the zoo and scaled to quiet ones, to within a factor of two;
for GPUs an estimate.
"""

COMPUTED = {"cpu": 60e9, "cuda": 20e12}
"""Multiply-adds a second, likewise, where channels are so many that these count."""

OVERHEAD = {"cpu": 600_000_000, "cuda": 1_000_000_000}
"""Bytes that Python, torch and its libraries take before a network does."""

USED = 0.8
"""Share of the memory to plan with: kernels need workspaces, and pieces of memory are lost between others."""


def seconds(plan: Plan, batch: int, steps: int, machine: Machine) -> float:
    """Time of a training, good to a factor of two or three.

    Notes
    -----
    B · N · (a / v + 3 m / c) for a batch B and N steps, activations of a bytes and m multiply-adds in one pass over a
    patch; the backward pass costs twice the forward one.
    """
    of_patch = plan.activation_bytes / MOVED[machine.device] + 3 * plan.multiply_adds / COMPUTED[machine.device]
    return batch * steps * of_patch / (machine.cores if machine.device == "cpu" else 1)


def budget(machine: Machine) -> int:
    """Bytes that a training step may hold."""
    return round(USED * machine.memory) - OVERHEAD[machine.device]


def needed(step: int, machine: Machine) -> int:
    """Bytes of memory for a training step of so many: the reverse of `budget`."""
    return round((step + OVERHEAD[machine.device]) / USED)
