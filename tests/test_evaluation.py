"""Evaluation: a network whose every probability is known, scored where labels and live samples are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from arrays import ArrayLabel, ArraySurvey, grid_of

from geocnn.device import Device
from geocnn.errors import ModelError, SurveyError
from geocnn.evaluation import Evaluation, evaluate
from geocnn.marked import parse_marked
from geocnn.metrics import BinaryScores, ClassScores
from geocnn.model import Contract, Model, sampling, save_model
from geocnn.network.build import Network
from geocnn.network.plan import expand
from geocnn.network.spec import read_spec
from geocnn.progress import finish
from geocnn.settings import NormalisationConfig
from geocnn.survey.creating import create_survey
from geocnn.survey.scan import scan
from geocnn.survey.survey import Domain, NewSurvey
from geocnn_cli import main

CPU = Device("cpu", "float32")
SHAPE = (12, 9, 20)


def amplitudes() -> np.ndarray:
    """Noise with one dead trace."""
    samples = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    samples[0, 3, 4] = 0
    return samples


def model(classes: int = 2, threshold: float = 0.7, shape: tuple[int, ...] = SHAPE) -> Model:
    """Logits z of the z-score itself for two classes; else z, 0 and −z: the sign of the amplitude is the class."""
    marked = parse_marked("[{conv: outputs, kernel: 1}]", "test")
    spec = read_spec(marked, (), marked.data, [])
    assert spec is not None
    outputs = 1 if classes == 2 else classes
    network = Network(expand(spec, (1, *(8 for _ in shape)), outputs))
    weight, bias = network.parameters()
    with torch.no_grad():
        weight.copy_(torch.linspace(1, -1, outputs).reshape(weight.shape))
        bias.zero_()
    grid = grid_of(shape)
    contract = Contract(
        spec=spec,
        task="segmentation",
        classes=tuple(f"class {index}" for index in range(classes)),
        channels=1,
        axes=tuple(axis.name for axis in grid.axes),
        sampling=sampling([grid]),
        patch=tuple(8 for _ in shape),
        normalisation=NormalisationConfig(),
        statistics=finish(scan(ArraySurvey(amplitudes()))).statistics.to_json(),
        threshold=threshold,
        provenance={"run": "a test"},
    )
    return Model(network.eval(), contract)


def evaluated(label: np.ndarray, threshold: float | None = None, trained: Model | None = None) -> Evaluation:
    image, labels = ArraySurvey(amplitudes(), "image"), ArrayLabel(label)
    return finish(evaluate(trained or model(), image, labels, CPU, threshold))


def labels() -> np.ndarray:
    """Class 1 where the amplitude is above 0.5, nobody looked at the last five crosslines."""
    label = (amplitudes()[0] > 0.5).astype(np.float32)
    label[:, 4:] = -1
    return label


def test_scores_are_those_of_the_known_probabilities() -> None:
    found = evaluated(labels(), 0.5)
    assert isinstance(found.scores, BinaryScores)
    samples = amplitudes()[0]
    live = samples != 0
    positive = (samples - samples[live].mean() >= 0)[:, :4]
    truth, point = labels()[:, :4] == 1, found.scores.chosen[0]
    assert point.threshold == 0.5
    assert point.precision == pytest.approx((positive & truth).sum() / positive.sum())
    assert point.recall == 1
    # Classes are told apart by the amplitude, up to the steps of the thresholds.
    assert found.scores.best[0].f1 > 0.98
    assert found.scores.best_threshold == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.02)


def test_scored_ignored_and_dead_are_told_apart() -> None:
    label = labels()
    label[3, 4] = 0
    found = evaluated(label)
    assert found.dead == SHAPE[2]
    assert found.scores.scored == 12 * 4 * 20
    assert found.scores.ignored == 12 * 5 * 20
    assert found.remarks == ()


def test_the_threshold_is_the_models_unless_given() -> None:
    for threshold, expected in ((None, 0.7), (0.2, 0.2)):
        scores = evaluated(labels(), threshold).scores
        assert isinstance(scores, BinaryScores)
        assert scores.chosen[0].threshold == expected
        assert scores.best_threshold not in (0.7, 0.2)


def test_several_classes() -> None:
    """Labels by the sign of the amplitude are met but for the mean."""
    found = evaluated(np.where(amplitudes()[0] < 0, 2, 0).astype(np.float32), trained=model(3))
    assert isinstance(found.scores, ClassScores)
    assert found.scores.pixel_accuracy > 0.95


def test_what_lies_outside_the_label_is_said() -> None:
    found = evaluated(labels()[:10])
    assert found.scores.scored == 10 * 4 * 20
    assert found.scores.ignored == 10 * 5 * 20
    assert any(f"{2 * 9 * 20:,} samples of the image lie outside the label" in remark for remark in found.remarks)


def test_no_class_1_is_said() -> None:
    (remark,) = evaluated(np.zeros(SHAPE, np.float32)).remarks
    assert "no scored sample is labelled 1" in remark


def test_label_all_ignore_is_refused() -> None:
    with pytest.raises(SurveyError, match="label all ignore: label has no interpreted sample"):
        evaluated(np.full(SHAPE, -1, np.float32))


def test_a_model_of_another_dimension_is_refused() -> None:
    with pytest.raises(ModelError, match=r"2-D data .* image is 3-D"):
        evaluated(labels(), trained=model(shape=(16, 16)))


def test_a_model_of_another_channel_count_is_refused() -> None:
    trained = model()
    two = replace(trained, contract=trained.contract.model_copy(update={"channels": 2}))
    with pytest.raises(ModelError, match=r"2 channel\(s\), image has 1"):
        evaluated(labels(), trained=two)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A model, an image and a label on disk."""
    save_model(tmp_path / "model.safetensors", model())
    save_model(tmp_path / "three.safetensors", model(3))
    for name, samples in (("image", amplitudes()), ("label", labels()[None])):
        path = str(tmp_path / f"{name}.h5")
        with create_survey(path, NewSurvey(grid_of(SHAPE), Domain("time", "made for a test"))) as writer:
            writer.write(grid_of(SHAPE).whole, samples)
            writer.commit()
    return tmp_path


def command(files: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, model: str = "model.safetensors") -> int:
    """Exit status of ``geocnn evaluate``."""
    where = ["--image", str(files / "image.h5"), "--label", str(files / "label.h5"), "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["geocnn", "evaluate", str(files / model), *where, *arguments])
    with pytest.raises(SystemExit) as end:
        main.run()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_the_table_says_which_threshold_was_chosen(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(files, monkeypatch) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "threshold 0.7: stored in the model" in text
    assert "would have been best here" in text
    assert "960 samples scored, 1,180 live ones not interpreted, 20 dead" in text
    assert command(files, monkeypatch, "--threshold", "0.25") == 0
    assert "threshold 0.25: given by --threshold" in " ".join(capsys.readouterr().out.split())


def test_json_equals_the_library(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(files, monkeypatch, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    expected = evaluated(labels())
    assert data.items() >= expected.scores.to_json().items()
    assert (data["dead"], data["threshold_from"], data["threshold"]) == (20, "model", 0.7)


@pytest.mark.parametrize(
    ("model", "threshold", "words"),
    [("model.safetensors", "1.5", "--threshold"), ("three.safetensors", "0.5", "model of 3 classes")],
)
def test_a_threshold_that_cannot_be_is_wrong_usage(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    threshold: str,
    words: str,
) -> None:
    assert command(files, monkeypatch, "--threshold", threshold, model=model) == 2
    assert words in " ".join(capsys.readouterr().err.split())
