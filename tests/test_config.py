"""Configs: short ones get good defaults, wrong ones get all their faults told at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geocnn.config import dump_config, load_config
from geocnn.errors import ConfigError, Fault
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.records import spell
from geocnn.settings import BlockConfig, SurveysConfig
from geocnn.survey.options import SurveyOptions

SHORT = """\
data:
  train: [{image: a.sgy, label: b.h5:/faults}]
  patch: [64, 64, 64]
network: fault-small
training: {steps: 50}
"""


def faults_of(folder: Path, text: str, *overrides: str) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError, match=r":") as caught:
        load_config(written(folder, text), overrides)
    return caught.value.faults


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_a_short_config_gets_defaults(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, SHORT))
    record = config.record
    assert record.data.validation == BlockConfig(block=0.2, gap=16, axis=None)
    assert record.training.validate_every == 10
    assert record.training.loss == "balanced-cross-entropy+dice"
    assert record.data.train[0].image == str(tmp_path / "a.sgy")
    assert record.data.train[0].label == str(tmp_path / "b.h5:/faults")
    assert record.data.train[0].options == SurveyOptions()
    assert config.outputs == 1


@pytest.mark.parametrize(
    "network",
    [
        "fault-small",
        "{name: faultseg3d, width: 0.5}",
        "{layers: [{conv: 4, kernel: 3}, {conv: outputs, kernel: 1}]}",
        "net.yaml",
    ],
)
def test_what_is_dumped_loads_back_equal(tmp_path: Path, network: str) -> None:
    (tmp_path / "net.yaml").write_text("layers: [{conv: 4, kernel: [3, 3, 5]}, {conv: outputs, kernel: 1}]")
    text = SHORT.replace("fault-small", network).replace("h5:/faults", "h5:/faults, iline: 9, null: .nan")
    config = load_config(written(tmp_path, text))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = load_config(written(elsewhere, dump_config(config)))
    assert again.spec == config.spec
    assert dump_config(again) == dump_config(config)
    assert again.record.data.train[0].options.iline == 9


def test_every_survey_option_is_a_key(tmp_path: Path) -> None:
    options = SurveyOptions(
        iline=9, xline=21, cdp_x=73, cdp_y="77:f4", geometry="line", sample_format="ibm", dt=2.0, t0=100.0,
        domain="depth",
        axes="trace,sample", null=-999.0, offset="37:i2", gathers="axis", duplicates="mean", shape="4,5", dtype=">f4",
        order="F",
    )  # fmt: skip
    keys = yaml.safe_dump(vars(options), default_flow_style=True).strip("{}\n")
    config = load_config(written(tmp_path, SHORT.replace("h5:/faults", f"h5:/faults, {keys}")))
    assert config.record.data.train[0].options == options
    assert all(value != getattr(SurveyOptions(), key) for key, value in vars(options).items())


def test_overrides_are_read_as_yaml(tmp_path: Path) -> None:
    overrides = ("training.learning_rate=1e-4", "data.patch=[32, 32, 32]", "augmentation.noise=0")
    record = load_config(written(tmp_path, SHORT), overrides).record
    assert record.training.learning_rate == 1e-4
    assert record.data.patch == (32, 32, 32)
    assert record.augmentation.noise == 0


@pytest.mark.parametrize("override", ["training.steps", "=5", "network.layers=3"])
def test_overrides_that_set_nothing(tmp_path: Path, override: str) -> None:
    assert f"--set {override}" in str(faults_of(tmp_path, SHORT, override)[0])


def test_overrides_reach_into_lists(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, SHORT), ["data.train[0].iline=9"]).record.data.train[0].iline == 9


def test_faults_of_overrides_are_told_with_the_others_and_as_such(tmp_path: Path) -> None:
    overrides = ("training.steps=soon", "training.batch=[1", "data.pacth=3")
    faults = faults_of(tmp_path, SHORT.replace("64, 64, 64", "64, 0, 64"), *overrides)
    assert {fault.place for fault in faults} == {
        "--set training.steps=soon: training.steps",
        "--set training.batch",
        "--set data.pacth=3: data.pacth",
        f"{tmp_path}/config.yaml:3: data.patch[1]",
    }


def test_a_duplicate_key_is_refused_with_both_lines(tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, SHORT + "training: {steps: 60}\n")
    assert fault.line == 6
    assert "lines 5 and 6" in fault.found


def test_a_spec_file_is_looked_for_beside_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also under a name without suffix, and not where the command was called."""
    (tmp_path / "mine").write_text("[{conv: outputs, kernel: 3}]")
    monkeypatch.chdir("/")
    assert len(load_config(written(tmp_path, SHORT.replace("fault-small", "mine"))).spec.layers) == 1


