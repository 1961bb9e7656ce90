"""How a run fares: loss and scores by step, and losses by learning rate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from geocnn.errors import RunError
from geocnn.pictures.drawing import COLOURS, HEIGHT, VERMILLION, dress, empty_figure

__all__ = ["loss_curve", "range_curve"]


SCORES = {
    "average_precision": "average precision",
    "f1": "F1",
    "mean_iou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
}
"""Scores of a validation that are drawn, by their names in ``metrics.jsonl``."""


def loss_curve(metrics: Path) -> Figure:
    """Loss and learning rate on the left, validation scores on the right, against the step.

    Parameters
    ----------
    metrics
        ``metrics.jsonl`` of a run. A last line that was cut off is left out.

    Raises
    ------
    RunError
        If the file is missing or damaged, or no step is logged yet.
    """
    records = list(_records(metrics))
    steps = [record for record in records if record["kind"] == "train"]
    if not steps:
        raise RunError(
            f"{metrics} holds no training step", expected="a run that has begun", do="wait for its first step"
        )
    figure = empty_figure(11, HEIGHT)
    left, right = figure.subplots(1, 2)
    figure.suptitle(str(metrics.parent), fontsize=10, parse_math=False)
    _draw_loss(left, steps)
    _draw_scores(right, [record for record in records if record["kind"] == "validation"])
    right.set_xlim(left.get_xlim())
    return figure


def _records(metrics: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of metrics."""
    try:
        lines = metrics.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise RunError(
            f"{metrics} cannot be read: {why}", expected="the metrics of a run", do="name the folder of a run"
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            yield _record(line)
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise RunError(
                    f"{metrics}:{number} is damaged: {line[:60]!r}",
                    expected='a line such as {"kind": "train", "step": 10, "loss": 0.5, "learning_rate": 0.001}',
                    do="restore or remove the line",
                ) from error


def _record(line: str) -> dict[str, Any]:
    """A line of metrics, with the numbers that are drawn."""
    record = json.loads(line)
    numbers = ("step", "loss", "learning_rate") if record["kind"] == "train" else ("step", *SCORES.keys() & record)
    kept = bool(record.get("kept", False))
    return {"kind": record["kind"], "kept": kept, **{name: float(record[name]) for name in numbers}}


def _draw_loss(place: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """Loss on a logarithmic axis, and the learning rate behind it."""
    step, loss, rate = (np.array([record[name] for record in records]) for name in ("step", "loss", "learning_rate"))
    marker = "o" if len(step) < 30 else ""
    behind = place.twinx()
    behind.plot(step, rate, color="#999999", linewidth=1, linestyle="--", alpha=0.7)
    behind.set_ylabel("learning rate (dashed)", fontsize=9, color="#777777")
    behind.tick_params(colors="#777777", labelsize=9)
    behind.set_ylim(bottom=0)
    # Steps that fp16 skipped have a loss that is no number; a mean over one would be none from there on.
    step, loss = step[np.isfinite(loss)], loss[np.isfinite(loss)]
    place.plot(step, loss, color=COLOURS[0], linewidth=0.8, marker=marker, markersize=3, alpha=0.45)
    place.plot(step, _smoothed(loss), color=COLOURS[0], linewidth=1.6)
    # The grey line is drawn first although its axes were made last.
    place.set_zorder(behind.get_zorder() + 1)
    place.patch.set_visible(False)
    if len(loss) and loss.min() > 0:
        place.set_yscale("log")
        place.yaxis.set_major_formatter("{x:g}")
        # Within a decade there are too few powers of ten to read a loss by.
        place.yaxis.set_minor_formatter("{x:g}" if loss.max() < 10 * loss.min() else NullFormatter())
    place.grid(alpha=0.3)
    dress(place, "training loss", "step", "loss")


def _smoothed(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of a loss over a tenth of what there is of it, half before and half behind."""
    smooth: NDArray[np.float64] = uniform_filter1d(loss, max(1, len(loss) // 10), mode="nearest")
    return smooth


def _draw_scores(place: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """Every score that the validations have."""
    place.set_ylim(0, 1)
    place.grid(alpha=0.3)
    dress(place, "validation", "step", "score")
    if not records:
        place.text(0.5, 0.5, "no validation yet", transform=place.transAxes, ha="center", color="#777777")
        return
    for colour, (name, label) in zip(COLOURS, SCORES.items(), strict=False):
        found = [(record["step"], record[name]) for record in records if name in record]
        if found:
            place.plot(*zip(*found, strict=True), color=colour, marker="o", markersize=4, linewidth=1.2, label=label)
    kept = [record["step"] for record in records if record["kept"]]
    if kept:
        place.axvline(kept[-1], color="#777777", linewidth=1, linestyle=":", label="the model that is kept")
    place.legend(fontsize=9)


def range_curve(rates: Sequence[float], losses: Sequence[float], suggestion: float) -> Figure:
    """Smoothed loss against the learning rate, and the rate to train with.

    Parameters
    ----------
    rates, losses
        Of each step of a learning-rate range test.
    suggestion
        The rate to train with.
    """
    figure = empty_figure(6, HEIGHT)
    place = figure.subplots()
    place.plot(rates, losses, color=COLOURS[0], linewidth=1.6)
    place.axvline(suggestion, color=VERMILLION, linestyle="--", linewidth=1, label=f"train with {suggestion:.1g}")
    place.set_xscale("log")
    place.grid(alpha=0.3)
    place.legend(fontsize=9)
    dress(place, "learning-rate range test", "learning rate", "smoothed loss")
    return figure
