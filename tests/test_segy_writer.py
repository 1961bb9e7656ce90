"""SEG-Y as output: it loads where the input did, byte for byte but for what must change; whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import segyio
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, Traces, encoded

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.segy.reader import SegySurvey
from geocnn.survey.survey import Domain, NewSurvey

TIME = Domain("time", "made for a test")
LINES = Grid((Axis("inline", 10, 2, 3), Axis("crossline", 50, -1, 4), Axis("sample", 100, 4, 5, "ms")))


def copied(source: SegySurvey, path: Path, provenance: Sequence[str] = ()) -> SegySurvey:
    """Write a survey like itself, in slabs of one inline."""
    with create_survey(str(path), NewSurvey(source.grid, source.domain, provenance=provenance), like=source) as writer:
        for window in source.grid.slabs(1):
            writer.write(window, source.read(window))
        writer.commit()
    copy = open_survey(str(path), source.options)
    assert isinstance(copy, SegySurvey)
    return copy


def assert_loads_where(copy: SegySurvey, source: SegySurvey) -> None:
    """Same grid, samples, headers and everything else but format code and blank lines of text."""
    assert copy.grid == source.grid
    assert np.array_equal(copy.index, source.index)
    assert np.array_equal(copy.read(copy.grid.whole), source.read(source.grid.whole))
    before, after = source.file.path.read_bytes(), copy.file.path.read_bytes()
    assert after[3200:3224] == before[3200:3224]
    assert int.from_bytes(after[3224:3226], "big" if source.file.order == ">" else "little") == 5
    assert after[3226 : source.file.start] == before[3226 : source.file.start]
    assert after[copy.file.end :] == before[source.file.end :]
    headers = [survey.file.map()["header"].tobytes() for survey in (source, copy)]
    assert headers[0] == headers[1]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_copy_has_every_header_byte(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Headers of random bytes, but for those that place the traces."""
    folder = tmp_path_factory.mktemp("copy")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cube = Traces.of(rng.integers(-128, 128, (3, 4, 6)).astype(np.float32), (7, 9, 11), (5, 6, 7, 8))
    traces = cube.picked(rng.permutation(12)[: data.draw(st.integers(6, 12))])
    traces.sample_format = data.draw(st.sampled_from([1, 2, 3, 5, 8]))
    traces.endian = data.draw(st.sampled_from(["big", "little"]))
    path = traces.write(folder / "in.sgy")
    file = open_survey(str(path)).file
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    records = content[3600:].reshape(file.traces, file.trace_bytes)
    free = np.setdiff1d(np.arange(240), [*range(108, 110), *range(114, 118), *range(188, 196), *range(214, 216)])
    records[:, free] = rng.integers(0, 256, (file.traces, free.size))
    path.write_bytes(content.tobytes())
    source = open_survey(str(path), SurveyOptions(iline=189, xline=193))
    assert_loads_where(copied(source, folder / "out.sgy"), source)


@pytest.mark.parametrize("name", ["small", "small-lsb", "f3", "f3-lsb", "stanzas-known-count", "stanzas-unknown-count",
                                  "rotated-small-rev2", "trace-header-extension1", "delay-scalar"])  # fmt: skip
def test_copies_of_awkward_files(real_data: Path, tmp_path: Path, name: str) -> None:
    source = open_survey(str(real_data / f"segy_awkward/segyio/{name}.sgy"))
    assert_loads_where(copied(source, tmp_path / "out.sgy", ["by a test"]), source)


