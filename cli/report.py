"""What a user sees: progress, tables, messages. The only file that knows rich."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geocnn.progress import Progress, Remark

if TYPE_CHECKING:
    from geocnn.errors import GeocnnError
    from geocnn.progress import Work

__all__ = ["apologise", "fail", "print_json", "say", "short", "show", "table", "volume", "warn", "width"]

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
        firsts = {row[index] if row[index] == "all" else row[index][:1] for row in rows}
        numeric = index > 0 and all(first.isnumeric() or first in {"", "-", "−", "all"} for first in firsts)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    _out.print(drawn, soft_wrap=False)


def width() -> int:
    """Columns of the screen."""
    return _out.width


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
    with _bar() if _err.is_terminal else _lines() as draw:
        meter = _Meter(title)
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(event, Remark):
                warn(event.text)
                continue
            meter.update(event)
            draw(meter)


class _Meter:
    """Rate and time left of the stage that is under way."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.last: Progress | None = None
        self._first = (0, 0.0)

    def update(self, progress: Progress) -> None:
        """Take notice of progress; a new stage starts a new clock."""
        last = self.last
        if last is None or (last.stage, last.unit, last.total) != (
            progress.stage,
            progress.unit,
            progress.total,
        ):
            self._first = (progress.done, time.monotonic())
        self.last = progress

    @property
    def stage(self) -> str:
        """What is being done."""
        return (self.last.stage if self.last else "") or self.title

    @property
    def rate(self) -> float:
        """Units a second since the first news of the stage; 0 until the second."""
        done, since = self._first
        seconds = time.monotonic() - since
        return max(0, (self.last.done if self.last else 0) - done) / seconds if seconds > 0.01 else 0

    @property
    def text(self) -> str:
        """Percentage, rate, memory, note and time left."""
        if self.last is None:
            return ""
        share = f"{100 * self.last.done / max(self.last.total, 1):.0f} %"
        rate = f"{short(self.rate)} {self.last.unit}/s" if self.rate else ""
        remaining = self.last.total - self.last.done
        left = f"{_clock(remaining / self.rate)} left" if self.rate and remaining else ""
        parts = (share, rate, _memory(), self.last.note, left)
        return ", ".join(part for part in parts if part)


@contextmanager
def _bar() -> Iterator[Callable[[_Meter], None]]:
    """A live bar, gone when the work is done."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}"))
    with Bar(*columns, console=_err, transient=True) as bar:
        task = bar.add_task("", total=None, text="")

        def draw(meter: _Meter) -> None:
            last = meter.last
            if last is not None:
                bar.update(task, description=meter.stage, total=last.total, completed=last.done, text=meter.text)

        yield draw


@contextmanager
def _lines() -> Iterator[Callable[[_Meter], None]]:
    """A plain line every so often, and one at the end, for batch logs."""
    said = time.monotonic()
    unsaid: _Meter | None = None

    def draw(meter: _Meter) -> None:
        nonlocal said, unsaid
        unsaid = meter
        if time.monotonic() - said >= LINE_EVERY:
            said, unsaid = time.monotonic(), None
            _err.print(f"{meter.stage}: {meter.text}")

    yield draw
    if unsaid is not None:
        _err.print(f"{unsaid.stage}: {unsaid.text}")


def short(number: float) -> str:
    """1234567 as ``1.23 M``."""
    for factor, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{suffix}"
    return f"{number:.3g}"


def volume(size: float) -> str:
    """Bytes as ``1.23 MB``."""
    return f"{short(size)}B" if size >= 1e3 else f"{size:.3g} B"


def _clock(seconds: float) -> str:
    """75 as ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _memory() -> str:
    """Resident memory of this process, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return ""
    return f"{pages * resource.getpagesize() / 2**30:.1f} GiB"
