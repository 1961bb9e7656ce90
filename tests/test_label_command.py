"""``geocnn label``: a volume on the survey's grid, a report, a picture, and one clear message for what is wrong."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from command import Geocnn
from interpreted_survey import InterpretedSurvey

from geocnn.interpretation.writing import write_sticks
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import NewSurvey

SURVEY = InterpretedSurvey()
FAULT = [np.array([[i, 10.0 + 0.2 * i, 5.0], [i, 30.0 + 0.2 * i, 45.0]]) for i in (0.0, 20.0, 39.0)]


@pytest.fixture(params=["sgy", "h5"])
def survey(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Noise on the grid of the interpreted survey, with its coordinates."""
    path = tmp_path / f"survey.{request.param}"
    new = NewSurvey(SURVEY.grid, SURVEY.domain, coordinates=SURVEY.coordinates)
    with create_survey(str(path), new) as writer:
        writer.write(
            SURVEY.grid.whole, np.random.default_rng(0).normal(size=(1, *SURVEY.grid.shape)).astype(np.float32)
        )
        writer.commit()
    return path


@pytest.fixture
def sticks(tmp_path: Path) -> Path:
    """A fault of three sticks, in coordinates."""
    path = tmp_path / "sticks.dat"
    write_sticks(path, [FAULT], SURVEY, "opendtect-sticks")
    return path


def test_sticks_become_a_volume_and_a_picture(geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / f"faults{survey.suffix}", tmp_path / "faults.png"
    done = geocnn("label", sticks, "--like", survey, "--inlines", "100,140", "--out", out, "--picture", picture)
    assert done.status == 0, done.err
    assert "6 nodes (opendtect-sticks): 1 fault, 3 sticks" in done.out + done.err
    made = open_survey(str(out))
    label = made.read(made.grid.whole)[0]
    assert made.grid.shape == SURVEY.grid.shape
    np.testing.assert_array_equal(np.flatnonzero((label == 0).any(axis=(1, 2))), [0, 20])
    assert label[10, 22, 25] == 1
    assert label[10, 50, 25] == -1
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = geocnn("label", sticks, "--like", survey, "--out", out)
    assert again.status == 1
    assert "exists" in again.err


def test_distances_are_written_as_they_are(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    rows = [f"{100 + 2 * i} {500 + x} 300" for i in range(40) for x in range(60)]
    (tmp_path / "horizon.dat").write_text("\n".join(rows))
    out = tmp_path / "distance.h5"
    done = geocnn("label", tmp_path / "horizon.dat", "--like", survey, "--horizon", "distance", "--out", out)
    assert done.status == 0, done.err
    made = open_survey(str(out))
    np.testing.assert_allclose(made.read(made.grid.whole)[0, 3, 4], np.arange(50) - 25.0)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--format", "charisma-sticks"), "it looks like opendtect-sticks: pass --format opendtect-sticks"),
        (("--format", "petrel"), "--format: "),
        (("--inlines", "101"), "interpreted inline 101 is not in"),
        (("--inlines", "first"), "--inlines first"),
        (("--window-ms", "900,300"), "window_ms is [900, 300]"),
        (("--window-ms", "900"), "--window-ms"),
        (("--z-unit", "ft"), "picks in ft for"),
        (("--width", "0"), "--width: "),
        (("--columns", "x,y"), "columns x,y"),
        (("--columns", "x,y,z", "--format", "iesx-sticks"), "both format iesx-sticks and columns x,y,z"),
    ],
)
@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_bad_options(
    geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path, options: tuple[str, ...], match: str
) -> None:
    out = tmp_path / "faults.h5"
    outcome = geocnn("label", sticks, "--like", survey, "--out", out, *options)
    assert outcome.status in (1, 2)
    assert match in outcome.err
    assert not out.exists()


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_sticks_of_another_survey_and_empty_files(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    picks, out = tmp_path / "picks.dat", tmp_path / "faults.h5"
    for text, match in (
        ("1000.5 2000.5 300 0 0\n1010.5 2010.5 340 0 1\n", "none of the 2 nodes of"),
        ("", "holds no node"),
    ):
        picks.write_text(text)
        outcome = geocnn("label", picks, "--like", survey, "--out", out)
        assert outcome.status == 1
        assert match in outcome.err
        assert not out.exists()


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_a_label_fits_its_survey_in_training(geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path) -> None:
    """What the command writes and what a config makes of the same sticks are the same label."""
    out = tmp_path / "faults.h5"
    assert geocnn("label", sticks, "--like", survey, "--out", out).status == 0
    scores = []
    for label in (str(out), f"{{file: {sticks}}}"):
        config = tmp_path / "config.yaml"
        config.write_text(
            f"data: {{train: [{{image: {survey}, label: {label}}}], "
            "validation: {block: 0.25, gap: 4, axis: inline}, patch: [8, 8, 8]}\n"
            "network: {layers: [{conv: outputs, kernel: 3}]}\n"
            "training: {steps: 2, batch: 2, validate_every: 2}\n"
        )
        run = tmp_path / f"run-{len(scores)}"
        done = geocnn("train", config, "--run", run)
        assert done.status == 0, done.err
        scores.append(_weights(run))
    np.testing.assert_array_equal(scores[0], scores[1])


def _weights(run: Path) -> np.ndarray:
    from geocnn.model import load_model

    return np.concatenate([t.numpy().ravel() for t in load_model(run).network.state_dict().values()])


def test_a_label_in_hdf5_keeps_the_line_numbers(geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path) -> None:
    out = tmp_path / "faults.h5"
    assert geocnn("label", sticks, "--like", survey, "--out", out).status == 0
    assert open_survey(str(out)).grid == open_survey(str(survey)).grid
    with h5py.File(out) as file:
        assert any("label: geocnn label sticks.dat" in str(value) for value in _texts(file))


def _texts(file: h5py.File) -> list[object]:
    found: list[object] = list(file.attrs.values())
    file.visititems(lambda _, each: found.extend(each.attrs.values()))
    return found
