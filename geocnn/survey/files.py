"""The files of surveys: what tells that one has changed."""

from __future__ import annotations

from datetime import UTC, datetime

from geocnn.survey.content import split_name

__all__ = ["state_of_file"]


def state_of_file(name: str) -> str:
    """``/data/f3.sgy, 1,234,567 bytes, changed 2024-05-01 12:00:00.123456``; the name alone if it is not there."""
    path, inside = split_name(name)
    try:
        state = path.stat()
    except OSError:
        return name
    changed = datetime.fromtimestamp(state.st_mtime_ns / 1e9, UTC).isoformat(sep=" ").removesuffix("+00:00")
    data_set = f":{inside}" if inside else ""
    return f"{path.absolute()}{data_set}, {state.st_size:,} bytes, changed {changed}"
