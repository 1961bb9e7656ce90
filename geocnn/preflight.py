"""Config, survey headers and plan together: does it fit, and what will it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from geocnn.config import BlockConfig, Config, PairConfig, SurveysConfig
from geocnn.errors import ConfigError, Fault, GeocnnError
from geocnn.grid import Window
from geocnn.marked import KeyPath
from geocnn.network.plan import Plan, expand
from geocnn.split import BlockRule, hold_out
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.opening import open_survey

__all__ = ["Preflight", "preflight"]

PATCH: KeyPath = ("data", "patch")


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
        Estimate of the bytes that one training step takes: activations forward and backward, and for each parameter
        its value, gradient and two moments.
    remarks
        What the user must know about the surveys and did not ask.
    """

    plan: Plan
    training: tuple[tuple[LabelledSurvey, Window], ...]
    validation: tuple[tuple[LabelledSurvey, Window], ...]
    memory: int
    remarks: tuple[str, ...]


def preflight(config: Config) -> Preflight:
    """Open the headers of all surveys and see whether they, the patch and the network fit together.

    Raises
    ------
    ConfigError
        With everything that does not.
    """
    faults: list[Fault] = []
    pairs, held = _opened(config, faults)
    channels = pairs[0].image.channels if pairs else len(config.record.data.train[0].images)
    plan = _plan(config, channels, faults)
    for labelled in (*pairs, *held):
        _check_survey(config, labelled, pairs[0], faults)
    if faults or plan is None:
        raise ConfigError(faults)
    training, validation = _split(config, pairs, held, plan.stride)
    batch = config.record.training.batch
    remarks = [f"{labelled.image.name}: {remark}" for labelled in (*pairs, *held) for remark in labelled.remarks]
    return Preflight(
        plan, training, validation, 3 * plan.activation_bytes * batch + 16 * plan.parameters, tuple(remarks)
    )


def _opened(config: Config, faults: list[Fault]) -> tuple[list[LabelledSurvey], list[LabelledSurvey]]:
    """Training pairs and the pairs held out for validation, as far as they can be opened."""
    data = config.record.data
    train = list(data.train)
    rule = data.validation
    surveys = rule.surveys if isinstance(rule, SurveysConfig) else ()
    if isinstance(surveys, tuple):
        held = list(surveys)
    else:
        if surveys >= len(train):
            faults.append(
                config.fault(
                    ("data", "validation", "surveys"),
                    f"{surveys} of {len(train)} training surveys held out",
                    expected="at least one left for training",
                    do="hold out fewer, or a block of each: validation: {block: 0.2}",
                )
            )
            return [], []
        train, held = train[:-surveys], train[-surveys:]
    return _open_all(config, train, faults), _open_all(config, held, faults)


def _open_all(config: Config, pairs: Sequence[PairConfig], faults: list[Fault]) -> list[LabelledSurvey]:
    opened = []
    for pair in pairs:
        try:
            image, label = (open_survey(name, pair.options) for name in (pair.images, pair.label))
            opened.append(LabelledSurvey(image, label, len(config.record.classes)))
        except GeocnnError as error:
            at = config.fault(("data",), "")
            faults.extend(
                fault if fault.file else replace(fault, file=at.file, line=at.line, key=at.key)
                for fault in error.faults
            )
    return opened


