"""What is written down when a prediction begins: what decides on it, its parts, and the survey's scan."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from geocnn.errors import RunError
from geocnn.output import whole_file
from geocnn.survey.scan import Scan, Statistics

__all__ = ["Entry", "load_scan", "read_entry", "save_scan"]

VERSION = 1


@dataclass(frozen=True)
class Entry:
    """What is written down of a prediction.

    Parameters
    ----------
    identity
        All that decides on the result, by names for people.
    launch
        Name of the launch that began it; empty for a process alone.
    shape
        Of the survey.
    ranges
        Planes first:stop of each part along its first axis, one after the other.
    """

    identity: dict[str, Any]
    launch: str
    shape: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]

    def save(self, path: Path) -> None:
        """Write it into a new file."""
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps({"version": VERSION, **vars(self)}, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """What a file says."""
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise TypeError("it holds no entry")
        if told.get("version") != VERSION:
            raise ValueError("another version of geocnn wrote it")
        shape = tuple(map(int, told["shape"]))
        ranges = tuple((int(first), int(stop)) for first, stop in told["ranges"])
        ends = [0, *(stop for _, stop in ranges)]
        if [first for first, _ in ranges] != ends[:-1] or ends[-1] != shape[0] or ends != sorted(ends):
            raise ValueError("its parts do not make the survey")
        return cls(dict(told["identity"]), str(told["launch"]), shape, ranges)


def read_entry(path: Path) -> Entry | None:
    """What is known of an unfinished prediction; None if it was stopped before anything was done.

    Raises
    ------
    RunError
        If there is one that cannot be read.
    """
    try:
        return Entry.load(path)
    except FileNotFoundError:
        return None
    except KeyError as error:
        why = f"it lacks {error}"
    except (OSError, ValueError, TypeError) as error:
        why = str(error)
    raise RunError(
        f"{path} cannot be read: {why}",
        expected="an unfinished prediction as this version of geocnn keeps it",
        do=f"go on with the version that began it, or remove {path.parent} and begin anew",
    )


def save_scan(path: Path, scanned: Scan) -> None:
    """Keep what prediction needs of a scan: extents of traces, statistics, nulls."""
    told = {
        "statistics": scanned.statistics.to_json(),
        "nulls": scanned.nulls,
        "null_count": scanned.null_count,
    }
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, first=scanned.first, stop=scanned.stop, told=np.frombuffer(json.dumps(told).encode(), np.uint8))


def load_scan(path: Path) -> Scan:
    """What `save_scan` kept.

    Raises
    ------
    RunError
        If it cannot be read.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            told = json.loads(file["told"].tobytes())
            first, stop = file["first"], file["stop"]
        nothing = np.empty((len(told["statistics"]["mean"]), 0), np.float32)
        statistics = Statistics.from_json(told["statistics"])
        return Scan(statistics, first, stop, tuple(told["nulls"]), told["null_count"], None, nothing)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise RunError(
            f"{path} cannot be read: {error}", expected="the file as it was written", do="begin anew with --overwrite"
        ) from error
