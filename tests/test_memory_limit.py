"""Memory that is free for a process: the machine's, or what the limits of its job leave, whichever is less."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from geocnn.device import Device
from geocnn.memory_limit import free_memory

MB = 2**20
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
SECOND = ("memory.max", "memory.current", "inactive_file")


def machine(root: Path, cgroup: str, available: int = 1000) -> Path:
    """A tree of system files: `available` MB are free, the process is in a cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: 9999999 kB\nMemAvailable:  {1024 * available} kB\n")
    (root / "proc/self/cgroup").write_text(cgroup)
    return root


def limited(folder: Path, names: tuple[str, str, str], limit: int | str, used: int, cached: int) -> None:
    """A cgroup with a limit, in MB."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit * MB if isinstance(limit, int) else limit}\n")
    (folder / names[1]).write_text(f"{used * MB}\n")
    other = "inactive_file" if names is FIRST else "total_inactive_file"
    (folder / "memory.stat").write_text(f"cache 1\n{other} {7 * MB}\n{names[2]} {cached * MB}\n")


def test_without_cgroups_it_is_the_machine_that_limits(tmp_path: Path) -> None:
    assert free_memory(machine(tmp_path, "")) == 1000 * MB


@pytest.mark.parametrize("mount", ["sys/fs/cgroup", "sys/fs/cgroup/unified"])
def test_version_two(mount: str, tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/slurm/job_1/step_0\n")
    limited(root / mount / "slurm/job_1/step_0", SECOND, "max", 100, 0)
    assert free_memory(root) == 1000 * MB
    limited(root / mount / "slurm/job_1", SECOND, 500, 300, 120)
    assert free_memory(root) == 320 * MB
    limited(root / mount / "slurm/job_1/step_0", SECOND, 400, 300, 20)
    assert free_memory(root) == 120 * MB


def test_version_one(tmp_path: Path) -> None:
    root = machine(tmp_path, "5:cpuset:/elsewhere\n4:memory,hugetlb:/slurm/job_1\n0::/\n")
    limited(root / "sys/fs/cgroup/memory", FIRST, str(2**63 - 4096), 100, 0)
    limited(root / "sys/fs/cgroup/memory/slurm/job_1", FIRST, 500, 300, 120)
    limited(root / "sys/fs/cgroup/memory/elsewhere", FIRST, 1, 1, 0)
    assert free_memory(root) == 320 * MB


def test_a_container_sees_its_own_cgroup_as_the_root(tmp_path: Path) -> None:
    root = machine(tmp_path, "4:memory:/docker/0123\n")
    limited(root / "sys/fs/cgroup/memory", FIRST, 300, 100, 50)
    assert free_memory(root) == 250 * MB


def test_nothing_is_free_beyond_the_limit(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/\n")
    limited(root / "sys/fs/cgroup", SECOND, 100, 120, 10)
    assert free_memory(root) == 0


@pytest.mark.parametrize("cgroup", ["", "0", "0::", "::::", "0::/../..", "4:memory", "4:memory:/\0", "a\nb:c\n0::/x"])
def test_odd_systems(cgroup: str, tmp_path: Path) -> None:
    root = machine(tmp_path, cgroup)
    limited(root, SECOND, 1, 0, 0)  # What lies above the cgroups is none.
    assert free_memory(root) == 1000 * MB
    (root / "proc/meminfo").write_bytes(b"MemAvailable: \xff kB\nMemAvailable:\n\n")
    assert free_memory(root) is None
    assert free_memory(root / "nowhere") is None


def test_a_device_that_shares_the_memory_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn.device.free_memory", lambda: 3)
    assert Device("cpu", "float32").free_memory() == 3
    monkeypatch.setattr("geocnn.device.free_memory", lambda: None)
    assert Device("cpu", "float32").free_memory() == 8 * 2**30


def test_a_real_limit() -> None:
    """A process of ours enters a cgroup of ours, with a limit of 300 MB; it touches files and memory first."""
    first = Path("/sys/fs/cgroup/memory")
    mount, limit = (first, FIRST[0]) if (first / FIRST[0]).exists() else (Path("/sys/fs/cgroup"), SECOND[0])
    folder = mount / f"geocnn-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        try:
            (folder / limit).write_text(str(300 * MB))
        except OSError as error:
            pytest.skip(f"no memory limit can be set here: {error}")
        program = (
            "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); held = b'x' * (100 * 2**20);"
            "from geocnn.memory_limit import free_memory; print(free_memory())"
        )
        command = [sys.executable, "-c", program, str(folder / "cgroup.procs")]
        found = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert 170 * MB < found <= 200 * MB
    finally:
        folder.rmdir()


def test_it_needs_no_torch() -> None:
    program = "import sys, geocnn.memory_limit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
