"""What is written of a prediction: probabilities, classes or values, and their spread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from geocnn.errors import UsageError
from geocnn.prediction.passes import Part
from geocnn.survey.content import split_name
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["Content", "ContentName", "Field"]

ContentName = Literal["auto", "probability", "class", "values"]


@dataclass(frozen=True)
class Field:
    """One output file.

    Parameters
    ----------
    path
        Its final name; a data set of HDF5 is named with it.
    what
        What its samples are, for people.
    """

    path: str
    what: str

    @property
    def file(self) -> Path:
        """The file."""
        return split_name(self.path)[0]


class Content:
    """What files a prediction makes, and what goes into each.

    Parameters
    ----------
    name
        ``probability``: of class 1 for one output of the network, a file for each class for several. ``class``: the
        index of the likeliest, or of two the second from the threshold on. ``values``: what the network gives, without
        sigmoid or softmax, a file for each output. ``auto``: probability for one output, class for several.
    classes
        Their names.
    outputs
        Values K that the network gives for each sample.
    threshold
        Probability from which a sample counts as class 1.
    percent
        Whether probabilities are written as 0 to 100, as integers need.
    several
        Whether several passes are averaged, so that there is a spread: the standard deviation among them.
    """

    def __init__(
        self,
        name: ContentName,
        classes: Sequence[str],
        outputs: int,
        threshold: float,
        *,
        percent: bool = False,
        several: bool = False,
    ) -> None:
        self.name = name if name != "auto" else ("probability" if outputs == 1 else "class")
        self._classes, self._outputs, self._threshold = tuple(classes), outputs, threshold
        self._scale = 100.0 if percent and self.name != "values" else 1.0
        self._several = several

    @property
    def activation(self) -> str:
        """What is made of the network's outputs before they are averaged: a name of `ACTIVATIONS`."""
        return "values" if self.name == "values" else "probabilities"

    def fields(self, path: str) -> tuple[Field, ...]:
        """The files of an output, in the order of `made_of`.

        Raises
        ------
        UsageError
            If the output has no name, or two of them would have the same.
        """
        if not split_name(path)[0].name:
            raise UsageError(f"the output {path!r} names no file", expected="the name of a file", do="name one")
        percent = " in percent" if self._scale != 1 else ""
        if self.name == "class":
            fields = [Field(path, "class index")]
            spreads = [Field(_beside(path, "spread"), f"spread of the probability of the class{percent}")]
        else:
            names = self._names
            fields = [Field(_beside(path, name) if name else path, f"{what}{percent}") for name, what in names]
            spreads = [
                Field(_beside(path, f"{name}-spread" if name else "spread"), f"spread of the {what}{percent}")
                for name, what in names
            ]
        found = tuple(fields + (spreads if self._several else []))
        if len({field.path for field in found}) < len(found):
            raise UsageError(
                f"two of the files {', '.join(field.path for field in found)} have one name",
                expected="classes whose names differ in letters and digits",
                do="pass --content class, or rename the classes",
            )
        return found

    @property
    def _names(self) -> list[tuple[str, str]]:
        """What each output adds to the name of its file, and what it is."""
        if self.name == "values":
            if self._outputs == 1:
                return [("", f"value of the network for {self._classes[-1]}")]
            return [(_plain(each), f"value of the network for {each}") for each in self._classes]
        if self._outputs == 1:
            return [("", f"probability of {self._classes[-1]}")]
        return [(_plain(each), f"probability of {each}") for each in self._classes]

    def made_of(self, part: Part) -> tuple[list[FloatArray], BoolArray]:
        """What goes into each file, (1, \\*window.shape), and which samples are of another class than the first.

        None are where values are written.
        """
        values = part.values.float().cpu()
        spread = None if part.spread is None else part.spread.float().cpu()
        if self.name == "values":
            nowhere = np.zeros(tuple(values.shape[1:]), np.bool_)
            return [_array(each) for each in (*values, *(() if spread is None else spread))], nowhere
        classes = self._class(values)
        positive = np.asarray(classes.numpy() > 0)
        if self.name != "class":
            return [_array(self._scale * each) for each in (*values, *(() if spread is None else spread))], positive
        if spread is None:
            return [_array(classes)], positive
        # Of two classes both spread alike.
        row = classes.long()[None] if self._outputs > 1 else torch.zeros_like(classes, dtype=torch.long)[None]
        return [_array(classes), _array(self._scale * spread.gather(0, row)[0])], positive

    def _class(self, probabilities: Tensor) -> Tensor:
        """Index of the class, \\*w, of probabilities (K, \\*w)."""
        if self._outputs == 1:
            return (probabilities[0] >= self._threshold).float()
        return probabilities.argmax(dim=0).float()


def _array(values: Tensor) -> FloatArray:
    return np.asarray(values.numpy(), np.float32)[None]


def _beside(path: str, name: str) -> str:
    """``out.sgy`` as ``out-spread.sgy``; the data set of ``out.h5:/data`` stays."""
    file, inside = split_name(path)
    beside = file.with_name(f"{file.stem}-{name}{file.suffix}")
    return f"{beside}:{inside}" if inside else str(beside)


def _plain(name: str) -> str:
    """A class as part of a file name."""
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "class"
