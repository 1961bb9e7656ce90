"""Limits of a job: cores and time, as the system and Slurm tell."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from geocnn.errors import UsageError
from geocnn.job_limits import cores, read_duration, seconds_left


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_cores_are_those_of_the_job(tmp_path: Path) -> None:
    bound = len(os.sched_getaffinity(0))
    assert cores({}, tmp_path) == bound
    assert cores({"SLURM_CPUS_PER_TASK": "1"}, tmp_path) == 1
    assert cores({"SLURM_CPUS_PER_TASK": "10000"}, tmp_path) == bound
    assert cores({"SLURM_CPUS_PER_TASK": "x"}, tmp_path) == bound


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 1),
        ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ],
)
def test_cores_are_no_more_than_the_quota(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    assert cores({}, system(tmp_path, files)) == (expected or len(os.sched_getaffinity(0)))


def test_a_job_leaves_time_to_save() -> None:
    now = int(time.time())
    assert seconds_left({}) is None
    left = seconds_left({"SLURM_JOB_END_TIME": str(now + 3600), "SLURM_JOB_START_TIME": str(now - 3600)})
    assert left == pytest.approx(3480, abs=3)
    short = seconds_left({"SLURM_JOB_END_TIME": str(now + 50), "SLURM_JOB_START_TIME": str(now - 50)})
    assert short == pytest.approx(45, abs=3)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12:00:00", 43200), ("1-12:00:00", 129600), ("1-02:30", 95400), ("90:30", 5430),
        ("90", 5400), ("45s", 45), ("15m", 900), ("2h", 7200), ("1d", 86400),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: int) -> None:
    assert read_duration("--time-limit", text) == seconds


@pytest.mark.parametrize("text", ["", "0", "x", "-5", "1:2:3", "1.5h", "00:00"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="--time-limit"):
        read_duration("--time-limit", text)
