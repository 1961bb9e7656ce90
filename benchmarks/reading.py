"""How fast surveys are read, against segyio and segfast in the same run: ``make bench``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import segfast
import segyio

from benchmarks.files import make_segy
from benchmarks.timing import Report, medians
from geocnn.grid import Window
from geocnn.survey.opening import open_survey
from geocnn.survey.options import Place

FOLDER = Path(os.environ.get("GEOCNN_BENCH", Path(tempfile.gettempdir()) / "geocnn-bench"))
CUBE = (400, 500, 462)
PATCH = 128


def main() -> int:
    """Measure everything; 1 if a promise was not kept."""
    FOLDER.mkdir(exist_ok=True)
    os.environ["GEOCNN_CACHE"] = str(FOLDER / "cache")
    report = Report()
    cube = make_segy(FOLDER / "cube.sgy", CUBE)
    patches(report, cube)
    keeping_up(report, cube)
    time_slices(report, cube)
    memory(report, cube)
    header_fields(report, make_segy(FOLDER / "headers.sgy", (2000, 1000, 50)))
    opening(report, make_segy(FOLDER / "large.sgy", (1100, 1100, 1001), sparse=True))
    inspecting(report, make_segy(FOLDER / "huge.sgy", (1500, 1600, 1001), sparse=True))
    return int(report.broken > 0)


def patches(report: Report, path: Path) -> None:
    """Random cubes of 128³, each a float32 array of its own."""
    survey = open_survey(str(path))
    raw = segyio.open(str(path), ignore_geometry=True)
    raw.mmap()
    fast = segfast.open(str(path), engine="memmap")
    record = np.dtype([("header", "V240"), ("samples", ">u4", CUBE[2])])
    mapped = np.memmap(path, record, "r", 3600, CUBE[:2])["samples"]
    rng = np.random.default_rng(0)
    corners = [tuple(int(rng.integers(0, n - PATCH + 1)) for n in CUBE) for _ in range(40)]

    def numbers(corner: tuple[int, int, int]) -> np.ndarray:
        i, x = (np.arange(a, a + PATCH) for a in corner[:2])
        return (i[:, None] * CUBE[1] + x).ravel()

    def by_segyio(turn: int) -> object:
        i, x, s = corners[turn]
        patch = np.empty((PATCH,) * 3, np.float32)
        for row in range(PATCH):
            first = (i + row) * CUBE[1] + x
            patch[row] = raw.trace.raw[first : first + PATCH][:, s : s + PATCH]
        return patch

    def by_segfast(turn: int) -> object:
        s = corners[turn][2]
        return fast.load_traces(numbers(corners[turn]), limits=slice(s, s + PATCH))

    def by_geocnn(turn: int) -> object:
        return survey.read(Window(corners[turn], tuple(a + PATCH for a in corners[turn])))

    def floor(turn: int) -> object:
        return mapped[tuple(slice(a, a + PATCH) for a in corners[turn])].copy()

    ways = {
        "geocnn": by_geocnn,
        "segyio, raw trace slices": by_segyio,
        "segfast": by_segfast,
        "strided copy (floor)": floor,
    }
    same = [np.asarray(way(0)).reshape((PATCH,) * 3) for way in (by_geocnn, by_segyio, by_segfast)]
    if not all(np.array_equal(same[0], other) for other in same[1:]):
        raise RuntimeError("the readers disagree")
    wanted = {"segyio, raw trace slices": 3.3, "segfast": 1.9}
    title = "128³ patches of a 400 × 500 × 462 IBM cube, warm cache"
    report.ratios(title, medians(ways, len(corners)), wanted)


TRAINING = """
import os, sys, time
import numpy as np
import torch
from geocnn.device import keep_freed_memory
from geocnn.grid import Window
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.survey.opening import open_survey

keep_freed_memory()
path, cold = sys.argv[1], sys.argv[2] == "cold"
side, batch, steps = 64, 4, 12
survey = open_survey(path)
if cold:
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
rng = np.random.default_rng(0)
network = Network(expand(load_spec("fault-small")[0], (1, side, side, side), 1))
initialise(network, 0)
optimiser = torch.optim.AdamW(network.parameters())
reading, training = [], []
for _ in range(steps):
    begin = time.perf_counter()
    corners = [[int(rng.integers(0, n - side + 1)) for n in survey.grid.shape] for _ in range(batch)]
    patches = [survey.read(Window(tuple(c), tuple(a + side for a in c))) for c in corners]
    between = time.perf_counter()
    network(torch.from_numpy(np.stack(patches))).square().mean().backward()
    optimiser.step()
    optimiser.zero_grad()
    reading.append(between - begin)
    training.append(time.perf_counter() - between)
