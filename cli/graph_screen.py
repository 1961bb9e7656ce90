"""A network drawn as text: layers from top to bottom, coarser ones further in, skips as lines at the side.

::

    ╷ input                      1 × 64³
    │ conv 8 3³ relu save fine   8 × 64³ ──╮
    │   pool max 2³              8 × 32³   │
    │   conv 16 3³ relu         16 × 32³   │
    │ upsample × 2              16 × 64³   │
    │ concat fine               24 × 64³ ◀─╯
    ╵ conv outputs 1³            1 × 64³
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geocnn.network.flow import Flow, Skip
    from geocnn.network.outline import Row

__all__ = ["graph_lines"]

WIDTH = 100
INDENT = 14
"""Columns for all levels of resolution together, at most."""
LEAST_TEXT = 20
"""Columns of the layers that are kept, however many skips there are."""
LANE = 2
"""Columns from one line at the side to the next."""


def graph_lines(flow: Flow, ndim: int, width: int = WIDTH) -> Iterator[str]:
    """A line of text for each row; two where an output that skips is made of one that skipped."""
    from geocnn.network.wording import output_text

    lanes = _lanes(flow.skips)
    brackets = _brackets(flow.rows)
    texts = _texts(flow, ndim)
    outputs = [output_text(row) for row in flow.rows]
    sides = max(lanes.values(), default=-1) + 1
    room = width - len(brackets[0]) - 2 - 2 - max(map(len, outputs)) - LANE * (sides + 1)
    room = max(LEAST_TEXT, min(room, max(map(len, texts))))
    wide = max(map(len, outputs))
    for index, (text, output) in enumerate(zip(texts, outputs, strict=True)):
        cut = text if len(text) <= room else f"{text[: room - 1]}…"
        head = f"{brackets[index]}{_thread(flow, index)} {cut:<{room}}  {output:>{wide}}"
        yield from _with_sides(head, _Side(index, flow.skips, lanes, sides), flow, brackets)


def _texts(flow: Flow, ndim: int) -> list[str]:
    """What each row does, further in the coarser its output is."""
    from geocnn.network.flow import step_text

    step = 2 if 2 * max(flow.levels) <= INDENT else 1
    return [
        " " * min(step * level, INDENT) + step_text(row, ndim)
        for row, level in zip(flow.rows, flow.levels, strict=True)
    ]


def _thread(flow: Flow, index: int) -> str:
    """The line that runs from row to row where each takes the output of the one before."""
    before = flow.chained[index]
    after = index + 1 < len(flow.rows) and flow.chained[index + 1]
    return {(True, True): "│", (False, True): "╷", (True, False): "╵", (False, False): "·"}[before, after]


def _lanes(skips: Sequence[Skip]) -> Mapping[int, int]:
    """A lane for each source, so that no two lines in one lane meet; short ones next to the text."""
    taken: list[list[tuple[int, int]]] = []
    lanes = {}
    for skip in sorted(skips, key=lambda each: (each.targets[-1] - each.source, each.source)):
        first, last = skip.source, skip.targets[-1]
        free = (lane for lane, held in enumerate(taken) if all(last < a or b < first for a, b in held))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((first, last))
        lanes[skip.source] = lane
    return lanes


def _brackets(rows: Sequence[Row]) -> list[str]:
    """For each row, the brackets of the repetitions that it stands for."""
    depth = max(len(row.folds) for row in rows)
    lines = [""] * len(rows)
    for level in range(depth):
        marks = [row.folds[level] if level < len(row.folds) else None for row in rows]
        labels = [f"{mark.times}×" if mark else "" for mark in marks]
        width = max(map(len, labels))
        for index, mark in enumerate(marks):
            first = mark is not None and (index == 0 or marks[index - 1] != mark)
            last = mark is not None and (index + 1 == len(marks) or marks[index + 1] != mark)
            sign = {(True, True): "[", (True, False): "╭", (False, True): "╰", (False, False): "│"}[first, last]
            lines[index] += f"{labels[index] if first else '':>{width}}{sign if mark else ' '}"
    return [f"{line} " if depth else "" for line in lines]


@dataclass(frozen=True)
class _Side:
    """What is to be drawn at the side of a row."""

    index: int
    skips: Sequence[Skip]
    lanes: Mapping[int, int]
    count: int

    @property
    def coming(self) -> dict[int, bool]:
        """Lanes that lead into the row; whether they go on below."""
        at = self.index
        return {self.lanes[each.source]: at < each.targets[-1] for each in self.skips if at in each.targets}

    @property
    def going(self) -> int | None:
        """The lane that begins here."""
        return self.lanes.get(self.index)

    def passing(self, below: bool) -> set[int]:
        """Lanes that run by above the row, or between it and the next."""
        at = self.index + below
        return {self.lanes[s.source] for s in self.skips if s.source < at <= s.targets[-1]}


def _with_sides(head: str, side: _Side, flow: Flow, brackets: Sequence[str]) -> Iterator[str]:
    """The row with lines that come in; those that go out stand below where both are."""
    if side.coming:
        yield (head + _coming(side)).rstrip()
        if side.going is None:
            return
        on = side.index + 1 < len(flow.rows)
        bracket = "".join(sign if sign == "│" else "│" if sign == "╭" else " " for sign in brackets[side.index])
        thread = "│" if on and flow.chained[side.index + 1] else " "
        head = f"{bracket}{thread}".ljust(len(head))
    yield (head + _going(side)).rstrip()


def _coming(side: _Side) -> str:
    """``◀──╯`` and what passes by."""
    reach = max(side.coming)
    passing = side.passing(below=False)
    signs = []
    for lane in range(side.count):
        if lane in side.coming:
            ends = {(True, True): "┤", (True, False): "┼", (False, True): "╯", (False, False): "┴"}
            signs.append(ends[side.coming[lane], lane == reach])
        else:
            signs.append("│" if lane in passing else "─" if lane < reach else " ")
    return " ◀" + "".join(f"{'─' if lane <= reach else ' '}{sign}" for lane, sign in enumerate(signs))


def _going(side: _Side) -> str:
    """``───╮`` and what passes by."""
    passing = side.passing(below=bool(side.coming))
    reach = -1 if side.going is None else side.going
    signs = [
        "╮" if lane == side.going else "│" if lane in passing else "─" if lane < reach else " "
        for lane in range(side.count)
    ]
    start = "  " if side.going is None else " ╰" if side.coming else " ─"
    return start + "".join(f"{'─' if lane <= reach else ' '}{sign}" for lane, sign in enumerate(signs))
