"""Several processes at once: two read the same files while a third writes beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from surveys import CROSSLINES, INLINES, SAMPLES, encoded

from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import NewSurvey

READ = """
import sys
from geocnn.survey.opening import open_survey
print("started", flush=True)
for _ in range(30):
    surveys = [open_survey(path) for path in sys.argv[1:]]
    first, *others = (survey.read(survey.grid.whole) for survey in surveys)
    assert all((first == other).all() for other in others)
print("same")
"""


def test_two_processes_read_while_one_writes_elsewhere(volume: Path, tmp_path: Path) -> None:
    survey = open_survey(str(volume))
    samples = encoded(INLINES, CROSSLINES, SAMPLES)[None]
    paths = [tmp_path / name for name in ("read.h5", "read.npy", "read.sgy")]
    for path in paths:
        _write(path, survey.grid, survey.domain, samples)
    readers = [
        subprocess.Popen([sys.executable, "-c", READ, *paths], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [reader.stdout.readline() for reader in readers] == ["started\n", "started\n"]
    written = 0
    while any(reader.poll() is None for reader in readers):
        for suffix in (".h5", ".sgy"):
            _write(tmp_path / f"written{written}{suffix}", survey.grid, survey.domain, samples)
        written += 1
    assert [reader.communicate(timeout=60)[0] for reader in readers] == ["same\n", "same\n"]
    assert [reader.returncode for reader in readers] == [0, 0]
    assert written
    for suffix in (".h5", ".sgy"):
        last = open_survey(str(tmp_path / f"written{written - 1}{suffix}"))
        assert np.array_equal(last.read(survey.grid.whole), samples)


def _write(path: Path, grid: object, domain: object, samples: np.ndarray) -> None:
    with create_survey(str(path), NewSurvey(grid, domain)) as writer:
        writer.write(grid.whole, samples)
        writer.commit()
