"""Batch jobs on a real Slurm: stopped, queued again and ended, they leave what an undisturbed job leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from cluster import Cluster, running_cluster, wait_until
from predictions import make_model, make_survey
from runs import CONFIG, losses, weights, write_config

WIDE = f"[{'{conv: 16, kernel: 5, activation: relu}, ' * 3}{{conv: outputs, kernel: 1}}]"
SHAPE = (240, 96, 64)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as there:
        yield there


@pytest.mark.parametrize(("nodes", "steps"), [(1, 600), (2, 200)])
def test_a_training_stopped_by_a_signal_is_the_undisturbed_one(
    cluster: Cluster, tmp_path: Path, nodes: int, steps: int
) -> None:
    recipe = f"steps: {steps}, validate_every: {steps},"
    write_config(tmp_path, CONFIG.replace("steps: 50,", recipe))
    size = ("--device=cpu", "--nodes", nodes, "--cpus-per-task", 1, "--time", "20:00")
    parts, whole = (
        cluster.submit(
            tmp_path, "train", "config.yaml", "--run", name, *size, "--output", f"{name}.log", "--device=cpu"
        )
        for name in ("parts", "whole")
    )
    log = tmp_path / "parts.log"
    metrics = tmp_path / "parts/metrics.jsonl"
    wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") > 2, lambda: _said(tmp_path / "parts.log"))
    cluster.tell("scancel", "--signal=USR1", parts)
    assert cluster.wait_for(parts, "PENDING", log)["Restarts"] == "1"
    said = log.read_text()
    assert "stopped by SIGUSR1 after step" in said
    assert f"stopped with everything saved: job {parts} is queued again" in said
    assert max(losses(tmp_path / "parts")) < steps
    for job, name in ((parts, "parts"), (whole, "whole")):
        cluster.wait_for(job, "COMPLETED", tmp_path / f"{name}.log")
    # The second run has gone on in the same log.
    assert log.read_text().startswith(said)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert json.loads((tmp_path / "parts/environment.json").read_text())["processes"] == nodes
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


def test_a_job_that_is_cancelled_stays_cancelled(cluster: Cluster, tmp_path: Path) -> None:
    write_config(tmp_path, CONFIG.replace("steps: 50", "steps: 1000000"))
    job = cluster.submit(tmp_path, "train", "config.yaml", "--run", "run", "--time", "20:00", "--output", "run.log")
    metrics = tmp_path / "run/metrics.jsonl"
    wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") > 2, lambda: _said(tmp_path / "run.log"))
    cluster.tell("scancel", job)
    wait_until(lambda: "SIGTERM after step" in _said(tmp_path / "run.log"), lambda: _said(tmp_path / "run.log"))
    assert cluster.wait_for(job, "CANCELLED", tmp_path / "run.log")["Restarts"] == "0"


def test_members_of_an_array_that_were_stopped_and_killed_end_the_prediction(cluster: Cluster, tmp_path: Path) -> None:
    model, survey = make_model(tmp_path / "model.safetensors", WIDE), make_survey(tmp_path / "survey.h5", SHAPE)
    job = ("predict", model, survey, "--time", "20:00", "--cpus-per-task", 1, "--device=cpu")
    array = cluster.submit(tmp_path, *job, "--out", "parts.npy", "--array", 3, "--output", "parts-%a.log")
    logs = [tmp_path / f"parts-{member}.log" for member in (1, 2, 3)]
    # The last member bears the number of the array.
    signals = {3: "USR1", 2: "KILL"}

    def all_signalled() -> bool:
        """Send each of the members its signal when it is at work."""
        for member in list(signals):
            journal = tmp_path / f"parts.npy.unfinished/range-{member - 1:05}.jsonl"
            if journal.exists() and journal.stat().st_size:
                cluster.tell("scancel", f"--signal={signals.pop(member)}", f"{array}_{member}.0")
        return not signals

    wait_until(all_signalled, lambda: "\n".join(map(_said, logs)))
    whole = cluster.submit(tmp_path, *job, "--out", "whole.npy", "--output", "whole.log")
    assert cluster.wait_for(f"{array}_3", "PENDING", logs[2])["Restarts"] == "1"
    assert cluster.wait_for(f"{array}_2", "FAILED", logs[1])["ExitCode"] == "137:0"
    assert cluster.wait_for(f"{array}_1", "COMPLETED", logs[0])["Restarts"] == "0"
    assert not (tmp_path / "parts.npy").exists()
    again = cluster.tell("sbatch", "--parsable", f"--chdir={tmp_path}", "--array=2", tmp_path / "predict-parts.sh")
    cluster.wait_for(f"{array}_3", "COMPLETED", logs[2])
    cluster.wait_for(f"{again.strip()}_2", "COMPLETED", logs[1])
    cluster.wait_for(whole, "COMPLETED", tmp_path / "whole.log")
    expected, found = np.load(tmp_path / "whole.npy"), np.load(tmp_path / "parts.npy")
    assert found.shape == SHAPE
    assert found.std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def _said(log: Path) -> str:
    return log.read_text() if log.exists() else f"no {log.name}"
