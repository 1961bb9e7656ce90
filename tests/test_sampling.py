"""A look at a survey: what an even sample tells agrees with the whole; mutes, gain, values of labels, the map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.grid import Axis, Grid, Window
from geocnn.progress import finish
from geocnn.survey import sampling as module
from geocnn.survey.livemap import live_map
from geocnn.survey.sampling import Look, look, sampled_windows
from geocnn.survey.scan import scan
from geocnn.survey.survey import Extent, Survey


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make every survey large, and the sample of it so many samples."""

    def budget(samples: int) -> None:
        monkeypatch.setattr(module, "SMALL", 0)
        monkeypatch.setattr(module, "BUDGET", 4 * samples)
        monkeypatch.setattr(module, "SECONDS", 1e9)

    return budget


def seen_of(survey: Survey) -> Look:
    return finish(look(survey))


def test_a_small_survey_is_looked_at_as_a_whole() -> None:
    survey = ArraySurvey(noise(2, 6, 7, 40))
    seen = seen_of(survey)
    assert seen.whole
    assert seen.traces == 42
    assert seen.scan.statistics == finish(scan(survey)).statistics


def test_a_large_one_is_sampled_evenly(large: Callable[[int], None]) -> None:
    survey = ArraySurvey(noise(1, 60, 90, 20))
    large(1000 * 20)
    seen = seen_of(survey)
    assert not seen.whole
    assert 900 <= seen.traces <= 1000
    for part in np.split(seen.profile.seen, 4, axis=0):
        for quarter in np.split(part, 3, axis=1):
            assert 0.5 < quarter.mean() / seen.profile.seen.mean() < 1.5
    read = survey.samples[0][seen.profile.seen]
    assert seen.scan.statistics.count == read.size
    assert seen.scan.statistics.mean == pytest.approx([read.mean(dtype=float)], abs=1e-6)
    whole = finish(scan(survey)).statistics
    assert seen.scan.statistics.std == pytest.approx(whole.std, rel=0.05)


def test_all_of_it_if_one_asks(large: Callable[[int], None]) -> None:
    large(100)
    assert finish(look(ArraySurvey(noise(1, 30, 40, 20)), whole=True)).whole


