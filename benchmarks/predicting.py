"""``geocnn predict`` from file to file against MONAI's sliding windows over an array in memory.

``python -m benchmarks.predicting [--shape 512,384,256] [--repeats 5] [--only monai|linear]``

Every run is a process of its own. geocnn's time is that of the whole process: start, scan, reading, computing, writing;
useful arithmetic is that of one pass in the time without the start of the process, which is mostly the import of torch.
MONAI's is that of `sliding_window_inference` alone (its inputs, weights and libraries are in memory already).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from math import ceil, prod
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.prediction_files import make_model, make_survey
from benchmarks.timing import Report

WINDOW, OVERLAP = 128, 0.25
GOALS = {
    ("MONAI", "float32"): 5,
    ("MONAI", "bf16"): 10,
    ("MONAI, freed memory kept", "float32"): 2.5,
    ("MONAI, freed memory kept", "bf16"): 4.5,
}
"""How many times geocnn's time a peer takes at least."""
USEFUL = 80
"""Percent of the machine's rate of float32 matrix products."""
Shape = tuple[int, int, int]

PREDICT = "from geocnn_cli.main import run; run()"
PRODUCT = """
import sys, time, torch
a, b = (torch.randn(4096, 4096).to(getattr(torch, sys.argv[1])) for _ in range(2))
torch.mm(a, b)
seconds, end = [], time.perf_counter() + 4
while len(seconds) < 3 or time.perf_counter() < end:
    begun = time.perf_counter()
    torch.mm(a, b)
    seconds.append(time.perf_counter() - begun)
print(2 * 4096**3 / sorted(seconds)[len(seconds) // 2])
"""
MONAI = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
from pathlib import Path
from monai.inferers import sliding_window_inference
from geocnn.device import keep_freed_memory
from geocnn.model import load_model
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
model, survey, window, overlap, kept, compared = json.loads(sys.argv[1])
if kept:
    keep_freed_memory()
network = load_model(Path(model)).network
survey = open_survey([survey], SurveyOptions())
samples = torch.from_numpy(survey.read(survey.grid.whole))[None]
samples = ((samples - samples.mean()) / samples.std()).clip(-5, 5)
begun = time.perf_counter()
with torch.inference_mode():
    logits = sliding_window_inference(samples, (window,) * 3, 1, network, overlap=overlap, mode="gaussian")
told = {"seconds": time.perf_counter() - begun}
if compared:
    found = open_survey([compared], SurveyOptions())
    apart = np.abs(torch.sigmoid(logits)[0].numpy() - found.read(found.grid.whole))
    told["median"], told["largest"] = float(np.median(apart)), float(apart.max())
print(json.dumps(told))
"""


def main(arguments: list[str]) -> int:
    """Measure; 1 if a promise was not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", type=sizes, default="512,384,256")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("monai", "linear"))
    parser.add_argument("--flat", type=sizes, default="64,384,256", help="compared with 8 times as many inlines")
    parser.add_argument("--cube", type=sizes, default="128,96,128", help="compared with twice as many on each axis")
    asked = parser.parse_args(arguments)
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_model(folder / "model.safetensors")
        if asked.only != "linear":
            same_work(report, model)
            against_monai(report, model, make_survey(folder / "survey.sgy", asked.shape), asked.shape, asked.repeats)
        if asked.only != "monai":
            (i, x, s), cube = asked.flat, asked.cube
            linear(report, model, (asked.flat, (8 * i, x, s)), asked.repeats)
            linear(report, model, (cube, (2 * cube[0], 2 * cube[1], 2 * cube[2])), asked.repeats)
    return int(report.broken > 0)


def same_work(report: Report, model: Path) -> None:
    """Where MONAI needs a single window, it has the same probabilities."""
    survey = make_survey(model.with_name("window.sgy"), (WINDOW,) * 3)
    done = predict(model, survey, "float32")
    apart = monai(model, survey, kept=True, compared=done.out)["largest"]
    report.value(f"largest |Δ| of probabilities to MONAI's on one window of {WINDOW}³", apart, "", 1e-4)


def against_monai(report: Report, model: Path, survey: Path, shape: Shape, repeats: int) -> None:
    """All ways in turns, and the machine's rate of matrix products before and after each of geocnn's."""
    exact = survey.with_name("exact.sgy")
    seconds: dict[str, list[float]] = defaultdict(list)
    shares: dict[str, list[float]] = defaultdict(list)
    work = 2 * multiply_adds() * prod(shape)
    for turn in range(repeats):
        for precision in ("float32", "bf16"):
            before = product(precision)
            done = predict(model, survey, precision)
            rate = (before + product(precision)) / 2
            seconds[f"geocnn {precision}"].append(done.wall)
            shares[precision].append(100 * work / done.told["seconds"]["total"] / rate)
            shares[f"{precision}, while it computes"].append(100 * work / done.told["seconds"]["compute"] / rate)
            print(f"  {precision}: {done}; products at {rate / 1e9:.0f} G operations/s", flush=True)
            if precision == "float32":
                done.out.replace(exact)
        for name, kept in (("MONAI", False), ("MONAI, freed memory kept", True)):
            told = monai(model, survey, kept, None if turn else exact)
            seconds[name].append(told.pop("seconds"))
            apart = "".join(f", {key} |Δ| of probabilities {value:.1e}" for key, value in told.items())
            print(f"  {name}: {seconds[name][-1]:.1f} s{apart}", flush=True)
    print(f"\nfrom SEG-Y to SEG-Y, {shape}, against windows of {WINDOW}³ at overlap {OVERLAP}; medians of {repeats}")
    _tell_times(report, seconds, shape)
    for name, each in shares.items():
        title = f"useful arithmetic, {name}, of the machine's matrix products"
        report.least(title, median(each), "%", USEFUL if name == "float32" else 0)


