"""Batch norms of several processes: what one process makes of all their batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import network_of, plan_of
from torch import Tensor, distributed, multiprocessing, nn

from geocnn.network import synchronised
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.synchronised import SynchronisedBatchNorm, synchronise

CHANNELS = 3
NORMS = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
SHAPES = {0: (), 1: (7,), 2: (3, 5), 3: (2, 3, 4)}
SIZES = {"even": {2: (2, 2), 3: (2, 2, 2)}, "uneven": {2: (1, 4), 3: (3, 1, 2)}, "single": {2: (1, 1), 3: (1, 1, 1)}}
CASES = [(axes, sizes) for axes in SHAPES for sizes in SIZES if axes == 0 or sizes != "single"]
SPEC = """
- {conv: 4, kernel: 3, norm: batch, activation: relu, save: a}
- {pool: max, size: 2}
- {conv: 4, kernel: 3, norm: batch, activation: leaky_relu}
- {upsample: 2}
- {concat: a}
- {norm: batch}
- {pool: mean, size: all}
- flatten
- {dense: 4}
- {norm: batch}
- {activation: tanh}
- {dense: 1}
"""


def layers(axes: int) -> nn.Sequential:
    """A norm of uneven weights between two activations that write over what they take."""
    norm = NORMS[axes](CHANNELS)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -2.0, 1.0]))
        norm.bias.copy_(torch.tensor([0.1, 0.2, -0.3]))
    return nn.Sequential(nn.Identity(), norm, nn.LeakyReLU(inplace=True)).double()


def batches(shape: tuple[int, ...], size: int) -> list[tuple[Tensor, Tensor]]:
    """Inputs far from zero, and what the outputs are multiplied with, of three steps."""
    generator = torch.Generator().manual_seed(size)
    drawn = torch.randn(3, 2, size, *shape, generator=generator, dtype=torch.float64)
    return [(20 + 3 * x, weight) for x, weight in drawn]


def learnt(network: nn.Module, part: slice, steps: list[tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """Outputs, gradients by inputs, summed gradients by weights, and the state after some steps."""
    network.train()
    outputs, gradients = [], []
    for x, weight in steps:
        inputs = x[part].clone().requires_grad_()
        y = network(inputs)
        outputs.append(y.detach().clone())
        (y * weight[part]).sum().backward()
        gradients.append(inputs.grad)
    return {
        "outputs": torch.stack(outputs),
        "gradients": torch.stack(gradients),
        "weights": {name: parameter.grad for name, parameter in network.named_parameters()},
        "state": network.state_dict(),
    }


def network_steps() -> tuple[Network, list[tuple[Tensor, Tensor]]]:
    network = network_of(plan_of(SPEC, (1, 8, 8)))
    return network, [(x, weight[:, :, 0, 0]) for x, weight in batches((1, 8, 8), 6)]


def work(rank: int, world: int, folder: str) -> None:
    """What each process does: all cases, one after the other."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    found: dict[Any, Any] = {}
    for axes, kind in CASES:
        sizes = SIZES[kind][world]
        network = layers(axes)
        synchronise(network)
        part = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
        found[axes, kind] = learnt(network, part, batches((CHANNELS, *SHAPES[axes]), sum(sizes)))
    network, steps = network_steps()
    synchronise(network)
    found["network"] = learnt(network, slice(rank * 6 // world, (rank + 1) * 6 // world), steps)
    if rank == 0:  # Alone: none of this may wait for the others.
        found["predicted"] = InferenceNetwork(network)(steps[0][0]), network.eval()(steps[0][0]).detach()
    network = layers(1).float()
    synchronise(network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found["short"] = learnt(network, slice(rank, rank + 1), short_steps(world))
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def short_steps(size: int) -> list[tuple[Tensor, Tensor]]:
    return [(x.bfloat16(), weight.bfloat16()) for x, weight in batches((CHANNELS, 400), size)]


@pytest.fixture(scope="module", params=[2, 3])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, Any]]:
    """What each of some processes has found."""
    world, folder = request.param, tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(work, (world, str(folder)), nprocs=world)
    return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(world)]


