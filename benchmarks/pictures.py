"""The pictures of docs/synthetics.md and docs/augmentation.md.

    python -m benchmarks.pictures [FOLDER]

Each ingredient of a synthetic world is shown by the section or slice, among some worlds, that changes most without it;
each augmentation by a section of a world before and after it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter, uniform_filter

from geocnn.augment import Augmentation
from geocnn.augment.sampling import Sampling
from geocnn.synthetic.wide import INGREDIENTS, WideRecipe
from geocnn.synthetic.worlds import World, WorldCube, draw_world, make_world

mpl.use("Agg")

WIDE = WideRecipe()
VOLUME = (32, 144, 128)
WORLDS = 16
"""Worlds among which the clearest is looked for."""

RARE = {"wipeouts": 64, "listric": 64}
"""Ingredients that few sections show: the clearest is looked for among more."""

NOISE = tuple(INGREDIENTS)[tuple(INGREDIENTS).index("noise") :]
"""Ingredients that are left out of the pictures of the others: these are seen the better."""

SLICED = {"curvature": 1, "sets": 1, "polygonal": 1, "footprint": 0, "channels": 0}
"""Ingredients that are shown on a time slice, and whether faults are to be seen on it."""

FAULTS = ("growth", "listric", "tips", "drag", "salt", "migration")
"""Ingredients that are shown where faults are seen."""

AUGMENTATIONS: dict[str, Any] = {
    "flip": True,
    "rotate": True,
    "stretch": 0.8,
    "lateral_stretch": 0.4,
    "warp": 6.0,
    "polarity": True,
    "phase": 90.0,
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
    clean = tuple(each for each in NOISE if each != name)
    recipes = (WideRecipe(without=clean), WideRecipe(without=(*clean, name)))
    worlds = range(RARE.get(name, WORLDS))
    pairs = [[_panel(make_world(draw_world(9, n, shape, recipe)), name) for recipe in recipes] for n in worlds]
    if name == "polygonal":
        return max(pairs, key=lambda pair: (pair[0][1] == 1).sum() - (pair[1][1] == 1).sum())
    return max(pairs, key=lambda pair: _difference(pair, seen=name in FAULTS or bool(SLICED.get(name))))


def _panel(world: WorldCube, name: str) -> Panel:
    """The middle inline, or the middle time slice."""
    index = (..., world.image.shape[2] // 2) if name in SLICED else (world.image.shape[0] // 2,)
    image, label = (each[index].numpy() for each in (world.image, world.fault))
    return (image, label) if name in SLICED else (image.T, label.T)


def _difference(pair: list[Panel], *, seen: bool) -> float:
    """How much two panels differ where they do most; near faults, if these are to be seen."""
    (first, label), (second, _) = pair
    difference = np.abs(first - second)
    if not seen:
        return float(uniform_filter(difference, 32).max())
    beside = maximum_filter(label == 1, 15) & (label != 1)
    share = float((label == 1).mean())
    # Faults along the section are patches on it, and show nothing.
    return float(difference[beside].mean()) * min(share, 0.03) if beside.any() and share < 0.06 else 0.0


def _sheet(rows: list[tuple[str, Panel, Panel]], path: Path) -> None:
    """Ingredients in two columns, each with and without."""
    figure = Figure(figsize=(11, 2.1 * len(rows) / 2 + 0.3), layout="constrained")
    axes = figure.subplots(ceil(len(rows) / 2), 4, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
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
    """A section, and what each augmentation makes of it; turns are about the vertical, and seen on a time slice."""
    section, *others = (_section(draw_world(4, n, VOLUME, WIDE)) for n in (6, 0, 1, 2, 3, 4, 5))
    cube = next(_square_worlds())
    panels = [("as it was", _seen(section.image, section.label))]
    for name, strength in AUGMENTATIONS.items():
        drawn = cube if name == "rotate" else section
        if drawn is cube:
            panels.append(("a time slice as it was", _seen(cube.image, cube.label)))
        title = name if strength is True else f"{name}: {strength:g}"
        panels.append((title, _seen(*_clearest(name, drawn, others))))
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    for ax, (title, panel) in zip(figure.subplots(len(panels) // 4, 4).flat, panels, strict=True):
        _draw(ax, panel, title)
        if len(set(panel[0].shape)) == 1:
            ax.set_aspect("equal")
    _save(figure, path)


class _Drawn(NamedTuple):
    """Image (1, X, S) or (1, I, X, S) and label of a world, as training would draw them."""

    image: NDArray[Any]
    label: NDArray[Any]
    sampling: Sampling


def _section(world: World) -> _Drawn:
    """The middle inline of a world."""
    cube, middle = make_world(world), world.frame.shape[0] // 2
    image, label = cube.image.numpy()[None, middle], cube.fault.numpy()[middle]
    return _Drawn(image, label, Sampling(world.frame.bins[1:], world.frame.interval, "ms"))


def _square_worlds() -> Iterator[_Drawn]:
    """Worlds of square bins, as many inlines as crosslines, and faults on the middle time slice."""
    for n in count():
        world = draw_world(4, n, (112, 112, 48), WIDE)
        sampling = Sampling(world.frame.bins, world.frame.interval, "ms")
        if not sampling.square:
            continue
        cube = make_world(world)
        if (cube.fault[..., 24] == 1).float().mean() > 0.04:
            yield _Drawn(cube.image.numpy()[None], cube.fault.numpy(), sampling)


def _seen(image: NDArray[Any], label: NDArray[Any]) -> Panel:
    """A section, or the middle time slice of a volume."""
    middle = image.shape[-1] // 2
    return (image[0, ..., middle], label[..., middle]) if label.ndim == 3 else (image[0].T, label.T)


def _clearest(name: str, drawn: _Drawn, others: list[_Drawn]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Image and label under an augmentation, by the random numbers that change the two most.

    A half turn of a volume counts as no change: it is two mirror images.
    """
    image, label, sampling = drawn
    augmentation = Augmentation(**{name: AUGMENTATIONS[name]})
    turns = (0, 2) if label.ndim == 3 else (0,)
    before = [(np.rot90(image, k, (1, 2)), np.rot90(label, k)) for k in turns]
    changed = (
        augmentation(np.random.default_rng(k), image, label, sampling, lambda k=k: others[k % len(others)].image)
        for k in range(24)
    )
    return max(changed, key=lambda each: min(_change(each, some) for some in before))


def _change(one: Panel, other: Panel) -> float:
    """Mean difference of amplitudes, and the share of other labels, which tells a move from a shift by a period."""
    return float(np.abs(one[0] - other[0]).mean()) + 4 * float((one[1] != other[1]).mean())


if __name__ == "__main__":
    main()
