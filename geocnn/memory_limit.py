"""Memory that a process may still take: what the machine has, and what the limits of its job leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["free_memory"]


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process can take before the system or its job's limit stops it; None where nothing tells.

    The least of what the machine has left and of what each memory cgroup has left that holds the process: its own and
    all above. Cached files that can be given back count as free.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.

    Notes
    -----
    https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current) and
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (memory.limit_in_bytes, memory.usage_in_bytes). A
    container may see the path of its cgroup outside while its own is mounted as the root: what is not there is passed
    over, and the root is always looked at.
    """
    available = _entry(root / "proc/meminfo", "MemAvailable:")
    found = [left for folder, names in _folders(root) if (left := _left(folder, names)) is not None]
    if available is not None:
        found.append(1024 * available)
    return max(0, min(found)) if found else None


class _Names(NamedTuple):
    """What the files of a version of cgroups are called, and the entry of memory.stat that holds cached files."""

    limit: str
    used: str
    cached: str


_FIRST = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_SECOND = _Names("memory.max", "memory.current", "inactive_file")


def _folders(root: Path) -> Iterator[tuple[Path, _Names]]:
    """The memory cgroups that hold this process, from its own up to the root."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        inside = PurePosixPath(path.lstrip("/"))
        if ".." in inside.parts:
            inside = PurePosixPath()
        if "memory" in controllers.split(","):
            mounts, names = ["sys/fs/cgroup/memory"], _FIRST
        elif not controllers:
            mounts, names = ["sys/fs/cgroup", "sys/fs/cgroup/unified"], _SECOND
        else:
            continue
        for mount in mounts:
            for each in (inside, *inside.parents):
                yield root / mount / each, names


def _left(folder: Path, names: _Names) -> int | None:
    """Bytes that a cgroup leaves; None without a limit."""
    limit, used = _text(folder / names.limit).strip(), _text(folder / names.used).strip()
    if not (limit.isdecimal() and used.isdecimal()):
        return None
    return int(limit) - int(used) + (_entry(folder / "memory.stat", names.cached) or 0)


def _entry(path: Path, name: str) -> int | None:
    """The number after a name in a file of lines."""
    for line in _text(path).splitlines():
        first, number, *_ = [*line.split(), "", ""]
        if first == name and number.isdecimal():
            return int(number)
    return None


def _text(path: Path) -> str:
    """What a file of the system holds; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
