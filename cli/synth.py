"""``geocnn synth``"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from geocnn.errors import UsageError
from geocnn.synthetic.recipes import RECIPES

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
    recipe: Annotated[str, typer.Option(help=f"Ranges of structure, wavelet, noise: {', '.join(RECIPES)}.")] = "wu2019",
    format: Annotated[Literal["sgy", "h5"], typer.Option(help="Format of the files.")] = "sgy",
    overwrite: OverwriteOption = False,
) -> None:
    """Make folded and faulted cubes, and labels that are 1 on faults and 0 elsewhere.

    Example: geocnn synth faults --out cubes --count 20 --shape 128,128,128 --seed 0
    """
    from geocnn.synthetic.cubes import FaultCubes, write_fault_cubes

    from . import report

    cubes = FaultCubes(out, count, _shape(shape), seed, recipe, format)
    samples, faulted = report.show(write_fault_cubes(cubes, overwrite), "making cubes")
    report.say(
        f"done: {count} pairs in {out}, {cubes.pair(0)[0].name} … {cubes.pair(count - 1)[1].name}; "
        f"{samples:,} samples, {100 * faulted / samples:.1f} % on faults"
    )


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
