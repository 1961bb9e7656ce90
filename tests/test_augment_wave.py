"""Geophysical augmentation: each change does what its name says, to image and label together; off, nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from geocnn.augment import MOST, Augmentation
from geocnn.augment.amplitude import agc, reverse
from geocnn.augment.geometry import rotate, warp
from geocnn.augment.liveness import dead_samples
from geocnn.augment.noise import band_noise, coherent_noise
from geocnn.augment.sampling import UNKNOWN, Sampling
from geocnn.augment.spectrum import bandpass, mix, phase, shaping
from geocnn.augment.traces import dead_traces, footprint, noisy_traces
from geocnn.errors import ConfigError

OFF = Augmentation()
ON = {
    "flip": True,
    "rotate": True,
    "stretch": 0.3,
    "lateral_stretch": 0.3,
    "warp": 3.0,
    "polarity": True,
    "phase": 90.0,
    "bandpass": 1.0,
    "shaping": 6.0,
    "mix": 1.0,
    "agc": 1.0,
    "gain": 0.3,
    "footprint": 0.5,
    "noise": 0.2,
    "band_noise": 0.2,
    "coherent_noise": 0.2,
    "noisy_traces": 0.3,
    "dead_traces": 0.3,
}
LATERAL = {"flip", "rotate", "lateral_stretch", "footprint", "noisy_traces", "dead_traces"}
"""Changes that a single trace has no place for."""

GEOMETRIC = ("flip", "rotate", "stretch", "lateral_stretch", "warp")
"""Changes that move samples."""

MONOTONE = ("stretch", "lateral_stretch", "warp")
"""Those of them that keep the order of samples along each axis."""

STRONGEST: dict[str, Any] = {
    **dict.fromkeys(ON, 50.0),
    **dict.fromkeys(("flip", "rotate", "polarity"), True),
    **MOST,
    "gain": 3.0,
}

SHAPES = {1: (96,), 2: (24, 96), 3: (24, 24, 96)}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def waves(shape: tuple[int, ...], channels: int = 1, period: float = 12) -> np.ndarray:
    """Smooth layers that vary laterally too, without a sample that is 0."""
    grid = np.meshgrid(*map(np.arange, shape), indexing="ij")
    bend = sum((np.sin(0.2 * g) for g in grid[:-1]), start=np.zeros(shape))
    image = np.sin(2 * np.pi * grid[-1] / period + bend) + 0.3 * np.sin(2 * np.pi * grid[-1] / 5.1) + 1e-3
    return np.stack([image * (1 + k) for k in range(channels)]).astype(np.float32)


def warped(
    seed: int, image: np.ndarray, label: np.ndarray, strengths: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return warp(rng(seed), image, label, dead_samples(image, label), strengths)


def label_of(image: np.ndarray) -> np.ndarray:
    """1 where the first channel is high, −1 where it is very low, else 0."""
    return np.where(image[0] > 0.5, 1, np.where(image[0] < -0.8, -1, 0)).astype(np.int8)


def test_every_key_has_a_change_here() -> None:
    assert set(ON) == {field.name for field in fields(Augmentation)}


@pytest.mark.parametrize("name", ON)
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_key_changes_the_patch_and_only_by_its_random_numbers(name: str, ndim: int, channels: int) -> None:
    image = waves(SHAPES[ndim], channels)
    one = replace(OFF, **{name: ON[name]})
    label, other = label_of(image), waves(SHAPES[ndim], channels, 7)
    made = [one(rng(seed), image, label, other=lambda: other) for seed in (1, 1, 2, 3, 4)]
    for changed, label in made:
        assert changed.shape == image.shape
        assert changed.dtype == np.float32
        assert label.dtype == np.int8
        assert set(np.unique(label)) <= {-1, 0, 1}
    np.testing.assert_array_equal(made[0][0], made[1][0])
    np.testing.assert_array_equal(made[0][1], made[1][1])
    changed_some = any(not np.array_equal(changed, image) for changed, _ in made)
    assert changed_some == (name not in LATERAL if ndim == 1 else not (name == "rotate" and ndim == 2))


def numbered(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image whose channels are the positions along each axis, from 1 on, and a label at random, −1 included.

    Linear interpolation of positions is exact: the image tells where each sample was read.
    """
    image = 1 + np.indices(shape, dtype=np.float32)
    return image, rng(seed).integers(-1, 3, shape).astype(np.int8)


