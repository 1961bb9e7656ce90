"""What is written to HDF5 reads back: axes, samples in any format, gaps, coordinates."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from arrays import ArraySurvey, grid_of
from datasets import AXES, CUBE, NAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, Traces

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import Domain, NewSurvey


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_is_written_reads_back_with_an_equal_grid(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    names = data.draw(st.sampled_from([("sample",), ("trace", "sample"), NAMES, ("row", "column")]))
    domain = Domain(data.draw(st.sampled_from(["time", "depth"])), "made for a test")
    unit = data.draw(st.sampled_from(["", domain.unit]))
    axes = []
    for name in names:
        size = data.draw(st.integers(1, 5))
        if name == "sample" and not unit:
            axes.append(Axis(name, 0, 1, size))
            continue
        first = data.draw(st.sampled_from([0.0, -7.0, 0.1, 1234.5]))
        step = data.draw(st.sampled_from([1.0, -2.0, 0.1, 4.0]))
        axes.append(Axis(name, first, step, size, unit if name == "sample" else ""))
    grid = Grid(tuple(axes))
    channels = data.draw(st.integers(1, 3))
    samples = np.random.default_rng(0).normal(size=(channels, *grid.shape)).astype(np.float32)
    path = f"{tmp_path_factory.mktemp('h5') / 'f.h5'}:/group/data"
    with create_survey(
        path,
        NewSurvey(grid, domain, channels=channels, provenance=("a", "b")),
    ) as writer:
        for window in grid.slabs(1):
            writer.write(window, samples[(slice(None), *window.slices)])
        writer.commit()
    survey = open_survey(path)
    assert survey.grid == grid
    assert survey.channels == channels
    assert survey.domain.name == domain.name
    assert np.array_equal(survey.read(grid.whole), samples)
    with h5py.File(path.split(":")[0]) as file:
        assert file["group/data"].attrs["provenance"] == b"a\nb"


@pytest.mark.parametrize("inside", ["/", "/inline", "/a/sample_ms"])
def test_names_that_no_data_set_can_have(tmp_path: Path, inside: str) -> None:
    with pytest.raises(OutputError, match="name of no data set"):
        create_survey(f"{tmp_path / 'f.h5'}:{inside}", NewSurvey(Grid(AXES), Domain("time", "")))
    assert list(tmp_path.iterdir()) == []


def test_gaps_and_coordinates_are_written_and_read_back(tmp_path: Path) -> None:
    cube = Traces.of(CUBE, INLINES, CROSSLINES)
    image = open_survey(str(cube.picked([n for n in range(20) if n not in (7, 15)]).write(tmp_path / "i.sgy")))
    coordinates = np.random.default_rng(0).normal(size=(2, 4, 5))
    new = NewSurvey(image.grid, image.domain, coordinates=coordinates, provenance=("made for", "a test"))
    with create_survey(str(tmp_path / "f.h5"), new, like=image) as writer:
        writer.write(image.grid.whole, image.read(image.grid.whole))
        writer.commit()
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.grid == image.grid
    assert np.array_equal(survey.present, image.present)
    assert np.argwhere(~survey.present).tolist() == [[1, 2], [3, 0]]
    assert np.array_equal(survey.coordinates, coordinates)  # type: ignore[arg-type]
    assert survey.text == ("made for", "a test")


def test_shots_keep_their_axes(tmp_path: Path) -> None:
    """The channels of a field record are an axis, and not the channels of a survey."""
    grid = Grid((Axis("record", 7, 1, 3), Axis("channel", 1, 1, 4), Axis("sample", 0, 2, 5, "ms")))
    samples = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    with create_survey(str(tmp_path / "f.h5"), NewSurvey(grid, Domain("time", ""), channels=2)) as writer:
        writer.write(grid.whole, samples)
        writer.commit()
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.grid == grid
    assert np.array_equal(survey.read(grid.whole), samples)


@pytest.mark.parametrize("names", [("inline", "crossline", "offset"), ("trace", "offset")])
def test_gathers_keep_their_axes(tmp_path: Path, names: tuple[str, ...]) -> None:
    lateral = [Axis(name, 100, 25, 3) for name in names]
    grid = Grid((*lateral, Axis("sample", 0, 4, 6, "ms")))
    samples = np.random.default_rng(0).normal(size=(1, *grid.shape)).astype(np.float32)
    with create_survey(str(tmp_path / "f.h5"), NewSurvey(grid, Domain("time", ""))) as writer:
        writer.write(grid.whole, samples)
        writer.commit()
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.grid == grid
    assert np.array_equal(survey.read(grid.whole), samples)


@pytest.mark.parametrize("sample_format", ["int8", "uint8", "int16", "int32", "float64", "ieee", None])
def test_sample_formats(tmp_path: Path, sample_format: str | None) -> None:
    survey = ArraySurvey(np.linspace(-200, 300, 60).reshape(1, 3, 4, 5))
    new = NewSurvey(survey.grid, survey.domain, sample_format=sample_format)
    with create_survey(str(tmp_path / "f.h5"), new) as writer:
        for window in survey.grid.slabs(1):
            writer.write(window, survey.read(window))
        clipped = writer.clipped
        writer.commit()
    kind = np.dtype({"ieee": "float32", None: "float32"}.get(sample_format, sample_format))
    limits = np.iinfo(kind) if kind.kind in "iu" else None
    rounded = np.rint(survey.samples[0]) if limits else survey.samples[0]
    expected = np.clip(rounded, limits.min, limits.max) if limits else rounded
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["data"].dtype == kind
        assert np.array_equal(file["data"][...], expected)
    assert clipped == np.count_nonzero(expected != rounded)
    assert ("blosc:zstd" in open_survey(str(tmp_path / "f.h5")).description["format"]) == (limits is not None)


def test_a_sample_format_that_hdf5_lacks(tmp_path: Path) -> None:
    survey = ArraySurvey(np.ones((1, 3, 4, 5)))
    with pytest.raises(OutputError, match=r"samples of the format ibm(.|\n)*ieee, float64, int8"):
        create_survey(str(tmp_path / "f.h5"), NewSurvey(survey.grid, survey.domain, sample_format="ibm"))
    assert list(tmp_path.iterdir()) == []


def test_labels_shrink(tmp_path: Path) -> None:
    grid = ArraySurvey(np.zeros((1, 130, 140, 150))).grid
    labels = np.zeros((1, *grid.shape), np.float32)
    labels[:, :, 40:43] = 1
    with create_survey(str(tmp_path / "f.h5"), NewSurvey(grid, Domain("time", ""), sample_format="int8")) as writer:
        for window in grid.slabs(10 * 140 * 150):
            writer.write(window, labels[(slice(None), *window.slices)])
        writer.commit()
    assert (tmp_path / "f.h5").stat().st_size < labels.size / 10
    survey = open_survey(str(tmp_path / "f.h5"))
    assert np.array_equal(survey.read(survey.grid.whole), labels)
    assert survey.description["format"] == "HDF5, int8, single bytes, chunks of 44 × 70 × 75, blosc:zstd"


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((128, 128, 128), (64, 64, 64)),
        ((400, 500, 462), (58, 63, 66)),
        ((22, 1536, 512), (22, 110, 103)),
        ((1, 2, 3), (1, 2, 3)),
        ((5, 2000), (5, 2000)),
        ((1025, 5000), (342, 715)),
    ],
)
def test_chunks_are_small_cubes_that_leave_little_over(
    tmp_path: Path, shape: tuple[int, ...], chunks: tuple[int, ...]
) -> None:
    """1025 rows in 3 chunks of 342, not in 2 of 512 and one of 1."""
    new = NewSurvey(grid_of(shape), Domain("time", ""), sample_format="int8")
    with create_survey(str(tmp_path / "f.h5"), new) as writer:
        writer.commit()
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["data"].chunks == chunks
