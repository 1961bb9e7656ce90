"""``geocnn synth``"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from geocnn.errors import UsageError
from geocnn.synthetic.choice import NAMES, choose_recipe

from .options import OverwriteOption

__all__ = ["synth"]

synth = typer.Typer(help="Make labelled synthetic surveys.", no_args_is_help=True, rich_markup_mode=None)


@synth.callback()
def _group() -> None:
    """Keep `faults` a command of its own while it is the only one."""


@synth.command()
def faults(
    out: Annotated[Path, typer.Option(help="Folder for faults-0000-seismic.sgy, faults-0000-label.sgy, …")],
    count: Annotated[int, typer.Option(min=1, help="Number of cubes.")] = 1,
    shape: Annotated[str, typer.Option(help="Inlines, crosslines and samples of a cube.")] = "128,128,128",
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same cubes, whatever their count.")] = 0,
    recipe: Annotated[
        str, typer.Option(help=f"Ranges of structure, wavelet, noise: {', '.join(NAMES)}, or a YAML file of them.")
    ] = NAMES[0],
    without: Annotated[str, typer.Option(help="Ingredients of the recipe wide to leave out, such as salt,noise.")] = "",
    also: Annotated[
        str,
        typer.Option(help="More to write of each: throw (samples), age (relative geologic time), horizons (as picks)."),
    ] = "",
    format: Annotated[Literal["sgy", "h5"], typer.Option(help="Format of the files.")] = "sgy",
    overwrite: OverwriteOption = False,
) -> None:
    """Make folded and faulted cubes, and labels: 1 on faults, -1 on those too small to be seen, 0 elsewhere.

    Example: geocnn synth faults --out cubes --count 20 --shape 128,128,128 --seed 0
    """
    from geocnn.synthetic.cubes import FaultCubes, write_fault_cubes

    from . import report

    chosen = choose_recipe(recipe, _listed(without))
    cubes = FaultCubes(out, count, _shape(shape), seed, chosen, format, _listed(also))
    made = report.show(write_fault_cubes(cubes, overwrite), "making cubes")
    if made.empty:
        report.warn(f"{made.empty} of {count} cubes have no fault that can be seen; larger ones have more")
    on, hidden = (100 * part / made.samples for part in (made.faults, made.ignored))
    pairs = "1 pair" if count == 1 else f"{count} pairs"
    report.say(
        f"done: {pairs} in {out}, {cubes.file(0, 'seismic').name} … {cubes.file(count - 1, 'label').name}; "
        f"{made.samples:,} samples, {on:.1f} % on faults, {hidden:.1f} % ignored: throws too small to be seen"
    )


def _listed(text: str) -> tuple[str, ...]:
    """``salt,noise`` as names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _shape(text: str) -> tuple[int, int, int]:
    """``128,128,64`` as three sizes."""
    sizes = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", text, re.ASCII)
    if sizes is None:
        raise UsageError(
            f"--shape {text}",
            expected="inlines, crosslines and samples, such as 128,128,64",
            do="write three whole numbers with commas between",
        )
    return int(sizes[1]), int(sizes[2]), int(sizes[3])
