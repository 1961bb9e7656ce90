"""A tiny training, run by the command line as users run it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from arrays import grid_of

from geocnn.model import load_model
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, NewSurvey

CONFIG = """
task: segmentation
classes: [background, bright]
data:
  train: [{image: image.h5, label: label.h5}]
  validation: {block: 0.25, gap: 4, axis: inline}
  patch: [8, 8, 8]
network:
  layers:
    - {conv: 4, kernel: 3, norm: batch, activation: relu, save: fine}
    - {pool: max, size: 2}
    - {conv: 8, kernel: 3, norm: batch, activation: relu}
    - {upsample: 2}
    - {concat: fine}
    - {conv: outputs, kernel: 1}
training: {steps: 50, batch: 4, seed: 3, learning_rate: 0.02}
"""

GEOCNN = Path(sys.executable).parent / "geocnn"


def write_pair(folder: Path, shape: tuple[int, ...] = (40, 16, 16)) -> None:
    """A survey whose label can be read off its amplitude: ``image.h5`` and ``label.h5``."""
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for name, samples in (("image", image), ("label", (image > 1).astype(np.float32))):
        grid = grid_of(shape)
        with create_survey(str(folder / f"{name}.h5"), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
            writer.write(grid.whole, samples[None])
            writer.commit()


def write_config(folder: Path, text: str = CONFIG, name: str = "config.yaml") -> Path:
    """A config in a folder that has the pair, which is made if it is not there."""
    if not (folder / "image.h5").exists():
        write_pair(folder)
    (folder / name).write_text(text)
    return folder / name


def run_train(config: Path, run: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``geocnn train`` in processes of its own, one thread each."""
    command = [str(GEOCNN), "train", str(config), "--run", str(run), *options]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )


def losses(run: Path) -> dict[int, float]:
    """Logged losses by step."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if line["kind"] == "train"}


def logits(run: Path) -> torch.Tensor:
    """What the model of a run makes of one input."""
    network = load_model(run).network
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        return network(torch.randn((1, 1, 16, 16, 16), generator=generator))


def weights(run: Path) -> dict[str, torch.Tensor]:
    """The weights of the model of a run."""
    return load_model(run).network.state_dict()
