"""Losses: answers worked by hand, sums that add up, gradients."""

from __future__ import annotations

from math import log

import pytest
import torch

from geocnn.errors import ConfigError
from geocnn.losses import LOSSES

BALANCED, DICE, BOTH = "balanced-cross-entropy", "dice", "balanced-cross-entropy+dice"


def loss(name: str, logits: torch.Tensor, labels: torch.Tensor, classes: int = 2) -> torch.Tensor:
    made = LOSSES[name](classes)
    return made.value(made.sums(logits, labels))


def logit(probabilities: list[float]) -> torch.Tensor:
    """Logits (1, 1, n) of probabilities of class 1."""
    return torch.logit(torch.tensor(probabilities, dtype=torch.float64))[None, None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Four interpreted samples, one fault: it weighs 3/4, background 1/4.
        (BALANCED, (0.75 * log(2) + 0.25 * 3 * log(4 / 3)) / 4),
        # Intersection 0.5, mass 0.5 + 3 · 0.25, one label.
        (DICE, 1 - (2 * 0.5 + 1) / (1.25 + 1 + 1)),
        # The weights of all four samples sum to 1.5.
        (BOTH, 1 - 2 / 3.25 + (0.75 * log(2) + 0.25 * 3 * log(4 / 3)) / 1.5),
    ],
)
def test_two_classes_by_hand(name: str, expected: float) -> None:
    logits, labels = logit([0.5, 0.25, 0.25, 0.25, 0.9]), torch.tensor([[1, 0, 0, 0, -1]])
    assert loss(name, logits, labels).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Equal logits: every probability 1/3. Classes 0, 0, 1: weights 1/3, 2/3, 1.
        (BALANCED, (2 * log(3) / 3 + 2 * log(3) / 3) / 3),
        (DICE, 1 - ((4 / 3 + 1) / 4 + (2 / 3 + 1) / 3 + 1 / 2) / 3),
    ],
)
def test_three_classes_by_hand(name: str, expected: float) -> None:
    logits, labels = torch.zeros(1, 3, 4, dtype=torch.float64), torch.tensor([[0, 0, 1, -1]])
    assert loss(name, logits, labels, 3).item() == pytest.approx(expected, rel=1e-9)


def test_three_logits_with_probabilities_by_hand() -> None:
    logits = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).log()[None, :, None]
    sums = LOSSES[DICE](3).sums(logits, torch.tensor([[1]]))
    torch.testing.assert_close(
        sums,
        torch.tensor([[0, -log(0.2), 0], [0, 1, 0], [0, 0.2, 0], [0.7, 0.2, 0.1]], dtype=torch.float64),
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 4])
def test_sums_of_two_halves_give_the_loss_of_the_whole(name: str, classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = 1 if classes == 2 else classes
    logits = torch.randn(4, outputs, 3, 5, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(-1, classes, (4, 3, 5, 6), generator=generator)
    made = LOSSES[name](classes)
    halves = made.sums(logits[:1], labels[:1]) + made.sums(logits[1:], labels[1:])
    torch.testing.assert_close(made.value(halves), made.value(made.sums(logits, labels)))
    mean_of_halves = (made.value(made.sums(logits[:1], labels[:1])) + made.value(made.sums(logits[1:], labels[1:]))) / 2
    assert not torch.allclose(mean_of_halves, made.value(halves)), "the case cannot tell sums from means"


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3])
def test_gradient_is_the_derivative(name: str, classes: int) -> None:
    generator = torch.Generator().manual_seed(1)
    outputs = 1 if classes == 2 else classes
    logits = torch.randn(2, outputs, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(-1, classes, (2, 3, 4), generator=generator)
    assert torch.autograd.gradcheck(lambda x: loss(name, x, labels, classes), logits)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3])
