"""The config of a run: one YAML file, checked as a whole before anything is opened."""

from __future__ import annotations

import copy
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import AllowInfNan, Field, create_model, field_validator, model_validator

from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, Marked, load_marked, parse_value
from geocnn.network.spec import Spec, load_spec, read_spec, zoo_names
from geocnn.records import Record, RecordError, nearest, read_record, spell
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

if TYPE_CHECKING:
    SurveyKeys = Record
else:
    # The config's keys for a survey are the fields of SurveyOptions, whose hints know nothing of pydantic.
    _hints = get_type_hints(SurveyOptions) | {"null": Annotated[float, AllowInfNan()] | None}
    SurveyKeys = create_model(
        "SurveyKeys", __base__=Record, **{f.name: (_hints[f.name], f.default) for f in fields(SurveyOptions)}
    )


class PairConfig(SurveyKeys):
    """An image, its label, and how their files are to be read (the keys of `SurveyOptions`)."""

    image: str | tuple[str, ...]
    label: str

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

    surveys: Positive | tuple[PairConfig, ...]


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
    seed: Annotated[int, Field(ge=0)] = 0
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
        if isinstance(data, dict) and "validate_every" not in data and isinstance(data.get("steps"), int):
            return {**data, "validate_every": max(1, ceil(data["steps"] / 5))}
        return data


class RunConfig(Record):
    """Everything that makes a run what it is."""

    task: str = "segmentation"
    classes: Annotated[tuple[str, ...], Field(min_length=2)] = ("background", "fault")
    data: DataConfig
    network: str | dict[str, Any]
    normalisation: NormalisationConfig = NormalisationConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig

    @field_validator("task")
    @classmethod
    def _known_task(cls, task: str) -> str:
        if task not in TASKS:
            raise RecordError(f"unknown task {task!r}", f"one of {', '.join(TASKS)}")
        return task

    @field_validator("classes")
    @classmethod
    def _different_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) < len(classes):
            raise RecordError(f"a class is named twice in {', '.join(classes)}", "a name of its own for each class")
        return classes


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
    """

    record: RunConfig
    spec: Spec
    marked: Marked
    network_at: tuple[Marked, KeyPath]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return TASKS[self.record.task].outputs(len(self.record.classes))

    def fault(self, key: KeyPath, found: str, expected: str = "", do: str = "") -> Fault:
        """A fault of what stands at a key."""
        return Fault(found, expected, do, self.marked.source, self.marked.line(key), spell(key))


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a file, with overrides such as ``training.steps=100``.

    Raises
    ------
    ConfigError
        With all faults: of the config, of its layers, of its starred names.
    """
    marked = load_marked(path)
    faults: list[Fault] = []
    marked = replace(marked, data=_overridden(copy.deepcopy(marked.data), overrides, faults))
    record = read_record(RunConfig, marked, (), marked.data, faults)
    network = marked.data.get("network") if isinstance(marked.data, dict) else None
    found = _network(network, marked, path.parent.absolute(), faults) if network is not None else None
    if record is not None:
        record = _resolved(record, marked, path.parent.absolute(), faults)
    if faults or record is None or found is None:
        raise ConfigError(faults)
    spec, network_at = found
    return Config(record, spec, marked, network_at)


def _overridden(data: object, overrides: Sequence[str], faults: list[Fault]) -> object:
    """`data` with each ``key.path=value`` set; values are read as YAML."""
    for override in overrides:
        key, equals, text = override.partition("=")
        *parents, last = key.split(".")
        place = data
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if not (equals and last and isinstance(place, dict)):
            faults.append(
                Fault(f"--set {override}", "a key of the config and a value", "write --set training.steps=100")
            )
            continue
        place[last] = parse_value(text, f"--set {key}")
    return data


def _network(
    network: object, marked: Marked, folder: Path, faults: list[Fault]
) -> tuple[Spec, tuple[Marked, KeyPath]] | None:
    """The spec of a config's ``network`` and where it is written."""
    if isinstance(network, dict):
        spec = read_spec(marked, ("network",), network, faults)
        return (spec, (marked, ("network",))) if spec is not None else None
    if not isinstance(network, str):
        return None
    is_file = Path(network).suffix in (".yaml", ".yml")
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


def _resolved(record: RunConfig, marked: Marked, folder: Path, faults: list[Fault]) -> RunConfig:
    """The record with absolute paths and starred names expanded."""
    data = record.data
    train = _expanded(data.train, folder, marked, ("data", "train"), faults)
    validation = data.validation
    if isinstance(validation, SurveysConfig) and not isinstance(validation.surveys, int):
        key: KeyPath = ("data", "validation", "surveys")
        validation = SurveysConfig(surveys=_expanded(validation.surveys, folder, marked, key, faults))
    loss, losses = record.training.loss, TASKS[record.task].losses
    if loss not in losses:
        key = ("training", "loss")
        close = nearest(loss, losses)
        do = f"did you mean {close}?" if close else ""
        expected = f"one of {', '.join(losses)}"
        faults.append(Fault(f"unknown loss {loss!r}", expected, do, marked.source, marked.line(key), spell(key)))
    return record.model_copy(update={"data": data.model_copy(update={"train": train, "validation": validation})})


def _expanded(
    pairs: Sequence[PairConfig], folder: Path, marked: Marked, key: KeyPath, faults: list[Fault]
) -> tuple[PairConfig, ...]:
    """Pairs with absolute names, one for each match of starred names."""
    found: list[PairConfig] = []
    for index, pair in enumerate(pairs):
        names = [str(folder / name) for name in (*pair.images, pair.label)]
        if not any("*" in name for name in names):
            found.append(_renamed(pair, names))
            continue
        matches = [_matches(name) for name in names]
        common = sorted(set.intersection(*(set(match) for match in matches)))
        alone = sorted({file for match in matches for parts, file in match.items() if parts not in common})
        if alone or not common:
            at = (*key, index)
            what = f"without a partner: {', '.join(alone[:3])}" if alone else f"no file matches {names[0]}"
            counts = ", ".join(f"{len(match)} × {name}" for match, name in zip(matches, names, strict=True))
            faults.append(
                Fault(
                    what,
                    f"images and labels whose starred parts are equal (found {counts})",
                    "check the folder and the pattern",
                    marked.source,
                    marked.line(at),
                    spell(at),
                )
            )
        found += [_renamed(pair, [match[parts] for match in matches]) for parts in common]
    return tuple(found)


def _renamed(pair: PairConfig, names: Sequence[str]) -> PairConfig:
    *images, label = names
    return pair.model_copy(
        update={"image": images[0] if isinstance(pair.image, str) else tuple(images), "label": label}
    )


def _matches(name: str) -> dict[tuple[str, ...], str]:
    """Files that a starred name matches, by what the stars stand for."""
    pattern, colon, inner = name.partition(":/")
    stars = re.compile("([^/]*)".join(re.escape(part) for part in pattern.split("*")))
    literal = "*".join(glob.escape(part) for part in pattern.split("*"))
    files = {file: stars.fullmatch(file) for file in glob.glob(literal)}
    return {match.groups(): file + colon + inner for file, match in files.items() if match}


def dump_config(config: Config) -> str:
    """The config as YAML, with all defaults and absolute paths; it loads back to an equal one."""
    data = config.record.model_dump(mode="json")
    if config.record.network not in zoo_names():
        data["network"] = config.spec.model_dump(mode="json")
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text
