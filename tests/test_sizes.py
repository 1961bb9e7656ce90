"""Admissible sizes: exactly those for which the spec can be expanded, with the same weights."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import exact_specs, plan_of, spec_of

from geocnn.errors import ConfigError
from geocnn.network.plan import Plan, expand
from geocnn.network.sizes import Admissible, admissible_sizes, shapes_for, sizes_along
from geocnn.network.spec import Spec, load_spec

END = "\n- {conv: 1, kernel: 1}"


def fitting(spec: Spec, plan: Plan, n: int) -> Plan | None:
    """The plan of a spec for `n` samples along its last axis; None where it does not fit, or needs other weights."""
    try:
        other = expand(spec, (*plan.input[:-1], n), plan.outputs)
    except ConfigError:
        return None
    alike = [node.parameters for node in other.nodes] == [node.parameters for node in plan.nodes]
    return other if alike else None


def check_all(spec: Spec, plan: Plan, most: int) -> None:
    """Sizes and admissible sizes along the last axis are those of expansion."""
    axis = plan.ndim - 1
    admissible = admissible_sizes(plan)[axis]
    for n in range(1, most):
        other, sizes = fitting(spec, plan, n), sizes_along(plan, axis, n)
        assert (sizes is None, n in admissible) == (other is None, other is not None), n
        if other is not None:
            assert sizes == tuple(node.shape[axis] if node.shape else 1 for node in other.nodes)
            assert shapes_for(plan, other.input[1:]) == tuple(node.shape for node in other.nodes)


@pytest.mark.parametrize("axes", [1, 2])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_admissible_can_be_expanded_and_nothing_else(axes: int, data: st.DataObject) -> None:
    spec = data.draw(exact_specs(axes))
    check_all(spec, expand(spec, (1, *(36,) * axes), 1), 45)


TEXTS = {
    "any": ("- {conv: 1, kernel: 3}", 20, "any size from 1 on"),
    "valid": ("- {conv: 1, kernel: 5, dilation: 2, padding: valid}", 20, "any size from 9 on"),
    "skip": (
        "- {conv: 1, kernel: 1, save: a}\n- {pool: max, size: 8}\n- {upsample: 8}\n- {add: a}",
        16,
        "multiples of 8 from 8 on",
    ),
    "valid u-net": (
        "- {conv: 1, kernel: 3, padding: valid, save: a}\n- {pool: max, size: 4}\n- {upsample: 4}\n- {add: a}",
        18,
        "6 + 4·k",
    ),
    "ceil": (
        "- {conv: 1, kernel: 3, padding: 1, save: a}\n- {conv: 1, kernel: 3, stride: 2}\n"
        "- {transposed_conv: 1, kernel: 2, stride: 2}\n- {add: a}",
        16,
        "multiples of 2 from 2 on",
    ),
    "cropped": (
        "- {conv: 1, kernel: 3, save: a}\n- {conv: 1, kernel: 7, stride: 4}\n"
        "- {transposed_conv: 1, kernel: 7, stride: 4}\n- {add: a, fit: crop}",
        30,
        "any size from 1 on",
    ),
    "two residues": (
        "- {conv: 1, kernel: 2, stride: 4, padding: valid, save: a}\n- {use: a}" + END,
        30,
        "any size from 2 on",
    ),
    "three of four": (
        "- branches: [[{conv: 1, kernel: 2, stride: 4, padding: valid}], "
        "[{conv: 1, kernel: 3, stride: 4, padding: valid}]]\n- {conv: 1, kernel: 1}",
        19,
        "(3, 4, 5) + 4·k",
    ),
    "unpool": ("- {pool: max, size: 3, save: p}\n- {conv: 1, kernel: 3}\n- {unpool: p}", 14, "any size from 3 on"),
    "reflected": ("- {conv: 1, kernel: 7, padding_mode: reflect}", 14, "any size from 4 on"),
    "up and down": ("- {upsample: 3}\n- {pool: mean, size: 2}", 14, "any size from 1 on"),
    "shuffled": ("- {conv: 4, kernel: 1}\n- {pixel_shuffle: 4}", 14, "any size from 1 on"),
    "squeezed": (
        "- {conv: 3, kernel: 3, save: a}\n- {pool: mean, size: all}\n- {conv: 3, kernel: 1}\n- {multiply: a}" + END,
        14,
        "any size from 1 on",
    ),
    "classified": ("- {conv: 3, kernel: 3}\n- {pool: mean, size: all}\n- {dense: 1}", 14, None),
    "flattened": ("- flatten\n- {dense: 1}", 14, "14 alone"),
    "pooled, then flattened": ("- {pool: max, size: 4}\n- flatten\n- {dense: 1}", 14, "12 to 15"),
    "skip, then flattened": (
        "- {pool: max, size: 2, save: a}\n- {pool: max, size: 2}\n- {upsample: 2}\n- {add: a}\n- {pool: max, size: 2}\n"
        "- flatten\n- {dense: 1}",
        13,
        "12 to 13",
    ),
    "a head's needs": (
        "- {pool: max, size: 2, save: a}\n- {conv: 1, kernel: 9, padding: valid, head: h}\n- {use: a}" + END,
        40,
        "any size from 18 on",
    ),
}


@pytest.mark.parametrize(("text", "n", "words"), TEXTS.values(), ids=TEXTS)
def test_what_is_admissible_is_told_in_words(text: str, n: int, words: str | None) -> None:
    if words is None:
        text, words = text.replace("- {dense", "- flatten\n- {dense"), "any size from 1 on"
    plan = plan_of(text, (1, n))
    assert str(admissible_sizes(plan)[0]) == words
    check_all(spec_of(text), plan, 60)


def test_axes_are_told_apart() -> None:
    plan = plan_of(
        "- {conv: 1, kernel: 1, save: a}\n- {pool: max, size: [2, 3]}\n- {upsample: [2, 3]}\n- {add: a}", (1, 4, 6)
    )
    assert admissible_sizes(plan) == (Admissible(2, 2), Admissible(3, 3))
    assert shapes_for(plan, (6, 4)) is None
    assert shapes_for(plan, (6, 3)) is not None


def test_a_period_beyond_reason_is_told_from_the_plan_alone() -> None:
    plan = plan_of("- {pool: max, size: 10}\n" * 7 + END, (1, 30_000_005))
    assert str(admissible_sizes(plan)[0]) == "10000005 + 10000000·k"
    assert sizes_along(plan, 0, 10_000_000) is not None


def test_the_nearest_sizes() -> None:
    sizes = Admissible(3, 4, (0, 1, 2))
    assert [sizes.at_least(n) for n in (0, 3, 6, 7, 10)] == [3, 3, 7, 7, 11]
    assert [sizes.at_most(n) for n in (2, 3, 6, 7, 10)] == [None, 3, 5, 7, 9]
    bounded = Admissible(224, 1, (0,), 255)
    assert (bounded.at_least(256), bounded.at_least(3), bounded.at_most(999), bounded.at_most(223)) == (
        None,
        224,
        255,
        None,
    )


def test_zoo_networks() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 64, 64, 64), 1)
    assert admissible_sizes(plan) == (Admissible(8, 8),) * 3
