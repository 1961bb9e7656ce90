"""A trained model as an ONNX file that other programs run, compared with the network before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from geocnn.errors import ConfigError, ModelError, UsageError
from geocnn.model import Contract, Model, far_from_training, require_fit
from geocnn.network.plan import Plan, expand
from geocnn.network.sizes import Admissible, admissible_sizes
from geocnn.normalise import Normaliser
from geocnn.onnx_comparison import Compared, compare, obstacle
from geocnn.output import require_free, whole_file
from geocnn.progress import Remark, Work
from geocnn.records import crossed
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import Survey

if TYPE_CHECKING:
    from geocnn.network.onnx.graph import Ends

__all__ = ["Export", "Exported", "export_model", "graph_weights"]

SMALL = {1: 512, 2: 64, 3: 32}
"""Samples along each axis, by their number, at which a graph of open sizes is compared."""


@dataclass(frozen=True)
class Export:
    """Where an export goes, and what it is made for.

    Parameters
    ----------
    path, overwrite
        The file, and whether one that exists is replaced.
    shape
        Samples along each axis to which the graph is fixed, one input at a time; None leaves batch and sizes open.
    """

    path: Path
    overwrite: bool = False
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    input, output
        Sizes of the two ends; open ones by their names.
    statistics
        Whose mean and standard deviation the graph holds.
    normaliser
        These numbers.
    sizes
        What each axis takes, in words, where sizes are open: ``multiples of 8 from 8 on``.
    compared
        Comparisons with the network.
    uncompared
        Why there are none, if there are none.
    """

    input: tuple[int | str, ...]
    output: tuple[int | str, ...]
    statistics: str
    normaliser: Normaliser
    sizes: tuple[str, ...]
    compared: tuple[Compared, ...]
    uncompared: str


def export_model(model: Model, asked: Export, like: Survey | None = None) -> Work[Exported]:
    """Write a model as ONNX: amplitudes in, probabilities out.

    Prediction takes the statistics of the survey it is given, unless the model's contract says training's. A graph
    must hold numbers: those of `like`, else training's.

    Raises
    ------
    ModelError
        If onnx is not installed, the shape does not fit the network, or the graph differs from the network.
    OutputError
        If the file exists or cannot be written.
    """
    _require_onnx()
    from geocnn.network.onnx.graph import Ends, onnx_model

    require_free(asked.path, asked.overwrite)
    contract = model.contract
    statistics, whose = yield from _statistics(model, like)
    normaliser = Normaliser.of(statistics, contract.normalisation.scale, contract.normalisation.clip)
    plan, padded = _plan(contract, model.network.plan, asked.shape)
    ends = Ends(normaliser.mean, normaliser.std, normaliser.clip, asked.shape, padded, contract.axes)
    with torch.no_grad():
        written = onnx_model(plan, graph_weights(model), ends, _metadata(contract, whose))
    content = written.SerializeToString()
    shapes = _shapes(plan, ends)
    uncompared = obstacle(plan, shapes)
    compared = () if uncompared else tuple(compare(content, model, normaliser, shape) for shape in shapes)
    with whole_file(asked.path, asked.overwrite) as temporary:
        temporary.write_bytes(content)
    before, after = (_sizes(end) for end in (written.graph.input[0], written.graph.output[0]))
    return Exported(before, after, whose, normaliser, _taken(plan, ends), compared, uncompared)


def _require_onnx() -> None:
    if find_spec("onnx") is None:
        raise ModelError(
            "onnx is not installed",
            expected="the packages of the extra: onnx, and onnxruntime to compare the file with the network",
            do="pip install 'geocnn[export]'",
        )


def _statistics(model: Model, like: Survey | None) -> Work[tuple[Statistics, str]]:
    """The statistics that the graph holds, and whose they are."""
    training = Statistics.from_json(model.contract.statistics)
    by_training = model.contract.normalisation.statistics == "training"
    if like is None:
        if not by_training:
            yield Remark(
                "predict normalises each survey by its own mean and standard deviation; this file holds training's. "
                "For a survey of other amplitudes export once more with --like SURVEY"
            )
        return training, "training"
    if by_training:
        raise UsageError(
            f"--like {like.name} for a model that normalises every survey by training's statistics",
            expected="a model with normalisation: {statistics: survey}",
            do="leave --like out",
        )
    require_fit(model, like)
    found = yield from scan(like)
    for remark in far_from_training(model, like.grid, found.statistics):
        yield Remark(remark)
    return found.statistics, like.name


