"""``geocnn plot``: pictures of files and runs, and what is refused before any work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Geocnn
from runs import CONFIG, run_train, write_config
from surveys import SAMPLES, Traces, encoded

from geocnn.run import RunDirectory
from geocnn.training.starting import drawn_sample
from geocnn_cli.plot import _of_run

Plot = Callable[..., tuple[int, str]]


@pytest.fixture
def plot(geocnn: Geocnn) -> Plot:
    """Run ``geocnn plot``; its status and all that it printed, with spaces folded."""

    def run(*arguments: object) -> tuple[int, str]:
        status, out, err = geocnn("plot", *arguments)
        return status, " ".join((out + err).split())

    return run


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    line = {"kind": "train", "step": 1, "loss": 0.7, "learning_rate": 1e-3}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    config = write_config(folder, CONFIG.replace("steps: 50", "steps: 1"))
    assert run_train(config, folder / "run").returncode == 0
    return folder / "run"


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_a_survey_is_drawn(plot: Plot, volume: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    status, said = plot(volume, "--out", out)
    assert (status, said.endswith(f"done: {out}")) == (0, True)
    assert is_png(out)


def test_lines_and_overlay_change_the_picture(plot: Plot, volume: Path, tmp_path: Path) -> None:
    pictures = set()
    choices = [[], ["--inline", 4], ["--crossline", 20], ["--slice", 0], ["--overlay", volume]]
    for index, choice in enumerate(choices):
        out = tmp_path / f"{index}.png"
        status, said = plot(volume, *choice, "--out", out)
        assert status == 0, said
        pictures.add(out.read_bytes())
    assert len(pictures) == len(choices)


def test_survey_options_reach_survey_and_overlay(plot: Plot, tmp_path: Path) -> None:
    traces = Traces.of(encoded([1, 2], [7, 8], SAMPLES), [1, 2], [7, 8])
    path = traces.write(tmp_path / "a.sgy")
    status, said = plot(path, "--overlay", path, "--dt", 2, "--t0", 100, "--slice", 102, "--out", tmp_path / "a.png")
    assert status == 0, said


def test_the_loss_of_a_run_is_drawn(plot: Plot, run_directory: Path, tmp_path: Path) -> None:
    assert plot("--run", run_directory, "--out", tmp_path / "loss.png")[0] == 0
    assert is_png(tmp_path / "loss.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to draw expected: a SURVEY, or --run DIR"),
        (["--run", "run", "a.sgy"], "--run together with a survey"),
        (["--run", "run", "--overlay", "a.sgy"], "--run together with a survey, an overlay"),
        (["--run", "run", "--inline", 0], "--run together with a survey, an overlay or a line"),
    ],
)
def test_neither_and_both_are_wrong_usage(plot: Plot, tmp_path: Path, arguments: list[object], message: str) -> None:
    status, said = plot(*arguments, "--out", tmp_path / "out.png")
    assert status == 2
    assert message in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--inline", 99], "no inline 99 expected: inline 4 to 10 by 2 (4)"),
        (["--slice", 1e6], "no sample 1e+06 expected: sample 0 to"),
        (["--overlay", "missing.sgy"], "missing.sgy: no such file"),
    ],
)
def test_what_is_not_there_is_told(
    plot: Plot, volume: Path, tmp_path: Path, arguments: list[object], message: str
) -> None:
    status, said = plot(volume, *arguments, "--out", tmp_path / "out.png")
    assert status == 1
    assert message in said
    assert not list(tmp_path.iterdir())


def test_outputs_are_checked_before_any_survey_is_opened(plot: Plot, volume: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"mine")
    for out, message in ((mine, "mine.png exists"), (tmp_path / "a.sgy", "has the suffix .sgy, which is no picture")):
        status, said = plot("missing.sgy", "--out", out)
        assert status == 1
        assert message in said
    assert mine.read_bytes() == b"mine"
    assert plot(volume, "--out", mine, "--overwrite")[0] == 0
    assert is_png(mine)


def test_a_folder_that_is_no_run(plot: Plot, tmp_path: Path) -> None:
    status, said = plot("--run", tmp_path / "none", "--out", tmp_path / "out.png")
    assert status == 1
    assert "metrics.jsonl cannot be read: No such file or directory" in said


def test_real_faults_are_drawn_over_real_amplitudes(plot: Plot, real_data: Path, tmp_path: Path) -> None:
    folder, out = real_data / "parihaka", tmp_path / "out.png"
    overlay = f"{folder / 'parihaka_faults.h5'}:/faults"
    status, said = plot(folder / "parihaka_seismic.sgy", "--overlay", overlay, "--inline", 1448, "--out", out)
    assert status == 0, said
    from matplotlib.image import imread

    red, _, blue = np.moveaxis(imread(out)[..., :3], -1, 0)
    # The lower row, and only that, has vermillion.
    coloured = (red - blue > 0.2).mean(axis=1)
    assert coloured[: len(coloured) // 2].max() == 0
    assert coloured[len(coloured) // 2 :].mean() > 0.02


@pytest.mark.parametrize("arguments", [("--sample", 3), ("--run", "run", "--sample", -1)])
def test_a_sample_of_no_run_is_refused(plot: Plot, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    status, said = plot(*arguments, "--out", tmp_path / "out.png")
    assert status == 2
    assert "--run" in said or "nothing to draw" in said


def test_a_sample_of_a_run_is_drawn_again(plot: Plot, trained: Path, tmp_path: Path) -> None:
    pictures = []
    for name, number in (("a", 5), ("b", 5), ("c", 6)):
        status, said = plot("--run", trained, "--sample", number, "--out", tmp_path / f"{name}.png")
        assert status == 0, said
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]
    status, said = plot("--run", trained, "--sample", 7, "--out", tmp_path / "a.png")
    assert (status, (tmp_path / "a.png").read_bytes()) == (1, pictures[0])
    assert "a.png exists" in said


def test_pictures_of_a_run_go_to_its_others(plot: Plot, trained: Path) -> None:
    for options, name in ((("--sample", 3), "sample-3.png"), ((), "loss.png")):
        (trained / "pictures" / name).unlink(missing_ok=True)
        for _ in range(2):
            status, said = plot("--run", trained, *options)
            assert status == 0, said
        assert (trained / "pictures" / name).stat().st_size > 1000


def test_without_a_run_a_picture_needs_a_name(plot: Plot) -> None:
    status, said = plot("survey.sgy")
    assert status == 2
    assert "no --out" in said


def test_a_sample_shows_what_the_network_saw_and_tells_where_it_is(trained: Path) -> None:
    drawn, figure = drawn_sample(RunDirectory(trained), 5), _of_run(trained, 5)
    first, second = figure.get_suptitle().splitlines()
    assert first == f"sample 5 of {trained}"
    inline = drawn.patch.grid.axes[0]
    low, high = (inline.label(position) for position in (drawn.patch.window.start[0], drawn.patch.window.stop[0] - 1))
    assert second.startswith(f"image.h5: inline {low:g} to {high:g}, crossline ")
    image, label = (figure.axes[row * 3].images[0].get_array() for row in range(2))
    np.testing.assert_array_equal(image, drawn.patch.image[0, 4].T)
    np.testing.assert_array_equal(np.ma.filled(label, -1), drawn.patch.label[4].T)
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["background", "bright"]
