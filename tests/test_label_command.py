"""``geocnn label``: a volume on the survey's grid, a report, a picture, and one clear message for what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from command import Geocnn
from interpreted_survey import BINS, InterpretedSurvey

from geocnn.grid import Grid
from geocnn.interpretation.writing import write_sticks
from geocnn.survey.creating import SUFFIXES, create_survey
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


def test_a_label_for_scores_ignores_picks_where_nobody_looked(
    geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path
) -> None:
    looked = ("--inlines", "100,140")
    labels = []
    for name, more in (("all", ()), ("scored", ("--for-scores",))):
        done = geocnn("label", sticks, "--like", survey, *looked, *more, "--out", tmp_path / f"{name}.h5")
        assert done.status == 0, done.err
        opened = open_survey(str(tmp_path / f"{name}.h5"))
        labels.append(opened.read(opened.grid.whole)[0])
    every, scored = labels
    lines = [0, 20]
    np.testing.assert_array_equal(scored[lines], every[lines])
    assert (every == 1).sum() > (scored == 1).sum() > 0
    assert (np.delete(scored, lines, axis=0) == -1).all()
    refused = geocnn("label", sticks, "--like", survey, "--for-scores", "--out", tmp_path / "x.h5")
    assert (refused.status, "--for-scores without where someone looked" in refused.err) == (2, True)


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
        (("--window-ms", "900"), "--window-ms 900 expected: two numbers: first and last"),
        (("--horizon", "surface"), "--horizon: "),
        (("--horizon", "interval"), "which holds fault sticks"),
        (("--horizon", "interval", "--width", "2"), "--width: --horizon interval has none"),
        (("--z-unit", "ft"), "picks in ft for"),
        (("--width", "0"), "--width: "),
        (("--polygon", "0,0 1,1"), "--polygon 0,0 1,1"),
        (("--polygon", "0,0,0 1,1 1,0"), "at least 3 corners"),
        (("--polygon", "0,0 1,x 1,0"), "--polygon 1,x"),
        (("--polygon", "0,0 1,0 1,1"), "no trace of"),
        (("--every", "8"), "--every: a label volume is written to"),
        (("--every", "8", "--axis", "inline"), "--every, --axis: a label volume is written to"),
        (("--columns", "x,y"), "columns x,y"),
        (("--columns", "x,y,z,stick"), "5 columns expected: 4 columns: x,y,z,stick"),
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


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_read_is_never_replaced(
    geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path, overwrite: bool
) -> None:
    (tmp_path / "link.dat").symlink_to(sticks)
    (tmp_path / "hard.dat").hardlink_to(sticks)
    more = ["--overwrite"] if overwrite else []
    free = tmp_path / "free.h5"
    before = sticks.read_bytes(), survey.read_bytes()
    inside = f"{survey}:/faults" if survey.suffix == ".h5" else survey
    for said, match in (
        (("--out", sticks), "--out"),
        (("--out", tmp_path / "link.dat"), "--out"),
        (("--out", tmp_path / "hard.dat"), "--out"),
        (("--out", tmp_path / "missing/../sticks.dat"), "--out"),
        (("--out", inside), "--out"),
        (("--out", free, "--picture", sticks), "--picture"),
        (("--out", free, "--picture", survey), "--picture"),
        (("--out", free, "--picture", free), "--picture"),
    ):
        done = geocnn("label", sticks, "--like", survey, *said, *more)
        assert done.status == 2, (said, done.err)
        assert f"{match} " in done.err
        assert "is an input or another output, which would be lost" in done.err
    assert (sticks.read_bytes(), survey.read_bytes()) == before
    assert not free.exists()


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_a_label_volume_is_not_replaced_by_its_sticks(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    volume = write_volume(tmp_path / "volume.h5", parallel_faults()).rename(tmp_path / "volume.dat")
    before = volume.read_bytes()
    done = geocnn("label", volume, "--like", survey, "--out", volume, "--overwrite")
    assert (done.status, volume.read_bytes()) == (2, before)


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_an_output_of_no_format_is_refused_before_the_work(
    geocnn: Geocnn, survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geocnn.interpretation.label.picked_label", None)
    (tmp_path / "picks.dat").write_text("1 2 3 0 0\n")
    done = geocnn("label", tmp_path / "picks.dat", "--like", survey, "--out", tmp_path / "x.xyz")
    assert done.status == 2
    assert "has the suffix .xyz" in done.err


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_of_volumes_is_one_that_is_written(tmp_path: Path, suffix: str) -> None:
    with create_survey(str(tmp_path / f"x{suffix}"), NewSurvey(SURVEY.grid, SURVEY.domain)) as writer:
        writer.discard()


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_classes_are_written_as_bytes_and_distances_are_not(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    rows = [f"{100 + 2 * i} {500 + x} 300" for i in range(40) for x in range(60)]
    (tmp_path / "horizon.dat").write_text("\n".join(rows))
    for horizon, kind in (("surface", np.int8), ("interval", np.int8), ("distance", np.float32)):
        for suffix in ("h5", "npy"):
            out = tmp_path / f"{horizon}.{suffix}"
            said = ("--horizon", horizon, "--inlines", "100,140", "--out", out)
            assert geocnn("label", tmp_path / "horizon.dat", "--like", survey, *said).status == 0
            if suffix == "h5":
                with h5py.File(out) as file:
                    assert file["data"].dtype == kind
                    told = file["data"].attrs["provenance"].decode()
                    assert f"geocnn label horizon.dat --horizon {horizon} --inlines 100,140" in told
            else:
                assert np.load(out).dtype == kind
    assert set(np.unique(np.load(tmp_path / "interval.npy"))) == {-1, 0, 1}
    assert (tmp_path / "surface.h5").stat().st_size < (tmp_path / "distance.h5").stat().st_size / 3


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
@pytest.mark.parametrize(
    ("text", "status", "match"),
    [
        ("110 510 1e28 0 0\n110 516 300 0 1\n110 518 340 0 2\n", 0, "1 node of"),
        ("1e25 1e25 300 0 0\n110 510 300 0 1\n111 520 320 1 1\n", 0, "further outside"),
        ("110 510 nan 0 0\n110 516 300 0 1\n110 519 inf 0 3\n110 520 1e30 0 4\n", 0, "3 undefined"),
        ("110 510 220 0 0\n", 0, "1 stick with one node alone"),
        ("110 510 300\n112 511 300\n114 512 340000\n", 0, "1 horizon"),
        ("INLINE- 0 0 0 0 300 F 1\nINLINE- 0 0 0 0 340 F 1\n", 1, "have 0 for coordinates and for line numbers"),
        ("X Y Z\n110 510 300\n110 511 300\n", 1, "is 'X Y Z'"),
        ("110 510 -220 0 0\n110 516 300 0 1\n", 1, "1 of 2 nodes of"),
        ("110 510 220 0 0\n110 512 0.3 0 1\n112 516 0.32 1 1\n112 516 320 1 1\n", 1, "2 others only by z in s"),
        ("110 510 -999.25\n112 511 300\n114 512 340\n110 515 -999.25\n", 0, "2 undefined"),
        ("110 510 220 0 0\n", 0, "1 node (opendtect-sticks)"),
    ],
)
def test_odd_picks_are_told_of_and_do_no_harm(
    geocnn: Geocnn, survey: Path, tmp_path: Path, text: str, status: int, match: str
) -> None:
    (tmp_path / "picks.dat").write_text(text)
    # A suffix of text names a headerless volume where picks are text.
    done = geocnn("label", tmp_path / "picks.dat", "--like", survey, "--out", tmp_path / "out.dat")
    assert done.status == status, done.err
    assert match in done.out + done.err


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


# From a label to sticks


def write_volume(path: Path, values: np.ndarray, **changes: object) -> Path:
    grid = Grid(tuple(replace(axis, **changes) if axis.name == "inline" else axis for axis in SURVEY.grid.axes))  # type: ignore[arg-type]
    with create_survey(str(path), NewSurvey(grid, SURVEY.domain)) as writer:
        writer.write(grid.whole, values[None].astype(np.float32))
        writer.commit()
    return path


def parallel_faults(axis: str = "inline") -> np.ndarray:
    """Two faults 14 lines apart, oblique to the lines that cross them, and dipping."""
    i, x, s = np.meshgrid(*map(np.arange, SURVEY.grid.shape), indexing="ij")
    i, x = (i, x) if axis == "inline" else (x, i)
    return np.any([np.abs(x - (first + 0.3 * i + 0.8 * s)) < 1 for first in (3, 17)], axis=0)


@pytest.mark.parametrize("format", ["charisma-sticks", "opendtect-sticks"])
@pytest.mark.parametrize("axis", ["inline", "crossline"])
@pytest.mark.parametrize("suffix", ["h5", "sgy", "npy"])
def test_a_label_becomes_sticks_and_these_the_label_again(
    geocnn: Geocnn, tmp_path: Path, format: str, axis: str, suffix: str, survey: Path
) -> None:
    if (survey.suffix, format, suffix) not in {
        (".sgy", "charisma-sticks", "h5"),
        (".h5", "charisma-sticks", "sgy"),
        (".sgy", "opendtect-sticks", "npy"),
    }:
        # Each is tried once.
        return
    label = parallel_faults(axis)
    volume = write_volume(tmp_path / f"volume.{suffix}", label)
    out, again = tmp_path / "sticks.dat", tmp_path / "again.npy"
    done = geocnn("label", volume, "--like", survey, "--out", out, "--format", format, "--every", "5")
    assert done.status == 0, done.err
    assert f"picked on {axis}s ({format})" in done.out
    assert ("--format charisma-sticks does" in done.err) == (format == "opendtect-sticks")
    if format == "opendtect-sticks":
        return
    assert "2 faults" in done.out
    assert geocnn("label", out, "--like", survey, "--out", again).status == 0
    made = np.load(again) == 1
    made = made if axis == "inline" else made.swapaxes(0, 1)
    line, across, sample = (np.arange(size) for size in made.shape)
    # By the planes themselves: middles of whole bins are half a bin off already.
    for volume_rows, planes in (
        (made.swapaxes(1, 2), [first + 0.3 * line[:, None] + 0.8 * sample for first in (3, 17)]),
        (made, [(across - first - 0.3 * line[:, None]) / 0.8 for first in (17, 3)]),
    ):
        moved = distances(volume_rows, np.stack(planes, axis=-1))
        assert len(moved) > 300
        assert np.quantile(moved, 0.99) <= 0.5
        assert moved.max() <= 0.75
    assert "exists" in geocnn("label", volume, "--like", survey, "--out", out).err
    assert geocnn("label", volume, "--like", survey, "--out", out, "--overwrite").status == 0


def distances(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How far the middles of runs along rows (A, B, N) lie from where faults cross them (A, B, 2)."""
    found: list[float] = []
    # Surfaces end at right angles to themselves: the outermost lines and samples tell of their ends.
    for index in np.ndindex(*(size - 4 for size in rows.shape[:2])):
        index = (index[0] + 2, index[1] + 2)
        inside = places[index][(places[index] > 4) & (places[index] < rows.shape[2] - 5)]
        found += [float(np.abs(middles(rows[index]) - place).min()) for place in inside]
    return np.array(found)


