"""Unfinished survey files: several writers make the file that one makes, and a killed one is gone on with."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from arrays import grid_of
from surveys import Traces
from test_segy_copied import write_of_lengths

from geocnn.errors import OutputError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Domain, NewSurvey, Survey, SurveyWriter

TIME = Domain("time", "made for a test")
GRID = grid_of((4, 5, 6))
NAMES = SurveyOptions(iline=189, xline=193)


@dataclass
class Case:
    """A file that is to be written."""

    name: str
    new: NewSurvey
    like: Survey | None = None

    @property
    def samples(self) -> np.ndarray:
        """What is written to it, (C, *grid)."""
        shape = (self.new.channels, *self.new.grid.shape)
        return np.random.default_rng(0).normal(size=shape, scale=100).astype(np.float32)

    def writer(self, folder: Path, unfinished: bool = True) -> SurveyWriter:
        place = folder / "unfinished" / self.name if unfinished else None
        if place is not None:
            place.parent.mkdir(exist_ok=True)
        return create_survey(str(folder / self.name), self.new, like=self.like, overwrite=True, unfinished=place)

    def written_at_once(self, folder: Path) -> Path:
        """The file as one writer makes it, that no other one sees."""
        folder.mkdir()
        with self.writer(folder, unfinished=False) as writer:
            writer.write(self.new.grid.whole, self.samples)
            writer.commit()
        return folder / self.name


def fresh(name: str, channels: int = 1, sample_format: str | None = None) -> Callable[[Path], Case]:
    return lambda folder: Case(name, NewSurvey(GRID, TIME, channels, ("a test",), sample_format))


def like(source: Callable[[Path], Path], sample_format: str | None = None) -> Callable[[Path], Case]:
    def make(folder: Path) -> Case:
        survey = open_survey(str(source(folder)), NAMES)
        return Case(
            "out.sgy", NewSurvey(survey.grid, TIME, provenance=("a test",), sample_format=sample_format), survey
        )

    return make


def write_volume(*order: int) -> Callable[[Path], Path]:
    """A volume of random samples whose traces lie in that order."""
    cube = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
    traces = Traces.of(cube, (4, 6, 8, 10), range(20, 25)).picked(order)
    return lambda folder: traces.write(folder / "in.sgy")


def write_late(folder: Path) -> Path:
    """Traces of one length that start later and later."""
    return write_of_lengths(folder / "in.sgy", [6] * 5, [0, 4, 4, 0, 8])


def write_uneven(folder: Path) -> Path:
    """Traces of different lengths, some of which start later."""
    return write_of_lengths(folder / "in.sgy", [9, 9, 4, 9, 12, 1], [0, 4, 8, 0, 4, 8])


SEGY = {
    "copied": like(write_volume(*range(20))),
    "copied, by crossline": like(write_volume(*np.arange(20).reshape(4, 5).T.ravel())),
    "copied, with gaps": like(write_volume(*(n for n in range(20) if n not in (0, 7, 8, 19)))),
    "copied, with repeats": like(write_volume(*range(20), 3, 3, 12)),
    "copied, in 24 bits": like(write_volume(*range(20)), "int24"),
    "copied, delays": like(write_late),
    "copied, lengths": like(write_uneven),
    "fresh": fresh("out.sgy"),
    "fresh, several": fresh("out.sgy", 3),
    "su": fresh("out.su"),
}
ARRAYS = {
    "npy": fresh("out.npy"),
    "npy, several": fresh("out.npy", 3, "int16"),
    "dat": fresh("out.dat"),
}
HDF5 = {
    "h5": fresh("out.h5"),
    "h5, several": fresh("out.h5", 3),
    "h5, labels": fresh("out.h5", 1, "int8"),
}
BYTES = SEGY | ARRAYS
ALL = BYTES | HDF5

all_cases = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def pieces(grid: Grid, cut: tuple[int, ...]) -> list[Window]:
    """The grid in halves along some axes."""
    spans = [
        [(0, size // 2), (size // 2, size)] if size > 1 and axis - grid.ndim in cut else [(0, size)]
        for axis, size in enumerate(grid.shape)
    ]
    return [Window(*map(tuple, zip(*chosen, strict=True))) for chosen in itertools.product(*spans)]


CUTS = {"halves": (-3,), "crosslines": (-2,), "parts of traces": (-1,), "blocks": (-3, -2, -1)}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@all_cases
def test_two_writers_make_the_file_that_one_makes(
    tmp_path: Path, make: Callable[[Path], Case], cut: tuple[int, ...]
) -> None:
    case = make(tmp_path)
    expected = case.written_at_once(tmp_path / "once")
    windows = pieces(case.new.grid, cut)
    with case.writer(tmp_path) as first, case.writer(tmp_path) as second:
        for window, writer in zip(windows, itertools.cycle((second, first)), strict=False):
            writer.write(window, case.samples[(slice(None), *window.slices)])
    with case.writer(tmp_path) as last:
        last.commit()
    found = tmp_path / case.name
    if found.suffix == ".h5":
        surveys = [open_survey(str(path)) for path in (expected, found)]
        assert surveys[0].grid == surveys[1].grid == case.new.grid
        assert surveys[0].text == surveys[1].text == ("a test",)
        whole = [survey.read(survey.grid.whole) for survey in surveys]
        assert np.array_equal(*whole)
        assert np.ptp(whole[1]) > 100
    else:
        assert found.read_bytes() == expected.read_bytes()


@all_cases
def test_runs_are_cut_where_too_much_would_be_held(
    tmp_path: Path, make: Callable[[Path], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 700 bytes at once, of 2 traces, and a system that takes and gives 11 at a time."""
    case = make(tmp_path)
    expected = case.written_at_once(tmp_path / "once")
    with case.writer(tmp_path) as writer:
        writer.write(case.new.grid.whole, case.samples)
        known = writer.checksum(case.new.grid.whole)
        writer.write(case.new.grid.whole, np.zeros_like(case.samples))
    for module in ("array_file", "hdf5.writer", "segy.trace_writer"):
        monkeypatch.setattr(f"geocnn.survey.{module}.AT_ONCE", 700)
    held: list[int] = []
    pwrite, preadv = os.pwrite, os.preadv

    def read_little(number: int, into: list[memoryview], at: int) -> int:
        held.append(len(into[0]))
        return preadv(number, [into[0][:11]], at)

    monkeypatch.setattr(os, "pwrite", lambda number, content, at: pwrite(number, content[:11], at))
    monkeypatch.setattr(os, "preadv", read_little)
    with case.writer(tmp_path) as writer:
        writer.write(case.new.grid.whole, case.samples)
        assert writer.checksum(case.new.grid.whole) == known
        writer.commit()
    assert 0 < max(held) <= 700
    if case.name != "out.h5":
        assert (tmp_path / case.name).read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("make", SEGY.values(), ids=SEGY)
