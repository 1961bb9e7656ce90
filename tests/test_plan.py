"""The plan: sizes and counts by formula, what outputs depend on, tiles that equal the whole, and every fault."""

from __future__ import annotations

import subprocess
import sys
from math import floor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import exact_specs, network_of, plan_of, spec_of

from geocnn.errors import ConfigError
from geocnn.marked import parse_marked
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import Spec, load_spec, read_spec

END = "\n- {conv: outputs, kernel: 1}"


@pytest.mark.parametrize(
    ("layer", "size", "expected"),
    [
        ("{conv: 1, kernel: 3}", 10, 10),
        ("{conv: 1, kernel: 4}", 10, 10),
        ("{conv: 1, kernel: 3, dilation: 3}", 10, 10),
        ("{conv: 1, kernel: 3, padding: valid}", 10, 8),
        ("{conv: 1, kernel: 3, padding: 2}", 10, 12),
        ("{conv: 1, kernel: 3, padding: [2]}", 10, 12),
        ("{conv: 1, kernel: 3, stride: 2}", 10, 5),
        ("{conv: 1, kernel: 3, stride: 2}", 11, 6),
        ("{conv: 1, kernel: 4, stride: 3, padding: 1, dilation: 2}", 20, 6),
        ("{pool: max, size: 2}", 11, 5),
        ("{pool: max, size: 3, stride: 2}", 11, 5),
        ("{pool: mean, size: 3, stride: 1, padding: same}", 11, 11),
        ("{upsample: 3}", 5, 15),
    ],
)
def test_sizes_follow_the_formula(layer: str, size: int, expected: int) -> None:
    assert plan_of(f"- {layer}", (1, size)).output.shape == (expected,)


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))
def test_size_formula(n: int, k: int, stride: int, pad: int, d: int) -> None:
    layer = f"- {{conv: 1, kernel: {k}, stride: {stride}, padding: {pad}, dilation: {d}}}"
    expected = floor((n + 2 * pad - d * (k - 1) - 1) / stride) + 1
    if expected < 1:
        with pytest.raises(ConfigError, match="an output of at least 1 sample"):
            plan_of(layer, (1, n))
    else:
        assert plan_of(layer, (1, n)).output.shape == (expected,)


def test_the_ten_filters_of_the_textbook_have_280_parameters() -> None:
    plan = plan_of("- {conv: 10, kernel: 3}", (3, 8, 8), outputs=10)
    assert plan.parameters == 3 * 3 * 3 * 10 + 10 == 280
    assert plan.multiply_adds == 8 * 8 * 270
    assert plan.activation_bytes == 4 * (3 * 64 + 10 * 64)


def test_one_number_stands_for_all_axes_and_a_list_for_each() -> None:
    plan = plan_of("- {conv: 1, kernel: [3, 5], stride: [1, 2], dilation: [2, 1], padding: [0, 1]}", (1, 9, 9))
    assert plan.output.shape == (5, 4)
    assert plan.stride == (1, 2)
    assert plan.receptive_field == (5, 5)
    assert plan.halo == ((0, 4), (1, 3))


def test_faultseg3d_sees_96_samples() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 128, 128, 128), 1)
    assert plan.parameters == 1_459_585
    assert plan.receptive_field == (96, 96, 96)
    assert plan.stride == (8, 8, 8)
    assert plan.multiply_adds / 128**3 == 64816
    assert plan.exact
    assert plan.admissible((100, 128, 1)) == (104, 128, 8)


def test_the_plan_lists_nodes_after_their_inputs_with_their_places() -> None:
    plan = plan_of(
        "layers:\n- {conv: 2, kernel: 3, save: a}\n- residual:\n  - {conv: 4, kernel: 3, norm: batch}\n"
        "  activation: relu\n- {conv: 2, kernel: 1}\n- {add: a}" + END,
        (1, 8),
    )
    assert [(node.kind, node.place) for node in plan.nodes] == [
        ("input", "input"),
        ("conv", "layers[0]"),
        ("conv", "layers[1].residual[0]"),
        ("norm", "layers[1].residual[0]"),
        ("conv", "layers[1].shortcut"),
        ("norm", "layers[1].shortcut"),
        ("add", "layers[1]"),
        ("activation", "layers[1]"),
        ("conv", "layers[2]"),
        ("add", "layers[3]"),
        ("conv", "layers[4]"),
    ]
    assert all(max(node.inputs) < node.id == index for index, node in enumerate(plan.nodes) if node.inputs)


