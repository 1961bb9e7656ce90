"""Tasks: what they need of a network, and losses that exist."""

from __future__ import annotations

import pytest

from geocnn.losses import LOSSES
from geocnn.settings import TrainingConfig
from geocnn.tasks import TASKS


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (3, 3), (6, 6)])
def test_two_classes_are_one_logit_and_more_are_one_each(classes: int, outputs: int) -> None:
    assert TASKS["segmentation"].outputs(classes) == outputs


def test_losses_of_tasks_are_those_that_can_be_built() -> None:
    assert {loss for task in TASKS.values() for loss in task.losses} == set(LOSSES)


def test_the_first_loss_is_the_default() -> None:
    assert TrainingConfig(steps=1).loss == TASKS["segmentation"].losses[0] == "balanced-cross-entropy+dice"


def test_tasks_go_by_their_own_names() -> None:
    assert all(task.name == name for name, task in TASKS.items())
