"""Traces on a grid: volumes by lines or bins, 2-D lines, shots; duplicates, wild numbers, and what cannot be read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from headers import geometry, lines, write
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.grid import Axis
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.binning import bin_by_coordinates
from geocnn.survey.segy.geometry import find_geometry
from geocnn.survey.segy.hints import Hints
from geocnn.survey.segy.layout import open_segy_file

INLINE, CROSSLINE = lines(range(100, 112), range(20, 60, 2))
COUNTER = np.arange(1, INLINE.size + 1)
NONE = np.zeros(INLINE.size, int)
RANDOM = np.random.default_rng(0)
NO_HINTS = Hints({}, None)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40),
    st.sampled_from([(189, 193), (9, 21), (101, 103), (1, 237)]),
    st.sampled_from(["i4", "i2", "f4"]),
    st.sampled_from(["<", ">"]),
    st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(["first", "last", "mean"]),
)
def test_any_traces_lie_where_their_numbers_say(
    tmp_path_factory: pytest.TempPathFactory,
    at: list[tuple[int, int]],
    pair: tuple[int, int],
    kind: str,
    order: str,
    first: tuple[int, int],
    step: tuple[int, int],
    policy: str,
) -> None:
    """Any order, holes, duplicates, steps, bytes, kinds: the array that made the file comes back."""
    numbers = np.array(first) + np.array(step) * np.array(at)
    kind = "i2" if pair == (101, 103) else kind
    fields = [f"{byte}:{kind}" for byte in pair]
    path = write(tmp_path_factory.mktemp("any") / "f.sgy", dict(zip(fields, numbers.T, strict=True)), order)
    if len(set(map(tuple, at))) == 1 and len(at) > 1:
        with pytest.raises(SurveyError, match="line numbers that differ"):
            geometry(path, SurveyOptions(iline=fields[0], xline=fields[1], duplicates=policy))
        return
    found = geometry(path, SurveyOptions(iline=fields[0], xline=fields[1], duplicates=policy))
    traces: dict[tuple[int, int], list[int]] = {}
    for trace, (inline, crossline) in enumerate(numbers.tolist()):
        position = found.axes[0].position(inline), found.axes[1].position(crossline)
        traces.setdefault(position, []).append(trace)
    expected = np.full(found.index.shape[1:], -1)
    repeats = []
    for position, here in traces.items():
        kept = here[-1] if policy == "last" else here[0]
        expected[position] = kept
        flat = int(np.ravel_multi_index(position, expected.shape))
        repeats += [(flat, trace) for trace in here if trace != kept]
    assert np.array_equal(found.index[0], expected)
    assert found.repeats.tolist() == [list(each) for each in sorted(repeats)]
    assert bool(repeats) == any("duplicates" in remark for remark in found.remarks)


# --- Bins


def turned(inline: np.ndarray, crossline: np.ndarray) -> dict[int | str, np.ndarray]:
    """Coordinates in centimetres of bins of 25 × 12.5 m, turned by 30 degrees."""
    x = 25 * inline * np.cos(0.5) + 12.5 * crossline * np.sin(0.5) + 432_100
    y = -25 * inline * np.sin(0.5) + 12.5 * crossline * np.cos(0.5) + 6_478_000
    return {181: np.rint(100 * x), 185: np.rint(100 * y), "71:i2": np.full(x.size, -100)}


def test_bins_where_there_are_no_line_numbers(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {1: COUNTER, 21: COUNTER, **turned(INLINE, CROSSLINE)}))
    assert found.axes == (Axis("inline", 1, 1, 12), Axis("crossline", 1, 1, 20))
    assert np.array_equal(found.index[0], np.arange(240).reshape(12, 20))
    assert found.coordinates == (Place(181), Place(185))
    assert found.places["inline"].startswith("bins of the coordinates at bytes 181 and 185 (likely")
    assert "lines were counted from 1" in found.remarks[0]


def test_bins_at_bytes_that_the_user_names(tmp_path: Path) -> None:
    values = turned(INLINE, CROSSLINE)
    values[201], values[205] = values.pop(181), values.pop(185)
    path = write(tmp_path / "f.sgy", values)
    found = geometry(path, SurveyOptions(cdp_x=201, cdp_y=205, geometry="volume"))
    assert found.index.shape == (1, 12, 20)


def test_scattered_coordinates_are_no_volume(tmp_path: Path) -> None:
    values = {181: RANDOM.integers(0, 10**6, 240), 185: RANDOM.integers(0, 10**6, 240)}
    path = write(tmp_path / "f.sgy", values)
    for options in (SurveyOptions(), SurveyOptions(geometry="volume")):
        with pytest.raises(
            SurveyError, match=r"inline 0 and crossline 0 at bytes 189 and 193; the coordinates"
        ) as caught:
            geometry(path, options)
        for option in ("--iline", "--xline", "--cdp-x", "--geometry line", "--geometry shots"):
            assert option in str(caught.value)


# --- 2-D lines


def test_a_line_by_its_cdp_numbers(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {21: COUNTER + 100, **crooked()}))
    assert found.axes == (Axis("trace", 101, 1, 240),)
    assert found.places["trace"] == "trace header bytes 21-24"
    assert "2-D line" in found.remarks[0]


def crooked() -> dict[int | str, np.ndarray]:
    heading = np.cumsum(RANDOM.normal(0, 0.05, 240))
    x, y = 10_000 + np.cumsum(12.5 * np.cos(heading)), 10_000 + np.cumsum(12.5 * np.sin(heading))
    return {181: np.rint(x), 185: np.rint(y)}


LINES = {
    "falling": (np.arange(300, 60, -1), Axis("trace", 300, -1, 240)),
    "by twos": (np.arange(2, 482, 2), Axis("trace", 2, 2, 240)),
    "with a gap": (np.delete(np.arange(1, 251), slice(40, 50)), Axis("trace", 1, 1, 250)),
    "unsorted": (RANDOM.permutation(240) + 1, Axis("trace", 1, 1, 240)),
    "constant": (NONE + 5, Axis("trace", 1, 1, 240)),
    "wild": (np.append(np.arange(239), 2**30), Axis("trace", 1, 1, 240)),
    "repeated": (np.arange(240) // 2, Axis("trace", 1, 1, 240)),
}  # fmt: skip


@pytest.mark.parametrize(("cdp", "axis"), LINES.values(), ids=LINES)
@pytest.mark.parametrize("said", ["line", None])
def test_lines(tmp_path: Path, cdp: np.ndarray, axis: Axis, said: str | None) -> None:
    found = geometry(write(tmp_path / "f.sgy", {21: cdp}), SurveyOptions(geometry=said))
    assert found.axes == (axis,)
    held = found.index[0] >= 0
    labels = axis.first + axis.step * np.flatnonzero(held)
    expected = COUNTER if found.places["trace"] == "order in the file" else cdp
    assert np.array_equal(expected[found.index[0][held]], labels)
    assert np.array_equal(np.sort(found.index[0][held]), np.arange(240))


def test_the_number_of_a_line_is_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {21: COUNTER, 17: 2 * COUNTER})
    found = geometry(path, SurveyOptions(geometry="line", xline=17))
    assert found.axes == (Axis("trace", 2, 2, 240),)
    found = geometry(path, SurveyOptions(geometry="line", xline=13))
    assert found.places["trace"] == "order in the file"
    assert "bytes 13-16 do not number the traces" in found.remarks[0]


def test_a_volume_is_a_line_if_that_is_asked_for(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE}), SurveyOptions(geometry="line"))
    assert found.axes == (Axis("trace", 1, 1, 240),)
    assert np.array_equal(found.index, np.arange(240)[None])


def test_a_way_across_a_volume_is_a_line(tmp_path: Path) -> None:
    """One trace on each inline and crossline: their grid would be empty but for a diagonal."""
    way = np.arange(10)
    found = geometry(write(tmp_path / "f.sgy", {21: way + 1, 189: way + 100, 193: 2 * way + 20}))
    assert found.axes == (Axis("trace", 1, 1, 10),)


def test_one_trace(tmp_path: Path) -> None:
    assert geometry(write(tmp_path / "a.sgy", {1: [1]})).axes == (Axis("trace", 1, 1, 1),)
    found = geometry(write(tmp_path / "b.sgy", {189: [7], 193: [9]}))
    assert found.axes == (Axis("inline", 7, 1, 1), Axis("crossline", 9, 1, 1))


# --- Shots

RECORD, CHANNEL = lines(range(2, 12, 3), range(36, 62))


def test_shots_are_told_from_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {9: RECORD, 13: CHANNEL, 37: CHANNEL * 25})
    for options in (SurveyOptions(), SurveyOptions(geometry="shots")):
        found = geometry(path, options)
        assert found.axes == (Axis("record", 2, 3, 4), Axis("channel", 36, 1, 26))
        assert np.array_equal(found.index[0], np.arange(104).reshape(4, 26))
    assert geometry(path, SurveyOptions(iline=9, xline=13)).axes[0].name == "inline"
    assert "--iline 9 --xline 13" in geometry(path).remarks[0]


def test_shots_with_cdp_numbers(tmp_path: Path) -> None:
    """Records × CDP numbers make a grid as well, but an emptier one."""
    found = geometry(write(tmp_path / "f.sgy", {9: RECORD, 13: CHANNEL, 21: 2 * RECORD + CHANNEL}))
    assert [axis.name for axis in found.axes] == ["record", "channel"]


def test_channels_that_repeat_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {9: RECORD, 13: RECORD * 0 + 1})
    found = geometry(path, SurveyOptions(geometry="shots"))
    assert found.axes[1] == Axis("channel", 1, 1, 26)
    assert found.places["channel"] == "order in the file"
    assert "traces were counted" in found.remarks[0]


# --- Duplicates


def test_duplicates_are_counted_and_a_pair_is_named(tmp_path: Path) -> None:
    order = [0, 1, 2, 3, 1, 2, *range(4, 240)]
    path = write(tmp_path / "f.sgy", {189: INLINE[order], 193: CROSSLINE[order]})
    (remark,) = geometry(path).remarks
    assert "2 of 242 traces" in remark
    assert "traces 2 and 5 (inline 100, crossline 22): the first of them is read" in remark
    message = r"2 of 242 traces share inline and crossline .* traces 2 and 5(.|\n)*--duplicates first, last or mean"
    with pytest.raises(SurveyError, match=message):
        geometry(path, SurveyOptions(duplicates="error"))


def test_a_file_with_every_second_line_doubled(tmp_path: Path) -> None:
    order = np.concatenate([np.arange(240), np.flatnonzero(INLINE % 2)])
    found = geometry(write(tmp_path / "f.sgy", {189: INLINE[order], 193: CROSSLINE[order]}))
    assert np.array_equal(found.index[0], np.arange(240).reshape(12, 20))
    assert len(found.repeats) == 120


# --- Wild numbers


@pytest.mark.parametrize("wrong", [2**31 - 1, 70_000, -(2**31)])
def test_a_wild_line_number_is_named_and_nothing_is_allocated(tmp_path: Path, wrong: int) -> None:
    inline = INLINE.copy()
    inline[77] = wrong
    path = write(tmp_path / "f.sgy", {189: inline, 193: CROSSLINE, 9: INLINE // 4, 21: COUNTER})
    tracemalloc.start()
    with pytest.raises(SurveyError, match=rf"far from the others: inline {wrong} \(trace 78\)"):
        geometry(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_wild_line_number_that_can_be_read_past_is_named(tmp_path: Path) -> None:
    inline = INLINE.copy()
    inline[77] = 300
    found = geometry(write(tmp_path / "f.sgy", {189: inline, 193: CROSSLINE}))
    assert found.index.shape == (1, 201, 20)
    assert "mostly empty because of inline 300 (trace 78)" in found.remarks[0]


def test_other_bytes_are_proposed(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE})
    with pytest.raises(SurveyError, match=r"all 240 traces .* inline 0 and crossline 0 at bytes 5 and 9") as caught:
        geometry(path, SurveyOptions(iline=5, xline=9))
    assert "bytes 189 and 193 would give 12 × 20 lines: pass --iline 189 --xline 193" in str(caught.value)


def test_floats_that_are_no_numbers_of_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {"189:f4": INLINE + 0.5, 193: CROSSLINE})
    with pytest.raises(SurveyError, match=r"bytes 189-192 \(float\) .* hold 100.5 in trace 1(.|\n)*whole numbers"):
        geometry(path, SurveyOptions(iline="189:f4", xline=193))


# --- Files of others

SEGYIO = "segy_awkward/segyio"
FOUND = {
    f"{SEGYIO}/small.sgy": ("inline 5 crossline 5", "sure"),
    f"{SEGYIO}/f3-lsb.sgy": ("inline 23 crossline 18", "sure"),
    f"{SEGYIO}/1xN.sgy": ("trace 6", "bytes 193-196"),
    f"{SEGYIO}/1x1.sgy": ("trace 4", "order in the file"),
    f"{SEGYIO}/small-ps-dec-xl-off-inc-il.sgy": ("inline 4 crossline 3", "sure"),
    f"{SEGYIO}/shot-gather.sgy": ("record 7 channel 26", "bytes 9-12"),
    f"{SEGYIO}/mapping-minimal.sgy": ("inline 3 crossline 2", "a guess"),
    "segy_real/penobscot/penobscot_xl1155.sgy": ("inline 601 crossline 1", "bytes 189-192 (sure"),
    "segy_real/volve/examples/data/volve10r12-full-twt-arb.sgy": ("trace 225", "bytes 21-24"),
    "segy_real/volve/tests/test-data-volve/volve10r12-full-z-il10117sub.sgy": ("trace 202", "bytes 21-24"),
    "parihaka/parihaka_seismic.sgy": ("inline 128 crossline 256", "bytes 189-192 (sure"),
}


@pytest.mark.parametrize(("name", "axes", "place"), [(name, *truth) for name, truth in FOUND.items()])
def test_files_of_others(real_data: Path, name: str, axes: str, place: str) -> None:
    found = find_geometry(open_segy_file(real_data / name, None), SurveyOptions(), NO_HINTS)
    assert " ".join(f"{axis.name} {axis.size}" for axis in found.axes) == axes
    assert place in next(iter(found.places.values()))


@pytest.mark.parametrize("name", ["parihaka/parihaka_seismic.sgy", f"{SEGYIO}/f3.sgy"])
def test_real_lines_are_found_again_in_the_coordinates(real_data: Path, name: str) -> None:
    """Bins number the same lines as the headers do, each from 1 and perhaps in the other direction."""
    inline, crossline, x, y = open_segy_file(real_data / name, None).fields(*map(Place, (189, 193, 181, 185)))
    *found, misfit = bin_by_coordinates(x, y)
    for by_bins, numbers in zip(found, (inline, crossline), strict=True):
        first, last = numbers - numbers.min() + 1, numbers.max() - numbers + 1
        assert np.array_equal(by_bins, first) or np.array_equal(by_bins, last)
    assert misfit < 0.05
