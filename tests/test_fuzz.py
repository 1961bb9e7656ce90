"""Damaged files: a clear error or a result, in little time and memory; never a fault of geocnn's own."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import GeocnnError
from geocnn.grid import Axis, Grid
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.scan import scan
from geocnn.survey.survey import Domain, NewSurvey

VOLUME = encoded(INLINES, CROSSLINES, SAMPLES)
SECONDS = 5.0
MEMORY = 64 * 2**20


def _segy(path: Path, sample_format: int = 5, endian: str = "big") -> Path:
    traces = Traces.of(np.trunc(VOLUME) if sample_format in (3, 8) else VOLUME, INLINES, CROSSLINES)
    traces.sample_format, traces.endian = sample_format, endian
    return traces.write(path)


def _revision_2(path: Path) -> Path:
    content = bytearray(_segy(path).read_bytes())
    content[3500] = 2
    content[3268:3272] = struct.pack(">i", SAMPLES)
    content[3520:3528] = struct.pack(">Q", 3600)
    path.write_bytes(content)
    return path


def _seismic_unix(path: Path) -> Path:
    content = bytearray(_segy(path.with_suffix(".sgy")).read_bytes()[3600:])
    for start in range(0, len(content), 240 + 4 * SAMPLES):
        content[start + 114 : start + 118] = struct.pack(">hh", SAMPLES, 4000)
    path.write_bytes(content)
    return path


def _array(path: Path) -> Path:
    grid = Grid((Axis("inline", 4, 2, 4), Axis("crossline", 20, 1, 5), Axis("sample", 0, 4, SAMPLES, "ms")))
    with create_survey(str(path), NewSurvey(grid, Domain("time", "made for a test"))) as writer:
        writer.write(grid.whole, VOLUME[None])
        writer.commit()
    return path


SOUND: dict[str, Callable[[Path], Path]] = {
    "ieee.sgy": _segy,
    "ibm.sgy": lambda path: _segy(path, 1),
    "little.sgy": lambda path: _segy(path, 3, "little"),
    "int8.sgy": lambda path: _segy(path, 8),
    "revision2.sgy": _revision_2,
    "unix.su": _seismic_unix,
    "cube.npy": _array,
    "cube.h5": _array,
}


def _damaged(rng: np.random.Generator, sound: bytes, size: int) -> bytes:
    """Bytes with some flipped, overwritten, cut off or repeated; headers are hit more often than samples."""
    content = bytearray(sound)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(content) if rng.random() < 0.4 else min(size, len(content))))
        match rng.choice(["flip", "byte", "word", "field"]):
            case "flip":
                content[place] ^= 1 << int(rng.integers(8))
            case "byte":
                content[place] = int(rng.integers(256))
            case "word":
                content[place : place + 4] = rng.bytes(4)[: len(content) - place]
            case "field":
                content[place : place + 2] = struct.pack(">h", int(rng.choice([-32768, -1, 0, 1, 32767])))
    if rng.random() < 0.3:
        del content[int(rng.integers(len(content))) :]
    if rng.random() < 0.1:
        content += rng.bytes(int(rng.integers(1, 500)))
    return bytes(content)


def _use(path: Path) -> int:
    """Open, scan and read a file as a user would; the number of its samples."""
    survey = open_survey(str(path), SurveyOptions(dt=4))
    work = scan(survey, strict=False)
    while True:
        try:
            next(work)
        except StopIteration:
            break
    return survey.read(survey.grid.whole).size + survey.present.sum() + len(str(survey.description))


def _fuzz(folder: Path, cases: range) -> dict[str, int]:
    """Damage and use a file in each case; how many were read and how many refused."""
    sound = {name: make(folder / name).read_bytes() for name, make in SOUND.items()}
    counts = {"read": 0, "refused": 0}
    for case in cases:
        rng = np.random.default_rng([20, case])
        name = list(sound)[case % len(sound)]
        path = folder / f"damaged-{name}"
        content = _damaged(rng, sound[name], 4600 if name.endswith("sgy") else 600)
        path.write_bytes(content)
        tracemalloc.reset_peak()
        begin = time.monotonic()
        try:
            _use(path)
            counts["read"] += 1
        except GeocnnError:
            counts["refused"] += 1
        except Exception as error:
            raise AssertionError(f"case {case}, {name}: {type(error).__name__}: {error}") from error
        assert time.monotonic() - begin < SECONDS, f"case {case}, {name}"
        assert tracemalloc.get_traced_memory()[1] < MEMORY, f"case {case}, {name}"
    return counts


@pytest.mark.parametrize(
    "cases", [range(300), pytest.param(range(300, 5300), marks=pytest.mark.slow)], ids=["300", "5000"]
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, cases: range) -> None:
    tracemalloc.start()
    try:
        counts = _fuzz(tmp_path, cases)
    finally:
        tracemalloc.stop()
    # Damage is neither always fatal nor always harmless.
    assert min(counts.values()) > len(cases) // 20