@pytest.mark.parametrize("shape", [(40,), (12, 40), (12, 12, 40), (10, 14, 40), (1, 14, 40)], ids=str)
@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_label_is_that_of_the_place_where_its_sample_was_read(name: str, shape: tuple[int, ...]) -> None:
    one = replace(OFF, **{name: ON[name]})
    beyond_some = False
    for seed in range(12):
        image, before = numbered(shape, seed)
        moved, label = one(rng(seed), image, before)
        beyond = (moved == 0).all(axis=0)
        places = np.where(beyond, 0, moved - 1)
        undecided = (np.abs(places % 1 - 0.5) < 1e-3).any(axis=0)
        expected = np.where(beyond, -1, before[tuple(np.rint(places).astype(int))])
        np.testing.assert_array_equal(label[~undecided], expected[~undecided])
        beyond_some |= bool(beyond.any())
    assert beyond_some == (name in MONOTONE and not (name == "lateral_stretch" and len(shape) == 1))


@pytest.mark.parametrize("strength", [1.0, 3.0])
@pytest.mark.parametrize("shape", [(40,), (12, 40), (12, 12, 40), (1, 14, 40)], ids=str)
@pytest.mark.parametrize("names", [*((name,) for name in MONOTONE), MONOTONE], ids="+".join)
def test_no_interpreted_sample_lies_above_one_that_was_above_it(
    names: tuple[str, ...], shape: tuple[int, ...], strength: float
) -> None:
    one = replace(OFF, **{name: min(strength * ON[name], MOST.get(name, np.inf)) for name in names})
    for seed in range(12):
        image, _ = numbered(shape)
        moved, label = one(rng(seed), image, np.zeros(shape, np.int8))
        # Along each axis, not only along the samples: a mirror image of lines has the same V-shaped faults.
        for axis, ramp in enumerate(moved):
            steps = np.diff(ramp, axis=axis)
            known = np.minimum(np.delete(label, 0, axis), np.delete(label, -1, axis)) >= 0
            assert (steps[known] > 0).all()
        assert ((label == -1) == (moved == 0).all(axis=0)).all()


def test_a_patch_made_smaller_is_dead_around_and_one_made_larger_is_full() -> None:
    image, _ = numbered((16, 16, 40))
    known = [
        replace(OFF, stretch=0.3, lateral_stretch=0.3)(rng(seed), image, np.zeros((16, 16, 40), np.int8))[1] == 0
        for seed in range(40)
    ]
    assert min(each.mean() for each in known) > 0.4
    assert any(each.all() for each in known)
    assert all(each[8, 8, 20] for each in known)


@pytest.mark.parametrize("name", sorted(set(ON) - set(GEOMETRIC)))
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_changes_of_amplitude_leave_labels_alone(name: str, ndim: int) -> None:
    image, label = waves(SHAPES[ndim], 2), numbered(SHAPES[ndim])[1]
    one = replace(OFF, **{name: ON[name]})
    for seed in range(4):
        changed, told = one(rng(seed), image, label, other=lambda: waves(SHAPES[ndim], 2, 7))
        dead = (changed == 0).all(axis=0) if name == "dead_traces" else np.zeros(label.shape, np.bool_)
        np.testing.assert_array_equal(told, np.where(dead, -1, label))


