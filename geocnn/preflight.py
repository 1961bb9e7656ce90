"""Config, survey headers and plan together: does it fit, and what will it cost?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from geocnn.config import Config
from geocnn.errors import ConfigError, Fault, GeocnnError, SurveyError
from geocnn.fitting import plan_patch
from geocnn.grid import Window
from geocnn.interpretation.label import PickedLabel, picked_label
from geocnn.interpretation.looked import RestrictedSurvey
from geocnn.leaks import check_leaks
from geocnn.marked import KeyPath
from geocnn.network.memory import training_bytes
from geocnn.network.plan import Plan
from geocnn.network.wording import breaking
from geocnn.records import crossed, listed
from geocnn.settings import BlockConfig, PairConfig, SurveysConfig, SyntheticConfig, TrainPairConfig
from geocnn.split import BlockRule, hold_out
from geocnn.survey.labelled import LabelledSurvey, Windows
from geocnn.survey.opening import open_pair, open_survey

__all__ = ["Preflight", "preflight"]

TRAIN: KeyPath = ("data", "train")
PATCH: KeyPath = ("data", "patch")
VALIDATION: KeyPath = ("data", "validation")
SURVEYS: KeyPath = (*VALIDATION, "surveys")

MOST_TURNED = 45.0
"""Degrees of phase that leave a horizon on its reflection."""

AT_ONCE = 2**22
"""Samples of a label that are looked at together."""

SMALLEST_WORLD = 16
"""Positions on each axis of a world: fewer hold no structure."""


@dataclass(frozen=True)
class Preflight:
    """A run that fits.

    Parameters
    ----------
    plan
        The network for one patch.
    training, validation
        Surveys with the window to draw patches from, and with the window to predict and score.
    memory
        The most bytes that one training step holds at once (see `training_bytes`).
    remarks
        What the user must know about the network and the surveys and did not ask.
    weights
        Of the training surveys, as far as the config gives them one.
    synthetic
        Worlds to draw patches from, too.
    """

    plan: Plan
    training: Windows
    validation: Windows
    memory: int
    remarks: tuple[str, ...]
    weights: tuple[float | None, ...] = ()
    synthetic: tuple[SyntheticConfig, ...] = ()


def preflight(config: Config) -> Preflight:
    """Open the headers of all surveys and see whether they, the patch and the network fit together.

    Raises
    ------
    ConfigError
        With everything that does not.
    """
    faults: list[Fault] = []
    pairs, held = _opened(config, faults)
    _check_alike(config, (*pairs, *held), faults)
    synthetic = tuple(entry for entry in config.record.data.train if isinstance(entry, SyntheticConfig))
    if synthetic:
        _check_worlds(config, (*pairs, *held), faults)
    _check_polarity(config, pairs, faults)
    plan = plan_patch(config, (*pairs, *held), faults)
    if plan is None:
        raise ConfigError(faults)
    training, validation = _split(config, pairs, held, plan.stride, faults)
    check_leaks(config, training, validation, faults)
    _check_picks(config, training, validation, faults)
    if faults:
        raise ConfigError(faults)
    memory = training_bytes(plan, config.record.training.batch, recompute=config.record.training.recompute)
    made = (f"{label.name}: {'; '.join(label.report.lines())}" for label in _picked((*pairs, *held)))
    remarks = (*_heads_left_out(config, plan), *_in_windows(plan), *made, *_remarks((*pairs, *held)))
    entries = [entry for entry in config.record.data.train if isinstance(entry, TrainPairConfig)]
    weights = tuple(entry.weight for entry in entries[: len(training)])
    return Preflight(plan, training, validation, memory, remarks, weights, synthetic)


def _opened(config: Config, faults: list[Fault]) -> tuple[list[LabelledSurvey], list[LabelledSurvey]]:
    """Training pairs and the pairs held out for validation, as far as they can be opened."""
    entries = enumerate(config.record.data.train)
    train: list[tuple[int, PairConfig]] = [(index, entry) for index, entry in entries if isinstance(entry, PairConfig)]
    held: list[tuple[int, PairConfig]] = []
    key, rule = TRAIN, config.record.data.validation
    rest = rule.surveys if isinstance(rule, SurveysConfig) else 0
    if isinstance(rest, tuple):
        key, held = SURVEYS, list(enumerate(rest))
    elif rest >= max(len(train), 1):
        faults.append(
            config.fault(
                SURVEYS,
                f"{rest} of {len(train)} training surveys held out",
                expected="at least one left for training",
                do="hold out fewer, or a block of each: validation: {block: 0.2}",
            )
        )
    elif rest:
        train, held = train[:-rest], train[-rest:]
    return _open_all(config, TRAIN, train, faults), _open_all(config, key, held, faults)


def _open_all(
    config: Config, key: KeyPath, pairs: Iterable[tuple[int, PairConfig]], faults: list[Fault]
) -> list[LabelledSurvey]:
    opened = []
    for index, pair in pairs:
        try:
            opened.append(_labelled(pair, len(config.record.classes)))
        except GeocnnError as error:
            # Starred names stand for several pairs: the index then says nothing, the file's name does.
            at = config.fault((*key, index) if (*key, index) in config.marked.lines else key, "")
            faults.extend(replace(fault, file=at.file, line=at.line, key=at.key) for fault in error.faults)
    return opened


def _labelled(pair: PairConfig, classes: int) -> LabelledSurvey:
    """A survey with its label: a volume, or what picks make; ignored where nobody looked."""
    if isinstance(pair.label, str):
        image, label = open_pair(pair.images, pair.label, pair.options)
        if pair.interpreted is not None:
            label = RestrictedSurvey(label, pair.interpreted, image)
        return LabelledSurvey(image, label, classes)
    if pair.label.horizon == "distance":
        raise SurveyError(
            "label.horizon is distance, the task is segmentation",
            expected="surface or interval: classes",
            do="choose one of the two; geocnn label writes distances to a file",
        )
    image = open_survey(pair.images, pair.options)
    label = picked_label(pair.labels, image, pair.label.options, pair.interpreted)
    scored = label if pair.interpreted is None else RestrictedSurvey(label, pair.interpreted, image)
    return LabelledSurvey(image, label, classes, scored)


def _check_alike(config: Config, surveys: Sequence[LabelledSurvey], faults: list[Fault]) -> None:
    """Whether the surveys have the patch's dimension, and the axes and channels of the first one."""
    patch = config.record.data.patch
    for labelled in surveys:
        image, first = labelled.image, surveys[0].image
        mine, others = ([axis.name for axis in each.grid.axes] for each in (image, first))
        if image.grid.ndim != len(patch):
            faults.append(
                config.fault(
                    PATCH,
                    f"a patch of {len(patch)} axes for {image.name}, which has {image.grid.ndim} ({image.grid})",
                    expected="one size for each axis of the survey",
                    do="change the patch, or name another survey",
                )
            )
        elif (image.channels, mine) != (first.channels, others):
            faults.append(
                config.fault(
                    ("data",),
                    f"{image.name} has {image.channels} channel(s) on {', '.join(mine)}; "
                    f"{first.name} has {first.channels} on {', '.join(others)}",
                    expected="the same channels and axes in all surveys",
                    do="stack the same attributes, in the same order, for each survey",
                )
            )


