"""Synthetic cubes: faults move layers as they say, labels lie on the breaks, recipes hold, same seed same bytes."""

from __future__ import annotations

from dataclasses import replace
from math import radians, sin, tan

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from geocnn.errors import UsageError
from geocnn.synthetic.faults import draw_structure, fault_cube
from geocnn.synthetic.recipes import DT, RECIPES, FaultRecipe
from geocnn.synthetic.structure import Fault, Fold, Structure, positions
from geocnn.synthetic.waves import band_limited_noise, convolve_traces, read_off, ricker

WU = RECIPES["wu2019"]
SHAPE = (32, 48, 64)
EDGE = 1e-4


def flat(*faults: Fault, folds: tuple[Fold, ...] = (), shear: tuple[float, float] = (0, 0)) -> Structure:
    return Structure(folds, 128, shear, faults, visible=1)


def vertical(inline: float, crossline: float, samples: int = 64) -> np.ndarray:
    """Places along one trace."""
    return np.stack([np.full(samples, inline), np.full(samples, crossline), np.arange(samples)]).astype(np.float32)


@pytest.mark.parametrize("azimuth", [0, 90, 200, 317])
@pytest.mark.parametrize(("dip", "throw"), [(45, 6), (70, 6), (82, -9)])
def test_a_layer_lies_lower_in_the_hanging_wall_by_the_throw(azimuth: float, dip: float, throw: float) -> None:
    fault = Fault((16, 24, 32), azimuth, dip, throw, "gaussian", 1e6)
    depth, _ = flat(fault).at(positions(SHAPE, (0, 0, 0)))
    sample = np.broadcast_to(np.arange(SHAPE[2]), SHAPE)
    # The hanging wall lies above the plane: towards the azimuth of the dip, where the plane is deeper.
    i, x, s = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    ahead = (i - 16) * np.cos(radians(azimuth)) + (x - 24) * np.sin(radians(azimuth))
    plane = 32 + ahead * tan(radians(dip))
    np.testing.assert_allclose(depth[s > plane + EDGE], sample[s > plane + EDGE], atol=1e-3)
    np.testing.assert_allclose(depth[s < plane - EDGE], (sample - throw)[s < plane - EDGE], atol=1e-3)


@pytest.mark.parametrize(
    ("profile", "shares"), [("linear", (1, 0.5, 0)), ("gaussian", (1, np.exp(-0.125), np.exp(-0.5)))]
)
@pytest.mark.parametrize("direction", ["strike", "downdip"])
def test_the_throw_falls_off_along_strike_and_dip(
    profile: str, shares: tuple[float, float, float], direction: str
) -> None:
    fault = Fault((10, 20, 30), 40, 65, 12, profile, 40)  # type: ignore[arg-type]
    centre, along = np.array(fault.centre), np.array(getattr(fault, direction))
    places = np.stack([centre + along * d for d in (0, 20, 40)], axis=1).astype(np.float32)
    np.testing.assert_allclose(fault.throws(places), 12 * np.array(shares), atol=1e-4)
    np.testing.assert_allclose(fault.distance(places), 0, atol=1e-4)


def test_the_axes_of_a_fault_are_a_right_angled_frame() -> None:
    fault = Fault((0, 0, 0), 123, 66, 5, "linear", 100)
    frame = np.array([fault.strike, fault.downdip, fault.normal])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert fault.downdip[2] == pytest.approx(sin(radians(66)))
    assert fault.normal[2] < 0


@pytest.mark.parametrize("dip", [62, 75, 82])
def test_labels_are_two_samples_thick_across_the_plane(dip: float) -> None:
    fault = Fault((32, 8, 32), 0, dip, 6, "gaussian", 1e6)
    _, faulted = flat(fault).at(positions((64, 16, 64), (0, 0, 0)))
    distance = np.abs(fault.distance(positions((64, 16, 64), (0, 0, 0))))
    assert faulted[distance < 1 - EDGE].all()
    assert not faulted[distance > 1 + EDGE].any()
    rows = faulted[:, :, 8:56].sum(axis=0)
    assert rows.mean() == pytest.approx(2 / sin(radians(dip)), abs=0.12)


