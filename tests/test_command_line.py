"""The real command line on bad input: one message, status 1 or 2, nothing half-written; status 70 fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import segyio
from arrays import grid_of
from command import Geocnn, Outcome

from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import Domain, NewSurvey
from geocnn_cli import main

CONFIG = """\
task: segmentation
classes: [background, bright]
data:
  train: [{image: image.sgy, label: label.h5}]
  validation: {block: 0.25, gap: 4, axis: inline}
  patch: [8, 8, 8]
network:
  layers:
    - {conv: 4, kernel: 3, norm: batch, activation: relu, save: fine}
    - {pool: max, size: 2}
    - {conv: 8, kernel: 3, activation: relu}
    - {upsample: 2}
    - {concat: fine}
    - {conv: outputs, kernel: 1}
training: {steps: 3, batch: 1, validate_every: 3}
"""

SHAPE = (40, 16, 16)


def write(path: Path, samples: np.ndarray) -> None:
    grid = grid_of(samples.shape)
    with create_survey(str(path), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
        writer.write(grid.whole, samples[None].astype(np.float32))
        writer.commit()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a survey, its label, a config, a trained run, and files that are wrong in one way each."""
    folder = tmp_path_factory.mktemp("made")
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write(folder / "image.sgy", image)
    write(folder / "label.h5", image > 1)
    write(folder / "section.h5", image[0])
    (folder / "config.yaml").write_text(CONFIG)
    sys_argv, sys.argv = sys.argv, ["geocnn", "train", str(folder / "config.yaml"), "--run", str(folder / "run")]
    try:
        assert main._status() == 0
    finally:
        sys.argv = sys_argv
    spoil(folder, image)
    return folder


def spoil(folder: Path, image: np.ndarray) -> None:
    """Files that are wrong in one way each."""
    good = (folder / "image.sgy").read_bytes()
    (folder / "truncated.sgy").write_bytes(good[:-1000])
    (folder / "empty.sgy").write_bytes(b"")
    (folder / "text.sgy").write_text("this is no survey\n" * 500)
    (folder / "truncated.h5").write_bytes((folder / "label.h5").read_bytes()[:500])
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        spoilt = image.copy()
        spoilt[3, 4, 5] = value
        write(folder / f"{name}.sgy", spoilt)
    write(folder / "dead.sgy", np.zeros(SHAPE))
    write(folder / "wrong-values.h5", 7 * (image > 1))
    (folder / "constant.sgy").write_bytes(good)
    with segyio.open(folder / "constant.sgy", "r+", ignore_geometry=True) as file:
        for header in file.header:
            header.update({segyio.TraceField.INLINE_3D: 0, segyio.TraceField.CROSSLINE_3D: 0})
    with h5py.File(folder / "elsewhere.h5", "w") as file:
        file["label"] = (image > 1).astype(np.int8)
        file["label"].attrs["axes"] = "inline,crossline,sample"
        file["inline"] = np.arange(9000, 9000 + SHAPE[0])
        file["crossline"] = np.arange(100, 100 + SHAPE[1])
        file["sample_ms"] = np.arange(SHAPE[2]) * 4.0
    model = bytearray((folder / "run/model.safetensors").read_bytes())
    model[-100] ^= 0xFF
    (folder / "damaged.safetensors").write_bytes(model)


SURVEYS = {
    "wrong path": ("missing.sgy", "missing.sgy"),
    "directory for a file": ("run", "run"),
    "wrong suffix": ("config.yaml", "config.yaml"),
    "empty": ("empty.sgy", "empty.sgy"),
    "text": ("text.sgy", "text.sgy"),
    "truncated HDF5": ("truncated.h5", "truncated.h5"),
    "no such data set": ("label.h5:/faults", "/data"),
}


@pytest.mark.parametrize(("survey", "fragment"), SURVEYS.values(), ids=SURVEYS)
@pytest.mark.parametrize("command", ["inspect", "predict", "plot"])
def test_surveys_that_cannot_be_opened(
    geocnn: Geocnn, made: Path, tmp_path: Path, command: str, survey: str, fragment: str
) -> None:
    arguments = {
        "inspect": ("inspect", made / survey),
        "predict": ("predict", made / "run", made / survey, "--out", tmp_path / "out.sgy"),
        "plot": ("plot", made / survey, "--out", tmp_path / "out.png"),
    }[command]
    assert_one_message(geocnn(*arguments), fragment)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["inspect", "predict", "plot"])
def test_a_truncated_survey_is_read_as_far_as_it_is_whole(
    geocnn: Geocnn, made: Path, tmp_path: Path, command: str
) -> None:
    survey = made / "truncated.sgy"
    arguments = {
        "inspect": ("inspect", survey),
        "predict": ("predict", made / "run", survey, "--out", tmp_path / "out.sgy"),
        "plot": ("plot", survey, "--out", tmp_path / "out.png"),
    }[command]
    outcome = geocnn(*arguments)
    assert outcome.status == 0
    assert "cut off" in " ".join((outcome.out + outcome.err).split())