@pytest.mark.parametrize(
    "shape", [(1,), (2,), (40,), (1, 40), (9, 40), (3, 1), (1, 9, 40), (9, 1, 40), (6, 6, 40)], ids=str
)
@pytest.mark.parametrize("level", [0.0, 1.0, None], ids=["nothing", "constant", "layers"])
@pytest.mark.parametrize("sampling", [UNKNOWN, Sampling((12.5, 12.5), 4.0, "ms")], ids=["pixels", "ms"])
def test_everything_at_its_strongest_leaves_a_patch_of_finite_numbers(
    shape: tuple[int, ...], level: float | None, sampling: Sampling
) -> None:
    image = waves(shape, 2) if level is None else np.full((2, *shape), level, np.float32)
    label = rng().integers(-1, 3, shape).astype(np.int8)
    for settings in (STRONGEST, *({name: strength} for name, strength in STRONGEST.items())):
        for seed in range(3):
            changed, told = Augmentation(**settings)(rng(seed), image, label, sampling, lambda: image)
            assert (changed.shape, changed.dtype) == (image.shape, np.float32)
            assert (told.shape, told.dtype) == (shape, np.int8)
            assert np.isfinite(changed).all()


def test_what_is_off_draws_no_random_number() -> None:
    image, numbers = waves((8, 8, 16)), rng(3)
    same, label = OFF(numbers, image, label_of(image))
    assert same is image
    np.testing.assert_array_equal(label, label_of(image))
    assert numbers.random() == rng(3).random()


@pytest.mark.parametrize("strengths", [(0.4, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 3.0), (0.3, 0.3, 3.0)])
def test_labels_move_with_the_samples(strengths: tuple[float, float, float]) -> None:
    image = waves((24, 24, 96), 2, 24) - waves((24, 24, 96), 2, 1e9)
    label = label_of(image)
    moved, told, dead = warped(5, image, label, strengths)
    expected = np.where(dead, -1, label_of(moved))
    assert (told != label).any()
    # Half a sample from a boundary, the nearest label and that of the interpolated amplitude may differ.
    assert (told != expected).mean() < 0.12
    inside = np.abs(moved[0] - 0.5) > 0.45
    inside &= np.abs(moved[0] + 0.8) > 0.45
    inside |= dead
    np.testing.assert_array_equal(told[inside], expected[inside])
    np.testing.assert_allclose(moved[1], 2 * moved[0], rtol=1e-4, atol=1e-5)


def test_a_stretch_moves_the_peak_of_the_spectrum() -> None:
    image = waves((4, 4, 256), period=16)
    image -= 0.3 * np.sin(2 * np.pi * np.arange(256) / 5.1).astype(np.float32)
    seen = set()
    for seed in range(40):
        moved, _, _ = warped(seed, image, label_of(image), (0.5, 0.0, 0.0))
        peak = int(np.abs(np.fft.rfft(moved[0, 0, 0] * np.hanning(256))).argmax())
        assert 16 / 1.55 <= peak <= 16 * 1.55
        seen.add(peak)
    assert min(seen) <= 12
    assert max(seen) >= 21


def test_ignored_samples_stay_ignored_and_mix_with_no_class() -> None:
    label = np.full((24, 24, 48), -1, np.int8)
    label[:, :, 20:30] = 3
    _, told, _ = warped(1, waves((24, 24, 48)), label, (0.3, 0.3, 2.0))
    assert set(np.unique(told)) == {-1, 3}


def test_dead_samples_stay_dead() -> None:
    image = waves((24, 24, 96))
    image[:, 5] = 0
    image[..., :10] = 0
    label = np.where(image[0] == 0, -1, label_of(image)).astype(np.int8)
    steady = {name: value for name, value in ON.items() if name not in {*LATERAL, "stretch", "warp"}}
    changed, _ = Augmentation(**steady)(rng(2), image, label, other=lambda: waves((24, 24, 96)))
    np.testing.assert_array_equal(changed == 0, image == 0)
    moved, told, dead = warped(3, image, label, (0.0, 0.0, 2.0))
    assert 0.5 < dead.sum() / (image == 0).sum() < 2
    np.testing.assert_array_equal(moved[0] == 0, dead)
    assert (told[dead] == -1).all()