def _plan(config: Config, channels: int, faults: list[Fault]) -> Plan | None:
    """The plan for one patch, if the network can do the task on it."""
    patch = config.record.data.patch
    try:
        plan = expand(config.spec, (channels, *patch), config.outputs, *config.network_at)
    except ConfigError as error:
        faults.extend(error.faults)
        return None
    if plan.breaks:
        places = ", ".join(f"{node.kind} at {node.place}" for node in plan.breaks)
        faults.append(
            config.fault(
                ("network",),
                f"a network that looks at a whole patch at once ({places}) gives no value for each sample",
                expected="convolutions, pooling and upsampling alone for segmentation",
                do="replace the dense head by {conv: outputs, kernel: 1}",
            )
        )
    elif any(p % s for p, s in zip(patch, plan.stride, strict=True)):
        fitting = [max(s, round(p / s) * s) for p, s in zip(patch, plan.stride, strict=True)]
        faults.append(
            config.fault(
                PATCH,
                f"patch {list(patch)}",
                expected=f"a multiple of the network's total stride {list(plan.stride)} on each axis",
                do=f"for example {fitting}",
            )
        )
    elif plan.output.shape != patch:
        shrinking = next(node for node in plan.nodes if node.id and _misses(plan, node.id))
        faults.append(
            config.fault(
                ("network",),
                f"the network makes {list(plan.output.shape)} of a patch of {list(patch)}; "
                f"{shrinking.place} is the first layer that loses samples",
                expected="an output for each sample of its input",
                do="use padding: same, and as much upsampling as there is stride",
            )
        )
    return plan


def _misses(plan: Plan, index: int) -> bool:
    """Whether a node has not as many samples as its stride promises."""
    node = plan.nodes[index]
    return any(n * s != p for n, s, p in zip(node.shape, node.stride, plan.input[1:], strict=True))


def _check_survey(config: Config, labelled: LabelledSurvey, first: LabelledSurvey, faults: list[Fault]) -> None:
    """Whether a survey has the patch's dimension, and the axes and channels of the first one."""
    image, patch = labelled.image, config.record.data.patch
    if image.grid.ndim != len(patch):
        faults.append(
            config.fault(
                PATCH,
                f"a patch of {len(patch)} axes for {image.name}, which has {image.grid.ndim} ({image.grid})",
                expected="one size for each axis of the survey",
                do="change the patch, or name another survey",
            )
        )
        return
    mine, others = ([axis.name for axis in each.grid.axes] for each in (image, first.image))
    if (image.channels, mine) != (first.image.channels, others):
        faults.append(
            config.fault(
                ("data",),
                f"{image.name} has {image.channels} channel(s) on {', '.join(mine)}; "
                f"{first.image.name} has {first.image.channels} on {', '.join(others)}",
                expected="the same channels and axes in all surveys",
                do="stack the same attributes, in the same order, for each survey",
            )
        )


def _split(
    config: Config, pairs: Sequence[LabelledSurvey], held: Sequence[LabelledSurvey], stride: tuple[int, ...]
) -> tuple[tuple[tuple[LabelledSurvey, Window], ...], tuple[tuple[LabelledSurvey, Window], ...]]:
    """Each survey with its training window, and with its validation window."""
    patch, rule = config.record.data.patch, config.record.data.validation
    if not isinstance(rule, BlockConfig):
        _check_room(config, pairs)
        return tuple((pair, pair.covered) for pair in pairs), tuple((pair, pair.covered) for pair in held)
    block = BlockRule(rule.block, rule.gap, rule.axis)
    splits, faults = [], []
    for pair in pairs:
        try:
            splits.append(hold_out(pair.grid, pair.covered, patch, block, stride))
        except GeocnnError as error:
            fault = error.faults[0]
            found = f"{pair.image.name}: {fault.found}"
            faults.append(config.fault(("data", "validation"), found, fault.expected, fault.do))
    if faults:
        raise ConfigError(faults)
    return (
        tuple((pair, split.training) for pair, split in zip(pairs, splits, strict=True)),
        tuple((pair, split.validation) for pair, split in zip(pairs, splits, strict=True)),
    )


def _check_room(config: Config, pairs: Sequence[LabelledSurvey]) -> None:
    """Refuse surveys that are smaller than a patch."""
    patch = config.record.data.patch
    small = [pair for pair in pairs if any(n < p for n, p in zip(pair.covered.shape, patch, strict=True))]
    if small:
        raise ConfigError(
            config.fault(
                PATCH,
                f"a patch of {list(patch)} is larger than {pair.image.name}, labelled on {list(pair.covered.shape)}",
                expected="a patch that fits into every training survey",
                do=f"for example {[min(n, p) for n, p in zip(pair.covered.shape, patch, strict=True)]}",
            )
            for pair in small
        )
