"""What every way of predicting a survey has in common: it is cut into tiles, which are computed part by part."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from geocnn.grid import Grid, Window
from geocnn.prediction.tiles import Tile, memory_words
from geocnn.survey.survey import FloatArray

__all__ = ["ACTIVATIONS", "Activation", "Cut", "Image", "Part", "Pass", "Times", "Underway", "times_words"]

Activation = Callable[[Tensor], Tensor]


def _probabilities(logits: Tensor) -> Tensor:
    """Of class 1 for one logit, of every class for several; (K, \\*w)."""
    return torch.sigmoid(logits) if len(logits) == 1 else torch.softmax(logits, dim=0)


def _values(logits: Tensor) -> Tensor:
    """What the network gives, as it is."""
    return logits


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({"probabilities": _probabilities, "values": _values})
"""What is made of a network's outputs, by name."""


class Image(Protocol):
    """What a network is run over: normalised samples."""

    @property
    def grid(self) -> Grid:
        """Its axes."""

    @property
    def channels(self) -> int:
        """Number of channels C."""

    def read(self, window: Window) -> FloatArray:
        """Normalised samples (C, \\*window.shape), 0 where dead; called from any thread."""


class Part(NamedTuple):
    """Finished samples of a window: values (K, \\*window.shape) and, if several were averaged, their spread, alike."""

    window: Window
    values: Tensor
    spread: Tensor | None = None


class Underway(NamedTuple):
    """Samples of a tile that are as good as computed, though no part of it is finished yet."""

    samples: int


@dataclass(frozen=True)
class Cut:
    """How a window will be predicted, and what it costs.

    Parameters
    ----------
    tiles
        Their cores make up the window.
    how
        In words: ``streams along inlines, 8 planes at a time``.
    arithmetic
        Samples that networks see, over samples that one pass of one network sees: 1 means no work done twice.
    memory
        Bytes held at once beside the weights.
    """

    tiles: tuple[Tile, ...]
    how: str
    arithmetic: float
    memory: int

    @property
    def words(self) -> str:
        """``streams along inlines, 8 planes at a time: 1.07× the arithmetic of one pass, 3.1 GB``."""
        times = times_words(self.arithmetic)
        return f"{self.how}: {times} the arithmetic of one pass, {memory_words(self.memory)}"


def times_words(ratio: float) -> str:
    """1.0712 as ``1.07×``, 64.3 as ``64×``."""
    return f"{ratio:.2f}×" if ratio < 9.995 else f"{ratio:,.0f}×"


class Pass(Protocol):
    """A way of predicting one survey with one network or several."""

    def cut(self, within: Window, memory: int) -> Cut:
        """How a window is best predicted with so many bytes of memory.

        Raises
        ------
        UsageError
            If it cannot be done with so few.
        """

    def parts(self, tile: Tile, front: int | None = None) -> Generator[Part | Underway]:
        """The parts of a tile's core, in order along its axis; news of those that take long.

        Parameters
        ----------
        front
            Where an earlier part ended along that axis, to go on there: what follows has the same bits as without.
        """


class Times:
    """Seconds that threads spent, by what they did; those of different threads overlap."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Count the seconds of a block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - begun  # type: ignore[assignment]
