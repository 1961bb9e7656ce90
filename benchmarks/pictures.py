"""The pictures of docs/synthetics.md and docs/augmentation.md.

    python -m benchmarks.pictures [FOLDER]

Each ingredient of a synthetic world is shown by the section or slice, among some worlds, that changes most without it;
each augmentation by a section of a world before and after it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from geocnn.augment import Augmentation
from geocnn.augment.sampling import Sampling
from geocnn.synthetic.wide import INGREDIENTS, WideRecipe
from geocnn.synthetic.worlds import WorldCube, draw_world, make_world

mpl.use("Agg")

WIDE = WideRecipe()
VOLUME = (32, 144, 128)
WORLDS = 10
"""Worlds among which the clearest is looked for."""

SLICED = {"curvature": 1, "sets": 1, "polygonal": 1, "footprint": 0, "channels": 0}
"""Ingredients that are shown on a time slice, and whether faults are to be seen on it."""

FAULTS = ("growth", "listric", "tips", "drag", "salt", "migration")
"""Ingredients that are shown where faults are seen."""

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

Panel = tuple[NDArray[Any], NDArray[Any]]
"""A section or slice and its label, as they are drawn."""

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


def _with_and_without(name: str) -> list[Panel]:
    """The panel that differs most from itself without an ingredient, among some worlds, and itself without it."""
    shape = (112, 144, 48) if name in SLICED else VOLUME
    recipes = (WIDE, WideRecipe(without=(name,)))
    pairs = [[_panel(make_world(draw_world(9, n, shape, recipe)), name) for recipe in recipes] for n in range(WORLDS)]
    return max(pairs, key=lambda pair: _difference(pair, seen=name in FAULTS or bool(SLICED.get(name))))


def _panel(world: WorldCube, name: str) -> Panel:
    """The middle inline, or the middle time slice."""
    index = (..., world.image.shape[2] // 2) if name in SLICED else (world.image.shape[0] // 2,)
    image, label = (each[index].numpy() for each in (world.image, world.fault))
    return (image, label) if name in SLICED else (image.T, label.T)


def _difference(pair: list[Panel], *, seen: bool) -> float:
    """How much two panels differ; little if there are no faults where they are to be seen."""
    (first, label), (second, _) = pair
    difference = float(np.abs(first - second).mean())
    return difference * (0.02 + min(float((label == 1).mean()), 0.03)) if seen else difference


def _sheet(rows: list[tuple[str, Panel, Panel]], path: Path) -> None:
    """Ingredients in two columns, each with and without."""
    figure = Figure(figsize=(11, 2.1 * len(rows) / 2 + 0.3), layout="constrained")
    axes = figure.subplots(len(rows) // 2, 4, squeeze=False)
    for number, (name, *panels) in enumerate(rows):
        for side, panel in enumerate(panels):
            _draw(axes[number // 2, number % 2 * 2 + side], panel, f"{'without ' if side else ''}{name}")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Few colours suffice: a third of the bytes."""
    figure.savefig(path, dpi=80)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(96)
    small.save(path, optimize=True)


def _worlds(path: Path) -> None:
    """A few worlds, faults in red, those too small to be seen in blue."""
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    for number, ax in enumerate(figure.subplots(3, 4).flat):
        _draw(ax, _panel(make_world(draw_world(4, number, VOLUME, WIDE)), ""), "")
    _save(figure, path)


def _draw(ax: Any, panel: Panel, title: str) -> None:
    image, label = panel
    ax.imshow(image, **GREY)
    for value, colour in ((1, "Reds"), (-1, "Blues")):
        ax.imshow(np.where(label == value, 0.8, np.nan), cmap=colour, vmin=0, vmax=1, aspect="auto", alpha=0.6)
    ax.set_title(title, fontsize=8, pad=2)
    ax.set_axis_off()


def _augmented(path: Path) -> None:
    """A section, and what each augmentation makes of it."""
    world = make_world(draw_world(4, 6, VOLUME, WIDE))
    other, _ = _panel(make_world(draw_world(4, 2, VOLUME, WIDE)), "")
    image, label = (np.ascontiguousarray(each.T) for each in _panel(world, ""))
    image, other = image[None], np.ascontiguousarray(other.T)[None]
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
    _save(figure, path)


if __name__ == "__main__":
    main()
