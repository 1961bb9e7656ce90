"""Normalisation: z-scores of the whole survey, whatever is read of it, and dead samples at zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arrays import ArraySurvey

from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey, Normaliser, drift
from geocnn.progress import finish
from geocnn.survey.scan import Scan, Statistics, scan

SHAPE = (6, 7, 40)


def volume(seed: int = 0, channels: int = 1) -> np.ndarray:
    """Noise about 10 with std 5 in the first channel, twice that in the next …; trace (2, 3) is dead."""
    samples = np.random.default_rng(seed).normal(10, 5, (channels, *SHAPE)).astype(np.float32)
    samples *= np.arange(1, channels + 1, dtype=np.float32).reshape(-1, 1, 1, 1)
    samples[:, 2, 3] = 0
    return samples


def scanned(samples: np.ndarray) -> tuple[ArraySurvey, Scan]:
    survey = ArraySurvey(samples)
    return survey, finish(scan(survey))


def normalised(samples: np.ndarray, scale: str = "each", clip: float = 100.0) -> NormalisedSurvey:
    survey, found = scanned(samples)
    return NormalisedSurvey(survey, found, Normaliser.of(found.statistics, scale, clip))


def test_by_hand() -> None:
    live = np.array([True, True, True, False])
    samples = np.array([[8, 10, 30, 1e30], [0, 1, 2, np.nan]], np.float32)
    found = Normaliser((10.0, 1.0), (2.0, 0.5), clip=5.0).apply(samples, live)
    assert found.tolist() == [[-1, 0, 5, 0], [-2, 0, 2, 0]]
    assert found.dtype == np.float32


def test_live_samples_have_mean_0_and_std_1() -> None:
    survey = normalised(volume(channels=2))
    samples, live = survey.both(survey.grid.whole)
    assert not live[2, 3].any()
    assert live.sum() == (6 * 7 - 1) * 40
    for channel in samples:
        assert channel[live].mean() == pytest.approx(0, abs=1e-5)
        assert channel[live].std() == pytest.approx(1, abs=1e-5)
        assert (channel[~live] == 0).all()


def test_a_window_is_a_part_of_the_whole() -> None:
    """Never tile by tile: what a sample becomes does not depend on what is read with it."""
    survey = normalised(volume(channels=2), clip=1.5)
    window = Window((1, 2, 5), (4, 6, 33))
    samples, live = survey.both(window)
    np.testing.assert_array_equal(samples, survey.read(survey.grid.whole)[:, 1:4, 2:6, 5:33])
    np.testing.assert_array_equal(live, survey.live(survey.grid.whole)[1:4, 2:6, 5:33])
    np.testing.assert_array_equal(survey.read(window), samples)
    np.testing.assert_array_equal(survey.live(window), live)
    assert np.abs(samples).max() == 1.5


def test_shared_scale_keeps_the_ratio_of_channels() -> None:
    raw = volume(channels=3)
    survey = normalised(raw, "shared")
    samples, live = survey.both(survey.grid.whole)
    assert samples[:, live].mean() == pytest.approx(0, abs=1e-5)
    assert samples[:, live].std() == pytest.approx(1, abs=1e-5)
    assert np.ptp(samples[2][live]) / np.ptp(samples[0][live]) == pytest.approx(
        np.ptp(raw[2][live]) / np.ptp(raw[0][live]), rel=1e-5
    )


def test_a_channel_that_does_not_vary_is_refused() -> None:
    with pytest.raises(SurveyError, match=r"channel 1 have mean 4 and standard deviation 0"):
        Normaliser((0.0, 4.0), (1.0, 0.0), 5.0)


def test_scales_must_fit_the_channels() -> None:
    survey, found = scanned(volume(channels=2))
    with pytest.raises(ValueError, match="1 scales for 2 channels"):
        NormalisedSurvey(survey, found, Normaliser((0.0,), (1.0,), 5.0))


def wavelets(period: float, std: float = 1.0, samples: int = 400) -> np.ndarray:
    """Traces of a sine of `period` samples (of 4 ms), with some noise."""
    rng = np.random.default_rng(1)
    phase = rng.uniform(0, 6.28, (1, 5, 6, 1))
    trace = np.sin(2 * np.pi * np.arange(samples) / period + phase) + 0.05 * rng.normal(size=(1, 5, 6, samples))
    return (std * trace).astype(np.float32)


def statistics(samples: np.ndarray) -> Statistics:
    return scanned(samples)[1].statistics


def test_no_drift_where_only_the_gain_differs() -> None:
    assert drift(statistics(wavelets(10)), statistics(wavelets(10, std=3000))) == []


def test_another_wavelet_is_said_with_both_frequencies() -> None:
    """250 Hz / 10 = 25 Hz against 50 Hz."""
    (remark,) = drift(statistics(wavelets(10)), statistics(wavelets(5)))
    assert "spectrum is far" in remark
    assert "peak 50" in remark
    assert "25" in remark


@pytest.mark.parametrize(("limit", "words"), [(1.0, "clipped"), (40.0, "outliers")])
def test_clipped_and_spiky_surveys_are_said(limit: float, words: str) -> None:
    noise = np.random.default_rng(2).normal(size=(1, 5, 6, 400)).astype(np.float32)
    other = np.clip(noise, -limit, limit)
    other[0, 0, 0, 200] = limit
    found = drift(replace(statistics(noise), spectrum=None), replace(statistics(other), spectrum=None))
    assert len(found) == 1
    assert words in found[0]
