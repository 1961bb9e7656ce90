"""Training: learns, and is the same run however often it is interrupted."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from arrays import grid_of

from geocnn.checkpoints import Checkpoints
from geocnn.config import Config, load_config
from geocnn.device import Device
from geocnn.errors import ConfigError, ModelError, RunError, Stopped, SurveyError
from geocnn.model import far_from_training, load_model
from geocnn.processes import Process
from geocnn.progress import Progress, Remark, finish
from geocnn.run import RunDirectory
from geocnn.survey.creating import create_survey
from geocnn.survey.statistics import Statistics
from geocnn.survey.survey import Domain, NewSurvey
from geocnn.training.group import Group, join_group
from geocnn.training.learner import Learner
from geocnn.training.rates import find_rate, suggested
from geocnn.training.starting import Start, checked_for, drawn_sample, make_learner, train
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


def test_any_number_of_workers_gives_the_same_weights(config: Config, tmp_path: Path) -> None:
    runs = {workers: RunDirectory(tmp_path / str(workers)) for workers in (0, 1, 3)}
    for workers, run in runs.items():
        completed(config, run, Start(workers=workers))
    expected = weights(runs[0])
    for run in runs.values():
        assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(run).items())


def test_a_limit_of_time_saves_and_stops(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(Stopped, match=r"stopped by the limit of time after step [0-5] of 6; everything is saved"):
        for event in train(config, run, alone(), Start(seconds=2.0)):
            if isinstance(event, Progress) and event.unit == "steps":
                time.sleep(0.8)
    completed(config, run, Start(resume=True))
    whole = RunDirectory(tmp_path / "whole")
    completed(config, whole)
    assert all(torch.equal(tensor, weights(run)[name]) for name, tensor in weights(whole).items())


def test_a_stop_while_validating_is_obeyed_and_the_validation_done_again(config: Config, tmp_path: Path) -> None:
    run, whole = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "whole")
    with pytest.raises(Stopped, match="SIGUSR1 after step 4 of 6"):
        for event in train(config, run, alone(), Start()):
            if isinstance(event, Progress) and event.stage == "validating":
                signal.raise_signal(signal.SIGUSR1)
    assert [line["step"] for line in metrics(run) if line["kind"] == "validation"] == []
    completed(config, run, Start(resume=True))
    completed(config, whole)
    assert metrics(run) == metrics(whole)


def test_surveys_that_changed_are_not_resumed(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    stopped_after(config, run, 2, Start())
    os.utime(tmp_path / "label.h5", (1, 1))
    with pytest.raises(RunError, match=r"surveys have changed since the run began: .*label\.h5"):
        completed(config, run, Start(resume=True))


def test_a_survey_that_changes_during_the_run_ends_it_at_the_next_checkpoint(config: Config, tmp_path: Path) -> None:
    often = written(tmp_path, CONFIG.replace("seed: 3", "seed: 3, checkpoint_minutes: 0"))
    with pytest.raises(RunError, match="surveys have changed since the run began"):
        for event in train(often, RunDirectory(tmp_path / "run"), alone(), Start()):
            if isinstance(event, Progress) and event.unit == "steps" and event.done == 3:
                os.utime(tmp_path / "image.h5", (1, 1))


def test_a_refused_run_leaves_no_folder(config: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no layer with weights is called encoder"):
        completed(
            written(tmp_path, CONFIG.replace("seed: 3", "seed: 3, freeze: [encoder]")), RunDirectory(tmp_path / "r")
        )
    with h5py.File(tmp_path / "label.h5", "r+") as file:
        file["data"][:] = -1
    with pytest.raises(SurveyError, match="label all ignore"):
        completed(config, RunDirectory(tmp_path / "r"))
    assert not (tmp_path / "r").exists()


def test_a_run_that_was_killed_before_it_began_may_begin_anew(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    stopped_after(config, run, 2, Start())
    for each in (run.config, run.metrics):
        each.unlink()
    shutil.rmtree(run.curves, ignore_errors=True)
    with pytest.raises(RunError, match="holds no run"):
        completed(config, run, Start(resume=True))
    completed(config, run)
    whole = RunDirectory(tmp_path / "whole")
    completed(config, whole)
    assert all(torch.equal(tensor, weights(run)[name]) for name, tensor in weights(whole).items())


def test_findings_that_were_damaged_are_found_again(config: Config, tmp_path: Path) -> None:
    run, whole = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "whole")
    stopped_after(config, run, 2, Start())
    (run.data / "findings.npz").write_bytes(b"?")
    events = completed(config, run, Start(resume=True))
    assert any(isinstance(event, Remark) and "missing or damaged" in event.text for event in events)
    completed(config, whole)
    assert all(torch.equal(tensor, weights(run)[name]) for name, tensor in weights(whole).items())


def test_the_gradients_of_accumulated_batches_are_averaged(config: Config, tmp_path: Path) -> None:
    text = CONFIG.replace("norm: batch, ", "").replace(", dropout: 0.1", "")
    both, single = (
        learner_of(written(tmp_path, text.replace("batch: 2", f"batch: 1, accumulate: {count}"))) for count in (2, 1)
    )
    image, label = batch_of(2)
    both.step(0, [(image[:1], label[:1]), (image[1:], label[1:])])
    sums = [torch.zeros_like(weight) for weight in single.network.parameters()]
    for part in (slice(0, 1), slice(1, 2)):
        single.step(0, [(image[part], label[part])], 0.0)
        for total, weight in zip(sums, single.network.parameters(), strict=True):
            total += weight.grad / 2
    for total, weight in zip(sums, both.network.parameters(), strict=True):
        assert torch.allclose(total, weight.grad, atol=1e-7)
        assert total.abs().max() > 1e-6


def learner_of(config: Config) -> Learner:
    group = alone()
    return make_learner(config, checked_for(config, group), group)


def batch_of(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(size, 1, 8, 8, 8)).astype(np.float32), rng.integers(-1, 2, (size, 8, 8, 8)).astype(np.int8)


def test_a_step_depends_on_its_number_and_seed_alone(config: Config) -> None:
    one, other = learner_of(config), learner_of(config)
    batch = batch_of(2)
    assert one.step(0, [batch]) == other.step(0, [batch])
    torch.rand(7)
    again = one.step(1, [batch])
    assert again == other.step(1, [batch])
    third = learner_of(config)
    third.step(0, [batch])
    # Dropout of another step draws other numbers; the rate is the same.
    assert third.step(2, [batch], again.rate).loss != again.loss


def test_the_state_of_a_learner_is_taken_up_whole(config: Config) -> None:
    clipped = written(Path(config.marked.source).parent, CONFIG.replace("seed: 3", "seed: 3, clip: 0.1"))
    one, other = learner_of(clipped), learner_of(clipped)
    for number in range(3):
        one.step(number, [batch_of(2)])
    other.restore(copy.deepcopy(one.state))
    learnt = one.step(3, [batch_of(2)])
    assert learnt == other.step(3, [batch_of(2)])
    assert learnt.norm is not None
    assert learnt.norm > 0.1
    assert all(torch.equal(tensor, other.state["network"][name]) for name, tensor in one.state["network"].items())


def test_patience_ends_a_run_and_the_best_model_is_kept(config: Config, tmp_path: Path) -> None:
    keys = (
        "steps: 60, batch: 2, seed: 3, learning_rate: 0.0, weight_decay: 0.0, validate_every: 4, patience: 2, keep: f1"
    )
    still = written(
        tmp_path, CONFIG[: CONFIG.index("training:")].replace("norm: batch, ", "") + f"training: {{{keys}}}\n"
    )
    run = RunDirectory(tmp_path / "run")
    events = completed(still, run)
    assert [event.is_best for event in events if isinstance(event, Validated)] == [True, False, False]
    said = [event.text for event in events if isinstance(event, Remark)]
    assert "no better f1 in 2 validations: ended after step 12" in said
    assert "the model is that of step 4, the best by f1" in said
    provenance = load_model(run.path).contract.provenance
    assert (provenance["step"], provenance["ended"]) == ("4 of 60", "12")
    assert not [told for told in far_from(run) if "its training was stopped" in told]


def far_from(run: RunDirectory) -> list[str]:
    model = load_model(run.path)
    return far_from_training(model, grid_of((40, 16, 16)), Statistics.from_json(model.contract.statistics))


def test_a_model_of_a_run_that_was_stopped_is_told(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    stopped_after(config, run, 5, Start())
    assert any("the model is that of step 4 of 6: its training was stopped" in told for told in far_from(run))


def test_the_mean_of_the_weights_is_what_is_validated_and_kept(config: Config, tmp_path: Path) -> None:
    run, plain = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "plain")
    completed(written(tmp_path, CONFIG.replace("seed: 3", "seed: 3, average: 0.9")), run)
    completed(config, plain)
    state, _ = Checkpoints(run.checkpoints).load()
    assert state is not None
    name = next(name for name, tensor in state["average"].items() if tensor.ndim == 5)
    assert torch.equal(weights(run)[name.removeprefix("network.")], state["average"][name])
    # The weights themselves go the way they go without the mean.
    assert torch.equal(state["network"][name.removeprefix("network.")], weights(plain)[name.removeprefix("network.")])


def test_the_range_test_finds_a_rate_and_begins_nothing(config: Config, tmp_path: Path) -> None:
    found = finish(find_rate(written(tmp_path, CONFIG.replace("batch: 2", "batch: 4")), alone(), 1, None))
    assert len(found.rates) == len(found.losses) >= 50
    assert 1e-4 < found.suggestion < 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "image.h5", "label.h5"]


def test_a_rate_is_suggested_before_the_lowest_loss() -> None:
    rates = [10.0**k for k in range(-6, 1)]
    assert suggested(rates, [1.0, 1.0, 0.9, 0.5, 0.3, 0.29, 4.0]) == pytest.approx(1e-3)
    assert suggested(rates, [1.0, 1.0, 1.0, 0.95, 0.3, 0.5, 4.0]) == pytest.approx(1e-3)
    with pytest.raises(RunError, match="falls at no learning rate"):
        suggested(rates, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])


def test_a_sample_is_drawn_again(config: Config, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    completed(config, run)
    drawn = drawn_sample(run, 5)
    assert drawn.patch.image.shape == (1, 8, 8, 8)
    assert drawn.classes == ("background", "bright")
    window = drawn.patch.window
    assert all(a >= 0 and b <= n for a, b, n in zip(window.start, window.stop, (40, 16, 16), strict=True))
    again = drawn_sample(run, 5)
    np.testing.assert_array_equal(drawn.patch.image, again.patch.image)
    with pytest.raises(RunError, match="holds no run"):
        drawn_sample(RunDirectory(tmp_path / "none"), 5)
