"""Statistics of a survey's live samples, gathered block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocnn.survey.spectrum import Spectrum
from geocnn.survey.survey import FloatArray

__all__ = ["Moments", "Statistics"]


@dataclass(frozen=True)
class Statistics:
    """Statistics of the live samples of a survey.

    Parameters
    ----------
    count
        Number of live samples.
    mean, std, minimum, maximum
        One for each channel.
    spectrum
        Average spectrum of the traces; none for images and axes without a unit.
    """

    count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    spectrum: Spectrum | None

    def to_json(self) -> dict[str, Any]:
        """As plain data for the model file."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Statistics:
        """Statistics of `to_json`."""
        lists = {key: tuple(data[key]) for key in ("mean", "std", "minimum", "maximum")}
        spectrum = Spectrum(**data["spectrum"]) if data["spectrum"] else None
        return cls(count=data["count"], spectrum=spectrum, **lists)

    @classmethod
    def pooled(cls, parts: Sequence[Statistics]) -> Statistics:
        """Statistics of several surveys together; the spectrum is the average, none if units differ.

        Notes
        -----
        With weights w_k = n_k / Σ n, mean M = Σ w_k m_k and variance Σ w_k (s_k² + (m_k − M)²).
        """
        weight = np.array([part.count for part in parts], np.float64)[:, None]
        weight /= weight.sum()
        means, stds = (np.array([getattr(part, name) for part in parts]) for name in ("mean", "std"))
        mean = (weight * means).sum(axis=0)
        std = np.sqrt((weight * (stds**2 + (means - mean) ** 2)).sum(axis=0))
        low = np.min([part.minimum for part in parts], axis=0)
        high = np.max([part.maximum for part in parts], axis=0)
        count = sum(part.count for part in parts)
        spectrum = Spectrum.average([part.spectrum for part in parts], weight[:, 0])
        return cls(count, _floats(mean), _floats(std), _floats(low), _floats(high), spectrum)


class Moments:
    """Count, mean, standard deviation and range of what was merged, for C channels."""

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.minimum = np.full(channels, inf)
        self.maximum = np.full(channels, -inf)

    def merge(self, values: FloatArray) -> None:
        """Merge samples (C, n).

        Notes
        -----
        Chan, Golub, LeVeque 1983: with δ = mean_b − mean_a, mean = mean_a + δ n_b / n and
        M = M_a + M_b + δ² n_a n_b / n, where M sums the squared deviations from the mean.
        """
        n = values.shape[1]
        mean = values.mean(axis=1, dtype=np.float64)
        # Absurd amplitudes, as of a wrong sample format, are told by what becomes of them.
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = values - mean[:, None].astype(np.float32)
            squares = np.einsum("cn,cn->c", deviation, deviation, dtype=np.float64)
        total = self.count + n
        delta = mean - self.mean
        self.squares += squares + delta**2 * self.count * n / total
        self.mean += delta * n / total
        self.count = total
        self.minimum = np.minimum(self.minimum, values.min(axis=1))
        self.maximum = np.maximum(self.maximum, values.max(axis=1))

    def statistics(self, spectrum: Spectrum | None) -> Statistics:
        """Statistics of all that was merged; nan and infinite ends if there was nothing."""
        mean = self.mean if self.count else np.full_like(self.mean, nan)
        std = np.sqrt(self.squares / self.count) if self.count else mean
        return Statistics(
            self.count, _floats(mean), _floats(std), _floats(self.minimum), _floats(self.maximum), spectrum
        )


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(values.tolist())
