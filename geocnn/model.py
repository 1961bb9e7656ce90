"""The model file: weights, and the contract under which they were trained, in one safetensors file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from geocnn.errors import ConfigError, ModelError
from geocnn.grid import Axis, Grid
from geocnn.network.build import Network
from geocnn.network.plan import expand
from geocnn.network.spec import Spec, zoo_names
from geocnn.normalise import NormalisedSurvey, Normaliser, drift
from geocnn.output import whole_file
from geocnn.records import Record
from geocnn.settings import NormalisationConfig
from geocnn.survey.scan import Scan, Statistics
from geocnn.survey.survey import Survey
from geocnn.tasks import TASKS

__all__ = [
    "MODEL_FILE",
    "Contract",
    "Model",
    "far_from_training",
    "is_model",
    "load_model",
    "normalised",
    "require_fit",
    "sampling",
    "save_model",
]

MODEL_FILE = "model.safetensors"
"""Name of the model file in a run directory."""


class Contract(Record):
    """Everything that prediction must know besides the weights.

    Parameters
    ----------
    spec, task, classes, channels
        The layer spec, what it was trained for, and the number of input channels.
    axes, sampling
        Names of the axes, slow to fast, and (step, unit) of each; the step is 0 where training had several.
    patch
        Positions of a training patch on each axis.
    normalisation, statistics
        The policy, and the training surveys' statistics (`Statistics.to_json`).
    threshold
        Probability from which a sample counts as class 1, chosen on the validation data.
    provenance
        Where the model comes from: version, run, surveys.
    """

    spec: Spec
    task: str
    classes: tuple[str, ...]
    channels: int
    axes: tuple[str, ...]
    sampling: tuple[tuple[float, str], ...]
    patch: tuple[int, ...]
    normalisation: NormalisationConfig
    statistics: dict[str, Any]
    threshold: float
    provenance: dict[str, str]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return TASKS[self.task].outputs(len(self.classes))


@dataclass(frozen=True)
class Model:
    """A trained network and its contract; `digest` is that of its file, empty if it has none."""

    network: Network
    contract: Contract
    digest: str = ""


def save_model(path: Path, model: Model) -> None:
    """Write a model file, replacing an older one whole."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.network.state_dict().items()}
    contract = model.contract.model_dump_json()
    with whole_file(path, overwrite=True) as temporary:
        save_file(weights, temporary, metadata={"geocnn": contract, "digest": _digest(contract, weights)})


def load_model(path: Path) -> Model:
    """The model of a run directory or a model file.

    Raises
    ------
    ModelError
        If there is none, or the file is damaged, foreign, or its weights do not fit its spec.
    """
    file = _model_file(path)
    weights, header = _read(file)
    try:
        text, digest = header["geocnn"], header["digest"]
    except KeyError as error:
        raise _foreign(file, f"no entry {error}") from error
    if digest != _digest(text, weights):
        raise ModelError(
            f"{file} is damaged: its content does not have the checksum in its header",
            expected="an unchanged model file",
            do="copy it again from where it was trained",
        )
    try:
        contract = Contract.model_validate_json(text)
        Statistics.from_json(contract.statistics)
        plan = expand(contract.spec, (contract.channels, *contract.patch), contract.outputs)
    except (ValidationError, ConfigError, KeyError, TypeError, ValueError) as error:
        raise _foreign(file, "its header cannot be read") from error
    held = sum(tensor.numel() for name, tensor in weights.items() if not name.endswith(_BUFFERS))
    if held != plan.parameters:
        raise _foreign(file, f"{held:,} weights for a spec of {plan.parameters:,} parameters")
    network = Network(plan)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise _foreign(file, "its weights do not fit its layer spec") from error
    return Model(network.eval(), contract, digest)


def is_model(path: Path) -> bool:
    """Whether a path is that of a model file, or of a run directory that holds one."""
    return path.suffix == Path(MODEL_FILE).suffix or (path / MODEL_FILE).is_file()


_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _model_file(path: Path) -> Path:
    if path.suffix in (".yaml", ".yml"):
        do = "train it first (geocnn train CONFIG --run DIR), then name DIR"
        raise ModelError(f"{path} is a config or a layer spec", expected="a run directory or a model file", do=do)
    file = path / MODEL_FILE if path.is_dir() else path
    if file.is_file():
        return file
    if path.is_dir():
        raise ModelError(
            f"{path} holds no {MODEL_FILE}",
            expected="the run directory of a training that has validated at least once",
            do="finish the training (geocnn train … --resume), or name another model",
        )
    expected, do = "a run directory or a model file", "check the path"
    if str(path) in zoo_names():
        do = f"train it first: a config with network: {path}"
    raise ModelError(f"no such file: {path}", expected=expected, do=do)