def _check_worlds(config: Config, surveys: Sequence[LabelledSurvey], faults: list[Fault]) -> None:
    """Whether synthetic worlds fit patch, classes and channels, and there is something to validate on."""
    data, classes = config.record.data, config.record.classes
    if len(classes) != 2:
        found = f"{len(classes)} classes ({', '.join(classes)}) with synthetic worlds"
        faults.append(config.fault(("classes",), found, "two: their labels tell background and fault"))
    if len(data.patch) == 1 or min(data.patch) < SMALLEST_WORLD:
        found = f"a patch of {list(data.patch)} with synthetic worlds"
        expected = f"two axes (a section) or three, of {SMALLEST_WORLD} positions or more"
        faults.append(config.fault(PATCH, found, expected))
    if any(labelled.image.channels != 1 for labelled in surveys):
        most = max(labelled.image.channels for labelled in surveys)
        found = f"{most} channels in a survey beside synthetic worlds"
        faults.append(config.fault(("data",), found, "one channel: a world is one image"))
    written = any(isinstance(entry, TrainPairConfig) for entry in data.train)
    if not isinstance(data.validation, SurveysConfig) and not written:
        faults.append(
            config.fault(
                VALIDATION,
                "nothing to validate on: all training data are synthetic worlds",
                expected="validation: {surveys: [{image: …, label: …}]}",
                do="name a labelled survey, or make some with geocnn synth faults --seed 1",
            )
        )


def _check_polarity(config: Config, surveys: Sequence[LabelledSurvey], faults: list[Fault]) -> None:
    """Whether polarity is reversed, or the phase turned as far, where horizons are picked: they lie on one polarity."""
    horizons = [label.name for label in _picked(surveys) if label.kind == "horizon"]
    if not horizons:
        return
    augmentation, holds = config.record.augmentation, f"{horizons[0]} holds horizons, picked on one polarity"
    if augmentation.polarity:
        found = f"polarity is reversed at random, and {holds}"
        faults.append(config.fault(("augmentation", "polarity"), found, "false", "leave it out"))
    if augmentation.phase > MOST_TURNED:
        found = f"the phase is turned by up to {augmentation.phase:g}°, and {holds}"
        expected = f"{MOST_TURNED:g}° at most: 180° are a reversal"
        faults.append(config.fault(("augmentation", "phase"), found, expected, f"write {MOST_TURNED:g} or less"))


