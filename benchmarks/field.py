"""Does a world of synthetics carry over to a field survey? One small network and one budget for each of several worlds.

    python -m benchmarks.field FOLDER PARIHAKA [--steps 400] [--cubes 240] [--only wide,wu2019] [--lines 1,3,10]

PARIHAKA holds `parihaka_seismic.sgy` and `parihaka_faults.h5`. Every world is made, trained on, and scored on the
interpreted samples of Parihaka, on plain cubes, and on wide cubes of other seeds. The network of the recipe wide then
learns from a few interpreted inlines of the first half of Parihaka, and is scored on the second half, 16 lines away.
A line of FOLDER/scores.jsonl for each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from geocnn.survey.opening import open_survey

Volume = NDArray[np.float32]

GEOCNN = str(Path(sys.executable).with_name("geocnn"))

SHAPE = "96,96,96"

STRUCTURE = "beds,folds,unconformities,growth,salt,channels"
FAULTS = "listric,curvature,tips,drag,sets,polygonal"
NOISE = "noise,coherent,footprint,multiples,wipeouts,dead,gain,regridding,clipping"
WORLDS = {
    "wide": ("--recipe", "wide"),
    "wu2019": ("--recipe", "wu2019"),
    "without sampling": ("--recipe", "wide", "--without", "sampling"),
    "without structure": ("--recipe", "wide", "--without", STRUCTURE),
    "without fault shapes": ("--recipe", "wide", "--without", FAULTS),
    "without imaging": ("--recipe", "wide", "--without", "wavelets,attenuation,migration"),
    "without noise": ("--recipe", "wide", "--without", NOISE),
}
"""The options of `geocnn synth faults` for each world."""

CONFIG = """
task: segmentation
classes: [background, fault]
data:
  train: [{{image: {cubes}/*-seismic.h5, label: {cubes}/*-label.h5}}]
  validation: {{surveys: [{{image: {held}/*-seismic.h5, label: {held}/*-label.h5}}]}}
  patch: [64, 64, 64]
  foreground: 0.5
network: fault-small
training:
  steps: {steps}
  seed: {seed}
  batch: 4
  learning_rate: 0.003
  average: 0.98
  precision: bf16
  keep: last
  validate_every: {steps}
"""

FEW = """
task: segmentation
classes: [background, fault]
data:
  train: [{{image: {seismic}, label: "{label}", interpreted: {{inlines: {inlines}}}}}]
  validation: {{surveys: [{{image: {held}/*-seismic.h5, label: {held}/*-label.h5}}]}}
  patch: [64, 64, 64]
  foreground: 0.5
network: fault-small
training:
  steps: {steps}
  batch: 4
  learning_rate: 0.001
  average: 0.98
  precision: bf16
  keep: last
  validate_every: {steps}
"""
"""Training on a few interpreted inlines; gentle, from a network that knows faults already."""

WINDOWS = ((3, 9), (5, 9), (5, 25))
"""Traces along each axis and samples over which incoherence is told."""

GAP = 16
"""Lines between the half that is learnt from and what is scored."""

FEW_STEPS = 150


def main() -> None:
    """Make, train, score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parihaka", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--cubes", type=int, default=240)
    parser.add_argument("--only", default=",".join(WORLDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lines", default="1,3,10")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    tests = {
        "plain": _cubes(chosen.folder / "test-plain", WORLDS["wu2019"], 6, seed=1000),
        "wide": _cubes(chosen.folder / "test-wide", WORLDS["wide"], 12, seed=1000),
    }
    field = Field(chosen.parihaka)
    for traces, samples in WINDOWS:
        name = f"incoherence, {traces} × {traces} × {samples}"
        _note(chosen.folder, {"world": name, "parihaka": field.score(incoherence(field.image, traces, samples))})
    for name in filter(None, chosen.only.split(",")):
        began = time.perf_counter()
        run = _trained(chosen.folder, name, chosen, tests["wide"])
        trained = time.perf_counter() - began
        found: dict[str, Any] = {kind: _on_cubes(run, folder) for kind, folder in tests.items()}
        found["parihaka"] = field.score(_predicted(run, field))
        _note(chosen.folder, {"world": name, "seconds": round(trained), **found})
    for count in (0, *map(int, chosen.lines.split(","))) if chosen.lines else ():
        run = _trained_on_lines(chosen.folder, field, count, tests["wide"]) if count else chosen.folder / "run-wide"
        _note(chosen.folder, {"lines": count, "second half": field.score(_predicted(run, field), field.second)})
    _draw(chosen.folder, field)


def _draw(folder: Path, field: Field) -> None:
    """A time slice of each prediction there is, the interpretation outlined, as FOLDER/parihaka.png."""
    found = {"incoherence, 5 × 5 × 9": incoherence(field.image)}
    for tag in ("wu2019", "wide", *(path.name for path in sorted(folder.glob("run-wide,*"), key=_inlines))):
        path = folder / f"run-{tag.removeprefix('run-')}" / "parihaka.npy"
        if path.exists():
            found[path.parent.name.removeprefix("run-").replace("-", " ")] = np.squeeze(np.load(path))
    label = field.label
    at = int((label == 1).sum(axis=(0, 1)).argmax())
    inline, crossline, time_axis = field.grid.axes
    figure = Figure(figsize=(11, 2.3 * ceil(len(found) / 3)), layout="constrained")
    panels = figure.subplots(ceil(len(found) / 3), 3, squeeze=False, sharex=True, sharey=True)
    lines = {"origin": "lower", "extent": (crossline.first, crossline.last, inline.first, inline.last)}
    for ax, (name, values) in zip(panels.flat, found.items(), strict=False):
        low, high = np.quantile(values, (0.5, 0.995))
        ax.imshow(values[..., at], cmap="gray_r", vmin=low, vmax=high, aspect="auto", **lines)
        ax.contour(label[..., at] == 1, levels=[0.5], colors="tab:red", linewidths=0.7, **lines)
        ax.set_title(name, fontsize=8, pad=2)
    figure.supxlabel(f"crossline, at {time_axis.label(at):g} {time_axis.unit}", fontsize=8)
    figure.supylabel("inline", fontsize=8)
    figure.savefig(folder / "parihaka.png", dpi=90)


def _inlines(run: Path) -> int:
    return int(run.name.split("-")[2])


def _trained_on_lines(folder: Path, field: Field, count: int, held: Path) -> Path:
    """The run of a few inlines, spread evenly over the first half of the survey, from the recipe wide's network."""
    inlines = [round(field.first + field.half * (k + 0.5) / count) for k in range(count)]
    config, run = folder / f"lines-{count}.yaml", folder / f"run-wide,-{count}-inlines"
    label = f"{field.faults.absolute()}:/faults"
    where = {"seismic": field.seismic.absolute(), "label": label, "held": held.absolute()}
    config.write_text(FEW.format(**where, inlines=inlines, steps=FEW_STEPS))
    if not (run / "model.safetensors").exists():
        _geocnn("train", config, "--run", run, "--init", folder / "run-wide")
    return run


def _predicted(run: Path, field: Field) -> Volume:
    out = run / "parihaka.npy"
    _geocnn("predict", run, field.seismic, "--out", out, "--overwrite")
    return np.asarray(np.load(out))


class Field:
    """Parihaka and its interpretation."""

    def __init__(self, folder: Path) -> None:
        self.seismic = folder / "parihaka_seismic.sgy"
        self.faults = folder / "parihaka_faults.h5"
        survey, label = open_survey(str(self.seismic)), open_survey(f"{self.faults}:/faults")
        self.grid = survey.grid
        self.first, self.half = survey.grid.axes[0].first, survey.grid.axes[0].size // 2
        self.second = slice(self.half + GAP, None)
        self.image = survey.read(survey.grid.whole)[0]
        self.label = label.read(label.grid.whole)[0]

    def score(self, values: Volume, lines: slice = slice(None)) -> dict[str, float]:
        """Average precision over interpreted samples, as it is and after a 9 × 9 lateral maximum; and chance."""
        values, label = np.squeeze(values)[lines], self.label[lines]
        looked = label >= 0
        return {
            "plain": average_precision(values[looked], label[looked] == 1),
            "maximum": average_precision(maximum_filter(values, (9, 9, 1))[looked], label[looked] == 1),
            "chance": round(float((label[looked] == 1).mean()), 4),
        }


def average_precision(values: Volume, true: NDArray[np.bool_]) -> float:
    """Area under the curve of precision over recall, without interpolation."""
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(true[order])
    # Samples of one value are taken together.
    last = np.append(np.diff(values[order]) != 0, True)
    precision, recall = hits[last] / (np.flatnonzero(last) + 1), hits[last] / hits[-1]
    return round(float(np.sum(np.diff(recall, prepend=0) * precision)), 4)


def incoherence(image: Volume, traces: int = 5, samples: int = 9) -> Volume:
    """One less the semblance of traces along both axes over some samples (Marfurt and others, 1998), level."""
    lateral, window = (traces, traces, 1), (1, 1, samples)
    mean = uniform_filter(image, lateral)
    power = uniform_filter(uniform_filter(image**2, lateral), window)
    return 1 - uniform_filter(mean**2, window) / (power + 1e-6 * float(power.mean()))


def _cubes(folder: Path, options: tuple[str, ...], count: int, seed: int) -> Path:
    if not folder.exists():
        _geocnn(
            "synth",
            "faults",
            "--out",
            folder,
            "--count",
            count,
            "--shape",
            SHAPE,
            "--seed",
            seed,
            "--format",
            "h5",
            *options,
        )
    return folder


def _trained(folder: Path, name: str, chosen: argparse.Namespace, held: Path) -> Path:
    """The run of a world."""
    tag = name.replace(" ", "-")
    cubes = _cubes(folder / f"cubes-{tag}", WORLDS[name], chosen.cubes, seed=0)
    config, run = folder / f"{tag}.yaml", folder / f"run-{tag}"
    config.write_text(CONFIG.format(cubes=cubes.absolute(), held=held.absolute(), steps=chosen.steps, seed=chosen.seed))
    if not (run / "model.safetensors").exists():
        _geocnn("train", config, "--run", run)
    return run


def _on_cubes(run: Path, folder: Path) -> float:
    """Mean average precision over the cubes of a folder that have faults."""
    found = []
    for image in sorted(folder.glob("*-seismic.h5")):
        label = str(image).replace("-seismic", "-label")
        told = json.loads(_geocnn("evaluate", run, "--image", image, "--label", label, "--json"))
        found.append(told["average_precision"])
    return round(float(np.nanmean(np.array(found, float))), 4)


def _geocnn(*arguments: object) -> str:
    return subprocess.run([GEOCNN, *map(str, arguments)], check=True, text=True, stdout=subprocess.PIPE).stdout


def _note(folder: Path, found: dict[str, Any]) -> None:
    line = json.dumps(found)
    print(line, flush=True)
    with (folder / "scores.jsonl").open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
