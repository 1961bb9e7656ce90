"""Networks computed plane by plane: whatever the chunks, the outputs are those of one pass over the whole."""

from __future__ import annotations

from math import prod

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import exact_specs, is_determined, network_of, plan_of
from test_zoo import DENSE
from torch import Tensor

from geocnn.errors import ConfigError
from geocnn.network.build import Network
from geocnn.network.fronts import replay
from geocnn.network.plan import Plan, expand
from geocnn.network.sizes import admissible_sizes
from geocnn.network.spec import load_spec, zoo_names
from geocnn.network.stream import Stream, StreamingNetwork

SHAPES = {1: (72,), 2: (36, 24), 3: (24, 12, 12)}


def streamed(network: StreamingNetwork, x: Tensor, chunks: list[int]) -> Tensor:
    """Outputs of a stream that gets its planes in chunks, the last size again and again."""
    stream, axis, at, made = Stream(network), 2 + network.axis, 0, []
    while at < x.shape[axis]:
        size = min(chunks.pop(0) if len(chunks) > 1 else chunks[0], x.shape[axis] - at)
        made.append(stream.push(x.narrow(axis, at, size)))
        at += size
    made.append(stream.finish())
    return torch.cat([each for each in made if each is not None], axis)


def noise_for(plan: Plan) -> Tensor:
    return torch.randn(2, *plan.input, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def check(plan: Plan, axis: int, chunks: list[int]) -> None:
    network, x = network_of(plan), noise_for(plan)
    before = x.clone()
    with torch.inference_mode():
        expected, found = network(x), streamed(StreamingNetwork(network, axis), x, chunks)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-12 * max(1.0, float(expected.abs().max()))
    assert torch.equal(x, before)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("ndim", SHAPES)
def test_random_networks_give_what_one_pass_gives(ndim: int, data: st.DataObject) -> None:
    spec = data.draw(exact_specs(ndim))
    try:
        plan = expand(spec, (2, *SHAPES[ndim]), 2)
    except ConfigError:
        assume(False)
    assume(is_determined(network_of(plan), noise_for(plan)))
    check(plan, data.draw(st.integers(0, ndim - 1)), data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=8)))


@pytest.mark.parametrize("ndim", SHAPES)
def test_a_single_sample_is_concatenated(ndim: int) -> None:
    spec = "[{residual: [{norm: batch}], join: concat}, {conv: outputs, kernel: 1}]"
    network = network_of(plan_of(spec, (3, *SHAPES[ndim]), 2))
    x = torch.randn(1, 3, *[1] * ndim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = network(x), streamed(StreamingNetwork(network, 0), x, [1])
    assert (found - expected).abs().max() <= 1e-12


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_planes_after_the_last_window_of_a_pool_are_put_back_as_zeros(chunk: int) -> None:
    plan = plan_of("- {pool: max, size: 3, save: p}\n- {unpool: p}\n- {conv: 1, kernel: 1}", (1, 11, 11))
    check(plan, 0, [chunk])


@pytest.mark.parametrize("name", ["fault-small", "faultseg3d", "unet-residual"])
def test_bf16_is_near_float32(name: str) -> None:
    """Within two roundings to 8 bits a convolution, of weights and of outputs, that all add up."""
    plan = expand(load_spec(name)[0], (1, 32, 32, 32), 1)
    network = network_of(plan).float()
    x = torch.randn(1, *plan.input, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = streamed(StreamingNetwork(network), x, [8])
        found = streamed(StreamingNetwork(network, dtype=torch.bfloat16), x, [8])
    roundings = 2 * sum(node.kind == "conv" for node in plan.trunk)
    assert found.dtype == torch.float32
    assert 0 < (found - exact).abs().max() <= roundings * 2**-9 * exact.abs().max()


ZOO = [name for name in zoo_names() if name not in DENSE]


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo_give_what_one_pass_gives(name: str, ndim: int) -> None:
    """With few channels, over inputs as small as fit, along one axis after the other longer by three strides."""
    spec = load_spec(name)[0].model_copy(update={"width": 0.05})
    plan = expand(spec, (1, *(2**11,) * ndim), 2)
    least = [-(-each.least // step) * step for each, step in zip(admissible_sizes(plan), plan.stride, strict=True)]
    for axis in range(ndim):
        sizes = [size + 3 * step * (at == axis) for at, (size, step) in enumerate(zip(least, plan.stride, strict=True))]
        if prod(sizes) > 2**18:
            pytest.skip(f"inputs of {name} along {ndim} axes have {prod(sizes)} samples at least")
        check(expand(spec, (1, *sizes), 2), axis, [8])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("ndim", SHAPES)
def test_streams_of_random_networks_begun_again_are_the_same_bit_for_bit(ndim: int, data: st.DataObject) -> None:
    spec = data.draw(exact_specs(ndim))
    axis, across = data.draw(st.integers(0, ndim - 1)), [12] * ndim
    try:
        plan = expand(spec, (2, *[36] * ndim), 2)
    except ConfigError:
        assume(False)
    chunk = plan.stride[axis] * data.draw(st.integers(1, 4))
    begin, distance = chunk * data.draw(st.integers(1, 4)), replay(plan, chunk, axis)
    across[axis] = begin + distance + plan.stride[axis] * data.draw(st.integers(1, 24))
    assume(all(size % stride == 0 for size, stride in zip(across, plan.stride, strict=True)))
    begun_again(network_of(plan).float(), axis, across, chunk, begin)


def test_a_stream_of_faultseg3d_begun_again_is_the_same_bit_for_bit() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 32, 32, 32), 1)
    distance = begun_again(network_of(plan).float(), 0, [16 + 64 + 32, 24, 24], 8, 16)
    assert distance == 64 == -(-plan.halo[0][0] // 8) * 8 + 8


def test_chunks_must_fit_the_stride_to_begin_again() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 32, 32, 32), 1)
    with pytest.raises(ValueError, match="chunks of 12 planes are no multiple of the stride 8"):
        replay(plan, 12)


def begun_again(network: Network, axis: int, shape: list[int], chunk: int, begin: int) -> int:
    """Hold a stream from plane `begin` on to be the same, from its replay distance on, and not before what it pads."""
    fast, distance = StreamingNetwork(network, axis), replay(network.plan, chunk, axis)
    x = torch.randn(1, network.plan.input[0], *shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = streamed(fast, x, [chunk])
        found = streamed(fast, x.narrow(2 + axis, begin, shape[axis] - begin), [chunk])
    size = shape[axis] - begin - distance
    assert size > 0
    assert torch.equal(found.narrow(2 + axis, distance, size), expected.narrow(2 + axis, begin + distance, size))
    return distance
