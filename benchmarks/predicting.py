"""``geocnn predict`` from file to file against MONAI's sliding windows over an array in memory.

``python -m benchmarks.predicting [--shape 512,384,256] [--rounds 5]``

Every run is a process of its own. geocnn's time is that of the whole process: start, scan, reading, computing, writing.
MONAI's is that of `sliding_window_inference` alone (its inputs, weights and libraries are in memory already).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from math import ceil, prod
from pathlib import Path
from statistics import median

from benchmarks.prediction_files import make_model, make_survey
from benchmarks.timing import Report

WINDOW, OVERLAP = 128, 0.25
GROWN = 8

PREDICT = "from geocnn_cli.main import run; run()"
PRODUCT = """
import time, torch
a, b = torch.randn(4096, 4096), torch.randn(4096, 4096)
a, b = a.to({dtype}), b.to({dtype})
torch.mm(a, b)
seconds = []
for _ in range(12):
    begun = time.perf_counter()
    torch.mm(a, b)
    seconds.append(time.perf_counter() - begun)
print(2 * 4096**3 / sorted(seconds)[len(seconds) // 2])
"""
MONAI = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
from pathlib import Path
from monai.inferers import sliding_window_inference
from geocnn.device import keep_freed_memory
from geocnn.model import load_model
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
if {kept}:
    keep_freed_memory()
network = load_model(Path(sys.argv[1])).network
survey = open_survey([sys.argv[2]], SurveyOptions())
samples = torch.from_numpy(survey.read(survey.grid.whole))[None]
samples = ((samples - samples.mean()) / samples.std()).clip(-5, 5)
begun = time.perf_counter()
with torch.inference_mode():
    logits = sliding_window_inference(samples, (128,) * 3, 1, network, overlap=0.25, mode="gaussian")
print(time.perf_counter() - begun)
if len(sys.argv) > 3:
    found = open_survey([sys.argv[3]], SurveyOptions())
    apart = np.abs(torch.sigmoid(logits)[0].numpy() - found.read(found.grid.whole))
    print(np.median(apart), apart.max())
"""


def main(arguments: list[str]) -> int:
    """Measure; 1 if a promise was not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="512,384,256")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--linear", default="128,96,128", help="a survey that is compared with one of 8 times its size")
    asked = parser.parse_args(arguments)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder) / "model.safetensors")
        against_monai(report, Path(folder), model, sizes(asked.shape), asked.rounds)
        linear(report, Path(folder), model, sizes(asked.linear), asked.rounds)
    return int(report.broken > 0)


def against_monai(report: Report, folder: Path, model: Path, shape: tuple[int, int, int], rounds: int) -> None:
    """All ways in turns, and the machine's rate of matrix products between them."""
    survey, out = make_survey(folder / "survey.sgy", shape), folder / "out.sgy"
    seconds: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    work = 2 * multiply_adds() * prod(shape)
    for turn in range(rounds):
        for precision in ("float32", "bf16"):
            before = product(precision)
            wall, told = predict(model, survey, out, precision)
            rate = (before + product(precision)) / 2
            seconds.setdefault(f"geocnn {precision}", []).append(wall)
            shares.setdefault(precision, []).append(work / told["seconds"]["total"] / rate)
            shares.setdefault(f"{precision}, computing alone", []).append(work / told["seconds"]["compute"] / rate)
            if not turn:
                print(f"  {precision}: {told['plans']}, {told['seconds']}", flush=True)
            if precision == "float32":
                out.replace(folder / "exact.sgy")
        for name, kept in (("MONAI", False), ("MONAI, freed memory kept", True)):
            compared = [str(folder / "exact.sgy")] if not turn else []
            first, *more = run(MONAI.format(kept=kept), str(model), str(survey), *compared).split("\n")
            seconds.setdefault(name, []).append(float(first))
            if more and more[0]:
                print(f"  |Δ| of probabilities to {name}: median, largest {more[0]}", flush=True)
        print(
            f"  turn {turn + 1}: " + ", ".join(f"{name} {each[-1]:.1f} s" for name, each in seconds.items()), flush=True
        )
    print(f"\nfrom SEG-Y to SEG-Y, {shape}, against windows of {WINDOW}³ at overlap {OVERLAP}; medians of {rounds}")
    for name, each in seconds.items():
        print(f"  {name:28s} {median(each):8.1f} s   {prod(shape) / median(each) / 1e6:6.2f} M samples/s")
    half = windows(shape, 0.5) / windows(shape, OVERLAP)
    print(f"  MONAI at overlap 0.5: {half:.2f} times as many windows, so {half * median(seconds['MONAI']):.0f} s")
    for peer, least in (("MONAI", (5, 10)), ("MONAI, freed memory kept", (2.5, 4.5))):
        for precision, goal in zip(("float32", "bf16"), least, strict=True):
            ratio = median(a / b for a, b in zip(seconds[peer], seconds[f"geocnn {precision}"], strict=True))
            report.least(f"{peer} takes of geocnn's time in {precision}", ratio, "×", goal)
    for name, each in shares.items():
        report.least(f"useful arithmetic, {name}, of the machine's matrix products", 100 * median(each), "%",
                     80 if name == "float32" else 0)  # fmt: skip


def linear(report: Report, folder: Path, model: Path, shape: tuple[int, int, int], rounds: int) -> None:
    """Time per sample of a survey and of larger ones, in turns."""
    grown = {
        "8 times as many inlines": (GROWN * shape[0], *shape[1:]),
        "twice as many on each axis": tuple(2 * n for n in shape),
    }
    small = make_survey(folder / "small.sgy", shape)
    for name, larger in grown.items():
        large = make_survey(folder / "large.sgy", (larger[0], larger[1], larger[2]))
        ratios = []
        for _ in range(rounds):
            each = [predict(model, survey, folder / "out.sgy", "float32")[1] for survey in (small, large)]
            per_sample = [told["seconds"]["total"] / told["samples"] for told in each]
            ratios.append(per_sample[1] / per_sample[0])
        report.value(f"time per sample, {name} than {shape}, of that of the smaller", median(ratios), "×", 1.1)


def predict(model: Path, survey: Path, out: Path, precision: str) -> tuple[float, dict]:
    """Seconds of the whole process, and what it tells."""
    begun = time.perf_counter()
    told = run(
        PREDICT,
        "predict",
        str(model),
        str(survey),
        "--out",
        str(out),
        "--overwrite",
        "--json",
        "--precision",
        precision,
    )
    return time.perf_counter() - begun, json.loads(told)


def product(precision: str) -> float:
    """Operations a second of a product of two matrices of 4096²."""
    return float(run(PRODUCT.format(dtype={"float32": "torch.float32", "bf16": "torch.bfloat16"}[precision])))


def run(code: str, *arguments: str) -> str:
    """What a process of its own prints."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])}\n{done.stderr}")
    return done.stdout


def multiply_adds() -> float:
    """Of one pass, for each sample."""
    from geocnn.network.plan import expand
    from geocnn.network.spec import load_spec

    shape = (128, 128, 128)
    return expand(load_spec("faultseg3d")[0], (1, *shape), 1).multiply_adds / prod(shape)


def windows(shape: tuple[int, ...], overlap: float) -> int:
    """How many windows MONAI computes: they start at multiples of a step, the last ends at the end."""
    step = int(WINDOW * (1 - overlap))
    return prod(ceil(max(0, n - WINDOW) / step) + 1 for n in shape)


def sizes(text: str) -> tuple[int, int, int]:
    """``512,384,256`` as numbers."""
    first, second, third = map(int, text.split(","))
    return first, second, third


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
