"""What a config may say: one record for each of its parts, with its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_type_hints

from pydantic import AllowInfNan, Discriminator, Field, Tag, create_model, field_validator, model_validator

from geocnn.interpretation.options import Interpreted, PickOptions
from geocnn.records import Record, RecordError, nearest
from geocnn.survey.options import PLACES, Place, SurveyOptions
from geocnn.synthetic.choice import RecipeChoice
from geocnn.tasks import TASKS

__all__ = [
    "AugmentationConfig",
    "BlockConfig",
    "DataConfig",
    "NamedNetwork",
    "NormalisationConfig",
    "PairConfig",
    "PicksConfig",
    "RunConfig",
    "SurveysConfig",
    "SyntheticConfig",
    "TrainConfig",
    "TrainPairConfig",
    "TrainingConfig",
]

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]
UpToOne = Annotated[float, Field(ge=0, le=1)]
Deviations = Annotated[float, Field(ge=0, le=10)]
Weight = Annotated[float, Field(gt=0)]

MAX_CLASSES = 128
"""Labels are int8."""


class PicksConfig(PickOptions):
    """Files of fault sticks or horizons that make a label, and how they are read."""

    file: Annotated[
        Annotated[str, Tag("one")] | Annotated[tuple[str, ...], Field(min_length=1), Tag("several")],
        Discriminator(lambda data: "several" if isinstance(data, list | tuple) else "one"),
    ]

    @property
    def files(self) -> tuple[str, ...]:
        """Their names."""
        return (self.file,) if isinstance(self.file, str) else self.file

    @property
    def options(self) -> PickOptions:
        """How they are read."""
        return PickOptions(**self.model_dump(exclude={"file"}))


class PairFiles(Record):
    """The files of an image and its label, a volume or picks, and where someone looked (all of it by default)."""

    image: str | Annotated[tuple[str, ...], Field(min_length=1)]
    label: Annotated[
        Annotated[str, Tag("volume")] | Annotated[PicksConfig, Tag("PicksConfig")],
        Discriminator(lambda data: "PicksConfig" if isinstance(data, dict | PicksConfig) else "volume"),
    ]
    interpreted: Interpreted | None = None


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

    @field_validator(*PLACES, check_fields=False)
    @classmethod
    def _places(cls, said: int | str | None) -> int | str | None:
        if said is not None:
            Place.parse(said)
        return said

    @property
    def images(self) -> tuple[str, ...]:
        """The files that make the image, one a channel or group of channels."""
        return (self.image,) if isinstance(self.image, str) else self.image

    @property
    def labels(self) -> tuple[str, ...]:
        """The files that make the label."""
        return (self.label,) if isinstance(self.label, str) else self.label.files

    @property
    def options(self) -> SurveyOptions:
        """How to read image and label."""
        return SurveyOptions(**{field.name: getattr(self, field.name) for field in fields(SurveyOptions)})


class TrainPairConfig(PairConfig):
    """A pair to train on; `weight`: how many of the patches are drawn from it, against the other entries.

    Pairs that match starred names share the weight of their entry. Beside entries with a weight and synthetic worlds it
    is 1 if it is left out; where nothing is weighed, all positions of all surveys are equally likely.
    """

    weight: Weight | None = None


class SyntheticConfig(Record):
    """Synthetic worlds, a new one for each patch (see `geocnn.synthetic.wide`), and their weight among the entries."""

    synthetic: RecipeChoice
    weight: Weight = 1.0


def _entry_kind(data: object) -> str:
    """Which record an entry is meant to be, so that only its faults are told."""
    synthetic = "synthetic" in data if isinstance(data, dict) else isinstance(data, SyntheticConfig)
    return "SyntheticConfig" if synthetic else "TrainPairConfig"


TrainConfig = Annotated[
    Annotated[TrainPairConfig, Tag("TrainPairConfig")] | Annotated[SyntheticConfig, Tag("SyntheticConfig")],
    Discriminator(_entry_kind),
]
"""An entry of ``data.train``."""


class BlockConfig(Record):
    """Hold out a block of every training survey (see `geocnn.split.BlockRule`)."""

    block: Share = 0.2
    gap: Annotated[int, Field(ge=0)] = 16
    axis: str | None = None


class SurveysConfig(Record):
    """Hold out whole surveys: the last so many of the training pairs, or others."""

    surveys: Annotated[
        Annotated[Positive, Tag("count")] | Annotated[tuple[PairConfig, ...], Field(min_length=1), Tag("pairs")],
        Discriminator(lambda data: "pairs" if isinstance(data, list | tuple) else "count"),
    ]


def _validation_kind(data: object) -> str:
    """Which record ``validation`` is meant to be, so that only its faults are told."""
    surveys = "surveys" in data if isinstance(data, dict) else isinstance(data, SurveysConfig)
    return "SurveysConfig" if surveys else "BlockConfig"


class DataConfig(Record):
    """What to train on, what to validate on, and the patch that training draws, in positions on each axis.

    `foreground`: the share of the surveys' patches that are laid over a class other than the first, each class as often
    as the others; a third is that of nnU-Net (Isensee et al., 2021).
    """

    train: Annotated[tuple[TrainConfig, ...], Field(min_length=1)]
    validation: Annotated[
        Annotated[BlockConfig, Tag("BlockConfig")] | Annotated[SurveysConfig, Tag("SurveysConfig")],
        Discriminator(_validation_kind),
    ] = BlockConfig()
    patch: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=3)]
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.33


class NormalisationConfig(Record):
    """The normalisation contract: z-scores over live samples, clipped at so many standard deviations.

    `statistics`: the new survey's own, or training's. `scale`: one for all channels (gathers, stacks), or each its own.
    """

    clip: Annotated[float, Field(gt=0)] = 5.0
    statistics: Literal["survey", "training"] = "survey"
    scale: Literal["shared", "each"] = "shared"


class AugmentationConfig(Record):
    """Random changes of a patch, by the keys of `geocnn.augment.Augmentation`; 0 and false leave a change out."""

    flip: bool = True
    rotate: bool = True
    stretch: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    lateral_stretch: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    warp: Annotated[float, Field(ge=0, le=32)] = 0.0
    polarity: bool = False
    phase: Annotated[float, Field(ge=0, le=180)] = 0.0
    bandpass: UpToOne = 0.0
    shaping: Annotated[float, Field(ge=0, le=40)] = 0.0
    mix: UpToOne = 0.0
    agc: UpToOne = 0.0
    gain: Annotated[float, Field(ge=0, le=3)] = 0.2
    footprint: UpToOne = 0.0
    noise: Deviations = 0.1
    band_noise: Deviations = 0.0
    coherent_noise: Deviations = 0.0
    noisy_traces: UpToOne = 0.0
    dead_traces: Annotated[float, Field(ge=0, le=0.9)] = 0.0


class TrainingConfig(Record):
    """The recipe; `warmup` and `validate_every` are in steps, `patience` is in validations.

    A step learns from `accumulate` batches one after the other. `clip` bounds the norm of the gradient, `average` is
    how much of the running mean of the weights stays at each step. `heads` weighs the losses of extra outputs.
    `recompute` computes activations twice instead of keeping them. `freeze` and `learning_rate_factors` name layers
    (``layers_0_conv``; ``layers_1*`` for several). `keep` is the score by which the best model is told, or ``last``.

    What is left out: a tenth of the steps, at most 100, to warm up, five validations, and the model of the best average
    precision for two classes, of the best mean IoU for more.
    """

    steps: Positive
    batch: Positive = 4
    accumulate: Positive = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(ge=0, le=10)] = 1e-3
    schedule: Literal["cosine", "poly", "step", "constant"] = "cosine"
    warmup: Annotated[int, Field(ge=0)] = 0
    weight_decay: NotNegative = 1e-2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    clip: Annotated[float, Field(gt=0)] | None = None
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    loss: str = TASKS["segmentation"].losses[0]
    class_weights: tuple[NotNegative, ...] | None = None
    heads: dict[str, Annotated[float, Field(gt=0)]] = Field(default={})
    recompute: bool = False
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    freeze: tuple[str, ...] = ()
    learning_rate_factors: dict[str, NotNegative] = Field(default={})
    validate_every: Positive = 0
    keep: str = ""
    patience: Annotated[int, Field(ge=0)] = 0
    checkpoint_minutes: NotNegative = 10.0

    @model_validator(mode="before")
    @classmethod
    def _defaults_by_steps(cls, data: Any) -> Any:
        # Defaults that depend on another key: set before the check, so that the record never lacks them.
        if isinstance(data, dict) and isinstance(data.get("steps"), int):
            steps = max(1, data["steps"])
            return {"validate_every": ceil(steps / 5), "warmup": min(100, steps // 10), **data}
        return data

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        if self.warmup >= self.steps:
            raise RecordError(
                f"a warm-up of {self.warmup} steps in a training of {self.steps}", "fewer steps than the training has"
            )
        return self

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, loss: str) -> str:
        return _known("loss", loss, [known for task in TASKS.values() for known in task.losses])


class NamedNetwork(Record):
    """A network of the zoo or of a spec file, its channels scaled by `width`."""

    name: str
    width: Annotated[float, Field(gt=0, le=100)] = 1.0


class RunConfig(Record):
    """Everything that makes a run what it is."""

    task: str = "segmentation"
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)] = ("background", "fault")
    data: DataConfig
    network: str | dict[str, Any]
    normalisation: NormalisationConfig = NormalisationConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig

    @model_validator(mode="before")
    @classmethod
    def _keep_by_classes(cls, data: Any) -> Any:
        # What the best model is told by depends on the number of classes, which another record holds.
        if not isinstance(data, dict) or not isinstance(data.get("training"), dict):
            return data
        classes = data.get("classes", ("background", "fault"))
        names = _scores(len(classes) if isinstance(classes, list | tuple) else 2)
        return {**data, "training": {"keep": names[0], **data["training"]}}

    @model_validator(mode="after")
    def _fits_the_classes(self) -> Self:
        names, weights = (*_scores(len(self.classes)), "last"), self.training.class_weights
        _known("training.keep", self.training.keep, names)
        if self.training.patience and self.training.keep == "last":
            raise RecordError("training.patience with training.keep: last", f"keep: {names[0]}, or no patience")
        if weights is not None and len(weights) != len(self.classes):
            raise RecordError(f"{len(weights)} training.class_weights", f"one for each of {len(self.classes)} classes")
        if weights is not None and not any(weights):
            raise RecordError("all training.class_weights are 0", "one above 0 at least")
        return self

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


def _scores(classes: int) -> tuple[str, ...]:
    """Scores that tell the best model, the default first."""
    return ("average_precision", "f1", "iou") if classes == 2 else ("mean_iou", "pixel_accuracy")


def _known(what: str, name: str, choices: Sequence[str]) -> str:
    """The name, if it is one of the choices."""
    if name not in choices:
        meant = nearest(name, choices)
        do = f"write {meant!r}" if meant else ""
        raise RecordError(f"unknown {what} {name!r}", f"one of {', '.join(choices)}", do)
    return name
