"""Devices: chosen by name or by what is there; a GPU computes what the CPU does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import ArraySurvey

from geocnn.device import Device, choose_device
from geocnn.errors import UsageError
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.normalise import NormalisedSurvey, Normaliser
from geocnn.prediction.choice import Runner
from geocnn.progress import finish
from geocnn.survey.scan import scan


def test_the_cpu_computes_in_float32_by_default() -> None:
    assert choose_device("cpu") == Device("cpu", "float32")
    assert choose_device("cpu", "bf16") == Device("cpu", "bf16")
    assert "threads" in str(choose_device("cpu"))


def test_the_precision_is_a_type_of_numbers() -> None:
    assert Device("cpu", "float32").dtype == torch.float32
    assert Device("cpu", "bf16").dtype == torch.bfloat16


def test_auto_takes_the_best_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device().kind == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, precision in (((7, 5), "float32"), ((8, 0), "bf16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda capability=capability: capability)
        assert choose_device() == Device("cuda", precision)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_device_that_is_not_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"no {kind} device on this machine"):
        choose_device(kind)


def test_bf16_is_near_float32_and_not_equal() -> None:
    exact, rough = (logits(Device("cpu", precision)) for precision in ("float32", "bf16"))
    assert 0 < np.abs(exact - rough).max() < 0.1 * np.abs(exact).max()


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bf16", 0.1)])
def test_a_gpu_computes_what_the_cpu_does(precision: str, tolerance: float) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    exact, found = logits(Device("cpu", "float32")), logits(Device("cuda", precision))
    assert np.abs(exact - found).max() < tolerance * np.abs(exact).max()


def logits(device: Device) -> np.ndarray:
    """Logits of a seeded network on seeded noise."""
    network = Network(expand(load_spec("fault-small")[0], (1, 16, 16, 16), 1))
    initialise(network, seed=0)
    survey = ArraySurvey(np.random.default_rng(0).normal(size=(1, 20, 24, 28)))
    found = finish(scan(survey))
    image = NormalisedSurvey(survey, found, Normaliser.of(found.statistics, "shared", 5.0))
    parts = Runner(device, "values").over(network, (16, 16, 16), image).sections(survey.grid.whole, 10**9)
    return np.concatenate([part.values.cpu().numpy() for part in parts], axis=1)
