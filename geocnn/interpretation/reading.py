"""Picks from text files: fault sticks and horizons in the layouts of interpretation systems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np

from geocnn.errors import SurveyError
from geocnn.interpretation.layouts.columns import Columns
from geocnn.interpretation.layouts.layout import Node, is_undefined, null_of, numbers
from geocnn.interpretation.layouts.opendtect import told_by_header
from geocnn.interpretation.layouts.table import LAYOUTS, SAMPLE, looks_like
from geocnn.interpretation.picks import Picks
from geocnn.survey.content import is_binary, split_name

__all__ = ["read_picks"]

MOST_BYTES = 2 * 1024**3

Numbered = tuple[int, str]
"""A line with its number in the file."""


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
        named = Columns.named(columns).separated([line for _, line in lines[:: ceil(len(lines) / SAMPLE)]])
        kind: Literal["sticks", "horizon"] = "sticks" if "stick" in named.names else "horizon"
        made = _picks(name, "columns", kind, _columned(name, lines, columns, named))
        return replace(made, tells_faults="fault" in named.names)
    known = looks_like([line for _, line in lines])
    chosen = format or known
    if chosen is None:
        raise SurveyError(
            f"{name} is of no known layout; its first line of data is {_cut(lines[0][1])!r}",
            expected=f"one of {', '.join(LAYOUTS)}",
            do="name its columns, such as --columns x,y,z,stick (config: columns)",
        )

    def another(number: int, line: str) -> SurveyError:
        do = "correct the line, begin it with # if it is a remark, or name the columns with --columns (config: columns)"
        if known is not None and known != chosen:
            do = f"it looks like {known}: pass --format {known} (config: format), or leave the format out"
        return SurveyError(f"line {number} of {name} is {_cut(line)!r}", f"{chosen}: {LAYOUTS[chosen].looks}", do)

    nodes = _nodes(lines, LAYOUTS[chosen].read, another)
    told = told_by_header(_heads(name)) if chosen.startswith("opendtect") else None
    made = _picks(name, chosen, LAYOUTS[chosen].kind, nodes, told)
    return replace(made, tells_faults=LAYOUTS[chosen].tells_faults)


def _nodes(
    lines: Sequence[Numbered], read: Callable[[str], Node | None], another: Callable[[int, str], SurveyError]
) -> list[Node]:
    nodes = []
    for number, line in lines:
        node = read(line)
        if node is None:
            raise another(number, line)
        nodes.append(node)
    return nodes


def _columned(name: str, lines: Sequence[Numbered], columns: str, named: Columns) -> list[Node]:
    """Nodes of a file whose columns the user names; its first line may hold titles."""
    rest = lines[1:] if _is_title(named.split(lines[0][1])) else lines
    if not rest:
        raise _empty(name)

    def another(number: int, line: str) -> SurveyError:
        count = len(named.split(line))
        odd = "" if count == len(named.names) else f", {count} column{'' if count == 1 else 's'}"
        return SurveyError(
            f"line {number} of {name} is {_cut(line)!r}{odd}",
            expected=f"{len(named.names)} columns: {columns}",
            do="correct the line, or name all columns, with - for one that is not read",
        )

    return _nodes(rest, named.read, another)


def _is_title(parts: Sequence[str]) -> bool:
    """Whether none of the columns of a line is a number."""
    return all(numbers([part]) is None for part in parts)


def _picks(
    name: str,
    format: str,
    kind: Literal["sticks", "horizon"],
    nodes: Sequence[Node],
    told: Literal["xy", "lines"] | None = None,
) -> Picks:
    """Nodes as arrays, without the undefined ones."""
    defined = [node for node in nodes if not is_undefined(node.z)]
    remarks: tuple[str, ...] = ()
    null = null_of(np.array([node.z for node in defined]), kind)
    if null is not None:
        count = len(defined)
        defined = [node for node in defined if node.z != null]
        count -= len(defined)
        nulls = f"{count:,} node{'' if count == 1 else 's'} of {name} with z {null:g}"
        remarks = (f"{nulls} taken as undefined: nothing else lies near it",)
    if not defined:
        raise SurveyError(
            f"all {len(nodes):,} nodes of {name} are undefined"
            if len(nodes) > 1
            else f"the node of {name} is undefined",
            expected="some with a time or depth: not 1e30, nan or infinity",
            do="check that the right horizon was exported",
        )
    where: dict[Any, Any] = {}
    for what in ("xy", "lines", "either"):
        pairs = [getattr(node, what) for node in defined]
        if any(pair is not None for pair in pairs):
            where[told if what == "either" and told else what] = np.array(
                [(np.nan, np.nan) if pair is None else pair for pair in pairs]
            )
    return Picks(
        name=name,
        format=format,
        kind=kind,
        where=where,
        z=np.array([node.z for node in defined]),
        fault=_numbered([node.fault for node in defined]),
        stick=_numbered([f"{node.fault}\0{node.stick}" for node in defined]),
        undefined=len(nodes) - len(defined),
        remarks=remarks,
    )


def _numbered(names: Sequence[str]) -> Any:
    """A number for each different name, in the order in which they come."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


def _lines(name: str) -> list[Numbered]:
    """Lines of data with their numbers."""
    path = Path(name)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SurveyError(f"{name} has {path.stat().st_size / 1e9:.1f} GB", "a text file of at most 2 GB")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        if split_name(name)[1] is not None and split_name(name)[0].is_file():
            raise _no_text(name) from error
        found = "is a folder" if path.is_dir() else "there is no such file" if not path.exists() else str(error)
        raise SurveyError(f"{name}: {found}", "a text file of sticks or of a horizon", "check the path") from error
    if is_binary(content):
        raise _no_text(name)
    text = content.decode("utf-8-sig", errors="replace")
    numbered = enumerate(text.splitlines(), 1)
    lines = [(number, line) for number, line in numbered if line.strip() and line.lstrip()[0] not in "#!"]
    if not lines:
        raise _empty(name)
    return lines


def _no_text(name: str) -> SurveyError:
    return SurveyError(
        f"{name} is no text file",
        "a text file of sticks or of a horizon",
        "a volume is a label as it is; to make sticks of it, pass geocnn label an --out that ends in .dat",
    )


def _heads(name: str) -> list[str]:
    """Comments near the beginning of a file."""
    with Path(name).open(encoding="utf-8-sig", errors="replace") as file:
        return [line for line in file.readlines(4096) if line.startswith("#")]


def _empty(name: str) -> SurveyError:
    return SurveyError(f"{name} holds no node", "lines of sticks or of a horizon", "check that the export was complete")


def _cut(text: str) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in text.strip().replace("\ufffd", " "))
    return text if len(text) <= 60 else text[:59] + "…"
