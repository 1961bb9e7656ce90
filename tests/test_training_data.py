"""What a config trains on: volumes, picks, interpreted lines and synthetic worlds, mixed by weight."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from command import Geocnn
from interpreted_survey import InterpretedSurvey

from geocnn.augment import MOST, Augmentation
from geocnn.config import Config, load_config
from geocnn.device import Device
from geocnn.errors import ConfigError, Stopped
from geocnn.interpretation.writing import write_sticks
from geocnn.model import load_model
from geocnn.patches import Part, Stream
from geocnn.preflight import preflight
from geocnn.processes import Process
from geocnn.progress import Progress, finish
from geocnn.run import RunDirectory
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import NewSurvey
from geocnn.synthetic.choice import PlainRecipe
from geocnn.synthetic.wide import WideRecipe
from geocnn.synthetic.worlds import draw_world, make_world
from geocnn.training.data import assemble, look
from geocnn.training.group import join_group
from geocnn.training.starting import Start, train
from geocnn.world_patches import WorldPatches

CPU = Device("cpu", "float32")

SURVEY = InterpretedSurvey()

CONFIG = """
data:
  train: {train}
  validation: {validation}
  patch: [16, 16, 16]
network: {{layers: [{{conv: 4, kernel: 3, norm: batch, activation: relu}}, {{conv: outputs, kernel: 1}}]}}
training: {{steps: 3, batch: 2, validate_every: 3}}
"""
PAIR = "{image: survey.h5, label: {file: sticks.dat}}"
WORLDS = "{synthetic: {recipe: wide}, weight: 2}"
HELD = "{surveys: [{image: survey.h5, label: {file: sticks.dat}}]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A survey of noise, and sticks of a fault in it."""
    noise = np.random.default_rng(0).normal(size=(1, *SURVEY.grid.shape)).astype(np.float32)
    with create_survey(
        str(tmp_path / "survey.h5"), NewSurvey(SURVEY.grid, SURVEY.domain, coordinates=SURVEY.coordinates)
    ) as writer:
        writer.write(SURVEY.grid.whole, noise)
        writer.commit()
    with create_survey(str(tmp_path / "label.h5"), NewSurvey(SURVEY.grid, SURVEY.domain)) as writer:
        writer.write(SURVEY.grid.whole, (noise > 1).astype(np.float32))
        writer.commit()
    fault = [np.array([[i, 10.0, 5.0], [i, 45.0, 45.0]]) for i in (0.0, 20.0, 39.0)]
    write_sticks(tmp_path / "sticks.dat", [fault], SURVEY, "opendtect-sticks")
    return tmp_path


def config_of(folder: Path, train: str, validation: str = HELD) -> Config:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(train=f"[{train}]", validation=validation))
    return load_config(path)


def config_with(folder: Path, line: str) -> Path:
    """The config, with another last line."""
    path = folder / "config.yaml"
    lines = [each for each in path.read_text().splitlines() if not each.startswith("augmentation")]
    path.write_text("\n".join([*lines, line]) + "\n")
    return path


# Worlds as patches


