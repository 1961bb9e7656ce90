"""What depends on what: gathers by their definitions, and reaches against counting sample by sample."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import plan_of

from geocnn.network.reach import Gather, Reach

GATHERS = st.builds(Gather, st.integers(1, 4), st.integers(1, 4), st.integers(-2, 6), st.integers(3, 6))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        # y_j = Σ x_{2j−1+m}, m = 0 … 2
        ("{conv: 1, kernel: 3, stride: 2}", [(-1, 1), (1, 3), (3, 5)]),
        # taps at −2, 0, 2, and one more at the far end
        ("{conv: 1, kernel: 4, dilation: 2}", [(-3, 3), (-2, 4), (-1, 5)]),
        ("{pool: max, size: 3}", [(0, 2), (3, 5)]),
        ("{upsample: 3}", [(0, 0), (0, 0), (0, 0), (1, 1)]),
        # x = (j + ½)/2 − ½ = −¼, ¼, ¾
        ("{upsample: 2, mode: linear}", [(-1, 0), (0, 1), (0, 1), (1, 2)]),
        # x = (j + ½)/3 − ½ = −⅓, 0, ⅓, ⅔: output 1 lies on input 0
        ("{upsample: 3, mode: linear}", [(-1, 0), (0, 0), (0, 1), (0, 1), (1, 1)]),
        # inputs i with 2i ≤ j ≤ 2i + 2; −1 lies before the first
        ("{transposed_conv: 1, kernel: 3, stride: 2, padding: valid}", [(-1, 0), (0, 0), (0, 1), (1, 1), (1, 2)]),
        # the same, one sample cropped at the far end; kernel 4 crops one at each end
        ("{transposed_conv: 1, kernel: 4, stride: 2}", [(-1, 0), (0, 1), (0, 1), (1, 2)]),
    ],
)
def test_a_gather_by_hand(layer: str, inputs: list[tuple[int, int]]) -> None:
    (gather,) = plan_of(f"- {layer}", (1, 12)).output.gather
    found = [(gather.first(j), gather.last(j)) for j in range(len(inputs))]
    assert found == inputs


@given(st.lists(GATHERS, min_size=1, max_size=5))
def test_spans_are_what_following_the_gathers_one_by_one_gives(gathers: list[Gather]) -> None:
    reach, stride = Reach(), Fraction(1)
    for gather in gathers:
        reach = reach.gathered(gather)
        stride = stride * gather.down / gather.up
    assert reach.stride == stride
    spans = []
    for j in range(2 * len(reach.spans)):
        first = last = j
        for gather in reversed(gathers):
            first, last = gather.first(first), gather.last(last)
        assert reach.span(j) == (first, last)
        spans.append((j, first, last))
    assert reach.left >= max(j * stride - first for j, first, _ in spans) > reach.left - 1
    assert reach.right >= max(last - j * stride for j, _, last in spans) > reach.right - 1


@given(st.lists(GATHERS, max_size=3), GATHERS, GATHERS)
def test_a_join_sees_what_either_of_its_inputs_sees(before: list[Gather], first: Gather, second: Gather) -> None:
    second = Gather(first.up, first.down, second.before, second.after)
    shared = Reach()
    for gather in before:
        shared = shared.gathered(gather)
    one, two = shared.gathered(first), shared.gathered(second)
    joined = one.joined(two)
    for j in range(2 * len(joined.spans)):
        (a, b), (c, d) = one.span(j), two.span(j)
        assert joined.span(j) == (min(a, c), max(b, d))


def test_the_offset_is_where_the_middle_of_the_first_window_lies() -> None:
    plan = plan_of("- {conv: 1, kernel: 3, padding: valid}\n- {pool: max, size: 2}", (1, 12))
    # The convolution's first output is centred on input 1, the pool's between its outputs 0 and 1.
    assert [node.offset for node in plan.nodes] == [(0,), (1,), (Fraction(3, 2),)]
    assert plan.output.stride == (2,)


def test_what_stands_for_all_has_no_stride() -> None:
    plan = plan_of("- {pool: mean, size: all}\n- {conv: 1, kernel: 1}", (1, 12))
    (reach,) = plan.output.reach
    assert (reach.stride, reach.spans, reach.whole) == (0, ((0, 11),), True)
    assert plan.stride == (1,)
