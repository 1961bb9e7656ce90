"""A prediction that was stopped goes on, and its file is that of one that never was, byte for byte."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from command import Geocnn
from predictions import INSTANCE, POINTWISE, POOLED, SHAPE, make_model, make_survey, predict

from geocnn.device import Device
from geocnn.errors import OutputError, RunError, Stopped, UsageError
from geocnn.model import load_model
from geocnn.prediction import job, ranges, tiles, volume, writing
from geocnn.prediction.job import Going, Job, folder_of
from geocnn.prediction.journal import Journal
from geocnn.prediction.lock import Lock
from geocnn.prediction.passes import Part
from geocnn.prediction.streamed import StreamedPass
from geocnn.prediction.volume import Output, predict_volume
from geocnn.prediction.windows import Blending
from geocnn.processes import Process
from geocnn.progress import Work, finish
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions


class Case:
    """A model, a survey, and predictions of one by the other."""

    def __init__(self, folder: Path, layers: str = POOLED, shape: tuple[int, ...] = SHAPE, classes: int = 2) -> None:
        self.folder = folder
        self.model = make_model(folder / "model.safetensors", layers, classes, ndim=len(shape))
        self.survey = make_survey(folder / "survey.sgy", shape)
        self.out = folder / "out.sgy"

    def run(self, out: Path | None = None, **options: object) -> np.ndarray:
        """Predict, and read what was written."""
        path = out or self.out
        going = Going(**{key: options.pop(key) for key in ("resume", "overwrite", "part", "process") if key in options})
        device = options.pop("device", Device("cpu", "float32"))
        predict([self.model], self.survey, Output(str(path), going=going, **options), device)
        return read(path) if path.exists() else np.empty(0)

    @property
    def journal(self) -> list[dict]:
        """The lines of the journal."""
        return [json.loads(line[9:]) for line in (folder_of(self.out) / "range-00000.jsonl").read_text().splitlines()]


def read(path: Path) -> np.ndarray:
    survey = open_survey([str(path)], SurveyOptions())
    return survey.read(survey.grid.whole)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    in_small_steps(monkeypatch)
    return Case(tmp_path)


def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few planes at a time, and each of them in the journal."""
    monkeypatch.setattr(tiles, "SAMPLES", 1)
    monkeypatch.setattr(writing, "EVERY", 0.0)


def stopped_after(monkeypatch: pytest.MonkeyPatch, parts: int, how: Callable[[], object]) -> None:
    """Let something happen once a stream has given so many parts."""
    whole, counter = StreamedPass.parts, count(1)

    def some(self: StreamedPass, *arguments: object) -> Iterator[Part]:
        for part in whole(self, *arguments):
            yield part
            if next(counter) == parts:
                how()

    monkeypatch.setattr(StreamedPass, "parts", some)


def interrupted(case: Case, monkeypatch: pytest.MonkeyPatch, parts: int = 5, **options: object) -> None:
    """A prediction that SIGTERM stops."""
    with monkeypatch.context() as patched:
        stopped_after(patched, parts, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Stopped, match=r"stopped by SIGTERM at \d+ % of .*everything is saved") as caught:
            case.run(**options)
        assert caught.value.exit_status == 75
    assert not case.out.exists()


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    make_model(tmp_path / "model.safetensors")
    make_survey(tmp_path / "survey.sgy")
    command = [sys.executable, str(Path(__file__).with_name("predictions.py")), str(tmp_path), "7", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["killed"], seen["equal"], seen["early"]) == (7, True, 0)


