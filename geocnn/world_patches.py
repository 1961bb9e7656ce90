"""Random patches of synthetic worlds, each a world of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from geocnn.augment.sampling import Sampling
from geocnn.grid import Grid
from geocnn.patch import Labels, Patch
from geocnn.survey.survey import FloatArray
from geocnn.synthetic.choice import AnyRecipe, PlainRecipe
from geocnn.synthetic.cubes import cube_grid
from geocnn.synthetic.faults import SMALLEST, fault_cube
from geocnn.synthetic.recipes import RECIPES
from geocnn.synthetic.worlds import draw_world, make_world

__all__ = ["WorldPatches"]

SEEDS = 2**31


class WorldPatches:
    """Random patches that are whole synthetic worlds.

    Parameters
    ----------
    recipe
        What worlds are drawn from.
    patch
        Positions on each axis: a volume, or a section of a world that is one line wide.
    clip
        Standard deviations at which amplitudes are cut off, as those of surveys are.
    """

    def __init__(self, recipe: AnyRecipe, patch: tuple[int, ...], clip: float) -> None:
        self.recipe, self.patch, self._clip = recipe, patch, clip

    def drawn(self, rng: np.random.Generator) -> Patch:
        """A patch, by the next random numbers."""
        seed, number = (int(n) for n in rng.integers(SEEDS, size=2))
        image, label, grid, bins = self._made(seed, number)
        axis = grid.axes[-1]
        part = self._part(grid)
        lateral = None if bins is None else bins[-(len(self.patch) - 1) :]
        name = f"world {number} of seed {seed}, recipe {self.recipe.recipe}"
        np.clip(image, -self._clip, self._clip, out=image)
        shaped = image.reshape(1, *self.patch), label.reshape(self.patch)
        return Patch(*shaped, name, part, part.whole, Sampling(lateral, axis.step, axis.unit))

    def grids(self, count: int) -> list[Grid]:
        """Axes of some worlds."""
        shape = self._shape
        if isinstance(self.recipe, PlainRecipe):
            return [self._part(cube_grid(shape))] * count
        return [self._part(draw_world(0, n, shape, self.recipe).frame.grid) for n in range(count)]

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Inlines, crosslines and samples of a world; a section is one line wide."""
        return (1 if len(self.patch) == 2 else self.patch[0], self.patch[-2], self.patch[-1])

    def _part(self, grid: Grid) -> Grid:
        """The axes of a patch."""
        return Grid(grid.axes[-len(self.patch) :])

    def _made(self, seed: int, number: int) -> tuple[FloatArray, Labels, Grid, tuple[float, float] | None]:
        """Image and label (I, X, S), axes, and bins in m if the recipe has any."""
        shape = self._shape
        if isinstance(self.recipe, PlainRecipe):
            # Plain cubes have several lines; a section is the middle one.
            lines = max(shape[0], SMALLEST)
            some = slice((lines - shape[0]) // 2, (lines + shape[0]) // 2)
            image, label = fault_cube((lines, *shape[1:]), (seed, number), RECIPES[self.recipe.recipe])
            return image[some], label[some].astype(np.int8), cube_grid(shape), None
        world = draw_world(seed, number, shape, self.recipe)
        with _one_thread():
            cube = make_world(world)
        return cube.image.numpy(), cube.fault.numpy(), world.frame.grid, world.frame.bins


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same sums whatever the number of threads, and none taken from the network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
