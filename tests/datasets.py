"""An HDF5 file whose samples tell their place."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from surveys import CROSSLINES, INLINES, SAMPLES, encoded

from geocnn.grid import Axis

AXES = (Axis("inline", 4, 2, 4), Axis("crossline", 20, 1, 5), Axis("sample", 0, 4, 30, "ms"))
CUBE = encoded(INLINES, CROSSLINES, SAMPLES)
NAMES = ("inline", "crossline", "sample")


def with_labels(path: Path, order: tuple[str, ...] = NAMES, data: np.ndarray = CUBE) -> h5py.File:
    """A file with the cube in some order of axes, and labels beside it."""
    file = h5py.File(path, "w")
    file["cube"] = np.transpose(data, [NAMES.index(name) for name in order])
    file["inline"] = np.array(INLINES)
    file["crossline"] = np.array(CROSSLINES)
    file["sample_ms"] = np.arange(SAMPLES) * 4.0
    return file
