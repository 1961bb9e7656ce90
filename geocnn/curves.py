"""The curves of a run for TensorBoard, where that is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geocnn.output import output_error

__all__ = ["Curves"]


class Curves:
    """Numbers against steps, in the files that TensorBoard reads; nothing where it is not installed.

    Parameters
    ----------
    folder
        Where the files are.
    step
        Step from which the run goes on: what is there of later ones is not shown any more.

    Raises
    ------
    OutputError
        If the folder cannot be written, here and by every method.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        self._writer: Any = None
        with suppress(ImportError), self._writing():
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, kind: str, step: int, values: Mapping[str, object]) -> None:
        """Losses, rates and scores among `values`, as ``train/loss`` for the `kind` ``train``; counts are no curves."""
        if self._writer is None:
            return
        with self._writing():
            for name, value in values.items():
                if isinstance(value, float):
                    self._writer.add_scalar(f"{kind}/{name}", value, step)
            self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            with self._writing():
                self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise output_error(self._folder, error) from error
