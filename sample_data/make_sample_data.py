"""Make the surveys of this folder: ``python sample_data/make_sample_data.py [FOLDER]``; the same samples every time."""

from __future__ import annotations

import sys
from math import cos, radians, sin
from pathlib import Path

import h5py
import numpy as np
import segyio
from numpy.typing import NDArray

from geocnn.grid import Axis, Grid
from geocnn.survey.creating import create_survey
from geocnn.survey.survey import Domain, FloatArray, NewSurvey
from geocnn.synthetic.cubes import cube_grid
from geocnn.synthetic.faults import fault_cube
from geocnn.synthetic.recipes import DT, RECIPES

__all__ = ["make_training_pair", "make_unseen_pair"]

Labels = NDArray[np.int8]

SEED = 2019

TRAINING_SHAPE = (64, 96, 96)

UNSEEN = Grid(
    (
        Axis("inline", 310, 2, 60),
        Axis("crossline", 741, 1, 84),
        Axis("sample", 0, 1000 * DT, 100, "ms"),
    )
)
"""Other lines than those of training, and sizes that no stride divides."""

CORNER = 24
"""Legs of the triangle of positions without a trace, where inline and crossline numbers are highest."""

FULL_SCALE = 32767
BIN = 25.0
AZIMUTH = 30.0
COORDINATE_DIVISOR = 10


def make_training_pair(folder: Path) -> None:
    """``training-seismic.sgy``, as geocnn writes SEG-Y, and ``training-label.h5``, both of recipe wu2019."""
    image, label = fault_cube(TRAINING_SHAPE, (SEED, 0), RECIPES["wu2019"])
    grid = cube_grid(TRAINING_SHAPE)
    domain = Domain("time", "synthetic")
    provenance = ("synthetic, recipe wu2019, by make_sample_data.py",)
    path = str(folder / "training-seismic.sgy")
    with create_survey(path, NewSurvey(grid, domain, provenance=provenance), overwrite=True) as writer:
        writer.write(grid.whole, image[None])
        writer.commit()
    _write_label(folder / "training-label.h5", label.astype(np.int8), grid)


def make_unseen_pair(folder: Path) -> None:
    """``unseen-seismic.sgy`` and ``unseen-label.h5`` of recipe wu2019-wide, awkward as surveys in the field are.

    The image holds 16-bit integers of another scale, sorted by crossline, and lacks a corner, where the label is −1.
    """
    inlines, crosslines, samples = UNSEEN.shape
    image, label = fault_cube((inlines, crosslines, samples), (SEED, 1), RECIPES["wu2019-wide"])
    i, x = np.indices(UNSEEN.lateral)
    held = (inlines - 1 - i) + (crosslines - 1 - x) >= CORNER
    _write_segy(folder / "unseen-seismic.sgy", image, np.argwhere(held.T)[:, ::-1])
    _write_label(folder / "unseen-label.h5", np.where(held[..., None], label, -1).astype(np.int8), UNSEEN)


def _write_segy(path: Path, image: FloatArray, traces: NDArray[np.int64]) -> None:
    """SEG-Y of 16-bit integers: the traces of an image (I, X, S) at positions (n, 2), in that order."""
    spec = segyio.spec()
    spec.format = segyio.SegySampleFormat.SIGNED_SHORT_2_BYTE
    spec.sorting = segyio.TraceSortingFormat.CROSSLINE_SORTING
    spec.samples = 1000 * DT * np.arange(UNSEEN.shape[-1])
    spec.tracecount = len(traces)
    whole = np.rint(image * (FULL_SCALE / np.abs(image).max())).astype(np.int16)
    with segyio.create(str(path), spec) as file:
        file.text[0] = segyio.tools.create_text_header(_TEXT)
        file.bin.update(_BINARY)
        for number, (i, x) in enumerate(traces.tolist()):
            file.header[number] = _header(number, i, x)
            file.trace[number] = whole[i, x]


_TEXT = {
    1: "SYNTHETIC, RECIPE WU2019-WIDE, BY MAKE_SAMPLE_DATA.PY",
    2: "INLINE: BYTES 189-192  CROSSLINE: BYTES 193-196  TIME DOMAIN",
    3: "CDP X: BYTES 181-184  CDP Y: BYTES 185-188  IN DECIMETRES",
}

_BINARY = {
    segyio.BinField.Interval: round(1e6 * DT),
    segyio.BinField.MeasurementSystem: 1,
    segyio.BinField.SEGYRevision: 1,
    segyio.BinField.TraceFlag: 1,
}


def _header(number: int, i: int, x: int) -> dict[int, int]:
    """Trace header of position (i, x): line numbers, and coordinates of square bins that are turned by `AZIMUTH`."""
    inline, crossline, sample = UNSEEN.axes
    east = BIN * (x * cos(radians(AZIMUTH)) - i * sin(radians(AZIMUTH)))
    north = BIN * (x * sin(radians(AZIMUTH)) + i * cos(radians(AZIMUTH)))
    field = segyio.TraceField
    return {
        field.TRACE_SEQUENCE_LINE: number + 1,
        field.TRACE_SEQUENCE_FILE: number + 1,
        field.TraceIdentificationCode: 1,
        field.SourceGroupScalar: -COORDINATE_DIVISOR,
        field.CoordinateUnits: 1,
        field.TRACE_SAMPLE_COUNT: sample.size,
        field.TRACE_SAMPLE_INTERVAL: round(1e6 * DT),
        field.CDP_X: round((450_000 + east) * COORDINATE_DIVISOR),
        field.CDP_Y: round((6_780_000 + north) * COORDINATE_DIVISOR),
        field.INLINE_3D: round(inline.label(i)),
        field.CROSSLINE_3D: round(crossline.label(x)),
    }


def _write_label(path: Path, label: Labels, grid: Grid) -> None:
    """HDF5 with the data set ``/label``, compressed, its axes as scales: inline, crossline, sample_ms."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("label", data=label, chunks=(16, 48, 48), compression="gzip")
        for dimension, axis in enumerate(grid.axes):
            name = f"{axis.name}_{axis.unit}" if axis.unit else axis.name
            scale = file.create_dataset(name, data=axis.first + axis.step * np.arange(axis.size))
            scale.make_scale(name)
            data.dims[dimension].attach_scale(scale)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_training_pair(target)
    make_unseen_pair(target)
