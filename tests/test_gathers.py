"""Prestack gathers: as channels, as an axis, or refused; and duplicates that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from headers import geometry, lines, write
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.gathers import sort_gathers
from geocnn.survey.segy.geometry import find_geometry
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.layout import open_segy_file

RANDOM = np.random.default_rng(0)
NO_HINTS = Hints({}, None)
AXIS = SurveyOptions(gathers="axis")
PLACES = (Place(189), Place(193), Place(37))


def gathered(offsets: np.ndarray, shape: tuple[int, int] = (6, 7)) -> dict[int | str, np.ndarray]:
    """Fields of gathers with `offsets`, (fold,) or (positions, fold), one after the other."""
    inline, crossline = lines(range(10, 10 + shape[0]), range(20, 20 + shape[1]))
    fold = offsets.shape[-1]
    every = np.broadcast_to(offsets, (inline.size, fold)).ravel()
    return {189: np.repeat(inline, fold), 193: np.repeat(crossline, fold), 37: every}


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda shape: max(shape) > 1),
    st.lists(st.integers(-5000, 5000), min_size=2, max_size=9, unique=True),
    st.sampled_from(["channels", "axis", None]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_each_trace_is_at_its_position_and_offset(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int],
    offsets: list[int],
    said: str | None,
    angle: bool,
    seed: int,
) -> None:
    """In any order of the traces, by offset at any place."""
    values = gathered(np.array(offsets), shape)
    order = np.random.default_rng(seed).permutation(values[37].size)
    values = {byte: numbers[order] for byte, numbers in values.items()}
    options = SurveyOptions(gathers=said, offset="233:f4" if angle else None)
    if angle:
        values["233:f4"] = values.pop(37)
    found = geometry(write(tmp_path_factory.mktemp("any") / "f.sgy", values), options)
    by_offset = found.index if said != "axis" else np.moveaxis(found.index[0], -1, 0)
    assert by_offset.shape == (len(offsets), *shape)
    inline, crossline, offset = values[189], values[193], values["233:f4" if angle else 37]
    expected = np.empty_like(by_offset)
    expected[np.searchsorted(sorted(offsets), offset), inline - 10, crossline - 20] = np.arange(order.size)
    assert np.array_equal(by_offset, expected)
    if said == "axis":
        assert found.axes[-1].name == "offset"
        assert not found.channels
    else:
        assert found.channels == tuple(f"offset {each}" for each in sorted(offsets))


def test_what_was_done_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", gathered(np.array([100, 200, 300, 400])))
    (remark,) = geometry(path).remarks
    assert (
        "prestack: 4 traces at each position, by offset at trace header bytes 37-40 (4 offsets, 100 to 400)" in remark
    )
    assert "4 channels (--gathers axis: as an axis; --duplicates mean: stacked)" in remark
    found = geometry(path, AXIS)
    assert found.axes[-1] == Axis("offset", 100, 100, 4)
    assert found.places["offset"] == "trace header bytes 37-40"


def test_irregular_offsets_are_counted_along_an_axis(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", gathered(np.array([100, 150, 300]))), AXIS)
    assert found.axes[-1] == Axis("offset", 1, 1, 3)
    assert "counted from 1, since offsets are not regular (100, 150, 300)" in found.remarks[0]


def test_offsets_that_vary_a_little_are_counted(tmp_path: Path) -> None:
    offsets = np.arange(100, 1300, 100) + RANDOM.integers(-20, 21, (42, 12))
    order = RANDOM.permutation(42 * 12)
    values = {byte: numbers[order] for byte, numbers in gathered(offsets).items()}
    found = geometry(write(tmp_path / "f.sgy", values))
    expected = np.argsort(order).reshape(6, 7, 12).transpose(2, 0, 1)
    assert np.array_equal(found.index, expected)
    assert "traces were counted by offset" in found.remarks[0]
    medians = [float(name.removeprefix("offset ")) for name in found.channels]
    assert medians == pytest.approx(np.arange(100, 1300, 100), abs=10)


def test_stacking_is_an_option(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", gathered(np.array([100, 200, 300])))
    found = geometry(path, SurveyOptions(duplicates="mean"))
    assert found.index.shape == (1, 6, 7)
    assert np.array_equal(found.index.ravel(), np.arange(0, 126, 3))
    assert np.array_equal(found.repeats[:4], [[0, 1], [0, 2], [1, 4], [1, 5]])


def test_the_same_offset_twice_is_a_duplicate(tmp_path: Path) -> None:
    values = {byte: np.append(numbers, numbers[5]) for byte, numbers in gathered(np.array([100, 200])).items()}
    path = write(tmp_path / "f.sgy", values)
    found = geometry(path)
    # Channel 1 of position 2, whose trace 5 has a twin at the end of the file.
    assert found.repeats.tolist() == [[42 + 2, 84]]
    assert "traces 6 and 85" in found.remarks[1]
    assert geometry(path, AXIS).repeats.tolist() == [[5, 84]]


def test_a_prestack_line(tmp_path: Path) -> None:
    values = {21: np.repeat(np.arange(1, 51), 3), 37: np.tile([100, 200, 300], 50)}
    path = write(tmp_path / "f.sgy", values)
    assert geometry(path).axes == (Axis("trace", 1, 1, 50),)
    found = geometry(path, AXIS)
    assert found.axes == (Axis("trace", 1, 1, 50), Axis("offset", 100, 100, 3))
    assert np.array_equal(found.index[0], np.arange(150).reshape(50, 3))


def test_one_gather(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {37: np.arange(100, 400, 100)})
    assert geometry(path).axes == (Axis("trace", 1, 1, 3),)
    said = SurveyOptions(gathers="axis", iline=189, xline=193)
    assert geometry(path, said).axes == (
        Axis("inline", 0, 1, 1),
        Axis("crossline", 0, 1, 1),
        Axis("offset", 100, 100, 3),
    )


def ragged() -> dict[int | str, np.ndarray]:
    """Folds from 1 to 20, with offsets of their own."""
    values = gathered(np.arange(20) * 1000 + RANDOM.integers(0, 1000, (42, 20)))
    kept = RANDOM.random(840) < np.repeat(RANDOM.random(42), 20)
    return {byte: numbers[kept] for byte, numbers in values.items()}


def many() -> dict[int | str, np.ndarray]:
    return gathered(np.arange(100, 7100, 100))


@pytest.mark.parametrize("make", [ragged, many])
def test_gathers_that_are_no_channels(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    path = write(tmp_path / "f.sgy", make())
    with pytest.raises(SurveyError, match=r"prestack: \d+ to \d+ traces(.|\n)*64 offsets(.|\n)*--duplicates mean"):
        geometry(path)
    assert geometry(path, SurveyOptions(duplicates="mean")).index.shape[0] == 1


def test_seventy_offsets_are_an_axis_or_channels_if_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", many())
    assert geometry(path, AXIS).axes[-1] == Axis("offset", 100, 100, 70)
    assert len(geometry(path, SurveyOptions(gathers="channels")).channels) == 70


def test_gathers_where_there_are_none(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", gathered(np.array([100])))
    with pytest.raises(SurveyError, match=r"no gathers: offsets at trace header bytes 37-40(.|\n)*--offset"):
        geometry(path, AXIS)


def test_duplicates_without_offsets_are_no_gathers() -> None:
    assert sort_gathers(np.array([0, 0, 1, 1]), np.array([5, 5, 5, 5])) is None
    assert sort_gathers(np.array([0, 0, 1, 1]), np.array([5, 5, 6, 6])) is None
    assert sort_gathers(np.array([0, 1, 2, 3]), np.array([5, 6, 7, 8])) is None


@pytest.mark.parametrize(
    "order", ["", "-dec-il-inc-xl-off", "-dec-il-off-inc-xl", "-dec-il-xl-inc-off", "-dec-il-xl-off",
              "-dec-off-inc-il-xl", "-dec-xl-inc-il-off", "-dec-xl-off-inc-il"]
)  # fmt: skip
def test_prestack_files_of_every_sorting(real_data: Path, order: str) -> None:
    """Sorted up or down, by any of the three: each trace is at its own inline, crossline and offset."""
    file = open_segy_file(real_data / f"segy_awkward/segyio/small-ps{order}.sgy", None)
    found = find_geometry(file, AXIS, NO_HINTS)
    assert [axis.size for axis in found.axes] == [4, 3, 2]
    inline, crossline, offset = (file.fields(place)[0] for place in PLACES)
    for at, trace in np.ndenumerate(found.index[0]):
        labels = [axis.label(i) for axis, i in zip(found.axes, at, strict=True)]
        assert labels == [inline[trace], crossline[trace], offset[trace]]
