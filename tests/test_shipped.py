"""Every config that is shipped goes through train, evaluate, predict and plot; every zoo network through check."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from geocnn.network.spec import zoo_names
from geocnn_cli import main

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_data"

Geocnn = Callable[..., str]


@pytest.fixture
def geocnn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Geocnn:
    """Run geocnn in this process; what it printed, if it ended well."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["geocnn", *map(str, arguments)])
        status = main._status()
        printed = capsys.readouterr()
        assert status == 0, printed.err
        return printed.out

    return run


def one_step(run: Path) -> tuple[object, ...]:
    return ("--run", run, "--set", "training.steps=1", "--set", "training.batch=1")


@pytest.mark.filterwarnings("default")
def test_the_sample_config(geocnn: Geocnn, tmp_path: Path) -> None:
    run, faults = tmp_path / "run", tmp_path / "faults.sgy"
    image, label = SAMPLES / "unseen-seismic.sgy", SAMPLES / "unseen-label.h5"
    assert "The config fits" in geocnn("check", SAMPLES / "faults.yaml")
    geocnn("train", SAMPLES / "faults.yaml", *one_step(run))
    assert "average precision" in geocnn("evaluate", run, "--image", image, "--label", label)
    geocnn("predict", run, image, "--out", faults)
    geocnn("plot", image, "--overlay", faults, "--out", tmp_path / "faults.png")
    geocnn("plot", "--run", run, "--out", tmp_path / "loss.png")
    assert (tmp_path / "faults.png").stat().st_size > 10_000
    with segyio.open(image, ignore_geometry=True) as given, segyio.open(faults, ignore_geometry=True) as made:
        assert made.tracecount == given.tracecount
        for ours, theirs in zip(made.header, given.header, strict=True):
            assert dict(ours) == dict(theirs)
        probability = np.array([trace.copy() for trace in made.trace])
        assert 0 <= probability.min() < probability.max() <= 1


def test_the_demo_config(geocnn: Geocnn, tmp_path: Path) -> None:
    (tmp_path / "sample_data").mkdir()
    config = tmp_path / "sample_data/demo.yaml"
    config.write_text((SAMPLES / "demo.yaml").read_text())
    geocnn("synth", "faults", "--out", tmp_path / "demo/cubes", "--count", 4, "--shape", "64,64,64")
    assert "The config fits" in geocnn("check", config)
    geocnn("train", config, *one_step(tmp_path / "run"))
    assert (tmp_path / "run/model.safetensors").exists()


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_are_checked(geocnn: Geocnn, name: str) -> None:
    assert "tiles" in geocnn("check", name, "--input", "1,64,64,64")