@pytest.mark.parametrize("suffix", [".sgy", ".h5", ".npy"])
def test_stopped_by_a_signal_it_goes_on_where_it_was(case: Case, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    expected = case.run(case.folder / f"whole{suffix}")
    case.out = case.folder / f"out{suffix}"
    interrupted(case, monkeypatch)
    done = [line for line in case.journal if "tile" in line]
    assert len(done) >= 5
    np.testing.assert_array_equal(case.run(resume=True), expected)
    assert case.out.read_bytes() == (case.folder / f"whole{suffix}").read_bytes()
    assert not folder_of(case.out).exists()


def test_several_files_and_several_passes_go_on_too(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    # Slabs of few planes.
    memory = 6 * 10**5
    expected = case.run(case.folder / "whole.sgy", mirrored=True, memory=memory), read(case.folder / "whole-spread.sgy")
    with monkeypatch.context() as patched:
        stopped_after(patched, 60, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Stopped):
            case.run(mirrored=True, memory=memory)
    assert len([line for line in case.journal if "tile" in line]) >= 1
    found = case.run(mirrored=True, resume=True)
    np.testing.assert_array_equal((found, read(case.folder / "out-spread.sgy")), expected)


def test_windows_go_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_steps(monkeypatch)
    case = Case(tmp_path, INSTANCE, (40, 9, 11))
    expected = case.run(tmp_path / "whole.sgy")
    write, counter = writing.PartWriter._write, count(1)

    def some(self: writing.PartWriter, *arguments: object) -> None:
        write(self, *arguments)
        if next(counter) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(writing.PartWriter, "_write", some)
        with pytest.raises(KeyboardInterrupt):
            case.run()
    assert len([line for line in case.journal if "tile" in line]) >= 2
    np.testing.assert_array_equal(case.run(resume=True), expected)


@pytest.mark.parametrize("layers", [POOLED, POINTWISE], ids=["pooled", "pointwise"])
@pytest.mark.parametrize("times", [1, 3])
def test_out_of_memory_it_goes_on_with_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: str, times: int
) -> None:
    in_small_steps(monkeypatch)
    case = Case(tmp_path, layers)
    expected, counter = case.run(tmp_path / "whole.sgy"), count(1)
    whole = StreamedPass.parts

    def short_of_memory(self: StreamedPass, *arguments: object) -> Iterator[Part]:
        for part in whole(self, *arguments):
            if next(counter) in range(4, 4 * times + 1, 4):
                raise torch.OutOfMemoryError("no memory")
            yield part

    layouts = []
    lay = Journal.lay
    monkeypatch.setattr(Journal, "lay", lambda self, layout: layouts.append(layout) or lay(self, layout))
    monkeypatch.setattr(StreamedPass, "parts", short_of_memory)
    found = case.run(memory=10**8)
    assert [layout.memory for layout in layouts] == [10**8 // 2**k for k in range(times + 1)]
    assert np.abs(found - expected).max() <= 1e-5
    # Of the three parts before, which lag behind what was read by what the network sees ahead.
    assert layouts[1].tiles[0].core.start[0] == (24 if layers == POINTWISE else 19)


def test_an_error_that_is_not_of_memory_is_not_hidden(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a fault of ours")

    stopped_after(monkeypatch, 2, broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        case.run()


def test_what_was_damaged_meanwhile_is_computed_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = case.run(case.folder / "whole.sgy")
    interrupted(case, monkeypatch, parts=8)
    content = bytearray((folder_of(case.out) / "out.sgy").read_bytes())
    # A sample of the fourth part: after 24 inlines of 13 traces, in the next trace's samples.
    at = 3600 + (24 * 13 + 1) * (240 + 22 * 4) + 240 + 8
    content[at] ^= 1
    (folder_of(case.out) / "out.sgy").write_bytes(content)
    checked: list[int] = []
    keep = Journal.keep
    monkeypatch.setattr(Journal, "keep", lambda self, number: checked.append(number) or keep(self, number))
    np.testing.assert_array_equal(case.run(resume=True), expected)
    assert checked == [3]


def test_damage_in_a_finished_part_is_computed_again_when_going_on(case: Case) -> None:
    expected = case.run(case.folder / "whole.sgy")
    case.run(part=(1, 2))
    path = folder_of(case.out) / "out.sgy"
    content = bytearray(path.read_bytes())
    content[3600 + (30 * 13 + 1) * (240 + 22 * 4) + 240 + 8] ^= 1
    path.write_bytes(content)
    assert np.abs(case.run(resume=True) - expected).max() <= 1e-5


def test_what_differs_is_named(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(case, monkeypatch)
    with pytest.raises(RunError, match=r"begun otherwise \(--precision: float32 then, bf16 now\)\n.*\n.*--overwrite"):
        case.run(resume=True, device=Device("cpu", "bf16"))
    changed = r"\(--content: probability then, class now; --format: ieee then, int8 now; --tta: False then, True now\)"
    with pytest.raises(RunError, match=changed):
        case.run(resume=True, content="class", sample_format="int8", mirrored=True)
    make_model(case.model, seed=5)
    with pytest.raises(RunError, match=r"begun otherwise \(model: "):
        case.run(resume=True)
    make_survey(case.folder / "other.sgy", seed=9)
    (case.folder / "other.sgy").replace(case.survey)
    with pytest.raises(RunError, match=r"otherwise \(model: .*; survey: .*survey\.sgy, [\d,]+ bytes, changed 20"):
        case.run(resume=True)


def test_windows_are_part_of_what_must_be_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(tmp_path, INSTANCE, (30, 9, 11))
    with monkeypatch.context() as patched:
        patched.setattr(ranges.RangeWork, "run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            case.run()
    with pytest.raises(
        RunError, match=r"otherwise \(windows: overlap 0\.5, gaussian then, overlap 0\.25, gaussian now"
    ):
        case.run(resume=True, blending=Blending(overlap=0.25))


def test_an_unfinished_one_is_not_begun_anew_unasked(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = case.run(case.folder / "whole.sgy")
    interrupted(case, monkeypatch)
    with pytest.raises(OutputError, match=r"out.sgy is unfinished: 29 % of it is done\n.*--resume to go on"):
        case.run()
    assert case.journal
    np.testing.assert_array_equal(case.run(overwrite=True), expected)
    assert not folder_of(case.out).exists()


def test_to_go_on_without_a_beginning_begins(case: Case) -> None:
    assert case.run(resume=True).shape == (1, *SHAPE)
    changed = case.out.stat().st_mtime_ns
    case.run(resume=True)
    assert case.out.stat().st_mtime_ns == changed
    with pytest.raises(OutputError, match="exists"):
        case.run()


def test_resume_and_overwrite_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--resume and --overwrite together"):
        Going(resume=True, overwrite=True)
    with pytest.raises(UsageError, match="--part in a launch of 2 processes"):
        Going(part=(1, 2), process=Process(0, 2, launch="x"))


def test_killed_between_two_names_the_rest_is_named(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file has its final name already, the second has not, and the folder is there."""
    expected = case.run(case.folder / "whole.sgy", mirrored=True), read(case.folder / "whole-spread.sgy")
    with monkeypatch.context() as patched:
        patched.setattr("geocnn.prediction.job._set_aside", lambda folder: folder.with_name("nothing"))
        case.run(mirrored=True)
    (case.folder / "out-spread.sgy").rename(folder_of(case.out) / "out-spread.sgy")
    found = case.run(mirrored=True, resume=True)
    np.testing.assert_array_equal((found, read(case.folder / "out-spread.sgy")), expected)
    assert not folder_of(case.out).exists()


def test_it_goes_on_with_the_threads_that_it_was_begun_with(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    expected = case.run(case.folder / "whole.sgy")
    interrupted(case, monkeypatch)
    try:
        torch.set_num_threads(threads + 1)
        found = case.run(resume=True)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found, expected)


def test_parts_in_jobs_of_their_own(case: Case) -> None:
    expected = case.run(case.folder / "whole.sgy")
    for number in (3, 1):
        case.run(part=(number, 3))
        assert not case.out.exists()
    found = case.run(part=(2, 3))
    assert np.abs(found - expected).max() <= 1e-5
    assert not folder_of(case.out).exists()


def test_a_part_that_goes_on_leaves_the_others_to_their_jobs(case: Case) -> None:
    for number in (1, 2):
        case.run(part=(number, 3), resume=True)
        assert not case.out.exists()
    case.run(part=(3, 3), resume=True)
    assert case.out.exists()


def test_a_part_that_failed_is_run_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = case.run(case.folder / "whole.sgy")
    case.run(part=(1, 2))
    interrupted(case, monkeypatch, part=(2, 2))
    case.run(part=(1, 2))
    assert not case.out.exists()
    assert np.abs(case.run(part=(2, 2)) - expected).max() <= 1e-5


def test_parts_of_other_settings_do_not_join(case: Case) -> None:
    case.run(part=(1, 2))
    with pytest.raises(RunError, match=r"begun otherwise \(--format: "):
        case.run(part=(2, 2), sample_format="int8")


def test_messages_of_the_command(tmp_path: Path, geocnn: Geocnn, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_steps(monkeypatch)
    case = Case(tmp_path)
    command = ("predict", case.model, case.survey, "--out", case.out)
    with monkeypatch.context() as patched:
        stopped_after(patched, 5, lambda: signal.raise_signal(signal.SIGTERM))
        stopped = geocnn(*command)
    assert stopped.status == 75
    assert "go on with the same command and --resume" in stopped.err
    refused = geocnn(*command)
    assert refused.status == 1
    assert "29 % of it is done" in refused.err
    resumed = geocnn(*command, "--resume", "--json")
    assert resumed.status == 0, resumed.err
    assert "going on with the survey at 29 %" in resumed.err
    told = json.loads(resumed.out)
    assert (told["samples"], told["computed"]) == (150 * 13 * 22, (150 - 43) * 13 * 22)
    assert (told["dead"], told["whole"]) == (22 + 11, True)
    assert {"total", "read", "compute", "write", "wait"} <= set(told["seconds"])
    assert "already there" in geocnn(*command, "--resume").out
    for part in ("0/2", "3/2", "two"):
        wrong = geocnn(*command, "--part", part)
        assert (wrong.status, f"--part {part}" in wrong.err) == (2, True)
    late = geocnn(*command, "--part", "1/2")
    assert (late.status, "--resume takes it for" in late.err, "--overwrite" in late.err) == (1, True, False)
    assert "already there" in geocnn(*command, "--part", "1/2", "--resume").out


def test_what_others_left_is_done_when_going_on(case: Case) -> None:
    expected = case.run(case.folder / "whole.sgy")
    case.run(process=Process(1, 3, 0, 1, "a launch"))
    assert not case.out.exists()
    assert np.abs(case.run(resume=True) - expected).max() <= 1e-5


def test_parts_of_another_number_do_not_join(case: Case) -> None:
    case.run(part=(1, 3))
    with pytest.raises(RunError, match=r"begun in 3 parts, and --part says 2\n.*parts 1/3 to 3/3"):
        case.run(part=(2, 2))


def test_two_runs_at_once_do_not_disturb_each_other(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[str] = []

    def others() -> None:
        for option in ("--resume", "--overwrite"):
            command = [
                sys.executable,
                "-c",
                "from geocnn_cli.main import run; run()",
                "predict",
                case.model,
                case.survey,
            ]
            done = subprocess.run([*command, "--out", case.out, option], capture_output=True, text=True, check=False)
            ends.append(f"{done.returncode} {done.stderr}")

    expected = case.run(case.folder / "whole.sgy")
    stopped_after(monkeypatch, 4, others)
    np.testing.assert_array_equal(case.run(), expected)
    assert [end[0] for end in ends] == ["1", "1"]
    assert all("another process is at work" in end for end in ends)


def test_a_folder_that_is_removed_meanwhile_is_missed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_after(monkeypatch, 4, lambda: shutil.rmtree(folder_of(case.out)))
    with pytest.raises(OutputError, match="was removed while it was worked on"):
        case.run()
    assert not case.out.exists()


def test_a_full_disk_is_told_and_nothing_is_lost(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = case.run(case.folder / "whole.sgy")
    real, counter = os.pwrite, count(1)

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if bytes(data[8:16]) == b' {"tile"' and next(counter) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(OutputError, match=r"cannot be written: the disk is full\n(.|\n)*free some space"):
            case.run()
    assert len([line for line in case.journal if "tile" in line]) == 3
    np.testing.assert_array_equal(case.run(resume=True), expected)


@pytest.mark.parametrize(("before", "now"), [(10**8, 6 * 10**5), (6 * 10**5, 10**8)])
def test_other_memory_when_going_on_is_heeded(
    case: Case, monkeypatch: pytest.MonkeyPatch, before: int, now: int
) -> None:
    expected = case.run(case.folder / "whole.sgy")
    interrupted(case, monkeypatch, memory=before)
    layouts = []
    lay = Journal.lay
    monkeypatch.setattr(Journal, "lay", lambda self, layout: layouts.append(layout) or lay(self, layout))
    found = case.run(resume=True, memory=now)
    assert [layout.memory for layout in layouts] == [now]
    assert any(layouts[0].tiles[0].core.start)
    assert np.abs(found - expected).max() <= 1e-5


def test_launched_again_with_resume_nobody_is_in_the_way(case: Case) -> None:
    """One of three is killed; all are started again at once, whoever comes first to a range does it."""
    expected = case.run(case.folder / "whole.sgy")
    for rank in (0, 2):
        case.run(process=Process(rank, 3, 0, 1, "first"))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import predictions as p; p.in_small_steps();"
        "going = p.Going(resume=True, process=p.Process(int(sys.argv[2]), 3, 0, 1, 'second'));"
        "folder = p.Path(sys.argv[3]);"
        "output = p.Output(str(folder / 'out.sgy'), going=going);"
        "p.predict([folder / 'model.safetensors'], folder / 'survey.sgy', output)"
    )
    here = str(Path(__file__).parent)
    started = [
        subprocess.Popen([sys.executable, "-c", script, here, str(rank), str(case.folder)], stderr=subprocess.PIPE)
        for rank in range(3)
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    assert np.abs(read(case.out) - expected).max() <= 1e-5
    assert not folder_of(case.out).exists()


@pytest.mark.parametrize("moment", ["opening", "opened", "computing"])
def test_others_finish_all_while_one_is_on_its_way(case: Case, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Between two looks of a process the folder may be gone, and the output there."""
    alone = case.run(case.folder / "alone.sgy")
    opening, computing = volume.open_job, volume._Task.compute

    def opened(*arguments: object) -> Work[Job | None]:
        found = yield from opening(*arguments)
        with monkeypatch.context() as others:
            others.setattr(volume, "open_job", opening)
            case.run(resume=True)
        return found

    def compute(task: object, *arguments: object) -> Work[None]:
        with monkeypatch.context() as others:
            others.setattr(volume._Task, "compute", computing)
            case.run(resume=True)
        yield from computing(task, *arguments)

    def locked(path: Path) -> Lock:
        if path.name == "lock" and moment == "opening":
            with monkeypatch.context() as others:
                others.setattr(job, "Lock", Lock)
                case.run(resume=True)
        return Lock(path)

    if moment == "opening":
        interrupted(case, monkeypatch)
        monkeypatch.setattr(job, "Lock", locked)
    elif moment == "opened":
        monkeypatch.setattr(volume, "open_job", opened)
    else:
        monkeypatch.setattr(volume._Task, "compute", compute)
    told = predict([case.model], case.survey, Output(str(case.out), going=Going(resume=True)))
    assert told.whole
    assert np.array_equal(read(case.out), alone)
    assert not folder_of(case.out).exists()


def test_an_empty_folder_is_no_leave_to_replace(case: Case) -> None:
    case.run()
    folder_of(case.out).mkdir()
    with pytest.raises(OutputError, match="exists"):
        case.run()
    changed = case.out.stat().st_mtime_ns
    case.run(resume=True)
    assert case.out.stat().st_mtime_ns == changed


BARE = '{"version": 1, "identity": {}, "launch": "", "shape": [150, 13, 22], "ranges": %s}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"version": 2}',
        '{"version": 1}',
        BARE % '"abc"',
        BARE % "[]",
        BARE % "[[0, 149]]",
        BARE % "[[0, 70], [75, 150]]",
        BARE % "[[0, 200], [200, 150]]",
    ],
)
def test_what_cannot_be_read_is_not_removed(case: Case, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    interrupted(case, monkeypatch)
    (folder_of(case.out) / "job.json").write_text(content)
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(RunError, match=r"job.json cannot be read: (.|\n)*remove .*out.sgy.unfinished"):
            case.run(**options)
    assert case.journal


def test_what_is_not_its_own_is_left_alone(case: Case) -> None:
    own = folder_of(case.out) / "precious"
    own.mkdir(parents=True)
    with pytest.raises(OutputError, match="precious is a folder"):
        case.run()
    assert own.is_dir()
    shutil.rmtree(folder_of(case.out))
    folder_of(case.out).touch()
    with pytest.raises(OutputError, match=r"unfinished is no folder\n(.|\n)*rename it"):
        case.run()


def test_how_a_survey_is_read_must_be_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_steps(monkeypatch)
    case = Case(tmp_path)
    make_survey(tmp_path / "s.npy", SHAPE)
    np.load(tmp_path / "s.npy").tofile(tmp_path / "s.dat")

    def options(kind: str) -> SurveyOptions:
        return SurveyOptions(shape="150,13,22", dtype=kind, axes="inline,crossline,sample", dt=4)

    def predicted(kind: str, **going: object) -> None:
        survey = open_survey([str(tmp_path / "s.dat")], options(kind))
        output = Output(str(case.out), going=Going(**going))
        finish(predict_volume([load_model(case.model)], survey, output, Device("cpu", "float32")))

    with monkeypatch.context() as patched:
        stopped_after(patched, 3, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Stopped):
            predicted("<f4")
    with pytest.raises(RunError, match=r"begun otherwise \(reading: .*little-endian.*big-endian"):
        predicted(">f4", resume=True)
    predicted("<f4", resume=True)


@pytest.mark.parametrize("size", [0, 10, 300, 600])
def test_a_damaged_scan_is_told(case: Case, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    interrupted(case, monkeypatch)
    path = folder_of(case.out) / "scan.npz"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(RunError, match=r"scan.npz cannot be read: (.|\n)*--overwrite"):
        case.run(resume=True)
    assert case.run(overwrite=True).shape == (1, *SHAPE)


def test_a_file_that_is_gone_is_missed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(case, monkeypatch)
    (folder_of(case.out) / "out.sgy").unlink()
    with pytest.raises(RunError, match=r"out.sgy is gone\n(.|\n)*--overwrite"):
        case.run(resume=True)


def test_a_file_that_was_cut_off_is_missed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(case, monkeypatch)
    path = folder_of(case.out) / "out.sgy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match=r"out.sgy"):
        case.run(resume=True)