def _support(plan: Plan, output: int) -> tuple[int, int]:
    """First and last input sample with a gradient, for one output of a 1-D network with positive weights."""
    network = network_of(plan)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    x = torch.rand(1, *plan.input, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, output].backward()
    assert x.grad is not None
    found = x.grad[0, 0].nonzero().flatten()
    return int(found.min()), int(found.max())


@pytest.mark.parametrize(
    "text",
    [
        "- {conv: 2, kernel: 3}\n- {conv: 1, kernel: 5}",
        "- {conv: 2, kernel: 4, dilation: 2}\n- {conv: 1, kernel: 2}",
        "- {conv: 2, kernel: 3, stride: 2}\n- {conv: 2, kernel: 3, padding: valid}\n- {pool: mean, size: 2}" + END,
        "- {conv: 2, kernel: 3, padding: 3}\n- {conv: 1, kernel: 1, padding: 1}",
    ],
)
def test_gradients_reach_exactly_as_far_as_a_chain_of_windows_says(text: str) -> None:
    plan = plan_of(text, (1, 64))
    output = plan.output.shape[0] // 2
    reach = plan.output.reach[0]
    centre = output * reach.stride
    assert _support(plan, output) == (centre - reach.left, centre + reach.right)
    assert plan.receptive_field == (reach.left + reach.right + 1,)


def test_gradients_of_a_u_net_reach_as_far_as_its_halo_and_its_receptive_field_on_average() -> None:
    text = (
        "- {conv: 2, kernel: 3, save: a}\n- {pool: mean, size: 2}\n- {conv: 2, kernel: 3, save: b}\n"
        "- {pool: mean, size: 2}\n- {conv: 2, kernel: 3}\n- {upsample: 2}\n- {concat: b}\n- {conv: 2, kernel: 3}\n"
        "- {upsample: 2}\n- {concat: a}\n- {conv: 1, kernel: 3}"
    )
    plan = plan_of(text, (1, 96))
    supports = {output: _support(plan, output) for output in range(48, 52)}
    assert max(output - first for output, (first, _) in supports.items()) == plan.halo[0][0]
    assert max(last - output for output, (_, last) in supports.items()) == plan.halo[0][1]
    assert sum(last - first + 1 for first, last in supports.values()) / 4 == plan.receptive_field[0]


