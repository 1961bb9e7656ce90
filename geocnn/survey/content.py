"""What a file is, by its first bytes, where its name does not tell."""

from __future__ import annotations

import re
from pathlib import Path

from geocnn.errors import SurveyError

__all__ = ["HDF5", "NPY", "NPY_MAGIC", "SEGY", "is_binary", "is_text", "kind_of", "require_survey", "split_name"]

HDF5 = "HDF5"
NPY = "NPY"
SEGY = "SEG-Y"

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
USER_BLOCKS = (0, 512, 1024, 2048)
"""Where the magic of HDF5 may be: after a user block, as in MATLAB files."""

NPY_MAGIC = b"\x93NUMPY"

FOREIGN = (
    ("a SEG-2 file", (b"\x55\x3a", b"\x3a\x55"), "convert it to SEG-Y, for example with ObsPy"),
    ("a TIFF picture", (b"II*\0", b"MM\0*"), "convert it to .npy"),
    ("a MATLAB file of version 5", (b"MATLAB 5.0",), "save it in MATLAB with the option -v7.3, which makes HDF5"),
    ("compressed by gzip", (b"\x1f\x8b",), "unpack it first"),
    ("a ZIP archive", (b"PK\x03\x04",), "unpack it first; of .npz, save one array as .npy"),
)
"""Files that are no surveys to us: what they are, their first bytes, what to do."""

FORMAT_CODE = slice(3224, 3226)
MOST_CODE = 16
HEADERS = 3600 + 240

HEAD = 65536
BINARY = bytes([*range(8), *range(14, 26), *range(28, 32), 255])
"""Bytes that a text has none of among its first."""

MOST_ODD = 0.3
"""Share of bytes from which they are no letters: names of faults may have some of an older alphabet."""


def kind_of(path: Path) -> str | None:
    """``HDF5``, ``NPY`` or ``SEG-Y`` by the first bytes; None if they tell nothing."""
    head = _head(path)
    if any(head[place : place + len(HDF5_MAGIC)] == HDF5_MAGIC for place in USER_BLOCKS):
        return HDF5
    if head.startswith(NPY_MAGIC):
        return NPY
    code = head[FORMAT_CODE]
    plausible = any(1 <= int.from_bytes(code, order) <= MOST_CODE for order in ("big", "little"))
    return SEGY if len(head) == HEADERS and plausible else None


def require_survey(path: Path) -> None:
    """Refuse a file that is known to be something else.

    Raises
    ------
    SurveyError
        If it is; it says what and what to do.
    """
    head = _head(path)
    for what, magics, do in FOREIGN:
        if head.startswith(magics):
            raise SurveyError(f"{path} is {what}", expected="a survey: SEG-Y, HDF5, .npy or a headerless cube", do=do)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADERS)


def split_name(name: str) -> tuple[Path, str | None]:
    """Path of the file and, for HDF5, of the data set in it."""
    parts = re.fullmatch(r"(.+\.(?:h5|hdf5|mat)):(.*)", name, re.IGNORECASE | re.DOTALL)
    # Other suffixes may be HDF5 too; a name with a colon may also be that of a file.
    parts = parts or (None if Path(name).exists() else re.fullmatch(r"(.+):(/.*)", name, re.DOTALL))
    return (Path(parts[1]), parts[2]) if parts else (Path(name), None)


def is_text(path: Path) -> bool:
    """Whether a file is text, by its first bytes; a missing one is not."""
    try:
        with path.open("rb") as file:
            return not is_binary(file.read(HEAD))
    except OSError:
        return False


def is_binary(content: bytes) -> bool:
    """Whether bytes are none of a text, by the first of them: control characters, or 255."""
    content = content[:HEAD]
    odd = content.decode("utf-8", errors="replace").count("\ufffd")
    return len(content.translate(None, BINARY)) < len(content) or odd > MOST_ODD * len(content)
