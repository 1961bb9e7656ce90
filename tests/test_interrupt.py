"""Signals are noted once; a second one ends at once."""

import signal
import subprocess
import sys

from geocnn.interrupt import stop_requests


def ran(code: str) -> subprocess.CompletedProcess[str]:
    """What became of code in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_signal_is_noted_and_the_handler_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        assert not stop
        signal.raise_signal(signal.SIGTERM)
        assert stop
        assert stop.signal is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_ends_at_once() -> None:
    code = (
        "import signal\nfrom geocnn.interrupt import stop_requests\n"
        "with stop_requests():\n"
        "    signal.raise_signal(signal.SIGTERM)\n    print('noted', flush=True)\n"
        "    signal.raise_signal(signal.SIGTERM)\n    print('still here')\n"
    )
    done = ran(code)
    assert done.stdout == "noted\n"
    assert done.returncode == -signal.SIGTERM


def test_a_process_that_stops_for_another_is_not_killed_by_what_comes_late() -> None:
    code = (
        "import signal\nfrom geocnn.errors import Stopped\nfrom geocnn.interrupt import stop_requests\n"
        "try:\n    with stop_requests():\n        raise Stopped('stopped by a signal to another process')\n"
        "except Stopped:\n    signal.raise_signal(signal.SIGUSR1)\n    signal.raise_signal(signal.SIGTERM)\n"
        "    print('ended in order')\n"
    )
    done = ran(code)
    assert (done.returncode, done.stdout) == (0, "ended in order\n")