def test_there_is_time_for_some_windows(large: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    large(1000 * 20)
    monkeypatch.setattr(module, "SECONDS", 0)
    survey = ArraySurvey(noise(1, 60, 96, 20))
    work = list(look(survey))
    assert work[-1].done == work[-1].total
    assert seen_of(survey).traces == module.FEWEST * module.RUN


def test_wide_windows_where_reading_is_slow(large: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    large(2048 * 20)
    monkeypatch.setattr(module, "SLOW", -1)
    seen = seen_of(ArraySurvey(noise(1, 64, 640, 20)))
    assert seen.traces == 2048
    assert seen.profile.windows == 4


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.sampled_from([(1, 8), (3, 2)]),
)
def test_windows_lie_within_and_apart(lateral: list[int], seed: int, traces: int, run: tuple[int, int]) -> None:
    survey = ArraySurvey(np.ones((1, 2, 2, 5)))
    survey.grid = Grid((*(Axis(f"axis {k}", 0, 1, size) for k, size in enumerate(lateral)), Axis("sample", 0, 4, 5)))
    present = np.random.default_rng(seed).random(lateral) < 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUDGET", 4 * 5 * traces)
        windows = sampled_windows(survey, present, run)
    seen = np.zeros(lateral, int)
    for window in windows:
        assert window.within(survey.grid.whole) == window
        assert window.shape[-1] == 5
        seen[window.slices[:-1]] += 1
    assert seen.max() <= 1
    assert seen.sum() <= max(traces, 1)
    # Lines without a trace are not looked at, but beside others.
    lines = present.any(axis=-1)
    assert all(lines[window.slices[:-2]].any() for window in windows)
    assert bool(windows) == bool(present.any())


def test_mutes() -> None:
    """10 of 40 samples above in every trace, and 20 below in one of four: 60 of 160."""
    samples = noise(1, 2, 2, 40)
    samples[..., :10] = 0
    samples[0, 1, 1, 20:] = 7
    mutes = seen_of(ArraySurvey(samples)).mutes
    assert mutes is not None
    assert mutes.share == pytest.approx(60 / 160)
    assert (mutes.top, mutes.bottom) == (10, 0)
    assert seen_of(ArraySurvey(noise(1, 2, 2, 40))).mutes is None


@pytest.mark.parametrize(("unit", "step", "slope"), [("ms", 4, -30.0), ("m", 10, -12.0)])
def test_the_trend_of_a_decay(unit: str, step: float, slope: float) -> None:
    size = 400
    decay = 10 ** (slope / 20 * np.arange(size) * step / 1000)
    survey = ArraySurvey(noise(1, 20, 20, size) * decay)
    survey.grid = Grid((*survey.grid.axes[:-1], Axis("sample", 0, step, size, unit)))
    gain = seen_of(survey).profile.gain
    assert gain is not None
    assert gain.unit == ("dB/s" if unit == "ms" else "dB/km")
    assert gain.slope == pytest.approx(slope, rel=0.02)
    assert gain.spread == pytest.approx(abs(slope) * size * step / 1000, rel=0.1)


def test_no_trend_of_short_traces() -> None:
    assert seen_of(ArraySurvey(noise(1, 20, 20, 49))).profile.gain is None
    assert seen_of(ArraySurvey(noise(1, 20, 20, 50))).profile.gain is not None


def test_values_of_a_label() -> None:
    labels = np.zeros((4, 5, 30), np.int8)
    labels[1:3, 2, 4:9] = 1
    labels[3] = -1
    seen = seen_of(ArrayLabel(labels))
    assert seen.profile.classes == {-1: 150, 0: 440, 1: 10}
    assert seen.mutes is None
    assert seen.profile.gain is None


@pytest.mark.parametrize(
    "samples", [noise(1, 4, 5, 30), np.arange(600) % 200, np.full(600, 3), np.arange(600) % 5 - 2, np.full(600, np.nan)]
)
def test_amplitudes_are_no_label(samples: np.ndarray) -> None:
    assert seen_of(ArraySurvey(np.reshape(samples, (1, 4, 5, 30)))).profile.classes is None


def test_extremes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLAB", 3500)
    samples = np.clip(noise(1, 6, 7, 500), -3, 5)
    constant = np.full_like(samples, -6)
    profile = seen_of(ArraySurvey(np.concatenate([samples, constant]))).profile
    assert [(end.value, end.count) for end in profile.lowest] == [(-3, np.sum(samples == -3)), (-6, 42 * 500)]
    assert [(end.value, end.count) for end in profile.highest] == [(5, np.sum(samples == 5)), (-6, 42 * 500)]


def test_loudness_of_the_traces() -> None:
    samples = noise(1, 3, 4, 50)
    samples[0, 1, 2] = 0
    samples[0, 0, 0, :20] = 0
    loud = seen_of(ArraySurvey(samples)).profile.loudness
    assert np.isnan(loud[1, 2])
    assert loud[2, 3] == pytest.approx(np.sqrt(np.mean(samples[0, 2, 3] ** 2)), rel=1e-5)
    assert loud[0, 0] == pytest.approx(np.sqrt(np.mean(samples[0, 0, 0, 20:] ** 2)), rel=1e-5)


def test_loudness_of_channels_is_their_mean_power() -> None:
    samples = np.stack([np.tile([3, -3], (2, 2, 20)), np.tile([1, -1], (2, 2, 20))])
    assert seen_of(ArraySurvey(samples)).profile.loudness == pytest.approx(np.full((2, 2), 5**0.5))


def test_the_map_shows_what_is_missing_or_dead() -> None:
    samples = noise(1, 4, 6, 30)
    survey = ArraySurvey(samples)
    assert live_map(survey, seen_of(survey)) is None
    samples[0, 0, :2] = 0
    samples[0, 3, 5] = 4
    shown = live_map(ArraySurvey(samples), seen_of(ArraySurvey(samples)))
    assert shown is not None
    assert shown.rows == ("··████", "██████", "██████", "█████·")
    assert (shown.across, shown.down) == ("crossline", "inline")


def test_no_map_of_a_dead_survey() -> None:
    survey = ArrayLabel(np.zeros((4, 6, 30)))
    assert live_map(survey, seen_of(survey)) is None


def test_a_large_map_is_small_on_the_screen() -> None:
    samples = noise(1, 32, 200, 10)
    samples[0, :, 100:] = 0
    samples[0, ::2, :50] = 0
    shown = live_map(ArraySurvey(samples), seen_of(ArraySurvey(samples)))
    assert shown is not None
    assert len(shown.rows) == 8
    assert set(shown.rows) == {"▒" * 10 + "█" * 10 + "·" * 20}


class Shifted(ArraySurvey):
    """A survey whose traces differ in what the file holds of them."""

    @property
    def extent(self) -> Extent:
        first = np.zeros(self.grid.lateral, np.int32)
        stop = np.full(self.grid.lateral, self.grid.shape[-1], np.int32)
        first[0, 0], stop[1, 1], stop[0, 1] = 3, 16, 0
        first[1, 0] = stop[1, 0] = 5
        return first, stop


def test_samples_that_the_file_does_not_hold_are_not_live() -> None:
    survey = Shifted(noise(1, 2, 2, 20))
    found = finish(scan(survey))
    assert found.first.tolist() == [[3, 0], [0, 0]]
    assert found.stop.tolist() == [[20, 0], [0, 16]]
    assert found.statistics.count == 17 + 16
    live = found.live(survey.grid.whole, survey.samples)
    assert np.array_equal(np.count_nonzero(live, axis=-1), [[17, 0], [0, 16]])
    values = seen_of(Shifted(np.ones((1, 2, 2, 20)) * np.arange(20) % 2)).profile.classes
    assert values is not None
    assert sum(values.values()) == 17 + 16


def test_rounded_samples_are_counted() -> None:
    survey = ArraySurvey(noise(1, 4, 5, 20))
    survey.inexact = lambda window: window.size  # type: ignore[method-assign]
    assert seen_of(survey).profile.inexact == 400


def test_odd_kinds_of_nan_raise_no_warning() -> None:
    signalling = np.frombuffer(np.full(400, 0x7F800001, np.uint32).tobytes(), np.float32).reshape(4, 5, 20)
    survey = ArrayLabel(signalling)
    survey.read = lambda window: survey.samples[(slice(None), *window.slices)]  # type: ignore[method-assign]
    found = finish(look(survey)).scan
    assert found.not_finite is not None
    assert found.not_finite.nans == 400


def test_one_trace_and_an_image() -> None:
    trace = ArraySurvey(noise(1, 500))
    assert seen_of(trace).traces == 1
    image = ArraySurvey(noise(1, 30, 40))
    image.grid = Grid((Axis("row", 0, 1, 30), Axis("column", 0, 1, 40)))
    seen = seen_of(image)
    assert seen.scan.statistics.count == 1200
    assert live_map(image, seen) is None
    assert seen.profile.gain is None
    assert image.grid.whole == Window((0, 0), (30, 40))
