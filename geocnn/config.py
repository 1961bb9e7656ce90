"""The config of a run: one YAML file, checked as a whole before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import AllowInfNan, Field, create_model, field_validator, model_validator

from geocnn.errors import ConfigError, Fault, SurveyError
from geocnn.marked import KeyPath, Marked, load_marked
from geocnn.network.spec import Spec, load_spec, read_spec, zoo_names
from geocnn.overrides import blame, overridden
from geocnn.records import Record, RecordError, nearest, read_record, spell
from geocnn.starred import is_starred, match_names
from geocnn.survey.options import SurveyOptions
from geocnn.tasks import TASKS

__all__ = [
    "AugmentationConfig",
    "BlockConfig",
    "Config",
    "DataConfig",
    "NormalisationConfig",
    "PairConfig",
    "RunConfig",
    "SurveysConfig",
    "TrainingConfig",
    "dump_config",
    "load_config",
]

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]

MAX_CLASSES = 128
"""Labels are int8."""


class PairFiles(Record):
    """The files of an image and its label."""

    image: str | Annotated[tuple[str, ...], Field(min_length=1)]
    label: str


if TYPE_CHECKING:
    PairKeys = PairFiles
else:
    # The config's keys for a survey are the fields of SurveyOptions, whose hints know nothing of pydantic.
    _hints = get_type_hints(SurveyOptions) | {"null": Annotated[float, AllowInfNan()] | None}
    PairKeys = create_model(
        "PairKeys", __base__=PairFiles, **{f.name: (_hints[f.name], f.default) for f in fields(SurveyOptions)}
    )


class PairConfig(PairKeys):
    """An image, its label, and how their files are to be read (the keys of `SurveyOptions`)."""

    @property
    def images(self) -> tuple[str, ...]:
        """The files that make the image, one a channel or group of channels."""
        return (self.image,) if isinstance(self.image, str) else self.image

    @property
    def options(self) -> SurveyOptions:
        """How to read image and label."""
        return SurveyOptions(**{field.name: getattr(self, field.name) for field in fields(SurveyOptions)})


class BlockConfig(Record):
    """Hold out a block of every training survey (see `geocnn.split.BlockRule`)."""

    block: Share = 0.2
    gap: Annotated[int, Field(ge=0)] = 16
    axis: str | None = None


class SurveysConfig(Record):
    """Hold out whole surveys: the last so many of the training pairs, or others."""

    surveys: Positive | Annotated[tuple[PairConfig, ...], Field(min_length=1)]


class DataConfig(Record):
    """What to train on, what to validate on, and the patch that training draws, in positions on each axis."""

    train: Annotated[tuple[PairConfig, ...], Field(min_length=1)]
    validation: BlockConfig | SurveysConfig = BlockConfig()
    patch: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=3)]


class NormalisationConfig(Record):
    """The normalisation contract: z-scores over live samples, clipped at so many standard deviations.

    `statistics`: the new survey's own, or training's. `scale`: one for all channels (gathers, stacks), or each its own.
    """

    policy: Literal["z-score"] = "z-score"
    clip: Annotated[float, Field(gt=0)] = 5.0
    statistics: Literal["survey", "training"] = "survey"
    scale: Literal["shared", "each"] = "shared"


class AugmentationConfig(Record):
    """Random changes of a patch: lateral flips, rotation by 90° about the vertical, gain e^±g, noise up to so much.

    Gain is the exponent's largest size; noise is in standard deviations of the normalised survey.
    """

    flip: bool = True
    rotate: bool = True
    gain: NotNegative = 0.2
    noise: NotNegative = 0.1


class TrainingConfig(Record):
    """The recipe: AdamW, a linear warm-up and half a cosine; `validate_every` is in steps."""

    steps: Positive
    batch: Positive = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    learning_rate: Annotated[float, Field(ge=0, le=10)] = 1e-3
    weight_decay: NotNegative = 1e-2
    warmup: Annotated[int, Field(ge=0)] = 100
    loss: str = TASKS["segmentation"].losses[0]
    precision: Literal["auto", "float32", "bf16"] = "auto"
    validate_every: Positive = 0
    checkpoint_minutes: NotNegative = 10.0

    @model_validator(mode="before")
    @classmethod
    def _five_validations(cls, data: Any) -> Any:
        # A default that depends on another key: set before the check, so that the record never lacks it.
        if isinstance(data, dict) and "validate_every" not in data and isinstance(data.get("steps"), int):
            return {**data, "validate_every": max(1, ceil(data["steps"] / 5))}
        return data

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, loss: str) -> str:
        return _known("loss", loss, [known for task in TASKS.values() for known in task.losses])


class RunConfig(Record):
    """Everything that makes a run what it is."""

    task: str = "segmentation"
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)] = ("background", "fault")
    data: DataConfig
    network: str | dict[str, Any]
    normalisation: NormalisationConfig = NormalisationConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig

    @field_validator("task")
    @classmethod
    def _known_task(cls, task: str) -> str:
        return _known("task", task, list(TASKS))

    @field_validator("classes")
    @classmethod
    def _different_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) < len(classes):
            raise RecordError(f"a class is named twice in {', '.join(classes)}", "a name of its own for each class")
        return classes


def _known(what: str, name: str, choices: Sequence[str]) -> str:
    """The name, if it is one of the choices."""
    if name not in choices:
        meant = nearest(name, choices)
        do = f"write {meant!r}" if meant else ""
        raise RecordError(f"unknown {what} {name!r}", f"one of {', '.join(choices)}", do)
    return name


@dataclass(frozen=True)
class Config:
    """A checked config.

    Parameters
    ----------
    record
        The config with all defaults, starred names expanded and paths absolute.
    spec
        Its network.
    marked
        The file, for line numbers in later messages.
    network_at
        Where the layers are written, and in which file.
    overrides
        What the command line said instead of the file.
    """

    record: RunConfig
    spec: Spec
    marked: Marked
    network_at: tuple[Marked, KeyPath]
    overrides: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return TASKS[self.record.task].outputs(len(self.record.classes))

    def fault(self, key: KeyPath, found: str, expected: str = "", do: str = "") -> Fault:
        """A fault of what stands at a key."""
        return blame(
            Fault(found, expected, do, self.marked.source, self.marked.line(key), spell(key)),
            self.overrides,
        )


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a file, with overrides such as ``training.steps=100``.

    Raises
    ------
    ConfigError
        With all faults: of the config, of its layers, of its starred names, of the overrides.
    """
    folder, faults = path.parent.absolute(), list[Fault]()
    marked = load_marked(path)
    marked = replace(marked, data=overridden(marked.data, overrides, faults))
    record = read_record(RunConfig, marked, (), marked.data, faults)
    network = _network(marked, folder, faults)
    data = _expanded_data(record, marked, folder, faults)
    if faults or record is None or network is None or data is None:
        raise ConfigError(blame(fault, overrides) for fault in faults)
    return Config(record.model_copy(update={"data": data}), network[0], marked, network[1], tuple(overrides))


