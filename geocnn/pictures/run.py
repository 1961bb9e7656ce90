"""How a run fares: loss, scores, and what the network makes of a section."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from geocnn.errors import RunError
from geocnn.grid import Axis, Grid
from geocnn.pictures.drawing import COLOURS, HEIGHT, VERMILLION, dress, empty_figure, extent, loudness
from geocnn.survey.survey import FloatArray

__all__ = ["loss_curve", "training_panel"]


def training_panel(image: FloatArray, label: NDArray[np.int8], probability: FloatArray, grid: Grid) -> Figure:
    """A section, its labels and what the network makes of it, side by side.

    Parameters
    ----------
    image
        Normalised samples, shape (X, S).
    label
        Classes, shape (X, S); −1, not interpreted, is hatched.
    probability
        Probability of the last class, shape (X, S).
    grid
        Of the section: its axes are X and S, behind a line of one position if it is cut from a volume.
    """
    across, down = grid.axes[-2:] if grid.ndim > 1 else (Axis("trace", 1, 1, 1), grid.axes[0])
    at = {"extent": extent(across, down), "aspect": "auto"}
    width = HEIGHT * float(np.clip(image.shape[0] / image.shape[1], 0.7, 2.0))
    figure = empty_figure(3 * width + 2.2, HEIGHT + 0.6)
    places = figure.subplots(1, 3, sharex=True, sharey=True)
    limit = loudness([image])
    grey = places[0].imshow(image.T, cmap="gray", vmin=-limit, vmax=limit, **at)
    figure.colorbar(grey, ax=places[0], aspect=30, extend="both")
    _show_classes(places[1], label.T, at)
    likely = places[2].imshow(probability.T, cmap="cividis", vmin=0, vmax=1, **at)
    figure.colorbar(likely, ax=places[2], aspect=30)
    for place, title in zip(places, ("section (normalised)", "label", "probability"), strict=True):
        dress(place, title, across.name, f"{down.name} ({down.unit or 'positions'})" if place is places[0] else "")
    if grid.ndim == 3:
        figure.suptitle(f"{grid.axes[0].name} {grid.axes[0].first:g}", fontsize=10)
    return figure


def _show_classes(place: Axes, label: NDArray[np.int8], at: Mapping[str, Any]) -> None:
    """Classes (rows, columns) in colours of their own, 0 white; hatched where not interpreted."""
    last = max(1, int(label.max()))
    colours = ["#FFFFFF", VERMILLION, *(COLOURS[:1] + COLOURS[2:]) * (1 + last // len(COLOURS))][: last + 1]
    place.set_facecolor("#DDDDDD")
    place.patch.set(hatch="///", edgecolor="#999999")
    known = np.ma.masked_less(label, 0)
    place.imshow(known, cmap=ListedColormap(colours), vmin=-0.5, vmax=last + 0.5, interpolation="none", **at)
    keys = [Patch(facecolor=colour, edgecolor="black", label=str(index)) for index, colour in enumerate(colours)]
    if (label < 0).any():
        keys.append(Patch(facecolor="#DDDDDD", edgecolor="#999999", hatch="///", label="not interpreted"))
    # Below the panel, where it hides no label.
    place.legend(handles=keys, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4)


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
    return {"kind": record["kind"], **{name: float(record[name]) for name in numbers}}


def _draw_loss(place: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """Loss on a logarithmic axis, and the learning rate behind it."""
    step, loss, rate = (np.array([record[name] for record in records]) for name in ("step", "loss", "learning_rate"))
    marker = "o" if len(step) < 30 else ""
    behind = place.twinx()
    behind.plot(step, rate, color="#999999", linewidth=1, linestyle="--", alpha=0.7)
    behind.set_ylabel("learning rate (dashed)", fontsize=9, color="#777777")
    behind.tick_params(colors="#777777", labelsize=9)
    behind.set_ylim(bottom=0)
    place.plot(step, loss, color=COLOURS[0], linewidth=1.2, marker=marker, markersize=3)
    # The grey line is drawn first although its axes were made last.
    place.set_zorder(behind.get_zorder() + 1)
    place.patch.set_visible(False)
    place.set_yscale("log" if (loss > 0).all() else "linear")
    place.grid(alpha=0.3)
    dress(place, "training loss", "step", "loss")


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
    place.legend(fontsize=9)