def test_no_byte_is_written_outside_the_traces_of_a_window(
    tmp_path: Path, make: Callable[[Path], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes write there: what this one read before would undo their work."""
    case = make(tmp_path)
    written: list[tuple[int, int]] = []
    pwrite = os.pwrite
    for half in pieces(case.new.grid, (-2,)):
        with case.writer(tmp_path) as writer:
            monkeypatch.setattr(os, "pwrite", pwrite)
            writer.write(case.new.grid.whole, np.full_like(case.samples, 5))
            place = tmp_path / "unfinished" / case.name
            before = np.fromfile(place, np.uint8)
            writer.write(half, np.full((case.new.channels, *half.shape), -77, np.float32))
            after = np.fromfile(place, np.uint8)
            changed = np.flatnonzero(before != after)
            written.clear()

            def recorded(number: int, content: memoryview, at: int) -> int:
                written.append((at, at + len(content)))
                return pwrite(number, content, at)

            monkeypatch.setattr(os, "pwrite", recorded)
            writer.write(half, np.full((case.new.channels, *half.shape), -77, np.float32))
        assert written
        # Every write begins and ends at samples of the window: within 4 bytes of one that changed.
        for start, stop in written:
            assert np.abs(changed - start).min() < 4
            assert np.abs(changed - (stop - 1)).min() < 4
            inside = changed[(changed >= start) & (changed < stop)]
            assert np.diff(inside, prepend=start, append=stop - 1).max() <= 240 + 4


def test_a_part_of_the_file_is_locked_while_it_is_written_and_nobody_waits_for_it(tmp_path: Path) -> None:
    """The system tells another process of the lock, and gives it one of its own."""
    case = ALL["dat"](tmp_path)
    with case.writer(tmp_path):
        look = f"""if True:
            import fcntl
            with open({str(tmp_path / "unfinished" / case.name)!r}, "r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1)
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 0, 1)
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        """
        found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert found.stderr.count("Error") == 1
    assert "BlockingIOError" in found.stderr
    assert "line 6" in found.stderr


@all_cases
def test_what_is_discarded_stays_and_what_is_committed_moves(tmp_path: Path, make: Callable[[Path], Case]) -> None:
    case = make(tmp_path)
    place, final = tmp_path / "unfinished" / case.name, tmp_path / case.name
    with case.writer(tmp_path) as writer:
        writer.write(case.new.grid.whole, case.samples)
    begun = place.read_bytes()
    assert not final.exists()
    with case.writer(tmp_path) as writer:
        writer.discard()
        assert place.read_bytes() == begun
    with case.writer(tmp_path) as writer:
        writer.commit()
        assert final.read_bytes() == begun
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("make", BYTES.values(), ids=BYTES)
def test_a_file_of_another_size_is_refused(tmp_path: Path, make: Callable[[Path], Case], more: int) -> None:
    case = make(tmp_path)
    place = tmp_path / "unfinished" / case.name
    case.writer(tmp_path).discard()
    size = place.stat().st_size
    os.truncate(place, size + more)
    with pytest.raises(OutputError, match=f"begun as another file: {size + more:,} bytes(.|\n)*{size:,} bytes"):
        case.writer(tmp_path)
    assert place.stat().st_size == size + more


OTHERS = {
    "shape": (NewSurvey(grid_of((4, 5, 7)), TIME), "4 × 5 × 7 of float32"),
    "channels": (NewSurvey(GRID, TIME, 2), "2 × 4 × 5 × 6 of float32"),
    "type": (NewSurvey(GRID, TIME, sample_format="int16"), "4 × 5 × 6 of int16"),
}


@pytest.mark.parametrize(("other", "found"), OTHERS.values(), ids=OTHERS)
def test_another_data_set_is_refused(tmp_path: Path, other: NewSurvey, found: str) -> None:
    Case("out.h5", other).writer(tmp_path).discard()
    with pytest.raises(OutputError, match=f"begun as another file: {found}(.|\n)*4 × 5 × 6 of float32"):
        ALL["h5"](tmp_path).writer(tmp_path)


def test_hdf5_that_is_none_cut_off_or_chunked_is_refused(tmp_path: Path) -> None:
    case = ALL["h5"](tmp_path)
    case.writer(tmp_path).discard()
    place = tmp_path / "unfinished/out.h5"
    os.truncate(place, place.stat().st_size - 1)
    with pytest.raises(OutputError, match="begun as another file"):
        case.writer(tmp_path)
    place.write_bytes(b"nonsense" * 100)
    with pytest.raises(OutputError, match="HDF5 cannot open it"):
        case.writer(tmp_path)
    case.written_at_once(tmp_path / "once").replace(place)
    with pytest.raises(OutputError, match="no data set in one piece"):
        case.writer(tmp_path)


class Killed(BaseException):
    """What ends a process."""


@pytest.mark.parametrize("moment", ["posix_fallocate", "fsync"])
@all_cases
def test_a_kill_while_the_file_is_made_leaves_nothing_under_its_name(
    tmp_path: Path, make: Callable[[Path], Case], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make(tmp_path)
    place = tmp_path / "unfinished" / case.name
    seen: list[bool] = []

    def kill(*_: int) -> None:
        seen.append(place.exists())
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, moment, kill)
        with pytest.raises(Killed):
            case.writer(tmp_path)
    assert seen == [False]
    assert list(place.parent.iterdir()) == []
    case.writer(tmp_path).discard()
    assert list(place.parent.iterdir()) == [place]


@all_cases
def test_a_full_disk_is_told(tmp_path: Path, make: Callable[[Path], Case], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    case = make(tmp_path)
    with case.writer(tmp_path) as writer:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(OutputError, match=f"{case.name} cannot be written: the disk is full"):
            writer.write(case.new.grid.whole, case.samples)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="the disk is full"):
            writer.sync()


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@all_cases
def test_a_checksum_is_that_of_the_samples_of_its_window(
    tmp_path: Path, make: Callable[[Path], Case], cut: tuple[int, ...]
) -> None:
    case = make(tmp_path)
    windows = pieces(case.new.grid, cut)
    samples = case.samples
    with case.writer(tmp_path) as writer:
        writer.write(case.new.grid.whole, samples)
        before = [writer.checksum(window) for window in windows]
        assert len({*before}) == len(windows)
        writer.sync()
        assert [writer.checksum(window) for window in windows] == before
    with case.writer(tmp_path) as writer:
        assert [writer.checksum(window) for window in windows] == before
        changed = [0] * len(windows)
        for sample, stored in other_samples(writer, case, tmp_path / "unfinished" / case.name):
            now = [writer.checksum(window) for window in windows]
            expected = [stored and sample.within(window).size > 0 for window in windows]
            assert [new != old for new, old in zip(now, before, strict=True)] == expected
            changed = [count + one for count, one in zip(changed, expected, strict=True)]
        assert min(changed) > 2
        assert [writer.checksum(window) for window in windows] == before


def other_samples(writer: SurveyWriter, case: Case, place: Path) -> Iterator[tuple[Window, bool]]:
    """Write another value for one sample after the other; yields its window, and whether the file holds it."""
    before = place.read_bytes()
    for at in np.ndindex(case.new.grid.shape):
        sample = Window(at, tuple(position + 1 for position in at))
        value = case.samples[(slice(None), *sample.slices)]
        writer.write(sample, -value)
        yield sample, place.read_bytes() != before
        writer.write(sample, value)


def test_a_checksum_by_hand(tmp_path: Path) -> None:
    window = Window((1, 0, 2), (3, 5, 4))
    whole = Window((1, 0, 0), (3, 5, 6))
    for name, kind in (("fresh", ">f4"), ("su", ">f4"), ("npy", "<f4"), ("dat", "<f4"), ("h5", "<f4")):
        case = ALL[name](tmp_path)
        with case.writer(tmp_path) as writer:
            writer.write(GRID.whole, case.samples)
            for each in (window, whole):
                bytes_of_it = case.samples[(slice(None), *each.slices)].astype(kind).tobytes()
                assert writer.checksum(each) == zlib.crc32(bytes_of_it)


@pytest.mark.parametrize("make", SEGY.values(), ids=SEGY)
def test_headers_and_gaps_do_not_count(tmp_path: Path, make: Callable[[Path], Case]) -> None:
    case = make(tmp_path)
    with case.writer(tmp_path) as writer:
        writer.write(case.new.grid.whole, case.samples)
        before = writer.checksum(case.new.grid.whole)
        place = tmp_path / "unfinished" / case.name
        file = open_survey(str(place), NAMES).file  # type: ignore[attr-defined]
        with place.open("r+b") as content:
            for number in range(file.traces):
                content.seek(file.offset(number))
                content.write(b"\x11" * 240)
        assert writer.checksum(case.new.grid.whole) == before
    missing = np.argwhere(~open_survey(str(case.like.name), NAMES).present) if case.like is not None else []
    for at in missing:
        with case.writer(tmp_path) as writer:
            gap = Window((*at.tolist(), 0), (*(at + 1).tolist(), case.new.grid.shape[-1]))
            assert writer.checksum(gap) == zlib.crc32(b"")


def test_hdf5_in_chunks_has_the_checksum_of_hdf5_in_one_piece(tmp_path: Path) -> None:
    for name in HDF5:
        case = ALL[name](tmp_path)
        found = []
        for unfinished in (False, True):
            with case.writer(tmp_path, unfinished) as writer:
                writer.write(GRID.whole, case.samples)
                writer.sync()
                found.append([writer.checksum(window) for window in pieces(GRID, (-3, -2, -1))])
        assert found[0] == found[1]
        (tmp_path / "unfinished/out.h5").unlink()


def test_unfinished_hdf5_lies_in_one_piece_whose_space_is_taken(tmp_path: Path) -> None:
    new = NewSurvey(grid_of((64, 64, 64)), TIME, sample_format="int8")
    case = Case("out.h5", new)
    with case.writer(tmp_path) as writer:
        place = tmp_path / "unfinished/out.h5"
        assert place.stat().st_blocks * 512 >= 64**3
        writer.commit()
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["data"].chunks is None
        assert not file["data"][...].any()


def test_an_unfinished_file_may_replace_one_that_exists(tmp_path: Path) -> None:
    case = ALL["dat"](tmp_path)
    (tmp_path / case.name).write_bytes(b"precious")
    place = tmp_path / case.name.replace("out", "begun")
    with pytest.raises(OutputError, match="exists"):
        create_survey(str(tmp_path / case.name), case.new, unfinished=place)
    assert not place.exists()
    with case.writer(tmp_path) as writer:
        assert (tmp_path / case.name).read_bytes() == b"precious"
        writer.commit()
    assert (tmp_path / case.name).stat().st_size == GRID.whole.size * 4


@pytest.mark.parametrize("name", ["fresh", "copied, with gaps"])
def test_headers_of_long_traces_are_those_of_short_ones(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written one by one, and not with zeros between them."""
    case = SEGY[name](tmp_path)
    expected = case.written_at_once(tmp_path / "short").read_bytes()
    monkeypatch.setattr("geocnn.survey.segy.fresh.SHORT", 0)
    assert case.written_at_once(tmp_path / "long").read_bytes() == expected


def test_a_grid_of_one_axis(tmp_path: Path) -> None:
    grid = Grid((Axis("sample", 0, 4, 9, "ms"),))
    for name in ("out.npy", "out.h5"):
        case = Case(name, NewSurvey(grid, TIME))
        with case.writer(tmp_path) as writer:
            for window in pieces(grid, (-1,)):
                writer.write(window, case.samples[(slice(None), *window.slices)])
            assert writer.checksum(Window((2,), (7,))) == zlib.crc32(case.samples[0, 2:7].tobytes())
            writer.commit()
        assert np.array_equal(open_survey(str(tmp_path / name)).read(grid.whole), case.samples)
