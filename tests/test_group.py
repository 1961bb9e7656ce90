"""Several processes: the same losses and logits as one, and clear words where they do not fit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from runs import CONFIG, GEOCNN, logits, losses, run_train, weights, write_config

from geocnn.device import Device
from geocnn.errors import UsageError
from geocnn.processes import Process
from geocnn.training.group import join_group

CPU = Device("cpu", "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config and its surveys, and the run of one process."""
    made = tmp_path_factory.mktemp("group")
    done = run_train(write_config(made), made / "one")
    assert done.returncode == 0, done.stderr
    return made


def test_two_processes_follow_the_losses_and_logits_of_one(folder: Path) -> None:
    done = run_train(folder / "config.yaml", folder / "two", "--devices", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done: model") == 1
    assert losses(folder / "two").keys() == losses(folder / "one").keys()
    assert losses(folder / "two") == pytest.approx(losses(folder / "one"), abs=1e-5)
    assert torch.allclose(logits(folder / "two"), logits(folder / "one"), rtol=0, atol=1e-5)
    assert any(not torch.equal(each, weights(folder / "one")[name]) for name, each in weights(folder / "two").items())


def test_torchrun_launches_it_too(folder: Path) -> None:
    torchrun = Path(sys.executable).parent / "torchrun"
    command = [torchrun, "--standalone", "--nproc-per-node", "2", "--no-python", "--", GEOCNN, "train"]
    done = subprocess.run(
        [*map(str, command), str(folder / "config.yaml"), "--run", str(folder / "torchrun")],
        capture_output=True, text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert losses(folder / "torchrun") == pytest.approx(losses(folder / "one"), abs=1e-5)


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun on this machine")
def test_mpirun_launches_it_too(folder: Path) -> None:
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", str(GEOCNN), "train"]
    done = subprocess.run(
        [*command, str(folder / "config.yaml"), "--run", str(folder / "mpirun")],
        capture_output=True, text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert losses(folder / "mpirun") == pytest.approx(losses(folder / "one"), abs=1e-5)


def test_two_processes_that_are_stopped_go_on_to_the_very_same_weights(folder: Path) -> None:
    longer = write_config(folder, CONFIG.replace("steps: 50", "steps: 120, average: 0.9"), "longer.yaml")
    assert run_train(longer, folder / "whole", "--devices", "2").returncode == 0
    command = [str(GEOCNN), "train", str(longer), "--run", str(folder / "parts"), "--devices", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    metrics = folder / "parts/metrics.jsonl"
    until = time.monotonic() + 60
    while not (metrics.exists() and '"step": 30' in metrics.read_text()):
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    _, told = running.communicate(timeout=60)
    assert (running.returncode, told.count("stopped by SIGTERM after step")) == (75, 1), told
    done = run_train(longer, folder / "parts", "--devices", "2", "--resume")
    assert done.returncode == 0, done.stderr
    expected, found = weights(folder / "whole"), weights(folder / "parts")
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


def test_a_process_that_is_killed_ends_the_others_with_a_message(folder: Path) -> None:
    endless = write_config(folder, CONFIG.replace("steps: 50", "steps: 100000, validate_every: 100000"), "endless.yaml")
    command = [str(GEOCNN), "train", str(endless), "--run", str(folder / "killed"), "--devices", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    metrics = folder / "killed/metrics.jsonl"
    until = time.monotonic() + 60
    while not metrics.exists():
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.05)
    [child] = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "process 0 of 2 lost another one" in told


def test_a_batch_that_cannot_be_shared_is_said_once(folder: Path) -> None:
    done = run_train(folder / "config.yaml", folder / "three", "--devices", "3")
    assert done.returncode == 1
    assert done.stderr.count("a batch of 4 patches for 3 processes") == 1
    assert not (folder / "three").exists()


@pytest.mark.parametrize(
    ("process", "devices", "told"),
    [
        (Process(), 0, "--devices 0"),
        (Process(0, 2, 0, 2, "a launch", "srun"), 2, "--devices 2 in a launch of 2 processes by srun"),
        (Process(0, 3, 0, 2, "a launch", "srun"), 1, "3 processes, 2 of them on this machine"),
    ],
)
def test_launches_that_do_not_fit(process: Process, devices: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        join_group(CPU, process, devices)


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"4 processes on a machine with 1 GPU"):
        join_group(Device("cuda", "float32"), Process(), 4)
