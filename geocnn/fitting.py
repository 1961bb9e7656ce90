"""Whether a network and a patch fit each other and the task."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import prod

from geocnn.config import Config
from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, Marked
from geocnn.network.node import ActivationAttributes, NormAttributes, step_name
from geocnn.network.origin import Origin
from geocnn.network.plan import Node, Plan, expand
from geocnn.network.spec import Spec
from geocnn.network.wording import breaking
from geocnn.records import crossed, key_path, listed
from geocnn.settings import PairConfig
from geocnn.survey.labelled import LabelledSurvey

__all__ = ["plan_alone", "plan_patch", "total_stride"]

PATCH: KeyPath = ("data", "patch")

USUAL_SIZE = 64
"""Least positions on each axis where nothing says how many."""

ROUND_SIZE = 2**12 * 3**3 * 5 * 7
"""A size that the total stride of any reasonable network divides."""


def plan_patch(config: Config, surveys: Sequence[LabelledSurvey], faults: list[Fault]) -> Plan | None:
    """The plan for one patch, or None and the faults of a network or a patch that cannot be planned.

    A plan whose output is not what the task needs is returned and told as a fault.
    """
    patch = config.record.data.patch
    first = config.record.data.train[0]
    written = len(first.images) if isinstance(first, PairConfig) else 1
    channels = surveys[0].image.channels if surveys else written
    stride = total_stride(config.spec, channels, len(patch), config.outputs)
    try:
        plan = expand(config.spec, (channels, *patch), config.outputs, *config.network_at)
    except ConfigError as error:
        plan, found = None, error.faults
    if (plan is None or plan.output.shape != patch) and stride is not None and _off(patch, stride):
        rooms = [each.covered.shape for each in surveys if each.grid.ndim == len(patch)]
        faults.append(
            config.fault(
                PATCH,
                f"patch {list(patch)}",
                expected=f"a multiple of the network's total stride {list(stride)} on each axis",
                do=_multiples(patch, stride, rooms),
            )
        )
        return None
    if plan is None:
        faults.extend(found)
        return None
    if plan.breaks and not plan.output.shape:
        faults.append(_whole(config, plan))
    elif plan.output.shape != patch or any(step != 1 for step in plan.output.stride):
        faults.append(_resized(config, plan))
    faults.extend((*_lone(config, plan), *_no_logits(config, plan), *_strangers(config, plan)))
    return plan


def total_stride(spec: Spec, channels: int, ndim: int, outputs: int) -> tuple[int, ...] | None:
    """Total stride of a network along each axis; None if it fits no input at all."""
    try:
        return expand(spec, (channels, *(ROUND_SIZE,) * ndim), outputs).stride
    except ConfigError:
        return None


def _off(patch: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether a patch is no multiple of the stride on some axis."""
    return any(p % s for p, s in zip(patch, stride, strict=True))