def _part(marked: Marked, key: str) -> object:
    return marked.data.get(key) if isinstance(marked.data, dict) else None


def _network(marked: Marked, folder: Path, faults: list[Fault]) -> tuple[Spec, tuple[Marked, KeyPath]] | None:
    """The spec of a config's ``network`` and where it is written."""
    network = _part(marked, "network")
    if isinstance(network, dict):
        spec = read_spec(marked, ("network",), network, faults)
        return (spec, (marked, ("network",))) if spec is not None else None
    if not isinstance(network, str):
        return None
    is_file = network not in zoo_names() and (network.endswith((".yaml", ".yml")) or (folder / network).is_file())
    try:
        spec, source = load_spec(str(folder / network) if is_file else network)
    except ConfigError as error:
        line = marked.line(("network",))
        faults.extend(
            fault if fault.file else replace(fault, file=marked.source, line=line, key="network")
            for fault in error.faults
        )
        return None
    return spec, (source, ())


def _expanded_data(record: RunConfig | None, marked: Marked, folder: Path, faults: list[Fault]) -> DataConfig | None:
    """The config's ``data`` with absolute paths and starred names expanded, also where the rest of it is faulty."""
    data = record.data if record else read_record(DataConfig, marked, ("data",), _part(marked, "data"), [])
    if data is None:
        return None
    train = _expanded(data.train, folder, marked, ("data", "train"), faults)
    validation = data.validation
    if isinstance(validation, SurveysConfig) and isinstance(validation.surveys, tuple):
        key: KeyPath = ("data", "validation", "surveys")
        validation = SurveysConfig(surveys=_expanded(validation.surveys, folder, marked, key, faults))
    return data.model_copy(update={"train": train, "validation": validation})


def _expanded(
    pairs: Sequence[PairConfig], folder: Path, marked: Marked, key: KeyPath, faults: list[Fault]
) -> tuple[PairConfig, ...]:
    """Pairs with absolute names, one for each match of starred names."""
    found: list[PairConfig] = []
    for index, pair in enumerate(pairs):
        names = tuple(str(folder / name) for name in (*pair.images, pair.label))
        try:
            matched = match_names(names) if is_starred(names) else [names]
        except SurveyError as error:
            at = (*key, index)
            faults.append(replace(error.faults[0], file=marked.source, line=marked.line(at), key=spell(at)))
            # One pair stands for those that were not found: its faults are told, none that follow from its absence.
            matched = [names]
        found += [_renamed(pair, each) for each in matched]
    return tuple(found)


def _renamed(pair: PairConfig, names: Sequence[str]) -> PairConfig:
    *images, label = names
    return pair.model_copy(
        update={"image": images[0] if isinstance(pair.image, str) else tuple(images), "label": label}
    )


def dump_config(config: Config) -> str:
    """The config as YAML, with all defaults and absolute paths; it loads back to an equal one."""
    data = config.record.model_dump(mode="json")
    if config.record.network not in zoo_names():
        data["network"] = config.spec.model_dump(mode="json")
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text
