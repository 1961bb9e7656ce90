"""The text header of SEG-Y: 40 lines of 80 characters, in EBCDIC or ASCII."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from string import ascii_letters, digits

from geocnn.survey.survey import Domain

__all__ = ["LINE", "TEXT_BYTES", "domain_of", "fill_blank_lines", "fresh_text", "text_lines"]

LINE = 80
TEXT_BYTES = 3200

EBCDIC = "cp037"


def text_lines(text: bytes) -> tuple[str, ...]:
    """The lines of a text header, without trailing blanks; bytes that are no text become ``?``."""
    decoded = _printable(text.decode(_encoding(text), errors="replace"))
    return tuple(decoded[start : start + LINE].rstrip() for start in range(0, len(decoded), LINE))


def _encoding(text: bytes) -> str:
    """EBCDIC or ASCII, whichever makes more of the bytes letters, digits and blanks."""
    return (
        "ascii" if len(text.translate(None, _OTHERS["ascii"])) > len(text.translate(None, _OTHERS[EBCDIC])) else EBCDIC
    )


_WRITTEN = set(" " + ascii_letters + digits)
_OTHERS = {
    encoding: bytes(byte for byte in range(256) if bytes([byte]).decode(encoding, errors="replace") not in _WRITTEN)
    for encoding in ("ascii", EBCDIC)
}
"""Bytes that are no letter, digit or blank in an encoding."""

_BLANK = str.maketrans(dict.fromkeys("\0\4\t\n\r", " "))
"""Padding, ends of text and ends of lines that some programs leave in a header."""


def _printable(text: str) -> str:
    blanked = text.translate(_BLANK)
    return "".join(letter if letter.isprintable() and letter != "\ufffd" else "?" for letter in blanked)


_NO_HINT = re.compile(
    r"(start[ _-]*)?time\s*/\s*depth|(water|source|receiver|cable|gun|shot|streamer)[ -]depths?|depth[ -]migrat\w*"
    r"|(start|delay|record\w*|processing|date|mute|uphole)[ /_-]*time|time[ _-]*(scalar|stamp|zone|of\b)",
    re.IGNORECASE,
)
"""Phrases with the words time or depth that say nothing about the samples."""

_HINTS = {
    "depth": re.compile(r"\b(depth|tvdss|sstvd)\b", re.IGNORECASE),
    "time": re.compile(r"\b(time|twt|two[ -]way|milliseconds?)\b|\d\s*ms(ec)?\b", re.IGNORECASE),
}


def domain_of(lines: Sequence[str]) -> Domain | None:
    """Vertical domain that a text header tells of; none if it speaks of neither time nor depth, or of both."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        bare = _NO_HINT.sub(" ", line)
        for name, hint in _HINTS.items():
            if hint.search(bare):
                found.setdefault(name, f"text header line C{number}")
    match list(found):
        case ["time"]:
            return Domain("time", found["time"])
        case ["depth"]:
            return Domain("depth", found["depth"])
    return None


def fill_blank_lines(text: bytes, remarks: Sequence[str]) -> bytes:
    """The text header with `remarks` in its blank lines; every other byte stays as it is.

    What does not fit in the blank lines is cut, and the cut is marked by ``...``.
    """
    encoding = _encoding(text)
    lines = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    blank = [index for index, line in enumerate(lines) if _is_blank(line.decode(encoding, errors="replace"))]
    words = [piece for remark in remarks for piece in textwrap.wrap(remark, LINE - 4)]
    if len(words) > len(blank) > 0:
        words = [*words[: len(blank) - 1], words[len(blank) - 1][: LINE - 7] + "..."]
    for index, piece in zip(blank, words, strict=False):
        kept = lines[index][:4]
        lines[index] = kept + piece.encode(encoding, errors="replace").ljust(LINE - 4, " ".encode(encoding))
    return b"".join(lines)


def _is_blank(line: str) -> bool:
    """Whether a line holds nothing but its number, such as ``C12``, the number in its first four places."""
    return re.fullmatch(r"(C\s?\d{1,2})?[\s\x00]*", line) is not None


def fresh_text(remarks: Sequence[str], domain: Domain, places: str) -> bytes:
    """A text header of a new file, in EBCDIC; `places` tells where its line numbers are."""
    unit = "milliseconds" if domain.name == "time" else "metres"
    head = (f"C 1 Vertical axis: {domain.name} in {unit}", f"C 2 {places}")
    lines = [*head, *(f"C{number:2d}" for number in range(3, 39)), "C39 SEG-Y REV1", "C40 END TEXTUAL HEADER"]
    text = "".join(line[:LINE].ljust(LINE) for line in lines).encode(EBCDIC)
    return fill_blank_lines(text, remarks)
