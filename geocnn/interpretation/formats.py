"""Text formats of fault sticks and horizons: what a line of each says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from geocnn.errors import SurveyError
from geocnn.interpretation.options import FORMATS, STICKS
from geocnn.interpretation.picks import Picks

__all__ = ["LAYOUTS", "looks_like", "read_picks"]

UNDEFINED = 1e29
"""Values from here on mean: not picked (1e30 of OpendTect, 3.4028235E38 of IESX)."""

MOST_BYTES = 2 * 1024**3
SAMPLE = 50
"""Lines by which a layout is told."""

COLUMNS = ("x", "y", "inline", "crossline", "z", "fault", "stick", "node", "-")

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


class _Node(NamedTuple):
    """What one line says."""

    xy: tuple[float, float] | None
    lines: tuple[float, float] | None
    either: tuple[float, float] | None
    z: float
    fault: str = ""
    stick: str = ""


LAYOUTS = {
    "opendtect-sticks": "X Y Z stick node [line], or inline crossline Z stick node",
    "charisma-sticks": "INLINE- inline crossline X Y Z name stick",
    "iesx-sticks": "columns: X 1-16, Y 17-32, stick 33-38, Z 39-48",
    "opendtect-horizon": "X Y Z, or inline crossline Z",
    "charisma-horizon": "INLINE : inline XLINE : crossline X Y Z",
}
"""What a line of each format looks like."""

_CHARISMA_STICK = re.compile(
    rf"\s*(?:INLINE|XLINE|CROSSLINE)\s*-?\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+"
    r"(.*?)\s+(\d+)\s*",
    re.IGNORECASE,
)
_CHARISMA_HORIZON = re.compile(
    rf"\s*INLINE\s*:\s*({NUMBER})\s+(?:XLINE|CROSSLINE)\s*:\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER}).*",
    re.IGNORECASE,
)


def _opendtect_stick(line: str) -> _Node | None:
    parts = line.split()
    if len(parts) not in (5, 6) or not all(part.lstrip("-").isdigit() for part in parts[3:5]):
        return None
    first, second, z = _numbers(parts[:3]) or (None,) * 3
    if first is None or second is None or z is None:
        return None
    return _Node(None, None, (first, second), z, stick=parts[3])


def _charisma_stick(line: str) -> _Node | None:
    match = _CHARISMA_STICK.fullmatch(line)
    if match is None:
        return None
    inline, crossline, x, y, z = map(float, match.groups()[:5])
    lines = None if inline == crossline == 0 else (inline, crossline)
    return _Node((x, y), lines, None, z, match[6], match[7])


def _iesx_stick(line: str) -> _Node | None:
    numbers = _numbers([line[:16], line[16:32], line[38:48]])
    stick = line[32:38].split()
    if numbers is None or not stick or not stick[0].isdigit():
        return None
    return _Node((numbers[0], numbers[1]), None, None, numbers[2], stick=stick[0])


def _opendtect_horizon(line: str) -> _Node | None:
    numbers = _numbers(line.split())
    return None if numbers is None or len(numbers) != 3 else _Node(None, None, (numbers[0], numbers[1]), numbers[2])


def _charisma_horizon(line: str) -> _Node | None:
    match = _CHARISMA_HORIZON.fullmatch(line)
    if match is None:
        return None
    inline, crossline, x, y, z = map(float, match.groups())
    lines = None if inline == crossline == 0 else (inline, crossline)
    return _Node((x, y), lines, None, z)


_READERS: dict[str, Callable[[str], _Node | None]] = {
    "charisma-sticks": _charisma_stick,
    "charisma-horizon": _charisma_horizon,
    "opendtect-sticks": _opendtect_stick,
    "opendtect-horizon": _opendtect_horizon,
    "iesx-sticks": _iesx_stick,
}
"""In the order in which they are tried."""


def read_picks(name: str, format: str | None, columns: str | None) -> Picks:
    """The nodes of a file.

    Parameters
    ----------
    name
        Of the file.
    format
        A name of `LAYOUTS`; None: the one that fits.
    columns
        Names of the columns instead, with commas.

    Raises
    ------
    SurveyError
        If the file is missing, no text, empty, or of another layout.
    """
    lines = _lines(name)
    if columns is not None:
        return _picks(name, "columns", _by_columns(name, lines, columns))
    known = looks_like([line for _, line in lines])
    chosen = format or known
    if chosen is None:
        raise SurveyError(
            f"{name} is of no known layout; its first line of data is {_cut(lines[0][1])!r}",
            expected=f"one of {', '.join(FORMATS)}",
            do="name its columns, such as --columns x,y,z,stick (config: columns)",
        )
    read, nodes = _READERS[chosen], []
    for number, line in lines:
        node = read(line)
        if node is None:
            raise _of_another_layout(name, number, line, chosen, known)
        nodes.append(node)
    told = _told_by_header(name) if chosen.startswith("opendtect") else None
    return _picks(name, chosen, nodes, told)


def looks_like(lines: Sequence[str]) -> str | None:
    """The first format that the first lines of a file are of."""
    sample = lines[:SAMPLE]
    return next((name for name, read in _READERS.items() if all(read(line) is not None for line in sample)), None)


def _of_another_layout(name: str, number: int, line: str, chosen: str, known: str | None) -> SurveyError:
    do = "correct the line, or name the columns of the file with --columns (config: columns)"
    if known is not None and known != chosen:
        do = f"it looks like {known}: pass --format {known} (config: format), or leave the format out"
    return SurveyError(f"line {number} of {name} is {_cut(line)!r}", f"{chosen}: {LAYOUTS[chosen]}", do)


def _by_columns(name: str, lines: Sequence[tuple[int, str]], columns: str) -> list[_Node]:
    """Nodes of a file whose columns the user names."""
    names = [part.strip().lower() for part in columns.split(",")]
    unknown = [each for each in names if each not in COLUMNS]
    twice = [each for each in names if each != "-" and names.count(each) > 1]
    placed = {"x", "y"} <= set(names) or {"inline", "crossline"} <= set(names)
    if unknown or twice or "z" not in names or not placed:
        raise SurveyError(
            f"columns {columns}",
            expected=f"names among {', '.join(COLUMNS)}, none twice; z, and x and y or inline and crossline",
            do="write them in the order of the file, such as x,y,z,stick",
        )
    nodes = []
    for count, (number, line) in enumerate(lines):
        parts = re.split(r"\s*[,;\t]\s*|\s+", line.strip())
        node = _columned(dict(zip(names, parts, strict=False))) if len(parts) >= len(names) else None
        if node is None and count == 0:
            continue  # A line of titles.
        if node is None:
            raise SurveyError(
                f"line {number} of {name} is {_cut(line)!r}",
                expected=f"{len(names)} columns: {columns}",
                do="correct the line, or the columns",
            )
        nodes.append(node)
    if not nodes:
        raise _empty(name)
    return nodes


def _columned(said: dict[str, str]) -> _Node | None:
    def pair(first: str, second: str) -> tuple[float, float] | None:
        numbers = _numbers([said[first], said[second]]) if {first, second} <= said.keys() else None
        return None if numbers is None else (numbers[0], numbers[1])

    z = _numbers([said["z"]])
    xy, lines = pair("x", "y"), pair("inline", "crossline")
    if z is None or (xy is None and lines is None):
        return None
    # A column of stick numbers makes sticks, empty or not.
    return _Node(xy, lines, None, z[0], said.get("fault", ""), said.get("stick", ""))


def _picks(name: str, format: str, nodes: Sequence[_Node], told: Literal["xy", "lines"] | None = None) -> Picks:
    """Nodes as arrays, without the undefined ones."""
    defined = [node for node in nodes if abs(node.z) < UNDEFINED]
    if not defined:
        raise SurveyError(
            f"all {len(nodes):,} nodes of {name} are undefined",
            expected="some with a time or depth",
            do="check that the right horizon was exported",
        )
    where: dict[Any, Any] = {}
    for kind in ("xy", "lines", "either"):
        pairs = [getattr(node, kind) for node in defined]
        if any(pair is not None for pair in pairs):
            where[told if kind == "either" and told else kind] = np.array(
                [(np.nan, np.nan) if pair is None else pair for pair in pairs]
            )
    sticks = format in STICKS or any(node.stick for node in defined)
    return Picks(
        name=name,
        format=format,
        kind="sticks" if sticks else "horizon",
        where=where,
        z=np.array([node.z for node in defined]),
        fault=_numbered([node.fault for node in defined]),
        stick=_numbered([f"{node.fault}\0{node.stick}" for node in defined]),
        undefined=len(nodes) - len(defined),
    )


def _numbered(names: Sequence[str]) -> Any:
    """A number for each different name, in the order in which they come."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


