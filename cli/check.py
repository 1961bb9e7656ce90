"""``geocnn check``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geocnn.errors import UsageError

from .options import JsonOption

if TYPE_CHECKING:
    from geocnn.config import Config
    from geocnn.grid import Window
    from geocnn.network.spec import Spec
    from geocnn.preflight import Preflight

__all__ = ["check"]

SIZE = 64
"""Least positions on each axis that a bare spec is checked with."""
SHOWN = 8
"""Surveys of each kind that are listed."""


def check(
    target: Annotated[str, typer.Argument(metavar="CONFIG|SPEC|ZOO-NAME", help="What to check.")],
    input: Annotated[
        str | None, typer.Option(help="Input of a bare spec: channels and sizes, such as 1,128,128,128.")
    ] = None,
    outputs: Annotated[int | None, typer.Option(min=1, help="Outputs of a bare spec; 1 if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a config or a layer spec before any sample is read: sizes, parameters, receptive field, cost.

    Example: geocnn check faultseg3d --input 1,128,128,128
    """
    from . import report

    if not _is_config(target):
        data = _check_spec(target, input, outputs, draw=not json)
    elif input is not None or outputs is not None:
        raise UsageError(
            f"{'--input' if input is not None else '--outputs'} with the config {target}",
            expected="--input and --outputs with a bare spec alone",
            do="leave it out: the config's patch and classes decide",
        )
    else:
        data = _check_config(Path(target), draw=not json)
    if json:
        report.print_json(data)


def _is_config(target: str) -> bool:
    """Whether a file is a config rather than a layer spec: it has no list of layers at its top."""
    from geocnn.marked import load_marked
    from geocnn.network.spec import zoo_names

    if target in zoo_names() or (Path(target).suffix not in (".yaml", ".yml") and not Path(target).exists()):
        return False
    data = load_marked(Path(target)).data
    return not isinstance(data, list) and not (isinstance(data, dict) and "layers" in data)


def _check_spec(name: str, input: str | None, outputs: int | None, *, draw: bool) -> dict[str, Any]:
    from geocnn.network.plan import expand
    from geocnn.network.spec import load_spec

    from . import report
    from .layers import draw_plan, plan_json

    spec, marked = load_spec(name)
    outputs = outputs or (spec.published.outputs if spec.published else 1)
    plan = expand(spec, _read_sizes(input) if input is not None else _usual_input(spec, outputs), outputs, marked)
    if draw:
        draw_plan(plan, spec, spec.title or name)
        if spec.source:
            report.say(f"source: {spec.source}")
    return plan_json(plan, spec)


def _read_sizes(text: str) -> tuple[int, ...]:
    """``1,128,128,128`` as numbers."""
    parts = [part.strip() for part in text.split(",")]
    if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdecimal() and int(part[:20]) for part in parts):
        raise UsageError(
            f"--input {text}", expected="channels and one to three sizes", do="write --input 1,128,128,128"
        )
    return tuple(int(part[:20]) for part in parts)


def _usual_input(spec: Spec, outputs: int) -> tuple[int, ...]:
    """That of its publication; else one channel of a shape that fits: axes as its lists have numbers, or three."""
    from geocnn.fitting import total_stride

    if spec.published:
        return spec.published.input
    ndim = max(_lengths([layer.model_dump() for layer in spec.layers]), default=3)
    stride = total_stride(spec, 1, ndim, outputs) or (1,) * ndim
    return (1, *(-(-SIZE // step) * step for step in stride))


def _lengths(written: object) -> set[int]:
    """Lengths of all lists of one number per axis in a spec."""
    if isinstance(written, dict):
        return set().union(*map(_lengths, written.values()))
    if isinstance(written, list | tuple) and written:
        numbers = all(isinstance(item, int) for item in written)
        return {len(written)} if numbers else set().union(*map(_lengths, written))
    return set()


def _check_config(path: Path, *, draw: bool) -> dict[str, Any]:
    from geocnn.config import load_config
    from geocnn.preflight import preflight

    from . import report
    from .layers import draw_plan, plan_json

    config = load_config(path)
    checked = preflight(config)
    if draw:
        report.say(_resolved(config))
        draw_plan(checked.plan, config.spec, config.spec.title or "network")
        _draw_surveys(config, checked)
        for remark in checked.remarks:
            report.warn(remark)
        report.say("The config fits.")
    return {
        "config": _config_json(config),
        **plan_json(checked.plan, config.spec),
        "surveys": _surveys_json(config, checked),
        "multiply_adds_of_a_training_step": _step_cost(config, checked),
        "memory_of_a_training_step": checked.memory,
        "remarks": list(checked.remarks),
    }


def _config_json(config: Config) -> dict[str, Any]:
    """The resolved config; JSON has no NaN, which is written as in YAML."""
    from json import dumps, loads

    data: dict[str, Any] = loads(dumps(config.record.model_dump(mode="json")), parse_constant=lambda _: ".nan")
    return data


def _resolved(config: Config) -> str:
    """The config with its defaults, a line for each of its parts; the layers follow as a table."""
    import yaml

    data = config.record.model_dump(mode="json")
    train = data["data"]["train"]
    hidden = len(train) - SHOWN
    del train[SHOWN:]
    if isinstance(data["network"], dict):
        data["network"] = "the layers below"
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100_000)
    return text.rstrip() + (f"\n# and {hidden} more training surveys" if hidden > 0 else "")


def _draw_surveys(config: Config, checked: Preflight) -> None:
    from . import report

    patch = config.record.data.patch
    kinds = (("training", checked.training), ("validation", checked.validation))
    for name, windows in kinds:
        for labelled, window in windows[:SHOWN]:
            patches = f", {_side_by_side(window, patch):,} patches side by side" if name == "training" else ""
            report.say(f"{name}: {labelled.image.name}, labelled by {labelled.label.name}")
            report.say(f"    {labelled.grid}; positions {window}{patches}")
    hidden = sum(max(0, len(windows) - SHOWN) for _, windows in kinds)
    if hidden:
        report.say(f"… and {hidden} more")
    total = sum(_side_by_side(window, patch) for _, window in checked.training)
    report.say(f"{total:,} patches fit side by side; training draws them at any position of the training windows")
    report.say(
        f"a step: {config.record.training.batch} patches, {report.short(_step_cost(config, checked))} multiply-adds, "
        f"about {report.volume(checked.memory)} of memory"
    )


def _step_cost(config: Config, checked: Preflight) -> int:
    """Multiply-adds of a training step: the backward pass costs twice the forward one."""
    return 3 * checked.plan.multiply_adds * config.record.training.batch


def _side_by_side(window: Window, patch: tuple[int, ...]) -> int:
    """Patches that fit into a window without overlap."""
    from math import prod

    return prod(n // p for n, p in zip(window.shape, patch, strict=True))


def _surveys_json(config: Config, checked: Preflight) -> list[dict[str, Any]]:
    return [
        {
            "for": name,
            "image": labelled.image.name,
            "label": labelled.label.name,
            "grid": [vars(axis) for axis in labelled.grid.axes],
            "window": [window.start, window.stop],
            "patches_side_by_side": _side_by_side(window, config.record.data.patch),
        }
        for name, windows in (("training", checked.training), ("validation", checked.validation))
        for labelled, window in windows
    ]
