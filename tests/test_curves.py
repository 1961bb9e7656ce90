"""Curves for TensorBoard: numbers alone, from the step that a run goes on from, and nothing where it is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from geocnn.curves import Curves


class Writer:
    """What torch's writer would be asked for."""

    made: list[Writer]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step, self.scalars, self.is_closed = folder, purge_step, [], False
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        """As its model."""

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
    assert writer.scalars == [("train/loss", 0.5, 50), ("train/scored", 7, 50)]


def test_nothing_is_written_without_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Curves(tmp_path / "tensorboard", 0) as curves:
        curves.add("train", 1, {"loss": 0.5})
    assert not list(tmp_path.iterdir())
