"""Memory of ``geocnn predict``: flat in the number of inlines, and within a job's limit, however large the survey.

``python -m benchmarks.prediction_memory [--section 384,256] [--inlines 256,2048]``
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.predicting import PREDICT
from benchmarks.prediction_files import make_model, make_survey
from benchmarks.timing import Report

LIMIT = 1_500_000_000


def main(arguments: list[str]) -> int:
    """Measure; 1 if a promise was not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--section", default="384,256")
    parser.add_argument("--inlines", default="256,2048")
    parser.add_argument("--crosslines-of-large", type=int, default=1024, help="of the survey that exceeds the limit")
    asked = parser.parse_args(arguments)
    report = Report()
    crosslines, samples = map(int, asked.section.split(","))
    few, many = map(int, asked.inlines.split(","))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, peaks = make_model(folder / "model.safetensors"), []
        for inlines in (few, many):
            survey = make_survey(folder / "survey.sgy", (inlines, crosslines, samples))
            status, peak = watched(model, survey, folder / "out.sgy")
            if status:
                raise SystemExit(f"exit status {status}")
            report.value(f"anonymous memory of {inlines} × {crosslines} × {samples}", peak / 1e9, "GB", 2.5)
            peaks.append(peak)
        report.value(f"growth from {few} to {many} inlines", 100 * abs(peaks[1] / peaks[0] - 1), "%", 5)
        beyond_the_limit(report, folder, asked.crosslines_of_large)
    return int(report.broken > 0)


def beyond_the_limit(report: Report, folder: Path, crosslines: int) -> None:
    """A survey three times a job's memory limit."""
    group = Group.made(LIMIT)
    if group is None:
        print("\nno memory cgroup can be made here: the survey beyond the limit is left out")
        return
    inlines = 3 * LIMIT // (crosslines * 512 * 4) + 1
    model = make_model(folder / "small.safetensors", "fault-small")
    survey = make_survey(folder / "large.sgy", (inlines, crosslines, 512))
    try:
        begun = time.perf_counter()
        status, peak = watched(model, survey, folder / "out.sgy", group.join)
        seconds = time.perf_counter() - begun
        size = survey.stat().st_size
        print(f"\na survey of {size / 1e9:.2f} GB in a job of {LIMIT / 1e9:.2f} GB: {seconds:.0f} s")
        print(f"  anonymous memory at most {peak / 1e9:.2f} GB, with cached files {group.peak / 1e9:.2f} GB")
        report.value("exit status", status, "", 0)
    finally:
        with suppress(OSError):
            group.folder.rmdir()


def watched(model: Path, survey: Path, out: Path, join: Callable[[], None] | None = None) -> tuple[int, int]:
    """Exit status of a prediction, and the most bytes of anonymous memory that it held."""
    command = [sys.executable, "-c", PREDICT, "predict", str(model), str(survey), "--out", str(out), "--overwrite"]
    process = subprocess.Popen(command, preexec_fn=join, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, 1024 * int(status.split("RssAnon:")[1].split()[0]))
        time.sleep(0.02)
    return process.returncode, peak


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
            folder = Path(root) / "geocnn-bench"
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                (folder / file_of_limit).write_text(str(limit))
                return cls(folder, file_of_peak)
        return None

    def join(self) -> None:
        """Have this process be of it."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        """The most bytes that its processes held together, cached files among them."""
        return int((self.folder / self.file_of_peak).read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