def _plan(contract: Contract, trained: Plan, shape: tuple[int, ...] | None) -> tuple[Plan, bool]:
    """The plan for what the graph is fixed to, and whether the graph pads its inputs to multiples of the stride."""
    padded = trained.exact and trained.output.shape == trained.input[1:]
    if shape is None:
        return trained, padded
    if len(shape) != trained.ndim:
        raise UsageError(
            f"--shape of {len(shape)} sizes for a model of {trained.ndim} axes",
            expected=f"samples along {', '.join(contract.axes)}",
            do=f"write --shape {','.join(map(str, contract.patch))}, or other sizes",
        )
    try:
        plan = expand(
            contract.spec, (contract.channels, *(trained.admissible(shape) if padded else shape)), contract.outputs
        )
    except ConfigError as error:
        raise ModelError(
            f"the network takes no input of {crossed(shape)}: {error.faults[0].found}",
            expected=error.faults[0].expected,
            do=f"write --shape {','.join(map(str, contract.patch))}, as in training",
        ) from error
    if [node.parameters for node in plan.nodes] != [node.parameters for node in trained.nodes]:
        raise ModelError(
            f"a layer of the network takes inputs of {crossed(contract.patch)} alone, not of {crossed(shape)}",
            expected="the patch of the training where a network ends in dense layers",
            do="leave --shape out: without it the sizes are fixed to the patch",
        )
    return plan, padded


def graph_weights(model: Model) -> dict[int, Mapping[str, NDArray[np.float32]]]:
    """Weights and statistics of each node of a model, by its id, fixed kernels among them."""
    steps = [(node.id, model.network.step(node)) for node in model.network.plan.nodes[1:]]
    return {
        at: {
            name.rpartition(".")[2]: tensor.detach().cpu().float().numpy()
            for name, tensor in [*step.named_parameters(), *step.named_buffers()]
        }
        for at, step in steps
    }


def _metadata(contract: Contract, whose: str) -> dict[str, str]:
    """What the file says about itself; OpendTect reads ``data_format``."""
    sampling = zip(contract.axes, contract.sampling, strict=True)
    return {
        "data_format": "channels_first",
        "task": contract.task,
        "classes": ", ".join(contract.classes),
        "axes": ", ".join(contract.axes),
        "sampling": ", ".join(f"{axis} {step:g} {unit}".strip() for axis, (step, unit) in sampling),
        "threshold": f"{contract.threshold:g}",
        "statistics": whose,
        **contract.provenance,
    }


def _shapes(plan: Plan, ends: Ends) -> list[tuple[int, ...]]:
    """Inputs (B, \\*shape) for comparisons: two where sizes are open."""
    if ends.shape is not None:
        return [(1, *ends.shape)]
    if not plan.output.shape:
        return [(1, *plan.input[1:]), (2, *plan.input[1:])]
    takes = admissible_sizes(plan)
    smaller = [min(size, SMALL[plan.ndim]) for size in plan.input[1:]]
    first = tuple(_at_least(*pair) for pair in zip(takes, smaller, strict=True))
    if ends.padded:
        further = tuple(size + (stride - 1 or 3) for size, stride in zip(first, plan.stride, strict=True))
    else:
        further = tuple(_at_least(axis, size + 1) for axis, size in zip(takes, first, strict=True))
    return [(1, *first), (2, *further)]


def _at_least(axis: Admissible, size: int) -> int:
    """The smallest size from `size` on that the network takes, or the largest of all."""
    return axis.at_least(size) or axis.at_most(size) or axis.least


def _taken(plan: Plan, ends: Ends) -> tuple[str, ...]:
    """What each axis takes, in words, where sizes are open."""
    if ends.shape is not None or not plan.output.shape:
        return ()
    return tuple("any size" if ends.padded else str(axis) for axis in admissible_sizes(plan))


def _sizes(end: Any) -> tuple[int | str, ...]:
    """Sizes of an end of the graph; open ones by their names."""
    return tuple(size.dim_param or size.dim_value for size in end.type.tensor_type.shape.dim)