def test_a_throw_too_small_to_see_is_not_labelled() -> None:
    fault = Fault((32, 32, 32), 0, 80, 4, "gaussian", 10)
    _, faulted = flat(fault).at(positions((64, 64, 64), (0, 0, 0)))
    reach = 10 * np.sqrt(2 * np.log(4))  # where 4 exp(−r²/2σ²) = 1
    labelled = np.argwhere(faulted)
    distances = np.linalg.norm(labelled - 32, axis=1)
    assert reach - 2 < distances.max() < reach + 2


def test_a_younger_fault_displaces_an_older_one() -> None:
    older = Fault((32, 32, 32), 90, 60, 8, "gaussian", 1e6)
    younger = Fault((32, 32, 32), 0, 88, 10, "gaussian", 1e6)
    places = positions((64, 64, 64), (0, 0, 0))
    _, alone = flat(older).at(places)
    _, both = flat(older, younger).at(places)
    _, last = flat(younger).at(places)
    hanging = younger.distance(places) > 2
    foot = younger.distance(places) < -2
    np.testing.assert_array_equal(both[foot], alone[foot])
    # In the hanging wall the older plane lies 10 samples lower; the slip of an 88° fault leads 0.35 samples aside.
    moved = np.roll(alone, 10, axis=2) & hanging
    assert (both & hanging)[:, :, 12:].sum() == pytest.approx(moved[:, :, 12:].sum(), rel=0.01)
    np.testing.assert_array_equal((both & hanging)[40:, :, 12:], moved[40:, :, 12:])
    assert both[last].all()


def test_folds_grow_with_depth_and_shear_tilts() -> None:
    fold = Fold((10, 20), height=4, width=12)
    at_centre, _ = flat(folds=(fold,)).at(vertical(10, 20))
    np.testing.assert_allclose(at_centre, np.arange(64) * (1 + 1.5 * 4 / 128), rtol=1e-5)
    aside, _ = flat(folds=(fold,)).at(vertical(10, 32))
    np.testing.assert_allclose(aside, np.arange(64) * (1 + 1.5 * 4 * np.exp(-0.5) / 128), rtol=1e-5)
    tilted, _ = flat(shear=(0.1, -0.2)).at(vertical(10, 20))
    np.testing.assert_allclose(tilted, np.arange(64) + 0.1 * 10 - 0.2 * 20, atol=1e-5)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("seed", range(4))
def test_wherever_layers_break_both_sides_are_labelled(recipe: FaultRecipe, seed: int) -> None:
    structure = draw_structure(np.random.default_rng(seed), (48, 48, 64), recipe)
    depth, faulted = structure.at(positions((48, 48, 64), (0, 0, 0)))
    for axis in (0, 1):
        # Layers dip by less than 60° here: a larger step from trace to trace is a fault.
        break_ = np.abs(np.diff(depth, axis=axis)) > 2
        assert break_.sum() > 200
        assert faulted.take(range(47), axis)[break_].all()
        assert faulted.take(range(1, 48), axis)[break_].all()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("seed", range(4))
def test_wherever_there_is_a_label_layers_break(recipe: FaultRecipe, seed: int) -> None:
    """Up to two traces aside, for throws of 3 samples and more."""
    structure = draw_structure(np.random.default_rng(seed), (48, 48, 64), replace(recipe, visible=3))
    depth, faulted = structure.at(positions((48, 48, 64), (0, 0, 0)))
    near = np.zeros(depth.shape, np.bool_)
    for axis in (0, 1):
        break_ = np.abs(np.diff(depth, axis=axis, append=depth.take([-1], axis))) > 1
        for offset in (-1, 0, 1, 2):
            near |= np.roll(break_, offset, axis)
    inside = np.s_[2:-2, 2:-2]
    assert faulted[inside].sum() > 500
    assert near[inside][faulted[inside]].mean() > 0.98


