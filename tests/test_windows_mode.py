"""Prediction in overlapping windows equals the blending of whole arrays, wherever it starts and whatever is asked."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch
from arrays import ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st
from test_prediction import CPU, image_of, in_order, network_of

from geocnn.errors import ModelError, UsageError
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.memory import inference_bytes
from geocnn.normalise import NormalisedSurvey, Normaliser
from geocnn.prediction.passes import Part
from geocnn.prediction.windowing import BLENDINGS, Windowing, plan_windows
from geocnn.prediction.windows import window_bytes, windowed_parts
from geocnn.progress import finish
from geocnn.survey.scan import scan

INSTANCE = "[{conv: 3, kernel: 3, norm: instance, activation: relu}, {conv: outputs, kernel: 1}]"
STRIDED = "[{conv: 3, kernel: 3, norm: instance}, {pool: max, size: 2}, {upsample: 2}, {conv: outputs, kernel: 3}]"
POINTWISE = "[{conv: 3, kernel: 1, activation: relu}, {conv: outputs, kernel: 1}]"
DENSE = "[{conv: 2, kernel: 3, activation: relu}, flatten, {dense: outputs}]"
POOLED = "[{conv: 2, kernel: 3, activation: relu}, {pool: mean, size: all}, flatten, {dense: outputs}]"


def whole(shape: tuple[int, ...]) -> Window:
    return Window((0,) * len(shape), shape)


def assembled(
    network: Network, image: NormalisedSurvey, windowing: Windowing, front: int | None = None
) -> tuple[np.ndarray, list[Window]]:
    """Logits (K, *within), from plane `front` on, and the parts that made them, which are looked at too."""
    within = windowing.within
    start = (within.start[0] if front is None else front, *within.start[1:])
    out = np.full((network.plan.outputs, *Window(start, within.stop).shape), np.nan, np.float32)
    parts, at = [], start[0]
    for part, logits in parts_of(network, image, windowing, front):
        assert part.start == (at, *start[1:])
        assert part.stop[1:] == within.stop[1:]
        assert part.size
        assert (logits.dtype, tuple(logits.shape)) == (torch.float32, (network.plan.outputs, *part.shape))
        out[(slice(None), *part.shifted([-a for a in start]).slices)] = logits.numpy()
        parts, at = [*parts, part], part.stop[0]
    assert at == within.stop[0]
    return out, parts


def parts_of(
    network: Network, image: NormalisedSurvey, windowing: Windowing, front: int | None = None
) -> Iterator[tuple[Window, torch.Tensor]]:
    """The finished parts, and their logits; news in between grow, and never exceed what is left."""
    done = 0
    for part in windowed_parts(InferenceNetwork(network), image, windowing, CPU, front):
        if isinstance(part, Part):
            done += part.window.size
            yield part.window, part.values
        else:
            assert 0 <= done + part.samples <= windowing.within.size


def starts_of(samples: int, size: int, step: int) -> list[int]:
    """Straight from the definition: multiples of the step, the last window ends at the end."""
    found = [0]
    while found[-1] + size < samples:
        found.append(min(found[-1] + step, samples - size))
    return found


def weights_of(size: int, blending: str) -> np.ndarray:
    if blending == "cosine":
        return (1 - np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)) / 2
    return np.array([max(1e-3, np.exp(-0.5 * ((i - (size - 1) / 2) / (size / 8)) ** 2)) for i in range(size)])


def reference(network: Network, image: NormalisedSurvey, windowing: Windowing) -> np.ndarray:
    """Every window over the whole survey, on whole arrays: weighted sums by sums of weights, or the nearest centre."""
    shape, size, outputs = windowing.shape, windowing.size, network.plan.outputs
    samples = np.zeros((image.channels, *map(max, shape, size)), np.float32)
    samples[(slice(None), *whole(shape).slices)] = image.read(whole(shape))
    sums, total = np.zeros((outputs, *samples.shape[1:])), np.zeros(samples.shape[1:])
    nearest = np.full(samples.shape[1:], np.inf)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in samples.shape[1:]), indexing="ij"), axis=-1)
    for start in product(*map(starts_of, shape, size, windowing.step)):
        box = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
        with torch.inference_mode():
            logits = network(torch.from_numpy(samples[(slice(None), *box)])[None])[0].double().numpy()
        if windowing.blending == "none":
            centre = np.array(start) + (np.array(size) - 1) / 2
            distance = np.abs(places - centre).sum(axis=-1)  # Nearest on all axes is nearest in their sum.
            nearer = distance <= nearest
            nearest[nearer] = distance[nearer]
            if windowing.one_value:
                sums[:, nearer] = logits[:, None]
            else:
                everywhere = np.full(sums.shape, np.nan)
                everywhere[(slice(None), *box)] = logits
                sums[:, nearer] = everywhere[:, nearer]
            total[:] = 1
        else:
            weight = np.ones(())
            for n in size:
                weight = weight[..., None] * weights_of(n, windowing.blending)
            sums[(slice(None), *box)] += weight * logits
            total[box] += weight
    assert (total > 0).all()
    return (sums / total)[(slice(None), *whole(shape).slices)]


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    assert np.abs(found - expected).max() <= tolerance * max(1, np.abs(expected).max())


def drawn_within(data: st.DataObject, shape: tuple[int, ...]) -> Window:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    return Window(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)))


@pytest.mark.parametrize("layers", [INSTANCE, STRIDED], ids=["instance norm", "strided"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_windows_equal_the_blending_of_whole_arrays(layers: str, ndim: int, data: st.DataObject) -> None:
    most, widest = {1: (70, 20), 2: (22, 10), 3: (10, 6)}[ndim]
    shape = tuple(data.draw(st.integers(3, most)) for _ in range(ndim))
    patch = tuple(data.draw(st.integers(3, widest)) for _ in range(ndim))
    network = network_of(layers, (8,) * ndim, outputs=2)
    overlap, blending = data.draw(st.floats(0, 0.8)), data.draw(st.sampled_from(BLENDINGS))
    windowing = plan_windows(network.plan, patch, shape, drawn_within(data, shape), overlap=overlap, blending=blending)
    image = image_of(shape)
    found, _ = assembled(network, image, windowing)
    assert_close(found, reference(network, image, windowing)[(slice(None), *windowing.within.slices)])


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 60),
    size=st.integers(1, 20),
    share=st.floats(0, 1),
    blending=st.sampled_from(BLENDINGS),
    data=st.data(),
)
def test_weights_are_positive_and_sum_to_one(
    samples: int, size: int, share: float, blending: str, data: st.DataObject
) -> None:
    step = max(1, round(share * size))
    within = drawn_within(data, (samples,))
    windowing = Windowing(within, (samples,), (size,), (step,), blending)
    total = np.zeros(samples)
    for span in windowing.spans(0):
        weights = windowing.weights(0, span)
        assert (weights > 0).all()
        assert span.start <= span.first < span.last <= span.start + size
        total[span.first : span.last] += weights
    np.testing.assert_allclose(total[within.start[0] : within.stop[0]], 1, rtol=1e-12)
    assert total.sum() == pytest.approx(within.size)
    assert set(windowing.starts[0]) <= set(starts_of(samples, size, step))


@pytest.mark.parametrize("blending", BLENDINGS)
@pytest.mark.parametrize(
    ("shape", "patch", "overlap"), [((37,), (8,), 0.5), ((23, 9), (8, 6), 0.7), ((17, 5), (6, 5), 0.2)]
)
def test_a_resumed_run_goes_on_with_the_same_bits(
    blending: str, shape: tuple[int, ...], patch: tuple[int, ...], overlap: float
) -> None:
    network, image = network_of(INSTANCE, patch, outputs=2), image_of(shape)
    within = Window((2, *(1,) * (len(shape) - 1)), (shape[0] - 1, *shape[1:]))
    windowing = plan_windows(network.plan, patch, shape, within, overlap=overlap, blending=blending)
    full, parts = assembled(network, image, windowing)
    assert len(parts) >= 3
    for index, part in enumerate(parts):
        resumed, rest = assembled(network, image, windowing, front=part.start[0])
        np.testing.assert_array_equal(resumed, full[:, part.start[0] - within.start[0] :])
        assert rest == parts[index:]
    assert not list(parts_of(network, image, windowing, within.stop[0]))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_block_has_the_bits_of_the_whole(data: st.DataObject) -> None:
    shape, patch = (19, 17), (6, 8)
    network, image = network_of(INSTANCE, patch), image_of(shape)
    within = drawn_within(data, shape)
    options = {"overlap": data.draw(st.sampled_from([0, 0.5, 0.75])), "blending": data.draw(st.sampled_from(BLENDINGS))}
    found, _ = assembled(network, image, plan_windows(network.plan, patch, shape, within, **options))
    everything, _ = assembled(network, image, plan_windows(network.plan, patch, shape, whole(shape), **options))
    np.testing.assert_array_equal(found, everything[(slice(None), *within.slices)])


@pytest.mark.parametrize("blending", BLENDINGS)
def test_a_network_without_neighbours_gives_the_exact_result(blending: str) -> None:
    shape, patch = (13, 11, 9), (6, 4, 8)
    network, image = network_of(POINTWISE, patch, outputs=3), image_of(shape)
    exact = in_order(network, image, whole(shape))
    windowing = plan_windows(network.plan, patch, shape, whole(shape), blending=blending)
    assert_close(assembled(network, image, windowing)[0], exact, 1e-6)


@pytest.mark.parametrize("blending", BLENDINGS)
def test_identity_network_returns_its_input(blending: str) -> None:
    network = network_of("[{conv: outputs, kernel: 1, bias: false}]", (8, 8))
    torch.nn.init.ones_(next(network.parameters()))
    image = image_of((21, 30))
    windowing = plan_windows(network.plan, (8, 8), (21, 30), whole((21, 30)), overlap=0.6, blending=blending)
    assert_close(assembled(network, image, windowing)[0], image.read(whole((21, 30))), 1e-6)


def test_a_survey_smaller_than_a_window_is_followed_by_zeros() -> None:
    network, image = network_of(INSTANCE, (16, 16)), image_of((5, 23))
    windowing = plan_windows(network.plan, (16, 16), (5, 23), whole((5, 23)))
    assert windowing.starts == ((0,), (0, 7))
    padded = torch.zeros(1, 16, 16)
    padded[:, :5] = torch.from_numpy(image.read(Window((0, 0), (5, 16))))
    with torch.inference_mode():
        expected = network(padded[None])[0, :, :5, :7].numpy()
    assert_close(assembled(network, image, windowing)[0][:, :, :7], expected)


def test_a_map_of_patches_by_hand() -> None:
    """The mean of windows of 2 × 4 at every 2nd row and column of a survey of 4 × 7.

    Centres stand at rows ½, 2½ and columns 1½, 3½ and 4½. Rows 0 to 1 and 2 to 3 are nearest to one each; so are
    columns 0 to 2, 3, and 4 to 6, of which 4 is as far from 3½ as from 4½ and goes to the later.
    """
    network = network_of("[{pool: mean, size: all}, flatten, {dense: outputs, bias: false}]", (2, 4))
    torch.nn.init.ones_(next(network.parameters()))
    values = np.arange(28, dtype=np.float32).reshape(1, 4, 7) + 1
    survey = ArraySurvey(values)
    image = NormalisedSurvey(survey, finish(scan(survey)), Normaliser((0.0,), (1.0,), 100.0))
    windowing = plan_windows(network.plan, (2, 4), (4, 7), whole((4, 7)), step=(2, 2))
    assert windowing.starts == ((0, 2), (0, 2, 3))
    above, below = [6, 6, 6, 8, 9, 9, 9], [20, 20, 20, 22, 23, 23, 23]
    found, parts = assembled(network, image, windowing)
    np.testing.assert_allclose(found, [[above, above, below, below]], rtol=1e-6)
    assert [part.shape for part in parts] == [(2, 7), (2, 7)]


@pytest.mark.parametrize("layers", [DENSE, POOLED], ids=["dense", "pooled"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_maps_of_patches_take_the_nearest_centre(layers: str, ndim: int, data: st.DataObject) -> None:
    size = {1: (9,), 2: (6, 5), 3: (3, 4, 2)}[ndim]
    shape = tuple(data.draw(st.integers(3, {1: 40, 2: 14, 3: 8}[ndim])) for _ in range(ndim))
    step = tuple(data.draw(st.integers(1, n)) for n in size)
    network, image = network_of(layers, size, outputs=3), image_of(shape)
    windowing = plan_windows(network.plan, size, shape, drawn_within(data, shape), step=step)
    found, parts = assembled(network, image, windowing)
    assert_close(found, reference(network, image, windowing)[(slice(None), *windowing.within.slices)])
    middle = parts[len(parts) // 2].start[0]
    resumed, _ = assembled(network, image, windowing, front=middle)
    np.testing.assert_array_equal(resumed, found[:, middle - windowing.within.start[0] :])


def test_a_dense_layer_at_every_sample_is_the_convolution_of_its_size() -> None:
    """Even sizes too: what a window says is said of the sample that padding: same puts in its middle."""
    dense = network_of("[flatten, {dense: outputs}]", (4, 3))
    convolution = network_of("[{conv: outputs, kernel: [4, 3]}]", (4, 3))
    with torch.no_grad():
        for mine, its in zip(convolution.parameters(), dense.parameters(), strict=True):
            mine.copy_(its.view_as(mine))
    image = image_of((12, 11))
    within = Window((1, 1), (10, 10))
    windowing = plan_windows(dense.plan, (4, 3), (12, 11), within, step=(1, 1))
    expected = in_order(convolution, image, within)
    assert_close(assembled(dense, image, windowing)[0], expected)


def test_the_size_of_windows() -> None:
    def size(layers: str, planned: tuple[int, ...], patch: tuple[int, ...]) -> tuple[int, ...]:
        return plan_windows(network_of(layers, planned).plan, patch, (40, 40), whole((40, 40))).size

    assert size(INSTANCE, (8, 8), (11, 6)) == (11, 6)
    assert size(STRIDED, (8, 8), (11, 6)) == (12, 6)
    assert size(DENSE, (8, 12), (11, 6)) == (8, 12)
    assert size(POOLED, (8, 12), (11, 6)) == (11, 6)
    assert plan_windows(network_of(DENSE, (8, 12)).plan, (8, 12), (40, 40), whole((40, 40))).step == (2, 3)
    with pytest.raises(ModelError, match=r"makes 4 × 4 of 8 × 8 samples"):
        size("[{conv: outputs, kernel: 3, norm: instance}, {pool: max, size: 2}]", (8, 8), (8, 8))


class Watched(ArraySurvey):
    """Notes the shapes of what is read."""

    def read(self, window: Window) -> np.ndarray:
        self.shapes = [*getattr(self, "shapes", []), window.shape]
        return super().read(window)


@pytest.mark.parametrize("layers", [INSTANCE, DENSE], ids=["blended", "map"])
@pytest.mark.parametrize("overlap", [0.2, 0.5, 0.8])
def test_planes_held_do_not_grow_with_the_survey(layers: str, overlap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    network, made = network_of(layers, (10, 6)), torch.zeros
    alive: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()
    held: list[int] = []

    def zeros(shape: tuple[int, ...], **options: object) -> torch.Tensor:
        tensor = made(shape, **options)
        alive.add(tensor)
        held.append(sum(each.nbytes for each in alive))
        return tensor

    most = {}
    for length in (60, 600):
        survey = Watched(image_of((length, 9)).survey.samples)
        image = NormalisedSurvey(survey, finish(scan(survey)), Normaliser((3.0,), (2.0,), 5.0))
        windowing = plan_windows(network.plan, (10, 6), (length, 9), whole((length, 9)), overlap=overlap)
        survey.shapes = []
        monkeypatch.setattr("geocnn.prediction.windows.torch.zeros", zeros)
        held.clear()
        alive.clear()
        for part, _ in parts_of(network, image, windowing):
            assert part.shape[0] <= 10
        monkeypatch.undo()
        assert max(shape[0] for shape in survey.shapes) == 10
        # Samples of three rows, sums of a row's planes, and the last part, which the loop above still holds.
        assert max(held) <= 4 * 9 * (3 * 10 + 10 + 10)
        most[length] = window_bytes(network.plan, windowing)
    assert most[60] == most[600]


def test_bytes_of_a_row_of_windows() -> None:
    plan = network_of(INSTANCE, (8, 6), outputs=2).plan
    windowing = plan_windows(plan, (8, 6), (100, 50), Window((0, 10), (100, 20)))
    assert windowing.starts[1] == (6, 9, 12, 15, 18)
    row = 2 * 8 * 10 + 3 * 8 * 18 + 2 * 8 * 6
    assert window_bytes(plan, windowing) == 4 * row + inference_bytes(plan, (8, 6))


def test_windows_in_words() -> None:
    plan, cube = network_of(INSTANCE, (8, 8)).plan, whole((32, 16))
    windowing = plan_windows(plan, (8, 8), (32, 16), cube)
    assert windowing.arithmetic == 7 * 3 * 64 / 512
    assert windowing.words == "windows of 8 × 8 that overlap by half, blended by a Gaussian"
    apart = plan_windows(plan, (8, 8), (32, 16), cube, overlap=0, blending="none").words
    assert apart == "windows of 8 × 8 side by side, each sample from the window whose centre is nearest"
    assert (
        "overlap by 75 %, blended by a cosine"
        in plan_windows(plan, (8, 8), (32, 16), cube, overlap=0.75, blending="cosine").words
    )
    assert " every 2 × 3 samples, blended" in plan_windows(plan, (8, 8), (32, 16), cube, step=(2, 3)).words
    values = plan_windows(network_of(DENSE, (8, 8)).plan, (8, 8), (32, 16), cube).words
    assert values == "one value for each window of 8 × 8, every 2 × 2 samples"


@pytest.mark.parametrize("overlap", [-0.1, 1, 1.5, float("nan")])
def test_an_overlap_that_cannot_be_is_refused(overlap: float) -> None:
    plan = network_of(INSTANCE, (8, 8)).plan
    with pytest.raises(UsageError, match=rf"an overlap of {overlap:g}\n  expected: a share from 0 to below 1"):
        plan_windows(plan, (8, 8), (32, 16), whole((32, 16)), overlap=overlap)


@pytest.mark.parametrize("layers", [INSTANCE, DENSE])
def test_other_faults_are_refused(layers: str) -> None:
    plan, cube = network_of(layers, (8, 8)).plan, whole((32, 16))
    for step in ((0, 2), (2, 9), (2,)):
        with pytest.raises(UsageError, match=r"a step of .* between windows of 8 × 8"):
            plan_windows(plan, (8, 8), (32, 16), cube, step=step)
    with pytest.raises(UsageError, match=r"blending 'mean'\n  expected: one of gaussian, cosine, none"):
        plan_windows(plan, (8, 8), (32, 16), cube, blending="mean")
