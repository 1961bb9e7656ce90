"""The mean and spread of several passes are those of whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import grid_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_prediction import CPU, LAYERS, image_of, network_of, reference

from geocnn.errors import UsageError
from geocnn.grid import Axis, Grid
from geocnn.network.build import Network
from geocnn.normalise import NormalisedSurvey
from geocnn.prediction.averaged import MirroredImage
from geocnn.prediction.choice import Runner, averaged_pass, flips_of
from geocnn.prediction.passes import Part, Pass, Underway
from geocnn.prediction.tiles import Tile


def probabilities(network: Network, image: object) -> np.ndarray:
    """Of one pass over the whole, (K, *shape)."""
    logits = torch.from_numpy(reference(network, image))  # type: ignore[arg-type]
    made = torch.sigmoid(logits) if len(logits) == 1 else torch.softmax(logits, 0)
    return made.numpy()


def finished(over: Pass, tile: Tile) -> list[Part]:
    """The parts of a tile; news in between grow up to its size."""
    events = list(over.parts(tile))
    underway = [event.samples for event in events if isinstance(event, Underway)]
    assert underway == sorted(underway)
    assert underway[-1] <= tile.core.size
    return [event for event in events if isinstance(event, Part)]


def mean_and_spread(network: Network, image: NormalisedSurvey, flips: list[tuple[int, ...]]) -> np.ndarray:
    """(2, K, *shape), straight from the definition."""
    each = []
    for axes in flips:
        found = probabilities(network, MirroredImage(image, axes))
        each.append(np.flip(found, [1 + axis for axis in axes]))
    return np.stack([np.mean(each, axis=0), np.std(each, axis=0)])


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("layers", ["strided, upsampled", "even kernel, dilation"])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_mirrored_copies(layers: str, outputs: int, data: st.DataObject) -> None:
    ndim = data.draw(st.integers(2, 3))
    shape = tuple(data.draw(st.integers(3, {2: 30, 3: 11}[ndim])) for _ in range(ndim))
    network, image = network_of(LAYERS[layers], (24,) * ndim, outputs), image_of(shape)
    flips = flips_of(image.grid)
    assert len(flips) == 2 ** (ndim - 1)
    over = averaged_pass(Runner(CPU), [(network, (8,), image)], flips)
    found = np.full((2, outputs, *shape), np.nan)
    try:
        tiles = over.cut(image.grid.whole, data.draw(st.sampled_from([10**9, 10**6, 10**5]))).tiles
    except UsageError:
        assume(False)
    for tile in tiles:
        [part] = finished(over, tile)
        found[(slice(None), slice(None), *part.window.slices)] = np.stack([part.values, part.spread])
        assert not list(over.parts(tile, tile.core.stop[0]))
    np.testing.assert_allclose(found, mean_and_spread(network, image, flips), atol=1e-5)


def test_the_mean_of_a_network_with_itself_is_its_own() -> None:
    network, image = network_of(LAYERS["plain"], (24, 24)), image_of((20, 18))
    over = averaged_pass(Runner(CPU), [(network, (8,), image)] * 3, [()])
    [part] = [part for tile in over.cut(image.grid.whole, 10**9).tiles for part in finished(over, tile)]
    np.testing.assert_allclose(part.values, probabilities(network, image), atol=1e-6)
    assert part.spread is not None
    assert float(part.spread.max()) < 1e-6


def test_windows_are_averaged_too() -> None:
    network, image = (
        network_of("[{conv: 3, kernel: 3, norm: instance}, {conv: outputs, kernel: 1}]", (8, 8)),
        image_of((8, 8)),
    )
    over = averaged_pass(Runner(CPU), [(network, (8, 8), image)], flips_of(image.grid))
    [part] = [part for tile in over.cut(image.grid.whole, 10**9).tiles for part in finished(over, tile)]
    expected = mean_and_spread(network, image, [(), (0,)])
    np.testing.assert_allclose(np.stack([part.values, part.spread]), expected, atol=1e-5)


def test_the_sample_axis_is_never_mirrored() -> None:
    assert flips_of(grid_of((4, 5, 6))) == [(), (0,), (1,), (0, 1)]
    assert flips_of(Grid((Axis("row", 0, 1, 4), Axis("column", 0, 1, 4)))) == [(), (0,), (1,), (0, 1)]
    with pytest.raises(UsageError, match=r"--tta for traces alone .*\n.*axis beside the sample axis"):
        flips_of(grid_of((8,)))
