"""Training: learns, and is the same run however often it is interrupted."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from arrays import grid_of

from geocnn.config import Config, load_config
from geocnn.device import Device
from geocnn.errors import ModelError, RunError, Stopped
from geocnn.model import load_model
from geocnn.processes import Process
from geocnn.progress import Progress, Remark
from geocnn.run import RunDirectory
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, NewSurvey
from geocnn.training.group import Group, join_group
from geocnn.training.starting import Start, train
from geocnn.training.validation import Validated

CPU = Device("cpu", "float32")

CONFIG = """
task: segmentation
classes: [background, bright]
data:
  train: [{image: image.h5, label: label.h5}]
  validation: {block: 0.25, gap: 4, axis: inline}
  patch: [8, 8, 8]
network:
  layers:
    - {conv: 4, kernel: 3, norm: batch, activation: relu, dropout: 0.1, save: fine}
    - {pool: max, size: 2}
    - {conv: 8, kernel: 3, activation: relu}
    - {upsample: 2}
    - {concat: fine}
    - {conv: outputs, kernel: 1}
training: {steps: 6, batch: 2, seed: 3, learning_rate: 0.02, validate_every: 4}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A survey whose label can be read off its amplitude, and a config for it."""
    shape = (40, 16, 16)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for name, samples in (("image", image), ("label", (image > 1).astype(np.float32))):
        grid = grid_of(shape)
        with create_survey(str(tmp_path / f"{name}.h5"), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
            writer.write(grid.whole, samples[None])
            writer.commit()
    return written(tmp_path, CONFIG)


def written(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text)
    return load_config(path)


def alone() -> Group:
    return join_group(CPU, Process())


def completed(config: Config, run: RunDirectory, start: Start | None = None) -> list[Progress | Remark | Validated]:
    return list(train(config, run, alone(), start or Start()))


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_model(run.path).network.state_dict()


def filters(run: RunDirectory) -> torch.Tensor:
    """Weights of the first convolution."""
    return next(tensor for tensor in weights(run).values() if tensor.ndim == 5)


def metrics(run: RunDirectory) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "samples_per_second"} for line in lines]


def stopped_after(config: Config, run: RunDirectory, step: int, start: Start) -> None:
    """Train until SIGTERM, sent when `step` steps are done."""
    with pytest.raises(Stopped, match="SIGTERM after step"):
        for event in train(config, run, alone(), start):
            if isinstance(event, Progress) and event.unit == "steps" and event.done == step:
                signal.raise_signal(signal.SIGTERM)


def test_learns_what_can_be_learnt(config: Config, tmp_path: Path) -> None:
    longer = written(
        tmp_path, CONFIG.replace("steps: 6", "steps: 250").replace("validate_every: 4", "validate_every: 250")
    )
    events = completed(longer, RunDirectory(tmp_path / "run"))
    [validated] = [event for event in events if isinstance(event, Validated)]
    assert validated.scores.average_precision > 0.9
    assert validated.panel.image.shape == validated.panel.label.shape == validated.panel.probability.shape == (16, 16)


@pytest.mark.parametrize("shape", [(30, 32), (400,)])
def test_lines_and_traces_are_trained_and_shown(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    files = {"image": image, "label": image > 1, "held-image": -image, "held-label": -image > 1}
    for name, samples in files.items():
        with create_survey(
            str(tmp_path / f"{name}.h5"), NewSurvey(grid_of(shape), Domain("time", "made for a test"))
        ) as writer:
            writer.write(grid_of(shape).whole, samples[None].astype(np.float32))
            writer.commit()
    text = CONFIG.replace("[8, 8, 8]", str([8] * len(shape)))
    held = "{surveys: [{image: held-image.h5, label: held-label.h5}]}"
    config = written(tmp_path, text.replace("{block: 0.25, gap: 4, axis: inline}", held))
    events = completed(config, RunDirectory(tmp_path / "run"))
    panel = next(event.panel for event in events if isinstance(event, Validated))
    np.testing.assert_array_equal(panel.label, (-image > 1).reshape(-1, shape[-1]))
    assert panel.image.shape == panel.probability.shape == panel.label.shape
    assert np.corrcoef(panel.image.ravel(), -image.ravel())[0, 1] > 0.99


def test_stopped_twice_and_resumed_is_the_uninterrupted_run(config: Config, tmp_path: Path) -> None:
    whole, parts = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "parts")
    completed(config, whole)
    stopped_after(config, parts, 2, Start())
    stopped_after(config, parts, 4, Start(resume=True))
    completed(config, RunDirectory(tmp_path / "parts"), Start(resume=True))
    expected, found = weights(whole), weights(parts)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert metrics(whole) == metrics(parts)


def test_another_seed_is_another_run(config: Config, tmp_path: Path) -> None:
    one, other = RunDirectory(tmp_path / "one"), RunDirectory(tmp_path / "other")
    completed(config, one)
    completed(written(tmp_path, CONFIG.replace("seed: 3", "seed: 4")), other)
    assert not torch.equal(filters(one), filters(other))


def test_a_changed_config_is_not_resumed(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    stopped_after(config, run, 2, Start())
    for changes, told in {
        ("learning_rate: 0.02", "learning_rate: 0.03"): r"training\.learning_rate is 0\.03, was 0\.02",
        ("[8, 8, 8]", "[8, 16, 8]"): r"data\.patch\[1\] is 16, was 8",
        ("background, bright", "bright, background"): r"classes\[0\] is bright, was background",
    }.items():
        changed = written(tmp_path, CONFIG.replace(*changes))
        with pytest.raises(RunError, match=f"not the one that the run .* began with: {told}"):
            completed(changed, run, Start(resume=True))
    completed(written(tmp_path, CONFIG.replace("seed: 3", "seed: 3, checkpoint_minutes: 1")), run, Start(resume=True))


def test_a_folder_in_use_or_full_is_refused(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    stopped_after(config, run, 2, Start())
    with pytest.raises(RunError, match="not an empty folder"):
        completed(config, run)
    with run.locked(), pytest.raises(RunError, match="another process is training"):
        completed(config, RunDirectory(tmp_path / "run"), Start(resume=True))


def test_nothing_to_resume(config: Config, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        completed(config, RunDirectory(tmp_path / "run"), Start(resume=True))


def test_a_loss_that_is_not_finite_ends_the_run(config: Config, tmp_path: Path) -> None:
    rate = config.record.training.model_copy(update={"learning_rate": 1e30})
    wild = replace(config, record=config.record.model_copy(update={"training": rate}))
    with pytest.raises(RunError, match=r"the loss is (nan|inf) at step [1-5]"):
        completed(wild, RunDirectory(tmp_path / "run"))


def test_extra_outputs_are_told_to_be_untrained(config: Config, tmp_path: Path) -> None:
    layer = "    - {conv: 8, kernel: 3, activation: relu}\n"
    head = "    - {conv: outputs, kernel: 1, head: coarse}\n    - {use: deep}\n"
    headed = written(tmp_path, CONFIG.replace(layer, layer.replace("relu}", "relu, save: deep}") + head))
    events = train(headed, RunDirectory(tmp_path / "run"), alone(), Start())
    assert any(isinstance(event, Remark) and event.text.startswith("not trained: coarse") for event in events)


def test_initial_weights_come_from_another_model(config: Config, tmp_path: Path) -> None:
    first, second = RunDirectory(tmp_path / "first"), RunDirectory(tmp_path / "second")
    completed(config, first)
    still = written(tmp_path, CONFIG.replace("learning_rate: 0.02", "learning_rate: 0.0, weight_decay: 0.0"))
    completed(still, second, Start(initial=first.path))
    assert torch.equal(filters(first), filters(second))


def test_initial_weights_that_fit_nowhere(config: Config, tmp_path: Path) -> None:
    first = RunDirectory(tmp_path / "first")
    completed(config, first)
    other = written(
        tmp_path,
        CONFIG[: CONFIG.index("    - {conv: 4")]
        + "    - {conv: outputs, kernel: 5}\n"
        + CONFIG[CONFIG.index("training:") :],
    )
    with pytest.raises(ModelError, match="no layer of the initial model fits"):
        completed(other, RunDirectory(tmp_path / "second"), Start(initial=first.path))
