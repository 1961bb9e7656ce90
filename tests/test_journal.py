"""A journal gives back what was noted, believes nothing that was cut off, and is the lock of its range."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from geocnn.grid import Window
from geocnn.prediction.journal import Counts, Done, Journal, Layout
from geocnn.prediction.tiles import Tile, planes_of

CORE = Window((0, 0), (12, 5))
TILES = (Tile(CORE, Window((0, 0), (16, 8)), 0, 4, 1000), Tile(Window((0, 5), (12, 9)), CORE, 1, 2, 1000))
LAYOUT = Layout(TILES, "cpu", 2, 1000)


def done(tile: int, first: int, front: int) -> Done:
    core = TILES[tile].core
    window = planes_of(core, TILES[tile].axis, first, front)
    return Done(tile, window, (first, front), Counts(front - first, 1, 0))


def noted(path: Path) -> bytes:
    """A journal of a layout, three entries and the end."""
    with closing(Journal(path)) as journal:
        assert journal.take()
        assert journal.reached == (0, None)
        journal.lay(LAYOUT)
        for tile, first, front, reached in ((0, 0, 4, (0, 4)), (0, 4, 12, (1, None)), (1, 5, 9, (2, None))):
            journal.finish(done(tile, first, front))
            assert journal.reached == reached
        journal.complete_range()
    return path.read_bytes()


def test_what_was_noted_comes_back(tmp_path: Path) -> None:
    noted(tmp_path / "j")
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.take()
        assert (journal.layout, journal.complete) == (LAYOUT, True)
        assert journal.done == [done(0, 0, 4), done(0, 4, 12), done(1, 5, 9)]
        assert journal.counts == Counts(16, 3, 0)
        assert journal.samples == 12 * 9


def test_cut_off_anywhere_it_knows_what_was_whole_and_goes_on(tmp_path: Path) -> None:
    whole = noted(tmp_path / "whole")
    lines = whole.splitlines(keepends=True)
    for size in range(len(whole)):
        path = tmp_path / "cut"
        path.write_bytes(whole[:size])
        with closing(Journal(path)) as journal:
            assert journal.take()
            believed = sum(len("".join(map(bytes.decode, lines[: k + 1]))) <= size for k in range(len(lines)))
            assert (journal.layout is not None, len(journal.done)) == (believed > 0, min(max(0, believed - 1), 3))
            journal.lay(LAYOUT)
        kept = path.read_bytes()
        assert kept == whole[: len(b"".join(lines[:believed]))] + lines[0]


def test_a_damaged_line_ends_what_is_believed(tmp_path: Path) -> None:
    lines = noted(tmp_path / "j").splitlines(keepends=True)
    for damage in (b"\0" * 20 + b"\n", b'{"tile": 0}\n', b"[]\n", b'{"layout": [[1]], "device": "cpu"}\n'):
        (tmp_path / "j").write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
        with closing(Journal(tmp_path / "j")) as journal:
            assert journal.take()
            assert journal.done == [done(0, 0, 4)]


def test_a_line_that_says_something_else_than_was_written_is_not_believed(tmp_path: Path) -> None:
    lines = noted(tmp_path / "j").splitlines(keepends=True)
    other = lines[2].replace(b'"tile":0', b'"tile":1')
    assert other != lines[2]
    (tmp_path / "j").write_bytes(b"".join([*lines[:2], other, *lines[3:]]))
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.take()
        assert journal.done == [done(0, 0, 4)]


def test_entries_that_are_not_kept_are_gone_with_what_follows(tmp_path: Path) -> None:
    noted(tmp_path / "j")
    for again in range(2):
        with closing(Journal(tmp_path / "j")) as journal:
            assert journal.take()
            journal.keep(1)
            assert (journal.done, journal.complete, journal.reached) == ([done(0, 0, 4)], False, (0, 4)), again


def test_after_a_new_layout_tiles_are_counted_anew(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.take()
        journal.lay(LAYOUT)
        journal.finish(done(0, 0, 4))
        journal.lay(Layout(TILES[1:], "cpu", 2, 500))
        assert journal.reached == (0, None)
        assert journal.samples == 20


def test_a_second_process_does_not_get_the_range(tmp_path: Path) -> None:
    code = f"from geocnn.prediction.journal import *\nprint(Journal({str(tmp_path / 'j')!r}).take())"
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.take()
        held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    free = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (held.stdout.strip(), free.stdout.strip()) == ("False", "True")


def test_planes_along_another_axis() -> None:
    with pytest.raises(IndexError):
        planes_of(CORE, 2, 0, 1)
    assert planes_of(CORE, 1, 2, 3) == Window((0, 2), (12, 3))
