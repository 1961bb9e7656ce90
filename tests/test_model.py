"""The model file: whole, checked, and enough to predict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from arrays import ArraySurvey, grid_of
from safetensors.torch import save_file

from geocnn.errors import ModelError
from geocnn.grid import Axis, Grid
from geocnn.model import Contract, Model, far_from_training, load_model, normalised, require_fit, sampling, save_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.progress import finish
from geocnn.settings import NormalisationConfig
from geocnn.survey.scan import scan
from geocnn.survey.statistics import Statistics


@pytest.fixture
def model() -> Model:
    spec, _ = load_spec("fault-small")
    network = Network(expand(spec, (1, 16, 16, 16), 1))
    initialise(network, seed=0)
    grid = grid_of((20, 20, 20))
    contract = Contract(
        spec=spec,
        task="segmentation",
        classes=("background", "fault"),
        channels=1,
        axes=tuple(axis.name for axis in grid.axes),
        sampling=sampling([grid]),
        patch=(16, 16, 16),
        normalisation=NormalisationConfig(),
        statistics=Statistics(1, (0.0,), (1.0,), (-1.0,), (1.0,), None).to_json(),
        threshold=0.25,
        provenance={"run": "a test"},
    )
    return Model(network, contract)


def test_what_is_saved_is_what_is_loaded(model: Model, tmp_path: Path) -> None:
    save_model(tmp_path / "model.safetensors", model)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        loaded = load_model(path)
        assert loaded.contract == model.contract
        for name, tensor in model.network.state_dict().items():
            assert torch.equal(tensor, loaded.network.state_dict()[name])


def test_a_flipped_bit_is_noticed(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    content = bytearray(path.read_bytes())
    for position in np.random.default_rng(0).integers(0, len(content), 60):
        flipped = content.copy()
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(ModelError, match=r"damaged|was not written by"):
            load_model(path)


@pytest.mark.parametrize("length", [0, 5, 300, -1])
def test_a_cut_file_is_noticed(model: Model, tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match="no model file, or a damaged one"):
        load_model(path)


def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="no entry 'geocnn'"):
        load_model(tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_model(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="holds no model"):
        load_model(tmp_path)


def test_weights_must_fit_the_spec(model: Model, tmp_path: Path) -> None:
    other, _ = load_spec("faultseg3d")
    save_model(
        tmp_path / "model.safetensors", replace(model, contract=model.contract.model_copy(update={"spec": other}))
    )
    with pytest.raises(ModelError, match="for a spec of 1,459,585 parameters"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("shape", "found"),
    [((1, 30, 30), "trained on 3-D data .* is 2-D"), ((2, 20, 20, 20), r"trained on 1 channel\(s\), array has 2")],
)
def test_a_survey_that_does_not_fit(model: Model, shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(ModelError, match=found):
        require_fit(model, ArraySurvey(np.ones(shape)))


def test_other_axes_are_refused(model: Model) -> None:
    survey = ArraySurvey(np.ones((1, 20, 20, 20)))
    survey.grid = Grid((Axis("crossline", 1, 1, 20), *survey.grid.axes[1:]))
    with pytest.raises(ModelError, match="trained on the axes inline, crossline, sample, array has crossline"):
        require_fit(model, survey)


@pytest.mark.parametrize(("step", "unit", "told"), [(4, "ms", False), (2, "ms", True), (4, "m", True)])
def test_another_sample_interval_is_told(model: Model, step: float, unit: str, told: bool) -> None:
    statistics = Statistics(1, (0.0,), (1.0,), (0.0,), (0.0,), None)
    known = replace(model, contract=model.contract.model_copy(update={"statistics": statistics.to_json()}))
    grid = Grid((*grid_of((20, 20, 20)).axes[:2], Axis("sample", 0, step, 20, unit)))
    remarks = far_from_training(known, grid, statistics)
    assert [f"the sample interval is {step} {unit}, 4 ms in training" in remark for remark in remarks] == [True] * told


@pytest.mark.parametrize(("policy", "scale"), [("survey", 1.0), ("training", 2.0)])
def test_whose_statistics_rule(policy: Literal["survey", "training"], scale: float) -> None:
    samples = np.random.default_rng(0).normal(size=(1, 8, 8, 20))
    training, louder = (ArraySurvey(factor * samples) for factor in (1, 2))
    known = finish(scan(training)).statistics
    config = NormalisationConfig(statistics=policy, clip=100.0)
    quiet, loud = (
        normalised(survey, finish(scan(survey)), config, known).read(survey.grid.whole) for survey in (training, louder)
    )
    np.testing.assert_allclose(loud, scale * quiet, atol=0.1)


@pytest.mark.parametrize(("step", "told"), [("18 of 90", True), ("90 of 90", False)])
def test_an_unfinished_training_is_told(model: Model, step: str, told: bool) -> None:
    grid = grid_of((20, 20, 20))
    contract = model.contract.model_copy(update={"provenance": {"step": step}})
    remarks = far_from_training(replace(model, contract=contract), grid, Statistics.from_json(contract.statistics))
    assert [f"of step {step}" in remark for remark in remarks] == [True] * told
