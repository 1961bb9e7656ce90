"""The published networks that come with geocnn."""

from __future__ import annotations

import pytest
import torch

from geocnn.network.build import Network
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec, zoo_names


@pytest.mark.parametrize("name", zoo_names())
def test_each_network_has_its_source_its_count_and_its_input_sizes_in_its_output(name: str) -> None:
    spec, marked = load_spec(name)
    plan = expand(spec, (1, 16, 16, 16), 1, marked)
    network = Network(plan).eval()
    assert spec.title
    assert spec.source
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters == plan.parameters
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 16, 16, 16)).shape == (1, 1, 16, 16, 16)
    assert plan.exact


@pytest.mark.parametrize("name", zoo_names())
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_each_network_serves_all_dimensions_channels_and_classes(name: str, ndim: int) -> None:
    plan = expand(load_spec(name)[0], (3, *(16,) * ndim), 4)
    assert (plan.output.channels, plan.output.shape) == (4, (16,) * ndim)


def test_what_comes_with_geocnn() -> None:
    assert zoo_names() == ("fault-small", "faultseg3d")


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
    assert plan.parameters <= 100_000
    assert plan.stride == (4, 4, 4)
    assert plan.multiply_adds / 64**3 < 15_000
