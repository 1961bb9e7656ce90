"""The curves of a run for TensorBoard, where that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Curves"]


class Curves:
    """Numbers against steps, in the files that TensorBoard reads; nothing where it is not installed.

    Parameters
    ----------
    folder
        Where the files are.
    step
        Step from which the run goes on: what is there of later ones is not shown any more.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer: Any = None
        with suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, kind: str, step: int, values: Mapping[str, object]) -> None:
        """The numbers among `values`, as ``train/loss`` for a `kind` of ``train``."""
        if self._writer is None:
            return
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._writer.add_scalar(f"{kind}/{name}", value, step)
        self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
