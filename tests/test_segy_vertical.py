"""The sample axis of SEG-Y: intervals, delays, scalars, traces that start later than others."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from surveys import Traces, encoded

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Window
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions

SAMPLES = 20
LINES = (1, 2), (1, 2, 3)


def with_fields(path: Path, fields: Mapping[int, Mapping[int, int]]) -> Path:
    """A survey of 2 × 3 traces whose headers hold the given 16-bit values: {trace: {byte: value}}."""
    Traces.of(encoded(*LINES, SAMPLES), *LINES).write(path)
    content = bytearray(path.read_bytes())
    for trace, values in fields.items():
        for byte, value in values.items():
            struct.pack_into(">h", content, 3600 + trace * (240 + 4 * SAMPLES) + byte - 1, value)
    path.write_bytes(content)
    return path


def everywhere(**fields: int) -> dict[int, dict[int, int]]:
    """The same fields, such as ``b109=5``, in all six traces."""
    return {trace: {int(name[1:]): value for name, value in fields.items()} for trace in range(6)}


@pytest.mark.parametrize(
    ("delay", "scalar", "first"),
    [(500, 0, 500), (500, 1, 500), (500, -10, 50), (500, 10, 5000), (-40, 0, -40), (10000, -1000, 10)],
)
def test_the_delay_by_its_scalar(tmp_path: Path, delay: int, scalar: int, first: float) -> None:
    survey = open_survey(str(with_fields(tmp_path / "f.sgy", everywhere(b109=delay, b215=scalar))))
    assert survey.grid.axes[-1] == Axis("sample", first, 4, SAMPLES, "ms")
    assert survey.extent is None


def test_traces_with_delays_of_their_own_lie_at_their_own_times(tmp_path: Path) -> None:
    delays = [100, 100, 108, 100, 140, 96]
    path = with_fields(tmp_path / "f.sgy", {trace: {109: delay} for trace, delay in enumerate(delays)})
    survey = open_survey(str(path))
    assert survey.grid.axes[-1] == Axis("sample", 96, 4, SAMPLES + 11, "ms")
    whole = survey.read(survey.grid.whole)[0].reshape(6, -1)
    original = encoded(*LINES, SAMPLES).reshape(6, -1)
    first, stop = (each.ravel() for each in survey.extent)
    for trace, delay in enumerate(delays):
        at = (delay - 96) // 4
        expected = np.zeros(SAMPLES + 11, np.float32)
        expected[at : at + SAMPLES] = original[trace]
        assert np.array_equal(whole[trace], expected)
        assert (first[trace], stop[trace]) == (at, at + SAMPLES)
    for start, end in ((0, 5), (3, 12), (20, 31)):
        part = survey.read(Window((0, 0, start), (2, 3, end)))[0].reshape(6, -1)
        assert np.array_equal(part, whole[:, start:end])
    assert "3 of 6 traces have another delay" in str(survey.remarks)
    together = open_survey(str(path), SurveyOptions(t0=100))
    assert together.extent is None
    assert together.grid.axes[-1] == Axis("sample", 100, 4, SAMPLES, "ms")


def test_delays_between_samples_go_to_the_nearest(tmp_path: Path) -> None:
    survey = open_survey(str(with_fields(tmp_path / "f.sgy", {4: {109: 9}, 5: {109: 11}})))
    assert survey.extent[0][1].tolist() == [0, 2, 3]
    assert "2 traces start between two samples" in str(survey.remarks)


def test_a_dead_trace_without_a_delay_starts_with_the_others(tmp_path: Path) -> None:
    path = with_fields(tmp_path / "f.sgy", {**everywhere(b109=400), 3: {109: 0}})
    with pytest.raises(SurveyError, match=r"range from 0 to 400 ms, such as 0 at trace 4"):
        open_survey(str(path))
    content = bytearray(path.read_bytes())
    start = 3600 + 3 * (240 + 4 * SAMPLES) + 240
    content[start : start + 4 * SAMPLES] = bytes(4 * SAMPLES)
    path.write_bytes(content)
    survey = open_survey(str(path))
    assert survey.grid.axes[-1] == Axis("sample", 400, 4, SAMPLES, "ms")
    assert survey.extent is None


def test_a_start_time_in_another_place_is_pointed_at(tmp_path: Path) -> None:
    survey = open_survey(str(with_fields(tmp_path / "f.sgy", everywhere(b105=512))))
    assert survey.grid.axes[-1].first == 0
    assert "pass --t0 512" in str(survey.remarks)


@pytest.mark.parametrize(
    ("name", "step"), [("neg-bin-pos-trace", None), ("pos-bin-neg-trace", None), ("neg-bin-neg-trace", 0)]
)
def test_negative_intervals(real_data: Path, name: str, step: int | None) -> None:
    path = str(real_data / f"segy_awkward/segyio/interval-{name}.sgy")
    if step == 0:
        with pytest.raises(SurveyError, match="--dt 4"):
            open_survey(path)
        assert open_survey(path, SurveyOptions(dt=2)).grid.axes[-1].step == 2
    else:
        assert open_survey(path).grid.axes[-1].step > 0