def plan_alone(
    spec: Spec, marked: Marked | None = None, input: tuple[int, ...] | None = None, outputs: int = 0
) -> Plan:
    """The plan of a spec without data.

    Parameters
    ----------
    spec, marked
        What is written, and where.
    input
        (C, \\*shape); left out: that of its publication, else one channel and 64 positions, or the next multiple of its
        stride, along as many axes as its lists have numbers, or three.
    outputs
        0 means those of its publication, else 1.

    Raises
    ------
    ConfigError
        With every fault of the spec.
    """
    outputs = outputs or (spec.published.outputs if spec.published else 1)
    if input is None and spec.published:
        input = spec.published.input
    if input is None:
        ndim = max(_lengths([layer.model_dump() for layer in spec.layers]), default=3)
        stride = total_stride(spec, 1, ndim, outputs) or (1,) * ndim
        input = (1, *(-(-USUAL_SIZE // step) * step for step in stride))
    return expand(spec, input, outputs, marked)


def _lengths(written: object) -> set[int]:
    """Lengths of all lists of one number per axis in a spec."""
    if isinstance(written, dict):
        return set().union(*map(_lengths, written.values()))
    if isinstance(written, list | tuple) and written:
        numbers = all(isinstance(item, int) for item in written)
        return {len(written)} if numbers else set().union(*map(_lengths, written))
    return set()


def _multiples(patch: tuple[int, ...], stride: tuple[int, ...], rooms: Sequence[tuple[int, ...]]) -> str:
    """The multiples of the stride next to a patch that fit into the surveys, in words."""
    below = [p // s * s for p, s in zip(patch, stride, strict=True)]
    above = [-(-p // s) * s for p, s in zip(patch, stride, strict=True)]
    fitting = [
        each
        for each in (below, above)
        if min(each) > 0 and all(n <= size for room in rooms for n, size in zip(each, room, strict=True))
    ]
    if not fitting:
        return "no multiple fits into every survey: use a network with a smaller total stride"
    return f"write {' or '.join(map(str, fitting))}"


def _whole(config: Config, plan: Plan) -> Fault:
    """The fault of a network that gives one value for a whole patch."""
    found = (
        f"a network that looks at a whole patch at once ({', '.join(breaking(plan))}) gives no value for each sample"
    )
    expected = f"convolutions, pooling and upsampling alone for {config.record.task}"
    return _at(config, plan.breaks[0], found, expected, "replace the dense head by {conv: outputs, kernel: 1}")


def _resized(config: Config, plan: Plan) -> Fault:
    """The fault of a network whose output is not on the samples of its input."""
    expected = "an output for each sample of the input"
    for node in plan.nodes[1:]:
        if any(n * s != p for n, s, p in zip(node.shape, node.stride, plan.input[1:], strict=True)):
            before = plan.nodes[node.inputs[0]].shape
            found = (
                f"the network makes {crossed(plan.output.shape)} of a patch of {crossed(plan.input[1:])}; {node.place} "
                f"({node.kind}) is the first layer that does not keep its samples: {crossed(before)} to "
                f"{crossed(node.shape)}"
            )
            return _at(config, node, found, expected, "write padding: same in this layer")
    steps = plan.output.stride
    found = (
        f"the network makes {crossed(plan.output.shape)} of a patch of {crossed(plan.input[1:])}: it ends with one "
        f"output in {crossed(steps)} samples"
    )
    return _at(
        config, plan.output, found, expected, "upsample as much as the sizes are reduced, {upsample: 2} for each 2"
    )


def _lone(config: Config, plan: Plan) -> list[Fault]:
    """The fault of a batch norm that gets one value of each channel, which has no spread to divide by."""
    if config.record.training.batch > 1:
        return []
    lone = [
        node
        for node in plan.trunk
        if isinstance(node.attributes, NormAttributes) and node.attributes.method == "batch" and prod(node.shape) == 1
    ]
    if not lone:
        return []
    found = "a batch norm of one value: a batch of 1, and one sample left of the patch"
    do = "write training.batch: 2, a larger patch, or norm: layer"
    return [_at(config, lone[0], found, "several values of each channel", do)]


def _no_logits(config: Config, plan: Plan) -> list[Fault]:
    """The fault of a last layer with an activation: losses and thresholds would take its values for logits."""
    last = plan.output
    if not isinstance(last.attributes, ActivationAttributes):
        return []
    found = f"the last layer ends in {last.attributes.function}"
    expected = f"logits, any numbers: {config.record.task} adds the sigmoid or softmax itself"
    return [_at(config, last, found, expected, "leave its activation out: {conv: outputs, kernel: 1}")]


def _strangers(config: Config, plan: Plan) -> list[Fault]:
    """The faults of names in the recipe that are those of no layer with weights, or of no head."""
    recipe = config.record.training
    layers = [step_name(node) for node in plan.nodes[1:] if node.parameters]
    expected = f"names or patterns of layers: {listed(layers, 3)}"
    faults = [
        config.fault(("training", key), f"no layer with weights is called {name}", expected, "see geocnn check --json")
        for key in ("freeze", "learning_rate_factors")
        for name in getattr(recipe, key)
        if not any(fnmatchcase(layer, name) for layer in layers)
    ]
    if not faults and layers and all(_is_frozen(config, layer) for layer in layers):
        faults.append(config.fault(("training", "freeze"), "all layers are frozen", "one that learns", "freeze fewer"))
    heads = f"heads of the network: {', '.join(plan.heads) or 'it has none'}"
    return faults + [
        config.fault(("training", "heads"), f"no head is called {name}", heads, "write head: NAME in a layer")
        for name in recipe.heads
        if name not in plan.heads
    ]


def _is_frozen(config: Config, layer: str) -> bool:
    return any(fnmatchcase(layer, name) for name in config.record.training.freeze)


def _at(config: Config, node: Node, found: str, expected: str, do: str) -> Fault:
    """A fault of a layer, where it is written."""
    return Origin(*config.network_at).fault(key_path(node.place), found, expected, do)