def test_a_copy_of_a_line(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "segy_real/volve/examples/data/volve10r12-full-twt-arb.sgy"
    source = open_survey(str(path), SurveyOptions(geometry="line"))
    assert_loads_where(copied(source, tmp_path / "out.sgy"), source)


def test_provenance_takes_blank_lines_only(tmp_path: Path) -> None:
    written = {number: f"line {number}" for number in range(1, 41) if number not in (3, 17, 18)}
    cube = Traces.of(encoded(INLINES, CROSSLINES, 4), INLINES, CROSSLINES)
    cube.text = written
    source = open_survey(str(cube.write(tmp_path / "in.sgy")))
    text = copied(source, tmp_path / "out.sgy", ["made by geocnn", "twice " * 20]).text
    for number, line in enumerate(text, start=1):
        if number in written:
            assert line == source.text[number - 1]
    assert text[2] == "C 3 made by geocnn"
    assert text[16].startswith("C17 twice twice")
    assert text[17].startswith("C18 twice")
    cut = copied(source, tmp_path / "cut.sgy", ["a", "b", "c", "d"]).text
    assert [cut[i] for i in (2, 16, 17)] == ["C 3 a", "C17 b", "C18 c..."]


def test_an_ascii_text_header_stays_ascii(real_data: Path, tmp_path: Path) -> None:
    source = open_survey(str(real_data / "segy_real/penobscot/penobscot_xl1155.sgy"))
    copied(source, tmp_path / "out.sgy", ["made by geocnn"])
    head = (tmp_path / "out.sgy").read_bytes()[:3200]
    assert head[160:178] == b"C03 made by geocnn"
    assert head[:160] == source.file.head[:160]


def test_samples_of_gaps_are_dropped(tmp_path: Path) -> None:
    cube = Traces.of(encoded(INLINES, CROSSLINES, 4), INLINES, CROSSLINES).picked(range(1, 20))
    source = open_survey(str(cube.write(tmp_path / "in.sgy")))
    with create_survey(str(tmp_path / "out.sgy"), NewSurvey(source.grid, source.domain), like=source) as writer:
        writer.write(source.grid.whole, np.full((1, *source.grid.shape), 7, np.float32))
        writer.commit()
    copy = open_survey(str(tmp_path / "out.sgy"))
    assert np.array_equal(copy.read(copy.grid.whole)[0] == 7, np.broadcast_to(source.present[..., None], (4, 5, 4)))


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([0, -8, 12.5, 30_000])),
    st.tuples(st.integers(1, 5), st.sampled_from([-3, 1, 2]), st.sampled_from([0.5, 2, 4, 12.5])),
    st.sampled_from(["time", "depth"]),
)
def test_fresh_files_read_back(
    tmp_path_factory: pytest.TempPathFactory, first: tuple[float, ...], step: tuple[float, ...], name: str
) -> None:
    domain = Domain(name, "made for a test")
    names = ("inline", "crossline", "sample")
    axes = [Axis(*each, 3, "") for each in zip(names[:2], first, step, strict=False)]
    grid = Grid((*axes, Axis("sample", first[2], step[2], 6, domain.unit)))
    path = str(tmp_path_factory.mktemp("fresh") / "f.sgy")
    samples = np.random.default_rng(0).normal(size=(1, *grid.shape)).astype(np.float32)
    with create_survey(path, NewSurvey(grid, domain, provenance=("a test",))) as writer:
        writer.write(grid.whole, samples)
        writer.commit()
    survey = open_survey(path)
    assert survey.domain.name == name
    for made, axis in zip(grid.axes, survey.grid.axes, strict=True):
        assert {made.label(i) for i in range(made.size)} == {axis.label(i) for i in range(axis.size)}
        assert axis.unit == made.unit
    # A falling axis comes back rising.
    flipped = samples[:, :, :: 1 if step[1] > 0 else -1]
    assert np.array_equal(survey.read(survey.grid.whole), flipped)
    assert any("a test" in line for line in survey.text)


