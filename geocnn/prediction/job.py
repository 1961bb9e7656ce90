"""A prediction that is under way: the folder beside its output, which outlives the processes that work on it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from geocnn.errors import OutputError, RunError, UsageError
from geocnn.output import output_error, require_free
from geocnn.prediction.entry import Entry, load_scan, read_entry, save_scan
from geocnn.prediction.journal import Journal
from geocnn.prediction.lock import Lock
from geocnn.processes import Process
from geocnn.progress import Progress, Work
from geocnn.survey.scan import Scan

__all__ = ["Going", "Job", "folder_of", "is_finished", "open_job", "peeked"]

JOB, LOCK, SCAN = "job.json", "lock", "scan.npz"
PATIENCE = 0.2
"""Seconds between two looks at a lock that another process has."""


@dataclass(frozen=True)
class Going:
    """How a run deals with what is there, and which part of the work is its own.

    Parameters
    ----------
    resume
        Go on with an unfinished prediction.
    overwrite
        Begin anew, and replace an output that exists.
    part
        (k, n): do the k-th of n ranges, counted from 1; others do theirs whenever they come.
    process
        This process among those launched with it, which do a range each.
    """

    resume: bool = False
    overwrite: bool = False
    part: tuple[int, int] | None = None
    process: Process = field(default_factory=Process)

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise UsageError(
                "--resume and --overwrite together", expected="one of them", do="--resume keeps what is done"
            )
        if self.part is not None and self.overwrite:
            raise UsageError(
                "--part and --overwrite together, so that each part would remove the others",
                expected="one of them",
                do="remove what is to be replaced before the parts are started",
            )
        if self.part is not None and self.process.count > 1:
            raise UsageError(
                f"--part in a launch of {self.process.count} processes, which have parts of their own",
                expected="one of both",
                do="leave --part out, or start each part as a job of its own",
            )

    @property
    def place(self) -> tuple[int, int]:
        """Number of this process's range, from 0 on, and how many there are."""
        return (self.part[0] - 1, self.part[1]) if self.part else (self.process.rank, self.process.count)


@dataclass(frozen=True)
class Job:
    """An unfinished prediction on the disk.

    Parameters
    ----------
    outputs
        Final names of its files.
    ranges
        Planes first:stop of each range along the first axis of the survey.
    """

    outputs: tuple[Path, ...]
    ranges: tuple[tuple[int, int], ...]

    @property
    def folder(self) -> Path:
        """Beside the output."""
        return folder_of(self.outputs[0])

    def journal(self, number: int) -> Path:
        """The journal of a range."""
        return self.folder / f"range-{number:05}.jsonl"

    def scan(self) -> Scan:
        """What is known of the survey's samples."""
        return load_scan(self.folder / SCAN)

    def publish(self, commit: Callable[[], None]) -> Work[bool]:
        """Give the output its final name and remove the folder, if all ranges are finished and nobody has done so.

        Parameters
        ----------
        commit
            Gives all files their final names.

        Returns
        -------
        bool
            Whether the output has its final name now.

        Raises
        ------
        OutputError
            If somebody has removed the folder.
        """
        if not (self.folder / JOB).exists():
            return self._is_published()
        with Lock(self.folder / LOCK) as lock:
            yield from _taken(lock)
            if not lock.is_current:
                return self._is_published()
            if not self.is_complete:
                return False
            with ExitStack() as stack:
                # Nobody looks at a range again, and mends it, while files get their final names.
                journals = [stack.enter_context(closing(Journal(self.journal(n)))) for n in range(len(self.ranges))]
                if not all(journal.take() and journal.complete for journal in journals):
                    return False
                commit()
            removed = _set_aside(self.folder)
        shutil.rmtree(removed, ignore_errors=True)
        return True

    def _is_published(self) -> bool:
        """Whether another process has given the output its final name, now that the folder is gone."""
        if is_finished(self.outputs):
            return True
        raise OutputError(
            f"{self.folder} was removed while it was worked on: what was computed is lost",
            expected=f"the folder to be left alone until {self.outputs[0].name} is there",
            do="begin again",
        )

    def abandon(self) -> Work[None]:
        """Remove the folder if nothing is done yet and nobody is at work, so that what was refused leaves nothing."""
        with Lock(self.folder / LOCK) as lock:
            yield from _taken(lock)
            for number in range(len(self.ranges)):
                with closing(Journal(self.journal(number))) as journal:
                    if not journal.take() or journal.done:
                        return
            removed = _set_aside(self.folder)
        shutil.rmtree(removed, ignore_errors=True)

    @property
    def is_complete(self) -> bool:
        """Whether all ranges are finished. No process may ask that holds the journal of one."""
        return all(_complete(self.journal(number)) for number in range(len(self.ranges)))


