"""The training stream: a pure function of (seed, n), inside its windows, never all ignore."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey

from geocnn.augment import Augmentation
from geocnn.census import census
from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey, Normaliser
from geocnn.patches import Part
from geocnn.patches import Stream as PatchStream
from geocnn.progress import finish
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.scan import scan
from geocnn.survey_patches import Source, SurveyPatches

PLAIN = Augmentation(flip=False, rotate=False, gain=0.0, noise=0.0)
SHAPE = (20, 18, 30)
WHOLE = Window((0, 0, 0), SHAPE)


def sources(
    label: np.ndarray,
    windows: tuple[Window, ...] = (WHOLE,),
    dead: tuple[slice, ...] = (),
    cell: tuple[int, ...] = (8, 8, 8),
    classes: int = 2,
) -> list[Source]:
    """A survey whose amplitudes number its samples from 1, scaled by 1, with labels; one source for each window."""
    image = 1 + np.arange(label.size, dtype=np.float32).reshape(label.shape)
    if dead:
        image[dead] = 0
    survey = ArraySurvey(image[None])
    normal = NormalisedSurvey(survey, finish(scan(survey)), Normaliser((0.0,), (1.0,), 1e9))
    labelled = LabelledSurvey(survey, ArrayLabel(label), classes)
    return [
        Source(normal, labelled, finish(census(normal, labelled, window, cell[: label.ndim]))) for window in windows
    ]


def stream_of(
    drawn: list[Source], patch: tuple[int, ...], augmentation: Augmentation = PLAIN, foreground: float = 0.0
) -> PatchStream:
    return PatchStream([Part(SurveyPatches(drawn, patch, foreground), 1.0)], augmentation)


def position(image: np.ndarray, shape: tuple[int, ...] = SHAPE) -> tuple[int, ...]:
    """Where a patch without augmentation starts, read off its first sample."""
    return tuple(int(i) for i in np.unravel_index(int(image.reshape(-1)[0]) - 1, shape))


def labels(seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(SHAPE) < 0.1).astype(np.int8)


def test_same_seed_and_number_same_patch_in_any_order() -> None:
    augmented = Augmentation(flip=True, rotate=True, gain=0.2, noise=0.1)
    first, second = (stream_of(sources(labels()), (8, 8, 8), augmented) for _ in range(2))
    forward = [first.draw(7, n) for n in range(6)]
    backward = [second.draw(7, n) for n in reversed(range(6))][::-1]
    for a, b in zip(forward, backward, strict=True):
        assert a.image.tobytes() == b.image.tobytes()
        assert a.label.tobytes() == b.label.tobytes()


def test_seed_and_number_change_the_patch() -> None:
    stream = stream_of(sources(labels()), (8, 8, 8))
    drawn = {stream.draw(seed, n).image.tobytes() for seed in (0, 1) for n in range(10)}
    assert len(drawn) > 15


def test_batches_follow_on_each_other() -> None:
    stream = stream_of(sources(labels()), (4, 6, 8))
    image, label = stream.batch(3, range(20, 24))
    assert (image.shape, image.dtype) == ((4, 1, 4, 6, 8), np.float32)
    assert (label.shape, label.dtype) == ((4, 4, 6, 8), np.int8)
    for index in range(4):
        patch = stream.draw(3, 20 + index)
        np.testing.assert_array_equal(image[index], patch.image)
        np.testing.assert_array_equal(label[index], patch.label)


def test_label_and_samples_are_those_of_the_window() -> None:
    truth = labels()
    stream = stream_of(sources(truth), (8, 8, 8))
    for n in range(20):
        patch = stream.draw(0, n)
        start = position(patch.image)
        at = tuple(slice(a, a + 8) for a in start)
        np.testing.assert_array_equal(patch.label, truth[at])
        numbers = 1 + np.arange(truth.size).reshape(SHAPE)[at]
        np.testing.assert_array_equal(patch.image[0], numbers)


def test_patches_fill_their_windows_and_stay_inside() -> None:
    windows = (Window((0, 0, 0), (9, 18, 30)), Window((14, 0, 0), (20, 18, 30)))
    stream = stream_of(sources(labels(), windows), (5, 8, 8))
    starts = [position(stream.draw(0, n).image) for n in range(300)]
    lines = Counter(start[0] for start in starts)
    # Five admissible lines in the first window, two in the second, all as likely as any other.
    assert set(lines) == {0, 1, 2, 3, 4, 14, 15}
    assert 300 * 2 / 7 * 0.7 < lines[14] + lines[15] < 300 * 2 / 7 * 1.3
    assert {min(s[1] for s in starts), max(s[1] for s in starts)} == {0, 10}
    assert {min(s[2] for s in starts), max(s[2] for s in starts)} == {0, 22}


def test_surveys_weigh_as_they_have_room() -> None:
    small, large = np.ones((8, 8, 8), np.int8), np.zeros((8, 8, 38), np.int8)
    both = [each for label in (small, large) for each in sources(label, (Window((0, 0, 0), label.shape),))]
    stream = stream_of(both, (8, 8, 8))
    from_small = sum(bool(stream.draw(0, n).label.any()) for n in range(640))
    # 1 of 1 + 31 positions.
    assert 8 < from_small < 36


def test_dead_samples_become_ignore() -> None:
    stream = stream_of(sources(labels(), dead=(slice(None), slice(0, 9))), (8, 18, 30))
    label = stream.draw(0, 0).label
    assert (label[:, :9] == -1).all()
    assert (label[:, 9:] >= 0).all()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_one_interpreted_sample_in_a_large_survey_is_always_found(axes: int) -> None:
    shape = (4000,) if axes == 1 else (90, 80, 70)[-axes:]
    patch = (8, 9, 10)[-axes:]
    label = np.full(shape, -1, np.int8)
    sample = tuple(n - 6 for n in shape)
    label[sample] = 1
    stream = stream_of(sources(label, (Window((0,) * axes, shape),)), patch)
    places = set()
    for n in range(40):
        drawn = stream.draw(0, n)
        assert (drawn.label == 1).sum() == 1
        places.add(position(drawn.image, shape))
    assert len(places) > 5
    assert all(a <= s < a + p for start in places for a, s, p in zip(start, sample, patch, strict=True))


@pytest.mark.parametrize("dead", [(), (slice(5, 10),)])
def test_label_all_ignore_is_said(dead: tuple[slice, ...]) -> None:
    """Nothing interpreted, or only what is dead."""
    label = np.full(SHAPE, -1, np.int8)
    if dead:
        label[dead] = 0
    with pytest.raises(SurveyError, match="label all ignore: label has no interpreted live sample"):
        stream_of(sources(label, dead=dead), (8, 8, 8))


def test_no_room_for_a_patch_is_said_with_the_windows() -> None:
    with pytest.raises(SurveyError, match=r"room for a patch of 8 × 32 × 8 .*0:20 × 0:18 × 0:30"):
        stream_of(sources(labels()), (8, 32, 8))


def test_augmentation_sees_the_patch_and_its_own_random_numbers() -> None:
    seen: list[tuple[float, tuple[int, ...]]] = []

    def augmentation(
        rng: np.random.Generator, image: np.ndarray, label: np.ndarray, *_: object
    ) -> tuple[np.ndarray, np.ndarray]:
        seen.append((float(rng.random()), image.shape))
        return image * 2, label

    plain = stream_of(sources(labels()), (8, 8, 8))
    changed = stream_of(sources(labels()), (8, 8, 8), augmentation)  # type: ignore[arg-type]
    np.testing.assert_array_equal(changed.draw(0, 1).image, 2 * plain.draw(0, 1).image)
    changed.draw(0, 2)
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] == (1, 8, 8, 8)


@pytest.mark.parametrize(("foreground", "least", "most"), [(0.0, 0, 30), (0.5, 85, 130), (1.0, 200, 200)])
def test_a_share_of_the_patches_is_laid_over_rarer_classes(foreground: float, least: int, most: int) -> None:
    label = np.zeros((60, 60, 60), np.int8)
    label[40, 40, 7] = 1
    stream = stream_of(sources(label, (Window((0, 0, 0), label.shape),)), (8, 8, 8), foreground=foreground)
    assert least <= sum(bool(stream.draw(5, n).label.any()) for n in range(200)) <= most


def test_rare_classes_come_as_often_as_others_and_their_samples_evenly() -> None:
    label = np.zeros((30, 30, 30), np.int8)
    label[:, :, 20:] = 1
    label[3, 4, 5] = label[25, 4, 5] = label[25, 6, 5] = 2
    stream = stream_of(sources(label, (Window((0, 0, 0), label.shape),), classes=3), (1, 1, 1), foreground=1.0)
    drawn = [stream.draw(1, n) for n in range(300)]
    kinds = Counter(int(each.label[0, 0, 0]) for each in drawn)
    assert set(kinds) == {1, 2}
    assert 120 < kinds[2] < 180
    places = Counter(each.window.start for each in drawn if each.label[0, 0, 0] == 2)
    # Two of the three lie in one cell of the census.
    assert set(places) == {(3, 4, 5), (25, 4, 5), (25, 6, 5)}
    assert min(places.values()) > 30


def test_dead_samples_of_a_class_are_not_sought() -> None:
    label = np.zeros(SHAPE, np.int8)
    label[2:4, 2:4] = 1
    label[10, 10, 10] = 1
    stream = stream_of(sources(label, dead=(slice(2, 4), slice(2, 4))), (4, 4, 4), foreground=1.0)
    assert all((stream.draw(0, n).label == 1).sum() == 1 for n in range(30))
