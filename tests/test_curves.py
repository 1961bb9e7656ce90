"""Curves for TensorBoard: numbers alone, from the step that a run goes on from, and nothing where it is missing."""

from __future__ import annotations

import errno
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from geocnn.curves import Curves
from geocnn.errors import OutputError

FULL = 28.0


class Writer:
    """What torch's writer would be asked for."""

    made: list[Writer]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.scalars, self.is_closed = folder, purge_step, [], False
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        """Fail once a loss is told by which a test wants a full disk."""
        if any(value == FULL for _, value, _ in self.scalars):
            raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[Writer]:
    Writer.made = []
    module: Any = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return Writer.made


def test_numbers_are_written_by_kind_and_step(writers: list[Writer], tmp_path: Path) -> None:
    with Curves(tmp_path / "tensorboard", 40) as curves:
        curves.add("train", 50, {"loss": 0.5, "kept": True, "within": {"1": 2}, "scored": 7})
    [writer] = writers
    assert (writer.folder, writer.purge_step, writer.is_closed) == (str(tmp_path / "tensorboard"), 41, True)
    assert writer.scalars == [("train/loss", 0.5, 50)]


def test_nothing_is_written_without_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Curves(tmp_path / "tensorboard", 0) as curves:
        curves.add("train", 1, {"loss": 0.5})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_program(writers: list[Writer], tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"tensorboard cannot be written: the disk is full"),
        Curves(tmp_path / "tensorboard", 0) as curves,
    ):
        curves.add("train", 1, {"loss": FULL})
    assert writers[0].is_closed


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard, the extra of that name, is not installed")
def test_tensorboard_shows_each_step_of_a_resumed_run_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last, loss in ((0, 30, 0.5), (20, 40, 0.25)):
        with Curves(tmp_path, first) as curves:
            for step in range(first + 10, last + 1, 10):
                curves.add("train", step, {"loss": loss})
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("train/loss")] == [
        (10, 0.5),
        (20, 0.5),
        (30, 0.25),
        (40, 0.25),
    ]
