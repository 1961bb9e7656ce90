"""What a user sees: progress, tables, messages. The only file that knows rich."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from geocnn.errors import GeocnnError
    from geocnn.progress import Progress, Work

__all__ = ["apologise", "fail", "print_json", "say", "show", "table", "warn"]

T = TypeVar("T")

LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line for people."""
    _out.print(escape(text))


def warn(text: str) -> None:
    """Print a remark that the user did not ask for but must know."""
    _err.print(f"[yellow]note:[/yellow] {escape(text)}")


def print_json(data: object) -> None:
    """Print data for programs."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns after the first whose cells are numbers are set to the right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = index > 0 and all(row[index][:1].isdigit() or row[index][:1] in {"", "-", "−"} for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    _out.print(drawn, soft_wrap=False)


def fail(error: GeocnnError) -> None:
    """Print what is wrong: found, expected, do."""
    if len(error.faults) > 1:
        _err.print(f"[bold red]error:[/bold red] {len(error.faults)} faults")
    for fault in error.faults:
        head = "" if len(error.faults) > 1 else "[bold red]error:[/bold red] "
        _err.print(f"{head}{escape(': '.join(part for part in (fault.place, fault.found) if part))}")
        for word, text in (("expected", fault.expected), ("do", fault.do)):
            if text:
                _err.print(f"  [bold]{word}:[/bold] {escape(text)}")


def apologise(log: str) -> None:
    """Print that geocnn itself failed, and where the traceback is."""
    _err.print("[bold red]error:[/bold red] a fault in geocnn itself, not in your data. We are sorry.")
    _err.print(f"  [bold]do:[/bold] report it with the traceback in {escape(log)}")


def show(work: Work[T], title: str) -> T:
    """Run `work` to its end, drawing its progress; return its result."""
    with _bar(title) if _err.is_terminal else _lines(title) as draw:
        while True:
            try:
                draw(next(work))
            except StopIteration as end:
                result: T = end.value
                return result


@contextmanager
def _bar(title: str) -> Iterator[Any]:
    """A live bar with rate, memory and time left."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[note]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Bar(*columns, console=_err, transient=True) as bar:
        task = bar.add_task(title, total=None, note="")

        def draw(progress: Progress) -> None:
            note = _note(progress, time.monotonic() - started)
            bar.update(task, total=progress.total, completed=progress.done, note=note)

        yield draw


@contextmanager
def _lines(title: str) -> Iterator[Any]:
    """A plain line every so often, and one for the end, for batch logs."""
    started = time.monotonic()
    said = started
    last: Progress | None = None

    def draw(progress: Progress) -> None:
        nonlocal said, last
        last = progress
        now = time.monotonic()
        if now - said >= LINE_EVERY:
            said = now
            left = (now - started) * (progress.total - progress.done) / max(progress.done, 1)
            _err.print(f"{title}: {_line(progress, now - started)}, {left:.0f} s left")

    yield draw
    if last is not None:
        _err.print(f"{title}: {_line(last, time.monotonic() - started)} in {time.monotonic() - started:.1f} s")


def _line(progress: Progress, seconds: float) -> str:
    return f"{100 * progress.done / max(progress.total, 1):.0f} %, {_note(progress, seconds)}"


def _note(progress: Progress, seconds: float) -> str:
    rate = f"{_short(progress.done / max(seconds, 1e-9))} {progress.unit}/s"
    return ", ".join(part for part in (rate, _memory(), progress.note) if part)


def _short(number: float) -> str:
    """1234567 as ``1.23 M``."""
    for factor, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{suffix}"
    return f"{number:.3g}"


def _memory() -> str:
    """Resident memory of this process, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return ""
    return f"{pages * 4096 / 2**30:.1f} GiB"