def test_faults_of_a_spec_file_have_its_name(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("layers:\n  - {conv: outputs, kernle: 3}\n")
    [fault] = faults_of(tmp_path, SHORT.replace("fault-small", "net.yaml"))
    assert fault.place == f"{tmp_path}/net.yaml:2: layers[0].kernle"
    assert "kernel" in fault.do


FULL = """\
task: segmentation
classes: [background, fault]
data:
  train: [{image: [a.sgy, e.sgy], label: b.h5:/faults, iline: 9, null: -1.5}]
  validation: {surveys: [{image: c.sgy, label: d.sgy}]}
  patch: [64, 64, 64]
network: {layers: [{conv: 4, kernel: [3, 3, 5]}, {residual: [{conv: outputs, kernel: 1}]}]}
normalisation: {clip: 4}
augmentation: {flip: false, gain: 0.1}
training: {steps: 50, loss: dice}
"""

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["*", "a.sgy", "."]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All key paths of plain data."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_anywhere_is_read_or_told(tmp_path: Path, data: st.DataObject) -> None:
    """Only ConfigError, each fault with words of its own, none of them pydantic's."""
    text = data.draw(st.sampled_from([FULL, SHORT]))
    override = f"{spell(data.draw(st.sampled_from(list(places(yaml.safe_load(text))))))}={json.dumps(data.draw(junk))}"
    faults: tuple[Fault, ...] = ()
    try:
        config = load_config(written(tmp_path, text), [override])
    except ConfigError as error:
        faults = error.faults
    if not faults:
        assert load_config(written(tmp_path, dump_config(config))).spec == config.spec
    for fault in faults:
        assert fault.found
        assert not re.search(r"pydantic|Input should|validation error|tuple\[", str(fault))


CASES = {
    "misspelt key": (("patch", "pacth"), "data.pacth", "patch"),
    "missing key": (("  patch: [64, 64, 64]\n", ""), "data.patch", "patch"),
    "wrong type": (("steps: 50", "steps: soon"), "training.steps", "soon"),
    "not positive": (("steps: 50", "steps: 0"), "training.steps", "1"),
    "unknown network": (("fault-small", "fault-smal"), "network", "fault-small"),
    "unknown task": (("data:", "task: segmentaton\ndata:"), "task", "segmentation"),
    "unknown loss": (("steps: 50", "steps: 50, loss: dise"), "training.loss", "dice"),
    "a class twice": (("data:", "classes: [a, a]\ndata:"), "classes", "twice"),
    "one class": (("data:", "classes: [a]\ndata:"), "classes", "2"),
    "too many classes": (("data:", f"classes: {list(map(str, range(129)))}\ndata:"), "classes", "128"),
    "a seed without end": (("steps: 50", "steps: 50, seed: 9223372036854775808"), "training.seed", "below"),
    "no images": (("a.sgy", "[]"), "data.train[0].image", "at least 1"),
    "no pairs": (("{image: a.sgy, label: b.h5:/faults}", ""), "data.train", "at least 1"),
    "surveys that are no number": (
        ("  patch", "  validation: {surveys: many}\n  patch"),
        "data.validation.surveys",
        "a whole number",
    ),
    "no surveys held out": (
        ("  patch", "  validation: {surveys: []}\n  patch"),
        "data.validation.surveys",
        "at least 1",
    ),
    "a block and surveys": (
        ("  patch", "  validation: {surveys: 1, block: 0.2}\n  patch"),
        "data.validation.block",
        "one of surveys",
    ),
    "a held-out survey without label": (
        ("  patch", "  validation: {surveys: [{image: a.sgy}]}\n  patch"),
        "data.validation.surveys[0].label",
        "missing",
    ),
    "validation that is no mapping": (("  patch", "  validation: 0.2\n  patch"), "data.validation", "a mapping"),
    "a misspelt block": (("  patch", "  validation: {blok: 0.3}\n  patch"), "data.validation.blok", "block"),
    "four axes": (("[64, 64, 64]", "[8, 8, 8, 8]"), "data.patch", "3"),
    "spec file missing": (("fault-small", "no.yaml"), "", "no.yaml"),
    "block beyond 1": (("  patch", "  validation: {block: 1.5}\n  patch"), "data.validation.block", "1"),
    "unknown option": (("h5:/faults", "h5:/faults, ilne: 9"), "data.train[0].ilne", "iline"),
}


@pytest.mark.parametrize(("change", "key", "word"), CASES.values(), ids=CASES)
def test_one_fault(tmp_path: Path, change: tuple[str, str], key: str, word: str) -> None:
    [fault] = faults_of(tmp_path, SHORT.replace(*change))
    assert fault.key == key
    assert fault.line is not None or not key
    assert word in str(fault)


def test_all_faults_at_once_layers_included(tmp_path: Path) -> None:
    text = (
        SHORT.replace("fault-small", "{layers: [{cnov: 3, kernel: 3}]}")
        .replace("50", "-1")
        .replace("[64, 64, 64]", "[]")
    )
    assert {fault.key.split("[")[0] for fault in faults_of(tmp_path, text)} == {
        "network.layers",
        "training.steps",
        "data.patch",
    }


def test_starred_names_are_looked_for_though_other_keys_are_faulty(tmp_path: Path) -> None:
    text = SHORT.replace("a.sgy", "x-*.sgy").replace("steps", "stesp").replace("50", "50, loss: dise")
    assert {fault.key for fault in faults_of(tmp_path, text)} == {"data.train[0]", "training.stesp", "training.loss"}


def test_starred_names_are_matched(tmp_path: Path) -> None:
    for name in ("x-1-im.sgy", "x-2-im.sgy", "x-1-la.sgy", "x-2-la.sgy", "x-3-other.sgy"):
        (tmp_path / name).touch()
    text = SHORT.replace("a.sgy", "x-*-im.sgy").replace("b.h5:/faults", "x-*-la.sgy")
    pairs = load_config(written(tmp_path, text)).record.data.train
    assert [(Path(pair.images[0]).name, Path(pair.label).name) for pair in pairs] == [
        ("x-1-im.sgy", "x-1-la.sgy"),
        ("x-2-im.sgy", "x-2-la.sgy"),
    ]


def test_starred_names_without_partner_or_match(tmp_path: Path) -> None:
    text = SHORT.replace("a.sgy", "x-*-im.sgy").replace("b.h5:/faults", "x-*-la.sgy")
    [fault] = faults_of(tmp_path, text)
    assert "no file matches" in fault.found
    for name in ("x-1-im.sgy", "x-2-im.sgy", "x-1-la.sgy"):
        (tmp_path / name).touch()
    [fault] = faults_of(tmp_path, text)
    assert "without a partner" in fault.found
    assert "x-2-im.sgy" in fault.found


def test_whole_surveys_may_be_held_out(tmp_path: Path) -> None:
    text = SHORT.replace("  patch", "  validation: {surveys: [{image: c.sgy, label: d.sgy}]}\n  patch")
    validation = load_config(written(tmp_path, text)).record.data.validation
    assert isinstance(validation, SurveysConfig)
    assert not isinstance(validation.surveys, int)
    assert validation.surveys[0].label == str(tmp_path / "d.sgy")


def test_a_named_network_can_be_made_narrower(tmp_path: Path) -> None:
    path = written(tmp_path, SHORT.replace("fault-small", "{name: faultseg3d, width: 0.5}"))
    config = load_config(path)
    assert config.spec == load_spec("faultseg3d")[0].model_copy(update={"width": 0.5})
    assert expand(config.spec, (1, 16, 16, 16), 1).parameters < 1_459_585 / 3.9


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("{name: faultseg3d, width: 0}", r"network\.width: found 0"),
        ("{name: faultseg3d, widht: 2}", r"unknown key 'widht'.*write 'width'"),
        ("{name: faultseg, width: 2}", r"no network 'faultseg'"),
    ],
)
def test_a_named_network_that_cannot_be(tmp_path: Path, network: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?s){words}"):
        load_config(written(tmp_path, SHORT.replace("fault-small", network)))
