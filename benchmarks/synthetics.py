"""How long a synthetic pair takes on one core, and on a GPU where there is one; by recipe and size.

    python -m benchmarks.synthetics [--worlds 12]

Worlds differ, and with them the time: medians over several, and the slowest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from geocnn.synthetic.faults import fault_cube
from geocnn.synthetic.recipes import RECIPES
from geocnn.synthetic.wide import WideRecipe
from geocnn.synthetic.worlds import make_worlds


def main() -> None:
    """Time and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=12)
    count = parser.parse_args().worlds
    torch.set_num_threads(1)
    for side in (64, 96, 128):
        shape = (side, side, side)
        _tell("wide, one core", side, count, lambda n, shape=shape: make_worlds(0, [n], shape, WideRecipe()))
        _tell("wu2019, one core", side, count, lambda n, shape=shape: fault_cube(shape, (0, n), RECIPES["wu2019"]))
        if torch.cuda.is_available():
            _tell("wide, GPU", side, count, lambda n, shape=shape: _on_gpu(n, shape))


def _on_gpu(n: int, shape: tuple[int, int, int]) -> None:
    make_worlds(0, [n], shape, WideRecipe(), "cuda")
    torch.cuda.synchronize()


def _tell(what: str, side: int, count: int, make: Callable[[int], object]) -> None:
    make(0)
    seconds = []
    for n in range(1, count + 1):
        began = time.perf_counter()
        make(n)
        seconds.append(time.perf_counter() - began)
    print(f"{side}³ {what:18} median {np.median(seconds):.3f} s, slowest {max(seconds):.3f} s", flush=True)


if __name__ == "__main__":
    main()
