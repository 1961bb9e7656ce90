"""Synthetic cubes as files: an image and its label, pair by pair, and what else is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from geocnn.errors import OutputError, UsageError
from geocnn.grid import Axis, Grid
from geocnn.interpretation.options import HORIZONS
from geocnn.interpretation.writing import write_horizon
from geocnn.output import output_error, require_free
from geocnn.progress import Progress, Work
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import Coordinates, Domain, FloatArray, NewSurvey
from geocnn.synthetic.choice import AnyRecipe, PlainRecipe
from geocnn.synthetic.faults import Shape, fault_cube, require_shape
from geocnn.synthetic.recipes import DT, RECIPES
from geocnn.synthetic.worlds import draw_world, horizons, make_world

__all__ = ["ALSO", "FaultCubes", "Written", "cube_grid", "write_fault_cubes"]

DOMAIN = Domain("time", "synthetic")

ALSO = ("throw", "age", "horizons")
"""What can be written beside image and label: throw in samples at faults, relative geologic time in m of burial, and
horizons as picks, text files in OpendTect's layout."""

MOST_SORTED = 2**20
"""Samples by which the ages of horizons are chosen, about."""

QUANTILES = (0.25, 0.5, 0.75)
"""Shares of the samples that are younger than the horizons that are written."""


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
        What they are drawn from.
    format
        Suffix of the files.
    also
        What to write beside image and label: names of `ALSO`.

    Raises
    ------
    UsageError
        If there is nothing to make, or the recipe does not tell what is asked for.
    """

    folder: Path
    count: int
    shape: Shape
    seed: int
    recipe: AnyRecipe
    format: Literal["sgy", "h5"]
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_shape(self.shape)
        if self.count < 1 or self.seed < 0:
            raise UsageError(f"{self.count} cubes of seed {self.seed}", "1 cube or more, seed 0 or more")
        unknown = [name for name in self.also if name not in ALSO]
        if unknown or (self.also and isinstance(self.recipe, PlainRecipe)):
            raise UsageError(
                f"--also {', '.join(unknown or self.also)} with --recipe {self.recipe.recipe}",
                expected=f"some of {', '.join(ALSO)}, with --recipe wide",
                do="leave it out, or choose the recipe wide",
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there is a volume of for each cube."""
        return ("seismic", "label", *(name for name in self.also if name != "horizons"))

    def file(self, number: int, kind: str) -> Path:
        """Where a volume of a cube goes."""
        return self.folder / f"faults-{number:04d}-{kind}.{self.format}"

    def horizons(self, number: int) -> tuple[Path, ...]:
        """Where the horizons of a cube go, from the youngest to the oldest."""
        count = len(QUANTILES) if "horizons" in self.also else 0
        return tuple(self.folder / f"faults-{number:04d}-horizon-{k}.dat" for k in range(1, count + 1))


class _Cube(NamedTuple):
    """A cube on its grid; `samples` by kind, each (I, X, S); `horizons` are positions of samples, each (I, X)."""

    grid: Grid
    domain: Domain
    coordinates: Coordinates | None
    samples: Mapping[str, FloatArray]
    horizons: Sequence[FloatArray]


class Written(NamedTuple):
    """Samples of all cubes, on faults, and on faults too small to be seen; cubes without a fault."""

    samples: int
    faults: int
    ignored: int
    empty: int


