"""The run directory: config, metrics, log, checkpoints, findings, model, pictures."""

from __future__ import annotations

import fcntl
import json
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from geocnn.device import Device
from geocnn.errors import RunError
from geocnn.model import MODEL_FILE
from geocnn.output import output_error, whole_file

__all__ = ["RunDirectory"]


class RunDirectory:
    """A folder that holds one run.

    ::

        run/  config.yaml   metrics.jsonl   environment.json   log.txt
              checkpoints/   data/   model.safetensors   pictures/*.png

    It holds a run from when ``config.yaml`` is there, which is written last of what a run begins with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.metrics = path / "metrics.jsonl"
        self.environment = path / "environment.json"
        self.log = path / "log.txt"
        self.model = path / MODEL_FILE
        self.pictures = path / "pictures"
        self.checkpoints = path / "checkpoints"
        self.data = path / "data"
        self.curves = path / "tensorboard"

    def require_begun(self) -> None:
        """Refuse a folder in which no run has begun.

        Raises
        ------
        RunError
            If there is none.
        """
        if not self.config.exists():
            raise RunError(
                f"{self.path} holds no run",
                expected="the folder of a run that has begun",
                do="check --run; to begin one there, train without --resume",
            )

    def require_new(self) -> None:
        """Refuse a folder that is not free for a new run.

        What a run that was killed before it began has left is no obstacle.

        Raises
        ------
        RunError
            If it is a file, holds a run, or something that is not a run's.
        """
        own = {each.name for each in (self.checkpoints, self.data, self.pictures, self.log, self.environment)}
        if self.path.is_dir() and not self.config.exists():
            strange = sorted(each.name for each in self.path.iterdir() if each.name not in own)
            if not strange:
                return
        if self.path.exists():
            raise RunError(
                f"{self.path} exists and is not an empty folder",
                expected="a new folder for a new run",
                do="choose another --run" + (", or go on with the run there: --resume" if self.config.exists() else ""),
            )

    def create(self) -> None:
        """Make the folders for a new run.

        Raises
        ------
        RunError
            If the folder is not free.
        OutputError
            If it cannot be made.
        """
        self.require_new()
        try:
            for folder in (self.path, self.pictures, self.checkpoints, self.data):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error

    def begin(self, config: str) -> None:
        """Write the config, with which the run has begun.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with whole_file(self.config) as temporary:
            temporary.write_text(config, encoding="utf-8")

    def sweep(self) -> None:
        """Remove the half-written files of processes that were killed; only while the run is locked."""
        for leftover in self.path.rglob(".*.partial"):
            leftover.unlink(missing_ok=True)

    def describe(self, device: Device, processes: int) -> None:
        """Write what the run computes with."""
        packages = {name: version(name) for name in ("geocnn", "torch", "numpy", "lightning-fabric", "segyio", "h5py")}
        facts = {
            "device": str(device),
            "processes": processes,
            "python": platform.python_version(),
            "system": platform.platform(),
            **packages,
        }
        with whole_file(self.environment, overwrite=True) as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process alone.

        Raises
        ------
        RunError
            If another process trains in it.
        """
        try:
            file = self.log.open("a", encoding="utf-8")
        except OSError as error:
            raise output_error(self.log, error) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"another process is training in {self.path}",
                    expected="one process a run",
                    do="wait for it, stop it, or choose another --run",
                ) from error
            yield

    def append_log(self, text: str) -> None:
        """Add a line with the time of day to ``log.txt``."""
        self._append(self.log, f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")

    def append_metrics(self, record: Mapping[str, object]) -> None:
        """Add a line to ``metrics.jsonl``."""
        self._append(self.metrics, json.dumps(record) + "\n")

    @staticmethod
    def _append(path: Path, line: str) -> None:
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise output_error(path, error) from error

    def forget_after(self, step: int) -> None:
        """Drop metrics of steps that will be done again, and a last line that was cut off."""
        if not self.metrics.exists():
            return
        kept = [line for line in self.metrics.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        with whole_file(self.metrics, overwrite=True) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _step_of(line: str) -> float:
    """Step of a line of metrics; infinity for a line that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError):
        return float("inf")