def test_quarter_turns_need_nearly_square_bins() -> None:
    image = waves((16, 16, 32))
    turning = replace(OFF, rotate=True)
    for bins, turned in (((12.5, 25.0), False), ((20.0, 25.0), True), (None, True)):
        sampling = Sampling(bins, 4.0, "ms")
        found = [turning(rng(seed), image, label_of(image), sampling)[0] for seed in range(8)]
        assert any(not np.array_equal(each, image) for each in found) == turned
    assert any(not np.array_equal(rotate(rng(seed), image, label_of(image))[0], image) for seed in range(8))


def test_quarter_turns_leave_alone_what_has_no_square() -> None:
    turning = replace(OFF, rotate=True)
    for shape in ((40,), (12, 40), (10, 14, 40), (1, 14, 40)):
        image, label = numbered(shape)
        for seed in range(8):
            turned, told = turning(rng(seed), image, label, Sampling((25.0, 25.0), 4.0, "ms"))
            np.testing.assert_array_equal(turned, image)
            np.testing.assert_array_equal(told, label)


@pytest.mark.parametrize("shape", [(40,), (12, 40), (10, 14, 40)], ids=str)
def test_samples_keep_their_direction_in_mirrors_and_turns(shape: tuple[int, ...]) -> None:
    image, label = numbered(shape)
    seen = set()
    for seed in range(40):
        moved, _ = replace(OFF, flip=True, rotate=True)(rng(seed), image, label)
        np.testing.assert_array_equal(moved[-1], image[-1])
        seen.add(moved.tobytes())
    assert len(seen) == 2 ** (len(shape) - 1)


