"""Preflight: what fits passes with the windows worked by hand; every misfit is told where it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from arrays import grid_of

from geocnn.config import Config, load_config
from geocnn.errors import ConfigError, Fault
from geocnn.grid import Window
from geocnn.network.memory import training_bytes
from geocnn.preflight import Preflight, preflight
from geocnn.survey.creating import create_survey
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.survey import Domain, NewSurvey

SHAPE = (24, 60, 32)

CONFIG = """\
data:
  train: [{image: image.h5, label: label.h5}]
  validation: {block: 0.2, gap: 4}
  patch: [16, 16, 16]
network:
  layers:
    - {conv: 4, kernel: 3, norm: batch, activation: relu, save: fine}
    - {pool: max, size: 2}
    - {conv: 6, kernel: 3, activation: relu}
    - {upsample: 2}
    - {concat: fine}
    - {conv: outputs, kernel: 1}
training: {steps: 3, batch: 2}
"""


def write(path: Path, samples: np.ndarray, first: int = 100) -> None:
    grid = grid_of(samples.shape)
    if first != 100:
        axes = (type(grid.axes[0])("inline", first, 1, samples.shape[0]), *grid.axes[1:])
        grid = type(grid)(axes)
    with create_survey(str(path), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
        writer.write(grid.whole, samples[None].astype(np.float32))
        writer.commit()


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with surveys and labels; `*-elsewhere` are on other inlines, `section` has two axes."""
    folder = tmp_path_factory.mktemp("surveys")
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for name in ("image", "other", "third"):
        write(folder / f"{name}.h5", image)
    write(folder / "label.h5", image > 1)
    write(folder / "second-label.h5", image > 2)
    write(folder / "third-label.h5", image > 2)
    write(folder / "label-elsewhere.h5", image > 1, first=500)
    write(folder / "label-late.h5", image[:, :40] > 1, first=110)
    write(folder / "section.h5", image[0])
    write(folder / "section-label.h5", image[0] > 1)
    write(folder / "small.h5", image[:8])
    write(folder / "small-label.h5", image[:8] > 1)
    return folder


def config_of(surveys: Path, *changes: tuple[str, str]) -> Config:
    """The config with pieces of its text replaced."""
    text = CONFIG
    for old, new in changes:
        assert old in text, f"{old!r} is not in the config"
        text = text.replace(old, new)
    path = surveys / "config.yaml"
    path.write_text(text)
    return load_config(path)


def checked(surveys: Path, *changes: tuple[str, str]) -> Preflight:
    return preflight(config_of(surveys, *changes))


def faults_of(surveys: Path, match: str, *changes: tuple[str, str]) -> tuple[Fault, ...]:
    config = config_of(surveys, *changes)
    with pytest.raises(ConfigError, match=match) as caught:
        preflight(config)
    return caught.value.faults


def base(labelled: LabelledSurvey) -> str:
    """Name of the image's file."""
    return Path(labelled.image.name.removesuffix(":/data")).name


def block(text: str) -> tuple[str, str]:
    return ("{block: 0.2, gap: 4}", text)


PAIR = "[{image: image.h5, label: label.h5}]"
PATCH = "[16, 16, 16]"


def train(text: str) -> tuple[str, str]:
    return (PAIR, text)


def layers(text: str) -> tuple[str, str]:
    """The config's layers replaced."""
    start, end = CONFIG.index("    - {conv: 4"), CONFIG.index("training:")
    return (CONFIG[start:end], "".join(f"    - {line}\n" for line in text.splitlines()))


def test_a_block_at_the_far_end_of_the_longest_lateral_axis(surveys: Path) -> None:
    found = checked(surveys)
    assert [window for _, window in found.training] == [Window((0, 0, 0), (24, 44, 32))]
    assert [window for _, window in found.validation] == [Window((0, 48, 0), (24, 60, 32))]
    assert found.plan.input == (1, 16, 16, 16)
    assert found.plan.outputs == 1
    assert found.remarks == ()


def test_memory_is_that_of_a_training_step(surveys: Path) -> None:
    found = checked(surveys, ("batch: 2", "batch: 3"))
    assert found.memory == training_bytes(found.plan, 3)