def middles(row: np.ndarray) -> np.ndarray:
    """Middles of runs of True."""
    edges = np.flatnonzero(np.diff(row.astype(int), prepend=0, append=0)).reshape(-1, 2)
    return (edges.sum(axis=1) - 1) / 2


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        (lambda label: label * 0.7, (), "values such as 0.7, which are no classes"),
        (lambda label: label * np.arange(50), (), "50 different whole numbers, from 0 to 49"),
        (lambda label: label * 2, (), "no sample of"),
        (lambda label: label * (np.arange(50) == 7), ("--axis", "inline"), "at least 4 samples"),
        (lambda label: label, ("--format", "iesx-sticks"), "--format iesx-sticks"),
        (lambda label: label, ("--width", "3", "--inlines", "100"), "--width, --inlines: sticks are written to"),
        (lambda label: label, ("--picture", "a.png"), "--picture: sticks are written to"),
        (lambda label: label, ("--every", "0"), "--every"),
    ],
)
def test_labels_that_make_no_sticks(
    geocnn: Geocnn, survey: Path, tmp_path: Path, values: Any, options: tuple[str, ...], match: str
) -> None:
    volume = write_volume(tmp_path / "volume.h5", values(parallel_faults()))
    done = geocnn("label", volume, "--like", survey, "--out", tmp_path / "sticks.txt", *options)
    assert done.status in (1, 2)
    assert match in done.err
    assert not (tmp_path / "sticks.txt").exists()
    if "0.7" in match or "0 to 49" in match:
        assert "geocnn predict --content class" in done.err


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_sticks_lie_on_the_grid_of_the_survey_by_line_numbers(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    volume = write_volume(tmp_path / "volume.h5", parallel_faults(), first=102)
    done = geocnn("label", volume, "--like", survey, "--out", tmp_path / "sticks.dat")
    assert done.status == 1
    assert "has inline 102 to 180 by 2 (40)" in done.err
    assert "has inline 100 to 178 by 2 (40)" in done.err


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_a_volume_with_a_volume_for_output_is_told_of_sticks(geocnn: Geocnn, survey: Path, tmp_path: Path) -> None:
    volume = write_volume(tmp_path / "volume.h5", parallel_faults())
    for name in (str(volume), f"{volume}:/data"):
        done = geocnn("label", name, "--like", survey, "--out", tmp_path / "out.h5")
        assert done.status == 1
        assert "is no text file" in done.err
        assert "an --out that ends in .dat" in done.err


@pytest.mark.parametrize("survey", ["h5"], indirect=True)
def test_a_polygon_says_where_someone_looked(geocnn: Geocnn, survey: Path, sticks: Path, tmp_path: Path) -> None:
    corners = " ".join(
        "{:.2f},{:.2f}".format(*BINS.place(i, x)) for i, x in ((9.5, 4.5), (9.5, 40.5), (20.5, 40.5), (20.5, 4.5))
    )
    out = tmp_path / "out.npy"
    assert geocnn("label", sticks, "--like", survey, "--polygon", corners, "--out", out).status == 0
    inside = np.zeros(SURVEY.grid.lateral, bool)
    inside[10:21, 5:41] = True
    np.testing.assert_array_equal((np.load(out) == 0).any(axis=2), inside)
