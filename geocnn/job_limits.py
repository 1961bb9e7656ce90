"""What the job that a process runs in leaves it: cores, and time until its end."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from math import floor
from pathlib import Path

from geocnn.errors import UsageError

__all__ = ["cores", "read_duration", "seconds_left"]

MARGIN = 120.0
"""Seconds before the end of a job at which work stops, so that everything can still be saved."""


def cores(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """Cores that this process may use: those of the machine, or fewer where its job has fewer.

    The least of what the system binds the process to, what Slurm gave each task, and the quota of its cgroup.

    Notes
    -----
    https://docs.kernel.org/admin-guide/cgroup-v2.html: cpu.max holds a quota and a period in microseconds.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = [bound]
    given = environment.get("SLURM_CPUS_PER_TASK", "")
    if given.isdecimal() and int(given):
        found.append(int(given))
    for quota, period in _quotas(root):
        found.append(max(1, floor(quota / period)))
    return min(found)


def _quotas(root: Path) -> list[tuple[int, int]]:
    """Quota and period of the cgroups, of either version, that hold this process."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    paths = [line.split(":", 2)[2].lstrip("/") for line in lines if line.startswith("0::") or ":cpu," in line]
    found = []
    for path in dict.fromkeys(("", *paths)):
        second = _numbers(root / "sys/fs/cgroup" / path / "cpu.max")
        first = _numbers(root / "sys/fs/cgroup/cpu" / path / "cpu.cfs_quota_us")
        period = _numbers(root / "sys/fs/cgroup/cpu" / path / "cpu.cfs_period_us")
        found += [tuple(pair) for pair in (second, first + period) if len(pair) == 2 and min(pair) > 0]
    return [(pair[0], pair[1]) for pair in found]


def _numbers(path: Path) -> list[int]:
    """Whole numbers in a file of the system; none if it says ``max`` or is not there."""
    try:
        words = path.read_text(encoding="ascii", errors="replace").split()
    except (OSError, ValueError):
        return []
    return [int(word) for word in words] if all(re.fullmatch(r"-?\d+", word) for word in words) else []


def seconds_left(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds until this process should stop for its Slurm job to end in order; None where nothing tells.

    Two minutes before the job's end, or a twentieth of its time if that is less.
    """
    end, start = (environment.get(f"SLURM_JOB_{name}_TIME", "") for name in ("END", "START"))
    if not end.isdecimal():
        return None
    length = int(end) - int(start) if start.isdecimal() else 20 * MARGIN
    return int(end) - time.time() - min(MARGIN, length / 20)


def read_duration(option: str, text: str) -> float:
    """Seconds of ``12:00:00``, ``1-12:00:00``, ``90:00``, ``90`` (minutes, as Slurm has it), ``15m`` or ``2h``.

    Raises
    ------
    UsageError
        If it is none of these, or zero.
    """
    said = text.strip()
    unit = re.fullmatch(r"(\d{1,9})([smhd]?)", said)
    clock = re.fullmatch(r"(?:(\d{1,4})-)?(\d{1,4}):(\d{2})(?::(\d{2}))?", said)
    seconds = 0
    if unit:
        seconds = int(unit[1]) * {"s": 1, "m": 60, "": 60, "h": 3600, "d": 86400}[unit[2]]
    elif clock:
        days, first, second, third = (int(part) if part else 0 for part in clock.groups())
        # Two numbers are minutes and seconds, three (or two behind days) are hours, minutes and so on.
        hours = clock[4] is not None or clock[1] is not None
        seconds = 86400 * days + (3600 * first + 60 * second + third if hours else 60 * first + second)
    if seconds <= 0:
        raise UsageError(f"{option} {text}", "a time such as 12:00:00, 1-12:00:00, 90m or 2h", f"correct {option}")
    return float(seconds)
