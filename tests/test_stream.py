"""Networks computed plane by plane: whatever the chunks, the outputs are those of one pass over the whole."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import exact_specs, network_of
from torch import Tensor

from geocnn.errors import ConfigError
from geocnn.network.plan import Plan, expand
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


def check(plan: Plan, axis: int, chunks: list[int]) -> None:
    network = network_of(plan)
    x = torch.randn(2, *plan.input, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
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
    check(plan, data.draw(st.integers(0, ndim - 1)), data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=8)))