print(np.median(reading), np.max(reading), np.median(training))
"""


def keeping_up(report: Report, path: Path) -> None:
    """Reading the four patches of 64³ of a step of the small fault network, against the step itself."""
    for state in ("warm", "cold"):
        reading, slowest, training = (float(word) for word in _elsewhere(TRAINING, path, state).split())
        title = f"four patches of 64³ for a step of fault-small ({1000 * training:.0f} ms), {state} file, slowest "
        report.value(f"{title}{1000 * slowest:.0f} ms; median", 100 * reading / training, "% of the step", 20)


def time_slices(report: Report, path: Path) -> None:
    """One sample of every trace."""
    survey = open_survey(str(path))
    plain, mapped = segyio.open(str(path)), segyio.open(str(path))
    mapped.mmap()
    inlines, crosslines, samples = CUBE

    def by_geocnn(turn: int) -> object:
        return survey.read(Window((0, 0, 37 * turn % samples), (inlines, crosslines, 37 * turn % samples + 1)))

    ways = {
        "geocnn": by_geocnn,
        "segyio.depth_slice": lambda turn: plain.depth_slice[37 * turn % samples],
        "segyio.depth_slice after mmap()": lambda turn: mapped.depth_slice[37 * turn % samples],
    }
    if not np.array_equal(by_geocnn(3)[0, :, :, 0], ways["segyio.depth_slice"](3)):
        raise RuntimeError("the readers disagree")
    report.ratios("a time slice of the cube", medians(ways, 9), {"segyio.depth_slice": 10})


def header_fields(report: Report, path: Path) -> None:
    """Two fields of all trace headers."""
    file = open_survey(str(path)).file
    plain, mapped = (segyio.open(str(path), ignore_geometry=True) for _ in range(2))
    mapped.mmap()
    ways = {
        "geocnn": lambda _: file.fields(Place(189), Place(193)),
        "segyio.attributes": lambda _: (plain.attributes(189)[:], plain.attributes(193)[:]),
        "segyio.attributes after mmap()": lambda _: (mapped.attributes(189)[:], mapped.attributes(193)[:]),
    }
    report.ratios("two header fields of 2,000,000 traces", medians(ways, 3), {"segyio.attributes": 5})


def _elsewhere(code: str, *arguments: object) -> str:
    """What a program in a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


MEMORY = """
import sys, threading, time
from geocnn.grid import Window
from geocnn.survey.opening import open_survey

def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

survey = open_survey(sys.argv[1])
survey.read(Window((0, 0, 0), (8, 8, 8)))
before, most, done = anonymous(), [0], threading.Event()

def watch():
    while not done.is_set():
        most[0] = max(most[0], anonymous())
        time.sleep(0.0005)

thread = threading.Thread(target=watch)
thread.start()
window = Window((10, 10, 10), (310, 410, 410))
samples = survey.read(window)
most[0] = max(most[0], anonymous())
done.set()
thread.join()
print((most[0] - before) * 1024 / (4 * window.size))
"""


def memory(report: Report, path: Path) -> None:
    """Anonymous memory at its peak, over the bytes of the window that was read."""
    report.value("anonymous memory of a read of 192 MB", float(_elsewhere(MEMORY, path)), "× the window", 2.5)


OPENING = """
import sys, time
import numpy, segyio
from geocnn.survey.opening import open_survey
import geocnn.survey.segy.reader
begin = time.perf_counter()
survey = open_survey(sys.argv[1])
print(time.perf_counter() - begin, survey.grid.shape)
"""


def opening(report: Report, path: Path) -> None:
    """Opening a file of 5 GB, first and again, in processes of their own."""
    for entry in (FOLDER / "cache").glob("*.npz"):
        entry.unlink()
    first, again = (_elsewhere(OPENING, path).split()[0] for _ in range(2))
    title = f"opening {path.stat().st_size / 1e9:.1f} GB again, after {float(first):.2f} s for the first time"
    report.value(title, float(again), "s", 0.5)


def inspecting(report: Report, path: Path) -> None:
    """``geocnn inspect`` of a file of 10 GB."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([Path(sys.executable).with_name("geocnn"), "inspect", path], check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    report.value(f"geocnn inspect of {path.stat().st_size / 1e9:.1f} GB, median of three", median(seconds), "s", 2)


if __name__ == "__main__":
    sys.exit(main())
