"""A small prediction to be run, killed and run again, in processes of its own.

``python predictions.py FOLDER KILLS SEED`` kills a prediction so many times at random moments, lets it end, and prints
what it saw. The processes are forked from one that has imported torch and never used it, so that each costs little.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from arrays import grid_of

from geocnn.device import Device
from geocnn.grid import Window
from geocnn.marked import parse_marked
from geocnn.model import Contract, Model, load_model, sampling, save_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import read_spec
from geocnn.prediction import tiles, writing
from geocnn.prediction.job import Going
from geocnn.prediction.volume import Output, Predicted, predict_volume
from geocnn.processes import Process  # noqa: F401 (for scripts that import this module)
from geocnn.progress import finish
from geocnn.settings import NormalisationConfig
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.scan import Statistics
from geocnn.survey.survey import Domain, NewSurvey

CPU = Device("cpu", "float32")
SHAPE = (150, 13, 22)
POOLED = (
    "[{conv: 4, kernel: 3, activation: relu, save: a}, {pool: max, size: 2}, {conv: 6, kernel: 3, norm: batch},"
    " {upsample: 2}, {concat: a}, {conv: outputs, kernel: 3}]"
)
INSTANCE = "[{conv: 3, kernel: 3, norm: instance, activation: relu}, {conv: outputs, kernel: 1}]"
POINTWISE = "[{conv: outputs, kernel: 1}]"


def make_model(path: Path, layers: str = POOLED, classes: int = 2, seed: int = 0, ndim: int = 3) -> Path:
    """A model file of seeded weights."""
    marked = parse_marked(layers, "test")
    spec = read_spec(marked, (), marked.data, [])
    assert spec is not None
    grid = grid_of((8,) * ndim)
    network = Network(expand(spec, (1, *grid.shape), 1 if classes == 2 else classes))
    initialise(network, seed)
    contract = Contract(
        spec=spec,
        task="segmentation",
        classes=tuple(f"class {index}" for index in range(classes)),
        channels=1,
        axes=tuple(axis.name for axis in grid.axes),
        sampling=sampling([grid]),
        patch=grid.shape,
        normalisation=NormalisationConfig(),
        statistics=Statistics(1, (0.0,), (1.0,), (-5.0,), (5.0,), None).to_json(),
        threshold=0.5,
        provenance={"run": "a test"},
    )
    save_model(path, Model(network.eval(), contract))
    return path


def make_survey(path: Path, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Path:
    """A survey of noise with a dead trace, and one that is dead from its middle on."""
    samples = np.random.default_rng(seed).normal(3, 2, (1, *shape)).astype(np.float32)
    if len(shape) > 1:
        samples[(0, *(0,) * (len(shape) - 1))] = 0
        samples[(0, *(n - 1 for n in shape[:-1]), slice(shape[-1] // 2, None))] = 0
    with create_survey(str(path), NewSurvey(grid_of(shape), Domain("time", "made for a test"))) as writer:
        writer.write(Window((0,) * len(shape), shape), samples)
        writer.commit()
    return path


def predict(models: list[Path], survey: Path, output: Output, device: Device = CPU) -> Predicted:
    """The prediction of a survey, its progress unseen."""
    trained = [load_model(model) for model in models]
    return finish(predict_volume(trained, open_survey([str(survey)], SurveyOptions()), output, device))


def forked(work: Callable[[], object], seconds: float = 1e9) -> int | None:
    """Exit status of a process that does some work, or None if it was killed after some seconds."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 (nothing may go on in a fork)
            sys.stderr.write(f"{error}\n")
            os._exit(getattr(error, "exit_status", 99))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGKILL else code


def in_small_steps() -> None:
    """Few planes at a time, and each of them in the journal, so that there is much that can be interrupted."""
    tiles.SAMPLES, writing.EVERY = 1, 0.0


def main(folder: Path, kills: int, seed: int) -> None:
    in_small_steps()
    model, survey = folder / "model.safetensors", folder / "survey.sgy"

    def going_on(out: str, parts: int) -> Callable[[], object]:
        def work() -> None:
            for number in range(parts):
                going = Going(resume=True, part=(number + 1, parts) if parts > 1 else None)
                predict([model], survey, Output(str(folder / out), going=going))

        return work

    assert forked(going_on("whole.sgy", 1)) == 0
    begun = time.monotonic()
    assert forked(going_on("again.sgy", 1)) == 0
    seconds = time.monotonic() - begun
    seen = {"killed": 0, "equal": True, "early": 0, "runs": 0}
    moments = random.Random(seed)
    while seen["killed"] < kills:
        out, parts = f"out-{seen['runs']}.sgy", moments.choice([1, 1, 3])
        if parts > 1:
            assert forked(going_on(f"whole-{out}", parts)) == 0
        expected = folder / ("whole.sgy" if parts == 1 else f"whole-{out}")
        seen["runs"] += 1
        status: int | None = None
        while status is None and seen["killed"] < kills:
            status = forked(going_on(out, parts), moments.uniform(0, 1) * seconds)
            seen["killed"] += status is None
            seen["early"] += status is None and (folder / out).exists() and (folder / f"{out}.unfinished").exists()
        if status is None:
            status = forked(going_on(out, parts))
        assert status == 0, status
        seen["equal"] &= (folder / out).read_bytes() == expected.read_bytes()
        assert not (folder / f"{out}.unfinished").exists()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