def test_a_fresh_file_in_segyio(tmp_path: Path) -> None:
    grid = Grid((Axis("inline", 10, 2, 3), Axis("crossline", 50, 1, 4), Axis("sample", 100, 4, 5, "ms")))
    samples = np.random.default_rng(0).normal(size=(1, *grid.shape)).astype(np.float32)
    with create_survey(str(tmp_path / "f.sgy"), NewSurvey(grid, TIME)) as writer:
        writer.write(grid.whole, samples)
        writer.commit()
    with segyio.open(tmp_path / "f.sgy") as file:
        assert file.ilines.tolist() == [10, 12, 14]
        assert file.xlines.tolist() == [50, 51, 52, 53]
        assert file.samples.tolist() == [100, 104, 108, 112, 116]
        assert np.array_equal(segyio.tools.cube(file), samples[0])


def test_a_fresh_line(tmp_path: Path) -> None:
    grid = Grid((Axis("trace", 7, 2, 3), Axis("sample", 0, 2, 5, "ms")))
    with create_survey(str(tmp_path / "f.sgy"), NewSurvey(grid, TIME)) as writer:
        writer.write(grid.whole, np.ones((1, 3, 5), np.float32))
        writer.commit()
    assert open_survey(str(tmp_path / "f.sgy"), SurveyOptions(geometry="line")).grid == grid


IMPOSSIBLE = {
    "interval": (Grid((*LINES.axes[:2], Axis("sample", 0, 40, 5, "ms"))), 1, "0.001 to 32.767"),
    "first sample": (Grid((*LINES.axes[:2], Axis("sample", 1e5, 4, 5, "ms"))), 1, "first sample"),
    "broken line numbers": (Grid((Axis("inline", 0.5, 1, 3), *LINES.axes[1:])), 1, "whole line numbers"),
    "long traces": (Grid((*LINES.axes[:2], Axis("sample", 0, 4, 70_000, "ms"))), 1, "65,535"),
    "image": (Grid((Axis("row", 0, 1, 3), Axis("column", 0, 1, 3))), 1, "a line, a volume, gathers or shots"),
    "channels of offsets": (
        Grid((*LINES.axes[:2], Axis("offset", 100, 100, 2), LINES.axes[2])),
        2,
        "channels or an offset axis",
    ),
}


@pytest.mark.parametrize(("grid", "channels", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_segy_cannot_hold(tmp_path: Path, grid: Grid, channels: int, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        create_survey(str(tmp_path / "f.sgy"), NewSurvey(grid, TIME, channels=channels))
    assert list(tmp_path.iterdir()) == []


def write_and_fail(path: Path) -> None:
    with create_survey(str(path), NewSurvey(LINES, TIME)) as writer:
        writer.write(Window((0, 0, 0), (1, 4, 5)), np.ones((1, 1, 4, 5), np.float32))
        raise ZeroDivisionError


@pytest.mark.parametrize("suffix", [".sgy", ".h5"])
def test_nothing_is_left_without_commit(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ZeroDivisionError):
        write_and_fail(tmp_path / f"f{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".sgy", ".h5"])
def test_an_output_that_exists(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists"):
        create_survey(str(path), NewSurvey(LINES, TIME))
    assert path.read_bytes() == b"precious"
    with create_survey(str(path), NewSurvey(LINES, TIME), overwrite=True) as writer:
        assert path.read_bytes() == b"precious"
        writer.commit()
    assert open_survey(str(path)).grid.shape == LINES.shape


def test_a_survey_is_never_replaced_by_what_is_made_from_it(volume: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.sgy"
    path.write_bytes(volume.read_bytes())
    source = open_survey(str(path))
    with pytest.raises(OutputError, match="is the survey itself, which would be lost"):
        create_survey(str(path), NewSurvey(source.grid, source.domain), like=source, overwrite=True)
    assert path.read_bytes() == volume.read_bytes()


@pytest.mark.parametrize("suffix", [".sgy", ".h5"])
@pytest.mark.parametrize("like", [True, False])
def test_a_full_disk_is_noticed_before_any_work(
    volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, like: bool
) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    survey = open_survey(str(volume))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match="the disk is full"):
        create_survey(str(tmp_path / f"f{suffix}"), NewSurvey(survey.grid, TIME), like=survey if like else None)
    assert list(tmp_path.iterdir()) == []