@pytest.mark.parametrize("name", ["int8", "uint8", "ibm"])
def test_a_prediction_in_another_format(geocnn: Geocnn, made: Path, tmp_path: Path, name: str) -> None:
    paths = [tmp_path / "floats.sgy", tmp_path / "other.sgy"]
    assert geocnn("predict", made / "run", made / "image.sgy", "--out", paths[0]).status == 0
    assert geocnn("predict", made / "run", made / "image.sgy", "--out", paths[1], "--format", name).status == 0
    floats, other = (survey.read(survey.grid.whole) for survey in map(open_survey, map(str, paths)))
    scale, step = (1, 2**-20) if name == "ibm" else (100, 0.5)
    assert np.abs(scale * floats - other).max() <= step
    assert other.max() > 0


def test_line_numbers_that_are_constant_make_a_line(geocnn: Geocnn, made: Path, tmp_path: Path) -> None:
    outcome = geocnn("predict", made / "run", made / "constant.sgy", "--out", tmp_path / "out.sgy")
    assert_one_message(outcome, "3-D", status=(1,))


def assert_one_message(outcome: Outcome, *fragments: str, status: tuple[int, ...] = (1, 2)) -> None:
    assert outcome.status in status, outcome
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error:") == 1 or "Usage:" in outcome.err, outcome.err
    for fragment in fragments:
        assert fragment in outcome.err, outcome.err


@pytest.mark.parametrize(
    ("survey", "fragment"),
    [("nan.sgy", "--null"), ("infinite.sgy", "infinite"), ("dead.sgy", "dead"), ("section.h5", "3-D")],
)
def test_surveys_that_cannot_be_predicted(
    geocnn: Geocnn, made: Path, tmp_path: Path, survey: str, fragment: str
) -> None:
    assert_one_message(geocnn("predict", made / "run", made / survey, "--out", tmp_path / "out.sgy"), survey, fragment)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_another_channel_count(geocnn: Geocnn, made: Path, tmp_path: Path) -> None:
    image = made / "image.sgy"
    outcome = geocnn("predict", made / "run", image, image, "--out", tmp_path / "out.sgy")
    assert_one_message(outcome, "1 channel", "has 2")


MODELS = {
    "missing": ("missing", "no such file"),
    "damaged": ("damaged.safetensors", "damaged"),
    "no model": ("image.sgy", "model file"),
    "folder without a run": (".", "model.safetensors"),
}