def test_nothing_interpreted_is_zero_with_a_gradient_of_zero(name: str, classes: int) -> None:
    logits = torch.randn(2, 1 if classes == 2 else classes, 5, requires_grad=True)
    value = loss(name, logits, torch.full((2, 5), -1), classes)
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("name", LOSSES)
def test_samples_not_interpreted_have_no_gradient(name: str) -> None:
    logits = torch.randn(1, 1, 6, requires_grad=True)
    loss(name, logits, torch.tensor([[1, 0, -1, 0, 1, -1]])).backward()
    assert (logits.grad[0, 0] == 0).tolist() == [False, False, True, False, False, True]


@pytest.mark.parametrize("name", LOSSES)
def test_one_class_alone_is_finite(name: str) -> None:
    for label in (0, 1):
        logits = torch.randn(1, 1, 6, requires_grad=True)
        value = loss(name, logits, torch.full((1, 6), label))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_bf16_and_huge_logits_stay_finite_in_float32(name: str) -> None:
    logits = torch.tensor([[[300.0, -300.0, 1e4, -1e4]]], dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(name, logits, torch.tensor([[0, 1, 1, 0]]))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_better_predictions_cost_less(name: str) -> None:
    labels = torch.tensor([[1, 0, 0, -1]])
    good, bad = logit([0.9, 0.1, 0.1, 0.5]), logit([0.6, 0.4, 0.4, 0.5])
    assert loss(name, good, labels) < loss(name, bad, labels)


def test_logits_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="4 logits for 3 classes"):
        LOSSES[DICE](3).sums(torch.zeros(1, 4, 5), torch.zeros(1, 5, dtype=torch.int64))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Four interpreted samples, one fault, which weighs 5, background 0.5.
        (BALANCED, (5 * log(2) + 0.5 * 3 * log(4 / 3)) / 4),
        (DICE, 1 - (2 * 0.5 + 1) / (1.25 + 1 + 1)),
        (BOTH, 1 - 2 / 3.25 + (5 * log(2) + 0.5 * 3 * log(4 / 3)) / 6.5),
    ],
)
def test_two_weighted_classes_by_hand(name: str, expected: float) -> None:
    logits, labels = logit([0.5, 0.25, 0.25, 0.25, 0.9]), torch.tensor([[1, 0, 0, 0, -1]])
    made = LOSSES[name](2, (0.5, 5.0))
    assert made.value(made.sums(logits, labels)).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Equal logits: every probability 1/3. Classes 0, 0, 1, weights 1, 2, 3.
        (BALANCED, (2 * log(3) + 2 * log(3)) / 3),
        (DICE, 1 - ((4 / 3 + 1) / 4 + 2 * (2 / 3 + 1) / 3 + 3 / 2) / 6),
        (BOTH, 1 - ((4 / 3 + 1) / 4 + 2 * (2 / 3 + 1) / 3 + 3 / 2) / 6 + log(3)),
    ],
)
def test_three_weighted_classes_by_hand(name: str, expected: float) -> None:
    logits, labels = torch.zeros(1, 3, 4, dtype=torch.float64), torch.tensor([[0, 0, 1, -1]])
    made = LOSSES[name](3, (1.0, 2.0, 3.0))
    assert made.value(made.sums(logits, labels)).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("classes", [2, 4])
def test_weights_of_one_leave_dice_as_it_is(classes: int) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 1 if classes == 2 else classes, 9, generator=generator, dtype=torch.float64)
    labels = torch.randint(-1, classes, (2, 9), generator=generator)
    made = LOSSES[DICE](classes, (1.0,) * classes)
    torch.testing.assert_close(made.value(made.sums(logits, labels)), loss(DICE, logits, labels, classes))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("present", [[-1], [0], [2], [0, 2]])
def test_classes_of_no_weight_or_not_there_are_finite(name: str, present: list[int]) -> None:
    logits = torch.randn(1, 3, 6, requires_grad=True)
    made = LOSSES[name](3, (0.0, 0.0, 1e-3))
    value = made.value(made.sums(logits, torch.tensor([(present * 6)[:6]])))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("weights", [(1.0,), (0.0, 0.0), (-1.0, 2.0)])
def test_weights_that_do_not_fit_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"(?s)class weights .*expected: 2 numbers from 0 on"):
        LOSSES[DICE](2, weights)
