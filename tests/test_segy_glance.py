"""A glance at a large file: what a sample of the headers shows of a regular volume, and when it must not be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from surveys import SAMPLES, Traces, encoded

from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy import reader
from geocnn.survey.segy.reader import SegySurvey

INLINES, CROSSLINES = range(100, 160, 2), range(7, 47)


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files count as large."""
    monkeypatch.setattr(reader, "GLANCED", 1)


CUBE = Traces.of(encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES)
NUMBERS = np.arange(1200).reshape(30, 40)
SORTINGS = {
    "by inline": NUMBERS,
    "by crossline": NUMBERS.T,
    "inlines falling": NUMBERS[::-1],
    "crosslines falling": NUMBERS[:, ::-1],
}


@pytest.mark.parametrize("order", SORTINGS.values(), ids=SORTINGS)
def test_a_regular_volume_is_seen_at_a_glance(tmp_path: Path, header_passes: list[object], order: np.ndarray) -> None:
    path = CUBE.picked(order.ravel()).write(tmp_path / "f.sgy")
    glanced = SegySurvey(path, SurveyOptions(), glanced=True)
    assert not header_passes
    assert "sampled" in str(glanced.remarks)
    read = SegySurvey(path, SurveyOptions())
    assert len(header_passes) == 1
    assert glanced.grid == read.grid
    assert np.array_equal(glanced.index, read.index)
    assert glanced.geometry.coordinates == read.geometry.coordinates
    assert glanced.description["start"] == read.description["start"]
    assert np.array_equal(glanced.read(glanced.grid.whole), read.read(read.grid.whole))


SPOILT = {
    "a trace is missing": np.delete(NUMBERS, 700),
    "a trace is doubled": np.insert(np.delete(NUMBERS, 1100), 300, 5),
    "a corner is missing": np.concatenate([NUMBERS[:20].ravel(), NUMBERS[20:, :30].ravel()]),
    "a line is missing": np.delete(NUMBERS, 11, axis=0),
    "lines run to and fro": np.where(np.arange(30)[:, None] % 2, NUMBERS[:, ::-1], NUMBERS),
    "in no order": np.random.default_rng(0).permutation(1200),
    "one line": NUMBERS[0],
}


@pytest.mark.parametrize("order", SPOILT.values(), ids=SPOILT)
def test_anything_else_is_read_in_full(tmp_path: Path, header_passes: list[object], order: np.ndarray) -> None:
    path = CUBE.picked(np.asarray(order).ravel()).write(tmp_path / "f.sgy")
    SegySurvey(path, SurveyOptions(), glanced=True)
    assert len(header_passes) == 1


def test_delays_that_vary_are_read_in_full(tmp_path: Path, header_passes: list[object]) -> None:
    path = CUBE.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    content[3600 + 108 : 3600 + 110] = (8).to_bytes(2, "big")
    path.write_bytes(content)
    assert SegySurvey(path, SurveyOptions(), glanced=True).extent is not None
    assert len(header_passes) == 1


def test_the_users_bytes_are_looked_at(tmp_path: Path, header_passes: list[object]) -> None:
    traces = CUBE.picked(NUMBERS.ravel())
    traces.places = (9, 21)
    path = traces.write(tmp_path / "f.sgy")
    glanced = SegySurvey(path, SurveyOptions(iline=9, xline=21), glanced=True)
    assert not header_passes
    assert (glanced.grid.axes[0].first, glanced.grid.axes[1].first) == (100, 7)


def test_the_standard_goes_before_the_text_header(tmp_path: Path, header_passes: list[object]) -> None:
    traces = CUBE.picked(NUMBERS.ravel())
    traces.text = {3: "INLINE: BYTES 9-12  XLINE: BYTES 21-24"}
    path = traces.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    for number in range(1200):
        start = 3600 + number * (240 + 4 * SAMPLES)
        content[start + 8 : start + 12] = (9000 + number // 40).to_bytes(4, "big")
        content[start + 20 : start + 24] = (9000 + number % 40).to_bytes(4, "big")
    path.write_bytes(content)
    glanced = SegySurvey(path, SurveyOptions(), glanced=True)
    assert not header_passes
    assert glanced.grid == SegySurvey(path, SurveyOptions()).grid
    assert glanced.grid.axes[0].first == 100


def test_bins_of_a_sample(tmp_path: Path) -> None:
    path = CUBE.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    for number in range(1200):
        start = 3600 + number * (240 + 4 * SAMPLES)
        content[start + 180 : start + 184] = (5_000_000 + 25 * (number % 40)).to_bytes(4, "big")
        content[start + 184 : start + 188] = (6_000_000 + 30 * (number // 40)).to_bytes(4, "big")
    path.write_bytes(content)
    for options in (SurveyOptions(), SurveyOptions(iline=189, xline=193)):
        bins = SegySurvey(path, options, glanced=True).bins
        assert bins.size == pytest.approx((30, 25))
        assert bins.origin == pytest.approx((5_000_000, 6_000_000))
