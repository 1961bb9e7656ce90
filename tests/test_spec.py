"""Layer specs: what may be written, what is refused and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from networks import spec_of

from geocnn.errors import ConfigError, Fault
from geocnn.marked import parse_marked
from geocnn.network.layers import KINDS, Conv, Flatten, Pool, Residual
from geocnn.network.spec import Spec, load_spec, read_spec


def faults_of(text: str) -> list[Fault]:
    marked = parse_marked(text, "net.yaml")
    faults: list[Fault] = []
    assert read_spec(marked, (), marked.data, faults) is None
    return faults


def test_a_list_reads_like_the_table_of_a_paper() -> None:
    spec = spec_of(
        "title: small\nlayers:\n- {conv: 16, kernel: [3, 1], activation: relu, save: a}\n- {pool: max, size: 2}\n"
        "- residual:\n  - {conv: outputs, kernel: 1}\n  activation: elu\n- flatten"
    )
    assert spec == Spec(
        title="small",
        layers=(
            Conv(channels=16, kernel=(3, 1), activation="relu", save="a"),
            Pool(method="max", size=2),
            Residual(layers=(Conv(channels="outputs", kernel=1),), activation="elu"),
            Flatten(),
        ),
    )


@pytest.mark.parametrize("text", ["- flatten", "- {flatten: }", "- {flatten: true}", "- {kind: flatten}"])
def test_flatten_needs_no_value(text: str) -> None:
    assert spec_of(text).layers == (Flatten(),)


def test_the_explicit_form_is_read_back_from_json_and_yaml() -> None:
    spec = spec_of("- residual: [{conv: 2, kernel: [3, 4], padding: valid}]\n- {dropout: 0.5}\n- {norm: batch}")
    written = spec.model_dump_json()
    assert '"kind":"conv","channels":2' in written
    assert Spec.model_validate_json(written) == spec
    assert Spec.model_validate(spec.model_dump(mode="json")) == spec
    assert spec_of(written) == spec


@pytest.mark.parametrize(
    ("text", "line", "key", "found", "do"),
    [
        ("- {cnov: 16, kernel: 3}", 1, "[0]", "unknown layer 'cnov'", "write 'conv'"),
        ("- relu", 1, "[0]", "unknown layer 'relu'", "write {activation: relu}"),
        ("- {kind: cnov}", 1, "[0]", "unknown layer 'cnov'", "write 'conv'"),
        ("- {kind: [1]}", 1, "[0]", "unknown layer [1]", ""),
        ("- {banana: 1}", 1, "[0]", "unknown layer 'banana'", ""),
        (
            "- {kernel: 3, conv: 16}",
            1,
            "[0]",
            "the layer begins with 'kernel'",
            "write the kind of the layer first: {conv: …, kernel: …}",
        ),
        ("- 16", 1, "[0]", "found 16", ""),
        ("- {}", 1, "[0]", "found an empty mapping", ""),
        ("layers:\n- {conv: 16, kernal: 3}", 2, "layers[0].kernal", "unknown key 'kernal'", "write 'kernel'"),
        ("- {conv: 16}", 1, "[0].kernel", "'kernel' is missing", "add kernel: …"),
        ("-\n  conv: 16\n  kernel: three", 3, "[0].kernel", "found 'three'", ""),
        ("- {conv: 16, kernel: 3, stride: 0}", 1, "[0].stride", "found 0", ""),
        ("- {conv: -1, kernel: 3}", 1, "[0].conv", "found -1", ""),
        ("- {conv: 16, kernel: 3, padding: smae}", 1, "[0].padding", "found 'smae'", "write 'same'"),
        ("- {conv: 16, kernel: 3, channels: 4}", 1, "[0].channels", "unknown key 'channels'", "remove it"),
        ("- {pool: average, size: 2}", 1, "[0].pool", "found 'average'", "write 'mean'"),
        ("- {dropout: 1}", 1, "[0].dropout", "found 1", ""),
        ("- residual: [{pool: max}]", 1, "[0].residual[0].size", "'size' is missing", "add size: …"),
        ("- residual: 3", 1, "[0].residual", "found 3", ""),
        ("lyers: []", 1, "lyers", "unknown key 'lyers'", "write 'layers'"),
        ("layers: 3", 1, "layers", "found 3", ""),
        ("3", 1, "", "found 3", ""),
        ("", 1, "", "found nothing", ""),
        ("- {flatten: 3}", 1, "[0].flatten", "unknown key 'flatten'", "remove it"),
    ],
)
def test_each_fault_is_told_once_with_its_place(text: str, line: int, key: str, found: str, do: str) -> None:
    faults = faults_of(text)
    assert [(fault.line, fault.key, fault.found, fault.do) for fault in faults] == [(line, key, found, do)]


def test_two_faults_are_told_at_once() -> None:
    text = (
        "title: 3\nlayers:\n- {cnov: 1}\n- residual:\n  - {conv: 1, kernel: 0}\n  norm: batch\n- {pool: max, size: 2}"
    )
    places = [(fault.line, fault.key) for fault in faults_of(text)]
    assert sorted(places) == [
        (1, "title"),
        (3, "layers[0]"),
        (5, "layers[1].residual[0].kernel"),
        (6, "layers[1].norm"),
    ]


def test_blocks_in_blocks_have_a_bound() -> None:
    def nested(depth: int) -> str:
        return "[" + "{residual: [" * depth + "{conv: 1, kernel: 1}" + "]}" * depth + "]"

    assert spec_of(nested(50)).layers
    (fault,) = faults_of(nested(51))
    assert fault.found == "more than 50 blocks in each other"


def test_a_spec_cannot_run_code() -> None:
    for text in ["- {conv: __import__('os'), kernel: 3}", "- {activation: torch.nn.ReLU}", "- {torch.nn.Conv2d: 3}"]:
        assert len(faults_of(text)) == 1


def test_every_kind_has_its_record() -> None:
    assert all(kind == record.model_fields["kind"].default for kind, record in KINDS.items())


def test_specs_are_found_by_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {conv: 1, kernel: 1}\n")
    spec, marked = load_spec(str(path))
    assert len(spec.layers) == 1
    assert marked.source == str(path)
    with pytest.raises(
        ConfigError, match=r"(?s)no network 'faultseg'.*one of attention-unet, autoencoder.*write 'faultseg3d'"
    ):
        load_spec("faultseg")
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such file"):
        load_spec(str(tmp_path / "none.yaml"))
    path.write_text("- {conv: x, kernel: 1}\n- {pol: max}\n")
    with pytest.raises(
        ConfigError, match=r"(?s)mine\.yaml:1: \[0\]\.conv: found 'x'.*mine\.yaml:2: \[1\]: unknown layer 'pol'"
    ):
        load_spec(str(path))