def _lines(name: str) -> list[tuple[int, str]]:
    """Lines of data with their numbers."""
    path = Path(name)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SurveyError(f"{name} has {path.stat().st_size / 1e9:.1f} GB", "a text file of at most 2 GB")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        found = "is a folder" if path.is_dir() else "there is no such file" if not path.exists() else str(error)
        raise SurveyError(f"{name}: {found}", "a text file of sticks or of a horizon", "check the path") from error
    if b"\0" in content[:65536]:
        raise SurveyError(
            f"{name} is no text file", "a text file of sticks or of a horizon", "name a survey file as a label volume"
        )
    text = content.decode("utf-8-sig", errors="replace")
    numbered = enumerate(text.splitlines(), 1)
    lines = [(number, line) for number, line in numbered if line.strip() and line.lstrip()[0] not in "#!"]
    if not lines:
        raise _empty(name)
    return lines


def _told_by_header(name: str) -> Literal["xy", "lines"] | None:
    """What the first column of an OpendTect file is, by its header ``# 1: X`` or ``# 1: Inline``."""
    with Path(name).open(encoding="utf-8", errors="replace") as file:
        heads = [line for line in file.readlines(4096) if line.startswith("#")]
    for line in heads:
        match = re.match(r"#\s*1\s*:\s*(\w+)", line)
        if match:
            return "xy" if match[1].lower().startswith("x") else "lines"
    return None


def _empty(name: str) -> SurveyError:
    return SurveyError(f"{name} holds no node", "lines of sticks or of a horizon", "check that the export was complete")


def _numbers(parts: Sequence[str]) -> list[float] | None:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _cut(text: str) -> str:
    text = text.strip().replace("\t", " ")
    return text if len(text) <= 60 else text[:59] + "…"
