"""Normalisation of whole surveys: z-scores over live samples, clipped, with dead samples at zero."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.survey.scan import Scan, Statistics
from geocnn.survey.survey import BoolArray, FloatArray, Survey

__all__ = ["NormalisedSurvey", "Normaliser", "drift"]


@dataclass(frozen=True)
class Normaliser:
    """Samples to z-scores: (x − mean) / std, clipped to ± `clip`.

    Parameters
    ----------
    mean, std
        One for each channel, in the survey's own amplitudes.
    clip
        Largest magnitude kept, in standard deviations.

    Raises
    ------
    SurveyError
        If a channel does not vary.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    clip: float

    def __post_init__(self) -> None:
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
                raise SurveyError(
                    f"the live samples of channel {channel} have mean {mean:g} and standard deviation {std:g}",
                    expected="amplitudes that vary",
                    do="look at the survey with geocnn inspect; check --sample-format and --null",
                )
        if not self.clip > 0:
            raise ValueError(f"clip {self.clip}, not above 0")

    @classmethod
    def of(cls, statistics: Statistics, scale: Literal["shared", "each"], clip: float) -> Normaliser:
        """Normaliser by the statistics of a survey.

        Parameters
        ----------
        scale
            ``each``: every channel by its own mean and std. ``shared``: all channels by the mean and std of all
            their samples together, so that amplitudes keep their ratio between offsets or angles.
        clip
            Largest magnitude kept, in standard deviations.

        Notes
        -----
        Channels have equally many live samples, so that shared mean M = mean(m_c) and variance
        mean(s_c² + (m_c − M)²).
        """
        mean, std = (np.array(values, np.float64) for values in (statistics.mean, statistics.std))
        if scale == "shared":
            shared = mean.mean()
            std = np.full_like(std, np.sqrt(np.mean(std**2 + (mean - shared) ** 2)))
            mean = np.full_like(mean, shared)
        return cls(tuple(mean.tolist()), tuple(std.tolist()), clip)

    def apply(self, samples: FloatArray, live: BoolArray) -> FloatArray:
        """Normalised samples, shape (C, \\*w), of samples (C, \\*w); 0 where `live` (\\*w) is False."""
        shape = (-1, *(1,) * live.ndim)
        mean = np.array(self.mean, np.float32).reshape(shape)
        std = np.array(self.std, np.float32).reshape(shape)
        # Nulls such as 1e30 or nan must not enter the arithmetic.
        scores = (np.where(live, samples, mean) - mean) / std
        return np.clip(scores, -self.clip, self.clip, out=scores)


class NormalisedSurvey:
    """A survey as a network sees it.

    Parameters
    ----------
    survey, scan
        The survey, and what is known of its live samples.
    normaliser
        Scales of its channels.
    """

    def __init__(self, survey: Survey, scan: Scan, normaliser: Normaliser) -> None:
        if len(normaliser.mean) != survey.channels:
            raise ValueError(f"{len(normaliser.mean)} scales for {survey.channels} channels of {survey.name}")
        self.survey = survey
        self.scan = scan
        self.normaliser = normaliser
        self.grid = survey.grid
        self.channels = survey.channels

    def read(self, window: Window) -> FloatArray:
        """Normalised samples (C, \\*window.shape), 0 where dead."""
        return self.both(window)[0]

    def live(self, window: Window) -> BoolArray:
        """Which samples of a window are live, shape `window.shape`."""
        # Samples are only read where they matter: a volume is large.
        nothing = np.empty(0, np.float32)
        return self.scan.live(window, nothing if self.scan.by_trace else self.survey.read(window))

    def both(self, window: Window) -> tuple[FloatArray, BoolArray]:
        """Normalised samples and which are live, by one reading."""
        samples = self.survey.read(window)
        live = self.scan.live(window, samples)
        return self.normaliser.apply(samples, live), live


FAR = 1.5
"""Ratio from which two spectra or amplitude ranges count as far from each other: about half an octave."""


def drift(training: Statistics, new: Statistics) -> list[str]:
    """What makes a survey look different from the training's to a network, in words; empty if nothing does."""
    return [*_spectral_drift(training, new), *_amplitude_drift(training, new)]


def _spectral_drift(training: Statistics, new: Statistics) -> Iterator[str]:
    """Say when the vertical domain differs, or the peak or the upper end of the band lies elsewhere."""
    before, now = training.spectrum, new.spectrum
    if before is None or now is None:
        return
    if before.unit != now.unit:
        yield f"the spectrum of this survey is in {now.unit}, training's in {before.unit}: time against depth"
    elif _far(before.peak, now.peak) or _far(before.high, now.high):
        yield (
            f"the spectrum is far from training's: peak {now.peak:.3g} {now.unit}, up to {now.high:.3g}, against "
            f"{before.peak:.3g}, up to {before.high:.3g}; the network may not know such wavelets"
        )


def _amplitude_drift(training: Statistics, new: Statistics) -> Iterator[str]:
    """Say when the largest amplitude, in standard deviations, is far from training's: clipped, gained or spiky data."""
    for channel, (before, now) in enumerate(zip(_crests(training), _crests(new), strict=False)):
        if _far(before, now):
            kind = "clipped or gained harder" if now < before else "with larger outliers"
            yield (
                f"channel {channel}: the largest amplitude is {now:.3g} standard deviations, in training "
                f"{before:.3g}: this survey seems {kind} than training's"
            )


def _crests(statistics: Statistics) -> list[float]:
    """Largest deviation from the mean in standard deviations, per channel."""
    channels = zip(statistics.mean, statistics.std, statistics.minimum, statistics.maximum, strict=True)
    return [max(high - mean, mean - low) / std if std else 0.0 for mean, std, low, high in channels]


def _far(before: float, now: float) -> bool:
    return max(before, now) > FAR * min(before, now)
