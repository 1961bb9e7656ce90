"""What can be wrong with a user's input, and how it is said: found, expected, do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "ConfigError",
    "Fault",
    "GeocnnError",
    "ModelError",
    "OutputError",
    "RunError",
    "Stopped",
    "SurveyError",
    "UsageError",
]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    found
        What was met, with its numbers and the user's own names.
    expected
        What would have been right.
    do
        The next step for the user.
    file, line, key
        Where it is written, as far as that is known; `key` is a path such as ``data.train[0].image``.
    """

    found: str
    expected: str = ""
    do: str = ""
    file: str = ""
    line: int | None = None
    key: str = ""

    @property
    def place(self) -> str:
        """``config.yaml:12: data.patch``, as far as it is known."""
        where = f"{self.file}:{self.line}" if self.file and self.line is not None else self.file
        return ": ".join(part for part in (where, self.key) if part)

    def __str__(self) -> str:
        lines = [": ".join(part for part in (self.place, self.found) if part)]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.do:
            lines.append(f"  do: {self.do}")
        return "\n".join(lines)


class GeocnnError(Exception):
    """The data, the config, the model or the run is at fault: one clear message, never a traceback."""

    exit_status = 1

    def __init__(self, found: str, expected: str = "", do: str = "") -> None:
        self.faults: tuple[Fault, ...] = (Fault(found, expected, do),)
        super().__init__(str(self.faults[0]))


class UsageError(GeocnnError):
    """The command was called in a way that cannot work."""

    exit_status = 2


class SurveyError(GeocnnError):
    """A survey file cannot be read as asked."""


class ModelError(GeocnnError):
    """A model file is damaged or does not fit the survey."""


class OutputError(GeocnnError):
    """A result cannot be written."""


class RunError(GeocnnError):
    """A training run cannot start or go on."""


class Stopped(GeocnnError):
    """Stopped by a signal with everything saved."""

    exit_status = 75


class ConfigError(GeocnnError):
    """All faults of a config or a layer spec at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        Exception.__init__(self, "\n".join(str(fault) for fault in self.faults))