class Turn:
    """A generator whose next uniform number is known."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def uniform(self, *_: object) -> float:
        return self.values.pop(0)


def test_twice_a_quarter_period_is_the_other_polarity() -> None:
    image = waves((3, 128))
    twice = phase(Turn(90), phase(Turn(90), image, 90), 90)  # type: ignore[arg-type]
    # A constant has no phase, and what a quarter turn makes of it is nothing.
    assert np.corrcoef(twice[..., 16:-16].ravel(), image[..., 16:-16].ravel())[0, 1] < -0.98
    assert abs(np.corrcoef(phase(Turn(90), image, 90).ravel(), image.ravel())[0, 1]) < 0.1  # type: ignore[arg-type]
    np.testing.assert_allclose(phase(Turn(180), image, 180), -image, atol=1e-5)  # type: ignore[arg-type]
    assert {float(np.sign(reverse(rng(seed), image) / image).mean()) for seed in range(10)} == {1.0, -1.0}


def test_a_band_loses_its_ends_and_keeps_its_middle() -> None:
    white = rng(0).standard_normal((1, 400, 256)).astype(np.float32)
    passed = bandpass(Turn(0.1, 0.5), white)  # type: ignore[arg-type]
    before, after = (np.abs(np.fft.rfft(each, axis=-1)).mean(axis=(0, 1)) for each in (white, passed))
    ratio = after / before
    nyquist = len(ratio) - 1
    assert ratio[int(0.03 * nyquist)] < 0.15
    assert ratio[int(0.25 * nyquist)] > 0.9
    assert ratio[int(0.9 * nyquist)] < 0.15


def test_shaping_stays_within_its_decibels_and_as_loud() -> None:
    white = rng(0).standard_normal((1, 400, 256)).astype(np.float32)
    shaped = shaping(rng(1), white, 6.0)
    ratio = 20 * np.log10(
        np.abs(np.fft.rfft(shaped, axis=-1)).mean(axis=(0, 1)) / np.abs(np.fft.rfft(white, axis=-1)).mean(axis=(0, 1))
    )
    assert np.ptp(ratio) <= 12.5
    assert np.ptp(ratio) > 2
    np.testing.assert_allclose(shaped.std(), white.std(), rtol=0.01)


def test_mixing_brings_the_spectrum_near_that_of_the_other() -> None:
    def peak(image: np.ndarray) -> int:
        return int(np.abs(np.fft.rfft(image, axis=-1)).mean(axis=(0, 1)).argmax())

    white = rng(0).standard_normal((1, 100, 256)).astype(np.float32)
    low, high = (bandpass(Turn(a, b), white) for a, b in ((0.02, 0.2), (0.4, 0.6)))  # type: ignore[arg-type]
    mixed = mix(low, high)
    assert peak(low) < 30 < peak(high)
    assert abs(peak(mixed) - peak(high)) < 30
    np.testing.assert_allclose(mixed.std(), low.std(), rtol=0.01)


def test_gain_control_evens_amplitudes_and_keeps_channels_in_proportion() -> None:
    fading = waves((8, 256), 2) * np.exp(-np.arange(256) / 60).astype(np.float32)
    evened = agc(rng(0), fading, Sampling(None, 4.0, "ms"))

    def fall(image: np.ndarray) -> float:
        return float(image[0, :, :40].std() / image[0, :, -40:].std())

    assert fall(fading) > 20
    assert fall(evened) < 3
    np.testing.assert_allclose(evened[1], 2 * evened[0], rtol=1e-5)


def test_a_footprint_is_the_same_at_all_times_and_repeats() -> None:
    image = np.ones((1, 48, 48, 8), np.float32)
    marked = footprint(rng(2), image, 0.5)
    assert np.ptp(marked, axis=-1).max() == 0
    assert 0.01 < np.abs(marked - 1).max() <= 0.5
    single = footprint(rng(0), np.ones((1, 240, 8), np.float32), 0.5)[0, :, 0] - 1
    spectrum = np.abs(np.fft.rfft(single))
    assert 240 / 24 - 1 <= spectrum.argmax() <= 240 / 3 + 1


def test_dead_traces_are_ignored_and_within_their_share() -> None:
    image, shares = waves((20, 20, 16)), []
    for seed in range(30):
        killed, label = dead_traces(rng(seed), image, label_of(image), 0.4)
        dead = (killed == 0).all(axis=(0, -1))
        shares.append(dead.mean())
        assert (label[dead] == -1).all()
        np.testing.assert_array_equal(label[~dead], label_of(image)[~dead])
    assert max(shares) <= 0.4
    assert max(shares) > 0.25
    with_noise = noisy_traces(rng(1), image, 0.4)
    touched = (with_noise != image).any(axis=(0, -1)).mean()
    assert 0 < touched <= 0.4


@pytest.mark.parametrize("add", [band_noise, coherent_noise])
def test_noise_is_no_louder_than_said(add: object) -> None:
    image = np.zeros((1, 24, 24, 96), np.float32)
    levels = [add(rng(seed), image, 0.5).std() for seed in range(30)]  # type: ignore[operator]
    assert max(levels) < 0.65
    assert max(levels) > 0.3


def test_linear_noise_arrives_later_from_trace_to_trace() -> None:
    made = coherent_noise(rng(4), np.zeros((1, 40, 200), np.float32), 1.0)[0]
    lags = [int(np.correlate(made[k + 1], made[k], "full").argmax()) - 199 for k in range(39)]
    assert np.ptp(lags) <= 1
    across = np.abs(np.fft.rfft2(made))
    assert (across**2).max() > 20 * (across**2).mean()


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("stretch", -0.1, r"augmentation.stretch: stretch is -0.1"),
        ("phase", 270.0, r"phase is 270\n.*at most 180"),
        ("mix", 1.5, r"mix is 1.5\n.*at most 1"),
        ("warp", float("nan"), "warp is nan"),
        ("dead_traces", 1.0, "at most 0.9"),
    ],
)
def test_impossible_strengths_are_refused(key: str, value: float, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        replace(OFF, **{key: value})
