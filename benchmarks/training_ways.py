"""Ways of training the same network, each a process that takes as many steps as it is told and says how long it took.

``python -m benchmarks.training_ways WAY CONFIG DEVICE`` answers each number of steps on its standard
input with the seconds of a step.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import segyio
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from benchmarks.handwritten import HANDWRITTEN
from geocnn.config import Config, load_config
from geocnn.device import choose_device, keep_freed_memory
from geocnn.processes import Process
from geocnn.progress import Progress
from geocnn.run import RunDirectory
from geocnn.training.data import assemble, look
from geocnn.training.group import Group, join_group
from geocnn.training.learner import Batch, Learner
from geocnn.training.starting import Start, checked_for, make_learner, train

__all__ = ["finished", "join"]

SIDE = 64


def finished(work: Iterator[object]) -> object:
    """What a piece of work ends with."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def join(device: str) -> Group:
    """The group of this process alone."""
    return join_group(choose_device(device, "float32"), Process(), 1)


def by_geocnn(config: Config, device: str, workers: int = 1) -> Iterator[None]:
    """Steps of ``geocnn train`` with everything around them."""
    keep_freed_memory()
    run = RunDirectory(Path(tempfile.mkdtemp()) / "run")
    for event in train(config, run, join(device), Start(workers=workers)):
        if isinstance(event, Progress) and event.unit == "steps" and event.done:
            yield


def fixed(config: Config, device: str) -> Iterator[None]:
    """The same network, loss and optimiser, again and again on one batch in memory."""
    learner, draw = parts(config, device)
    batch = draw(0)
    for number in count():
        learner.step(number, [batch])
        yield


def bare(config: Config, device: str) -> Iterator[None]:
    """Drawing and learning in turns, with no loop around them."""
    learner, draw = parts(config, device)
    for number in count():
        learner.step(number, [draw(number)])
        yield


def parts(config: Config, device: str) -> tuple[Learner, Callable[[int], Batch]]:
    """What learns, and what draws the batch of a number."""
    keep_freed_memory()
    group = join(device)
    checked = checked_for(config, group)
    seed, size = config.record.training.seed, config.record.training.batch
    stream = assemble(config, checked, finished(look(config, checked))).stream
    return make_learner(config, checked, group), lambda n: stream.batch(seed, range(n * size, (n + 1) * size))


class Patches(IterableDataset):
    """Random patches as a tutorial reads them: inline by inline with segyio, turned, mirrored, scaled, with noise."""

    def __init__(self, image: Path, label: Path) -> None:
        self._paths = image, label
        with segyio.open(image) as file:
            cube = segyio.tools.cube(file)
            self._shape, self._mean, self._std = cube.shape, cube.mean(), cube.std()

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(0)
        image, label = (segyio.open(path) for path in self._paths)
        while True:
            i, x, s = (int(rng.integers(0, n - SIDE + 1)) for n in self._shape)
            lines = image.ilines[i : i + SIDE]
            patch, target = (
                np.stack([file.iline[line][x : x + SIDE, s : s + SIDE] for line in lines]) for file in (image, label)
            )
            turns = int(rng.integers(4))
            patch, target = (np.rot90(each, turns) for each in (patch, target))
            if rng.random() < 0.5:
                patch, target = patch[::-1], target[::-1]
            patch = ((patch - self._mean) / self._std).clip(-5, 5) * np.exp(rng.uniform(-0.1, 0.1))
            patch = patch + rng.normal(0, rng.uniform(0, 0.1), patch.shape)
            yield patch[None].astype(np.float32), target[None].astype(np.float32)


def tutorial(config: Config, device: str) -> Iterator[None]:
    """A plain loop: the network written by hand, a loader with one worker, no thought of layout or allocator."""
    folder = Path(config.record.data.train[0].images[0]).parent
    network = HANDWRITTEN["faultseg3d"][0]().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.record.training.learning_rate)
    patches = Patches(*(next(folder.glob(f"*-{kind}.sgy")) for kind in ("seismic", "label")))
    total = 0.0
    for image, target in DataLoader(patches, batch_size=config.record.training.batch, num_workers=1):
        optimizer.zero_grad()
        logits = network(image.to(device))
        loss = functional.binary_cross_entropy_with_logits(logits, target.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item()
        yield


WAYS: dict[str, Callable[[Config, str], Iterator[None]]] = {
    "geocnn": by_geocnn,
    "unthreaded": partial(by_geocnn, workers=0),
    "bare": bare,
    "fixed": fixed,
    "tutorial": tutorial,
}


def main(way: str, config: str, device: str) -> None:
    """Take steps as told."""
    steps = WAYS[way](load_config(Path(config)), device)
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            next(steps)
        print((time.perf_counter() - begun) / int(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
