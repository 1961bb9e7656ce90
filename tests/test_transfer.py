"""Weights of a trained model in another network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from arrays import grid_of
from command import Geocnn
from networks import plan_of

from geocnn.errors import ModelError
from geocnn.model import Contract, Model, load_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, NewSurvey
from geocnn.transfer import NewLayer, load_weights

BODY = """
  - {conv: 4, kernel: 3, norm: batch, activation: relu}
  - {residual: [{conv: 4, kernel: 3}]}
"""
HEAD = "  - {conv: outputs, kernel: 1}\n"


def network_of(layers: str, outputs: int = 1, input: tuple[int, ...] = (1, 8, 8, 8), seed: int = 0) -> Network:
    network = Network(plan_of(f"layers:{layers}", input, outputs))
    initialise(network, seed)
    return network


def trained(layers: str, outputs: int = 1, input: tuple[int, ...] = (1, 8, 8, 8)) -> Model:
    """A model whose contract does not matter."""
    return Model(network_of(layers, outputs, input, seed=1), Contract.model_construct())


def test_a_new_head_on_a_trained_body() -> None:
    network, model = network_of(BODY + HEAD, outputs=6), trained(BODY + HEAD)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    taken = load_weights(network, model)
    assert taken.summary("runs/first") == (
        "7 of 9 weights from runs/first; new: layers_2_conv (6×4×1³ here, 1×4×1³ there)"
    )
    theirs = model.network.state_dict()
    for name, tensor in network.state_dict().items():
        head = "layers_2" in name
        assert torch.equal(tensor, before[name] if head else theirs[name]), name


def test_a_layer_is_taken_whole_or_not_at_all() -> None:
    """A bias learnt with another kernel is of no use, and a kernel without its bias is not what was learnt."""
    network, model = network_of(BODY + HEAD), trained(BODY + HEAD.replace("kernel: 1", "kernel: 3"))
    bias = network.state_dict()["steps.layers_2_conv.bias"].clone()
    assert load_weights(network, model).new == (NewLayer("layers_2_conv", (1, 4, 1, 1, 1), (1, 4, 3, 3, 3)),)
    assert torch.equal(network.state_dict()["steps.layers_2_conv.bias"], bias)
    without = network_of(BODY + HEAD.replace("kernel: 1", "kernel: 1, bias: false"))
    taken = load_weights(without, trained(BODY + HEAD))
    assert [str(layer) for layer in taken.new] == ["layers_2_conv (nothing here, 1 there)"]


def test_what_only_one_of_the_two_has_is_named() -> None:
    longer = BODY + "  - {conv: 5, kernel: [1, 3, 5]}\n" + HEAD
    shorter = BODY + "  - {conv: outputs, kernel: 1}\n"
    assert load_weights(network_of(longer), trained(shorter)).summary("m") == (
        "7 of 11 weights from m; new: layers_2_conv (5×4×1×3×5 here, 1×4×1³ there), layers_3_conv (not there)"
    )
    assert load_weights(network_of(shorter), trained(longer)).summary("m") == (
        "7 of 9 weights from m; new: layers_2_conv (1×4×1³ here, 5×4×1×3×5 there); not used: layers_3_conv"
    )


def test_long_lists_are_cut() -> None:
    one, many = ("\n  - {conv: 1, kernel: 1}" * count for count in (1, 13))
    summary = load_weights(network_of(many), trained(one)).summary("m")
    assert summary.startswith("2 of 26 weights from m; new: layers_1_conv (not there), ")
    assert summary.endswith("layers_8_conv (not there) and 4 more")


@pytest.mark.parametrize(("input", "words"), [((1, 8), "3×2×5 here"), ((1, 8, 8), "3×2×5² here")])
def test_kernels_are_spelt(input: tuple[int, ...], words: str) -> None:
    here, there = (f"\n  - {{conv: 2, kernel: 3}}\n  - {{conv: outputs, kernel: {size}}}" for size in (5, 3))
    model = trained(there, outputs=3, input=input)
    assert words in load_weights(network_of(here, outputs=3, input=input), model).summary("m")


def test_nothing_fits() -> None:
    here, there = (f"\n  - {{conv: outputs, kernel: {size}}}" for size in (3, 1))
    differs = r"fits the network: layers_0_conv \(1×1×3³ here, 1×1×1³ there\)"
    with pytest.raises(ModelError, match=differs):
        load_weights(network_of(here), trained(there))


CONFIG = """
task: segmentation
classes: {classes}
data:
  train: [{{image: image.h5, label: {label}.h5}}]
  validation: {{block: 0.25, gap: 4, axis: inline}}
  patch: [8, 8, 8]
network:
  layers:
    - {{conv: 4, kernel: 3, norm: batch, activation: relu}}
    - {{conv: outputs, kernel: 1}}
training: {{steps: 2, batch: 1, learning_rate: {rate}, weight_decay: 0.0, validate_every: 2}}
"""


def test_init_says_what_it_took(tmp_path: Path, geocnn: Geocnn) -> None:
    shape = (40, 16, 16)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    surveys = {"image": image, "two": image > 1, "three": (image > 1) + (image > 2).astype(int)}
    for name, samples in surveys.items():
        grid = grid_of(shape)
        with create_survey(str(tmp_path / f"{name}.h5"), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
            writer.write(grid.whole, samples[None].astype(np.float32))
            writer.commit()
    for label, classes, rate in (("two", "[a, b]", 0.01), ("three", "[a, b, c]", 0.0)):
        (tmp_path / f"{label}.yaml").write_text(CONFIG.format(classes=classes, label=label, rate=rate))
    first, second = tmp_path / "first", tmp_path / "second"
    assert geocnn("train", tmp_path / "two.yaml", "--run", first).status == 0
    done = geocnn("train", tmp_path / "three.yaml", "--run", second, "--init", first)
    assert done.status == 0, done.err
    assert f"5 of 7 weights from {first}; new: layers_1_conv (3×4×1³ here, 1×4×1³ there)" in done.err
    name = "steps.layers_0_conv.weight"
    wide = (tmp_path / "two.yaml").read_text().replace("conv: 4, kernel: 3", "conv: 8, kernel: 5")
    (tmp_path / "wide.yaml").write_text(wide.replace("outputs, kernel: 1", "outputs, kernel: 3"))
    refused = geocnn("train", tmp_path / "wide.yaml", "--run", tmp_path / "third", "--init", first)
    assert (refused.status, "no layer" in refused.err, (tmp_path / "third").exists()) == (1, True, False)
    body, copy = (load_model(run).network.state_dict()[name] for run in (first, second))
    assert torch.equal(body, copy)
