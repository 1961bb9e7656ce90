"""ONNX files: what onnxruntime makes of them is what prediction writes."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import onnx
import pytest
import torch
from arrays import NAMES, ArraySurvey
from command import Geocnn
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import exact_specs, spec_of
from onnxruntime import InferenceSession
from torch import nn

from geocnn import exporting, onnx_comparison
from geocnn.device import Device
from geocnn.errors import ConfigError, ModelError, OutputError, UsageError
from geocnn.exporting import Export, Exported, export_model
from geocnn.model import Contract, Model, save_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.onnx import graph as onnx_graph
from geocnn.network.onnx.steps import STEPS, triangle
from geocnn.network.plan import expand
from geocnn.network.spec import Spec, load_spec, zoo_names
from geocnn.onnx_comparison import LARGEST_DIFFERENCE
from geocnn.prediction.volume import Output, predict_volume
from geocnn.progress import Remark, finish
from geocnn.settings import NormalisationConfig
from geocnn.survey.opening import open_survey
from geocnn.survey.statistics import Statistics

SHAPES = {1: (24,), 2: (12, 24), 3: (12, 6, 12)}
MEAN, STD, CLIP = (300.0, -50.0, 4.0), (1000.0, 700.0, 40.0), 2.0

FUNCTIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")

KINDS = {
    "conv": "{conv: 3, kernel: 3, activation: relu}",
    "conv, even and dilated": "{conv: 3, kernel: 2, dilation: 2}",
    "conv, strided": "{conv: 3, kernel: 4, stride: 2}, {upsample: 2}",
    "conv, valid": "{conv: 3, kernel: 3, padding: valid}",
    "conv, reflect": "{conv: 3, kernel: 4, padding_mode: reflect}",
    "conv, replicate": "{conv: 3, kernel: 5, padding_mode: replicate}",
    "conv, grouped": "{conv: 4, kernel: 3}, {conv: 6, kernel: 3, groups: 2}, {conv: 6, kernel: 3, groups: channels}",
    "conv, separable": "{conv: 4, kernel: 3, separable: true, norm: batch}",
    "conv, sobel": "{conv: SOBEL, kernel: 3, weights: sobel}",
    "conv, laplace": "{conv: 2, kernel: 3, weights: laplace}",
    "conv, gaussian": "{conv: 2, kernel: 5, weights: gaussian}",
    "conv, mean": "{conv: 2, kernel: 4, weights: mean}",
    "transposed_conv": "{conv: 3, kernel: 2, stride: 2}, {transposed_conv: 3, kernel: 4, stride: 2}",
    "transposed_conv, extended": "{pool: max, size: 3}, {transposed_conv: 3, kernel: 2, stride: 3}",
    "transposed_conv, valid": "{transposed_conv: 4, kernel: 3, dilation: 2, groups: 2, padding: valid}",
    "transposed_conv, cropped": "{transposed_conv: 4, kernel: 3, stride: 2, padding: 1}",
    "pool, max": "{pool: max, size: 3, stride: 1, padding: same}",
    "pool, mean": "{pool: mean, size: 3, stride: 2, padding: same}, {upsample: 2}",
    "pool, even": "{pool: max, size: 2, stride: 1, padding: same}, {pool: mean, size: 4, stride: 1, padding: same}",
    "unpool": "{pool: max, size: 2, save: p}, {conv: 2, kernel: 3}, {unpool: p}",
    "unpool, padded": "{pool: max, size: 3, padding: same, save: p}, {conv: 2, kernel: 3}, {unpool: p}",
    "global_pool": "{conv: 4, kernel: 1, save: a}, {pool: mean, size: all}, {activation: sigmoid}, {multiply: a}",
    "global_pool, max": "{activation: tanh, save: a}, {branches: [[], [{pool: max, size: all}]]}, {concat: a}",
    "upsample": "{pool: max, size: 2}, {upsample: 2}",
    "upsample, by 3": "{pool: max, size: 3}, {upsample: 3}",
    "upsample, linear by 2": "{pool: max, size: 2}, {upsample: 2, mode: linear}",
    "upsample, linear by 3": "{conv: 2, kernel: 3, stride: 3}, {upsample: 3, mode: linear}",
    "pixel_shuffle": "{conv: 16, kernel: 2, stride: 2}, {pixel_shuffle: 2}",
    "add": "{conv: 2, kernel: 3, save: a}, {activation: elu}, {add: a}",
    "multiply": "{conv: 2, kernel: 3, save: a}, {conv: 1, kernel: 1, activation: sigmoid}, {multiply: a}",
    "concat": "{conv: 3, kernel: 3, save: a}, {activation: gelu}, {concat: a}",
    "concat, cropped": "{conv: 2, kernel: 3, save: a}, {conv: 3, kernel: 4, padding: valid}, {concat: a, fit: crop}",
    "add, cropped": "{conv: 2, kernel: 3, save: a}, {conv: 2, kernel: 4, padding: valid}, {add: a, fit: crop}",
    "residual": "{residual: [{conv: 5, kernel: 3, norm: batch, activation: relu}], activation: relu}",
    "branches": "{branches: [[{conv: 2, kernel: 1}], [{conv: 3, kernel: 5}], []], activation: silu}",
    "branches, multiplied": "{branches: [[{conv: 2, kernel: 1}], [], [{conv: 2, kernel: 3}]], join: multiply}",
    "norm, batch": "{norm: batch}",
    "norm, instance": "{conv: 3, kernel: 3, norm: instance}",
    "norm, group": "{conv: 4, kernel: 3, norm: {group: 2}}",
    "norm, layer": "{conv: 4, kernel: 3, norm: layer}",
    "activation": ", ".join(f"{{conv: 3, kernel: 1, activation: {name}}}" for name in FUNCTIONS),
    "dropout": "{conv: 3, kernel: 1, dropout: 0.5}",
    "flatten": "flatten, {dense: 6, norm: batch, activation: relu}, {norm: layer}, {norm: {group: 2}}",
    "dense": "{pool: max, size: 2}, flatten, {dense: 5, bias: false}",
}


def model_of(spec: Spec, input: tuple[int, ...], classes: int = 2, statistics: str = "survey") -> Model:
    """A model whose parameters and statistics are drawn at random."""
    axes = NAMES[len(input) - 1]
    contract = Contract(
        spec=spec,
        task="segmentation",
        classes=tuple(f"class {number}" for number in range(classes)),
        channels=input[0],
        axes=axes,
        sampling=((4.0, "ms"),) * len(axes),
        patch=input[1:],
        normalisation=NormalisationConfig.model_validate({"clip": CLIP, "statistics": statistics, "scale": "each"}),
        statistics=Statistics(
            1, MEAN[: input[0]], STD[: input[0]], (-9e3,) * input[0], (9e3,) * input[0], None
        ).to_json(),
        threshold=0.25,
        provenance={"run": "a test"},
    )
    network = Network(expand(spec, input, contract.outputs))
    initialise(network, seed=0)
    randomise(network)
    return Model(network.eval(), contract)


def randomise(network: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("bias", "running_mean")):
                value.copy_(torch.randn(value.shape, generator=generator) / 4)
            elif name.endswith(("norm.weight", "running_var")):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)


def smallest(specs: Sequence[Spec], channels: int, ndim: int, sizes: Sequence[int]) -> Model:
    """A model of the first of the specs that fits one of the sizes."""
    for spec, size in product(specs, sizes):
        try:
            return model_of(spec, (channels, *(size,) * ndim))
        except ConfigError as error:
            last = error
    raise last


def of_kind(kind: str, ndim: int, classes: int = 2) -> Model:
    layers = KINDS[kind].replace("SOBEL", str(2 * ndim))
    end = "{dense: outputs}" if "flatten" in layers else "{conv: outputs, kernel: 1}"
    return model_of(spec_of(f"layers: [{layers}, {end}]"), (2, *SHAPES[ndim]), classes)


def amplitudes(channels: int, shape: Sequence[int], batch: int = 1) -> np.ndarray:
    """Random amplitudes, some beyond the clip."""
    drawn = np.random.default_rng(1).standard_normal((batch, channels, *shape))
    scale = (channels, *(1,) * len(shape))
    return (np.reshape(MEAN[:channels], scale) + 2 * np.reshape(STD[:channels], scale) * drawn).astype(np.float32)


def expected(model: Model, image: np.ndarray) -> np.ndarray:
    """Probabilities by hand: z-scores, clip, network, last activation."""
    mean, std = (torch.tensor(each[: image.shape[1]]).reshape(-1, *(1,) * (image.ndim - 2)) for each in (MEAN, STD))
    with torch.inference_mode():
        logits = model.network(((torch.from_numpy(image) - mean) / std).clamp(-CLIP, CLIP))
        probabilities = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, 1)
    return np.asarray(probabilities)


def run(path: Path, image: np.ndarray) -> np.ndarray:
    (result,) = InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": image})
    return np.asarray(result)


def exported(model: Model, path: Path, shape: tuple[int, ...] | None = None, bound: float = 1e-5) -> Exported:
    done = finish(export_model(model, Export(path, shape=shape)))
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert done.compared
    assert max(each.difference for each in done.compared) < bound
    return done


def test_each_kind_is_tried() -> None:
    assert {name.split(",")[0] for name in KINDS} >= STEPS.keys()


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_with_open_sizes(kind: str, ndim: int, tmp_path: Path) -> None:
    model = of_kind(kind, ndim)
    done = exported(model, tmp_path / "model.onnx")
    assert len({each.input for each in done.compared}) == 2
    image = amplitudes(2, SHAPES[ndim], batch=3)
    np.testing.assert_allclose(run(tmp_path / "model.onnx", image), expected(model, image), atol=1e-5)


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_with_fixed_sizes(kind: str, ndim: int, tmp_path: Path) -> None:
    model = of_kind(kind, ndim, classes=3)
    shape = SHAPES[ndim] if kind in ("flatten", "dense") else tuple(size + 6 for size in SHAPES[ndim])
    done = exported(model, tmp_path / "model.onnx", shape)
    image = amplitudes(2, shape)
    result = run(tmp_path / "model.onnx", image)
    np.testing.assert_allclose(result, expected(model, image), atol=1e-5)
    assert done.input == (1, 2, *shape)
    assert done.output == result.shape


@pytest.mark.parametrize("ndim", SHAPES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_networks_drawn_at_random(ndim: int, data: st.DataObject) -> None:
    """Norms over few numbers magnify rounding, so that the bound is that of the command.

    Which of samples that differ by rounding alone is the largest is anybody's guess, so that none is put back there.
    """
    spec = data.draw(exact_specs(ndim))
    assume(not any(layer.kind == "unpool" for layer in spec.layers))
    model = smallest([spec], 1, ndim, (8, 12, 18, 36, 72))
    with TemporaryDirectory() as folder:
        exported(model, Path(folder) / "model.onnx", bound=LARGEST_DIFFERENCE)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("shape", [(16, 16, 16), (13, 9, 21), (8, 31, 2)])
def test_any_size_is_padded_as_prediction_does(shape: tuple[int, ...], fixed: bool, tmp_path: Path) -> None:
    spec, _ = load_spec("fault-small")
    model = model_of(spec, (1, 16, 16, 16))
    done = exported(model, tmp_path / "model.onnx", shape if fixed else None)
    image = amplitudes(1, shape)
    stride = model.network.plan.stride
    padded = np.full((1, 1, *(-(-size // step) * step for size, step in zip(shape, stride, strict=True))), MEAN[0])
    whole = (..., *(slice(size) for size in shape))
    padded[whole] = image
    reference = expected(model, padded.astype(np.float32))[whole]
    np.testing.assert_allclose(run(tmp_path / "model.onnx", image), reference, atol=1e-5)
    assert done.sizes == (() if fixed else ("any size",) * 3)


@pytest.mark.parametrize("name", zoo_names())
def test_the_zoo(name: str, tmp_path: Path) -> None:
    """At an eighth of the width where that is possible."""
    spec, _ = load_spec(name)
    input = spec.published.input if spec.published is not None else (1, 128, 128, 128)
    narrow = [spec.model_copy(update={"width": spec.width * width}) for width in (0.125, 0.25, 0.5, 1)]
    model = smallest(narrow, input[0], len(input) - 1, (32, 64, 128, 224))
    initialise(model.network, seed=0)
    for name, value in model.network.named_buffers():
        if name.endswith("running_var"):
            value.fill_(10.0)  # keeps deep sums small, so that rounding is
    exported(model, tmp_path / "model.onnx", bound=LARGEST_DIFFERENCE)


def test_what_the_file_says(tmp_path: Path) -> None:
    exported(of_kind("conv", 3), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["data_format"] == "channels_first"
    assert said["classes"] == "class 0, class 1"
    assert said["threshold"] == "0.25"
    sizes = [
        [size.dim_param or size.dim_value for size in end.type.tensor_type.shape.dim]
        for end in (model.graph.input[0], model.graph.output[0])
    ]
    assert sizes == [["batch", 2, *NAMES[3]], ["batch", 1, *NAMES[3]]]


def test_upsampling_is_exact_far_from_the_origin(tmp_path: Path) -> None:
    """Where index arithmetic in single precision is not."""
    for mode in ("nearest", "linear"):
        for factor in (3, 5, 7):
            layers = f"{{conv: 1, kernel: {factor}, stride: {factor}}}, {{upsample: {factor}, mode: {mode}}}"
            model = model_of(spec_of(f"layers: [{layers}, {{conv: outputs, kernel: 1}}]"), (1, factor * 30))
            path = tmp_path / f"{mode}{factor}.onnx"
            exported(model, path)
            image = amplitudes(1, (factor * 60_000,))
            np.testing.assert_allclose(run(path, image), expected(model, image), atol=2e-6)


@pytest.mark.parametrize("factor", range(1, 9))
def test_lines_between_samples(factor: int) -> None:
    line, before, after = triangle(factor)
    samples = np.random.default_rng(0).normal(size=5)
    padded = np.pad(samples, int(factor > 1), mode="edge")
    full = np.zeros((len(padded) - 1) * factor + len(line))
    for index, value in enumerate(padded):
        full[index * factor : index * factor + len(line)] += value * line
    positions = (np.arange(5 * factor) + 0.5) / factor - 0.5
    np.testing.assert_allclose(full[before : len(full) - after], np.interp(positions, np.arange(5), samples))


def test_heads_are_left_out(tmp_path: Path) -> None:
    layers = "{conv: 4, kernel: 3}, {branches: [[], [{conv: outputs, kernel: 1, head: early}]]}"
    model = model_of(spec_of(f"layers: [{layers}, {{conv: outputs, kernel: 1}}]"), (1, 8, 8))
    exported(model, tmp_path / "model.onnx")
    assert len(onnx.load(tmp_path / "model.onnx").graph.output) == 1


def test_statistics_of_another_survey(tmp_path: Path) -> None:
    model = of_kind("conv", 2)
    rng = np.random.default_rng(0)
    like = ArraySurvey(rng.normal((5.0, -3.0), (20.0, 4.0), (40, 60, 2)).transpose(2, 0, 1))
    done = finish(export_model(model, Export(tmp_path / "model.onnx"), like))
    assert done.statistics == like.name
    np.testing.assert_allclose(done.normaliser.std, (20, 4), rtol=0.1)
    image = like.samples[None].astype(np.float32)
    mean, std = (np.reshape(each, (2, 1, 1)) for each in (done.normaliser.mean, done.normaliser.std))
    scaled = (image - mean) / std * np.reshape(STD[:2], (2, 1, 1)) + np.reshape(MEAN[:2], (2, 1, 1))
    reference = expected(model, scaled.astype(np.float32))
    np.testing.assert_allclose(run(tmp_path / "model.onnx", image), reference, atol=1e-4)


def test_the_file_gives_what_predict_writes(tmp_path: Path) -> None:
    spec, _ = load_spec("fault-small")
    model = model_of(spec, (1, 16, 16, 16))
    survey = ArraySurvey(np.random.default_rng(0).normal(40.0, 5.0, (1, 21, 18, 33)))
    done = finish(predict_volume([model], survey, Output(str(tmp_path / "out.h5")), Device("cpu", "float32")))
    assert done.finished.counts.dead == 0
    written = open_survey(str(tmp_path / "out.h5"))
    finish(export_model(model, Export(tmp_path / "model.onnx"), survey))
    found = run(tmp_path / "model.onnx", survey.samples[None].astype(np.float32))
    np.testing.assert_allclose(found[0], written.read(written.grid.whole), atol=1e-5)


def remarks_of(model: Model, path: Path) -> list[str]:
    return [event.text for event in export_model(model, Export(path)) if isinstance(event, Remark)]


@pytest.mark.parametrize(("policy", "told"), [("survey", True), ("training", False)])
def test_whose_statistics_are_inside_is_told(policy: Literal["survey", "training"], told: bool, tmp_path: Path) -> None:
    model = model_of(spec_of("layers: [{conv: outputs, kernel: 3}]"), (1, 8, 8), statistics=policy)
    assert [("holds training's" in text) for text in remarks_of(model, tmp_path / "model.onnx")] == [True] * told


def test_statistics_that_prediction_would_not_take_are_refused(tmp_path: Path) -> None:
    model = model_of(spec_of("layers: [{conv: outputs, kernel: 3}]"), (1, 8, 8), statistics="training")
    with pytest.raises(UsageError, match="normalises every survey by training's statistics"):
        finish(export_model(model, Export(tmp_path / "model.onnx"), ArraySurvey(np.ones((1, 8, 8)))))


@pytest.mark.parametrize(
    ("kind", "shape", "found"),
    [
        ("conv", (8, 8, 8), "--shape of 3 sizes for a model of 2 axes"),
        ("dense", (16, 24), "takes inputs of 12 × 24 alone, not of 16 × 24"),
        ("conv, valid", (2, 24), r"takes no input of 2 × 24: a window of 3 samples"),
    ],
)
def test_shapes_that_do_not_fit(kind: str, shape: tuple[int, ...], found: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, ModelError), match=found):
        finish(export_model(of_kind(kind, 2), Export(tmp_path / "model.onnx", shape=shape)))
    assert not list(tmp_path.iterdir())


def test_a_graph_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = exporting.graph_weights

    def wrong(model: Model) -> dict[int, Any]:
        return {at: {name: 1.1 * value for name, value in each.items()} for at, each in right(model).items()}

    monkeypatch.setattr(exporting, "graph_weights", wrong)
    with pytest.raises(ModelError, match=r"the graph differs from the network by 0\.\d+ on an input of 1 × 2 × 24"):
        finish(export_model(of_kind("conv", 1), Export(tmp_path / "model.onnx")))
    assert not list(tmp_path.iterdir())


def test_differences_that_rounding_explains_are_told_and_not_refused(tmp_path: Path) -> None:
    """Large numbers that cancel: in single precision their sum depends on the order."""
    model = model_of(
        spec_of("layers: [{conv: 64, kernel: 1}, {conv: outputs, kernel: 3, padding: valid}]"), (1, 24, 24)
    )
    first, last = (step for step in model.network.steps.values())
    with torch.no_grad():
        first.bias.fill_(1e4)
        last.bias.fill_(-1e4 * float(last.weight.double().sum()))
    done = finish(export_model(model, Export(tmp_path / "model.onnx")))
    worst = max(done.compared, key=lambda each: each.difference)
    assert LARGEST_DIFFERENCE < worst.difference <= 4 * worst.rounding


def test_what_no_memory_can_hold_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "free_memory", lambda device: 10**6)
    done = finish(export_model(of_kind("conv", 3), Export(tmp_path / "model.onnx", shape=(100, 100, 100))))
    assert done.compared == ()
    assert "an input of 100 × 100 × 100 takes" in done.uncompared
    onnx.load(tmp_path / "model.onnx")


def test_sizes_that_are_not_padded_are_told(tmp_path: Path) -> None:
    layers = "{norm: instance, save: a}, {pool: mean, size: 4}, {upsample: 4}, {add: a}"
    model = model_of(spec_of(f"layers: [{layers}, {{conv: outputs, kernel: 1}}]"), (1, 16, 16))
    done = exported(model, tmp_path / "model.onnx")
    assert done.sizes == ("multiples of 4 from 4 on",) * 2


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        finish(export_model(of_kind("conv", 1), Export(path)))
    finish(export_model(of_kind("conv", 1), Export(path, overwrite=True)))
    onnx.load(path)


def test_weights_beyond_what_a_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "LARGEST", 99)
    with pytest.raises(ModelError, match=r"25 parameters take .* GB"):
        finish(export_model(of_kind("conv", 1), Export(tmp_path / "model.onnx")))


def test_a_layer_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "STEPS", {kind: step for kind, step in STEPS.items() if kind != "conv"})
    with pytest.raises(ModelError, match=r"cannot write as ONNX: conv at layers\[0\], conv at layers\[1\]"):
        finish(export_model(of_kind("conv", 1), Export(tmp_path / "model.onnx")))
    assert not list(tmp_path.iterdir())


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    there = importlib.util.find_spec
    for module in (exporting, onnx_comparison):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == package else there(name))


def test_without_onnx_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnx")
    with pytest.raises(ModelError, match=r"pip install 'geocnn\[export\]'"):
        finish(export_model(of_kind("conv", 1), Export(tmp_path / "model.onnx")))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    spec, _ = load_spec("fault-small")
    save_model(tmp_path / "model.safetensors", model_of(spec, (1, 16, 16, 16)))
    return tmp_path / "model.safetensors"


def test_the_command(saved: Path, geocnn: Geocnn) -> None:
    out = saved.with_name("fixed.onnx")
    done = geocnn("export", saved, "--out", out, "--shape", "16,16,24")
    assert done.status == 0, done.err
    assert "1 × 1 × 16 × 16 × 24 amplitudes to 1 × 1 × 16 × 16 × 24 probabilities" in done.out
    assert "statistics of training: mean 300, standard deviation 1000, clipped at ± 2" in done.out
    assert "probabilities differ by at most" in done.out
    assert "holds training's" in done.err
    assert out.exists()
    again = geocnn("export", saved, "--out", out)
    assert (again.status, "exists" in again.err) == (1, True)
    missing = geocnn("export", saved.with_name("none"), "--out", out, "--overwrite")
    assert (missing.status, "no such file" in missing.err) == (1, True)
    text = geocnn("export", saved, "--out", out.with_suffix(".txt"))
    assert (text.status, "ends in .onnx" in text.err, out.with_suffix(".txt").exists()) == (2, True, False)
    odd = geocnn("export", saved, "--out", out, "--overwrite", "--shape", "16,x")
    assert (odd.status, "--shape 16,x" in odd.err) == (2, True)


def test_the_command_without_onnxruntime(saved: Path, geocnn: Geocnn, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnxruntime")
    done = geocnn("export", saved, "--out", saved.with_name("model.onnx"))
    assert done.status == 0
    assert "not compared with the network" in done.err