def _tell_times(report: Report, seconds: dict[str, list[float]], shape: Shape) -> None:
    """Medians, and what the peers take of geocnn's time turn by turn."""
    for name, each in seconds.items():
        print(f"  {name:28s} {median(each):8.1f} s   {prod(shape) / median(each) / 1e6:6.2f} M samples/s")
    half = windows(shape, 0.5) / windows(shape, OVERLAP)
    print(f"  MONAI at overlap 0.5: {half:.2f} times as many windows, so {half * median(seconds['MONAI']):.0f} s")
    for (peer, precision), goal in GOALS.items():
        ratios = [a / b for a, b in zip(seconds[peer], seconds[f"geocnn {precision}"], strict=True)]
        turns = " ".join(f"{ratio:.2f}" for ratio in ratios)
        report.least(f"{peer}, of geocnn's time in {precision} ({turns})", median(ratios), "×", goal)


def linear(report: Report, model: Path, shapes: tuple[Shape, Shape], repeats: int) -> None:
    """Time per sample of a survey and of one 8 times as large, in turns."""
    surveys = [make_survey(model.with_name(f"linear{number}.sgy"), shape) for number, shape in enumerate(shapes)]
    ratios, starts = [], []
    for _ in range(repeats):
        small, large = (predict(model, survey, "float32") for survey in surveys)
        ratios.append(large.per_sample / small.per_sample)
        starts += [small.start, large.start]
        print(f"  {shapes[0]}: {small}\n  {shapes[1]}: {large}", flush=True)
    report.value(f"time per sample of {shapes[1]}, of that of {shapes[0]}", median(ratios), "×", 1.1)
    turns = " ".join(f"{ratio:.3f}" for ratio in ratios)
    print(f"  turn by turn {turns}; start and end of the process, not counted, {median(starts):.1f} s")


class Done(NamedTuple):
    """A prediction: seconds of the whole process, the JSON that it printed, and the file that it wrote."""

    wall: float
    told: dict[str, Any]
    out: Path

    @property
    def start(self) -> float:
        """Seconds of the process outside of the prediction: mostly the import of torch."""
        return self.wall - float(self.told["seconds"]["total"])

    @property
    def per_sample(self) -> float:
        """Seconds, without those of the process's start."""
        return float(self.told["seconds"]["total"]) / int(self.told["samples"])

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {each:.1f}" for name, each in self.told["seconds"].items())
        return f"{self.wall:.1f} s ({parts}; {'; '.join(map(str, self.told['plans']))})"


def predict(model: Path, survey: Path, precision: str) -> Done:
    """A run of ``geocnn predict``."""
    out = survey.with_name("out.sgy")
    begun = time.perf_counter()
    told = run(PREDICT, *prediction(model, survey, out), "--json", "--precision", precision)
    return Done(time.perf_counter() - begun, json.loads(told), out)


def prediction(model: Path, survey: Path, out: Path) -> list[str]:
    """The words of the command line."""
    return ["predict", str(model), str(survey), "--out", str(out), "--overwrite"]


def monai(model: Path, survey: Path, kept: bool, compared: Path | None) -> dict[str, float]:
    """Seconds of MONAI's run, and how far its probabilities are from those of a file."""
    told = run(MONAI, json.dumps([str(model), str(survey), WINDOW, OVERLAP, kept, compared and str(compared)]))
    return dict(json.loads(told))


def product(precision: str) -> float:
    """Operations a second of products of two matrices of 4096² over a few seconds, the median."""
    return float(run(PRODUCT, {"float32": "float32", "bf16": "bfloat16"}[precision]))


def run(code: str, *arguments: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def multiply_adds() -> float:
    """Of one pass, for each sample."""
    from geocnn.network.plan import expand
    from geocnn.network.spec import load_spec

    shape = (WINDOW,) * 3
    return expand(load_spec("faultseg3d")[0], (1, *shape), 1).multiply_adds / prod(shape)


def windows(shape: Shape, overlap: float) -> int:
    """How many windows MONAI computes: they start at multiples of a step, the last ends at the end."""
    step = int(WINDOW * (1 - overlap))
    return prod(ceil(max(0, n - WINDOW) / step) + 1 for n in shape)


def sizes(text: str) -> Shape:
    """``512,384,256`` as numbers."""
    first, second, third = map(int, text.split(","))
    return first, second, third


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
