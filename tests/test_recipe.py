"""The recipe: rates, groups of weights, what is frozen, the running mean, and the watch over the loss."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import plan_of
from torch import nn

from geocnn.errors import RunError
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.settings import TrainingConfig
from geocnn.training.averaging import Average
from geocnn.training.recipe import freeze, learning_rate, make_optimizer, still
from geocnn.training.watching import MEMORY, OVERFLOWS, Watch

LAYERS = """
layers:
  - {conv: 2, kernel: 3, norm: batch, activation: relu, save: fine}
  - {conv: outputs, kernel: 1, head: coarse}
  - {use: fine}
  - {conv: 3, kernel: 3}
  - {conv: outputs, kernel: 1}
"""


def settings(**keys: Any) -> TrainingConfig:
    return TrainingConfig(**{"steps": 110, "learning_rate": 1.0, "warmup": 10, **keys})


def network() -> Network:
    made = Network(plan_of(LAYERS, (1, 8, 8)))
    initialise(made, 0)
    return made


def learning(made: Network) -> set[str]:
    return {name.split(".")[1] for name, weight in made.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("cosine", {10: 1.0, 60: 0.5, 109: 0.000247}),
        ("poly", {10: 1.0, 60: 0.5**0.9, 109: 0.01**0.9}),
        ("step", {10: 1.0, 59: 1.0, 60: 0.1, 84: 0.1, 85: 0.01, 109: 0.01}),
        ("constant", {10: 1.0, 109: 1.0}),
    ],
)
def test_the_rate_warms_up_and_follows_its_schedule(schedule: str, rates: dict[int, float]) -> None:
    recipe = settings(schedule=schedule)
    assert [learning_rate(k, recipe) for k in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert {k: learning_rate(k, recipe) for k in rates} == pytest.approx(rates, abs=1e-6)


def test_layers_learn_at_their_own_factors() -> None:
    made = network()
    recipe = settings(learning_rate_factors={"layers_0_*": 0.1, "layers_0_norm": 0.5, "layers_4_conv": 2.0})
    names = {id(weight): name.split(".")[1] for name, weight in made.named_parameters()}
    factors = {
        names[id(weight)]: group["factor"]
        for group in make_optimizer(made, recipe).param_groups
        for weight in group["params"]
    }
    assert factors == pytest.approx(
        {"layers_0_conv": 0.1, "layers_0_norm": 0.05, "layers_1_conv": 1.0, "layers_3_conv": 1.0, "layers_4_conv": 2.0}
    )


def test_the_optimizer_is_the_one_asked_for() -> None:
    made = make_optimizer(network(), settings(optimizer="sgd", momentum=0.8, weight_decay=0.3))
    assert isinstance(made, torch.optim.SGD)
    assert (made.param_groups[0]["momentum"], made.param_groups[0]["weight_decay"]) == (0.8, 0.3)
    assert isinstance(make_optimizer(network(), settings()), torch.optim.AdamW)


def test_frozen_layers_and_untrained_heads_keep_their_weights_and_statistics() -> None:
    made = network()
    freeze(made, ["layers_0_*"], [])
    assert learning(made) == {"layers_3_conv", "layers_4_conv"}
    made.train()
    still(made)
    norm = made.steps["layers_0_norm"]
    before = norm.running_mean.clone()
    made(torch.randn(2, 1, 8, 8))
    assert torch.equal(before, norm.running_mean)
    other = network()
    freeze(other, [], ["coarse"])
    still(other.train())
    assert learning(other) == {"layers_0_conv", "layers_0_norm", "layers_1_conv", "layers_3_conv", "layers_4_conv"}
    assert other.steps["layers_0_norm"].training


def test_the_running_mean_follows_its_formula_and_gives_the_weights_back() -> None:
    layer = nn.Linear(1, 1, bias=False)
    values, expected = [3.0, -1.0, 4.0, 1.0], 0.0
    with torch.no_grad():
        layer.weight.fill_(2.0)
    average, expected = Average(layer, 0.2), 2.0
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            layer.weight.fill_(value)
        average.update(step)
        decay = min(0.2, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    with average.in_use():
        assert layer.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 1.0
    again = Average(layer, 0.2)
    again.restore({"weight": torch.full((1, 1), 7.0)})
    with again.in_use():
        assert layer.weight.item() == 7.0


@given(st.lists(st.floats(0.01, 2.0), min_size=1, max_size=200), st.integers(0, 200))
def test_a_watch_that_is_taken_up_sees_what_it_would_have_seen(losses: list[float], cut: int) -> None:
    def seen(watch: Watch, part: list[float]) -> str:
        try:
            for loss in part:
                watch.look(loss, "a step")
        except RunError as error:
            return str(error)
        return str(watch.state)

    whole, first = Watch(), Watch()
    told = seen(whole, losses)
    if "diverges" not in seen(first, losses[:cut]):
        assert seen(Watch(first.state), losses[cut:]) == told


def test_a_loss_that_leads_away_ends_the_run_and_one_that_is_bad_from_the_start_does_not() -> None:
    watch = Watch()
    for _ in range(3 * MEMORY):
        watch.look(0.1, "a step")
    with pytest.raises(RunError, match=r"the loss diverges: .* at step 7, 0\.1 at its best"):
        for _ in range(3 * MEMORY):
            watch.look(2.0, "step 7")
    steady = Watch()
    for _ in range(5 * MEMORY):
        steady.look(40.0, "a step")


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_fp16_may_skip_steps_but_not_for_ever(loss: float) -> None:
    with pytest.raises(RunError, match=rf"the loss is {loss} at step 3"):
        Watch().look(loss, "step 3")
    watch = Watch()
    for _ in range(OVERFLOWS):
        watch.look(loss, "a step", may_overflow=True)
    with pytest.raises(RunError, match="the loss is"):
        watch.look(loss, "a step", may_overflow=True)
