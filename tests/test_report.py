"""The screen: each stage has its own clock, batch logs are neither silent nor endless, some processes say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from itertools import chain

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
    assert meter.text == "12 %, loss 0.5, 2:56 left, 12 of 100 steps, 0.5 steps/s, 1.0 GiB"


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
    assert 80 < len(log.lines) < 90
    assert log.lines[1].startswith("training: 0 %, loss 0.5, 59:50 left, 10 of 3,600 steps, 1 steps/s")
    assert log.lines[-1].startswith("training: 100 %, loss 0.5, 3,600 of 3,600 steps")


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_shows_share_and_loss(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    clock = Time(monkeypatch, is_terminal=True, columns=columns)

    def work() -> Work[None]:
        yield from steps(clock, 1.0, range(1, 50), 100)

    report.show(work(), "training")
    assert "49 %" in clock.written.getvalue()


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
