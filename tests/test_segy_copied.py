"""Copies of SEG-Y trace by trace: duplicates, traces of different lengths, delays, gathers, several files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, Traces, encoded

from geocnn.conversion import Converted, _windows, convert
from geocnn.grid import Axis, Grid
from geocnn.progress import Remark, finish
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.survey import NewSurvey, Survey

CUBE = encoded(INLINES, CROSSLINES, 12)


def converted(survey: Survey, path: Path, sample_format: str | None = None) -> Converted:
    return finish(convert(survey, str(path), sample_format))


def segy(path: Path, options: SurveyOptions | None = None) -> SegySurvey:
    survey = open_survey(str(path), options or SurveyOptions())
    assert isinstance(survey, SegySurvey)
    return survey


def write_of_lengths(path: Path, lengths: list[int], delays: list[int]) -> Path:
    """One inline of traces of 2-byte integers 100·n + s, each as long as its header says, and as late, in ms."""
    binary = bytearray(400)
    for byte, value in ((3217, 4000), (3221, max(lengths)), (3225, 3), (3501, 256)):
        struct.pack_into(">h", binary, byte - 3201, value)
    with path.open("wb") as file:
        file.write(b"\x40" * 3200 + bytes(binary))
        for number, (length, delay) in enumerate(zip(lengths, delays, strict=True)):
            header = bytearray(240)
            for byte, kind, value in (
                (9, "i", 7000 + number), (109, "h", delay), (115, "h", length), (117, "h", 4000), (189, "i", 5),
                (193, "i", 20 + number),
            ):  # fmt: skip
                struct.pack_into(f">{kind}", header, byte - 1, value)
            file.write(bytes(header) + (100 * number + np.arange(length)).astype(">i2").tobytes())
    return path


def headers(survey: SegySurvey) -> list[bytes]:
    """All trace headers."""
    content = survey.file.path.read_bytes()
    starts = [survey.file.offset(number) for number in range(survey.file.traces)]
    return [content[start : start + survey.file.header] for start in starts]


def test_further_traces_at_a_position_keep_their_samples(tmp_path: Path) -> None:
    traces = Traces.of(CUBE, INLINES, CROSSLINES).picked([*range(20), 3, 7])
    traces.samples = traces.samples.copy()
    traces.samples[20], traces.samples[21] = 777, 888
    source = segy(traces.write(tmp_path / "in.sgy"))
    for name in ("ieee", "float64", "ibm"):
        converted(source, tmp_path / f"{name}.sgy", name)
        last = segy(tmp_path / f"{name}.sgy", SurveyOptions(duplicates="last"))
        assert np.all(last.read(last.grid.whole)[0, 0, 3] == 777)
        assert np.all(last.read(last.grid.whole)[0, 1, 2] == 888)
        assert headers(last) == headers(source)


LENGTHS = [[9, 9, 4, 9, 12, 1], [3, 12, 12, 12]]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("late", [False, True], ids=["no delay", "delays"])
def test_traces_of_different_lengths(tmp_path: Path, lengths: list[int], late: bool) -> None:
    delays = [4 * (number % 3) * late for number in range(len(lengths))]
    source = segy(write_of_lengths(tmp_path / "in.sgy", lengths, delays), SurveyOptions(iline=189, xline=193))
    samples = source.read(source.grid.whole)
    reach = 12 + max(delays) // 4
    assert source.grid.shape == (1, len(lengths), reach)
    for number, (length, delay) in enumerate(zip(lengths, delays, strict=True)):
        first = delay // 4
        assert np.array_equal(samples[0, 0, number, first : first + length], 100 * number + np.arange(length))
    converted(source, tmp_path / "own.sgy")
    assert (tmp_path / "own.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes()
    for name in ("floats.sgy", "floats.su"):
        converted(source, tmp_path / name, "ieee")
        copy = segy(tmp_path / name, source.options)
        assert copy.file.lengths is not None
        assert copy.file.lengths.tolist() == lengths
        assert headers(copy) == headers(source)
        assert np.array_equal(copy.read(copy.grid.whole), samples)


@pytest.mark.parametrize("late", [False, True], ids=["no delay", "delays"])
def test_what_is_written_where_traces_do_not_reach_is_dropped(tmp_path: Path, late: bool) -> None:
    """As a prediction over the whole grid is written, in windows of any shape."""
    lengths = LENGTHS[0]
    delays = [4 * (number % 3) * late for number in range(len(lengths))]
    source = segy(write_of_lengths(tmp_path / "in.sgy", lengths, delays), SurveyOptions(iline=189, xline=193))
    wanted = np.random.default_rng(0).normal(size=(1, *source.grid.shape)).astype(np.float32)
    with create_survey(str(tmp_path / "out.sgy"), NewSurvey(source.grid, source.domain), like=source) as writer:
        for window in _windows(source.grid, 7):
            writer.write(window, wanted[(slice(None), *window.slices)])
        writer.commit()
    copy = segy(tmp_path / "out.sgy", source.options)
    assert copy.extent is not None
    first, stop = copy.extent
    sample = np.arange(source.grid.shape[-1])
    held = (sample >= first[..., None]) & (sample < stop[..., None])
    assert held.sum() == sum(lengths)
    assert np.array_equal(copy.read(copy.grid.whole), np.where(held, wanted, 0))
    assert headers(copy) == headers(source)


def test_one_result_of_a_gather_has_the_header_of_its_first_trace(real_data: Path, tmp_path: Path) -> None:
    source = segy(real_data / "segy_awkward/segyio/small-ps.sgy")
    assert source.channels == 2
    wanted = np.random.default_rng(0).normal(size=(1, *source.grid.shape)).astype(np.float32)
    with create_survey(str(tmp_path / "out.sgy"), NewSurvey(source.grid, source.domain), like=source) as writer:
        writer.write(source.grid.whole, wanted)
        writer.commit()
    copy = segy(tmp_path / "out.sgy")
    assert copy.channels == 1
    assert np.array_equal(copy.read(copy.grid.whole), wanted)
    of_source = headers(source)
    assert headers(copy) == [of_source[number] for number in np.sort(source.index[0].ravel())]


def test_a_gap_in_the_first_channel_is_filled_by_the_next(real_data: Path, tmp_path: Path) -> None:
    """A position whose near trace is missing still gets its result, with the header of the far one."""
    whole = segy(real_data / "segy_awkward/segyio/small-ps.sgy")
    gone = int(whole.index[0, 1, 2])
    content = whole.file.path.read_bytes()
    begin = whole.file.offset(gone)
    (tmp_path / "in.sgy").write_bytes(content[:begin] + content[begin + whole.file.trace_bytes :])
    source = segy(tmp_path / "in.sgy")
    assert source.channels == 2
    assert not source.present[1, 2]
    wanted = np.ones((1, *source.grid.shape), np.float32)
    with create_survey(str(tmp_path / "out.sgy"), NewSurvey(source.grid, source.domain), like=source) as writer:
        writer.write(source.grid.whole, wanted)
        writer.commit()
    copy = segy(tmp_path / "out.sgy")
    assert np.array_equal(copy.read(copy.grid.whole), wanted)
    assert headers(copy)[int(copy.index[0, 1, 2])] == headers(source)[int(source.index[1, 1, 2])]


def test_a_gap_in_one_channel_loses_nothing_of_the_other(real_data: Path, tmp_path: Path) -> None:
    whole = segy(real_data / "segy_awkward/segyio/small-ps.sgy")
    begin = whole.file.offset(int(whole.index[0, 1, 2]))
    content = whole.file.path.read_bytes()
    (tmp_path / "in.sgy").write_bytes(content[:begin] + content[begin + whole.file.trace_bytes :])
    source = segy(tmp_path / "in.sgy")
    assert np.any(source.read(source.grid.whole)[1, 1, 2] != 0)
    converted(source, tmp_path / "between.h5")
    converted(open_survey(str(tmp_path / "between.h5")), tmp_path / "out.sgy")
    copy = segy(tmp_path / "out.sgy")
    assert np.array_equal(copy.read(copy.grid.whole), source.read(source.grid.whole))


def test_duplicates_and_delays_of_several_files_become_one_file(tmp_path: Path) -> None:
    cube = Traces.of(CUBE, INLINES, CROSSLINES)
    names = []
    for part, order in enumerate(([0, 1, 2, 1, 3, 4], [5, 6, 7, 8, 9, 9])):
        path = cube.picked(order).write(tmp_path / f"{part}.sgy")
        content = bytearray(path.read_bytes())
        struct.pack_into(">h", content, 3600 + (240 + 48) * (3 - part) + 108, 8)
        path.write_bytes(content)
        names.append(str(path))
    source = open_survey(names)
    converted(source, tmp_path / "own.sgy")
    own, parts = (tmp_path / "own.sgy").read_bytes(), [Path(name).read_bytes() for name in names]
    assert own == parts[0] + parts[1][3600:]
    wanted = np.random.default_rng(0).normal(size=(1, *source.grid.shape)).astype(np.float32)
    new = NewSurvey(source.grid, source.domain)
    with create_survey(str(tmp_path / "out.sgy"), new, like=source) as writer:
        for window in _windows(source.grid, 9):
            writer.write(window, wanted[(slice(None), *window.slices)])
        writer.commit()
    for policy in ("first", "last"):
        copy = segy(tmp_path / "out.sgy", SurveyOptions(duplicates=policy))
        assert copy.extent is not None
        first, stop = copy.extent
        sample = np.arange(source.grid.shape[-1])
        held = (sample >= first[..., None]) & (sample < stop[..., None])
        assert np.array_equal(copy.read(copy.grid.whole), np.where(held, wanted, 0))


def test_files_whose_traces_lie_between_each_other(tmp_path: Path) -> None:
    cube = Traces.of(CUBE, INLINES, CROSSLINES)
    names = [str(cube.picked(range(first, 20, 2)).write(tmp_path / f"{first}.sgy")) for first in (0, 1)]
    source = open_survey(names)
    wanted = np.random.default_rng(0).normal(size=(1, *source.grid.shape)).astype(np.float32)
    with create_survey(str(tmp_path / "out.sgy"), NewSurvey(source.grid, source.domain), like=source) as writer:
        writer.write(source.grid.whole, wanted)
        writer.commit()
    copy = segy(tmp_path / "out.sgy")
    assert np.array_equal(copy.read(copy.grid.whole), wanted)


def test_files_of_several_formats_become_floats(tmp_path: Path) -> None:
    """A narrow format of the first file must not clip the others."""
    narrow, wide = (Traces.of(np.full((1, 5, 3), value), (inline,), CROSSLINES) for inline, value in ((4, 7), (6, 999)))
    narrow.sample_format, wide.sample_format = 8, 3
    names = [str(traces.write(tmp_path / f"{number}.sgy")) for number, traces in enumerate((narrow, wide))]
    source = open_survey(names)
    result = converted(source, tmp_path / "all.sgy")
    assert (result.native, result.sample_format, result.clipped) == (False, "ieee", 0)
    copy = segy(tmp_path / "all.sgy")
    assert np.array_equal(copy.read(copy.grid.whole), source.read(source.grid.whole))


def test_rounding_is_counted_from_trace_to_trace(tmp_path: Path) -> None:
    traces = Traces.of(np.zeros((4, 5, 3)), INLINES, CROSSLINES)
    traces.samples = np.array([2**24 + 1, 5, -(2**30) - 1]) * np.ones((20, 1))
    traces.sample_format = 2
    source = segy(traces.write(tmp_path / "in.sgy"))
    assert converted(source, tmp_path / "own.sgy").rounded == 0
    assert converted(source, tmp_path / "floats.sgy", "ieee").rounded == 40


def remarks(survey: Survey, path: Path) -> str:
    return " · ".join(event.text for event in convert(survey, str(path)) if isinstance(event, Remark))


def test_what_a_new_file_does_not_tell_is_said(tmp_path: Path) -> None:
    path = Traces.of(CUBE, INLINES, CROSSLINES).write(tmp_path / "in.sgy")
    assert remarks(segy(path), tmp_path / "plain.sgy") == ""
    told = segy(path, SurveyOptions(dt=2, iline="189:i4"))
    assert "with --iline 189:i4 --dt 2, too" in remarks(told, tmp_path / "told.sgy")
    deep = segy(path, SurveyOptions(domain="depth"))
    assert "read it" not in remarks(deep, tmp_path / "deep.h5")
    assert "does not tell depth from time" in remarks(deep, tmp_path / "deep.su")
    np.save(tmp_path / "bare.npy", CUBE)
    assert "written as 1 ms" in remarks(open_survey(str(tmp_path / "bare.npy")), tmp_path / "bare.sgy")
    stacked = open_survey([str(path), str(path)])
    assert "headers of" in remarks(stacked, tmp_path / "stacked.sgy")


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=3), st.integers(1, 100_000))
def test_windows_make_the_whole(sizes: list[int], samples: int) -> None:
    grid = Grid(tuple(Axis(f"axis {number}", 0, 1, size) for number, size in enumerate(sizes)))
    samples = max(samples, grid.whole.size // 200)
    covered = np.zeros(grid.shape, np.int8)
    for window in _windows(grid, samples):
        assert 0 < window.size <= samples
        covered[window.slices] += 1
    assert np.all(covered == 1)


def test_windows_of_large_volumes_fill_chunks() -> None:
    grid = Grid((Axis("inline", 0, 1, 1000), Axis("crossline", 0, 1, 1280), Axis("sample", 0, 1, 1500)))
    assert next(_windows(grid, 2**23)).shape == (63, 64, 1500)