def _read(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    try:
        with safe_open(file, framework="pt") as opened:
            header = opened.metadata() or {}
            return {name: opened.get_tensor(name) for name in opened.keys()}, header  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{file} is no model file, or a damaged one ({error})",
            expected="a .safetensors file that geocnn train wrote",
            do="name a run directory or its model.safetensors, or copy the file again",
        ) from error


def _foreign(file: Path, why: str) -> ModelError:
    return ModelError(
        f"{file} was not written by this version of geocnn: {why}",
        expected="a model file of geocnn train",
        do="train again, or use the version that wrote it",
    )


def _digest(contract: str, weights: dict[str, torch.Tensor]) -> str:
    """SHA-256 over the contract, and over names and bytes of all weights."""
    digest = hashlib.sha256(contract.encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def require_fit(model: Model, survey: Survey) -> None:
    """Refuse a survey that the model was not made for.

    Raises
    ------
    ModelError
        If dimension or number of channels differ.
    """
    contract = model.contract
    if survey.grid.ndim != len(contract.axes):
        raise ModelError(
            f"the model was trained on {len(contract.axes)}-D data ({', '.join(contract.axes)}), "
            f"{survey.name} is {survey.grid.ndim}-D ({survey.grid})",
            expected="a survey of the model's dimension",
            do="name another survey or model",
        )
    names = tuple(axis.name for axis in survey.grid.axes)
    if names != contract.axes:
        raise ModelError(
            f"the model was trained on the axes {', '.join(contract.axes)}, {survey.name} has {', '.join(names)}",
            expected="the same axes in the same order",
            do="name the axes of the HDF5 data set with --axes",
        )
    if survey.channels != contract.channels:
        raise ModelError(
            f"the model was trained on {contract.channels} channel(s), {survey.name} has {survey.channels}",
            expected="as many files, stacked as channels, as in training",
            do=f"name {contract.channels} file(s) as the image",
        )


def normalised(survey: Survey, scan: Scan, policy: NormalisationConfig, training: Statistics) -> NormalisedSurvey:
    """The survey under the normalisation contract: with its own statistics, or with training's where these rule."""
    statistics = training if policy.statistics == "training" else scan.statistics
    return NormalisedSurvey(survey, scan, Normaliser.of(statistics, policy.scale, policy.clip))


def far_from_training(model: Model, grid: Grid, statistics: Statistics) -> list[str]:
    """In words, how a survey differs from those of training: extent, sampling, spectrum; and if it has not ended."""
    contract = model.contract
    done, _, steps = contract.provenance.get("step", "").partition(" of ")
    unfinished = (
        f"the model is that of step {done} of {steps}: its training was stopped; geocnn train … --resume goes on"
    )
    has_ended = done == steps or "ended" in contract.provenance
    remarks = ([unfinished] if steps and not has_ended else []) + drift(
        Statistics.from_json(contract.statistics), statistics
    )
    thin = [(axis.name, axis.size, n) for axis, n in zip(grid.axes, contract.patch, strict=True) if 2 * axis.size < n]
    remarks += [
        f"the survey has {size:,} {name}s, training's patches had {n:,}: the network sees little beside its padding"
        for name, size, n in thin
    ]
    for axis, (step, unit) in zip(grid.axes, contract.sampling, strict=True):
        if step and (axis.unit != unit or (unit and abs(axis.step - step) > 1e-3 * abs(step))):
            here, there = (f"{abs(value):g} {word}".strip() for value, word in ((axis.step, axis.unit), (step, unit)))
            remarks.append(
                f"the {axis.name} interval is {here}, {there} in training: the network sees structures of another size"
            )
    return remarks


def sampling(grids: Sequence[Grid]) -> tuple[tuple[float, str], ...]:
    """(step, unit) of each axis, with step 0 where grids differ."""
    first, *others = grids
    return tuple(
        (axis.step if all(_alike(axis, other.axes[k]) for other in others) else 0.0, axis.unit)
        for k, axis in enumerate(first.axes)
    )


def _alike(first: Axis, second: Axis) -> bool:
    """Whether two axes have about the same step, in the same unit."""
    return first.unit == second.unit and abs(first.step - second.step) <= 1e-3 * abs(first.step)
