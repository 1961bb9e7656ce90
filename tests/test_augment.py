"""Augmentation: labels move with their samples, down stays down, and every strength does something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geocnn.augment import Augmentation

NOTHING = Augmentation(flip=False, rotate=False, gain=0, noise=0)
EVERYTHING = Augmentation(flip=True, rotate=True, gain=0.2, noise=0.1)


def numbered(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """An image of two channels that numbers its samples from 1, and a label that is a function of the number."""
    numbers = 1 + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return np.stack([numbers, -numbers]), (numbers % 7).astype(np.int8)


@pytest.mark.parametrize("shape", [(6,), (5, 6), (4, 4, 6), (4, 5, 6)])
def test_labels_move_with_their_samples(shape: tuple[int, ...]) -> None:
    image, label = numbered(*shape)
    moving = replace(NOTHING, flip=True, rotate=True)
    for seed in range(20):
        moved, moved_label = moving(np.random.default_rng(seed), image, label)
        assert moved.shape == image.shape
        assert np.array_equal(moved[0] % 7, moved_label)
        assert np.array_equal(moved[1], -moved[0])
        assert np.array_equal(np.sort(moved[0], axis=None), image[0].ravel())


@pytest.mark.parametrize("shape", [(6,), (5, 6), (4, 4, 6), (4, 5, 6)])
def test_down_stays_down(shape: tuple[int, ...]) -> None:
    image, label = numbered(*shape)
    for seed in range(20):
        moved, _ = replace(NOTHING, flip=True, rotate=True)(np.random.default_rng(seed), image, label)
        assert (np.diff(moved[0], axis=-1) == 1).all()


@pytest.mark.parametrize(("shape", "expected"), [((6,), 1), ((5, 6), 2), ((4, 4, 6), 8), ((4, 5, 6), 4)])
def test_every_motion_occurs(shape: tuple[int, ...], expected: int) -> None:
    """Sections have 2, volumes 4, square volumes 8: the symmetries of a line, a rectangle and a square."""
    image, label = numbered(*shape)
    moving = replace(NOTHING, flip=True, rotate=True)
    assert len({moving(np.random.default_rng(seed), image, label)[0].tobytes() for seed in range(100)}) == expected


@pytest.mark.parametrize("strength", [{"flip": True}, {"rotate": True}, {"gain": 0.2}, {"noise": 0.1}])
def test_each_strength_changes_the_image_and_none_leaves_it(strength: dict[str, float]) -> None:
    image, label = numbered(4, 4, 6)
    same, same_label = NOTHING(np.random.default_rng(0), image, label)
    assert np.array_equal(same, image)
    assert np.array_equal(same_label, label)
    changed = [replace(NOTHING, **strength)(np.random.default_rng(seed), image, label)[0] for seed in range(5)]
    assert any(not np.array_equal(other, image) for other in changed)


def test_the_same_generator_gives_the_same_patch_and_leaves_the_input() -> None:
    image, label = numbered(4, 4, 6)
    before = image.copy(), label.copy()
    first, second = (EVERYTHING(np.random.default_rng(3), image, label) for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert np.array_equal(image, before[0])
    assert np.array_equal(label, before[1])
    assert (first[0].dtype, first[1].dtype) == (np.float32, np.int8)


def test_gain_stays_within_its_strength_and_keeps_the_ratio_of_channels() -> None:
    image, label = numbered(4, 4, 6)
    amplify = replace(NOTHING, gain=0.5)
    factors = [amplify(np.random.default_rng(seed), image, label)[0] / image for seed in range(50)]
    assert all(np.ptp(factor) < 1e-6 for factor in factors)
    exponents = np.log([factor.flat[0] for factor in factors])
    assert 0.3 < exponents.max() <= 0.5
    assert -0.5 <= exponents.min() < -0.3


def test_noise_has_at_most_its_strength_and_spares_dead_samples() -> None:
    image = np.ones((1, 20, 20, 50), np.float32)
    image[:, :3] = 0
    label = np.zeros((20, 20, 50), np.int8)
    levels = []
    for seed in range(30):
        noisy, _ = replace(NOTHING, noise=0.2)(np.random.default_rng(seed), image, label)
        assert not noisy[:, :3].any()
        levels.append(noisy[:, 3:].std())
        assert abs(noisy[:, 3:].mean() - 1) < 0.02
    assert 0.15 < max(levels) < 0.21
    assert min(levels) < 0.05


@pytest.mark.parametrize("strength", [{"gain": -0.1}, {"noise": -1.0}])
def test_negative_strengths_are_refused(strength: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not 0 or more"):
        replace(EVERYTHING, **strength)
