"""What looks wrong with a survey: told where it is, with the option that mends it, and never of sane data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey

from geocnn.grid import Axis, Grid
from geocnn.progress import finish
from geocnn.survey.bins import Bins
from geocnn.survey.diagnosis import diagnose
from geocnn.survey.sampling import look
from geocnn.survey.survey import Survey


def seismic(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Noise of seismic frequencies at 4 ms: white noise, smoothed and without its mean, in float32."""
    rng = np.random.default_rng(0)
    smooth = np.apply_along_axis(np.convolve, -1, rng.normal(size=shape), np.hanning(9), mode="same")
    return (scale * (smooth - np.roll(smooth, 4, axis=-1))).astype(np.float32)


def told(survey: Survey) -> str:
    return "\n".join(str(finding) for finding in diagnose(survey, finish(look(survey))))


def of(samples: np.ndarray) -> ArraySurvey:
    """A survey in which every trace is there, whatever it holds."""
    survey = ArrayLabel(samples)
    survey.samples = np.asarray(samples, np.float32)[None]
    return survey


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("kind", ["float", "int8", "coarse", "sparse", "muted", "decaying", "spike"])
def test_nothing_of_sane_data(scale: float, kind: str) -> None:
    samples = seismic(20, 30, 400)
    if kind == "int8":
        samples = np.round(samples * 10).clip(-128, 127)
    elif kind == "coarse":
        samples = np.round(samples * 3)
    elif kind == "spike":
        samples[4, 5, 60] = 500
    elif kind == "sparse":
        samples[::5] = 0
    elif kind == "muted":
        samples[..., :90] = 0
    elif kind == "decaying":
        samples *= 10 ** (-np.arange(400) * 0.004)
    assert not told(of(samples * scale))


def test_nothing_of_a_label() -> None:
    labels = np.zeros((20, 30, 400), np.int8)
    labels[5, :, 100:110] = 1
    assert not told(of(labels))


def _with(samples: np.ndarray, where: tuple[object, ...], value: float) -> np.ndarray:
    samples[where] = value
    return samples


CUBE = (20, 30, 400)
SPOILT: dict[str, tuple[Callable[[], np.ndarray], tuple[str, ...]]] = {
    "not a number": (
        lambda: _with(seismic(*CUBE), (2, 3, slice(4, 6)), np.nan),
        ("2 NaN samples, the first at inline 102, crossline 103, sample 16", "--null nan"),
    ),
    "infinite": (lambda: _with(seismic(*CUBE), (2, 3, 4), np.inf), ("1 infinite samples", "--sample-format")),
    "a null of its own": (
        lambda: _with(seismic(*CUBE), (slice(3, 5), 3, slice(100, 140)), -9999),
        ("80 samples are -9999", "--null -9999"),
    ),
    "a null among the amplitudes": (
        lambda: _with(seismic(*CUBE), (slice(3, 5), slice(0, 20), slice(100, 140)), 1.25),
        ("of the live samples are exactly 1.25", "--null 1.25"),
    ),
    "zeros within": (
        lambda: _with(seismic(*CUBE), (slice(10), slice(0, 20), slice(100, 200)), 0),
        ("8.3 % of the live samples are exactly 0", "--null 0"),
    ),
    "absurd": (lambda: seismic(*CUBE, scale=1e30), ("absurd", "--sample-format")),
    "clipped": (lambda: seismic(*CUBE).clip(-4, 3), ("clipped", "at -4", "at 3")),
    "unsigned": (lambda: seismic(*CUBE) + 128, ("lie about 128", "--sample-format")),
    "dead": (lambda: np.zeros(CUBE), ("all 600 traces are constant",)),
    "mostly dead": (lambda: _with(seismic(*CUBE), (slice(15),), 0), ("450 of 600 traces are dead", "--sample-format")),
    "without gain": (
        lambda: seismic(*CUBE) * 10 ** (-np.arange(400) * 0.01),
        ("dB along the traces (-50", "apply a gain"),
    ),
    "slow": (lambda: np.sin(np.arange(400) / 100) + np.zeros(CUBE), ("a peak at", "--dt or --domain")),
}


@pytest.mark.parametrize(("make", "words"), SPOILT.values(), ids=SPOILT)
def test_what_is_wrong_is_told(make: Callable[[], np.ndarray], words: tuple[str, ...]) -> None:
    found = told(of(make()))
    for word in words:
        assert word in found


def test_a_clipped_channel_beside_a_loud_one() -> None:
    survey = ArraySurvey(np.stack([seismic(*CUBE, scale=100), seismic(*CUBE).clip(-3, 3)]))
    assert told(survey).startswith("channel 1: samples are clipped")
    assert "channel 0" not in told(survey)


def test_few_whole_numbers_are_not_clipped() -> None:
    assert "clipped" not in told(of(np.random.default_rng(0).integers(-9, 10, CUBE).astype(np.float32)))


def test_clipped_samples_are_no_nulls() -> None:
    assert "--null" not in told(of(seismic(*CUBE).clip(-100, 5)))


@pytest.mark.parametrize(
    ("unit", "step", "word"), [("ms", 4000, "4000 ms"), ("ms", 0.004, "0.004 ms"), ("", 1, "--dt")]
)
def test_odd_intervals(unit: str, step: float, word: str) -> None:
    survey = of(seismic(*CUBE))
    survey.grid = Grid((*survey.grid.axes[:-1], Axis("sample", 0, step, 400, unit)))
    found = told(survey)
    assert word in found
    assert "--dt" in found


class Placed(ArraySurvey):
    """A survey with bins."""

    found = Bins((0, 0), (25, 0), (0, 12.5), 0)

    @property
    def bins(self) -> Bins:
        return self.found


@pytest.mark.parametrize(
    ("bins", "word"),
    [
        (Bins((0, 0), (25, 0), (0, 12.5), 0.4), ""),
        (Bins((0, 0), (0, 25), (12.5, 0), 0.4), ""),
        (Bins((0, 0), (25, 0), (0, 12.5), 40), "up to 40 off"),
        (Bins((0, 0), (2500, 0), (0, 1250), 0), "bins of 2.5e+03 × 1.25e+03 are unusual"),
    ],
)
def test_bins(bins: Bins, word: str) -> None:
    survey = Placed(seismic(*CUBE))
    survey.found = bins
    found = told(survey)
    assert (word in found) if word else not found
    assert ("--cdp-x" in found) is bool(word)
