"""Synthetic cubes as files: an image and its label, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import numpy as np

from geocnn.errors import OutputError, UsageError
from geocnn.grid import Axis, Grid
from geocnn.output import output_error, require_free
from geocnn.progress import Progress, Work
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, FloatArray, NewSurvey
from geocnn.synthetic.faults import Shape, fault_cube, require_shape
from geocnn.synthetic.recipes import DT, RECIPES

__all__ = ["FaultCubes", "cube_grid", "write_fault_cubes"]

DOMAIN = Domain("time", "synthetic")


@dataclass(frozen=True)
class FaultCubes:
    """Which cubes to make.

    Parameters
    ----------
    folder
        Where to; it is made if its parent exists.
    count, shape, seed
        Cube k of a seed is the same whatever the count.
    recipe
        Name of a recipe.
    format
        Suffix of the files.

    Raises
    ------
    UsageError
        If there is nothing to make, or no recipe of that name.
    """

    folder: Path
    count: int
    shape: Shape
    seed: int
    recipe: str
    format: Literal["sgy", "h5"]

    def __post_init__(self) -> None:
        require_shape(self.shape)
        if self.count < 1 or self.seed < 0:
            raise UsageError(f"{self.count} cubes of seed {self.seed}", "1 cube or more, seed 0 or more")
        if self.recipe not in RECIPES:
            near = get_close_matches(self.recipe, RECIPES, 1)
            raise UsageError(
                f"no recipe {self.recipe!r}",
                expected=f"one of {', '.join(RECIPES)}",
                do=f"did you mean {near[0]}?" if near else "choose one of these",
            )

    def pair(self, number: int) -> tuple[Path, Path]:
        """Files of the image and the label of a cube."""
        image, label = (self.folder / f"faults-{number:04d}-{kind}.{self.format}" for kind in ("seismic", "label"))
        return image, label


def write_fault_cubes(cubes: FaultCubes, overwrite: bool = False) -> Work[tuple[int, int]]:
    """Make and write cubes; return how many samples there are, and how many of them are on faults.

    Raises
    ------
    OutputError
        If a file exists (unless `overwrite`), or cannot be written.
    """
    _prepare(cubes, overwrite)
    yield Progress(0, cubes.count, "cubes")
    faults = 0
    for number in range(cubes.count):
        image, label = fault_cube(cubes.shape, (cubes.seed, number), RECIPES[cubes.recipe])
        source = f"synthetic, geocnn synth faults --recipe {cubes.recipe} --seed {cubes.seed}, cube {number}"
        of_image, of_label = cubes.pair(number)
        _write(of_image, image, f"image: {source}", overwrite)
        _write(of_label, label.astype(np.float32), f"label: {source}", overwrite)
        faults += int(label.sum())
        yield Progress(number + 1, cubes.count, "cubes")
    return cubes.count * image.size, faults


def _prepare(cubes: FaultCubes, overwrite: bool) -> None:
    """Make the folder, and refuse early, before any work, files that could not be written."""
    try:
        cubes.folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{cubes.folder} is a file", "the name of a folder", "choose another --out") from error
    except OSError as error:
        raise output_error(cubes.folder, error) from error
    for number in range(cubes.count):
        for path in cubes.pair(number):
            require_free(path, overwrite)


def cube_grid(shape: Shape) -> Grid:
    """Axes of a synthetic cube: inlines from 1000, crosslines from 2000, samples from 0 ms."""
    inline, crossline, sample = shape
    return Grid(
        (
            Axis("inline", 1000, 1, inline),
            Axis("crossline", 2000, 1, crossline),
            Axis("sample", 0, 1000 * DT, sample, "ms"),
        )
    )


def _write(path: Path, samples: FloatArray, provenance: str, overwrite: bool) -> None:
    """Write a cube (I, X, S)."""
    inline, crossline, sample = samples.shape
    grid = cube_grid((inline, crossline, sample))
    with create_survey(str(path), NewSurvey(grid, DOMAIN, provenance=(provenance,)), overwrite=overwrite) as writer:
        writer.write(grid.whole, samples[None])
        writer.commit()
