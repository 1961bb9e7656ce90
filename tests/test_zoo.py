"""The published networks that come with geocnn."""

from __future__ import annotations

import re

import pytest
import torch

from geocnn.fitting import plan_alone
from geocnn.network.build import Network
from geocnn.network.plan import expand
from geocnn.network.sizes import sizes_along
from geocnn.network.spec import load_spec, zoo_names

COUNTS = {
    "faultseg3d": 1_459_585,
    "googlenet": 6_624_904,
    "lenet5": 61_706,
    "phasenet": 268_443,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "se-resnet18": 11_778_592,
    "unet": 31_030_658,
    "vgg16": 138_357_544,
}
"""As published, for the published input and outputs."""
DENSE = ("googlenet", "lenet5", "resnet18", "resnet50", "se-resnet18", "vgg16")
"""Those that say one thing of a whole input."""
SIZES = {1: 64, 2: 64, 3: 32}
LEAST = {"facies-deconvnet": 96, "lenet5": 32}
"""A size that fits where the usual one does not."""


def test_what_comes_with_geocnn() -> None:
    others = {"attention-unet", "autoencoder", "dncnn", "facies-deconvnet", "fault-highres", "fault-small"}
    assert set(zoo_names()) == {*COUNTS, *others, "unet-residual"}


@pytest.mark.parametrize("name", zoo_names())
def test_each_network_says_what_it_is_where_it_is_from_and_when_to_use_it(name: str) -> None:
    spec, _ = load_spec(name)
    assert all((spec.title, spec.source, spec.when))
    assert "http" in spec.source or spec.source.startswith("geocnn")


@pytest.mark.parametrize("name", zoo_names())
def test_modules_have_the_published_parameters(name: str) -> None:
    spec, marked = load_spec(name)
    plan = plan_alone(spec, marked)
    with torch.device("meta"):
        network = Network(plan)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == plan.parameters
    assert (spec.published.parameters if spec.published else None) == COUNTS.get(name)
    assert COUNTS.get(name) in (count, None)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", zoo_names())
def test_each_network_serves_all_dimensions_channels_and_classes(name: str, ndim: int) -> None:
    spec, _ = load_spec(name)
    size = (LEAST.get(name, SIZES[ndim]),) * ndim
    plan = expand(spec.model_copy(update={"width": 0.07}), (2, *size), 4)
    with torch.no_grad():
        y = Network(plan).eval()(torch.zeros(1, 2, *size))
    assert y.shape == ((1, 4) if name in DENSE else (1, 4, *size))
    assert plan.exact == (name not in DENSE)


@pytest.mark.parametrize("name", sorted({*zoo_names()} - {*DENSE}))
def test_networks_for_samples_give_as_many_as_they_get(name: str) -> None:
    """For every size that they take; the autoencoder, which joins nothing, for multiples of its stride alone."""
    plan = expand(load_spec(name)[0], (1, 512), 3)
    made = {n: sizes[plan.output_id] for n in range(1, 200) if (sizes := sizes_along(plan, 0, n)) is not None}
    assert len(made) >= 12
    assert all(size == n for n, size in made.items() if name != "autoencoder" or n % 8 == 0)
    assert name != "autoencoder" or all(size % 8 == 0 for size in made.values())


def test_faultseg3d_is_the_published_network() -> None:
    """Parameters as its authors' training log prints them, without normalisation layers."""
    plan = expand(load_spec("faultseg3d")[0], (1, 128, 128, 128), 1)
    assert plan.parameters == 1_459_585
    assert {node.kind for node in plan.nodes} == {"input", "conv", "activation", "pool", "upsample", "concat"}
    assert [node.channels for node in plan.nodes if node.kind == "conv"] == [
        *(16, 16, 32, 32, 64, 64, 128, 128),
        *(64, 64, 32, 32, 16, 16, 1),
    ]


def test_the_small_network_is_small() -> None:
    plan = expand(load_spec("fault-small")[0], (1, 64, 64, 64), 1)
    assert plan.parameters == 88_673
    assert plan.stride == (4, 4, 4)
    assert plan.multiply_adds / 64**3 < 15_000


def test_phasenet_has_the_published_sizes_and_crops_at_its_skips() -> None:
    plan = expand(load_spec("phasenet")[0], (3, 3000), 3)
    assert [node.shape[0] for node in plan.nodes if node.kind == "conv"][:9:2] == [3000, 750, 188, 47, 12]
    assert [node.shape[0] for node in plan.nodes if node.kind == "transposed_conv"] == [48, 188, 752, 3000]
    assert [node.shape[0] for node in plan.nodes if node.kind == "concat"] == [47, 188, 750, 3000]
    biased = [node.place for node in plan.nodes if getattr(node.attributes, "bias", False)]
    assert biased == ["layers[0]", plan.output.place]


def test_the_high_resolution_network_is_light_and_downsamples_once_on_its_main_path() -> None:
    plan = expand(load_spec("fault-highres")[0], (1, 64, 64, 64), 1)
    assert plan.parameters <= 600_000
    assert plan.stride == (4, 4, 4)
    joined = [node for node in plan.nodes if node.kind == "concat"]
    assert [plan.nodes[node.inputs[1]].stride[0] for node in joined] == [2, 1]
    assert plan.nodes[joined[-1].inputs[1]].place.startswith("layers[0]")
    fusions = {found.group() for node in plan.nodes if (found := re.match(r"layers\[3\]\.repeat\[\d+\]", node.place))}
    assert len(fusions) == 6
    # Two streams of four residual blocks in each.
    blocks = {found.group() for node in plan.nodes if (found := re.match(r".*residual", node.place))}
    assert len(blocks) == 6 * 2 * 4


def test_the_facies_network_puts_samples_back_where_they_were() -> None:
    plan = expand(load_spec("facies-deconvnet")[0], (1, 99, 99), 6)
    assert [node.shape[0] for node in plan.nodes if node.kind == "pool"] == [50, 25, 13, 7, 4]
    assert [node.shape[0] for node in plan.nodes if node.kind == "unpool"] == [7, 13, 25, 50, 99]
    assert plan.output.shape == (99, 99)


def test_dncnn_adds_what_it_finds_to_its_input() -> None:
    network = Network(expand(load_spec("dncnn")[0], (1, 16, 16), 1)).eval()
    with torch.no_grad():
        last = network.steps["layers_0_residual_2_conv"]
        last.weight.zero_()
        last.bias.fill_(0.5)
        x = torch.randn(1, 1, 16, 16)
        assert torch.equal(network(x), x + 0.5)
