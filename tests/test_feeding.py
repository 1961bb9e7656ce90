"""Feeding: the same results in order on any number of threads, and what fails is said where it is taken."""

from __future__ import annotations

import threading
import time

import pytest

from geocnn.errors import SurveyError
from geocnn.training.feeding import feeding


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_whoever_is_slow(workers: int) -> None:
    def draw(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    with feeding(draw, 5, workers) as feed:
        assert [feed.take() for _ in range(20)] == [n * n for n in range(5, 25)]


def test_threads_draw_ahead_but_not_without_end() -> None:
    drawn: list[int] = []
    ready = threading.Event()

    def draw(number: int) -> int:
        drawn.append(number)
        if len(drawn) == 5:
            ready.set()
        return number

    with feeding(draw, 0, 2) as feed:
        feed.take()
        assert ready.wait(5)
        time.sleep(0.05)
        assert sorted(drawn) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_draw_raises_is_raised_where_its_result_is_taken(workers: int) -> None:
    def draw(number: int) -> int:
        if number == 3:
            raise SurveyError("the survey has gone")
        return number

    with feeding(draw, 0, workers) as feed:
        assert [feed.take() for _ in range(3)] == [0, 1, 2]
        with pytest.raises(SurveyError, match="the survey has gone"):
            feed.take()
