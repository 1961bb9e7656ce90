"""What other libraries call the words of layer specs, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["KIND_SYNONYMS", "WORD_SYNONYMS"]

_TRANSPOSED = "write {transposed_conv: 16, kernel: 2, stride: 2}"
_MEAN = "write {pool: mean, size: 2}"
_EVERYTHING = "write {pool: mean, size: all}"
_DENSE = "write {dense: 16}"
_NUMBER = "write the number after the kind of the layer, as in {conv: 16, kernel: 3} or {upsample: 2}"
_TASK = "leave it out: the task adds the last activation"

KIND_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("deconv", "deconvolution", "conv_transpose", "upconv", "convtranspose"), _TRANSPOSED),
    **dict.fromkeys(("max_pool", "maxpool"), "write {pool: max, size: 2}"),
    **dict.fromkeys(("avg_pool", "avgpool", "mean_pool", "average_pool"), _MEAN),
    **dict.fromkeys(("global_pool", "global_avg_pool", "gap", "adaptive_pool"), _EVERYTHING),
    **dict.fromkeys(("linear", "fc", "fully_connected"), _DENSE),
    **dict.fromkeys(("skip", "cat", "concatenate"), "write {concat: name} of a layer that has save: name"),
    **dict.fromkeys(("bn", "batchnorm", "batch_norm"), "write {norm: batch}"),
    "softmax": _TASK,
}
"""For kinds of layers."""

WORD_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("bn", "batchnorm", "batch_norm"), "write norm: batch"),
    **dict.fromkeys(("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"), "write it as activation: …"),
    **dict.fromkeys(("pad", "pads"), "write padding"),
    **dict.fromkeys(("act", "nonlinearity", "non_linearity"), "write activation"),
    **dict.fromkeys(("filters", "out_channels", "features", "units", "factor", "scale", "scale_factor"), _NUMBER),
    **dict.fromkeys(("in_channels", "input_channels"), "leave it out: channels that arrive are carried"),
    **dict.fromkeys(("avg", "average"), "write 'mean'"),
    **dict.fromkeys(("swish",), "write 'silu'"),
    **dict.fromkeys(("lrelu", "leakyrelu"), "write 'leaky_relu'"),
    **dict.fromkeys(("softmax", "logsoftmax"), _TASK),
    **dict.fromkeys(("bilinear", "trilinear"), "write 'linear'"),
}
"""For keys of a layer, and for their values."""