def test_the_block_is_cut_from_the_labelled_part(surveys: Path) -> None:
    found = checked(surveys, ("label.h5", "label-late.h5"), (PATCH, "[4, 16, 16]"))
    assert found.training[0][1] == Window((10, 0, 0), (24, 28, 32))
    assert found.validation[0][1] == Window((10, 32, 0), (24, 40, 32))


def test_the_last_surveys_are_held_out(surveys: Path) -> None:
    pairs = [("image.h5", "label.h5"), ("other.h5", "second-label.h5"), ("third.h5", "third-label.h5")]
    written = ", ".join(f"{{image: {image}, label: {label}}}" for image, label in pairs)
    found = checked(surveys, train(f"[{written}]"), block("{surveys: 1}"))
    assert [base(labelled) for labelled, _ in found.training] == ["image.h5", "other.h5"]
    assert [base(labelled) for labelled, _ in found.validation] == ["third.h5"]
    assert found.validation[0][1] == Window((0, 0, 0), SHAPE)


def test_named_surveys_are_held_out(surveys: Path) -> None:
    found = checked(surveys, block("{surveys: [{image: other.h5, label: second-label.h5}]}"))
    assert len(found.training) == 1
    assert base(found.validation[0][0]) == "other.h5"


def test_channels_are_stacked(surveys: Path) -> None:
    assert checked(surveys, ("image.h5", "[image.h5, other.h5, third.h5]")).plan.input == (3, 16, 16, 16)


def test_sections_take_the_same_network(surveys: Path) -> None:
    found = checked(
        surveys, ("image.h5", "section.h5"), ("label.h5", "section-label.h5"), (PATCH, "[16, 16]"), (", gap: 4", "")
    )
    assert found.validation[0][1] == Window((48, 0), (60, 32))
    assert found.training[0][1] == Window((0, 0), (32, 32))


NETWORK_FAULTS = {
    "stride": (
        [(PATCH, "[16, 18, 15]"), ("size: 2", "size: 4"), ("upsample: 2", "upsample: 4")],
        r"config.yaml:4: data.patch: patch \[16, 18, 15\]\n.*stride \[4, 4, 4\].*\n"
        r".*write \[16, 16, 12\] or \[16, 20, 16\]",
    ),
    "stride, and nothing above fits": (
        [(PATCH, "[16, 16, 31]"), ("size: 2", "size: [1, 1, 24]"), ("upsample: 2", "upsample: [1, 1, 24]")],
        r"data.patch: (.|\n)*write \[16, 16, 24\]$",
    ),
    "stride, and nothing fits": (
        [(PATCH, "[16, 16, 31]"), ("size: 2", "size: [1, 1, 35]"), ("upsample: 2", "upsample: [1, 1, 35]")],
        r"data.patch: (.|\n)*no multiple fits into every survey",
    ),
    "vanishes": (
        [layers("{pool: max, size: 2}\n{conv: 4, kernel: 9, padding: valid}\n{conv: outputs, kernel: 1}")],
        r"config.yaml:8: network.layers\[1\]: a window of 9 samples on 8",
    ),
    "another dimension": (
        [layers("{conv: 4, kernel: [3, 3]}\n{conv: outputs, kernel: 1}")],
        r"config.yaml:7: network.layers\[0\].kernel: 2 numbers 3, 3 for 3 axes",
    ),
    "padding valid": (
        [layers("{conv: 4, kernel: 3}\n{conv: 4, kernel: 3, padding: valid}\n{conv: outputs, kernel: 1}")],
        r"config.yaml:8: network.layers\[1\]: .*14 × 14 × 14 of a patch of 16 × 16 × 16.*16 × 16 × 16 to 14 × 14 × 14"
        r"(.|\n)*padding: same",
    ),
    "too much padding": (
        [layers("{conv: 4, kernel: 3, padding: 2}\n{conv: outputs, kernel: 1}")],
        r"network.layers\[0\]: .*16 × 16 × 16 to 18 × 18 × 18",
    ),
    "pooled and not upsampled": (
        [layers("{pool: max, size: 2}\n{conv: outputs, kernel: 1}")],
        r"config.yaml:8: network.layers\[1\]: .*makes 8 × 8 × 8 of a patch of 16 × 16 × 16.*one output in 2 × 2 × 2",
    ),
    "upsampled beyond": (
        [layers("{upsample: 2}\n{conv: outputs, kernel: 1}")],
        r"makes 32 × 32 × 32 of .*one output in 1/2 × 1/2 × 1/2",
    ),
    "sizes equal by chance": (
        [layers("{conv: 2, kernel: 9, padding: valid}\n{upsample: 2}\n{conv: outputs, kernel: 1}")],
        r"network.layers\[0\]: .*16 × 16 × 16 to 8 × 8 × 8",
    ),
    "batch norm of one value": (
        [
            ("batch: 2", "batch: 1"),
            layers("{conv: 2, kernel: 3, stride: 16, norm: batch}\n{upsample: 16}\n{conv: outputs, kernel: 1}"),
        ],
        r"config.yaml:7: network.layers\[0\]: a batch norm of one value.*\n.*several values.*\n.*training.batch: 2",
    ),
    "an activation at the end": (
        [layers("{conv: 4, kernel: 3}\n{conv: outputs, kernel: 1, activation: sigmoid}")],
        r"config.yaml:8: network.layers\[1\]: the last layer ends in sigmoid\n.*logits.*\n.*leave its activation out",
    ),
    "dense head": (
        [layers("{conv: 2, kernel: 3}\n{flatten: true}\n{dense: outputs}")],
        r"config.yaml:8: network.layers\[1\]: .*flatten at layers\[1\], dense at layers\[2\].*\n.*segmentation",
    ),
}


