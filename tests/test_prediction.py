"""However a survey is cut, the result equals one pass over the whole: crop(network(pad(survey)))."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import ArraySurvey
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import exact_specs, is_determined
from networks import network_of as randomised
from torch.nn import functional

from geocnn.device import Device
from geocnn.errors import ConfigError, UsageError
from geocnn.grid import Window
from geocnn.marked import parse_marked
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec, read_spec
from geocnn.normalise import NormalisedSurvey, Normaliser
from geocnn.prediction.choice import Runner, probability_slabs
from geocnn.prediction.tiles import Tiling, planes_of, tiling_bytes
from geocnn.progress import finish
from geocnn.survey.scan import scan

CPU = Device("cpu", "float32")


def network_of(layers: str, shape: tuple[int, ...], outputs: int = 1) -> Network:
    """A network with seeded weights from the YAML text of its layers, for inputs (1, *shape)."""
    marked = parse_marked(layers, "test")
    faults: list = []
    spec = read_spec(marked, (), marked.data, faults)
    assert spec is not None, faults
    return seeded(Network(expand(spec, (1, *shape), outputs)))


def seeded(network: Network) -> Network:
    """Weights, and running statistics of batch norm, that are not trivial."""
    initialise(network, seed=1)
    generator = torch.Generator().manual_seed(2)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3, generator=generator)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2, generator=generator)
    return network.eval()


def image_of(shape: tuple[int, ...], seed: int = 0) -> NormalisedSurvey:
    """A survey of noise with a dead trace."""
    samples = np.random.default_rng(seed).normal(3, 2, (1, *shape)).astype(np.float32)
    if len(shape) > 1:
        samples[(0, *(0,) * (len(shape) - 1))] = 0
    survey = ArraySurvey(samples)
    found = finish(scan(survey))
    return NormalisedSurvey(survey, found, Normaliser.of(found.statistics, "shared", 5.0))


def reference(network: Network, image: NormalisedSurvey) -> np.ndarray:
    """crop(network(pad(survey))), straight from its definition."""
    with torch.inference_mode():
        logits = network(padded(network, image))[0]
    return logits[(slice(None), *(slice(n) for n in image.grid.shape))].numpy()


def padded(network: Network, image: NormalisedSurvey) -> torch.Tensor:
    """The survey (1, C, \\*N), with zeros at its far ends up to a multiple of the stride."""
    axes = zip(reversed(image.grid.shape), reversed(network.plan.stride), strict=True)
    padding = [x for n, s in axes for x in (0, -n % s)]
    return functional.pad(torch.from_numpy(image.read(image.grid.whole)), padding)[None]


def assembled(network: Network, image: NormalisedSurvey, within: Window, memory: int) -> np.ndarray:
    """Logits (K, *within), tile by tile as a prediction is written."""
    over = Runner(CPU, "values").over(network, (8,), image)
    out = np.full((network.plan.outputs, *image.grid.shape), np.nan, np.float32)
    for tile in over.cut(within, memory).tiles:
        for part in over.parts(tile):
            assert np.isnan(out[(slice(None), *part.window.slices)]).all()
            out[(slice(None), *part.window.slices)] = part.values.numpy()
    return out[(slice(None), *within.slices)]


def in_order(network: Network, image: NormalisedSurvey, within: Window, memory: int = 10**9) -> np.ndarray:
    """Logits (K, *within), cross-section by cross-section as they are scored."""
    slabs, at = [], within.start[0]
    for part in Runner(CPU, "values").over(network, (8,), image).sections(within, memory):
        assert part.window == planes_of(within, 0, at, part.window.stop[0])
        slabs, at = [*slabs, part.values.numpy()], part.window.stop[0]
    assert at == within.stop[0]
    return np.concatenate(slabs, axis=1)


def assert_equals_reference(found: np.ndarray, expected: np.ndarray) -> None:
    """The tolerance promised for float32."""
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


LAYERS = {
    "plain": "[{conv: 4, kernel: 3, activation: relu}, {conv: outputs, kernel: 1}]",
    "even kernel, dilation": "[{conv: 4, kernel: 4, dilation: 2, norm: batch}, {conv: outputs, kernel: 2}]",
    "strided, upsampled": (
        "[{conv: 4, kernel: 5, save: a}, {conv: 6, kernel: 3, stride: 2, activation: relu}, {conv: 6, kernel: 3},"
        " {upsample: 2}, {concat: a}, {conv: outputs, kernel: 3}]"
    ),
    "pooled twice, residual": (
        "[{conv: 4, kernel: 3, save: a}, {pool: max, size: 2, save: b}, {pool: mean, size: 2},"
        " {residual: [{conv: 8, kernel: 3, norm: batch, activation: relu}, {conv: 8, kernel: 3}], activation: relu},"
        " {upsample: 2}, {concat: b}, {upsample: 2}, {concat: a}, {conv: outputs, kernel: 1}]"
    ),
    "stride 3": "[{pool: mean, size: 3}, {conv: 4, kernel: 3}, {upsample: 3}, {conv: outputs, kernel: 3}]",
}


def whole_bytes(network: Network, shape: tuple[int, ...]) -> int:
    """What one tile takes, all its planes at a time."""
    plan, whole = network.plan, Window((0,) * len(shape), shape)
    padded = plan.admissible(shape)
    return tiling_bytes(plan, Tiling(whole, shape, plan.stride, plan.halo, padded, 0, padded[0], 0))


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_tiled_equals_the_reference(layers: str, data: st.DataObject) -> None:
    ndim = data.draw(st.integers(1, 3))
    most = {1: 90, 2: 36, 3: 15}[ndim]
    shape = tuple(data.draw(st.integers(3, most)) for _ in range(ndim))
    network = network_of(layers, (24,) * ndim)
    image = image_of(shape)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    within = Window(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)))
    share, way = data.draw(st.sampled_from([0.1, 0.3, 0.6, 1])), data.draw(st.sampled_from([assembled, in_order]))
    try:
        found = way(network, image, within, int(share * whole_bytes(network, shape)))
    except UsageError:
        assume(False)
    assert_equals_reference(found, reference(network, image)[(slice(None), *within.slices)])


@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_networks_equal_the_reference(ndim: int, data: st.DataObject) -> None:
    """Drawn specs, shapes, windows and budgets: whatever axis, tiles and planes at a time the planner takes."""
    spec = data.draw(exact_specs(ndim))
    try:
        plan = expand(spec, (1, *{1: (72,), 2: (36, 24), 3: (24, 12, 12)}[ndim]), 2)
    except ConfigError:
        assume(False)
    shape = tuple(data.draw(st.integers(8, {1: 150, 2: 40, 3: 14}[ndim])) for _ in range(ndim))
    network, image = randomised(plan).float(), image_of(shape)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    within = Window(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)))
    try:
        assume(is_determined(network, padded(network, image)))
        expected = reference(network, image)[(slice(None), *within.slices)]
        found = assembled(network, image, within, int(10 ** data.draw(st.floats(4, 8))))
    except (UsageError, RuntimeError):  # Too little memory, or a survey too small to be reflected at its ends.
        assume(False)
    assert_equals_reference(found, expected)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_tile_goes_on_anywhere_with_the_same_bits(layers: str, data: st.DataObject) -> None:
    ndim = data.draw(st.integers(1, 3))
    shape = tuple(data.draw(st.integers(3, {1: 200, 2: 40, 3: 14}[ndim])) for _ in range(ndim))
    network, image = network_of(layers, (24,) * ndim), image_of(shape)
    over = Runner(CPU, "values").over(network, (8,), image)
    memory = data.draw(st.sampled_from([10**9, 10**6, 3 * 10**4]))
    try:
        tile = data.draw(st.sampled_from(over.cut(image.grid.whole, memory).tiles))
    except UsageError:
        assume(False)
    parts = list(over.parts(tile))
    front = data.draw(st.sampled_from(parts)).window.start[tile.axis]
    again = list(over.parts(tile, front))
    expected, found = (
        np.concatenate([part.values.numpy() for part in each], axis=1 + tile.axis) for each in (parts, again)
    )
    np.testing.assert_array_equal(
        found,
        np.take(expected, range(front - tile.core.start[tile.axis], expected.shape[1 + tile.axis]), 1 + tile.axis),
    )


def test_a_survey_is_streamed_along_the_axis_that_spares_a_cut() -> None:
    """40 inlines of 400 crosslines: a plane along inlines is ten times that along crosslines."""
    network = seeded(Network(expand(load_spec("fault-small")[0], (1, 64, 64, 64), 1)))
    image = image_of((40, 400, 24))
    over = Runner(CPU, "values").over(network, (8,), image)
    along = {memory: over.cut(image.grid.whole, memory) for memory in (10**10, 25 * 10**6)}
    assert [{tile.axis for tile in cut.tiles} for cut in along.values()] == [{0}, {1}]
    assert [cut.arithmetic for cut in along.values()] == [1, 1]
    assert along[25 * 10**6].how == "streams along crosslines, 32 at a time, in 1 tile"
    assert_equals_reference(assembled(network, image, image.grid.whole, 25 * 10**6), reference(network, image))


@pytest.mark.parametrize("name", ["faultseg3d", "fault-small"])
def test_zoo_networks_tiled_equal_the_reference(name: str) -> None:
    network = seeded(Network(expand(load_spec(name)[0], (1, 64, 64, 64), 1)))
    image = image_of((22, 331, 27))
    found = assembled(network, image, image.grid.whole, int(0.75 * whole_bytes(network, (22, 331, 27))))
    assert_equals_reference(found, reference(network, image))


def test_a_survey_smaller_than_the_stride() -> None:
    network = seeded(Network(expand(load_spec("faultseg3d")[0], (1, 64, 64, 64), 1)))
    image = image_of((1, 3, 20))
    assert_equals_reference(assembled(network, image, image.grid.whole, 10**9), reference(network, image))


def test_identity_network_returns_its_input() -> None:
    network = network_of("[{conv: outputs, kernel: 1, bias: false}]", (8, 8))
    torch.nn.init.ones_(next(network.parameters()))
    image = image_of((13, 29))
    np.testing.assert_array_equal(assembled(network, image, image.grid.whole, 300), image.read(image.grid.whole))


def test_probabilities_of_several_classes_sum_to_one() -> None:
    network = network_of("[{conv: outputs, kernel: 3}]", (8, 8), outputs=3)
    image = image_of((9, 10))
    slabs = list(probability_slabs(network, (8, 8), image, image.grid.whole, CPU))
    assert sum(slab.size for slab, _ in slabs) == image.grid.whole.size
    for slab, probability in slabs:
        assert probability.shape == (3, *slab.shape)
        np.testing.assert_allclose(probability.sum(axis=0), 1, rtol=1e-6)
