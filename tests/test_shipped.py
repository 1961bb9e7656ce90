"""Every config that is shipped goes through train, evaluate, predict and plot; every zoo network through check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio
from command import Geocnn

from geocnn.network.spec import load_spec, zoo_names

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_data"

Passing = Callable[..., str]


@pytest.fixture
def passing(geocnn: Geocnn) -> Passing:
    """Run geocnn; what it printed, if it ended well."""

    def run(*arguments: object) -> str:
        outcome = geocnn(*arguments)
        assert outcome.status == 0, outcome.err
        return outcome.out

    return run


def one_step(run: Path) -> tuple[object, ...]:
    return ("--run", run, "--set", "training.steps=1", "--set", "training.batch=1")


@pytest.mark.filterwarnings("default")
def test_the_sample_config(passing: Passing, tmp_path: Path) -> None:
    run, faults = tmp_path / "run", tmp_path / "faults.sgy"
    image, label = SAMPLES / "unseen-seismic.sgy", SAMPLES / "unseen-label.h5"
    assert "The config fits" in passing("check", SAMPLES / "faults.yaml")
    passing("train", SAMPLES / "faults.yaml", *one_step(run))
    assert "average precision" in passing("evaluate", run, "--image", image, "--label", label)
    passing("predict", run, image, "--out", faults)
    passing("plot", image, "--overlay", faults, "--out", tmp_path / "faults.png")
    passing("plot", "--run", run, "--out", tmp_path / "loss.png")
    assert (tmp_path / "faults.png").stat().st_size > 10_000
    with segyio.open(image, ignore_geometry=True) as given, segyio.open(faults, ignore_geometry=True) as made:
        assert made.tracecount == given.tracecount
        for ours, theirs in zip(made.header, given.header, strict=True):
            assert dict(ours) == dict(theirs)
        probability = np.array([trace.copy() for trace in made.trace])
        assert 0 <= probability.min() < probability.max() <= 1


def test_the_demo_config(passing: Passing, tmp_path: Path) -> None:
    (tmp_path / "sample_data").mkdir()
    config = tmp_path / "sample_data/demo.yaml"
    config.write_text((SAMPLES / "demo.yaml").read_text())
    passing(
        "synth", "faults", "--out", tmp_path / "demo/cubes", "--count", 4, "--shape", "64,64,64", "--recipe", "wu2019"
    )
    assert "The config fits" in passing("check", config)
    passing("train", config, *one_step(tmp_path / "run"))
    assert (tmp_path / "run/model.safetensors").exists()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["attention-unet", "autoencoder", "dncnn", "fault-highres", "unet", "unet-residual"])
def test_networks_of_the_zoo_are_trained_and_predict(passing: Passing, tmp_path: Path, name: str) -> None:
    run, image = tmp_path / "run", SAMPLES / "unseen-seismic.sgy"
    chosen = ("--set", f"network={{name: {name}, width: 0.1}}", "--set", "training.batch=2")
    passing("train", SAMPLES / "faults.yaml", *one_step(run), *chosen)
    passing("predict", run, image, "--out", tmp_path / "faults.sgy")
    with segyio.open(tmp_path / "faults.sgy", ignore_geometry=True) as made:
        probability = np.array([trace.copy() for trace in made.trace])
    assert 0 <= probability.min() < probability.max() <= 1


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_are_checked(passing: Passing, name: str) -> None:
    shown = passing("check", name)
    published = load_spec(name)[0].published
    assert "takes on each axis" in shown
    if published and published.parameters:
        assert f"{published.parameters:,} parameters" in shown