RECIPE_FAULTS = {
    "a frozen layer that is none": (
        "freeze: [encoder]",
        r"training.freeze: no layer with weights is called encoder\n.*layers_0_conv",
    ),
    "all frozen": ("freeze: ['*']", "training.freeze: all layers are frozen"),
    "a factor of none": (
        "learning_rate_factors: {layers_9*: 2.0}",
        r"training.learning_rate_factors: no layer with weights is called layers_9\*",
    ),
    "a head that is none": ("heads: {coarse: 0.5}", "training.heads: no head is called coarse\n.*it has none"),
}


@pytest.mark.parametrize(("key", "match"), RECIPE_FAULTS.values(), ids=RECIPE_FAULTS)
def test_names_of_the_recipe_that_the_network_has_not(surveys: Path, key: str, match: str) -> None:
    faults_of(surveys, match, ("batch: 2", f"batch: 2, {key}"))
    config_of(surveys, ("batch: 2", "batch: 2, freeze: [layers_0_*], learning_rate_factors: {layers_1*: 0.1}"))


@pytest.mark.parametrize(("changes", "match"), NETWORK_FAULTS.values(), ids=NETWORK_FAULTS)
def test_a_network_that_does_not_fit(surveys: Path, changes: list[tuple[str, str]], match: str) -> None:
    [fault] = faults_of(surveys, match, *changes)
    assert fault.expected


def test_a_network_that_looks_at_a_whole_patch_is_said_to_need_windows(surveys: Path) -> None:
    squeezed = layers(
        "{conv: 4, kernel: 3, save: a}\n{pool: mean, size: all}\n{multiply: a}\n{conv: outputs, kernel: 1}"
    )
    [remark] = [each for each in preflight(config_of(surveys, squeezed)).remarks if "whole patch" in each]
    assert "(pool of size all at layers[1])" in remark
    assert "windows of 16 × 16 × 16" in remark


