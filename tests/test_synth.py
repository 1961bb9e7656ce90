"""``geocnn synth faults``: pairs of files on line numbers, the same whatever the count, refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from geocnn.errors import ConfigError, GeocnnError, OutputError, UsageError
from geocnn.interpretation.label import picked_label
from geocnn.interpretation.options import PickOptions
from geocnn.progress import finish
from geocnn.survey.opening import open_survey
from geocnn.synthetic.choice import PlainRecipe, choose_recipe
from geocnn.synthetic.cubes import QUANTILES, FaultCubes, write_fault_cubes
from geocnn.synthetic.faults import fault_cube
from geocnn.synthetic.recipes import RECIPES
from geocnn.synthetic.wide import WideRecipe
from geocnn.synthetic.worlds import draw_world, make_world
from geocnn_cli.synth import synth

SMALL = ("--shape", "16,20,24")
PLAIN = ("--recipe", "wu2019")
WU = PlainRecipe(recipe="wu2019")


def run(*arguments: object) -> str:
    """What `geocnn synth` prints; a GeocnnError is raised again."""
    result = CliRunner().invoke(synth, list(map(str, arguments)))
    if isinstance(result.exception, GeocnnError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("suffix", ["sgy", "h5"])
def test_pairs_hold_image_and_label_on_line_numbers(tmp_path: Path, suffix: str) -> None:
    run("faults", "--out", tmp_path / "cubes", "--count", 2, *SMALL, *PLAIN, "--seed", 7, "--format", suffix)
    names = {f"faults-{n:04d}-{kind}.{suffix}" for n in (0, 1) for kind in ("seismic", "label")}
    assert {path.name for path in (tmp_path / "cubes").iterdir()} == names
    for number in (0, 1):
        expected = fault_cube((16, 20, 24), (7, number), RECIPES["wu2019"])
        for kind, samples in zip(("seismic", "label"), expected, strict=True):
            survey = open_survey(str(tmp_path / f"cubes/faults-{number:04d}-{kind}.{suffix}"))
            np.testing.assert_array_equal(survey.read(survey.grid.whole)[0], samples)
            first = [(axis.name, axis.first, axis.step, axis.unit) for axis in survey.grid.axes]
            assert first == [("inline", 1000, 1, ""), ("crossline", 2000, 1, ""), ("sample", 0, 4, "ms")]
            assert survey.domain.name == "time"


def test_a_cube_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    for name, count in (("one", 1), ("three", 3)):
        run("faults", "--out", tmp_path / name, "--count", count, *SMALL, *PLAIN, "--seed", 7)
    one, three = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "three"))
    assert len(three) == 6
    assert one == {name: three[name] for name in one}
    assert three["faults-0000-seismic.sgy"] != three["faults-0001-seismic.sgy"]


def test_seed_and_recipe_change_the_cubes(tmp_path: Path) -> None:
    kinds = (("--seed", 0), ("--seed", 1), ("--recipe", "wu2019-wide"))
    for number, option in enumerate(kinds):
        run("faults", "--out", tmp_path / str(number), *SMALL, *option)
    cubes = {(tmp_path / str(number) / "faults-0000-label.sgy").read_bytes() for number in range(len(kinds))}
    assert len(cubes) == 3


def test_the_headers_tell_how_a_cube_was_made(tmp_path: Path) -> None:
    run("faults", "--out", tmp_path, *SMALL, "--seed", 5, "--recipe", "wu2019-wide", "--count", 2)
    text = told_by(tmp_path / "faults-0001-label.sgy")
    assert "label" in text
    assert "--shape 16,20,24 --recipe wu2019-wide --seed 5, cube 1" in text
    (tmp_path / "mine.yaml").write_text("dip: [60, 70]\nwithout: [salt]\n")
    run("faults", "--out", tmp_path / "mine", *SMALL, "--recipe", tmp_path / "mine.yaml")
    text = told_by(tmp_path / "mine/faults-0000-label.sgy")
    assert "--recipe wide --without salt with dip: [60.0, 70.0] --seed 0, cube 0" in text


def told_by(path: Path) -> str:
    """The text header of a file, without the numbers of its lines."""
    return " ".join(line[3:].strip() for line in open_survey(str(path)).text)


def test_files_that_exist_are_kept_unless_told(tmp_path: Path) -> None:
    run("faults", "--out", tmp_path, *SMALL, "--seed", 1)
    kept = tmp_path / "faults-0000-label.sgy"
    before = kept.read_bytes()
    (tmp_path / "faults-0000-seismic.sgy").unlink()
    with pytest.raises(OutputError, match=r"faults-0000-label\.sgy exists"):
        run("faults", "--out", tmp_path, *SMALL, "--seed", 2)
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]
    assert kept.read_bytes() == before
    run("faults", "--out", tmp_path, *SMALL, "--seed", 2, "--overwrite")
    assert kept.read_bytes() != before


def test_progress_counts_cubes(tmp_path: Path) -> None:
    work = write_fault_cubes(FaultCubes(tmp_path, 3, (8, 8, 16), 0, WU, "h5"))
    assert [(step.done, step.total, step.unit) for step in work] == [(n, 3, "cubes") for n in range(4)]


def test_what_is_said_of_the_faults_is_so(tmp_path: Path) -> None:
    made = finish(write_fault_cubes(FaultCubes(tmp_path, 6, (16, 20, 24), 0, WideRecipe(), "h5")))
    surveys = [open_survey(str(tmp_path / f"faults-{n:04d}-label.h5")) for n in range(6)]
    labels = np.stack([survey.read(survey.grid.whole)[0] for survey in surveys])
    there = (labels == 1).reshape(6, -1).any(axis=1)
    assert made == (labels.size, (labels == 1).sum(), (labels == -1).sum(), (~there).sum())
    assert 0 < made.empty < 6
    assert made.ignored > 0


def test_cubes_without_a_fault_are_told(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("faults: [0, 0]\nwithout: [polygonal]\n")
    said = run("faults", "--out", tmp_path / "cubes", *SMALL, "--count", 2, "--recipe", tmp_path / "none.yaml")
    assert "2 of 2 cubes have no fault that can be seen" in said
    assert "0.0 % on faults" in said


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--shape", "64,64"), "--shape 64,64\n"),
        (("--shape", "64,64,sixty"), "sixty"),
        (("--shape", "64,-64,64"), "--shape 64,-64,64"),
        (("--shape", "4,64,64"), "4 × 64 × 64"),
        (("--shape", "99999,99999,9999"), "at most"),
        (("--recipe", "wu2018"), "did you mean wu2019"),
        (("--recipe", "salt"), "wide, wu2019, wu2019-wide"),
    ],
)
def test_wrong_requests_make_nothing(tmp_path: Path, arguments: tuple[str, ...], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        run("faults", "--out", tmp_path / "cubes", *arguments)
    assert not (tmp_path / "cubes").exists()


def test_a_file_cannot_be_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="is a file"):
        run("faults", "--out", tmp_path / "file", *SMALL)


def test_folders_are_made(tmp_path: Path) -> None:
    run("faults", "--out", tmp_path / "new/cubes", *SMALL)
    assert list((tmp_path / "new/cubes").glob("*-seismic.*"))


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1)])
def test_the_library_refuses_what_the_command_line_would(tmp_path: Path, count: int, seed: int) -> None:
    with pytest.raises(UsageError, match=f"{count} cubes of seed {seed}"):
        FaultCubes(tmp_path, count, (16, 16, 16), seed, WU, "sgy")


# The recipe wide


def test_throw_and_age_are_written_beside_a_world(tmp_path: Path) -> None:
    run("faults", "--out", tmp_path / "cubes", *SMALL, "--also", "throw,age", "--format", "h5", "--seed", 3)
    cube = make_world(draw_world(3, 0, (16, 20, 24), WideRecipe()))
    for kind, made in (("seismic", cube.image), ("label", cube.fault), ("throw", cube.throw), ("age", cube.age)):
        survey = open_survey(str(tmp_path / f"cubes/faults-0000-{kind}.h5"))
        np.testing.assert_array_equal(survey.read(survey.grid.whole)[0], made.numpy().astype(np.float32))
        assert survey.bins is not None
        np.testing.assert_allclose(survey.bins.size, cube.world.frame.bins, rtol=1e-3)


@pytest.mark.parametrize("suffix", ["sgy", "h5"])
def test_horizons_are_written_as_picks_that_make_labels(tmp_path: Path, suffix: str) -> None:
    options = ("--shape", "24,28,48", "--also", "horizons", "--format", suffix, "--seed", 4)
    options += ("--without", "unconformities,salt")
    run("faults", "--out", tmp_path, *options)
    with pytest.raises(OutputError, match=r"faults-0000-(seismic|horizon)"):
        run("faults", "--out", tmp_path, *options)
    age = make_world(draw_world(4, 0, (24, 28, 48), WideRecipe(without=("unconformities", "salt")))).age
    like = open_survey(str(tmp_path / f"faults-0000-seismic.{suffix}"))
    files = [tmp_path / f"faults-0000-horizon-{k}.dat" for k in (1, 2, 3)]
    label = picked_label([str(path) for path in files], like, PickOptions(horizon="interval"))
    assert not any("were taken as" in remark for remark in label.remarks)
    samples = label.read(label.grid.whole)[0]
    known = samples >= 0
    ages = torch.quantile(age.flatten(), torch.tensor(QUANTILES))
    younger = sum((age >= each).to(torch.int64) for each in ages).numpy()  # type: ignore[union-attr]
    assert known.mean() > 0.3
    # Reverse faults repeat a layer on a trace, which a horizon meets once.
    assert (samples == younger)[known].mean() > 0.97


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("recipe: wide\ndip: [60, 80]\nwithout: [salt]\n")
    chosen = choose_recipe(str(tmp_path / "mine.yaml"), ["noise"])
    assert chosen == WideRecipe(dip=(60, 80), without=("salt", "noise"))
    (tmp_path / "plain.yaml").write_text("recipe: wu2019\n")
    assert choose_recipe(str(tmp_path / "plain.yaml")) == WU


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("recipe: wied", "unknown recipe 'wied'"),
        ("dipp: [30, 80]", "dipp"),
        ("dip: [80, 30]", "dip"),
        ("dip: 60", "dip"),
        ("frequency: [8, .inf]", "frequency"),
        ("recipe: wu2019\ndip: [30, 80]", "dip"),
        ("- wide", "no keys"),
        ("without: [slat]", "slat"),
        ("{", "."),
    ],
)
def test_recipes_that_are_wrong(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as told:
        choose_recipe(str(tmp_path / "mine.yaml"))
    assert any(match in f"{fault.key} {fault.found}" for fault in told.value.faults) or match == "."


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--recipe", "wied"), "no recipe 'wied'"),
        (("--without", "slat"), "--without slat"),
        (("--without", "salt", *PLAIN), "--without salt with --recipe wu2019"),
        (("--also", "throw", *PLAIN), "--also throw with --recipe wu2019"),
        (("--also", "dip"), "--also dip"),
    ],
)
def test_options_that_are_wrong(tmp_path: Path, arguments: tuple[str, ...], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        run("faults", "--out", tmp_path / "cubes", *SMALL, *arguments)
    assert not (tmp_path / "cubes").exists()
