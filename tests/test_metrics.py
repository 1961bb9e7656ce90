"""Scores: by hand, against torchmetrics and distance transforms, and whatever the slabs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torchmetrics.functional.classification import (
    binary_average_precision,
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
    multiclass_jaccard_index,
)

from geocnn.errors import ModelError
from geocnn.grid import Window
from geocnn.metrics import BinaryScores, Block, ClassScores, score
from geocnn.metrics.binary import RADII, THRESHOLDS

Array = NDArray[np.float32]
Labels = NDArray[np.int8]


def slabs(probability: Array, label: Labels, thickness: int) -> Iterator[Block]:
    for start in range(0, len(label), thickness):
        stop = min(start + thickness, len(label))
        window = Window((start, *(0,) * (label.ndim - 1)), (stop, *label.shape[1:]))
        yield window, probability[:, start:stop], label[start:stop]


def binary(probability: Array, label: Labels, threshold: float | None = None, thickness: int = 1000) -> BinaryScores:
    found = score([slabs(probability[None], label, thickness)], 2, threshold)
    assert isinstance(found, BinaryScores)
    return found


def volume(seed: int, shape: tuple[int, ...] = (9, 10, 11), ignored: float = 0.2) -> tuple[Array, Labels]:
    """Probabilities that know something of the labels, and labels of some 8 % faults."""
    rng = np.random.default_rng(seed)
    label = (rng.random(shape) < 0.08).astype(np.int8)
    probability = np.clip(rng.normal(0.3 + 0.3 * label, 0.2), 0, 1).astype(np.float32)
    label[rng.random(shape) < ignored] = -1
    return probability, label


def test_by_hand() -> None:
    """Predicted at samples 2, 5 and 9, labelled at 3 and 5; sample 9 is ignored."""
    probability = np.array([0, 0, 0.8, 0.2, 0, 0.9, 0, 0, 0, 0.9], np.float32)
    label = np.array([0, 0, 0, 1, 0, 1, 0, 0, 0, -1], np.int8)
    found = binary(probability, label, threshold=0.5)
    exact, near = found.chosen[:2]
    assert (found.scored, found.ignored, found.positives) == (9, 1, 2)
    assert (exact.precision, exact.recall, exact.f1, exact.iou) == pytest.approx((1 / 2, 1 / 2, 1 / 2, 1 / 3))
    assert (near.precision, near.recall, near.f1) == pytest.approx((1, 1, 1))
    # At 0.2 both labels are found, with one false sample: F1 0.8 against 2/3 at 0.9 and 1/2 at 0.8.
    assert found.best[0].f1 == pytest.approx(0.8)
    assert 0 < found.best_threshold <= 0.2


def test_standard_scores_equal_torchmetrics() -> None:
    probability, label = volume(0)
    scored = label >= 0
    p, t = torch.from_numpy(probability[scored]), torch.from_numpy(label[scored]).long()
    found = binary(probability, label, threshold=0.4)
    point = found.chosen[0]
    # torchmetrics takes what is above a threshold, geocnn what reaches it.
    below = float(np.nextafter(np.float32(0.4), np.float32(0)))
    assert point.precision == pytest.approx(binary_precision(p, t, below).item())
    assert point.recall == pytest.approx(binary_recall(p, t, below).item())
    assert point.f1 == pytest.approx(binary_f1_score(p, t, below).item())
    assert point.iou == pytest.approx(binary_jaccard_index(p, t, below).item())
    expected = binary_average_precision(p, t, thresholds=torch.from_numpy(THRESHOLDS)).item()
    assert found.average_precision == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(60,), (20, 30), (9, 10, 11), (2, 40, 3)])
def test_matches_within_equal_distance_transforms(shape: tuple[int, ...]) -> None:
    probability, label = volume(1, shape)
    at, scored = 0.5, label >= 0
    predicted, fault = (probability >= at) & scored, label == 1
    to_prediction = distance_transform_edt(~predicted)
    to_fault = distance_transform_edt(~fault)
    for point in binary(probability, label, at, thickness=2).chosen:
        assert point.precision == pytest.approx((to_fault[predicted] <= point.radius).mean())
        assert point.recall == pytest.approx((to_prediction[fault] <= point.radius).mean())


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    thickness=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_however_the_volume_is_cut(shape: tuple[int, ...], thickness: int, seed: int) -> None:
    probability, label = volume(seed, shape)
    assert binary(probability, label, 0.5, thickness) == binary(probability, label, 0.5)


@pytest.mark.parametrize("thickness", range(1, 9))
def test_a_lone_pair_is_met_across_every_cut(thickness: int) -> None:
    """A label and a prediction some samples before or after it, with cuts in between, before and behind."""
    for at in range(3, 12):
        for distance in (-3, -2, -1, 1, 2, 3):
            probability, label = np.zeros((15, 1), np.float32), np.zeros((15, 1), np.int8)
            label[at], probability[at + distance] = 1, 1
            points = binary(probability, label, 0.5, thickness).chosen
            expected = [float(abs(distance) <= radius) for radius in RADII]
            assert [point.recall for point in points] == expected
            assert [point.precision for point in points] == expected


def test_a_probability_equal_to_the_threshold_is_positive() -> None:
    for threshold in (0.0, 0.25, 0.5, 1.0):
        found = binary(np.array([threshold], np.float32), np.array([1], np.int8), threshold)
        assert found.chosen[0].recall == 1


def test_windows_do_not_see_each_other() -> None:
    """A fault at the end of one window does not match a prediction at the start of the next."""
    zeros, ones = np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)
    first: Block = (Window((0,), (2,)), zeros, np.array([0, 1], np.int8))
    second: Block = (Window((2,), (4,)), ones, np.array([0, 0], np.int8))
    apart, together = score([[first], [second]], 2, 0.5), score([[first, second]], 2, 0.5)
    assert isinstance(apart, BinaryScores)
    assert isinstance(together, BinaryScores)
    assert [point.recall for point in apart.chosen] == [0, 0, 0, 0]
    assert [point.recall for point in together.chosen] == [0, 1, 1, 1]


def test_best_threshold_is_the_middle_of_equals() -> None:
    found = binary(np.array([0.2, 0.2, 0.8], np.float32), np.array([0, 0, 1], np.int8))
    assert found.best[0].f1 == 1
    assert found.best_threshold == pytest.approx(0.5, abs=0.01)
    assert found.chosen == found.best


def test_best_threshold_beats_all_others() -> None:
    probability, label = volume(2)
    best = binary(probability, label).best[0].f1
    assert best == pytest.approx(
        max(binary(probability, label, float(t)).chosen[0].f1 for t in THRESHOLDS[::10]), abs=0.02
    )
    assert all(binary(probability, label, float(t)).chosen[0].f1 <= best for t in THRESHOLDS[::10])


def test_every_threshold_survives_being_written_as_a_decimal() -> None:
    probability, label = volume(3)
    for threshold in THRESHOLDS:
        written = binary(probability[:1], label[:1], float(threshold)).chosen[0].threshold
        assert np.float32(written) == threshold


def test_nothing_to_find_and_nothing_found_score_zero() -> None:
    silent, loud = np.zeros(5, np.float32), np.ones(5, np.float32)
    none, some = np.zeros(5, np.int8), np.array([0, 1, 0, 0, -1], np.int8)
    for probability, label in ((silent, none), (loud, none), (silent, some)):
        point = binary(probability, label, 0.5).chosen[0]
        assert (point.f1, point.iou) == (0, 0)
    assert binary(silent, none).best_threshold == pytest.approx(0.5)
    assert binary(silent, np.full(5, -1, np.int8)).scored == 0


def test_more_room_never_scores_less() -> None:
    points = binary(*volume(4), 0.5).chosen
    assert [point.radius for point in points] == list(RADII)
    for inner, outer in itertools.pairwise(points):
        assert inner.precision <= outer.precision
        assert inner.recall < outer.recall


def test_several_classes_by_hand() -> None:
    label = np.array([0, 0, 1, 1, 2, -1], np.int8)
    predicted = np.array([0, 1, 1, 1, 0, 2])
    found = score([slabs(np.eye(4, dtype=np.float32)[predicted].T, label, 2)], 4)
    assert isinstance(found, ClassScores)
    assert found.confusion == ((1, 1, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert (found.scored, found.ignored) == (5, 1)
    assert found.pixel_accuracy == pytest.approx(3 / 5)
    assert [point.iou for point in found.classes] == pytest.approx([1 / 3, 2 / 3, 0, 0])
    # Class 3 is nowhere.
    assert found.mean_iou == pytest.approx(1 / 3)


def test_a_class_that_is_only_predicted_counts_in_the_mean() -> None:
    label, predicted = np.array([0, 0], np.int8), np.array([0, 3])
    found = score([slabs(np.eye(4, dtype=np.float32)[predicted].T, label, 2)], 4)
    assert isinstance(found, ClassScores)
    assert found.mean_iou == pytest.approx((1 / 2 + 0) / 2)


def test_mean_iou_equals_torchmetrics() -> None:
    rng = np.random.default_rng(5)
    probability = rng.dirichlet(np.ones(5), size=400).T.astype(np.float32)
    label = rng.integers(-1, 5, 400).astype(np.int8)
    found = score([slabs(probability, label, 37)], 5)
    expected = multiclass_jaccard_index(
        torch.from_numpy(probability.T.copy()), torch.from_numpy(label).long(), num_classes=5, ignore_index=-1
    )
    assert isinstance(found, ClassScores)
    assert found.mean_iou == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_tables_and_json_hold_the_scores(classes: int) -> None:
    rng = np.random.default_rng(6)
    outputs = 1 if classes == 2 else classes
    probability = rng.random((outputs, 50), np.float32)
    found = score([slabs(probability, rng.integers(-1, classes, 50).astype(np.int8), 50)], classes)
    heads, rows = found.table(["background", "fault", "salt"][:classes])
    data = found.to_json()
    assert all(len(row) == len(heads) for row in rows)
    assert data["scored"] == found.scored
    assert data["scored"] + data["ignored"] == 50
    point = data if classes == 2 else data["classes"][0]
    assert rows[0][2:] == tuple(f"{point[key]:.3f}" for key in ("precision", "recall", "f1", "iou"))
    assert f"{data.get('f1', data.get('mean_iou')):.3f}" in found.summary()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_network_that_lost_its_numbers_is_said(classes: int) -> None:
    probability = np.full((1 if classes == 2 else classes, 4), 0.5, np.float32)
    probability[0, 1] = np.nan
    with pytest.raises(ModelError, match=r"predicts nan for 1 of"):
        score([slabs(probability, np.zeros(4, np.int8), 4)], classes)