SURVEY_FAULTS = {
    "patch too large": (
        [(PATCH, "[32, 16, 16]")],
        r"data.validation: \S*image.h5:/data: a patch of 32 × 16 × 16 is larger .* 24 × 60 × 32 along inline",
    ),
    "no room": ([block("{block: 0.2, gap: 40}")], r"data.validation: \S*image.h5:/data: no training patch fits"),
    "no such axis": ([block("{axis: crosline, gap: 4}")], r"no lateral axis 'crosline'(.|\n)*write axis: crossline"),
    "sample axis": ([block("{axis: sample, gap: 4}")], r"no lateral axis 'sample'"),
    "patch of another dimension": (
        [(PATCH, "[16, 16]")],
        r"data.patch: a patch of 2 axes for \S*image.h5:/data, which has 3",
    ),
    "label elsewhere": (
        [("label.h5", "label-elsewhere.h5")],
        r"config.yaml:2: data.train\[0\]: \S*image.h5:/data and \S*label-elsewhere.h5:/data do not overlap",
    ),
    "label of another dimension": ([("label.h5", "section-label.h5")], r"data.train\[0\]: .*different axes"),
    "label missing": ([("label.h5", "none.h5")], r"config.yaml:2: data.train\[0\]: \S*none.h5"),
    "all held out": ([block("{surveys: 1}")], r"data.validation.surveys: 1 of 1 training surveys held out"),
    "held-out survey missing": (
        [block("{surveys: [{image: none.h5, label: label.h5}]}")],
        r"config.yaml:3: data.validation.surveys\[0\]: \S*none.h5",
    ),
    "channels differ": (
        [train("[{image: image.h5, label: label.h5}, {image: [other.h5, third.h5], label: second-label.h5}]")],
        r"\S*other.h5:/data \+ \S*third.h5:/data has 2 channel\(s\) on .*; \S*image.h5:/data has 1",
    ),
    "smaller than a patch": (
        [train("[{image: small.h5, label: small-label.h5}]"), block("{surveys: [{image: other.h5, label: label.h5}]}")],
        r"data.patch: a patch of \[16, 16, 16\] is larger than \S*small.h5:/data, .*\n.*\n.*for example \[8, 16, 16\]",
    ),
    "validated on what it was trained on": (
        [block("{surveys: [{image: image.h5, label: second-label.h5}]}")],
        r"data.validation: \S*image.h5:/data is validated on 0:24 × 0:60 × 0:32",
    ),
    "labels that leak through another image": (
        [block("{surveys: [{image: other.h5, label: label.h5}]}")],
        r"validated on .* and trained on .*image.h5:/data with labels of \S*label.h5:/data(.|\n)*at least 16 positions",
    ),
}


@pytest.mark.parametrize(("changes", "match"), SURVEY_FAULTS.values(), ids=SURVEY_FAULTS)
def test_surveys_that_do_not_fit(surveys: Path, changes: list[tuple[str, str]], match: str) -> None:
    [fault] = faults_of(surveys, match, *changes)
    assert fault.file.endswith("config.yaml")
    assert fault.line is not None


def test_a_survey_with_two_labels_must_not_leak(surveys: Path) -> None:
    """The label that ends earlier puts its validation where the other one trains."""
    two = "[{image: image.h5, label: label.h5}, {image: image.h5, label: label-late.h5}]"
    faults = faults_of(surveys, r"is validated on 10:24 × 32:40 × 0:32", train(two), (PATCH, "[4, 16, 16]"))
    assert len(faults) == 1


def test_one_label_for_several_images_is_cut_alike(surveys: Path) -> None:
    found = checked(surveys, train("[{image: image.h5, label: label.h5}, {image: other.h5, label: label.h5}]"))
    assert len({window for _, window in found.validation}) == 1


def test_all_faults_at_once(surveys: Path) -> None:
    faults = faults_of(
        surveys,
        "none.h5",
        train("[{image: none.h5, label: label.h5}, {image: image.h5, label: label.h5}]"),
        block("{block: 0.9, gap: 4}"),
        ("concat: fine", "concat: fine}\n    - {conv: 3, kernel: 3, padding: valid"),
    )
    assert [fault.key for fault in faults] == ["data.train[0]", "network.layers[5]", "data.validation"]


def test_no_survey_opens(surveys: Path) -> None:
    """With none to look at, what is held out is still looked at, and nothing falls over."""
    faults = faults_of(
        surveys,
        "none.h5",
        train("[{image: none.h5, label: label.h5}]"),
        block("{surveys: [{image: section.h5, label: section-label.h5}]}"),
    )
    assert [fault.key for fault in faults] == ["data.train[0]", "data.patch"]


def test_starred_pairs_are_told_by_the_name_of_the_file(surveys: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}-image.h5").symlink_to(surveys / "image.h5")
        (tmp_path / f"{name}-label.h5").symlink_to(surveys / ("label.h5" if name == "a" else "label-elsewhere.h5"))
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("image.h5", "'*-image.h5'").replace("label.h5", "'*-label.h5'"))
    with pytest.raises(ConfigError, match=r"config.yaml:2: data.train: \S*b-image.h5:/data and .* do not overlap"):
        preflight(load_config(path))


