"""What all headers of a large file told, kept in a cache folder for its next opening."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geocnn.grid import Axis
from geocnn.output import temporary_beside
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.geometry import Geometry
from geocnn.survey.segy.segy_file import SegyFile
from geocnn.survey.segy.vertical import Vertical

__all__ = ["Headers", "cache_folder", "recall", "remember"]

VERSION = 2
"""Raised whenever the same headers are understood in another way, so that older entries are not trusted."""

SMALLEST = 50_000
"""Traces from which on remembering is faster than reading again."""

SAMPLED = 64
"""Trace headers that go into the digest of a file, evenly picked."""

MOST_KEPT = 64
"""Entries of the cache folder; the oldest go first."""


@dataclass(frozen=True)
class Headers:
    """What a pass over all trace headers tells: where traces lie, and the sample axis that they share."""

    geometry: Geometry
    vertical: Vertical
    suspicions: tuple[str, ...]


def cache_folder() -> Path | None:
    """Folder of what is remembered: ``$GEOCNN_CACHE``, else geocnn's in the user's cache; none if that is empty."""
    said = os.environ.get("GEOCNN_CACHE")
    if said is not None:
        return Path(said) if said else None
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geocnn"


def recall(file: SegyFile, options: SurveyOptions) -> Headers | None:
    """What was found in the headers when this very file was last opened with these options, if it is remembered.

    An entry counts only if size, time of change, file header and a sample of the trace headers are as they were.
    """
    entry = _entry(file, options)
    return None if entry is None else _load(entry, _digest(file, options))


def remember(file: SegyFile, options: SurveyOptions, found: Headers) -> None:
    """Keep what was found for the next opening, if the file is large.

    Entries appear whole, so that processes may share the folder; where it cannot be written, nothing is remembered.
    """
    entry = _entry(file, options)
    if entry is not None:
        _keep(entry, _digest(file, options), found)


def _entry(file: SegyFile, options: SurveyOptions) -> Path | None:
    """Path of the entry of a file; None if the file is small, or nothing is to be remembered."""
    folder = cache_folder()
    if folder is None or file.traces < SMALLEST:
        return None
    name = hashlib.sha256(f"{file.path.resolve()}|{astuple(options)}".encode()).hexdigest()[:32]
    return folder / f"{name}.npz"


def _digest(file: SegyFile, options: SurveyOptions) -> str:
    """Digest of all that tells whether a file is the same, and read in the same way."""
    state = file.path.stat()
    told = (VERSION, state.st_size, state.st_mtime_ns, file.start, file.traces, file.samples, astuple(options))
    digest = hashlib.sha256(repr(told).encode() + file.head)
    with file.path.open("rb") as content:
        for number in np.linspace(0, file.traces - 1, SAMPLED, dtype=np.int64).tolist():
            content.seek(file.offset(number))
            digest.update(content.read(file.header))
    return digest.hexdigest()


def _load(entry: Path, digest: str) -> Headers | None:
    """An entry, if there is one with this digest that can be read."""
    try:
        with entry.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            told = json.loads(arrays["told"].tobytes())
            if told["digest"] != digest:
                return None
            return _headers(told, arrays["index"].astype(np.int64), arrays["repeats"], arrays.get("shifts"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        # No entry, or one that is damaged or of another version: it is made anew.
        return None


def _headers(told: dict[str, Any], index: Any, repeats: Any, shifts: Any) -> Headers:
    geometry, vertical = told["geometry"], told["vertical"]
    places = geometry["coordinates"]
    return Headers(
        Geometry(
            axes=tuple(Axis(**axis) for axis in geometry["axes"]),
            index=index,
            repeats=repeats,
            places=geometry["places"],
            coordinates=None if places is None else (Place(*places[0]), Place(*places[1])),
            channels=tuple(geometry["channels"]),
            remarks=tuple(geometry["remarks"]),
        ),
        Vertical(Axis(**vertical["axis"]), shifts, vertical["words"], tuple(vertical["remarks"])),
        tuple(told["suspicions"]),
    )


def _keep(entry: Path, digest: str, found: Headers) -> None:
    """Write an entry whole, and forget the oldest; a folder that cannot be written remembers nothing."""
    geometry, vertical = found.geometry, found.vertical
    told = {
        "digest": digest,
        "geometry": {
            "axes": [asdict(axis) for axis in geometry.axes],
            "places": dict(geometry.places),
            "coordinates": geometry.coordinates,
            "channels": geometry.channels,
            "remarks": geometry.remarks,
        },
        "vertical": {"axis": asdict(vertical.axis), "words": vertical.words, "remarks": vertical.remarks},
        "suspicions": found.suspicions,
    }
    smallest = np.min_scalar_type(-max(1, int(geometry.index.max(initial=0)) + 1))
    arrays = {
        "told": np.frombuffer(json.dumps(told).encode(), np.uint8),
        "index": geometry.index.astype(smallest),
        "repeats": geometry.repeats,
        **({} if vertical.shifts is None else {"shifts": vertical.shifts}),
    }
    temporary = temporary_beside(entry)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        temporary.replace(entry)
        entries = sorted(entry.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime)
        for old in entries[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
