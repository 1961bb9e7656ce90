"""The pictures of docs/synthetics.md and docs/augmentation.md.

    python -m benchmarks.pictures [FOLDER]

Each ingredient of a synthetic world is shown by the section, among some worlds, that changes most without it; each
augmentation by a section of a world before and after it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from geocnn.augment import Augmentation
from geocnn.augment.sampling import Sampling
from geocnn.synthetic.wide import INGREDIENTS, WideRecipe
from geocnn.synthetic.worlds import WorldCube, draw_world, make_world

mpl.use("Agg")

WIDE = WideRecipe()
SECTION = (1, 144, 128)
WORLDS = 16
"""Worlds among which the clearest is looked for."""

AUGMENTATIONS: dict[str, Any] = {
    "stretch": 0.4,
    "lateral_stretch": 0.4,
    "warp": 6.0,
    "polarity": True,
    "phase": 180.0,
    "bandpass": 1.0,
    "shaping": 18.0,
    "mix": 1.0,
    "agc": 1.0,
    "gain": 1.0,
    "footprint": 0.8,
    "noise": 0.8,
    "band_noise": 1.2,
    "coherent_noise": 1.2,
    "noisy_traces": 0.3,
    "dead_traces": 0.3,
}
"""Strengths that are seen at once; sensible ones are smaller."""

GREY = {"cmap": "gray", "vmin": -2.5, "vmax": 2.5, "aspect": "auto", "interpolation": "bilinear"}


def main() -> None:
    """Draw all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    names = list(INGREDIENTS)
    for number, some in enumerate((names[:6], names[6:12], names[12:18], names[18:]), 1):
        _sheet([(name, *_with_and_without(name)) for name in some], folder / f"synthetics-{number}.png")
    _worlds(folder / "synthetics.png")
    _augmented(folder / "augmentation.png")


def _with_and_without(name: str) -> tuple[WorldCube, WorldCube]:
    """The world that differs most from itself without an ingredient, and itself without it."""
    less = WideRecipe(without=(name,))
    pairs = [tuple(make_world(draw_world(9, n, SECTION, recipe)) for recipe in (WIDE, less)) for n in range(WORLDS)]
    first, second = max(pairs, key=lambda pair: float((pair[0].image - pair[1].image).abs().mean()))
    return first, second


def _sheet(rows: list[tuple[str, WorldCube, WorldCube]], path: Path) -> None:
    """Ingredients in two columns, each with and without."""
    figure = Figure(figsize=(11, 2.1 * len(rows) / 2 + 0.3), layout="constrained")
    axes = figure.subplots(len(rows) // 2, 4, squeeze=False)
    for number, (name, *worlds) in enumerate(rows):
        for side, world in enumerate(worlds):
            _draw(axes[number // 2, number % 2 * 2 + side], world, f"{'without ' if side else ''}{name}")
    figure.savefig(path, dpi=80)


def _worlds(path: Path) -> None:
    """A few worlds, faults in red, those too small to be seen in blue."""
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    for number, ax in enumerate(figure.subplots(3, 4).flat):
        _draw(ax, make_world(draw_world(4, number, SECTION, WIDE)), "")
    figure.savefig(path, dpi=80)


def _draw(ax: Any, world: WorldCube, title: str) -> None:
    ax.imshow(world.image[0].T.numpy(), **GREY)
    label = world.fault[0].T.numpy()
    for value, colour in ((1, "Reds"), (-1, "Blues")):
        ax.imshow(np.where(label == value, 0.8, np.nan), cmap=colour, vmin=0, vmax=1, aspect="auto", alpha=0.6)
    ax.set_title(title, fontsize=8, pad=2)
    ax.set_axis_off()


def _augmented(path: Path) -> None:
    """A section, and what each augmentation makes of it."""
    world = make_world(draw_world(4, 5, SECTION, WIDE))
    other = make_world(draw_world(4, 2, SECTION, WIDE)).image.numpy()
    image, label = world.image.numpy(), world.fault[0].numpy()
    frame = world.world.frame
    sampling = Sampling(frame.bins[1:], frame.interval, "ms")
    made: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {"as it was": (image, label)}
    for name, strength in AUGMENTATIONS.items():
        made[name] = max(
            (
                Augmentation(**{name: strength})(np.random.default_rng(k), image, label, sampling, lambda: other)
                for k in range(6)
            ),
            key=lambda each: float(np.abs(each[0] - image).mean()),
        )
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    panels = list(figure.subplots(5, 4).flat)
    for ax, (name, (changed, moved)) in zip(panels, made.items(), strict=False):
        ax.imshow(changed[0].T, **GREY)
        ax.imshow(np.where(moved.T == 1, 0.8, np.nan), cmap="Reds", vmin=0, vmax=1, aspect="auto", alpha=0.6)
        ax.set_title(name, fontsize=8, pad=2)
    for ax in panels:
        ax.set_axis_off()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