def test_a_fault_of_an_override_is_told_there(surveys: Path) -> None:
    config_of(surveys)
    config = load_config(surveys / "config.yaml", ["data.patch=[16, 17, 16]"])
    with pytest.raises(ConfigError, match=r"--set data.patch=\[16, 17, 16\]: data.patch: patch \[16, 17, 16\]"):
        preflight(config)


def test_remarks_are_told_once_for_all_surveys_that_share_them(surveys: Path, tmp_path: Path) -> None:
    import h5py

    for name in ("one", "two"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["data"] = np.ones(SHAPE, np.float32)
            file["label"] = np.ones(SHAPE, np.int8)
    pairs = "[{image: one.h5:/data, label: one.h5:/label}, {image: two.h5:/data, label: two.h5:/label}]"
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace(PAIR, pairs))
    remarks = preflight(load_config(path)).remarks
    assert remarks
    assert all(re.search(r"one.h5:/(data|label) and \d more: ", remark) for remark in remarks), remarks


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_label_without_names_of_axes_lies_as_its_image(surveys: Path, order: tuple[int, ...]) -> None:
    label = np.random.default_rng(0).integers(0, 2, SHAPE).astype(np.int8)
    np.save(surveys / "bare.npy", label.transpose(order))
    [(labelled, _)] = checked(surveys, ("label.h5", "bare.npy")).training
    assert np.array_equal(labelled.labels(labelled.grid.whole), label)
    assert labelled.covered == labelled.grid.whole


def test_an_image_without_names_of_axes_lies_as_its_label(surveys: Path) -> None:
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    np.save(surveys / "bare-image.npy", image.transpose(2, 1, 0))
    [(labelled, _)] = checked(surveys, ("image.h5", "bare-image.npy")).training
    assert np.array_equal(labelled.image.read(labelled.grid.whole)[0], image)


def test_the_options_of_an_image_are_not_all_its_labels(surveys: Path) -> None:
    """What null means in the image is a class in the label."""
    pair = "[{image: image.h5, label: label.h5, null: 1}]"
    [(labelled, _)] = checked(surveys, train(pair)).training
    assert (labelled.image.null, labelled.label.null) == (1, None)


def parihaka(real_data: Path, tmp_path: Path, patch: str, rule: str = "{block: 0.2}") -> Config:
    folder = real_data / "parihaka"
    path = tmp_path / "config.yaml"
    path.write_text(
        f"data:\n  train: [{{image: {folder}/parihaka_seismic.sgy, label: '{folder}/parihaka_faults.h5:/faults'}}]\n"
        f"  validation: {rule}\n  patch: {patch}\nnetwork: fault-small\ntraining: {{steps: 3}}\n"
    )
    return load_config(path)


def test_parihaka_by_default(real_data: Path, tmp_path: Path) -> None:
    found = preflight(parihaka(real_data, tmp_path, "[64, 64, 64]"))
    assert found.training[0][1] == Window((0, 0, 0), (128, 188, 192))
    assert found.validation[0][1] == Window((0, 204, 0), (128, 256, 192))


@pytest.mark.parametrize(
    ("patch", "rule"),
    [("[128, 128, 128]", "{axis: inline}"), ("[128, 256, 128]", "{}"), ("[256, 256, 256]", "{}")],
)
def test_parihaka_takes_what_is_proposed(real_data: Path, tmp_path: Path, patch: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=r"with patch: \[") as caught:
        preflight(parihaka(real_data, tmp_path, patch, rule))
    proposal = re.search(r"validation: (\{.*\}) with patch: (\[.*\])", caught.value.faults[0].do)
    assert proposal
    assert preflight(parihaka(real_data, tmp_path, proposal[2], proposal[1])).training


def test_preflight_reads_no_sample_and_imports_no_torch(surveys: Path) -> None:
    config_of(surveys)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from geocnn.config import load_config\nfrom geocnn.preflight import preflight\n"
        "from geocnn.survey.hdf5.reader import Hdf5Survey\n"
        "def read(*_): raise SystemExit('a sample was read')\n"
        "Hdf5Survey.read = read\n"
        f"preflight(load_config(Path({str(surveys / 'config.yaml')!r})))\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
