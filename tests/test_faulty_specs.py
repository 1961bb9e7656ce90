"""Faulty specs: each message's place, finding and expectation, as a user meets them."""

from __future__ import annotations

import time

import pytest
from networks import plan_of

from geocnn.errors import ConfigError, Fault

INPUT = (1, 16, 16)
END = "\n- {conv: outputs, kernel: 1}"

FAULTY = {
    # Unknown kinds and keys.
    "- {cnov: 16, kernel: 3}": ("[0]", "unknown layer 'cnov'", "one of conv, transposed_conv, pool", "write 'conv'"),
    "- {transposed: 16, kernel: 3}": ("[0]", "unknown layer 'transposed'", "one of", "write 'transposed_conv'"),
    "- {relu: }": ("[0]", "unknown layer 'relu'", "one of", "write {activation: relu}"),
    # What other libraries call them.
    "- {deconv: 16, kernel: 2}": (
        "[0]",
        "unknown layer 'deconv'",
        "one of",
        "{transposed_conv: 16, kernel: 2, stride: 2}",
    ),
    "- {global_pool: }": ("[0]", "unknown layer 'global_pool'", "one of", "write {pool: mean, size: all}"),
    "- {conv: 16, kernel: 3, batch_norm: true}": ("[0].batch_norm", "unknown key", "norm", "write norm: batch"),
    "- {conv: 16, kernel: 3, pad: same}": ("[0].pad", "unknown key 'pad'", "padding", "write padding"),
    "- {conv: 16, kernel: 3, activation: swish}": ("[0].activation", "found 'swish'", "silu", "write 'silu'"),
    "- {sobel: }": ("[0]", "unknown layer 'sobel'", "one of", ""),
    "- {conv: 16, kernal: 3}": ("[0].kernal", "unknown key 'kernal'", "kernel, stride, padding", "write 'kernel'"),
    "- {conv: 16, kernel: 3, size: 2}": ("[0].size", "unknown key 'size'", "one of", "remove it"),
    "- {kernel: 3, conv: 16}": ("[0]", "the layer begins with 'kernel'", "one of conv", "{conv: …, kernel: …}"),
    "- {conv: 16}": ("[0].kernel", "'kernel' is missing", "", "add kernel: …"),
    "- 16": ("[0]", "found 16", "a layer such as {conv: 16, kernel: 3}", ""),
    "lyers: []": ("lyers", "unknown key 'lyers'", "layers, title", "write 'layers'"),
    "width: 0\nlayers: [{conv: outputs, kernel: 1}]": ("width", "found 0", "greater than 0", ""),
    "layers: []": ("layers", "no layers", "at least one layer", ""),
    # Values.
    "- {conv: 16, kernel: 3, stride: 0}": ("[0].stride", "found 0", "not below 1", ""),
    "- {conv: 16, kernel: -3}": ("[0].kernel", "found -3", "not below 1", ""),
    "- {conv: 1.5, kernel: 3}": ("[0].conv", "found 1.5", "a whole number", ""),
    "- {conv: 16, kernel: 3, padding: smae}": ("[0].padding", "found 'smae'", "same, valid", "write 'same'"),
    "- {conv: 16, kernel: 3, padding_mode: mirror}": ("[0].padding_mode", "found 'mirror'", "reflect, replicate", ""),
    "- {conv: 16, kernel: 3, norm: bacth}": ("[0].norm", "found 'bacth'", "batch, instance, group", "write 'batch'"),
    "- {conv: 16, kernel: 3, init: he}": ("[0].init", "found 'he'", "he_normal, he_uniform", ""),
    "- {conv: 1, kernel: 3, weights: sobol}": ("[0].weights", "found 'sobol'", "sobel, laplace", "write 'sobel'"),
    "- {pool: max, size: none}": ("[0].size", "found 'none'", "all", ""),
    "- {pool: max, size: all, stride: 2}": ("[0]", "size: all with stride", "size: all alone", "remove stride"),
    "- {upsample: 2, mode: cubic}": ("[0].mode", "found 'cubic'", "nearest, linear", ""),
    "- {dropout: 1}": ("[0].dropout", "found 1", "below 1", ""),
    "- {conv: 4, kernel: 3, separable: true, groups: 2}": ("[0]", "both separable and groups", "one of them", "remove"),
    "- {conv: 1, kernel: 3, weights: mean, bias: true}": ("[0]", "weights: mean with bias", "fixed weights alone", ""),
    "- {repeat: 0, layers: [{conv: 1, kernel: 1}]}": ("[0].repeat", "found 0", "not below 1", ""),
    "- {repeat: 2}": ("[0].layers", "'layers' is missing", "", "add layers: …"),
    "- {branches: [[{conv: 1, kernel: 1}]]}": ("[0].branches", "found [", "at least 2 item(s)", ""),
    "- {conv: 1, kernel: [3, 3, 3]}": ("[0].kernel", "3 numbers 3, 3, 3 for 2 axes", "or one per axis", ""),
    # Sizes.
    "- {conv: 2, kernel: 17, padding: valid}" + END: (
        "[0]",
        "a window of 17 samples on 16 + 0 padded = 16, along axis 1 of 2",
        "⌊(16 + 0 − 1·(17 − 1) − 1) / 1⌋ + 1 = 0",
        "use a kernel of at most 16",
    ),
    "- {pool: max, size: 4}\n" * 3 + END: ("[2]", "a window of 4 samples on 1 + 0", "= 0", "a size of at most 1"),
    "- {conv: 1, kernel: 1, save: a}\n- {pool: max, size: 3}\n- {upsample: 3}\n- {add: a}": (
        "[3]",
        "15 × 15 samples here and 16 × 16 of 'a' cannot meet",
        "equal sizes",
        "use an input of multiples of 3 × 3, such as 18 × 18, or write fit: crop",
    ),
    "- {conv: 1, kernel: 1, save: a}\n- {pool: max, size: 2}\n- {add: a, fit: crop}": (
        "[2]",
        "one sample in 2 × 2 here and one in 1 × 1 of 'a'",
        "equal strides",
        "",
    ),
    "- {transposed_conv: 1, kernel: 2, padding: 9}": (
        "[0]",
        "cropping leaves nothing along axis 1 of 2",
        "(16 − 1)·1 + 1·(2 − 1) + 1 − 18 = -1",
        "crop less",
    ),
    "- {conv: 1, kernel: 3, padding: 16, padding_mode: reflect}": (
        "[0].padding_mode",
        "16 samples to reflect, of 16",
        "padding below the size",
        "use replicate",
    ),
    "- {pool: max, size: 2, stride: 1, padding: 2}" + END: ("[0].padding", "padding 2 of windows", "below 2", ""),
    "- {upsample: 5000}" + END: ("[0]", "upsampling that makes 5000 outputs", "at most 4096", "upsample by less"),
    # Channels.
    "- {conv: 4, kernel: 1}\n- {conv: 6, kernel: 3, groups: 3}" + END: (
        "[1].groups",
        "3 groups do not divide 4 channels in",
        "a number that divides the channels in and out",
        "write groups: 2",
    ),
    "- {conv: 12, kernel: 3, norm: group}" + END: (
        "[0].norm",
        "32 groups do not divide 12 channels",
        "a number that divides the channels",
        "write {group: 12}",
    ),
    "- {conv: 6, kernel: 1}\n- {pixel_shuffle: 2}" + END: (
        "[1]",
        "6 channels to be laid out as 4 samples each",
        "a multiple of 4 channels",
        "put a conv of 8 before it",
    ),
    "- {conv: 1, kernel: 3, weights: sobel}" + END: (
        "[0].conv",
        "1 channel of a sobel kernel",
        "2: 2 for each of 1 channel",
        "write conv: 2",
    ),
    "- {conv: 2, kernel: 5, weights: sobel}" + END: ("[0].kernel", "a sobel kernel of 5 × 5", "kernel: 3", ""),
    "- {conv: 2, kernel: 1, save: a}\n- {conv: 3, kernel: 1}\n- {multiply: a}" + END: (
        "[2]",
        "3 channels here and 2 of 'a' cannot be multiplied",
        "equal numbers of channels",
        "use concat",
    ),
    "- {conv: 3, kernel: 1}": ("[0]", "the network ends with 3 channels", "1, as the task needs", "{conv: outputs"),
    # Names.
    "- {conv: 1, kernel: 1, save: a}\n- {conv: 1, kernel: 1, save: a}\n- {add: a}": (
        "[1].save",
        "'a' is saved twice, first in layers[0]",
        "each name once in a block",
        "",
    ),
    "- {conv: 1, kernel: 1, save: a}": ("[0].save", "'a' is saved and never used", "", "use it, or remove the save"),
    "- {use: a}\n- {conv: 1, kernel: 1}": ("[0].use", "no layer above is saved as 'a'", "saved above", "save: a"),
    "- {conv: 1, kernel: 1, save: fine}\n- {multiply: fien}": (
        "[1].multiply",
        "no layer above is saved as 'fien'",
        "one of fine",
        "write 'fine'",
    ),
    "- {conv: 1, kernel: 1, save: a}\n- residual: [{add: a}, {conv: 1, kernel: 3}]": (
        "[1].residual[0].add",
        "no layer above is saved as 'a'",
        "in this block",
        "names belong to their block",
    ),
    "- {conv: 1, kernel: 1, save: a}\n- {repeat: 3, carry: [a], layers: [{conv: 1, kernel: 1}]}": (
        "[1].carry",
        "'a' is carried and never used",
        "",
        "remove a",
    ),
    "- {repeat: 3, carry: [a], layers: [{use: a}, {conv: 1, kernel: 1, save: a}]}": (
        "[0].carry",
        "no layer above is saved as 'a'",
        "in this block",
        "save: a",
    ),
    "- {conv: 1, kernel: 1, save: a}\n- {conv: 4, kernel: 3}\n- {use: a}": (
        "[1]",
        "what conv makes goes nowhere",
        "an output that a later layer takes",
        "save it for a later layer",
    ),
    "- {conv: 4, kernel: 1, head: early}" + END: (
        "[0].head",
        "head 'early' of 4 channels",
        "1, as the task needs",
        "write {conv: outputs, kernel: 1, head: early}",
    ),
    "- {conv: 1, kernel: 1, head: a}\n- {conv: 1, kernel: 1, head: a}": (
        "[1].head",
        "two heads are called 'a'",
        "",
        "",
    ),
    # Blocks.
    "- residual: [{upsample: 2}]" + END: ("[0]", "the block upsamples", "keeps or reduces sizes", "outside the block"),
    "- residual: [{conv: 1, kernel: 3, padding: valid}]": (
        "[0]",
        "14 × 14 samples here and 16 × 16 of the block's input cannot meet",
        "equal sizes",
        "padding: same",
    ),
    "- {residual: [{conv: 1, kernel: 3, stride: 2}], join: concat}" + END: (
        "[0]",
        "8 × 8 samples here and 16 × 16 of the block's input cannot meet",
        "equal sizes",
        "upsample as often as sizes are reduced",
    ),
    "- residual: [{pool: mean, size: all}]" + END: (
        "[0]",
        "the block ends with one sample that stands for all",
        "keeps or reduces sizes",
        "multiply by it",
    ),
    "- residual: [flatten]\n- {dense: 1}": ("[0]", "the block turns 1 channel of 16 × 16 into 256 features", "", ""),
    "- {branches: [[], [{conv: 1, kernel: 3, padding: valid}]]}" + END: (
        "[0]",
        "16 × 16 samples here and 14 × 14 of branch 1 cannot meet",
        "equal sizes",
        "",
    ),
    # Norms of single values.
    "- {pool: mean, size: all}\n- {conv: 4, kernel: 1, norm: instance}" + END: (
        "[1]",
        "instance norm of 4 channels of 1 × 1: each value is normalised alone",
        "several values",
        "use norm: layer or batch",
    ),
    "- flatten\n- {dense: 4, norm: {group: 4}}\n- {dense: outputs}": (
        "[1]",
        "group norm of 4 features",
        "several values",
        "use norm: layer or batch",
    ),
    # Dense and flatten, unpooling.
    "- {conv: 3, kernel: 1}\n- {dense: outputs}": (
        "[1]",
        "a dense layer on 3 channels of 16 × 16",
        "one list of features",
        "put the layer flatten before it",
    ),
    "- flatten\n- {pool: max, size: 2}\n- {dense: outputs}": (
        "[1]",
        "pool on 256 features",
        "samples along axes",
        "put pool before flatten",
    ),
    "- {pool: mean, size: 2, save: p}\n- {unpool: p}": ("[1].unpool", "'p' is pool at layers[0]", "a max pool", ""),
    "- {pool: max, size: 3, stride: 2, save: p}\n- {unpool: p}": (
        "[1].unpool",
        "the windows of 'p' overlap",
        "a pool whose stride is its size",
        "leave out the stride",
    ),
    # Too much.
    "- {repeat: 1000000, layers: [{repeat: 1000000, layers: [{conv: 1, kernel: 1}]}]}": (
        "[0]",
        "more than 30,000 layers, repetitions counted",
        "at most 30,000",
        "",
    ),
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]\n" for m, n in zip("abcdefg", "bcdefgh", strict=True)): (
        "",
        "aliases stand for more than 20000 values",
        "fewer aliases",
        "",
    ),
    "[" * 300 + "]" * 300: ("", "nesting deeper than 200 levels", "at most 200 levels", ""),
    "[" + "{residual: [" * 51 + "{conv: 1, kernel: 1}" + "]}" * 51 + "]": (
        "[0].residual[0].residual[0].residual[0].residual",
        "more than 50 blocks in each other",
        "at most 50",
        "",
    ),
}


