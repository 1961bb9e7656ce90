"""``geocnn train`` against one batch in memory and against a plain loop; what the loop, a resume and a step cost.

``python -m benchmarks.training [--device cpu] [--only step|loop|resume|parts|feeding]``
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.files import make_segy
from benchmarks.timing import Report, medians
from benchmarks.training_ways import finished, join
from geocnn.config import load_config
from geocnn.device import keep_freed_memory
from geocnn.losses import LOSSES
from geocnn.network.build import Network
from geocnn.objective import Objective
from geocnn.training.data import assemble, look
from geocnn.training.feeding import feeding
from geocnn.training.recipe import make_optimizer
from geocnn.training.starting import checked_for

FOLDER = Path(os.environ.get("GEOCNN_BENCH", Path(tempfile.gettempdir()) / "geocnn-bench"))
GEOCNN = Path(sys.executable).parent / "geocnn"
LARGE = (1100, 1100, 1001)
CONFIG = """
data:
  train: [{{image: {image}, label: {label}}}]
  patch: [{side}, {side}, {side}]
network: {network}
training: {{steps: 100000, batch: {batch}, precision: float32, warmup: 0, learning_rate: 0.0001}}
"""
TINY = "{layers: [{conv: outputs, kernel: 1}]}"
FIXED, TUTORIAL = 0.95, 1.3
"""Least rates of geocnn, in those of one batch in memory and of a plain loop."""
OWN, RESUME = 1, 10
"""The most that the loop costs in ms a step, and a resume in seconds."""


def main(arguments: list[str]) -> int:
    """Measure; 1 if a promise was not kept."""
    parts = {"step": steps, "loop": loop, "resume": resume, "parts": profile, "feeding": feeds}
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=parts)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    os.environ["GEOCNN_CACHE"] = str(FOLDER / "cache")
    report = Report()
    for name, part in parts.items():
        if asked.only in (name, None):
            part(report, asked)
            sys.stdout.flush()
    return int(report.broken > 0)


def config_of(name: str, network: str, side: int, batch: int, pair: tuple[Path, Path] | None = None) -> Path:
    """A config file for a pair of SEG-Y files, made of synthetic faults unless they are given."""
    if pair is None:
        folder = FOLDER / "faults"
        if not folder.exists():
            made = [GEOCNN, "synth", "faults", "--out", folder, "--count", "1", "--shape", "192,192,192"]
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        image, label = (next(folder.glob(f"*-{kind}.sgy")) for kind in ("seismic", "label"))
    else:
        image, label = pair
    path = FOLDER / f"{name}.yaml"
    path.write_text(CONFIG.format(image=image, label=label, side=side, network=network, batch=batch))
    return path


class Way:
    """A process that takes steps when it is told, and stands still, its threads and workers too, while others do."""

    def __init__(self, name: str, config: Path, device: str) -> None:
        command = [sys.executable, "-m", "benchmarks.training_ways", name, str(config), device]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def take(self, count: int) -> float:
        """Seconds a step, over so many."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.killpg(self._process.pid, signal.SIGCONT)
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        seconds = float(self._process.stdout.readline())
        os.killpg(self._process.pid, signal.SIGSTOP)
        return seconds

    def end(self) -> None:
        """Kill it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def in_turns(names: Sequence[str], config: Path, device: str, count: int, rounds: int) -> dict[str, float]:
    """Median seconds of a step of each way, in turns of `count` steps after a first one that does not count."""
    ways: dict[str, Way] = {}
    try:
        for name in names:
            ways[name] = Way(name, config, device)
            ways[name].take(2)
        found = [{name: way.take(count) for name, way in ways.items()} for _ in range(rounds)]
    finally:
        for way in ways.values():
            way.end()
    return {name: median(turn[name] for turn in found) for name in names}


def steps(report: Report, asked: argparse.Namespace) -> None:
    """A training step, in turns with the same on one fixed batch and with a plain loop."""
    config = config_of("step", "faultseg3d", 64, 4)
    seconds = in_turns(("geocnn", "fixed", "tutorial"), config, asked.device, 3, asked.rounds)
    print(f"\nfaultseg3d, 64³, batch 4, from SEG-Y: {1000 * seconds['geocnn']:.0f} ms a step")
    report.least("rate, in that on one batch in memory", seconds["fixed"] / seconds["geocnn"], "×", FIXED)
    report.least("rate, in that of a plain loop", seconds["tutorial"] / seconds["geocnn"], "×", TUTORIAL)


def loop(report: Report, asked: argparse.Namespace) -> None:
    """What the loop costs beside a step: on a network of one 1 × 1 × 1 convolution."""
    config = config_of("loop", TINY, 8, 1)
    seconds = in_turns(("unthreaded", "bare", "geocnn"), config, asked.device, 500, asked.rounds)
    report.value("the loop's own cost a step", 1000 * (seconds["unthreaded"] - seconds["bare"]), "ms", OWN)
    told = ", ".join(f"{value * 1000:.2f} ms {name}" for name, value in seconds.items())
    print(f"  a step of that network, drawing included: {told}")


def resume(report: Report, asked: argparse.Namespace) -> None:
    """From the command to a logged step of a run on a survey of 5 GB that was stopped."""
    image, label = make_segy(FOLDER / "large.sgy", LARGE, sparse=True), FOLDER / "large-label.npy"
    if not label.exists():
        faults = np.lib.format.open_memmap(label, "w+", np.int8, LARGE)
        faults[:, ::200] = 1
        faults.flush()
    config = config_of("resume", TINY, 8, 1, (image, label))
    run = FOLDER / "resumed"
    shutil.rmtree(run, ignore_errors=True)
    command = [str(GEOCNN), "train", str(config), "--run", str(run), "--device", asked.device]
    begun = until_logged(command, run)
    seconds = [until_logged([*command, "--resume"], run) for _ in range(3)]
    print(f"\nbeginning on {image.stat().st_size / 1e9:.1f} GB: {begun:.1f} s")
    report.value("resuming there, up to 10 steps included", median(seconds), "s", RESUME)


def until_logged(command: list[str], run: Path) -> float:
    """Seconds until a training logs a step; it is then stopped, and has to say so by its status."""
    metrics = run / "metrics.jsonl"
    before = metrics.stat().st_size if metrics.exists() else 0
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (metrics.exists() and metrics.stat().st_size > before):
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        process.terminate()
        said = process.communicate()[1]
    if process.returncode != 75:
        raise SystemExit(f"exit status {process.returncode}: {said}")
    return seconds


def profile(report: Report, asked: argparse.Namespace) -> None:
    """The parts of a step of faultseg3d, one after the other."""
    keep_freed_memory()
    config = load_config(config_of("step", "faultseg3d", 64, 4))
    settings, group = config.record.training, join(asked.device)
    checked = checked_for(config, group)
    stream = assemble(config, checked, finished(look(config, checked))).stream
    network = Network(checked.plan).to(group.fabric.device).train()
    objective = Objective(LOSSES[settings.loss](2), checked.plan, {})
    optimizer = make_optimizer(network, settings)
    clock: dict[str, list[float]] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        if group.device.kind == "cuda":
            torch.cuda.synchronize()
        clock.setdefault(part, []).append(time.perf_counter() - begin)

    with feeding(lambda n: stream.batch(0, range(4 * n, 4 * n + 4)), 0, 1) as feed:
        for turn in range(asked.rounds + 2):
            with timed("waiting for the batch"):
                image, label = (torch.from_numpy(each).to(group.fabric.device) for each in feed.take())
            with timed("forward"):
                logits = network(image)
            with timed("loss"):
                loss = objective.value(objective.sums(logits, {}, label.long()))
            with timed("backward"):
                optimizer.zero_grad()
                loss.backward()
            with timed("optimiser"):
                optimizer.step()
            with timed("drawing a batch (in a thread beside the others)"):
                stream.batch(1, range(4 * turn, 4 * turn + 4))
    seconds = {part: median(values[2:]) for part, values in clock.items()}
    *own, _ = seconds.values()
    print("\none step of faultseg3d, 64³, batch 4")
    for part, value in seconds.items():
        print(f"  {part:48s} {1000 * value:9.1f} ms   {100 * value / sum(own):6.2f} %")


def feeds(report: Report, asked: argparse.Namespace) -> None:
    """Threads against processes that draw, for a network that learns in tens of milliseconds."""
    keep_freed_memory()
    config = load_config(config_of("feeding", "{name: fault-small, width: 0.25}", 32, 4))
    group = join(asked.device)
    checked = checked_for(config, group)
    stream = assemble(config, checked, finished(look(config, checked))).stream
    network = Network(checked.plan).to(group.fabric.device).train()

    def draw(number: int) -> tuple[np.ndarray, np.ndarray]:
        return stream.batch(0, range(4 * number, 4 * number + 4))

    def learn(image: np.ndarray) -> None:
        network(torch.from_numpy(image).to(group.fabric.device)).square().mean().backward()

    def by_threads(count: int) -> Callable[[int], None]:
        def run(turn: int) -> None:
            with feeding(draw, 100 * turn, count) as feed:
                for _ in range(20):
                    learn(feed.take()[0])

        return run

    def by_processes(turn: int) -> None:
        for image, _ in pool.map(draw_there, range(100 * turn, 100 * turn + 20)):
            learn(image)

    global _draw
    _draw = draw
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        list(pool.map(draw_there, range(2)))
        ways = {f"threads: {count}" if count else "no thread": by_threads(count) for count in (0, 1, 3)}
        seconds = medians({**ways, "a process": by_processes}, asked.rounds)
    print("\n20 steps of a small network, by who draws its batches")
    for name, value in seconds.items():
        print(f"  {name:12s} {1000 * value:9.1f} ms   {value / seconds['threads: 1']:5.2f} × one thread")


_draw: Callable[[int], tuple[np.ndarray, np.ndarray]]


def draw_there(number: int) -> tuple[np.ndarray, np.ndarray]:
    """What a worker process draws, with the stream that it was forked with."""
    return _draw(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