@pytest.mark.parametrize("axes", [1, 2])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_tile_with_its_halo_equals_the_whole(axes: int, data: st.DataObject) -> None:
    spec = data.draw(exact_specs(axes))
    probe = expand(spec, (1, *(36,) * axes), 1)
    strides = [data.draw(st.integers(2, 5)) for _ in range(axes)]
    shape = probe.admissible(
        [n * stride + sum(halo) for n, stride, halo in zip(strides, probe.stride, probe.halo, strict=True)]
    )
    plan = expand(spec, (1, *shape), 1)
    network = network_of(plan)
    x = torch.randn(1, 1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cores, reads = [], []
    for n, stride, halo in zip(shape, plan.stride, plan.halo, strict=True):
        start = data.draw(st.integers(0, n // stride - 1)) * stride
        stop = data.draw(st.integers(start + 1, n))
        before, after = (-(-width // stride) * stride for width in halo)
        end = min(n, -(-stop // stride) * stride + after)
        cores.append(slice(start, stop))
        reads.append(slice(max(0, start - before), end))
    inner = tuple(
        slice(core.start - read.start, core.stop - read.start) for core, read in zip(cores, reads, strict=True)
    )
    with torch.no_grad():
        whole = network(x)[(..., *cores)]
        tile = network(x[(..., *reads)])[(..., *inner)]
    assert torch.allclose(tile, whole, rtol=0, atol=1e-12)


def test_levels_of_different_strides_fall_together_at_their_least_common_multiple() -> None:
    plan = plan_of("- {pool: max, size: 2}\n- {upsample: 2}\n- {pool: max, size: 3}\n- {upsample: 3}", (1, 12))
    assert plan.stride == (6,)
    assert plan.halo == ((3, 3),)


def test_an_output_between_two_samples_needs_the_one_before() -> None:
    plan = plan_of("- {upsample: 2}", (1, 12))
    assert (plan.stride, plan.halo, plan.receptive_field) == ((1,), ((1, 0),), (1,))


def test_flatten_and_dense_break_exact_tiles() -> None:
    plan = plan_of("- {conv: 2, kernel: 3}\n- flatten\n- {dense: outputs}", (1, 4, 6))
    assert not plan.exact
    assert [node.kind for node in plan.breaks] == ["flatten", "dense"]
    assert plan.receptive_field == (4, 6)
    assert plan.stride == (1, 1)
    assert plan.parameters == 2 * 9 + 2 + 48 + 1


def _faults(text: str, input: tuple[int, ...] = (1, 16, 16), outputs: int = 1) -> list[str]:
    with pytest.raises(ConfigError, match=r"net\.yaml") as caught:
        plan_of(text, input, outputs)
    return [
        f"{fault.line}: {fault.key}: {fault.found} | {fault.expected} | {fault.do}" for fault in caught.value.faults
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layers: []", ["1: layers: no layers | at least one layer"]),
        ("- {conv: 1, kernel: [3, 3, 3]}", ["1: [0].kernel: 3 numbers 3, 3, 3 for 2 axes", "one per axis"]),
        ("- {add: x}\n- {conv: 1, kernel: 1}", ["1: [0].add: no layer above is saved as 'x'", "save: x"]),
        (
            "- {conv: 2, kernel: 1, save: fine}\n- {concat: fien}\n- {conv: 1, kernel: 1}",
            ["2: [1].concat: no layer above is saved as 'fien' | one of fine | write 'fine'"],
        ),
        (
            "- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 1, save: a}\n- {add: a}",
            ["2: [1].save: 'a' is saved twice, first in layers[0]"],
        ),
        ("layers:\n- {conv: 1, kernel: 1, save: a}", ["2: layers[0].save: 'a' is saved and never used"]),
        (
            "- {conv: 1, kernel: 1, save: a}\n- residual: [{add: a}]",
            ["2: [1].residual[0].add: no layer above is saved as 'a'", "names belong to their block"],
        ),
        (
            "- {conv: 2, kernel: 1, save: a}\n- {conv: 3, kernel: 1}\n- {add: a}\n- {conv: 1, kernel: 1}",
            ["3: [2]: 3 channels here and 2 of 'a' cannot be added | equal numbers of channels | use concat"],
        ),
        (
            "- {conv: 3, kernel: 1, save: a}\n- {conv: 3, kernel: 3, padding: valid}\n- {add: a}" + END,
            ["3: [2]: 14 × 14 samples here and 16 × 16 of 'a' cannot meet | equal sizes | use padding: same"],
        ),
        (
            "- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 9, padding: valid}\n- {upsample: 2}\n- {add: a}",
            ["4: [3]: one sample in 1/2 × 1/2 here and one in 1 × 1 of 'a' | equal strides"],
        ),
        (
            "- {conv: 3, kernel: 1}\n- {conv: 4, kernel: 1, groups: 3}\n- {conv: 1, kernel: 1}",
            ["2: [1].groups: 3 groups do not divide 4 channels out"],
        ),
        (
            "- {conv: 4, kernel: 1}\n- {conv: 3, kernel: 1, groups: 3}\n- {conv: 1, kernel: 1}",
            ["2: [1].groups: 3 groups do not divide 4 channels in"],
        ),
        (
            "- {conv: 1, kernel: 9, dilation: 3, padding: 2}",
            [
                "1: [0]: a window of 25 samples on 16 + 4 padded = 20, along axis 1 of 2",
                "⌊(16 + 4 − 3·(9 − 1) − 1) / 1⌋ + 1 = -4",
            ],
        ),
        (
            "\n".join(["- {pool: max, size: 2}"] * 5) + END,
            ["5: [4]: a window of 2 samples on 1 + 0", "⌊(1 + 0 − 1·(2 − 1) − 1) / 2⌋ + 1 = 0"],
        ),
        (
            "- {pool: max, size: 2, stride: 1, padding: 2}" + END,
            ["1: [0].padding: padding 2 of windows of size 2: some would hold nothing else"],
        ),
        (
            "- {conv: 3, kernel: 1}\n- {dense: 4}\n- {dense: outputs}",
            ["2: [1]: a dense layer on 3 channels of 16 × 16 | one list of features | put the layer flatten before"],
        ),
        (
            "- flatten\n- {conv: 3, kernel: 1}\n- {dense: outputs}",
            ["2: [1]: conv on 256 features | samples along axes | put conv before flatten, or use dense"],
        ),
        (
            "- {conv: 3, kernel: 1}",
            ["1: [0]: the network ends with 3 channels | 1, as the task needs | end with {conv: outputs, kernel: 1}"],
        ),
        (
            "- residual: [{upsample: 2}]\n- {conv: 1, kernel: 1}",
            ["1: [0]: the block upsamples, and its input cannot follow", "outside the block"],
        ),
        (
            "- residual: [flatten]\n- {dense: 1}",
            ["1: [0]: the block turns 1 channel of 16 × 16 into 256 features"],
        ),
        (
            "- residual: [{conv: 1, kernel: 3, padding: valid}]",
            ["1: [0]: 14 × 14 samples here and 16 × 16 of the block's input cannot meet"],
        ),
        ("- {upsample: 1000000}" + END, ["1: [0]: upsampling that makes 1000000 outputs which see different windows"]),
    ],
)
def test_each_fault_is_told_once_with_place_numbers_and_remedy(text: str, words: list[str]) -> None:
    faults = _faults(text)
    assert len(faults) == 1, faults
    for word in words:
        assert word in faults[0]


def test_an_odd_size_at_a_skip_comes_with_the_sizes_that_fit() -> None:
    text = "- {conv: 1, kernel: 1, save: a}\n- {pool: max, size: 4}\n- {upsample: 4}\n- {add: a}"
    (fault,) = _faults(text, (1, 18, 16))
    assert "16 × 16 samples here and 18 × 16 of 'a' cannot meet" in fault
    assert "use an input of multiples of 4 × 4, such as 20 × 16" in fault


def test_independent_faults_are_told_together() -> None:
    text = (
        "- {conv: 4, kernel: 3, save: unused}\n- {conv: 6, kernel: 99, padding: valid}\n- {pool: max, size: 2}\n"
        "- {conv: 5, kernel: 3, groups: 3}\n- {concat: missing}\n- {conv: 3, kernel: [1]}"
    )
    places = [fault.split(": ")[1] for fault in _faults(text)]
    assert places == ["[0].save", "[1]", "[3].groups", "[4].concat", "[5].kernel", "[5]"]


def test_faults_of_a_spec_in_a_config_are_found_there() -> None:
    marked = parse_marked(
        "task: x\nnetwork:\n  layers:\n  - residual:\n    - {conv: 1, kernel: 9, padding: valid}", "c.yaml"
    )
    assert isinstance(marked.data, dict)
    spec = read_spec(marked, ("network",), marked.data["network"], [])
    assert spec is not None
    with pytest.raises(
        ConfigError, match=r"c\.yaml:5: network\.layers\[0\]\.residual\[0\]: a window of 9 samples on 4"
    ):
        expand(spec, (1, 4), 1, marked, ("network",))


@pytest.mark.parametrize("input", [(1,), (1, 2, 3, 4, 5), (0, 4), (1, 0)])
def test_inputs_have_channels_and_one_to_three_axes(input: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"(?s)input of the size .*one to three axes"):
        expand(spec_of("- {conv: 1, kernel: 1}"), input, 1)


def test_ten_thousand_layers_are_planned() -> None:
    text = "- {conv: 2, kernel: 3, activation: relu}\n" * 10_000 + "- {conv: outputs, kernel: 1}"
    plan = plan_of(text, (1, 32))
    assert plan.receptive_field == (20_001,)


def test_a_plan_needs_no_torch() -> None:
    program = "import sys, geocnn.network.plan, geocnn.network.spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@settings(max_examples=30)
@given(exact_specs(2))
def test_a_spec_read_back_from_json_gives_the_same_plan(spec: Spec) -> None:
    again = Spec.model_validate_json(spec.model_dump_json())
    assert expand(again, (1, 36, 36), 1) == expand(spec, (1, 36, 36), 1)