def test_a_patch_is_a_world_of_its_own() -> None:
    worlds = WorldPatches(WideRecipe(), (16, 20, 24), 5.0)
    first, again, other = (worlds.drawn(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.image.shape == (1, 16, 20, 24)
    assert first.label.shape == (16, 20, 24)
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    seed, number = (int(n) for n in np.random.default_rng(1).integers(2**31, size=2))
    cube = make_world(draw_world(seed, number, (16, 20, 24), WideRecipe()))
    np.testing.assert_array_equal(first.label, cube.fault.numpy())
    assert first.source == f"world {number} of seed {seed}, recipe wide"


@pytest.mark.parametrize("recipe", [WideRecipe(), PlainRecipe(recipe="wu2019")])
def test_sections_of_worlds(recipe: WideRecipe | PlainRecipe) -> None:
    drawn = WorldPatches(recipe, (32, 48), 5.0).drawn(np.random.default_rng(0))
    assert drawn.image.shape == (1, 32, 48)
    assert [axis.name for axis in drawn.grid.axes] == ["crossline", "sample"]


def test_parts_are_drawn_as_often_as_they_weigh() -> None:
    recipes = (PlainRecipe(recipe="wu2019"), PlainRecipe(recipe="wu2019-wide"))
    parts = [Part(WorldPatches(recipe, (8, 8), 5.0), w) for recipe, w in zip(recipes, (3.0, 1.0), strict=True)]
    stream = Stream(parts, Augmentation())
    drawn = Counter(stream.draw(0, n).source.rpartition(" ")[2] for n in range(400))
    assert drawn["wu2019"] == pytest.approx(300, abs=35)
    order = [5, 2, 9]
    again = Stream(parts, Augmentation())
    for n in order:
        np.testing.assert_array_equal(stream.draw(1, n).image, again.draw(1, n).image)


# In a config


def test_surveys_and_worlds_are_checked_together(folder: Path) -> None:
    found = preflight(config_of(folder, f"{PAIR[:-1]}, weight: 3}}, {WORLDS}", "{block: 0.25, gap: 4, axis: inline}"))
    assert found.weights == (3,)
    assert [each.weight for each in found.synthetic] == [2]
    assert isinstance(found.synthetic[0].synthetic, WideRecipe)


def test_polarity_is_not_reversed_under_horizons(folder: Path) -> None:
    rows = (f"{100 + 2 * i} {500 + x} {300 + i}" for i in range(40) for x in range(60))
    (folder / "horizon.dat").write_text("\n".join(rows))
    train, held = "{image: survey.h5, label: {file: horizon.dat}}", "{block: 0.25, gap: 4, axis: inline}"
    preflight(config_of(folder, train, held))
    path = folder / "config.yaml"
    path.write_text(path.read_text() + "augmentation: {polarity: true}\n")
    with pytest.raises(ConfigError, match=r"polarity is reversed at random, and .*horizon\.dat holds horizons"):
        preflight(load_config(path))
    preflight(load_config(config_with(folder, "augmentation: {phase: 45}")))
    with pytest.raises(ConfigError, match=r"phase is turned by up to 46°, and .*horizon\.dat holds horizons"):
        preflight(load_config(config_with(folder, "augmentation: {phase: 46}")))


def test_picks_make_a_label_where_someone_looked(folder: Path) -> None:
    interpreted = f"{PAIR[:-1]}, interpreted: {{inlines: [100, 110, 170], window_ms: [200, 300]}}}}"
    found = preflight(config_of(folder, interpreted, "{block: 0.25, gap: 4, axis: inline}"))
    [(labelled, _)] = found.training
    label = labelled.labels(SURVEY.grid.whole)
    np.testing.assert_array_equal(np.flatnonzero((label == 0).any(axis=(1, 2))), [0, 5, 35])
    assert (label[0, :, 30:] != 0).all()


def test_validation_on_lines_that_were_trained_on_is_told(folder: Path) -> None:
    volume = "{{image: survey.h5, label: label.h5, interpreted: {{inlines: [{}]}}}}"
    # Inlines count by twos: 16 lie between the last of those trained on and 144.
    near, far = (f"{{surveys: [{volume.format(line)}]}}" for line in (142, 144))
    trained = volume.format("100, 110")
    with pytest.raises(ConfigError, match="15 positions between interpreted traces of the two"):
        preflight(config_of(folder, trained, near))
    [(labelled, _)] = preflight(config_of(folder, trained, far)).validation
    np.testing.assert_array_equal(np.flatnonzero((labelled.labels(SURVEY.grid.whole) >= 0).any(axis=(1, 2))), [22])


def test_sticks_count_everywhere_so_that_their_survey_cannot_be_validated_on(folder: Path) -> None:
    trained = f"{PAIR[:-1]}, interpreted: {{inlines: [100]}}}}"
    with pytest.raises(ConfigError, match="picks count on all lines: hold out a block"):
        preflight(config_of(folder, trained, HELD.replace("}}]", "}, interpreted: {inlines: [170]}}]")))


def test_scores_count_where_someone_looked_alone(folder: Path) -> None:
    interpreted = f"{PAIR[:-1]}, interpreted: {{inlines: [100, 170]}}}}"
    found = preflight(config_of(folder, interpreted, "{block: 0.25, gap: 4, axis: inline}"))
    [(labelled, window)] = found.validation
    looked = np.flatnonzero((labelled.scored(SURVEY.grid.whole) >= 0).any(axis=(1, 2)))
    np.testing.assert_array_equal(looked, [0, 35])
    np.testing.assert_array_equal(labelled.scored(SURVEY.grid.whole)[35], labelled.labels(SURVEY.grid.whole)[35])
    assert (labelled.labels(window) == 1).sum() > 3 * (labelled.scored(window) == 1).sum() > 0
    data = finish(look(config_of(folder, interpreted, "{block: 0.25, gap: 4, axis: inline}"), found))
    assert data.held[0].classes.tolist() == [(labelled.scored(window) == k).sum() for k in (0, 1)]


def test_a_block_that_nobody_looked_at_is_told_before_training(folder: Path) -> None:
    interpreted = f"{PAIR[:-1]}, interpreted: {{inlines: [100, 110]}}}}"
    with pytest.raises(ConfigError, match="nobody looked at what is validated on"):
        preflight(config_of(folder, interpreted, "{block: 0.25, gap: 4, axis: inline}"))


def test_more_intervals_than_classes_are_told_before_training(folder: Path) -> None:
    for name, depth in (("top", 250), ("base", 320)):
        rows = (f"{100 + 2 * i} {500 + x} {depth}" for i in range(40) for x in range(60))
        (folder / f"{name}.dat").write_text("\n".join(rows))
    train = "{image: survey.h5, label: {file: [top.dat, base.dat], horizon: interval}}"
    with pytest.raises(ConfigError, match=r"makes 3 classes, 2 are named \(background, fault\)"):
        preflight(config_of(folder, train, "{block: 0.25, gap: 4, axis: inline}"))


def test_what_became_of_picks_is_told_before_training(folder: Path) -> None:
    found = preflight(config_of(folder, PAIR, "{block: 0.25, gap: 4, axis: inline}"))
    [told] = [remark for remark in found.remarks if "nodes" in remark]
    assert "6 nodes (opendtect-sticks): 1 fault, 3 sticks" in told
    assert "0 outside the survey" in told
    assert "% fault" in told


@pytest.mark.parametrize("name", MOST)
def test_augmentation_has_the_bounds_of_the_config(folder: Path, name: str) -> None:
    config = config_of(folder, PAIR, "{block: 0.25, gap: 4, axis: inline}")
    path, text = folder / "config.yaml", (folder / "config.yaml").read_text()
    path.write_text(f"{text}augmentation: {{{name}: {MOST[name]}}}\n")
    Augmentation(**load_config(path).record.augmentation.model_dump())
    path.write_text(f"{text}augmentation: {{{name}: {1.01 * MOST[name]}}}\n")
    with pytest.raises(ConfigError) as told:
        load_config(path)
    assert [fault.key for fault in told.value.faults] == [f"augmentation.{name}"]
    assert set(MOST) == set(config.record.augmentation.model_dump()) - {"flip", "rotate", "polarity"}


def test_starred_pairs_share_the_weight_of_their_entry(folder: Path) -> None:
    for name in ("survey", "label"):
        for k in range(5):
            (folder / f"{k}-{name}.h5").symlink_to(folder / f"{name}.h5")
    stars = "{image: '*-survey.h5', label: '*-label.h5'}"

    def weights(train: str, validation: str) -> list[float | None]:
        return [getattr(each, "weight", None) for each in config_of(folder, train, validation).record.data.train]

    assert weights(stars, "{surveys: 2}") == [None] * 5
    assert weights(f"{stars}, {WORLDS}", HELD) == [*[0.2] * 5, 2]
    assert weights(f"{stars[:-1]}, weight: 3}}, {PAIR}", HELD) == [*[0.6] * 5, 1]
    # What validation takes has no share in training.
    kept = weights(f"{stars}, {WORLDS}", "{surveys: 2}")
    assert sum(weight for weight in kept[:3] if weight) == pytest.approx(1)
    assert kept[-1] == 2


@pytest.mark.parametrize(
    ("train", "validation", "match"),
    [
        (WORLDS, "{block: 0.2}", "nothing to validate on: all training data are synthetic worlds"),
        ("{synthetic: {recipe: wied}}", HELD, "unknown recipe 'wied'"),
        ("{synthetic: {recipe: mine.yaml}}", HELD, "recipe 'mine.yaml'"),
        ("{synthetic: {recipe: wide, dipp: [30, 80]}}", HELD, "dipp"),
        ("{synthetic: {recipe: wu2019, dip: [30, 80]}}", HELD, "dip"),
        ("{synthetic: {recipe: wide, dip: [80, 30]}}", HELD, "dip"),
        ("{synthetic: {recipe: wide, without: [slat]}}", HELD, "slat"),
        ("{synthetic: {recipe: wide}, weight: 0}", HELD, "weight"),
        ("{synthetic: {recipe: wide}, weight: many}", HELD, "weight"),
        ("{image: survey.h5, label: {files: sticks.dat}}", HELD, "files"),
        ("{image: survey.h5, label: {file: none.dat}}", HELD, "there is no such file"),
        ("{image: survey.h5, label: {file: sticks.dat, format: charisma-sticks}}", HELD, "line 1 of"),
        ("{image: survey.h5, label: {file: sticks.dat, horizon: distance}}", HELD, "label.horizon is distance"),
        ("{image: survey.h5, label: {file: sticks.dat, width: 0}}", HELD, "width"),
        ("{image: survey.h5, label: {file: sticks.dat}, interpreted: {inlines: [101]}}", HELD, "inline 101 is not in"),
        ("{image: survey.h5, label: {file: sticks.dat}, interpreted: {}}", HELD, "interpreted says nothing"),
    ],
)
def test_what_contradicts_itself_is_told_where_it_is_written(
    folder: Path, train: str, validation: str, match: str
) -> None:
    with pytest.raises(ConfigError) as told:
        preflight(config_of(folder, train, validation))
    faults = told.value.faults
    assert any(match in f"{fault.key} {fault.found}" for fault in faults), faults
    assert all(fault.file.endswith("config.yaml") and fault.line for fault in faults if fault.file)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("patch: [16, 16, 16]", "patch: [16, 16, 4]", "a patch of [16, 16, 4] with synthetic worlds"),
        ("data:", "classes: [a, b, c]\ndata:", "3 classes (a, b, c) with synthetic worlds"),
    ],
)
def test_worlds_that_do_not_fit(folder: Path, old: str, new: str, match: str) -> None:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(train=f"[{WORLDS}]", validation=HELD).replace(old, new))
    with pytest.raises(ConfigError) as told:
        preflight(load_config(path))
    assert any(match in fault.found for fault in told.value.faults)