def folder_of(output: Path) -> Path:
    """Where an unfinished prediction is kept: beside its output, on the same file system."""
    return output.with_name(f"{output.name}.unfinished")


def is_finished(outputs: Sequence[Path]) -> bool:
    """Whether a prediction is there, and no unfinished one beside it."""
    return all(path.is_file() for path in outputs) and not (folder_of(outputs[0]) / JOB).exists()


Begun = Callable[[Path], Work[Scan]]
"""What fills the folder of a new prediction: it scans the survey and makes the output's files."""


def open_job(
    outputs: Sequence[Path], identity: Mapping[str, Any], shape: Sequence[int], going: Going, begin: Begun
) -> Work[Job | None]:
    """Begin a prediction, join others that are at it, or go on with one that was stopped.

    Parameters
    ----------
    outputs
        Final names of its files, all in one folder.
    identity
        All that decides on the result: model, survey, settings, as plain data by their names for people.
    shape
        Of the survey; positions along its first axis are dealt out in ranges.
    going
        What to do with what is there.
    begin
        Fills the folder of a new one.

    Returns
    -------
    Job or None
        None if all is done already, and to go on was all that was asked.

    Raises
    ------
    OutputError
        If an output exists, or an unfinished one, and neither --resume nor --overwrite says what to do with it.
    RunError
        If the unfinished one is of another model, survey or setting; each that differs is named.
    """
    folder = folder_of(outputs[0])
    if going.place[0] >= shape[0] or (going.resume and is_finished(outputs)):
        return None
    if not (folder / JOB).exists():
        for path in outputs:
            if going.part is not None and path.is_file():
                raise OutputError(
                    f"{path} exists",
                    expected="a name that is free",
                    do="choose another or remove it; --resume takes it for what this part belongs to",
                )
            require_free(path, going.overwrite)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise OutputError(
            f"{folder} is no folder", expected="a name that is free for what is unfinished", do="rename it"
        ) from error
    except OSError as error:
        raise output_error(outputs[0], error) from error
    try:
        lock = Lock(folder / LOCK)
    except OutputError:
        if folder.exists():
            raise
        # Whoever had the lock has finished, and removed the folder.
        return (yield from open_job(outputs, identity, shape, going, begin))
    with lock:
        yield from _taken(lock)
        if not lock.is_current:
            return (yield from open_job(outputs, identity, shape, going, begin))
        job = _found(tuple(outputs), identity, shape, going)
        if job is None:
            job = yield from _begun(tuple(outputs), identity, shape, going, begin)
        return job


def _found(outputs: tuple[Path, ...], identity: Mapping[str, Any], shape: Sequence[int], going: Going) -> Job | None:
    """The unfinished prediction that is there, if a run may go on with it; None if it is to begin one."""
    folder = folder_of(outputs[0])
    found = read_entry(folder / JOB)
    if found is None:
        return None
    job = Job(outputs, found.ranges)
    if not _joins(found, going):
        if not going.overwrite:
            raise OutputError(
                f"{outputs[0]} is unfinished: {_share(job, found.shape)}",
                expected="--resume to go on, or --overwrite to begin anew",
                do=f"pass one of them, or remove {folder}",
            )
        _require_nobody(job)
        return None
    _require_same(found.identity, identity, outputs[0])
    _require_as_many(job, shape[0], going)
    return job