def require_same(parts: list[dict[str, Any]], whole: dict[str, Any], within: float = 1e-6) -> None:
    for key in ("outputs", "gradients"):
        torch.testing.assert_close(
            torch.cat([part[key] for part in parts], dim=1), whole[key], rtol=within, atol=within
        )
    for name, expected in whole["weights"].items():
        total = sum(part["weights"][name] for part in parts)
        torch.testing.assert_close(total, expected, rtol=within, atol=within)
    for name, expected in whole["state"].items():
        torch.testing.assert_close(parts[0]["state"][name], expected, rtol=within, atol=within)
        assert all(part["state"][name].equal(parts[0]["state"][name]) for part in parts), "processes drift apart"


@pytest.mark.parametrize(("axes", "kind"), CASES)
def test_processes_make_what_one_makes_of_all_batches(found: list[dict[Any, Any]], axes: int, kind: str) -> None:
    steps = batches((CHANNELS, *SHAPES[axes]), sum(SIZES[kind][len(found)]))
    whole = learnt(layers(axes), slice(None), steps)
    assert whole["state"]["1.num_batches_tracked"] == 3
    require_same([part[axes, kind] for part in found], whole)


def test_a_network_learns_and_predicts_as_in_one_process(found: list[dict[Any, Any]]) -> None:
    network, steps = network_steps()
    require_same([part["network"] for part in found], learnt(network, slice(None), steps))
    predicted, expected = found[0]["predicted"]
    torch.testing.assert_close(predicted, expected)
    torch.testing.assert_close(expected, network.eval()(steps[0][0]).detach())


def test_statistics_of_short_numbers_are_in_float32(found: list[dict[Any, Any]]) -> None:
    steps = short_steps(len(found))
    parts = [part["short"] for part in found]
    assert parts[0]["outputs"].dtype == torch.bfloat16
    mean = sum(0.1 * 0.9 ** (2 - k) * x.double().mean((0, 2)) for k, (x, _) in enumerate(steps))
    torch.testing.assert_close(parts[0]["state"]["1.running_mean"], mean.float(), rtol=1e-6, atol=0)
    whole = learnt(layers(1).float(), slice(None), [(x.float(), weight.float()) for x, weight in steps])
    for key in ("outputs", "gradients"):
        together = torch.cat([part[key] for part in parts], dim=1).float()
        torch.testing.assert_close(together, whole[key], rtol=0.02, atol=0.02)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A group of one process, whose norms talk to it."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    monkeypatch.setattr(synchronised, "_several", lambda: True)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_gradients_are_derivatives(alone: None, axes: int, affine: bool) -> None:
    norm = SynchronisedBatchNorm(CHANNELS, affine=affine).double()
    x = torch.randn(4, CHANNELS, *(2,) * axes, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: norm(x), (x, *norm.parameters()))


def test_large_means_do_not_cancel(alone: None) -> None:
    norm = SynchronisedBatchNorm(1)
    x = 1e4 + torch.randn(64, 1, 64, generator=torch.Generator().manual_seed(0))
    y = norm(x)
    assert y.std().item() == pytest.approx(1, abs=2e-3)
    assert norm.running_var.item() == pytest.approx(0.9 + 0.1 * x.double().var().item(), rel=1e-5)


@pytest.mark.parametrize("axes", SHAPES)
def test_alone_or_in_prediction_it_is_torchs(axes: int) -> None:
    ours, theirs = layers(axes), layers(axes)
    synchronise(ours)
    for x, _ in batches((CHANNELS, *SHAPES[axes]), 4):
        assert ours(x).equal(theirs(x))
    assert ours.eval()(x).equal(theirs.eval()(x))


def test_parameters_and_buffers_stay_the_same_objects() -> None:
    network = network_of(plan_of(SPEC, (1, 8, 8)))
    steps = list(network.steps)
    before = network.state_dict(keep_vars=True)
    synchronise(network)
    after = network.state_dict(keep_vars=True)
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)
    assert list(network.steps) == steps
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 4
    assert all(isinstance(norm, SynchronisedBatchNorm) and not norm.training for norm in norms)


def test_an_input_without_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="an input of 1 axes"):
        SynchronisedBatchNorm(3)(torch.zeros(3))
