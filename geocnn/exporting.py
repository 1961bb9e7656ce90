"""A trained model as an ONNX file that other programs run, compared with the network before it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geocnn.errors import ConfigError, ModelError, UsageError
from geocnn.model import Contract, Model, far_from_training, require_fit
from geocnn.network.plan import Plan, expand
from geocnn.normalise import Normaliser
from geocnn.output import require_free, whole_file
from geocnn.progress import Remark, Work
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import FloatArray, Survey

if TYPE_CHECKING:
    from geocnn.network.onnx_graph import Ends

__all__ = ["LARGEST_DIFFERENCE", "Compared", "Export", "Exported", "export_model", "graph_weights"]

LARGEST_DIFFERENCE = 1e-4
"""Between probabilities of the graph and of the network, for the file to be kept."""

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
class Compared:
    """Largest difference between probabilities of graph and network on one random input (B, C, \\*shape)."""

    input: tuple[int, ...]
    difference: float


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
    padded
        Whether the graph takes sizes that are no multiples of the stride.
    compared
        Comparisons with the network; empty if onnxruntime is not installed.
    """

    input: tuple[int | str, ...]
    output: tuple[int | str, ...]
    statistics: str
    normaliser: Normaliser
    padded: bool
    compared: tuple[Compared, ...]


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
    from geocnn.network.onnx_graph import Ends, onnx_model

    require_free(asked.path, asked.overwrite)
    contract = model.contract
    statistics, whose = yield from _statistics(model, like)
    normaliser = Normaliser.of(statistics, contract.normalisation.scale, contract.normalisation.clip)
    plan, padded = _plan(contract, model.network.plan, asked.shape)
    ends = Ends(normaliser.mean, normaliser.std, normaliser.clip, asked.shape, padded, contract.axes)
    with torch.no_grad():
        written = onnx_model(plan, graph_weights(model), ends, _metadata(contract, whose))
    content = written.SerializeToString()
    compared = tuple(_compared(content, model, normaliser, shape) for shape in _shapes(plan, ends)) if _runs() else ()
    _require_equal(compared)
    with whole_file(asked.path, asked.overwrite) as temporary:
        temporary.write_bytes(content)
    before, after = (_sizes(end) for end in (written.graph.input[0], written.graph.output[0]))
    return Exported(before, after, whose, normaliser, padded, compared)


def _require_onnx() -> None:
    if find_spec("onnx") is None:
        raise ModelError(
            "onnx is not installed",
            expected="the packages of the extra: onnx, and onnxruntime to compare the file with the network",
            do="pip install 'geocnn[export]'",
        )


def _runs() -> bool:
    """Whether graphs can be run here."""
    return find_spec("onnxruntime") is not None


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
            f"the network takes no input of {_spelt(shape)}: {error.faults[0].found}",
            expected=error.faults[0].expected,
            do=f"write --shape {','.join(map(str, contract.patch))}, as in training",
        ) from error
    if [node.parameters for node in plan.nodes] != [node.parameters for node in trained.nodes]:
        raise ModelError(
            f"a layer of the network takes inputs of {_spelt(contract.patch)} alone, not of {_spelt(shape)}",
            expected="the patch of the training where a network ends in dense layers",
            do="leave --shape out: without it the sizes are fixed to the patch",
        )
    return plan, padded


def _spelt(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def graph_weights(model: Model) -> dict[int, Mapping[str, NDArray[np.float32]]]:
    """Weights and statistics of each node of a model, by its id, fixed kernels among them."""
    steps = zip(model.network.plan.nodes[1:], model.network.steps.values(), strict=True)
    return {
        node.id: {
            name.rpartition(".")[2]: tensor.detach().cpu().float().numpy()
            for name, tensor in [*step.named_parameters(), *step.named_buffers()]
        }
        for node, step in steps
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
    smaller = [min(size, SMALL[plan.ndim]) for size in plan.input[1:]]
    first = plan.admissible(smaller) if plan.exact else plan.input[1:]
    further = [stride - 1 or 3 if ends.padded else stride for stride in plan.stride]
    return [(1, *first), (2, *(size + more for size, more in zip(first, further, strict=True)))]


def _compared(content: bytes, model: Model, normaliser: Normaliser, sizes: tuple[int, ...]) -> Compared:
    """Graph against network on amplitudes of the survey's size, drawn at random."""
    from onnxruntime import InferenceSession, SessionOptions

    batch, *shape = sizes
    drawn = np.random.default_rng(0).standard_normal((batch, model.contract.channels, *shape))
    scale = (-1, *(1,) * len(shape))
    amplitudes = np.array(normaliser.mean).reshape(scale) + 2 * np.array(normaliser.std).reshape(scale) * drawn
    image = amplitudes.astype(np.float32)
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: image})
    expected = _probabilities(model, normaliser, image)
    if found.shape != expected.shape:
        raise ModelError(f"the graph makes {found.shape}, the network {expected.shape}", do=_REPORT)
    return Compared(image.shape, float(np.abs(found - expected).max()))


def _probabilities(model: Model, normaliser: Normaliser, image: FloatArray) -> NDArray[Any]:
    """What prediction makes of amplitudes (B, C, \\*shape) that are all live."""
    plan, shape = model.network.plan, image.shape[2:]
    scores = np.stack([normaliser.apply(each, np.ones(shape, bool)) for each in image])
    padded = plan.exact and plan.output.shape == plan.input[1:]
    whole = plan.admissible(shape) if padded else shape
    missing = [side for near, far in zip(reversed(shape), reversed(whole), strict=True) for side in (0, far - near)]
    with torch.inference_mode():
        logits = model.network.cpu().eval()(functional.pad(torch.from_numpy(scores), missing))
        if padded:
            logits = logits[(slice(None), slice(None), *(slice(size) for size in shape))]
        return np.asarray((torch.sigmoid(logits) if plan.outputs == 1 else torch.softmax(logits, 1)).numpy())


_REPORT = "report it with the model: this is a fault of geocnn"


def _require_equal(compared: Sequence[Compared]) -> None:
    for each in compared:
        if not each.difference <= LARGEST_DIFFERENCE:
            raise ModelError(
                f"the graph differs from the network by {each.difference:.2g} on an input of {_spelt(each.input)}",
                expected=f"at most {LARGEST_DIFFERENCE:g}",
                do=_REPORT,
            )


def _sizes(end: Any) -> tuple[int | str, ...]:
    """Sizes of an end of the graph; open ones by their names."""
    return tuple(size.dim_param or size.dim_value for size in end.type.tensor_type.shape.dim)
