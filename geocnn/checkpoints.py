"""Checkpoints: everything that the steps to come depend on, in two slots of which one is always whole."""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from geocnn.errors import RunError
from geocnn.output import output_error, whole_file

__all__ = ["Checkpoints", "State"]

State = dict[str, Any]
"""Plain data and tensors; ``step`` is among them."""

MAGIC = b"geocnn checkpoint 1\n"


class Checkpoints:
    """The checkpoints of a run: ``slot-0.pt`` and ``slot-1.pt``, the older of which is written next.

    They are written by a thread of their own: training goes on meanwhile. A file is a line, the CRC-32 of what follows,
    and what `torch.save` makes.

    Parameters
    ----------
    folder
        Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._slots = tuple(folder / f"slot-{number}.pt" for number in (0, 1))
        self._newest = self._slots[1]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def save(self, state: State) -> None:
        """Begin to write a copy of the state, once the one before is written.

        Raises
        ------
        OutputError
            If the one before could not be written; the older slot is whole then.
        """
        self.wait()
        slot = next(slot for slot in self._slots if slot != self._newest)
        self._writing = self._thread.submit(_write, slot, _copied(state))
        self._newest = slot

    def wait(self) -> None:
        """Wait until what was saved is on the disk.

        Raises
        ------
        OutputError
            If it could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def load(self) -> tuple[State | None, list[str]]:
        """The newest state that can be read, None if there is none, and remarks about damaged ones.

        Raises
        ------
        RunError
            If there are checkpoints, and none can be read.
        """
        found: dict[Path, State] = {}
        remarks: list[str] = []
        for slot in self._slots:
            if not slot.exists():
                continue
            try:
                found[slot] = _read(slot)
            except (RuntimeError, OSError, EOFError, TypeError, ValueError, KeyError, pickle.UnpicklingError) as error:
                why = str(error) if isinstance(error, ValueError) else type(error).__name__
                remarks.append(f"checkpoint {slot} is damaged and is passed over ({why})")
        if not found:
            if remarks:
                raise RunError(
                    "; ".join(remarks),
                    expected="one checkpoint of two that is whole",
                    do="restore one from a backup, or train anew in another folder",
                )
            return None, []
        self._newest = max(found, key=lambda slot: found[slot]["step"])
        if remarks:
            remarks.append(f"going on from the other, of step {found[self._newest]['step']}")
        return found[self._newest], remarks


def _write(slot: Path, state: State) -> None:
    content = io.BytesIO()
    torch.save(state, content)
    view = content.getbuffer()
    with whole_file(slot, overwrite=True) as temporary:
        try:
            with temporary.open("wb") as file:
                file.write(MAGIC + b"%08x\n" % zlib.crc32(view))
                file.write(view)
        except OSError as error:
            raise output_error(slot, error) from error


def _read(slot: Path) -> State:
    with slot.open("rb") as file:
        start = file.read(len(MAGIC))
        if start != MAGIC:
            raise ValueError("no checkpoint of this version of geocnn" if start else "it is empty")
        told, content = file.read(9), file.read()
    if told != b"%08x\n" % zlib.crc32(content):
        raise ValueError("its checksum does not match")
    # Nothing but tensors and plain data is loaded: a checkpoint of a stranger runs no code.
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    int(state["step"])
    return state


def _copied(value: Any) -> Any:
    """The same data, with copies of all tensors in main memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value
