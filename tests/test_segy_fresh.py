"""SEG-Y with headers of its own: coordinates, gathers, and what two or four bytes cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from surveys import CROSSLINES, INLINES, Traces, encoded

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.survey import Coordinates, Domain, NewSurvey

TIME = Domain("time", "made for a test")
LINES = (Axis("inline", 10, 2, 3), Axis("crossline", 50, 1, 4))
SAMPLES = Axis("sample", 100, 4, 5, "ms")
VOLUME = Grid((*LINES, SAMPLES))


def written(path: Path, new: NewSurvey, options: SurveyOptions | None = None) -> SegySurvey:
    """Write numbers that rise, and read them back."""
    shape = (new.channels, *new.grid.shape)
    samples = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    with create_survey(str(path), new) as writer:
        writer.write(new.grid.whole, samples)
        writer.commit()
    survey = open_survey(str(path), options or SurveyOptions())
    assert isinstance(survey, SegySurvey)
    assert survey.grid == new.grid
    assert np.array_equal(survey.read(survey.grid.whole), samples)
    return survey


def lattice(x: float, y: float, step: float) -> Coordinates:
    """Coordinates (2, 3, 4) from a corner on, turned by some degrees."""
    i, j = np.meshgrid(np.arange(3), np.arange(4), indexing="ij")
    return np.stack([x + step * (0.8 * i + 0.6 * j), y + step * (0.8 * j - 0.6 * i)])


@pytest.mark.parametrize(
    ("coordinates", "scalar", "error"),
    [
        (lattice(4e5, 6e6, 12.5), -10, 1e-9),
        (lattice(4e5, 6e6, 12.3456), -100, 0.005),
        (lattice(4e5, 1.2e7, 12.3456), -100, 0.005),
        (lattice(4e5, 6e6, 10), 1, 1e-9),
        (lattice(4.5, 52.25, 2.5e-4), -10_000, 5e-5),
        (lattice(1e12, 2e12, 2.5e7), 1000, 500),
    ],
    ids=["tenths", "metres", "far north", "whole metres", "degrees", "large"],
)
def test_coordinates_are_as_exact_as_headers_allow(
    tmp_path: Path, coordinates: Coordinates, scalar: int, error: float
) -> None:
    survey = written(tmp_path / "f.sgy", NewSurvey(VOLUME, TIME, coordinates=coordinates))
    assert int.from_bytes((tmp_path / "f.sgy").read_bytes()[3670:3672], "big", signed=True) == scalar
    assert survey.coordinates is not None
    assert np.abs(survey.coordinates - coordinates).max() <= error * (1 + 1e-6)


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_coordinates_that_are_not_known_are_left_out(tmp_path: Path, unknown: float) -> None:
    coordinates = np.full((2, 3, 4), unknown)
    assert written(tmp_path / "a.sgy", NewSurvey(VOLUME, TIME, coordinates=coordinates)).coordinates is None
    coordinates = lattice(4e5, 6e6, 12.5)
    coordinates[0, 1, 2] = unknown
    survey = written(tmp_path / "b.sgy", NewSurvey(VOLUME, TIME, coordinates=coordinates))
    assert survey.coordinates is not None
    assert np.array_equal(survey.coordinates[:, 1, 2], (0, 0))
    assert np.abs(survey.coordinates[:, 0] - coordinates[:, 0]).max() < 0.01


def test_gathers_have_the_coordinates_of_their_traces(tmp_path: Path) -> None:
    grid = Grid((*LINES, Axis("offset", 100, 50, 2), SAMPLES))
    coordinates = np.repeat(lattice(4e5, 6e6, 12.5)[..., None], 2, axis=-1)
    new = NewSurvey(grid, TIME, coordinates=coordinates)
    survey = written(tmp_path / "f.sgy", new, SurveyOptions(gathers="axis"))
    assert survey.coordinates is not None
    assert np.abs(survey.coordinates - coordinates).max() < 0.006


def test_channels_are_gathers(tmp_path: Path) -> None:
    survey = written(tmp_path / "f.sgy", NewSurvey(VOLUME, TIME, channels=3))
    assert survey.geometry.channels == ("offset 1", "offset 2", "offset 3")


IMPOSSIBLE = {
    "line numbers": (Grid((Axis("inline", 3e9, 1, 3), *VOLUME.axes[1:])), None, "of at most 32 bits"),
    "coordinates": (VOLUME, lattice(1e20, 1e20, 1e15), "coordinates that 32 bits"),
}


@pytest.mark.parametrize(("grid", "coordinates", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_numbers_beyond_the_headers(tmp_path: Path, grid: Grid, coordinates: Coordinates | None, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        create_survey(str(tmp_path / "f.sgy"), NewSurvey(grid, TIME, coordinates=coordinates))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("before", "after"), [("a.sgy", "b.su"), ("a.su", "b.sgy")])
def test_an_interval_that_new_headers_cannot_tell(tmp_path: Path, before: str, after: str) -> None:
    Traces.of(encoded(INLINES, CROSSLINES, 6), INLINES, CROSSLINES).write(tmp_path / "in.sgy")
    source = open_survey(str(tmp_path / "in.sgy"))
    if before.endswith(".su"):
        with create_survey(str(tmp_path / before), NewSurvey(source.grid, TIME), like=source) as writer:
            writer.commit()
    else:
        (tmp_path / before).write_bytes((tmp_path / "in.sgy").read_bytes())
    slow = open_survey(str(tmp_path / before), SurveyOptions(dt=100))
    with pytest.raises(OutputError, match="sample interval 100 ms"):
        create_survey(str(tmp_path / after), NewSurvey(slow.grid, TIME), like=slow)
    assert not (tmp_path / after).exists()


def test_seismic_unix_has_headers_that_tell_all(tmp_path: Path) -> None:
    """Trace headers without count and interval take those of the binary header."""
    path = Traces.of(encoded(INLINES, CROSSLINES, 6), INLINES, CROSSLINES).write(tmp_path / "in.sgy")
    content = bytearray(path.read_bytes())
    for number in range(20):
        start = 3600 + number * 264
        content[start + 114 : start + 118] = bytes(4)
    path.write_bytes(content)
    source = open_survey(str(path))
    with create_survey(str(tmp_path / "out.su"), NewSurvey(source.grid, TIME), like=source) as writer:
        writer.write(source.grid.whole, source.read(source.grid.whole))
        writer.commit()
    copy = open_survey(str(tmp_path / "out.su"))
    assert copy.grid == source.grid
    assert np.array_equal(copy.read(copy.grid.whole), source.read(source.grid.whole))


def test_trace_header_extensions_are_not_for_seismic_unix(real_data: Path, tmp_path: Path) -> None:
    source = open_survey(str(real_data / "segy_awkward/segyio/trace-header-extensions.sgy"))
    with pytest.raises(OutputError, match="trace headers of 720 bytes"):
        create_survey(str(tmp_path / "out.su"), NewSurvey(source.grid, source.domain), like=source)
    with pytest.raises(OutputError, match="2-byte integer"):
        new = replace(NewSurvey(source.grid, source.domain), sample_format="int16")
        create_survey(str(tmp_path / "out.su"), new, like=source)
    assert list(tmp_path.iterdir()) == []
