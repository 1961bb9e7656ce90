"""Findings of a run: kept, found again when damaged, refused when surveys have changed; classes that lack are told."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from runs import CONFIG, write_config, write_pair

from geocnn.census import Census
from geocnn.config import Config, load_config
from geocnn.errors import RunError, SurveyError
from geocnn.grid import Window
from geocnn.preflight import preflight
from geocnn.progress import finish
from geocnn.training.data import Findings, assemble, files_of, lacking, look


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(write_config(tmp_path))


def found(config: Config) -> Findings:
    return finish(look(config, preflight(config)))


def counted(*classes: int) -> Census:
    return Census(Window((0,), (1,)), (1,), np.array([classes]))


def test_what_is_kept_draws_the_same_patches(config: Config, tmp_path: Path) -> None:
    first = found(config)
    first.save(tmp_path)
    again = Findings.load(tmp_path)
    assert again is not None
    again.require_unchanged()
    checked = preflight(config)
    streams = [assemble(config, checked, each).stream for each in (first, again)]
    for number in range(20):
        one, other = (stream.draw(3, number) for stream in streams)
        assert one.image.tobytes() == other.image.tobytes()
        assert one.label.tobytes() == other.label.tobytes()
    assert assemble(config, checked, again).statistics == assemble(config, checked, first).statistics
    assert [each.counts.tolist() for each in again.held] == [each.counts.tolist() for each in first.held]


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damaged_findings_are_none(config: Config, tmp_path: Path, damage: str) -> None:
    found(config).save(tmp_path)
    path = tmp_path / "findings.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if damage != "gone":
        path.write_bytes(content if damage == "flip" else content[:50])
    assert Findings.load(tmp_path) is None


@pytest.mark.parametrize("change", ["time", "size", "gone"])
def test_a_survey_that_changed_is_told(config: Config, tmp_path: Path, change: str) -> None:
    first, label = found(config), tmp_path / "label.h5"
    first.require_unchanged()
    if change == "time":
        os.utime(label, (1, 1))
    elif change == "size":
        with label.open("ab") as file:
            file.write(b" ")
    else:
        label.unlink()
    with pytest.raises(RunError, match=r"surveys have changed since the run began: .*label\.h5.* \(was: .*label\.h5"):
        first.require_unchanged()


def test_every_file_of_a_run_is_watched(config: Config, tmp_path: Path) -> None:
    names = files_of(preflight(config))
    assert sorted(Path(name.split(":/")[0]).name for name in names) == ["image.h5", "label.h5"]


@pytest.mark.parametrize(
    ("trained", "held", "told"),
    [
        ((5, 0), (5, 5), "the training windows hold the class salt alone: salt 5, rock 0"),
        ((5, 5), (0, 0), "no sample of the validation data is both interpreted and live"),
    ],
)
def test_nothing_to_learn_or_to_score_is_refused(trained: tuple[int, ...], held: tuple[int, ...], told: str) -> None:
    findings = Findings({}, (), (counted(*trained),), (counted(*held),))
    with pytest.raises(RunError, match=told):
        list(lacking(("salt", "rock"), findings))


def test_classes_that_lack_are_remarks() -> None:
    findings = Findings({}, (), (counted(5, 2, 0), counted(1, 0, 0)), (counted(7, 0, 2),))
    assert list(lacking(("a", "b", "c"), findings)) == [
        "training has no sample of c (a 6, b 2, c 0): they cannot be learnt",
        "validation has no sample of b (a 7, b 0, c 2): its scores say nothing of them",
    ]
    full = Findings({}, (), (counted(1, 1, 1),), (counted(1, 1, 1),))
    assert not list(lacking(("a", "b", "c"), full))


def test_dead_samples_of_the_validation_data_do_not_count(tmp_path: Path) -> None:
    write_pair(tmp_path)
    with h5py.File(tmp_path / "image.h5", "r+") as file:
        [name] = [key for key in file if file[key].ndim == 3]
        file[name][30:] = 0
    config = load_config(write_config(tmp_path, CONFIG))
    with pytest.raises(RunError, match="no sample of the validation data is both interpreted and live"):
        list(lacking(config.record.classes, found(config)))


def test_labels_that_are_no_classes_are_refused_before_training(tmp_path: Path) -> None:
    config = load_config(write_config(tmp_path, CONFIG))
    with h5py.File(tmp_path / "label.h5", "r+") as file:
        [name] = [key for key in file if file[key].ndim == 3]
        file[name][3, 4, 5] = 2
    with pytest.raises(SurveyError, match="has the value 2 at inline 103, crossline 104, sample 20"):
        found(config)