def _begun(
    outputs: tuple[Path, ...], identity: Mapping[str, Any], shape: Sequence[int], going: Going, begin: Begun
) -> Work[Job]:
    """A new prediction in the folder, which is cleared before."""
    folder = folder_of(outputs[0])
    for leftover in folder.iterdir():
        if leftover.is_dir():
            raise OutputError(
                f"{leftover} is a folder", expected=f"nothing but geocnn's own in {folder}", do="move it elsewhere"
            )
        if leftover.name != LOCK:
            leftover.unlink()
    planes, count = shape[0], min(going.place[1], shape[0])
    ranges = tuple((planes * k // count, planes * (k + 1) // count) for k in range(count))
    try:
        scanned = yield from begin(folder)
        save_scan(folder / SCAN, scanned)
        # It is the last to be there: with it all else is.
        Entry(dict(identity), going.process.launch, tuple(shape), ranges).save(folder / JOB)
    except BaseException:
        # Nothing is done yet that would be worth to go on with.
        shutil.rmtree(_set_aside(folder), ignore_errors=True)
        raise
    return Job(outputs, ranges)


def _joins(found: Entry, going: Going) -> bool:
    """Whether a run may take part in a prediction that others began."""
    together = bool(going.process.launch) and going.process.launch == found.launch
    return going.resume or together or going.part is not None


def _taken(lock: Lock) -> Work[None]:
    """Wait until the lock is this process's."""
    while not lock.take():
        yield Progress(0, 1, "", stage="waiting for another process, which begins or ends this prediction")
        time.sleep(PATIENCE)


def _require_same(before: Mapping[str, Any], now: Mapping[str, Any], output: Path) -> None:
    """Refuse to go on with another model, survey or setting."""
    plain = json.loads(json.dumps(dict(now)))
    differing = [key for key in {**before, **plain} if before.get(key) != plain.get(key)]
    if differing:
        told = "; ".join(f"{key}: {before.get(key)} then, {plain.get(key)} now" for key in differing)
        raise RunError(
            f"{output} was begun otherwise ({told})",
            expected="the same model, survey and settings",
            do="go on as it was begun, or begin anew with --overwrite",
        )


def _require_as_many(job: Job, planes: int, going: Going) -> None:
    """Refuse one of another number of parts than a prediction was begun in."""
    if going.part is not None and len(job.ranges) != min(going.part[1], planes):
        raise RunError(
            f"{job.outputs[0]} was begun in {len(job.ranges)} parts, and --part says {going.part[1]}",
            expected=f"parts 1/{len(job.ranges)} to {len(job.ranges)}/{len(job.ranges)}",
            do="pass one of these, or --resume alone, which does all that are left",
        )


def _require_nobody(job: Job) -> None:
    """Refuse to remove what another process is working on."""
    for number in range(len(job.ranges)):
        with Lock(job.journal(number)) as lock:
            if not lock.take():
                raise OutputError(
                    f"another process is at work on {job.outputs[0]}",
                    expected="one run at a time, or processes that are launched together",
                    do="wait for it, stop it, or choose another output",
                )


def _share(job: Job, shape: Sequence[int]) -> str:
    """``43 % of it is done``."""
    done = 0
    for number in range(len(job.ranges)):
        with peeked(job.journal(number)) as journal:
            done += journal.samples
    return f"{100 * done / prod(shape):.0f} % of it is done"


@contextmanager
def peeked(path: Path) -> Iterator[Journal]:
    """A journal as it is, whoever works on it."""
    with closing(Journal(path)) as journal:
        journal.read()
        yield journal


def _complete(path: Path) -> bool:
    with peeked(path) as journal:
        return journal.complete


def _set_aside(folder: Path) -> Path:
    """The folder under another name, to be removed once its lock is given back.

    Network file systems keep files that are open, and a folder with them.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
    folder.rename(aside)
    return aside
