"""``geocnn check``: the numbers of the table, by hand and against the plan; what it refuses; JSON that says it all."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from arrays import grid_of
from command import Geocnn

from geocnn.config import load_config
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, NewSurvey

CONFIG = """\
classes: [background, bright]
data:
  train: [{image: image.h5, label: label.h5, null: .nan}]
  validation: {block: 0.25, gap: 4}
  patch: [8, 8, 8]
network:
  layers:
    - {conv: 4, kernel: 3, norm: batch, activation: relu}
    - {conv: outputs, kernel: 1}
training: {steps: 7, batch: 2}
"""


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, geocnn: Geocnn) -> Geocnn:
    """Run ``geocnn check`` on a wide terminal."""
    monkeypatch.setattr("geocnn_cli.report._out.width", 200)
    return partial(geocnn, "check")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with its surveys of 40 × 16 × 16 samples."""
    image = np.random.default_rng(0).normal(size=(40, 16, 16)).astype(np.float32)
    for name, samples in (("image", image), ("label", image > 1)):
        grid = grid_of(image.shape)
        with create_survey(str(tmp_path / f"{name}.h5"), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
            writer.write(grid.whole, samples[None].astype(np.float32))
            writer.commit()
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "net.yaml"
    path.write_text(text)
    return path


def row(table: str, name: str) -> list[str]:
    """Cells of a row of the table."""
    [line] = [line for line in table.splitlines() if line.startswith(f"{name} ")]
    return re.split(r"\s{2,}", line.strip())


def test_the_row_of_a_convolution_by_hand(check: Geocnn, tmp_path: Path) -> None:
    """3 to 10 channels of 3×3: 3·3·3·10 + 10 = 280 parameters, 270 multiply-adds for each of 50 samples."""
    path = spec_file(tmp_path, "[{conv: 10, kernel: 3, activation: relu}, {conv: outputs, kernel: 1, padding: valid}]")
    status, out, _ = check(path, "--input", "3,10,5", "--outputs", "2")
    assert status == 0
    assert row(out, "[0]") == ["[0]", "conv 10 3² relu", "10 × 10 × 5", "280", "3²", "1", "0", "13.5 k", "4 kB"]
    assert row(out, "[1]")[1:4] == ["conv outputs 1² padding valid", "2 × 10 × 5", "22"]
    assert "302 parameters" in out
    assert "halo 1+1 samples on each axis" in out
    assert "exactly" in out


WRITTEN = {
    "conv: 8, kernel: [3, 4, 5], stride: [1, 1, 2], groups: 2, bias: false, save: a": (
        "conv 8 3 × 4 × 5 stride 1 × 1 × 2 groups 2 no bias save a"
    ),
    "conv: 8, kernel: 3, dilation: 2, dropout: 0.5": "conv 8 3³ dilation 2 dropout 0.5",
    "conv: 8, kernel: 3, norm: {group: 4}, separable: true": "conv 8 3³ separable group 4",
    "conv: 6, kernel: 3, weights: sobel, padding_mode: reflect": "conv 6 3³ padding_mode reflect weights sobel",
    "pool: mean, size: 3, stride: 2, padding: same": "pool mean 3³ stride 2 padding same",
    "pool: mean, size: 3, stride: 1, padding: [1, 1, 1]": "pool mean 3³ stride 1 padding 1",
    "upsample: [1, 2, 2]": "upsample × 1 × 2 × 2",
    "upsample: 2, mode: linear": "upsample × 2 linear",
    "norm: batch": "norm batch",
    "activation: elu": "activation elu",
    "dropout: 0.2": "dropout 0.2",
}


@pytest.mark.parametrize(("layer", "written"), WRITTEN.items(), ids=WRITTEN)
def test_layers_read_as_they_are_written(check: Geocnn, tmp_path: Path, layer: str, written: str) -> None:
    more = "- {concat: a}\n" if "save" in layer else ""
    path = spec_file(tmp_path, f"- {{conv: 2, kernel: 1}}\n- {{{layer}}}\n{more}- {{conv: outputs, kernel: 1}}\n")
    status, out, err = check(path, "--input", "1,16,16,16")
    assert status == 0, err
    assert row(out, "[1]")[1] == written


def test_a_residual_block_shows_its_layers_its_shortcut_and_its_sum(check: Geocnn, tmp_path: Path) -> None:
    block = "residual: [{conv: 4, kernel: 3, stride: 2, norm: batch}], activation: relu"
    path = spec_file(tmp_path, f"[{{{block}}}, {{conv: outputs, kernel: 1}}]")
    _, out, _ = check(path, "--input", "1,16,16")
    assert row(out, "[0]")[1:3] == ["residual relu", "4 × 8²"]
    assert row(out, "  [0]")[1] == "conv 4 3² stride 2 batch"
    # 1·4 weights, no bias, and the norm's scale and shift.
    [shortcut] = [line.split("  ") for line in out.splitlines() if "shortcut: conv norm" in line]
    assert [cell.strip() for cell in shortcut if cell][1:3] == ["4 × 8²", "12"]


def test_what_follows_a_pool_of_all_samples_sees_all(check: Geocnn, tmp_path: Path) -> None:
    gate = "{conv: 2, kernel: 3, save: a}, {pool: mean, size: all}, {multiply: a}, {conv: outputs, kernel: 3}"
    path = spec_file(tmp_path, f"[{gate}]")
    _, out, err = check(path, "--input", "1,16,16")
    assert "all" not in row(out, "[0]")
    assert all("all" in row(out, f"[{index}]") for index in (2, 3))
    assert "pool of size all at layers[1]" in err
    data = json.loads(check(path, "--input", "1,16,16", "--json")[1])
    assert data["receptive_field"] is None
    assert [layer["receptive_field"] for layer in data["layers"]] == [[1, 1], [3, 3], None, None, None]


def test_a_survey_is_no_spec(check: Geocnn, config: Path) -> None:
    status, _, err = check(config.with_name("image.h5"))
    assert (status, "is a survey" in err, "geocnn inspect" in err) == (2, True, True)


@pytest.mark.parametrize("name", ["fault-small", "faultseg3d"])
def test_zoo_networks_have_their_published_parameters(check: Geocnn, name: str) -> None:
    status, out, _ = check(name, "--json")
    data = json.loads(out)
    assert status == 0
    assert data["parameters"] == {"fault-small": 88_673, "faultseg3d": 1_459_585}[name]
    assert sum(layer["parameters"] for layer in data["layers"]) == data["parameters"]
    assert sum(layer["multiply_adds"] for layer in data["layers"]) == data["multiply_adds"]
    assert data["input"] == {"fault-small": [1, 64, 64, 64], "faultseg3d": [1, 128, 128, 128]}[name]
    assert data["exact"]
    assert all(layer["written"] for layer in data["layers"])


@pytest.mark.parametrize(
    ("layers", "input"),
    [
        ("{conv: 2, kernel: 3}", [1, 64, 64, 64]),
        ("{conv: 2, kernel: [3, 3]}", [1, 64, 64]),
        ("{residual: [{conv: 2, kernel: [3]}]}", [1, 64]),
        ("{pool: max, size: 3}, {upsample: 3}", [1, 66, 66, 66]),
        ("{pool: max, size: [128, 1]}, {upsample: [128, 1]}", [1, 128, 64]),
    ],
)
def test_the_usual_input_fits_the_spec(check: Geocnn, tmp_path: Path, layers: str, input: list[int]) -> None:
    status, out, err = check(spec_file(tmp_path, f"[{layers}, {{conv: outputs, kernel: 1}}]"), "--json")
    assert status == 0, err
    assert json.loads(out)["input"] == input


def test_a_dense_head_is_said_to_break_tiles(check: Geocnn, tmp_path: Path) -> None:
    path = spec_file(tmp_path, "[{conv: 2, kernel: 3}, {flatten: true}, {dense: outputs}]")
    status, out, err = check(path, "--input", "1,8,8", "--outputs", "5")
    assert status == 0
    assert "flatten at layers[1], dense at layers[2]" in err
    assert "exactly" not in out
    assert row(out, "[2]")[1:5] == ["dense outputs", "5", "645", "all"]


@pytest.mark.parametrize("text", ["", "1", "1,0,8", "1,a", "1,8,8,8,8", "-1,8", "1,²"])
def test_inputs_that_are_no_sizes(check: Geocnn, text: str) -> None:
    status, _, err = check("fault-small", f"--input={text}")
    assert status == 2
    assert f"--input {text}".strip() in err


def test_sizes_beyond_this_world_are_refused(check: Geocnn) -> None:
    status, _, err = check("fault-small", "--input", "1," + "9" * 5000)
    assert (status, "--input 1,999" in err) == (2, True)
    assert len(err) < 500


@pytest.mark.parametrize("option", [("--input", "1,8,8,8"), ("--outputs", "2")])
def test_a_config_says_its_own_sizes(check: Geocnn, config: Path, option: tuple[str, str]) -> None:
    status, _, err = check(config, *option)
    assert status == 2
    assert f"{option[0]} with the config" in err


def test_a_spec_with_faults_names_them_all(check: Geocnn, tmp_path: Path) -> None:
    path = spec_file(tmp_path, "layers:\n  - {cnov: 3, kernel: 3}\n  - {conv: outputs, kernle: 1}\n")
    status, _, err = check(path)
    assert status == 1
    assert "net.yaml:2: layers[0]: unknown layer 'cnov'" in err
    assert "net.yaml:3: layers[1].kernle: unknown key 'kernle'" in err


def test_an_unknown_name_gets_the_nearest(check: Geocnn) -> None:
    status, _, err = check("faultseg3")
    assert status == 1
    assert "'faultseg3d'" in err


def test_a_config_is_shown_with_its_defaults(check: Geocnn, config: Path) -> None:
    status, out, _ = check(config)
    assert status == 0
    shown = yaml.safe_load(out[: out.index("\nnetwork")])
    assert shown["data"]["validation"] == {"block": 0.25, "gap": 4, "axis": None}
    assert shown["data"]["train"][0]["duplicates"] == "first"
    for default in ("learning_rate: 0.001", "validate_every: 2", "clip: 5.0", "rotate: true", "precision: auto"):
        assert default in out
    assert "The config fits." in out


def test_a_config_is_shown_with_surveys_split_and_cost(check: Geocnn, config: Path) -> None:
    """26 of 40 inlines are left for training: 3 × 2 × 2 patches of 8 side by side."""
    _, out, _ = check(config)
    assert "inline 100 to 139 by 1 (40)" in " ".join(out.split())
    assert "0:26 × 0:16 × 0:16" in out
    assert "30:40 × 0:16 × 0:16" in out
    assert "12 patches fit side by side" in out
    # Forward 27·4 + 4 multiply-adds for each of 8³ samples, backward twice that, for 2 patches.
    assert "344 k multiply-adds" in out
    assert "of memory" in out


def test_json_of_a_config_says_all_of_it(check: Geocnn, config: Path) -> None:
    status, out, _ = check(config, "--json")
    assert status == 0
    data = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert data["config"]["training"]["steps"] == 7
    assert data["config"]["data"]["train"][0]["null"] == ".nan"
    assert data["parameters"] == 4 * 27 + 2 * 4 + 4 + 1
    assert data["multiply_adds_of_a_training_step"] == 3 * 2 * (27 * 4 + 4) * 8**3
    training, validation = data["surveys"]
    assert training["window"] == [[0, 0, 0], [26, 16, 16]]
    assert training["patches_side_by_side"] == 12
    assert validation["window"] == [[30, 0, 0], [40, 16, 16]]
    assert training["grid"][2] == {"name": "sample", "first": 0, "step": 4, "size": 16, "unit": "ms"}


def test_many_surveys_are_shown_in_part(check: Geocnn, config: Path) -> None:
    pairs = "".join(f"    - {{image: image-{n}.h5, label: label-{n}.h5}}\n" for n in range(12))
    for n in range(12):
        for name in ("image", "label"):
            (config.parent / f"{name}-{n}.h5").symlink_to(config.parent / f"{name}.h5")
    config.write_text(CONFIG.replace(" [{image: image.h5, label: label.h5, null: .nan}]", f"\n{pairs.rstrip()}"))
    status, out, err = check(config)
    assert status == 0, err
    assert "# and 4 more training surveys" in out
    assert "… and 8 more" in out
    assert "144 patches fit side by side" in out


def test_faults_of_a_config_are_all_told(check: Geocnn, config: Path) -> None:
    config.write_text(CONFIG.replace("steps: 7", "stesp: 7").replace("kernel: 1", "kernel: 0"))
    status, out, err = check(config)
    assert (status, out) == (1, "")
    assert "2 faults" in err
    assert "training.stesp: unknown key 'stesp'" in err
    assert "network.layers[1].kernel" in err


def test_the_dumped_config_of_check_is_the_config(check: Geocnn, config: Path) -> None:
    _, out, _ = check(config, "--json")
    shown = json.loads(out)["config"]
    assert shown["training"] == load_config(config).record.training.model_dump(mode="json")


def test_the_drawing_can_be_wished_and_left_out(check: Geocnn, tmp_path: Path) -> None:
    chain = spec_file(tmp_path, "[{conv: 2, kernel: 3}, {conv: outputs, kernel: 1}]")
    assert "╷ input" not in check(chain)[1]
    assert "╷ input" in check(chain, "--graph")[1]
    assert "◀───╯" in check("fault-small")[1]
    assert "◀───╯" not in check("fault-small", "--no-graph")[1]


def test_a_narrow_screen_shows_fewer_columns(check: Geocnn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn_cli.report._out.width", 80)
    out = check("fault-small", "--no-graph")[1]
    table = out[: out.index("88,673")].splitlines()
    assert max(map(len, table)) <= 80
    assert "offset, memory: on wider screens" in out


def test_memory_tells_what_fits(check: Geocnn) -> None:
    out = check("fault-small", "--memory", "1GB", "--no-graph")[1]
    assert re.search(r"within 1 GB: training on 1 input of up to \d+³, or on up to \d+ inputs of 64³", out)
    data = json.loads(check("fault-small", "--memory", "1GB", "--json")[1])
    assert data["within"]["largest_batch"] >= 4
    assert set(data["within"]["largest_patch"]) == {data["within"]["largest_patch"][0]}
    assert "too little to train on even the smallest input" in check("fault-small", "--memory", "1kB")[1]


@pytest.mark.parametrize("text", ["lots", "0GB", "1.2.3GB", "9" * 400])
def test_memory_that_is_no_size(check: Geocnn, text: str) -> None:
    status, _, err = check("fault-small", "--memory", text)
    assert (status, "--memory" in err) == (2, True)


def test_pictures_of_the_network_and_on_a_survey(check: Geocnn, config: Path) -> None:
    out = config.parent / "net.png"
    assert check("fault-small", "--picture", out)[0] == 0
    network = out.read_bytes()
    status, _, err = check("fault-small", "--picture", out)
    assert (status, "exists" in err) == (1, True)
    survey = config.parent / "image.h5"
    assert check(config, "--picture", out, "--on", survey, "--overwrite")[0] == 0
    assert network[:4] == out.read_bytes()[:4] == b"\x89PNG"
    assert network != out.read_bytes()


def test_a_survey_without_a_picture_is_refused(check: Geocnn) -> None:
    status, _, err = check("fault-small", "--on", "survey.sgy")
    assert status == 2
    assert "--on survey.sgy without --picture" in err


def test_a_config_is_checked_with_what_replaces_its_keys(check: Geocnn, config: Path) -> None:
    outcome = check(config, "--set", "training.batch=7", "--json")
    assert outcome.status == 0
    assert json.loads(outcome.out)["config"]["training"]["batch"] == 7
    assert check("fault-small", "--set", "training.batch=7").status == 2