def _picked(surveys: Sequence[LabelledSurvey]) -> Iterable[PickedLabel]:
    """The labels that were made from picks."""
    return (each.label for each in surveys if isinstance(each.label, PickedLabel))


def _split(
    config: Config,
    pairs: Sequence[LabelledSurvey],
    held: Sequence[LabelledSurvey],
    stride: tuple[int, ...],
    faults: list[Fault],
) -> tuple[Windows, Windows]:
    """Each survey with its training window, and with its validation window; those left out are told as faults."""
    patch, rule = config.record.data.patch, config.record.data.validation
    pairs = [pair for pair in pairs if pair.grid.ndim == len(patch)]
    if not isinstance(rule, BlockConfig):
        faults += _too_small(config, pairs, stride)
        return tuple((pair, pair.covered) for pair in pairs), tuple((pair, pair.covered) for pair in held)
    block = BlockRule(rule.block, rule.gap, rule.axis)
    splits = []
    for pair in pairs:
        try:
            splits.append((pair, hold_out(pair.grid, pair.covered, patch, block, stride)))
        except GeocnnError as error:
            fault = error.faults[0]
            faults.append(config.fault(VALIDATION, f"{pair.image.name}: {fault.found}", fault.expected, fault.do))
    return (
        tuple((pair, split.training) for pair, split in splits),
        tuple((pair, split.validation) for pair, split in splits),
    )


def _too_small(config: Config, pairs: Sequence[LabelledSurvey], stride: tuple[int, ...]) -> list[Fault]:
    """Faults of surveys that are smaller than a patch."""
    patch = config.record.data.patch
    faults = []
    for pair in pairs:
        axes = list(zip(patch, pair.covered.shape, stride, strict=True))
        fitting = [min(p, n) // s * s for p, n, s in axes]
        if any(p > n for p, n, _ in axes):
            faults.append(
                config.fault(
                    PATCH,
                    f"a patch of {list(patch)} is larger than {pair.image.name}, "
                    f"labelled on {list(pair.covered.shape)}",
                    expected="a patch that fits into every training survey",
                    do=f"for example {fitting}" if min(fitting) else "choose a larger survey or a smaller stride",
                )
            )
    return faults


def _check_picks(config: Config, training: Windows, validation: Windows, faults: list[Fault]) -> None:
    """Whether picks make no more classes than there are, and some of them lie where they are scored."""
    classes = config.record.classes
    for label in dict.fromkeys(_picked([labelled for labelled, _ in (*training, *validation)])):
        made = len(label.report.shares) - 1
        if made > len(classes):
            found = f"{label.name} makes {made} classes, {len(classes)} are named ({', '.join(classes)})"
            expected = "a name for each: intervals are one more than horizons"
            faults.append(config.fault(("classes",), found, expected, "name them, or write horizon: surface"))
    picked = all(isinstance(labelled.label, PickedLabel) for labelled, _ in validation)
    if not faults and validation and picked and not any(_is_scored(*each) for each in validation):
        windows = "; ".join(f"{each.image.name}: {window}" for each, window in validation)
        faults.append(
            config.fault(
                VALIDATION,
                f"nobody looked at what is validated on ({windows})",
                expected="picks, or interpreted lines, window or polygon, in it",
                do="choose another block or axis, such as validation: {block: 0.2, axis: inline}",
            )
        )


def _is_scored(labelled: LabelledSurvey, window: Window) -> bool:
    """Whether scores count any sample of a window."""
    slabs = (slab.within(window) for slab in labelled.grid.slabs(AT_ONCE))
    return any(bool((labelled.scored(slab) >= 0).any()) for slab in slabs if slab.size)


def _heads_left_out(config: Config, plan: Plan) -> list[str]:
    """A remark about extra outputs that the loss leaves out."""
    left = [name for name in plan.heads if name not in config.record.training.heads]
    if not left:
        return []
    return [f"not trained: {' and '.join(left)}, extra outputs without a weight in training.heads"]


def _in_windows(plan: Plan) -> list[str]:
    """A remark about networks that no tile can be exact for."""
    if plan.exact:
        return []
    return [
        f"looks at a whole patch at once ({listed(breaking(plan), 2)}): validation and prediction blend overlapping "
        f"windows of {crossed(plan.input[1:])}, at several times the arithmetic; norm: batch or layer would be exact"
    ]


def _remarks(surveys: Sequence[LabelledSurvey]) -> Iterable[str]:
    """What is worth knowing of the surveys; one line for all that share it."""
    names: dict[str, list[str]] = {}
    for labelled in surveys:
        for survey in (labelled.image, labelled.label):
            for remark in survey.remarks:
                names.setdefault(remark, []).append(survey.name)
        for remark in labelled.remarks:
            names.setdefault(remark, []).append(labelled.image.name)
    for remark, found in names.items():
        first, *more = dict.fromkeys(found)
        yield f"{first}{f' and {len(more)} more' if more else ''}: {remark}"
