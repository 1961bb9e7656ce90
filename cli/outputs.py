"""Outputs that are refused before any work: inputs, and names of no known format."""

from __future__ import annotations

from pathlib import Path

from geocnn.errors import UsageError
from geocnn.survey.content import split_name

__all__ = ["require_apart", "require_volume"]


def require_apart(outputs: dict[str, Path | None], inputs: list[str]) -> None:
    """Refuse outputs that are inputs, or one another, whether or not they may be overwritten."""
    taken = [split_name(name)[0] for name in inputs]
    for option, path in outputs.items():
        if path is None:
            continue
        if any(_is_same(path, each) for each in taken):
            raise UsageError(
                f"{option} {path} is an input or another output, which would be lost",
                expected="an output beside them",
                do="choose another name",
            )
        taken.append(path)


def _is_same(first: Path, second: Path) -> bool:
    """Whether two names are of one file, by links and folders."""
    return first.resolve() == second.resolve() or (first.exists() and second.exists() and first.samefile(second))


def require_volume(out: str) -> None:
    """Refuse, before any work, an output of no known format."""
    from geocnn.survey.creating import SUFFIXES

    suffix = split_name(out)[0].suffix
    if suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"--out {out} has the suffix {suffix or 'of no format'}",
            expected=f"one of {', '.join(SUFFIXES)}",
            do="choose a name with one of them",
        )
