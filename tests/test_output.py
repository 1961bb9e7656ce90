"""Files that appear whole or not at all."""

import errno
from pathlib import Path

import pytest

from geocnn.errors import OutputError
from geocnn.output import output_error, require_free, whole_file


def test_the_final_name_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "result"
    with whole_file(path) as temporary:
        temporary.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="zero"), whole_file(tmp_path / "result") as temporary:
        temporary.write_text("half of it")
        1 / 0  # noqa: B018 (raises)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_older_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("older")
    with (
        pytest.raises(OutputError, match="the disk is full"),
        whole_file(path, overwrite=True) as temporary,
    ):
        temporary.write_text("newer")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_refused_unless_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("older")
    with pytest.raises(OutputError, match="exists"):
        require_free(path)
    require_free(path, overwrite=True)


@pytest.mark.parametrize(("name", "found"), [(".", "is a folder"), ("no/such/result", "is no folder")])
def test_names_that_cannot_be_files(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(OutputError, match=found):
        require_free(tmp_path / name)


@pytest.mark.parametrize(
    ("number", "found"),
    [(errno.EACCES, "no permission"), (errno.EROFS, "read-only"), (errno.EDQUOT, "quota"), (errno.EIO, "Input/output")],
)
def test_errors_of_the_system_are_told(number: int, found: str) -> None:
    import os

    assert found in str(output_error(Path("x"), OSError(number, os.strerror(number))))