def test_at_least_forty_faulty_specs_are_shown() -> None:
    assert len(FAULTY) >= 40


def _faults(text: str, input: tuple[int, ...] = INPUT) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError, match=r"net\.yaml") as caught:
        plan_of(text, input)
    return caught.value.faults


@pytest.mark.parametrize("text", FAULTY, ids=[text.replace("\n", " ")[:60] for text in FAULTY])
def test_a_fault_says_where_what_and_what_would_be_right(text: str) -> None:
    key, found, expected, do = FAULTY[text]
    begun = time.monotonic()
    (fault,) = _faults(text)
    assert time.monotonic() - begun < 10
    assert fault.key == key
    assert fault.line is not None
    assert found in fault.found
    assert expected in fault.expected
    assert do in fault.do


def test_what_is_wrong_in_a_repeated_block_is_told_once() -> None:
    (fault,) = _faults("- {repeat: 5, layers: [{conv: 4, kernel: 3, groups: 3}]}" + END, (3, 16, 16))
    assert (fault.key, fault.found) == ("[0].layers[0].groups", "3 groups do not divide 4 channels out")


def test_faults_of_all_kinds_of_layers_are_told_at_once() -> None:
    text = (
        "- {conv: 4, kernel: 3, save: unused}\n- {conv: 6, kernel: 99, padding: valid}\n- {pixel_shuffle: 4}\n"
        "- {branches: [[{conv: 4, kernel: 1, groups: 3}], [{add: x}]]}\n- {conv: 3, kernel: [1]}"
    )
    assert [fault.key for fault in _faults(text)] == [
        "[0].save",
        "[1]",
        "[2]",
        "[3].branches[0][0].groups",
        "[3].branches[1][0].add",
        "[4].kernel",
        "[4]",
    ]


def test_ten_thousand_layers_have_their_last_fault_found() -> None:
    text = "- {conv: 2, kernel: 3, activation: relu}\n" * 10_000 + "- {conv: outputs, kernel: 1, groups: 2}"
    (fault,) = _faults(text, (1, 32))
    assert (fault.key, fault.line) == ("[10000].groups", 10_001)
