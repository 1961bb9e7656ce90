"""The screen: each stage has its own clock, batch logs are neither silent nor endless, some processes say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from itertools import chain, pairwise

import pytest
from rich.console import Console

from geocnn.progress import Progress, Remark, Work
from geocnn_cli import report


class Time:
    """A clock that a test sets, and a console that it reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_terminal: bool, columns: int) -> None:
        self.now = 1000.0
        self.written = StringIO()
        console = Console(
            file=self.written, force_terminal=is_terminal, width=columns, highlight=False, soft_wrap=True, stderr=True
        )
        monkeypatch.setattr(report, "_err", console)
        monkeypatch.setattr(report.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(report, "_memory", lambda: "1.0 GiB")

    @property
    def lines(self) -> list[str]:
        return self.written.getvalue().splitlines()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch, is_terminal=False, columns=80)


def steps(clock: Time, seconds: float, numbers: range, total: int) -> Iterator[Progress]:
    for number in numbers:
        clock.now += seconds
        yield Progress(number, total, "steps", "loss 0.5")


def test_steps_are_timed_without_the_validations_between(log: Time) -> None:
    meter = report._Meter("training")
    for progress in steps(log, 2.0, range(1, 11), 100):
        meter.update(progress)
    for part in range(5):
        log.now += 100
        meter.update(Progress(part, 4, "samples", stage="validating"))
    assert meter.rate == pytest.approx(0.01, rel=0.01)
    for progress in steps(log, 2.0, range(11, 13), 100):
        meter.update(progress)
    assert meter.rate == pytest.approx(0.5)
    assert meter.text == "12 %, 2:56 left, loss 0.5, 12 of 100 steps, 0.5 steps/s, 1.0 GiB"


def test_what_is_new_counts_more_than_what_was_long_ago(log: Time) -> None:
    meter = report._Meter("training")
    for progress in chain(steps(log, 1.0, range(100), 1000), steps(log, 10.0, range(100, 130), 1000)):
        meter.update(progress)
    assert meter.rate == pytest.approx(0.1, rel=0.1)


def test_a_stage_that_begins_again_does_not_run_backward(log: Time) -> None:
    meter = report._Meter("training")
    for progress in chain(steps(log, 1.0, range(10, 20), 100), steps(log, 1.0, range(3, 6), 100)):
        meter.update(progress)
    assert meter.rate == pytest.approx(1.0)


def test_a_log_gets_a_line_every_so_often_and_fewer_later(log: Time) -> None:
    def work() -> Work[str]:
        yield Remark("a remark")
        yield from steps(log, 1.0, range(1, 3601), 3600)
        return "result"

    assert report.show(work(), "training") == "result"
    assert log.lines[0] == "note: a remark"
    assert 95 < len(log.lines) < 115
    assert log.lines[1].startswith("training: 0 %, 59:50 left, loss 0.5, 10 of 3,600 steps, 1 steps/s")
    assert log.lines[-1].startswith("training: 100 %, loss 0.5, 3,600 of 3,600 steps")


def test_a_day_in_a_log_is_some_hundred_lines_and_never_silent_for_long(log: Time) -> None:
    seen = {0: log.now}

    def work() -> Work[None]:
        for progress in steps(log, 10.0, range(1, 24 * 360 + 1), 24 * 360):
            yield progress
            seen.setdefault(len(log.lines), log.now)

    report.show(work(), "training")
    assert 300 < len(log.lines) < 450
    assert max(later - before for before, later in pairwise(seen.values())) <= 310


def test_what_matters_survives_80_columns_of_a_log(log: Time) -> None:
    def work() -> Work[None]:
        for progress in steps(log, 20.0, range(1, 50), 100):
            yield replace(progress, note="loss 0.8757, rate 0.0023, average precision 0.747, GPU 11.3 GiB")

    report.show(work(), "training")
    assert log.lines[-1].startswith(
        "training: 49 %, 17:00 left, loss 0.8757, rate 0.0023, average precision 0.747"[:80]
    )


def test_names_with_brackets_are_printed_as_they_are(log: Time) -> None:
    def work() -> Work[None]:
        log.now += 20
        yield Progress(1, 2, "samples", stage="scanning [bold]near[1].sgy")

    report.show(work(), "training")
    assert log.lines == ["scanning [bold]near[1].sgy: 50 %, 1.0 GiB"]


CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def drawn(clock: Time) -> list[str]:
    """What stood on the lines of a terminal, one after another."""
    return [line for line in re.split(r"[\r\n]+", CODES.sub("", clock.written.getvalue())) if line.strip()]


@pytest.mark.parametrize("columns", [1, 2, 7, 40, 59, 60, 80, 200])
def test_a_bar_fits_its_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    clock = Time(monkeypatch, is_terminal=True, columns=columns)
    note = "loss 0.8757, rate 0.0023, average precision 0.747, GPU 11.3 GiB"

    def work() -> Work[None]:
        for progress in steps(clock, 1.0, range(1, 50), 100):
            yield replace(progress, note=note)

    report.show(work(), "training")
    assert all(len(line) <= columns for line in drawn(clock))
    if columns >= 40:
        name, _, told = drawn(clock)[-1].rstrip().partition("49 %, ")
        assert name.split()[0] == "training"
        assert ("━" in name) == (columns >= 60)
        # Parts are shown whole or not at all.
        parts = ["0:51 left", *note.split(", "), "49 of 100 steps", "1 steps/s", "1.0 GiB"]
        shown = told.split(", ")
        assert shown == parts[: len(shown)]
        assert len(shown) >= 2
        assert (shown == parts) == (columns == 200)


def test_the_name_of_a_stage_leaves_room_for_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch, is_terminal=True, columns=40)

    def work() -> Work[None]:
        yield Progress(1, 2, "samples", stage=f"scanning [red]{'long' * 30}.sgy")

    report.show(work(), "training")
    assert drawn(clock)[-1].rstrip() == "scanning [red]longl… 50 %, 1.0 GiB"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_line_is_not_written_into_the_bar(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    clock = Time(monkeypatch, is_terminal=True, columns=80)
    out = Console(file=StringIO(), force_terminal=is_terminal)
    monkeypatch.setattr(report, "_out", out)

    def work() -> Work[None]:
        yield from steps(clock, 1.0, range(1, 10), 100)
        report.say("validation [1]")
        yield from steps(clock, 1.0, range(10, 20), 100)

    report.show(work(), "training")
    report.say("done")
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == (["done"] if is_terminal else ["validation [1]", "done"])
    assert ("validation [1]" in drawn(clock)) == is_terminal


def test_a_silent_process_works_and_says_nothing(monkeypatch: pytest.MonkeyPatch, log: Time) -> None:
    out = Console(file=log.written)
    monkeypatch.setattr(report, "_out", out)
    report.silence()
    report.say("said")
    report.warn("warned")

    def work() -> Work[int]:
        yield from steps(log, 20.0, range(1, 50), 100)
        return 7

    assert report.show(work(), "training") == 7
    assert log.written.getvalue() == ""
