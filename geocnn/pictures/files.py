"""Pictures as files; the suffix names the format."""

from __future__ import annotations

import warnings
from pathlib import Path

from matplotlib.figure import Figure

from geocnn.errors import OutputError
from geocnn.output import require_free, whole_file

__all__ = ["require_picture", "save_figure"]

FORMATS = ("png", "pdf", "svg", "jpg")


def require_picture(path: Path, overwrite: bool = False) -> None:
    """Refuse early, before any work, a path that no picture can be written to.

    Raises
    ------
    OutputError
        If the suffix names no format of pictures, or the path cannot be written.
    """
    _format(path)
    require_free(path, overwrite)


def save_figure(figure: Figure, path: Path, overwrite: bool = False) -> None:
    """Write a figure; the suffix names the format, PNG without one.

    Raises
    ------
    OutputError
        If the suffix names no format, the file exists (unless `overwrite`) or cannot be written.
    """
    suffix = _format(path)
    with whole_file(path, overwrite) as temporary, warnings.catch_warnings():
        # A survey may be called 小文件.sgy: letters that no font here has are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(temporary, format=suffix, dpi=150)


def _format(path: Path) -> str:
    """The format that a path's suffix names."""
    suffix = path.suffix.lstrip(".").lower() or "png"
    if suffix not in FORMATS:
        raise OutputError(
            f"{path} has the suffix .{suffix}, which is no picture",
            expected=f"one of {', '.join('.' + name for name in FORMATS)}",
            do=f"write {path.with_suffix('.png')}",
        )
    return suffix
