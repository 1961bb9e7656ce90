"""A Slurm cluster of two nodes on this machine, for tests that run batch jobs for real."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

LOCAL_SLURM = Path(__file__).parent / "slurm/local-slurm"
GEOCNN = Path(sys.executable).parent / "geocnn"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
SYSTEM = "/usr/sbin:/sbin"


class Cluster:
    """Speaks to a cluster.

    Parameters
    ----------
    variables
        What processes need to find it.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        self._environment = {**os.environ, **variables}

    def tell(self, *command: object) -> str:
        """What a command prints."""
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, env=self._environment, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, folder: Path, *arguments: object) -> str:
        """The number of the job that ``geocnn slurm`` writes and submits in a folder."""
        command = [str(GEOCNN), "slurm", *map(str, arguments), "--submit"]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self._environment, cwd=folder, check=False, timeout=60
        )
        found = re.search(r"as job (\d+)", done.stdout)
        assert found, done.stdout + done.stderr
        return found[1]

    def facts(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job: JobState, Restarts, ExitCode, …"""
        return dict(re.findall(r"(\w+)=(\S*)", self.tell("scontrol", "show", "job", job)))

    def wait_for(self, job: str, state: str, log: Path) -> dict[str, str]:
        """What Slurm knows of a job that has come to a state.

        A job that is queued again does not wait for two minutes, as Slurm would have it.
        """
        facts: dict[str, str] = {}

        def is_there() -> bool:
            facts.update(self.facts(job))
            if facts["JobState"] == "PENDING" != state and _is_far(facts["StartTime"]):
                # A node still takes it for the one that was killed in the same second.
                self.tell("scontrol", "update", f"jobid={job}", "starttime=now+3")
            return facts["JobState"] == state

        wait_until(is_there, lambda: f"job {job}: {facts}\n{log.read_text() if log.exists() else 'no log'}")
        return facts


def _is_far(moment: str) -> bool:
    """Whether a time that Slurm tells, or Unknown, is far from now."""
    soon = datetime.now() + timedelta(seconds=10)
    return moment[:1].isdecimal() and datetime.fromisoformat(moment) > soon


def wait_until(is_there: Callable[[], bool], otherwise: Callable[[], str], seconds: float = 60) -> None:
    """Look again and again, and fail in the end."""
    ends = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < ends, otherwise()
        time.sleep(0.05)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """The cluster of the tests, which all processes of pytest share: the first starts it, the last stops it.

    The test is skipped where Slurm is not installed, or does not start, unless GEOCNN_REQUIRE_SLURM=1 asks to fail.
    """
    path = f"{os.environ['PATH']}:{SYSTEM}"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        _give_up(f"no Slurm here ({', '.join(missing)} missing): apt-get install slurm-wlm munge")
    folder = Path(tempfile.gettempdir()) / f"geocnn-slurm-tests-{os.getuid()}"
    environment = {**os.environ, "GEOCNN_SLURM_DIR": str(folder)}
    with _locked(folder.with_suffix(".users"), fcntl.LOCK_SH) as users:
        with _locked(folder.with_suffix(".lock"), fcntl.LOCK_EX):
            up = subprocess.run([LOCAL_SLURM, "up"], capture_output=True, text=True, env=environment, check=False)
        if up.returncode:
            _give_up(f"the local cluster does not start: {up.stderr.strip()}")
        told = subprocess.run([LOCAL_SLURM, "env"], capture_output=True, text=True, env=environment, check=True).stdout
        try:
            yield Cluster(dict(word.split("=", 1) for word in shlex.split(told)[1:]))
        finally:
            with _locked(folder.with_suffix(".lock"), fcntl.LOCK_EX):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _is_last(users):
                    subprocess.run([LOCAL_SLURM, "down"], capture_output=True, env=environment, check=True)


def _give_up(reason: str) -> None:
    if os.environ.get("GEOCNN_REQUIRE_SLURM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_last(users: int) -> bool:
    """Whether no other process uses the cluster."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
