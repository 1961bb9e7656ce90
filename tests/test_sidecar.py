"""What is remembered of a file's headers: used where it holds, never where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy import sidecar

VOLUME = encoded(INLINES, CROSSLINES, SAMPLES)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, in which the smallest file is remembered."""
    monkeypatch.setenv("GEOCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sidecar, "SMALLEST", 1)
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a gap, a duplicate, and delays that vary."""
    traces = Traces.of(VOLUME, INLINES, CROSSLINES).picked([*range(3, 20), 5])
    path = traces.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    content[3600 + 108 : 3600 + 110] = (8).to_bytes(2, "big")
    path.write_bytes(content)
    return path


def test_the_second_opening_reads_no_headers_and_finds_the_same(
    cache: Path, header_passes: list[object], file: Path
) -> None:
    first, second = (open_survey(str(file)) for _ in range(2))
    assert len(header_passes) == 1
    assert len(list(cache.iterdir())) == 1
    assert (first.grid, first.remarks, first.description) == (second.grid, second.remarks, second.description)
    assert np.array_equal(first.read(first.grid.whole), second.read(second.grid.whole))
    assert first.geometry.coordinates == second.geometry.coordinates
    assert all(np.array_equal(a, b) for a, b in zip(first.extent, second.extent, strict=True))


def test_gathers_and_suspicions_are_remembered(cache: Path, header_passes: list[object], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    traces = Traces.of(rng.normal(size=(8, 5, SAMPLES)).astype(np.float32), range(8), CROSSLINES)
    traces.inlines //= 2
    traces.sample_format = 1
    path = traces.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    content[3224:3226] = (5).to_bytes(2, "big")
    for number in range(40):
        start = 3600 + number * (240 + 4 * SAMPLES)
        content[start + 36 : start + 40] = (100 + number // 5 % 2).to_bytes(4, "big")
    path.write_bytes(content)
    first, second = (open_survey(str(path)) for _ in range(2))
    assert len(header_passes) == 1
    assert first.channels == second.channels == 2
    assert "--sample-format ibm" in str(first.remarks)
    assert (first.grid, first.remarks, first.description) == (second.grid, second.remarks, second.description)
    assert np.array_equal(first.read(first.grid.whole), second.read(second.grid.whole), equal_nan=True)


def test_other_options_are_another_entry(cache: Path, header_passes: list[object], file: Path) -> None:
    open_survey(str(file))
    assert open_survey(str(file), SurveyOptions(duplicates="last")).remarks != open_survey(str(file)).remarks
    assert len(header_passes) == 2


def _touched(file: Path) -> None:
    os.utime(file, ns=(1, 1))


def _another_line_number(file: Path) -> None:
    """The last trace moves to inline 12; size and time stay."""
    state = file.stat()
    content = bytearray(file.read_bytes())
    size = 240 + 4 * SAMPLES
    content[-size + 188 : -size + 192] = (12).to_bytes(4, "big")
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def _one_trace_less(file: Path) -> None:
    state = file.stat()
    file.write_bytes(file.read_bytes()[: -(240 + 4 * SAMPLES)])
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.parametrize("change", [_touched, _another_line_number, _one_trace_less])
def test_a_changed_file_is_read_again(
    cache: Path, header_passes: list[object], file: Path, change: Callable[[Path], None]
) -> None:
    open_survey(str(file))
    change(file)
    again = open_survey(str(file))
    assert len(header_passes) == 2
    assert (again.grid.axes[0].last == 12) == (change is _another_line_number)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"nonsense" * 100])
def test_a_damaged_entry_is_made_anew(cache: Path, header_passes: list[object], file: Path, damage: bytes) -> None:
    whole = open_survey(str(file)).grid
    (entry,) = cache.iterdir()
    entry.write_bytes(damage or entry.read_bytes()[:-40])
    assert open_survey(str(file)).grid == whole
    assert open_survey(str(file)).grid == whole
    assert len(header_passes) == 2


def test_a_folder_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header_passes: list[object], file: Path
) -> None:
    monkeypatch.setattr(sidecar, "SMALLEST", 1)
    (tmp_path / "taken").write_text("a file")
    for folder in (tmp_path / "taken", tmp_path / "taken/below"):
        monkeypatch.setenv("GEOCNN_CACHE", str(folder))
        open_survey(str(file))
    monkeypatch.setenv("GEOCNN_CACHE", "")
    open_survey(str(file))
    assert len(header_passes) == 3


def test_only_the_newest_entries_are_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    monkeypatch.setattr(sidecar, "MOST_KEPT", 3)
    for number in range(5):
        copy = tmp_path / f"copy{number}.sgy"
        copy.write_bytes(file.read_bytes())
        open_survey(str(copy))
    assert len(list(cache.iterdir())) == 3


OPEN = """
import sys
from geocnn.survey.opening import open_survey
from geocnn.survey.segy import sidecar
sidecar.SMALLEST = 1
for _ in range(20):
    for entry in sidecar.cache_folder().glob("*.npz"):
        entry.unlink(missing_ok=True)
    print(open_survey(sys.argv[1]).grid)
"""


def test_processes_that_share_the_folder_do_not_harm_each_other(cache: Path, file: Path) -> None:
    cache.mkdir()
    both = [subprocess.Popen([sys.executable, "-c", OPEN, file], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [each.communicate(timeout=60)[0].splitlines() for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert set(map(len, outputs)) == {20}
    assert len({line for lines in outputs for line in lines}) == 1
    assert not list(cache.glob(".*"))
