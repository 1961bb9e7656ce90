"""A run that is killed at any moment, again and again, ends as one that never was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from runs import CONFIG, write_config

from geocnn.checkpoints import Checkpoints

NURSERY = """
import json, os, sys
import geocnn.pictures, geocnn.training.starting, geocnn_cli.report
from geocnn_cli import main
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        sys.argv = ["geocnn", *json.loads(line)]
        os._exit(main._status())
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Has all imported once, and forks a process for each command: its number is told, and when it ends, its status."""


class Nursery:
    """Where geocnn is run, and killed."""

    def __init__(self, commands: IO[str], answers: IO[str]) -> None:
        self._commands, self._answers = commands, answers
        assert answers.readline() == "ready\n"

    def run(self, *arguments: object, kill_when: Callable[[], bool] = lambda: False) -> int:
        """The status of a command that is killed when it is time, if it has not ended by then."""
        self._commands.write(json.dumps([str(each) for each in arguments]) + "\n")
        self._commands.flush()
        child = int(self._answers.readline())
        with suppress(ProcessLookupError):
            while True:
                os.kill(child, signal.SIGKILL if kill_when() else 0)
                time.sleep(0.001)
        return int(self._answers.readline())


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with _nursery() as made:
        yield made


@contextmanager
def _nursery() -> Iterator[Nursery]:
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Nursery(process.stdin, process.stdout)
        process.stdin.close()


def after(run: Path, saves: int, delay: float) -> Callable[[], bool]:
    """Tells, when asked often, whether so many checkpoints have been written since, and so many seconds passed."""
    seen, due = set[tuple[int, ...]](), list[float]()

    def is_time() -> bool:
        seen.add(tuple(slot.stat().st_mtime_ns for slot in (run / "checkpoints").glob("slot-*.pt")))
        if len(seen) > saves and not due:
            due.append(time.monotonic() + delay)
        return bool(due) and time.monotonic() >= due[0]

    return is_time


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


RECIPE = "steps: 40, batch: 4, accumulate: 2, average: 0.9, clip: 1.0, validate_every: 16, checkpoint_minutes: 0"


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_random_moments_and_resumed_is_the_uninterrupted_run(
    nursery: Nursery, tmp_path: Path, seed: int
) -> None:
    text = CONFIG.replace("steps: 50, batch: 4", RECIPE).replace("relu, save", "relu, dropout: 0.2, save")
    config = write_config(tmp_path, text)
    assert nursery.run("train", config, "--run", tmp_path / "whole", "--workers", seed) == 0
    parts = tmp_path / "parts"
    rng = np.random.default_rng(seed)
    kills, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        saves = int(rng.integers(9)) if kills < 4 else 1000
        moment = after(parts, saves, delay=float(rng.uniform(0, 0.05 if saves else 1)))
        resume = ["--resume"] if (parts / "config.yaml").exists() else []
        status = nursery.run("train", config, "--run", parts, *resume, "--workers", 3, kill_when=moment)
        kills += status == -signal.SIGKILL
    assert status == 0
    assert kills >= 3
    (whole, _), (found, remarks) = (Checkpoints(run / "checkpoints").load() for run in (tmp_path / "whole", parts))
    assert whole is not None
    assert found is not None
    assert (whole["step"], found["step"], remarks) == (40, 40, [])
    assert {key for key in whole if not same(whole[key], found[key])} == set()
    models = [(run / "model.safetensors").stat().st_size for run in (tmp_path / "whole", parts)]
    assert models[0] == pytest.approx(models[1], abs=200)
    lines = [
        [
            {key: value for key, value in json.loads(line).items() if key != "samples_per_second"}
            for line in (run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in (tmp_path / "whole", parts)
    ]
    assert lines[0] == lines[1]
    assert not list(parts.rglob("*.partial"))
