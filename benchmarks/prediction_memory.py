"""Memory of ``geocnn predict``: flat in the number of inlines, and within a job's limit, however large the survey.

``python -m benchmarks.prediction_memory [--section 384,256] [--inlines 256,2048] [--only flat|limit]``
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import NamedTuple

from benchmarks.predicting import PREDICT, prediction
from benchmarks.prediction_files import make_model, make_survey
from benchmarks.timing import Report

MOST_GB, MOST_GROWTH = 2.5, 5
EVERY = 0.02
"""Seconds between two looks at a process's memory."""


def main(arguments: list[str]) -> int:
    """Measure; 1 if a promise was not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("flat", "limit"))
    parser.add_argument("--section", type=numbers, default="384,256", help="crosslines, samples")
    parser.add_argument("--inlines", type=numbers, default="256,2048", help="of the smaller and the larger survey")
    parser.add_argument("--limit", type=float, default=1.5, help="of the job, in GB")
    parser.add_argument("--times", type=float, default=3, help="how many times the limit the survey is")
    parser.add_argument("--large", type=numbers, default="1024,512", help="crosslines, samples of that survey")
    parser.add_argument("--memory", help="as of geocnn predict, for the survey beyond the limit; else its own choice")
    asked = parser.parse_args(arguments)
    # A benchmark that is stopped takes its processes, files and cgroup with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        if asked.only != "limit":
            flat(report, Path(name), asked.inlines, asked.section)
        if asked.only != "flat":
            beyond_the_limit(report, Path(name), asked)
    return int(report.broken > 0)


def flat(report: Report, folder: Path, inlines: tuple[int, int], section: tuple[int, int]) -> None:
    """Surveys of one cross-section, of few and of many inlines."""
    model, peaks = make_model(folder / "model.safetensors"), []
    for count in inlines:
        survey = make_survey(folder / "survey.sgy", (count, *section))
        begun = time.perf_counter()
        status, peak = watched(prediction(model, survey, folder / "out.sgy"))
        if status:
            raise SystemExit(f"exit status {status}")
        size = " × ".join(map(str, (count, *section)))
        title = f"anonymous memory of {size}, {time.perf_counter() - begun:.0f} s"
        report.value(title, peak / 1e9, "GB", MOST_GB)
        peaks.append(peak)
        sys.stdout.flush()
    report.value(
        f"change from {inlines[0]} to {inlines[1]} inlines", 100 * abs(peaks[1] / peaks[0] - 1), "%", MOST_GROWTH
    )


def beyond_the_limit(report: Report, folder: Path, asked: argparse.Namespace) -> None:
    """A survey three times a job's memory limit."""
    limit, section = round(asked.limit * 1e9), asked.large
    group = Group.made(limit)
    if group is None:
        print("\nno memory cgroup can be made here, as that takes root: the survey beyond a job's limit is left out")
        return
    try:
        model = make_model(folder / "small.safetensors", "fault-small")
        inlines = ceil(asked.times * limit / (section[0] * section[1] * 4))
        survey, out = make_survey(folder / "large.sgy", (inlines, *section)), folder / "large-out.sgy"
        forget(survey)
        begun = time.perf_counter()
        memory = ["--memory", asked.memory] if asked.memory else []
        status, peak = watched([*prediction(model, survey, out), *memory], group.join)
        size, seconds = survey.stat().st_size, time.perf_counter() - begun
        print(f"\na survey of {size / 1e9:.2f} GB in a job of {limit / 1e9:.2f} GB: {seconds:.0f} s")
        print(f"  anonymous memory at most {peak / 1e9:.2f} GB, with cached files {group.peak / 1e9:.2f} GB")
        # A process that was killed has a negative status.
        report.value(f"exit status {status}; failures", int(status != 0), "", 0)
        written = out.stat().st_size if out.exists() else 0
        report.value("bytes that the output is larger or smaller than the survey", abs(written - size), "", 0)
    finally:
        group.remove()


def forget(path: Path) -> None:
    """Drop a file's pages from the system's cache: whoever reads them again is charged for them."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def watched(words: list[str], join: Callable[[], None] | None = None) -> tuple[int, int]:
    """Exit status of a run of ``geocnn``, and the most bytes of anonymous memory that it and its children held."""
    command = [sys.executable, "-c", PREDICT, *words]
    process = subprocess.Popen(command, preexec_fn=join, stdout=subprocess.DEVNULL)
    peak = 0
    try:
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(EVERY)
    finally:
        process.kill()
        process.wait()
    return process.returncode, peak


def anonymous(process: int) -> int:
    """Bytes of anonymous memory of a process and its children; 0 if it has ended."""
    held = 0
    with suppress(OSError, IndexError):
        held = 1024 * int(Path(f"/proc/{process}/status").read_text().split("RssAnon:")[1].split()[0])
        for each in Path(f"/proc/{process}/task").glob("*/children"):
            held += sum(anonymous(int(child)) for child in each.read_text().split())
    return held


class Group(NamedTuple):
    """A memory cgroup of our own, of version 1 or 2."""

    folder: Path
    file_of_peak: str

    @classmethod
    def made(cls, limit: int) -> Group | None:
        """A new one with a limit in bytes; None if none can be made."""
        for root, file_of_limit, file_of_peak in (
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
            ("/sys/fs/cgroup", "memory.max", "memory.peak"),
        ):
            group = cls(Path(root) / f"geocnn-bench-{os.getpid()}", file_of_peak)
            with suppress(OSError):
                group.folder.mkdir()
                # Elsewhere than in a cgroup's folder there would be no such file, and writing would make a plain one.
                if (group.folder / file_of_limit).exists():
                    (group.folder / file_of_limit).write_text(str(limit))
                    return group
            group.remove()
        return None

    def join(self) -> None:
        """Have this process be of it."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        """The most bytes that its processes held together, cached files among them."""
        return int((self.folder / self.file_of_peak).read_text())

    def remove(self) -> None:
        """Remove it; its last process may still be on its way out."""
        for _ in range(50):
            with suppress(OSError):
                self.folder.rmdir()
            if not self.folder.exists():
                return
            time.sleep(0.1)
        print(f"{self.folder} could not be removed")


def numbers(text: str) -> tuple[int, int]:
    """``384,256`` as numbers."""
    first, second = map(int, text.split(","))
    return first, second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