def test_labels_lie_on_the_breaks_of_the_image() -> None:
    quiet = replace(WU, signal_to_noise=(1000, 1000), throw=(8, 16))
    ratios = []
    for seed in range(4):
        image, label = fault_cube((48, 48, 64), seed, quiet)
        step = np.maximum(np.abs(np.diff(image, axis=0))[:, 1:], np.abs(np.diff(image, axis=1))[1:])
        on, away = label[1:, 1:] > 0, label[1:, 1:] == 0
        ratios.append(step[on].mean() / step[away].mean())
    assert min(ratios) > 2


def test_an_image_is_made_of_the_structure_that_its_seed_draws() -> None:
    shape = (70, 50, 60)  # more than one slab
    rigid = replace(WU, fold_height=(0, 0), shear=(0, 0), tip=(9e3, 1e4), width=(9e3, 1e4), signal_to_noise=(999, 999))
    image, label = fault_cube(shape, 11, rigid)
    depth, faulted = draw_structure(np.random.default_rng(11), shape, rigid).at(positions(shape, (0, 0, 0)))
    np.testing.assert_array_equal(label, faulted)
    # Further from faults than the wavelet reaches, blocks are moved as they are: the image is a function of depth.
    whole = ~maximum_filter(faulted, (1, 1, 27))
    assert whole.mean() > 0.3
    order = np.argsort(depth[whole])
    sorted_image = image[whole][order]
    assert np.mean(np.diff(sorted_image) ** 2) < 2e-3 * image.var()


def test_the_wavelet_has_its_peak_frequency_and_no_mean() -> None:
    wavelet = ricker(25, 64)
    spectrum = np.abs(np.fft.rfft(wavelet, 4000))
    assert np.fft.rfftfreq(4000, DT)[spectrum.argmax()] == pytest.approx(25, abs=0.1)
    assert wavelet[64] == 1
    assert abs(wavelet.sum()) < 1e-4
    np.testing.assert_array_equal(wavelet, wavelet[::-1])


def test_layers_are_read_off_between_their_depths_and_begin_again() -> None:
    layers = np.array([1, 0, -2, 4], np.float32)
    depth = np.array([[0, 1, 2.5], [3, 3.75, 4], [-1, -0.25, 8.5]], np.float32)
    np.testing.assert_allclose(read_off(layers, depth), [[1, 0, 1], [4, 1.75, 1], [4, 1.75, 0.5]])


def test_convolution_is_that_of_numpy_where_it_is_whole() -> None:
    rng = np.random.default_rng(0)
    traces, wavelet = rng.normal(size=(3, 50)).astype(np.float32), rng.normal(size=11).astype(np.float32)
    expected = [np.convolve(trace, wavelet, "valid") for trace in traces]
    np.testing.assert_allclose(convolve_traces(traces, wavelet), expected, atol=1e-5)


def test_noise_keeps_to_its_band_and_has_unit_deviation() -> None:
    noise = band_limited_noise(np.random.default_rng(0), (400, 512), (10, 60))
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1, abs=0.02)
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(512, DT)
    inside = power[(frequency > 20) & (frequency < 45)].mean()
    assert power[frequency > 110].max() < 0.02 * inside
    assert power[frequency < 4].max() < 0.02 * inside
    assert power[(frequency > 20) & (frequency < 45)].min() > 0.7 * inside
    neighbours = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


@pytest.mark.parametrize("ratio", [0.5, 2, 5])
def test_the_signal_to_noise_ratio_is_as_told(ratio: float) -> None:
    clean, label = fault_cube((48, 48, 48), 3, replace(WU, signal_to_noise=(1000, 1000)))
    noisy, same = fault_cube((48, 48, 48), 3, replace(WU, signal_to_noise=(ratio, ratio)))
    np.testing.assert_array_equal(label, same)
    # Signal and noise are independent: the correlation with the signal is S / √(S² + N²).
    correlation = np.corrcoef(clean.ravel(), noisy.ravel())[0, 1]
    assert correlation == pytest.approx(ratio / np.hypot(ratio, 1), abs=0.01)