@pytest.mark.parametrize(("model", "fragment"), MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_models_that_cannot_be_loaded(
    geocnn: Geocnn, made: Path, tmp_path: Path, command: str, model: str, fragment: str
) -> None:
    image = made / "image.sgy"
    rest = {
        "evaluate": ("--image", image, "--label", made / "label.h5"),
        "predict": (image, "--out", tmp_path / "o.sgy"),
    }
    assert_one_message(geocnn(command, made / model, *rest[command]), fragment)
    assert list(tmp_path.iterdir()) == []


CONFIGS: dict[str, tuple[Callable[[str], str], tuple[str, ...]]] = {
    "misspelt key": (lambda text: text.replace("patch:", "pacth:"), ("pacth", "patch", "config.yaml:6")),
    "wrong type": (lambda text: text.replace("steps: 3", "steps: many"), ("training.steps", "many")),
    "two faults": (
        lambda text: text.replace("steps: 3", "steps: many").replace("kernel: 1", "kernal: 1"),
        ("2 faults", "training.steps", "kernal", "kernel"),
    ),
    "duplicate key": (lambda text: text + "training: {steps: 5}\n", ("training", "config.yaml:16")),
    "unknown layer": (lambda text: text.replace("{pool: max", "{pol: max"), ("pol", "pool")),
    "skip to a name not saved": (lambda text: text.replace("{concat: fine}", "{concat: fin}"), ("fin", "fine")),
    "channels that cannot add": (lambda text: text.replace("{concat: fine}", "{add: fine}"), ("8", "4")),
    "sizes that cannot meet": (lambda text: text.replace("    - {upsample: 2}\n", ""), ("fine", "layers[3]")),
    "patch larger than the survey": (lambda text: text.replace("[8, 8, 8]", "[8, 64, 8]"), ("64", "16")),
    "patch no multiple of the stride": (lambda text: text.replace("[8, 8, 8]", "[8, 9, 8]"), ("9", "multiple")),
    "validation block leaves no room": (lambda text: text.replace("gap: 4", "gap: 30"), ("gap",)),
    "label elsewhere": (lambda text: text.replace("label.h5", "elsewhere.h5:/label"), ("image.sgy", "elsewhere.h5")),
    "label missing": (lambda text: text.replace("label.h5", "no.h5"), ("no.h5",)),
    "not YAML": (lambda text: text + "  [", ("config.yaml",)),
    "empty": (lambda text: "", ("config.yaml",)),
}


@pytest.mark.parametrize(("change", "fragments"), CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("command", ["check", "train"])
def test_configs_that_cannot_be_run(
    geocnn: Geocnn, made: Path, tmp_path: Path, command: str, change: Callable[[str], str], fragments: tuple[str, ...]
) -> None:
    for name in ("image.sgy", "label.h5", "elsewhere.h5"):
        (tmp_path / name).symlink_to(made / name)
    config = tmp_path / "config.yaml"
    config.write_text(change(CONFIG))
    arguments = {"check": ("check", config), "train": ("train", config, "--run", tmp_path / "run")}[command]
    assert_one_message(geocnn(*arguments), *fragments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("label", "fragment"),
    [("wrong-values.h5", "7"), ("elsewhere.h5:/label", "do not overlap"), ("section.h5", "axes")],
)
def test_labels_that_do_not_fit(geocnn: Geocnn, made: Path, label: str, fragment: str) -> None:
    outcome = geocnn("evaluate", made / "run", "--image", made / "image.sgy", "--label", made / label)
    assert_one_message(outcome, label.split(":")[0], fragment)


def outputs(made: Path, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    image = made / "image.sgy"
    return {
        "predict": ("predict", made / "run", image, "--out", tmp_path / "out.sgy"),
        "plot": ("plot", image, "--out", tmp_path / "out.png"),
        "inspect": ("inspect", image, "--picture", tmp_path / "out.png"),
        "synth": ("synth", "faults", "--out", tmp_path / "out", "--count", 1, "--shape", "16,16,16"),
        "train": ("train", made / "config.yaml", "--run", tmp_path / "out"),
    }


@pytest.mark.parametrize("command", ["predict", "plot", "inspect", "synth", "train"])
def test_an_output_that_exists_is_kept(geocnn: Geocnn, made: Path, tmp_path: Path, command: str) -> None:
    arguments = outputs(made, tmp_path)[command]
    assert geocnn(*arguments).status == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before
    assert_one_message(geocnn(*arguments), "exist")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["predict", "plot", "inspect", "synth", "train"])
def test_a_folder_that_is_not_writable(geocnn: Geocnn, made: Path, command: str) -> None:
    """/proc takes no files, not even from root."""
    outcome = geocnn(*outputs(made, Path("/proc"))[command])
    assert_one_message(outcome, "/proc")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mount], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield mount
    subprocess.run(["umount", mount], check=True)


@pytest.mark.parametrize("command", ["predict", "plot", "synth", "train"])
def test_a_full_disk(geocnn: Geocnn, made: Path, tiny_disk: Path, command: str) -> None:
    (tiny_disk / "ballast").write_bytes(b"x" * 57_000)
    arguments = outputs(made, tiny_disk)[command]
    assert_one_message(geocnn(*arguments), "the disk is full", status=(1,))
    assert not list(tiny_disk.glob("**/*.sgy"))
    assert not list(tiny_disk.glob("**/*.png"))
    assert not list(tiny_disk.glob("**/*.safetensors"))
    assert not list(tiny_disk.glob("**/.*.partial"))


USAGES = {
    "no such command": ("trian",),
    "no such option": ("inspect", "x.sgy", "--ilien", "5"),
    "not a number": ("inspect", "x.sgy", "--iline", "five"),
    "missing argument": ("predict",),
    "memory without sense": ("predict", "run", "x.sgy", "--out", "y.sgy", "--memory", "lots"),
}


@pytest.mark.parametrize("arguments", USAGES.values(), ids=USAGES)
def test_wrong_usage_has_status_2(geocnn: Geocnn, arguments: tuple[str, ...]) -> None:
    outcome = geocnn(*arguments)
    assert outcome.status == 2
    assert outcome.err


def test_a_fault_of_geocnn_is_told_apart(geocnn: Geocnn, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn.survey.opening.open_survey", lambda *_, **__: 1 / 0)
    outcome = geocnn("inspect", made / "image.sgy")
    assert outcome.status == 70
    log = outcome.err.split()[-1]
    assert "ZeroDivisionError" in Path(log).read_text()
    Path(log).unlink()


def test_the_installed_command_and_its_help() -> None:
    program = Path(sys.executable).parent / "geocnn"
    started = time.monotonic()
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - started < 5
    for command in ("inspect", "check", "synth", "train", "evaluate", "predict", "plot"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("check", "faultseg3d"), ("check", "--help")])
def test_nothing_before_training_imports_torch(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom geocnn_cli import main\n"
        f"sys.argv = ['geocnn', *{arguments!r}]\nstatus = main._status()\n"
        "sys.exit(status or 100 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_signal_saves_and_exits_75(made: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "geocnn"
    command = [program, "train", made / "config.yaml", "--run", tmp_path / "run", "--set", "training.steps=100000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        metrics = tmp_path / "run/metrics.jsonl"
        while not metrics.exists() and process.poll() is None:
            time.sleep(0.1)
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 75, err
    assert b"--resume" in err
    assert list((tmp_path / "run/checkpoints").glob("slot-*.pt"))
