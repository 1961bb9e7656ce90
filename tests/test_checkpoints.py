"""Checkpoints: two slots, of which one is whole whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geocnn.checkpoints import Checkpoints, State
from geocnn.errors import OutputError, RunError


def state(step: int) -> State:
    return {"step": step, "network": {"weight": torch.full((3,), float(step))}, "list": [1.5, None, "text"]}


def saved(folder: Path, *steps: int) -> Checkpoints:
    folder.mkdir(exist_ok=True)
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(state(step))
    checkpoints.wait()
    return checkpoints


def test_the_newest_of_two_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3)
    found, remarks = Checkpoints(tmp_path).load()
    assert found is not None
    assert (found["step"], found["list"], remarks) == (3, [1.5, None, "text"], [])
    assert torch.equal(found["network"]["weight"], torch.full((3,), 3.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slot-0.pt", "slot-1.pt"]


def test_what_is_saved_is_what_was_there_when_it_was_asked(tmp_path: Path) -> None:
    checkpoints, now = Checkpoints(tmp_path), state(1)
    checkpoints.save(now)
    now["network"]["weight"].fill_(7)
    now["list"][0] = 9
    checkpoints.wait()
    found, _ = Checkpoints(tmp_path).load()
    assert found is not None
    assert torch.equal(found["network"]["weight"], torch.ones(3))
    assert found["list"][0] == 1.5


@pytest.mark.parametrize("damage", ["cut", "flip", "foreign", "empty"])
def test_a_damaged_newest_falls_back_to_the_other_and_is_written_over(tmp_path: Path, damage: str) -> None:
    saved(tmp_path, 4, 5)
    newest = tmp_path / "slot-1.pt"
    content = newest.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    newest.write_bytes({"cut": content[:-9], "flip": flipped, "foreign": b"PK half a file", "empty": b""}[damage])
    checkpoints = Checkpoints(tmp_path)
    found, remarks = checkpoints.load()
    assert found is not None
    assert found["step"] == 4
    assert "slot-1.pt is damaged and is passed over" in remarks[0]
    assert remarks[1] == "going on from the other, of step 4"
    checkpoints.save(state(6))
    checkpoints.wait()
    again, none = Checkpoints(tmp_path).load()
    assert (again and again["step"], none) == (6, [])


def test_both_damaged_is_said_and_none_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).load() == (None, [])
    saved(tmp_path, 1, 2)
    for slot in tmp_path.iterdir():
        slot.write_bytes(b"?")
    with pytest.raises(RunError, match=r"slot-0.pt is damaged.*slot-1.pt is damaged"):
        Checkpoints(tmp_path).load()


def test_a_checkpoint_that_cannot_be_written_is_said_at_the_next_and_leaves_the_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = saved(tmp_path, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geocnn.output.publish", full)
    checkpoints.save(state(2))
    with pytest.raises(OutputError, match="the disk is full"):
        checkpoints.wait()
    found, remarks = Checkpoints(tmp_path).load()
    assert (found and found["step"], remarks) == (1, [])


def test_nothing_is_run_that_a_checkpoint_holds(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("run",))

    checkpoints = Checkpoints(tmp_path)
    checkpoints.save({"step": 1, "evil": Evil()})
    checkpoints.wait()
    with pytest.raises(RunError, match="UnpicklingError"):
        Checkpoints(tmp_path).load()