@pytest.mark.parametrize("shape", [(8, 8, 8), SHAPE, (96, 20, 33)])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_cubes_of_any_shape(shape: tuple[int, int, int], recipe: FaultRecipe) -> None:
    image, label = fault_cube(shape, 5, recipe)
    assert (image.shape, image.dtype) == (shape, np.float32)
    assert (label.shape, label.dtype) == (shape, np.uint8)
    assert image.mean(dtype=np.float64) == pytest.approx(0, abs=1e-4)
    assert image.std(dtype=np.float64) == pytest.approx(1, abs=1e-4)
    assert set(np.unique(label)) <= {0, 1}
    # No face is without signal.
    assert min(image.take(0, axis).std() for axis in range(3)) > 0.2
    assert min(image.take(-1, axis).std() for axis in range(3)) > 0.2


def test_same_seed_same_bytes_and_another_seed_another_cube() -> None:
    first, second = fault_cube(SHAPE, (3, 1), WU), fault_cube(SHAPE, (3, 1), WU)
    assert [part.tobytes() for part in first] == [part.tobytes() for part in second]
    others = [fault_cube(SHAPE, seed, WU)[1].tobytes() for seed in ((3, 0), (3, 2), (4, 1))]
    assert len({first[1].tobytes(), *others}) == 4


def test_structures_keep_to_the_recipe_and_use_all_of_it() -> None:
    faults = [
        fault for seed in range(60) for fault in draw_structure(np.random.default_rng(seed), (128, 128, 128), WU).faults
    ]
    throws, dips = np.array([fault.throw for fault in faults]), np.array([fault.dip for fault in faults])
    assert 5 * 60 <= len(faults) <= 8 * 60
    assert 62 <= dips.min() < 64
    assert 80 < dips.max() <= 82
    assert 5 <= np.abs(throws).min() < 6
    assert 29 < np.abs(throws).max() <= 30
    assert 0.4 < (throws > 0).mean() < 0.6
    assert {int(fault.azimuth // 90) for fault in faults} == {0, 1, 2, 3}
    assert {fault.profile for fault in faults} == {"linear", "gaussian"}
    centres = np.array([fault.centre for fault in faults])
    assert centres.min() >= 32
    assert centres.max() <= 96


def test_centres_of_faults_keep_their_distance() -> None:
    for seed in range(10):
        structure = draw_structure(np.random.default_rng(seed), (128, 128, 128), WU)
        centres = np.array([fault.centre for fault in structure.faults])
        distances = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(len(centres), 1)]
        assert distances.min() >= 20


def test_smaller_cubes_have_fewer_faults_of_smaller_throw() -> None:
    drawn = [draw_structure(np.random.default_rng(seed), SHAPE, WU) for seed in range(50)]
    counts = [len(structure.faults) for structure in drawn]
    assert min(counts) >= 1
    # √(32 · 48) of 128 positions: 5 to 8 faults become about 2.
    assert np.mean(counts) == pytest.approx(6.5 * np.sqrt(32 * 48) / 128, abs=0.3)
    assert max(abs(fault.throw) for structure in drawn for fault in structure.faults) <= SHAPE[2] / 4


def test_the_wide_recipe_goes_beyond_the_other_everywhere() -> None:
    wide = RECIPES["wu2019-wide"]
    for name in ("dip", "throw", "frequency", "signal_to_noise", "tip", "width", "faults"):
        (low, high), (lowest, highest) = getattr(WU, name), getattr(wide, name)
        assert lowest < low <= high < highest, name


@pytest.mark.parametrize(
    ("name", "value"),
    [("dip", (82, 62)), ("dip", (0, 50)), ("throw", (0, 5)), ("interfaces", 0.0), ("frequency", (20, 200))],
)
def test_ranges_without_sense_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} .* not a range from"):
        replace(WU, **{name: value})


def test_a_fault_that_would_turn_layers_over_is_refused() -> None:
    with pytest.raises(ValueError, match="throw of 30 that falls off within 20"):
        Fault((0, 0, 0), 0, 70, 30, "linear", 20)


@pytest.mark.parametrize("shape", [(7, 64, 64), (64, 64, 0), (4096, 4096, 4096)])
def test_shapes_that_hold_no_cube_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=" × ".join(map(str, shape))):
        fault_cube(shape, 0, WU)
