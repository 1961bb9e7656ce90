"""The run directory: config, metrics, log, checkpoints in two slots, model, pictures."""

from __future__ import annotations

import fcntl
import json
import pickle
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from geocnn.device import Device
from geocnn.errors import RunError
from geocnn.model import MODEL_FILE
from geocnn.output import output_error, whole_file

__all__ = ["Checkpoint", "RunDirectory"]


@dataclass(frozen=True)
class Checkpoint:
    """State of a run after `step` steps: everything that the steps still to come depend on."""

    step: int
    network: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    device: str


class RunDirectory:
    """A folder that holds one run.

    ::

        run/  config.yaml   metrics.jsonl   environment.json   log.txt
              checkpoints/slot-0.pt, slot-1.pt   model.safetensors   pictures/*.png
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.metrics = path / "metrics.jsonl"
        self.environment = path / "environment.json"
        self.log = path / "log.txt"
        self.model = path / MODEL_FILE
        self.pictures = path / "pictures"
        self._slots = tuple(path / "checkpoints" / f"slot-{n}.pt" for n in (0, 1))
        self._newest = self._slots[1]

    def create(self, config: str) -> None:
        """Make the folder for a new run.

        Raises
        ------
        RunError
            If it exists and is not empty.
        OutputError
            If it cannot be made.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RunError(
                f"{self.path} exists and is not an empty folder",
                expected="a new folder for a new run",
                do="choose another --run, or go on with the run there: --resume",
            )
        try:
            for folder in (self.path, self.pictures, self._slots[0].parent):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        with whole_file(self.config) as temporary:
            temporary.write_text(config, encoding="utf-8")

    def describe(self, device: Device) -> None:
        """Write what the run computes with."""
        packages = {name: version(name) for name in ("geocnn", "torch", "numpy", "lightning-fabric", "segyio", "h5py")}
        facts = {
            "device": str(device),
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
        with self.log.open("a", encoding="utf-8") as file:
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

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint into the older of the two slots; the newer stays whole whatever happens."""
        slot = next(slot for slot in self._slots if slot != self._newest)
        with whole_file(slot, overwrite=True) as temporary:
            torch.save(vars(checkpoint), temporary)
        self._newest = slot

    def load(self) -> tuple[Checkpoint, list[str]]:
        """The newest checkpoint that can be read, and remarks about damaged ones.

        Raises
        ------
        RunError
            If there is none.
        """
        found: dict[Path, Checkpoint] = {}
        remarks: list[str] = []
        for slot in self._slots:
            if not slot.exists():
                continue
            try:
                found[slot] = Checkpoint(**torch.load(slot, map_location="cpu", weights_only=True))
            except (RuntimeError, OSError, EOFError, TypeError, ValueError, pickle.UnpicklingError) as error:
                remarks.append(f"checkpoint {slot} is damaged and is passed over ({type(error).__name__})")
        if not found:
            raise RunError(
                f"{self.path} holds no checkpoint to resume from",
                expected="the run directory of a training that was stopped",
                do="check --run, or train anew in an empty folder without --resume",
            )
        self._newest = max(found, key=lambda slot: found[slot].step)
        return found[self._newest], remarks


def _step_of(line: str) -> float:
    """Step of a line of metrics; infinity for a line that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError):
        return float("inf")
