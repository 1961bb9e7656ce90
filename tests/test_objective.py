"""Objectives: the output and its heads, worked by hand; labels of coarser samples; sums that add up."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from networks import network_of, plan_of
from torch import Tensor

from geocnn.errors import ConfigError
from geocnn.losses import LOSSES
from geocnn.network.plan import Plan
from geocnn.objective import Objective, at_samples, unknown_heads

COARSE = """
- {conv: 2, kernel: 3, save: fine}
- {pool: max, size: 2}
- {conv: 2, kernel: 3, save: middle}
- {conv: outputs, kernel: 1, head: half}
- {use: middle}
- {pool: max, size: 2}
- {conv: 2, kernel: 3, save: bottom}
- {conv: outputs, kernel: 1, head: quarter}
- {use: bottom}
- {upsample: 4}
- {concat: fine}
- {conv: outputs, kernel: 1}
"""


def coarse(*shape: int, outputs: int = 1) -> Plan:
    return plan_of(COARSE, (1, *shape), outputs)


def made(plan: Plan, heads: dict[str, float], name: str = "dice", classes: int = 2) -> Objective:
    return Objective(LOSSES[name](classes), plan, heads)


def labels_of(plan: Plan, name: str, labels: Tensor) -> Tensor:
    node = plan.nodes[plan.heads[name]]
    return at_samples(labels, node, node.shape)


def test_labels_of_a_coarse_head_by_hand() -> None:
    """Cells of 2 and of 4 samples: centres ½ and 1½, of which the earlier sample counts."""
    plan, labels = coarse(8), torch.tensor([[1, 0, -1, 1, 0, -1, 1, 0]])
    assert labels_of(plan, "half", labels).tolist() == [[1, -1, 0, 1]]
    assert labels_of(plan, "quarter", labels).tolist() == [[0, -1]]


def test_labels_along_each_axis() -> None:
    plan = coarse(4, 8, 12)
    labels = torch.arange(4 * 8 * 12).view(1, 4, 8, 12)
    assert labels_of(plan, "quarter", labels).equal(labels[:, 1::4, 1::4, 1::4])
    assert labels_of(plan, "half", labels).equal(labels[:, ::2, ::2, ::2])


END = "\n- {use: a}\n- {conv: outputs, kernel: 1}"
SAVED = "- {conv: 2, kernel: 3, save: a}\n"
HEADS = {
    "strided": ("- {conv: outputs, kernel: 3, stride: 2, head: h}", [0, 2, 4, 6]),
    "of the same samples, seeing to one side": ("- {conv: outputs, kernel: 4, dilation: 2, head: h}", list(range(8))),
    "without padding": ("- {conv: outputs, kernel: 5, padding: valid, head: h}", [2, 3, 4, 5]),
    "that cuts off a remainder": ("- {pool: max, size: 3}\n- {conv: outputs, kernel: 1, head: h}", [1, 4]),
    "finer": ("- {upsample: 2}\n- {conv: outputs, kernel: 1, head: h}", [n for n in range(8) for _ in "ab"]),
    "of three halves": (
        "- {pool: max, size: 3, padding: same}\n- {upsample: 2}\n- {conv: outputs, kernel: 1, head: h}",
        [0, 1, 3, 4, 6, 7],
    ),
    "with more samples": ("- {conv: outputs, kernel: 1, padding: 1, head: h}", [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]),
}


@pytest.mark.parametrize(("text", "expected"), HEADS.values(), ids=HEADS)
def test_labels_of_each_kind_of_head(text: str, expected: list[int]) -> None:
    plan = plan_of(SAVED + text + END, (1, 8))
    assert labels_of(plan, "h", torch.arange(8)[None]).tolist() == [expected]


def test_the_value_by_hand() -> None:
    """Dice of equal sums is 1 − (2 i + 1) / (m + n + 1), with i, m, n counted by hand."""
    plan = coarse(4)
    labels = torch.tensor([[1, 1, 0, -1]])
    logits = torch.zeros(1, 1, 4)  # Probabilities ½: i = 1, m = 1½, n = 2.
    half = torch.zeros(1, 1, 2)  # Labels 1, 0: i = ½, m = 1, n = 1.
    objective = made(plan, {"half": 0.5})
    sums = objective.sums(logits, {"half": half, "quarter": torch.full((1, 1, 1), torch.nan)}, labels)
    assert sums.shape == (2, 4, 2)
    output, head = 1 - 3 / 4.5, 1 - 2 / 3
    assert objective.value(sums).item() == pytest.approx((output + 0.5 * head) / 1.5)


def test_without_heads_it_is_the_loss() -> None:
    plan, loss = coarse(8), LOSSES["balanced-cross-entropy+dice"](2)
    objective = Objective(loss, plan, {})
    logits, labels = torch.randn(3, 1, 8), torch.randint(-1, 2, (3, 8))
    assert objective.value(objective.sums(logits, {}, labels)).equal(loss.value(loss.sums(logits, labels)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3])
def test_sums_of_two_halves_are_those_of_the_whole(name: str, classes: int) -> None:
    outputs = 1 if classes == 2 else classes
    plan = coarse(8, 12, outputs=outputs)
    network, generator = network_of(plan), torch.Generator().manual_seed(0)
    x = torch.randn(4, 1, 8, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(-1, classes, (4, 8, 12), generator=generator)
    objective = made(plan, {"half": 0.5, "quarter": 0.25}, name, classes)

    def sums(part: slice) -> Tensor:
        return objective.sums(*network.with_heads(x[part]), labels[part])

    halves, whole = sums(slice(0, 1)) + sums(slice(1, 4)), sums(slice(None))
    torch.testing.assert_close(halves, whole)
    objective.value(halves).backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    objective.value(sums(slice(None))).backward()
    for gradient, parameter in zip(gradients, network.parameters(), strict=True):
        assert gradient.abs().max() > 0
        torch.testing.assert_close(gradient, parameter.grad)


def test_heads_that_are_not_there() -> None:
    plan = coarse(8)
    assert unknown_heads(plan, {"half": 1.0, "haf": 0.5, "fine": 1.0}) == ["haf", "fine"]
    assert unknown_heads(plan, ["quarter"]) == []
    with pytest.raises(ConfigError, match=r"(?s)no head 'haf'.*one of half, quarter.*no head 'fine'"):
        made(plan, {"haf": 1.0, "fine": 1.0})


@pytest.mark.parametrize(
    "text",
    ["- {pool: mean, size: all}\n- {conv: outputs, kernel: 1, head: h}", "- flatten\n- {dense: outputs, head: h}"],
)
def test_a_head_of_one_output_has_no_labels(text: str) -> None:
    plan = plan_of(SAVED + text + END, (1, 8))
    with pytest.raises(ConfigError, match="head 'h' makes one output for all samples"):
        made(plan, {"h": 1.0})
    assert made(plan, {}).sums(torch.zeros(1, 1, 8), {}, torch.zeros(1, 8, dtype=torch.long)).shape == (1, 4, 2)


def test_the_strides_of_the_heads_are_those_of_the_plan() -> None:
    plan = coarse(8)
    assert [plan.nodes[at].stride for at in plan.heads.values()] == [(Fraction(2),), (Fraction(4),)]
