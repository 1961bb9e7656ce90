"""Starred names: files belong together by what the stars stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from geocnn.errors import SurveyError
from geocnn.starred import is_starred, match_names


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def matched(folder: Path, *names: str) -> list[tuple[str, ...]]:
    found = match_names([f"{folder}/{name}" for name in names])
    return [tuple(file.removeprefix(f"{folder}/") for file in files) for files in found]


def test_pairs_by_their_stars_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b-im.sgy", "a-im.sgy", "a-la.sgy", "b-la.sgy", "c-other.sgy", "im.sgy")
    assert matched(tmp_path, "*-im.sgy", "*-la.sgy") == [("a-im.sgy", "a-la.sgy"), ("b-im.sgy", "b-la.sgy")]


def test_two_stars_and_folders(tmp_path: Path) -> None:
    touch(tmp_path, "x/1/im.sgy", "x/2/im.sgy", "y/1/im.sgy", "x-1.sgy", "x-2.sgy", "y-1.sgy")
    assert matched(tmp_path, "*/*/im.sgy", "*-*.sgy") == [
        ("x/1/im.sgy", "x-1.sgy"),
        ("x/2/im.sgy", "x-2.sgy"),
        ("y/1/im.sgy", "y-1.sgy"),
    ]


@pytest.mark.parametrize("inside", [":/faults", ":faults"])
def test_data_sets_stay_behind_the_file(tmp_path: Path, inside: str) -> None:
    touch(tmp_path, "1.sgy", "1.h5")
    assert matched(tmp_path, "*.sgy", f"*.h5{inside}") == [("1.sgy", f"1.h5{inside}")]


def test_other_wildcards_are_letters(tmp_path: Path) -> None:
    touch(tmp_path, "a[1]?.sgy", "a1x.sgy")
    assert matched(tmp_path, "*[1]?.sgy") == [("a[1]?.sgy",)]


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ((), r"no file matches \S*\*-im.sgy, \S*\*-la.sgy"),
        (("a-la.sgy",), r"no file matches \S*\*-im.sgy\n"),
        (("a-im.sgy",), r"no file matches \S*\*-la.sgy\n"),
        (("a-im.sgy", "a-la.sgy", "b-im.sgy"), r"without a partner: \S*b-im.sgy\n.*found 2 of .*-im.sgy, 1 of"),
        (("a-im.sgy", "b-la.sgy"), r"without a partner: \S*a-im.sgy, \S*b-la.sgy"),
        ((*(f"{n}-im.sgy" for n in range(6)), "0-la.sgy"), r"1-im.sgy, \S*2-im.sgy, \S*3-im.sgy and 2 more"),
    ],
)
def test_files_without_partner(tmp_path: Path, files: tuple[str, ...], match: str) -> None:
    touch(tmp_path, *files)
    with pytest.raises(SurveyError, match=match):
        matched(tmp_path, "*-im.sgy", "*-la.sgy")


def test_a_star_in_one_name_alone_finds_no_partner(tmp_path: Path) -> None:
    touch(tmp_path, "a-im.sgy", "la.sgy")
    with pytest.raises(SurveyError, match=r"without a partner"):
        matched(tmp_path, "*-im.sgy", "la.sgy")


def test_a_name_is_starred() -> None:
    assert is_starred(("a", "b*"))
    assert not is_starred(("a", "b?"))
