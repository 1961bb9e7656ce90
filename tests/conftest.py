"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from command import Geocnn, Outcome
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.survey.segy import reader
from geocnn_cli import main


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test is skipped where it is missing."""
    here = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("GEOCNN_REAL_DATA", here.parent / "shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set GEOCNN_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SEG-Y file of 4 inlines × 5 crosslines × 30 samples: amplitude 4.20024 is inline 4, crossline 20, sample 24."""
    path = tmp_path_factory.mktemp("volume") / "volume.sgy"
    return Traces.of(encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES).write(path)


@pytest.fixture
def header_passes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One entry for each pass over all trace headers of a SEG-Y file."""
    made: list[object] = []
    find = reader.find_geometry
    monkeypatch.setattr(reader, "find_geometry", lambda *arguments: made.append(arguments) or find(*arguments))
    return made


@pytest.fixture
def geocnn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Geocnn:
    """Run geocnn in this process, through its own boundary of errors."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["geocnn", *map(str, arguments)])
        status = main._status()
        captured = capsys.readouterr()
        return Outcome(status, captured.out, " ".join(captured.err.split()))

    return run
