"""What a user sees: progress, tables, messages. The only file that knows rich."""

from __future__ import annotations

import json
import math
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

__all__ = ["apologise", "fail", "print_json", "say", "short", "show", "silence", "table", "volume", "warn", "width"]

T = TypeVar("T")

SOONEST, LATEST = 10.0, 300.0
"""Seconds between two lines of progress where there is no terminal, at first and after hours: a day gives 400 lines."""

MEMORY = 60.0
"""Seconds after which a rate has forgotten most of what was before."""

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_is_live = False
"""Whether a bar is on the screen: what is printed past its console would be written into it."""


def silence() -> None:
    """Print nothing from now on: another process speaks for this one."""
    _out.quiet = _err.quiet = True


def say(text: str) -> None:
    """Print a line for people."""
    console = _err if _is_live and _out.is_terminal else _out
    console.print(escape(text))


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
    """Rate and time left of the stage that is under way; each stage has a clock of its own."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.last: Progress | None = None
        self._clocks: dict[tuple[str, str, int], _Clock] = {}
        self._heard = 0.0

    def update(self, progress: Progress) -> None:
        """Take notice of progress, just made."""
        now, last = time.monotonic(), self.last
        # Between the news of two stages other things happen, too.
        if last is not None and _stage(last) == _stage(progress) and progress.done >= last.done:
            clock = self._clocks.setdefault(_stage(progress), _Clock())
            clock.add(progress.done - last.done, now - self._heard)
        self.last, self._heard = progress, now

    @property
    def stage(self) -> str:
        """What is being done."""
        return (self.last.stage if self.last else "") or self.title

    @property
    def rate(self) -> float:
        """Units a second of the stage under way; 0 until its second news."""
        clock = self._clocks.get(_stage(self.last)) if self.last else None
        return clock.rate if clock else 0

    @property
    def text(self) -> str:
        """Percentage, time left, note, units done, rate and memory: what matters most comes first."""
        last = self.last
        if last is None:
            return ""
        share = f"{100 * last.done / max(last.total, 1):.0f} %"
        remaining = last.total - last.done
        left = f"{_clock(remaining / self.rate)} left" if self.rate and remaining else ""
        steps = f"{last.done:,} of {last.total:,} steps" if last.unit == "steps" else ""
        rate = f"{short(self.rate)} {last.unit}/s" if self.rate else ""
        return ", ".join(part for part in (share, left, last.note, steps, rate, _memory()) if part)


def _stage(progress: Progress) -> tuple[str, str, int]:
    """What tells one stage from others."""
    return progress.stage, progress.unit, progress.total


class _Clock:
    """Units and seconds of one stage, of which those of the last minute count most."""

    def __init__(self) -> None:
        self._units = self._seconds = 0.0

    def add(self, units: float, seconds: float) -> None:
        """Take in units that took so long."""
        kept = math.exp(-seconds / MEMORY)
        self._units, self._seconds = kept * self._units + units, kept * self._seconds + seconds

    @property
    def rate(self) -> float:
        """Units a second."""
        return self._units / self._seconds if self._seconds > 0.01 else 0


@contextmanager
def _bar() -> Iterator[Callable[[_Meter], None]]:
    """A live bar, gone when the work is done; a narrow screen has room for its words alone."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    global _is_live
    wide = min(24, _err.width // 10) if _err.width >= 60 else 0
    stage, text = (TextColumn(f"{{task.{name}}}", markup=False) for name in ("description", "fields[text]"))
    columns = (stage, BarColumn(bar_width=wide), text) if wide else (stage, text)
    with Bar(*columns, console=_err, transient=True) as bar:
        task = bar.add_task("", total=None, text="")

        def draw(meter: _Meter) -> None:
            last = meter.last
            if last is not None:
                named = _cut(meter.stage, _err.width // 2)
                told = _fitting(meter.text, _err.width - len(named) - wide - 2)
                bar.update(task, description=named, total=last.total, completed=last.done, text=told)

        _is_live = True
        try:
            yield draw
        finally:
            _is_live = False


def _cut(text: str, room: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= room else text[: room - 1] + "…"


def _fitting(text: str, room: int) -> str:
    """As many of the parts of a text, from the first on, as there is room for."""
    while text and len(text) > room:
        text = text.rpartition(", ")[0]
    return text


@contextmanager
def _lines() -> Iterator[Callable[[_Meter], None]]:
    """A plain line every so often, the rarer the longer it takes, and one at the end, for batch logs."""
    began = said = time.monotonic()
    unsaid: _Meter | None = None

    def draw(meter: _Meter) -> None:
        nonlocal said, unsaid
        unsaid, now = meter, time.monotonic()
        if now - said >= min(max((now - began) / 30, SOONEST), LATEST):
            said, unsaid = now, None
            _print_line(meter)

    yield draw
    if unsaid is not None:
        _print_line(unsaid)


def _print_line(meter: _Meter) -> None:
    _err.print(escape(f"{meter.stage}: {meter.text}"))


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
