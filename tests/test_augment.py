"""Augmentation: image and label move together, the vertical keeps its direction, strengths mean what they say."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from geocnn.augment import Augmentation
from geocnn.augment.amplitude import gain
from geocnn.augment.geometry import flip, rotate
from geocnn.augment.liveness import dead_samples
from geocnn.augment.noise import noise
from geocnn.errors import ConfigError
from geocnn.settings import AugmentationConfig

SHAPES = {1: (20,), 2: (6, 20), 3: (6, 6, 20)}
EVERYTHING = Augmentation(flip=True, rotate=True, gain=0.2, noise=0.1)
NOTHING = Augmentation(flip=False, rotate=False, gain=0.0, noise=0.0)


def encoded(shape: tuple[int, ...], channels: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """An image whose samples carry the numbers of their positions, and a label that follows from them."""
    numbers = 1 + np.arange(np.prod(shape)).reshape(shape)
    image = np.stack([numbers * (1 + channel) for channel in range(channels)]).astype(np.float32)
    return image, label_of(image)


def label_of(image: np.ndarray) -> np.ndarray:
    return (image[0].astype(int) % 7 % 3 - 1).astype(np.int8)


def changed(augmentation: Augmentation, seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return augmentation(np.random.default_rng(seed), *encoded(shape))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_label_and_channels_move_with_the_samples_and_time_runs_downward(axes: int) -> None:
    moving = Augmentation(flip=True, rotate=True, gain=0.0, noise=0.0)
    original, _ = encoded(SHAPES[axes])
    found = set()
    for seed in range(100):
        image, label = changed(moving, seed, SHAPES[axes])
        found.add(image.tobytes())
        np.testing.assert_array_equal(label, label_of(image))
        np.testing.assert_array_equal(image[1], 2 * image[0])
        np.testing.assert_array_equal(np.sort(image, axis=None), np.sort(original, axis=None))
        assert (np.diff(image, axis=-1) > 0).all()
    # 1-D has no lateral axis; a section has a mirror image; a square has the eight symmetries of a square.
    assert len(found) == {1: 1, 2: 2, 3: 8}[axes]


def test_a_patch_that_is_no_square_keeps_its_shape() -> None:
    shape = (4, 6, 8)
    found = {changed(EVERYTHING, seed, shape)[0].shape for seed in range(20)}
    assert found == {(2, 4, 6, 8)}
    image, label = encoded(shape)
    turned, _ = rotate(np.random.default_rng(0), image, label)
    np.testing.assert_array_equal(turned, image)


def test_flips_and_turns_are_all_as_likely() -> None:
    image, label = encoded((2, 2, 1), channels=1)
    for change, kinds in ((flip, 4), (rotate, 4)):
        corners = [change(np.random.default_rng(seed), image, label)[0].tobytes() for seed in range(400)]
        counts = [corners.count(kind) for kind in set(corners)]
        assert len(counts) == kinds
        assert min(counts) > 70


@pytest.mark.parametrize("strength", ["flip", "rotate", "gain", "noise"])
def test_each_strength_changes_the_image_and_only_geometry_the_label(strength: str) -> None:
    settings = {**vars(NOTHING), strength: 0.5 if strength in ("gain", "noise") else True}
    image, label = encoded(SHAPES[3])
    results = [changed(Augmentation(**settings), seed, SHAPES[3]) for seed in range(10)]
    assert any(not np.array_equal(result[0], image) for result in results)
    assert any(not np.array_equal(result[1], label) for result in results) == (strength in ("flip", "rotate"))


def test_without_strength_nothing_changes() -> None:
    image, label = encoded(SHAPES[3])
    found = NOTHING(np.random.default_rng(0), image, label)
    np.testing.assert_array_equal(found[0], image)
    np.testing.assert_array_equal(found[1], label)


def test_same_random_state_same_result_and_the_arguments_are_left_alone() -> None:
    image, label = encoded(SHAPES[3])
    kept = image.copy(), label.copy()
    first, second = (EVERYTHING(np.random.default_rng(5), image, label) for _ in range(2))
    other = EVERYTHING(np.random.default_rng(6), image, label)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert first[0].tobytes() != other[0].tobytes()
    np.testing.assert_array_equal(image, kept[0])
    np.testing.assert_array_equal(label, kept[1])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_types_and_shapes_stay(axes: int) -> None:
    image, label = changed(EVERYTHING, 1, SHAPES[axes])
    assert (image.dtype, image.shape) == (np.float32, (2, *SHAPES[axes]))
    assert (label.dtype, label.shape) == (np.int8, SHAPES[axes])


def test_gain_is_one_factor_as_often_up_as_down() -> None:
    image = np.linspace(1, 2, 50, dtype=np.float32)[None]
    factors = np.array([gain(np.random.default_rng(seed), image, 0.3) / image for seed in range(400)])
    np.testing.assert_allclose(np.ptp(factors, axis=(1, 2)), 0, atol=1e-6)
    logs = np.log(factors[:, 0, 0])
    assert 0.28 < logs.max() < 0.3001
    assert -0.3001 < logs.min() < -0.28
    assert abs(logs.mean()) < 0.03


def test_noise_is_gaussian_of_up_to_its_strength() -> None:
    image = np.full((1, 20_000), 5, np.float32)
    grains = np.array([noise(np.random.default_rng(seed), image, 0.4) - image for seed in range(200)])[:, 0]
    deviations = grains.std(axis=1)
    assert 0.37 < deviations.max() < 0.41
    assert deviations.min() < 0.03
    assert abs(deviations.mean() - 0.2) < 0.03
    standard = grains[deviations.argmax()] / deviations.max()
    assert abs(standard.mean()) < 0.05
    assert abs((standard**4).mean() - 3) < 0.3


def test_dead_samples_stay_zero_and_live_ones_do_not() -> None:
    image, label = encoded(SHAPES[2])
    image[:, 2, 5:] = 0
    label[2, 5:] = -1
    image[:, :, 3] = 0
    found, _ = Augmentation(gain=0.2, noise=0.1)(np.random.default_rng(0), image, label)
    np.testing.assert_array_equal(found == 0, np.broadcast_to(dead_samples(image, label), image.shape))
    assert (found[:, 2, 5:] == 0).all()
    assert (found[:, :, 3] != 0).all()


@pytest.mark.parametrize(
    ("zeros", "ignored", "dead"),
    [
        (slice(None), slice(None), slice(None)),  # a dead trace
        (slice(0, 3), slice(None), slice(0, 3)),  # a mute, cut off by the patch
        (slice(17, 20), slice(None), slice(17, 20)),  # padding, likewise
        (slice(6, 14), slice(None), slice(6, 14)),  # nulls
        (slice(6, 13), slice(None), slice(0)),  # live samples that are 0
        (slice(6, 14), slice(0, 8), slice(0)),  # interpreted, so live
        (slice(0, 3), slice(0), slice(0)),
    ],
)
def test_runs_of_ignored_zeros_are_dead(zeros: slice, ignored: slice, dead: slice) -> None:
    image, label = np.ones((2, 3, 20), np.float32), np.ones((3, 20), np.int8)
    image[:, 1, zeros] = 0
    label[1, ignored] = -1
    expected = np.zeros((3, 20), np.bool_)
    expected[1, dead] = True
    np.testing.assert_array_equal(dead_samples(image, label), expected)
    image[1, 1] = 1
    assert not dead_samples(image, label).any(), "a sample is live if any of its channels is"


def test_samples_of_eight_bits_are_live_where_they_are_zero() -> None:
    random = np.random.default_rng(0)
    image = random.integers(-3, 4, (1, 8, 8, 64)).astype(np.float32)
    label = random.integers(-1, 2, (8, 8, 64)).astype(np.int8)
    image[:, 4, 4], label[4, 4] = 0, -1
    # Live zeros that touch a face cannot be told from the end of a mute.
    image[..., [0, -1]] = 1
    image[:, 4, 4] = 0
    found, _ = Augmentation(noise=0.1)(random, image, label)
    silent = (found[0] == 0).all(axis=-1)
    assert np.argwhere(silent).tolist() == [[4, 4]]
    assert ((found != 0) == ~silent[..., None]).all()


@pytest.mark.parametrize(("name", "value"), [("gain", -0.1), ("noise", float("nan")), ("noise", float("inf"))])
def test_strengths_are_finite_and_not_negative(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"augmentation\.{name}: {name} is {value}"):
        Augmentation(**{**vars(NOTHING), name: value})


ROOT = Path(__file__).resolve().parent.parent
ROWS = dict(
    re.findall(r"^\| `(\w+)` \(([\w.]+)\) \|", (ROOT / "docs/augmentation.md").read_text("utf-8"), re.MULTILINE)
)


def test_the_table_of_the_documentation_has_every_key_and_its_default() -> None:
    defaults = AugmentationConfig().model_dump()
    assert list(ROWS) == [field.name for field in fields(Augmentation)]
    assert {
        key: str(value).lower() if isinstance(value, bool) else f"{value:g}" for key, value in defaults.items()
    } == ROWS


def test_every_key_has_a_panel_in_the_picture() -> None:
    module = ast.parse((ROOT / "benchmarks/pictures.py").read_text("utf-8"))
    (strengths,) = [
        node.value
        for node in module.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "AUGMENTATIONS"
    ]
    assert strengths is not None
    assert list(ast.literal_eval(strengths)) == list(ROWS)
