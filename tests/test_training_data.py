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

from geocnn.augment import Augmentation
from geocnn.config import Config, load_config
from geocnn.device import Device
from geocnn.errors import ConfigError, Stopped
from geocnn.interpretation.writing import write_sticks
from geocnn.model import load_model
from geocnn.patches import Part, Stream
from geocnn.preflight import preflight
from geocnn.processes import Process
from geocnn.progress import Progress
from geocnn.run import RunDirectory
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import NewSurvey
from geocnn.synthetic.choice import PlainRecipe
from geocnn.synthetic.wide import WideRecipe
from geocnn.synthetic.worlds import draw_world, make_world
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


def test_picks_make_a_label_where_someone_looked(folder: Path) -> None:
    interpreted = f"{PAIR[:-1]}, interpreted: {{inlines: [100, 110], window_ms: [200, 300]}}}}"
    found = preflight(config_of(folder, interpreted, "{block: 0.25, gap: 4, axis: inline}"))
    [(labelled, _)] = found.training
    label = labelled.labels(SURVEY.grid.whole)
    np.testing.assert_array_equal(np.flatnonzero((label == 0).any(axis=(1, 2))), [0, 5])
    assert (label[0, :, 30:] != 0).all()


def test_validation_on_lines_that_were_trained_on_is_told(folder: Path) -> None:
    volume = "{{image: survey.h5, label: label.h5, interpreted: {{inlines: [{}]}}}}"
    near, far = (f"{{surveys: [{volume.format(line)}]}}" for line in (112, 170))
    trained = volume.format("100, 110")
    with pytest.raises(ConfigError, match="and trained on"):
        preflight(config_of(folder, trained, near))
    [(labelled, _)] = preflight(config_of(folder, trained, far)).validation
    np.testing.assert_array_equal(np.flatnonzero((labelled.labels(SURVEY.grid.whole) >= 0).any(axis=(1, 2))), [35])


def test_sticks_count_everywhere_so_that_their_survey_cannot_be_validated_on(folder: Path) -> None:
    trained = f"{PAIR[:-1]}, interpreted: {{inlines: [100]}}}}"
    with pytest.raises(ConfigError, match="and trained on"):
        preflight(config_of(folder, trained, HELD.replace("}}]", "}, interpreted: {inlines: [170]}}]")))


@pytest.mark.parametrize(
    ("train", "validation", "match"),
    [
        (WORLDS, "{block: 0.2}", "nothing to validate on: all training data are synthetic worlds"),
        ("{synthetic: {recipe: wied}}", HELD, "unknown recipe 'wied'"),
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


def test_training_on_worlds_alone_stops_and_goes_on(geocnn: Geocnn, folder: Path) -> None:
    config = config_of(folder, WORLDS)
    once, twice = RunDirectory(folder / "once"), RunDirectory(folder / "twice")
    list(train(config, once, join_group(CPU, Process()), Start()))
    with pytest.raises(Stopped, match="SIGTERM after step"):
        for event in train(config, twice, join_group(CPU, Process()), Start()):
            if isinstance(event, Progress) and event.unit == "steps" and event.done == 1:
                signal.raise_signal(signal.SIGTERM)
    list(train(config, twice, join_group(CPU, Process()), Start(resume=True)))
    first, second = (load_model(run.path).network.state_dict() for run in (once, twice))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    drawn = geocnn("plot", "--run", once.path, "--sample", 3, "--out", folder / "sample.png")
    assert drawn.status == 0, drawn.err
    assert (folder / "sample.png").stat().st_size > 1000
