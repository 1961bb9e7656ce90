"""Lines of text in columns: a subject and what is told of it, tables, numbers that people can read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["SUBJECT", "below", "counted", "number", "row", "table"]

SUBJECT = 13
"""Columns of the subject that a line begins with."""


def row(subject: str, text: str, width: int) -> Iterator[str]:
    """A subject and what is told of it, in as many lines as it takes."""
    lines = textwrap.wrap(text, width - SUBJECT, break_long_words=False, break_on_hyphens=False)
    for position, line in enumerate(lines):
        yield f"{'' if position else subject:<{SUBJECT}}{line}"


def table(rows: Sequence[Sequence[str]], left: Iterable[int] = ()) -> list[str]:
    """Rows with their columns below each other, to the right but for those named."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    kept = set(left)
    return [
        "  ".join(f"{cell:{'<' if column in kept else '>'}{widths[column]}}" for column, cell in enumerate(row))
        for row in rows
    ]


def below(subject: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines as they are, the first with a subject before it."""
    for position, line in enumerate(lines):
        yield f"{'' if position else subject:<{SUBJECT}}{line}"


def counted(count: int, noun: str) -> str:
    """A count and what is counted, in the plural but for one."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def number(value: float | None) -> str:
    """A number of about four digits, without an exponent where people can read it so."""
    # What is not finite is null in the summary: amplitudes beyond all bounds.
    if value is None:
        return "infinite"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-3:
        return f"{value:.3e}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"