def write_fault_cubes(cubes: FaultCubes, overwrite: bool = False) -> Work[Written]:
    """Make and write cubes.

    Raises
    ------
    OutputError
        If a file exists (unless `overwrite`), or cannot be written.
    """
    _prepare(cubes, overwrite)
    yield Progress(0, cubes.count, "cubes")
    done = Written(0, 0, 0, 0)
    shape = ",".join(map(str, cubes.shape))
    made_by = f"geocnn synth faults --shape {shape} --recipe {_told(cubes.recipe)} --seed {cubes.seed}"
    for number in range(cubes.count):
        cube = _make(cubes, number)
        for kind in cubes.kinds:
            name = "image" if kind == "seismic" else kind
            _write(cubes.file(number, kind), cube, kind, f"{name}: synthetic, {made_by}, cube {number}", overwrite)
        if cube.horizons:
            survey = open_survey(str(cubes.file(number, "seismic")))
            for path, depths in zip(cubes.horizons(number), cube.horizons, strict=True):
                write_horizon(path, depths, survey, HORIZONS[0], overwrite)
        label = cube.samples["label"]
        found = Written(label.size, int((label == 1).sum()), int((label == -1).sum()), int(not (label == 1).any()))
        done = Written(*(a + b for a, b in zip(done, found, strict=True)))
        yield Progress(number + 1, cubes.count, "cubes")
    return done


def _told(recipe: AnyRecipe) -> str:
    """A recipe as options tell it, and its own ranges."""
    if isinstance(recipe, PlainRecipe):
        return recipe.recipe
    own = recipe.model_dump(exclude_defaults=True, exclude={"without", "recipe"})
    ranges = ", ".join(f"{key}: {list(value) if isinstance(value, tuple) else value}" for key, value in own.items())
    left_out = f" --without {','.join(recipe.without)}" if recipe.without else ""
    return f"{recipe.recipe}{left_out}{f' with {ranges}' if ranges else ''}"


def _prepare(cubes: FaultCubes, overwrite: bool) -> None:
    """Make the folder, and refuse early, before any work, files that could not be written."""
    try:
        cubes.folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{cubes.folder} is a file", "the name of a folder", "choose another --out") from error
    except OSError as error:
        raise output_error(cubes.folder, error) from error
    for number in range(cubes.count):
        for kind in cubes.kinds:
            require_free(cubes.file(number, kind), overwrite)
        for path in cubes.horizons(number):
            require_free(path, overwrite)


def _make(cubes: FaultCubes, number: int) -> _Cube:
    """The cube of a number."""
    if isinstance(cubes.recipe, PlainRecipe):
        image, label = fault_cube(cubes.shape, (cubes.seed, number), RECIPES[cubes.recipe.recipe])
        known = {"seismic": image, "label": label.astype(np.float32)}
        return _Cube(cube_grid(cubes.shape), DOMAIN, None, known, ())
    world = draw_world(cubes.seed, number, cubes.shape, cubes.recipe)
    made = make_world(world)
    tensors = {"seismic": made.image, "label": made.fault, "throw": made.throw, "age": made.age}
    known = {kind: tensors[kind].numpy().astype(np.float32) for kind in cubes.kinds}
    found = _horizons(made.age) if "horizons" in cubes.also else []
    return _Cube(world.frame.grid, world.frame.domain, world.frame.coordinates, known, found)


def _horizons(age: torch.Tensor) -> list[FloatArray]:
    """Horizons (I, X) of the relative geologic time (I, X, S) of a world, at quantiles of it."""
    some = age.flatten()[:: max(1, age.numel() // MOST_SORTED)]
    ages = torch.quantile(some, torch.tensor(QUANTILES)).tolist()
    return [depths.numpy() for depths in horizons(age, ages)]


def cube_grid(shape: Shape) -> Grid:
    """Axes of a cube of a plain recipe: inlines from 1000, crosslines from 2000, samples from 0 ms."""
    inline, crossline, sample = shape
    return Grid(
        (
            Axis("inline", 1000, 1, inline),
            Axis("crossline", 2000, 1, crossline),
            Axis("sample", 0, 1000 * DT, sample, "ms"),
        )
    )


def _write(path: Path, cube: _Cube, kind: str, provenance: str, overwrite: bool) -> None:
    """Write one kind of samples of a cube."""
    new = NewSurvey(cube.grid, cube.domain, provenance=(provenance,), coordinates=cube.coordinates)
    with create_survey(str(path), new, overwrite=overwrite) as writer:
        writer.write(cube.grid.whole, cube.samples[kind][None])
        writer.commit()
