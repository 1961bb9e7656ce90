"""A config on the screen: with its defaults, its surveys, what is held out, and what a step costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geocnn.config import Config
    from geocnn.grid import Window
    from geocnn.preflight import Preflight

__all__ = ["config_json", "resolved", "survey_lines"]

SHOWN = 8
"""Surveys of each kind that are listed."""


def config_json(config: Config, checked: Preflight) -> dict[str, Any]:
    """The resolved config, the surveys and the cost of a step, for programs."""
    return {
        "config": _record_json(config),
        "surveys": _surveys_json(config, checked),
        "multiply_adds_of_a_training_step": _step_cost(config, checked),
        "memory_of_a_training_step": checked.memory,
        "remarks": list(checked.remarks),
    }


def _record_json(config: Config) -> dict[str, Any]:
    """The resolved config; JSON has no NaN, which is written as in YAML."""
    from json import dumps, loads

    data: dict[str, Any] = loads(dumps(config.record.model_dump(mode="json")), parse_constant=lambda _: ".nan")
    return data


def resolved(config: Config) -> str:
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


def survey_lines(config: Config, checked: Preflight) -> Iterator[str]:
    """Surveys with their windows, and what a step costs."""
    from . import report

    patch = config.record.data.patch
    kinds = (("training", checked.training), ("validation", checked.validation))
    for name, windows in kinds:
        for labelled, window in windows[:SHOWN]:
            patches = f", {_side_by_side(window, patch):,} patches side by side" if name == "training" else ""
            yield f"{name}: {labelled.image.name}, labelled by {labelled.label.name}"
            yield f"    {labelled.grid}; positions {window}{patches}"
    for entry in checked.synthetic:
        yield f"training: synthetic worlds, recipe {entry.synthetic.recipe}, weight {entry.weight:g}, one a patch"
    hidden = sum(max(0, len(windows) - SHOWN) for _, windows in kinds)
    if hidden:
        yield f"… and {hidden} more"
    total = sum(_side_by_side(window, patch) for _, window in checked.training)
    yield f"{total:,} patches fit side by side; training draws them at any position of the training windows"
    yield (
        f"a step: {_patches(config.record.training.batch)}, {report.short(_step_cost(config, checked))} multiply-adds, "
        f"about {report.volume(checked.memory)} of memory"
    )


def _patches(count: int) -> str:
    return "1 patch" if count == 1 else f"{count:,} patches"


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
