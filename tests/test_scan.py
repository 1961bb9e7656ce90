"""One pass over a survey: live samples and statistics, against a reference that looks at one trace at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from arrays import ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.progress import finish
from geocnn.survey import scan as module
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.scan import Statistics, scan


def run(trace: np.ndarray) -> int:
    """Length of the constant run that a trace begins with."""
    return next((i for i, value in enumerate(trace) if value != trace[0]), len(trace))


def live_of(trace: np.ndarray) -> tuple[int, int]:
    """First live sample of a trace and the one after the last, by the words of the promise."""
    head, tail = run(trace), run(trace[::-1])
    if head == len(trace):
        return 0, 0
    return head if head >= 8 else 0, len(trace) - (tail if tail >= 8 else 0)


@st.composite
def traces(draw: st.DrawFn) -> np.ndarray:
    """Traces of noise with runs of zeros or other constants at their ends, some dead."""
    size = draw(st.integers(3, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    samples = rng.normal(size=(draw(st.integers(1, 4)), draw(st.integers(1, 4)), size)).astype(np.float32)
    for trace in samples.reshape(-1, size):
        head, tail = draw(st.integers(0, size)), draw(st.integers(0, size))
        trace[:head] = draw(st.sampled_from([0, 3]))
        trace[size - tail :] = draw(st.sampled_from([0, 3]))
    return samples


def test_a_time_slice_is_alive_where_it_is_not_zero() -> None:
    samples = np.array([[[[3.0], [0.0]], [[3.0], [-1.0]]]], np.float32)
    found = finish(scan(ArraySurvey(samples)))
    assert found.statistics.count == 3
    assert found.stop.tolist() == [[1, 0], [1, 1]]


@settings(deadline=None, max_examples=60)
@given(traces())
def test_live_samples_and_their_statistics(samples: np.ndarray) -> None:
    survey = ArraySurvey(samples[None])
    found = finish(scan(survey, strict=False))
    expected = np.zeros(samples.shape, bool)
    for at in np.ndindex(samples.shape[:-1]):
        first, stop = live_of(samples[at])
        if survey.present[at]:
            expected[(*at, slice(first, stop))] = True
    assert np.array_equal(found.live(survey.grid.whole, samples[None]), expected)
    assert found.dead == np.sum(~expected.any(axis=-1))
    values = samples[expected]
    assert found.statistics.count == values.size
    if values.size:
        assert found.statistics.mean == pytest.approx([values.mean(dtype=float)], abs=1e-6)
        assert found.statistics.std == pytest.approx([values.std(dtype=float)], rel=1e-5, abs=1e-6)
        assert (found.statistics.minimum, found.statistics.maximum) == ((values.min(),), (values.max(),))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 2, shape).astype(np.float32)


def test_slabs_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = ArraySurvey(noise(2, 20, 6, 40))
    whole = finish(scan(survey))
    monkeypatch.setattr(module, "SLAB", 500)
    work = list(scan(survey))
    assert len(work) == 10
    assert (work[-1].done, work[-1].total) == (20 * 6 * 40, 20 * 6 * 40)
    slabs = finish(scan(survey))
    assert np.array_equal(slabs.stop, whole.stop)
    assert slabs.statistics.count == whole.statistics.count
    for name in ("mean", "std", "minimum", "maximum"):
        assert getattr(slabs.statistics, name) == pytest.approx(getattr(whole.statistics, name), rel=1e-6)
    assert slabs.statistics.spectrum == whole.statistics.spectrum


def test_a_large_mean_costs_no_precision() -> None:
    samples = noise(1, 5, 6, 200) + 10_000
    statistics = finish(scan(ArraySurvey(samples))).statistics
    assert statistics.std == pytest.approx([samples.std(dtype=float)], rel=1e-5)


def test_live_samples_of_a_window_are_a_part_of_the_whole() -> None:
    samples = noise(1, 4, 5, 30)
    samples[..., 20:] = 0
    survey = ArraySurvey(samples)
    found = finish(scan(survey))
    window = Window((1, 2, 15), (3, 5, 25))
    whole = found.live(survey.grid.whole, samples)
    assert np.array_equal(found.live(window, survey.read(window)), whole[window.slices])


@pytest.mark.parametrize("null", [1e30, -999.25, 1e30 * (1 + 9e-7)])
def test_nulls_are_not_live(null: float) -> None:
    samples = noise(1, 3, 4, 20)
    samples[0, 1, 2, 5:7] = null
    found = finish(scan(ArraySurvey(samples)))
    live = found.live(ArraySurvey(samples).grid.whole, samples)
    assert np.array_equal(np.argwhere(~live), [[1, 2, 5], [1, 2, 6]])
    assert found.null_count == 2
    assert found.statistics.maximum[0] < 100


def test_a_trace_of_nulls_is_dead() -> None:
    samples = noise(1, 3, 4, 5)
    samples[0, 1, 2] = [1e30, -999.25, 1e30, -999.25, 1e30]
    found = finish(scan(ArraySurvey(samples)))
    assert found.dead == 1
    assert found.stop[1, 2] == found.first[1, 2]


@pytest.mark.parametrize("null", [0.0, 7.5, nan])
def test_the_users_null(null: float) -> None:
    samples = noise(1, 3, 4, 20)
    samples[0, 1, 2, 5] = null
    survey = ArraySurvey(samples)
    survey.null = null
    found = finish(scan(survey))
    assert found.null_count == 1
    assert not found.live(survey.grid.whole, samples)[1, 2, 5]


def test_samples_that_are_not_finite() -> None:
    samples = noise(1, 3, 4, 20)
    samples[0, 1, 2, 5] = nan
    samples[0, 2, 0, :2] = inf
    survey = ArraySurvey(samples, "survey.sgy")
    with pytest.raises(
        SurveyError,
        match=r"survey.sgy has 1 NaN and 2 infinite .* inline 101, crossline 102, sample 20(.|\n)*--null nan",
    ):
        finish(scan(survey))
    found = finish(scan(survey, strict=False))
    assert (found.not_finite.nans, found.not_finite.infinite) == (1, 2)
    live = found.live(survey.grid.whole, samples)
    assert np.array_equal(live, np.isfinite(samples[0]))
    assert found.statistics.mean == pytest.approx([samples[0][live].mean()])


def test_a_dead_survey() -> None:
    with pytest.raises(SurveyError, match=r"survey\.sgy is dead: none of its 12 traces"):
        finish(scan(ArraySurvey(np.ones((1, 3, 4, 20)), "survey.sgy")))


def test_a_trace_is_live_where_a_channel_is() -> None:
    samples = noise(2, 3, 4, 30)
    samples[0, 1, 1] = 0
    samples[1, 2, 2, 15:] = 0
    samples[0, 0, 0, 3] = -999.25
    found = finish(scan(ArraySurvey(samples)))
    live = found.live(ArraySurvey(samples).grid.whole, samples)
    assert np.array_equal(np.argwhere(~live), [[0, 0, 3]])


def test_images_have_no_traces() -> None:
    image = np.zeros((1, 10, 12), np.float32)
    image[0, 3:5] = noise(2, 12)
    survey = ArraySurvey(image)
    survey.grid = Grid((Axis("row", 0, 1, 10), Axis("column", 0, 1, 12)))
    found = finish(scan(survey))
    assert found.statistics.count == 120
    assert found.statistics.spectrum is None


def test_pooled_statistics_are_those_of_all_samples() -> None:
    parts = [noise(2, 4, 5, n, seed=n) * n for n in (20, 30, 50)]
    pooled = Statistics.pooled([finish(scan(ArraySurvey(part))).statistics for part in parts])
    together = np.concatenate(parts, axis=-1).astype(float)
    axes = (1, 2, 3)
    assert pooled.count == together[0].size
    assert pooled.mean == pytest.approx(together.mean(axis=axes))
    assert pooled.std == pytest.approx(together.std(axis=axes), rel=1e-6)
    assert pooled.minimum == pytest.approx(together.min(axis=axes))


def test_statistics_go_through_json() -> None:
    statistics = finish(scan(ArraySurvey(noise(2, 4, 5, 64)))).statistics
    assert Statistics.from_json(json.loads(json.dumps(statistics.to_json()))) == statistics
    bare = replace(statistics, spectrum=None)
    assert Statistics.from_json(bare.to_json()) == bare


@pytest.mark.parametrize(("unit", "step", "frequency", "name"), [("ms", 4, 25, "Hz"), ("m", 5, 12.5, "cycles/km")])
def test_the_spectrum_of_a_sine(unit: str, step: float, frequency: float, name: str) -> None:
    """25 periods in 1000 ms are 25 Hz; 12.5 in 1000 m are 12.5 cycles/km."""
    size = 512
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (4, 5, 1))
    sine = np.sin(2 * np.pi * frequency * np.arange(size) * step / 1000 + phase)
    survey = ArraySurvey(sine[None])
    survey.grid = Grid((*survey.grid.axes[:-1], Axis("sample", 0, step, size, unit)))
    spectrum = finish(scan(survey)).statistics.spectrum
    resolution = 1000 / (size * step)
    assert spectrum.unit == name
    assert spectrum.peak == pytest.approx(frequency, abs=resolution)
    assert frequency - 4 * resolution < spectrum.low < frequency < spectrum.high < frequency + 4 * resolution


def test_parihaka(real_data: Path) -> None:
    """Each slice was made with mean 0: so is the whole; the depth section of Volve is in cycles a kilometre."""
    found = finish(scan(open_survey(str(real_data / "parihaka/parihaka_seismic.sgy"))))
    assert found.statistics.count == 128 * 256 * 192
    assert abs(found.statistics.mean[0]) < 0.01 * found.statistics.std[0]
    line = SurveyOptions(geometry="line")
    depth = real_data / "segy_real/volve/tests/test-data-volve/volve10r12-full-z-il10117sub.sgy"
    assert finish(scan(open_survey(str(depth), line))).statistics.spectrum.unit == "cycles/km"