@pytest.mark.parametrize("train_on", [WORLDS, f"{WORLDS}, {PAIR[:-1]}, interpreted: {{inlines: [100, 110]}}}}"])
def test_training_on_worlds_stops_and_goes_on(geocnn: Geocnn, folder: Path, train_on: str) -> None:
    other = HELD.replace("survey.h5", "other.h5").replace("{file: sticks.dat}", "label.h5")
    (folder / "other.h5").write_bytes((folder / "survey.h5").read_bytes())
    config = config_of(folder, train_on, other)
    once, twice = RunDirectory(folder / "once"), RunDirectory(folder / "twice")
    list(train(config, once, join_group(CPU, Process()), Start()))
    checked = preflight(config)
    assembled = assemble(config, checked, finish(look(config, checked)))
    with pytest.raises(Stopped, match="SIGTERM after step"):
        for event in train(config, twice, join_group(CPU, Process()), Start()):
            if isinstance(event, Progress) and event.unit == "steps" and event.done == 1:
                signal.raise_signal(signal.SIGTERM)
    list(train(config, twice, join_group(CPU, Process()), Start(resume=True)))
    first, second = (load_model(run.path).network.state_dict() for run in (once, twice))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    sources = {assembled.stream.draw(0, n).source.partition(" ")[0] for n in range(12)}
    assert ("world" in sources, len(sources)) == (True, 1 + (train_on != WORLDS))
    drawn = geocnn("plot", "--run", once.path, "--sample", 3, "--out", folder / "sample.png")
    assert drawn.status == 0, drawn.err
    assert (folder / "sample.png").stat().st_size > 1000
