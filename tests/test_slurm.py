"""Batch scripts: what is said arrives, what was begun goes on, and what cannot work is refused before it is queued."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import Geocnn
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.config import dump_config, load_config
from geocnn.errors import RunError, UsageError
from geocnn.slurm import Command, Job, JobOptions, render, submit

TRAINING = Command(("train", "faults.yaml", "--run", "runs/first"), "runs/first", ("--init", "runs/other one"))

CONFIG = """
data:
  train: [{image: image.h5, label: label.h5}]
  patch: [8, 8, 8]
network: {layers: [{conv: outputs, kernel: 1}]}
training: {steps: 6, batch: 8}
"""

# Stands for srun and scontrol: keeps its arguments, and ends as it is told to.
RECORDER = """#!/bin/bash
printf '%s\\0' "$@" >>"$RECORDS/${0##*/}"
[ "${0##*/}" != srun ] || exit "$STATUS"
"""


class Shell:
    """Runs scripts beside a srun and a scontrol that only keep what they are called with."""

    def __init__(self, folder: Path) -> None:
        self.records = folder / "records"
        self.programs = folder / "programs"
        for made in (self.records, self.programs):
            made.mkdir(exist_ok=True)
        for name in ("srun", "scontrol"):
            program = self.programs / name
            program.write_text(RECORDER)
            program.chmod(0o755)

    def run(self, script: str, status: int = 0, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """What a script leaves behind, if its step ends with a status."""
        for old in self.records.iterdir():
            old.unlink()
        told = {"SLURM_CPUS_PER_TASK": "4", "SLURM_JOB_ID": "17", "STATUS": str(status), **variables}
        environment = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}", "RECORDS": str(self.records)}
        raw = script.encode("utf-8", "surrogateescape")
        subprocess.run(["bash", "-n"], input=raw, check=True)
        return subprocess.run(["bash"], input=raw, capture_output=True, check=False, env=environment | told)

    def arguments(self, program: str) -> list[str]:
        """What a program was called with; nothing if it was not."""
        path = self.records / program
        return os.fsdecode(path.read_bytes()).split("\0")[:-1] if path.exists() else []

    @property
    def geocnn(self) -> list[str]:
        """What the step ran."""
        step = self.arguments("srun")
        return step[step.index("geocnn") + 1 :]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def job(folder: Path, command: Command = TRAINING, members: int = 0, **options: object) -> Job:
    return Job(command, JobOptions(**options), folder, members).called("train-first")  # type: ignore[arg-type]


def begun(run: Path, slot: str = "slot-1.pt") -> None:
    """A run directory as a training that has begun leaves it."""
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / slot).touch()
    (run / "config.yaml").touch()


def header(script: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH ")]


def test_a_training_on_two_nodes(tmp_path: Path) -> None:
    said = JobOptions(
        nodes=2,
        gpus=4,
        cpus_per_task=8,
        memory="64GB",
        time="36h",
        partition="gpu",
        account="geo",
        qos="long",
        module=("cuda/12.4",),
        output="logs/my run %j.log",
        sbatch=("--constraint=a100", "-x node7"),
    )
    script = render(Job(TRAINING, said, tmp_path).called("train-first"))
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    assert header(script) == [
        "--job-name=train-first",
        "--nodes=2",
        "--ntasks-per-node=4",
        "--gpus-per-node=4",
        "--cpus-per-task=8",
        "--mem=64G",
        "--time=1-12:00:00",
        "--partition=gpu",
        "--account=geo",
        "--qos=long",
        "--signal=USR1@300",
        '--output="logs/my run %j.log"',
        "--requeue",
        "--open-mode=append",
        "--constraint=a100",
        "-x node7",
    ]
    # Scripts of others may read variables that are not set.
    assert script.index("module load cuda/12.4") < script.index("set -u") < script.index("srun")


def test_header_stands_before_all_commands(tmp_path: Path) -> None:
    lines = render(job(tmp_path)).splitlines()
    assert all(line.startswith("#") for line in lines[: len(header("\n".join(lines))) + 1])


anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(words=st.lists(anything, max_size=4), run=anything, beginning=anything)
def test_arguments_survive_the_shell(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], run: str, beginning: str
) -> None:
    folder = tmp_path_factory.mktemp("a 'folder' with \"quotes\" $HOME `date` é")
    shell = Shell(folder)
    command = Command(("train", *words), run or "run", ("--init", beginning))
    done = shell.run(render(job(folder, command)))
    assert done.returncode == 0, done.stderr
    assert shell.geocnn == ["train", "--init", beginning, *words]


def test_names_that_are_no_text_survive(tmp_path: Path, shell: Shell) -> None:
    name = os.fsdecode(b"caf\xe9.sgy")
    shell.run(render(job(tmp_path, Command(("predict", "model", name)))))
    assert shell.geocnn == ["predict", "--resume", "model", name]


@pytest.mark.parametrize("run", ["runs/first", "runs/[a-z]* 'first'", "-run"])
def test_goes_on_exactly_where_there_is_a_checkpoint(tmp_path: Path, shell: Shell, run: str) -> None:
    command = Command(("train", "faults.yaml", f"--run={run}"), run, ("--init", "runs/other one"))
    script = render(job(tmp_path, command))
    anew = ["train", "--init", "runs/other one", "faults.yaml", f"--run={run}"]
    shell.run(script)
    assert shell.geocnn == anew
    # Killed before it began.
    (tmp_path / run / "checkpoints").mkdir(parents=True)
    shell.run(script)
    assert shell.geocnn == anew
    (tmp_path / run / "checkpoints/slot-0.pt").touch()
    shell.run(script)
    assert shell.geocnn == anew
    (tmp_path / run / "config.yaml").touch()
    shell.run(script)
    assert shell.geocnn == ["train", "--resume", "faults.yaml", f"--run={run}"]


def test_checkpoints_are_called_what_the_script_looks_for(tmp_path: Path, shell: Shell) -> None:
    from geocnn.checkpoints import Checkpoints
    from geocnn.run import RunDirectory

    run = RunDirectory(tmp_path / "runs/first")
    run.create()
    checkpoints = Checkpoints(run.checkpoints)
    checkpoints.save({"step": 0})
    checkpoints.wait()
    run.begin("")
    shell.run(render(job(tmp_path)))
    assert "--resume" in shell.geocnn


@pytest.mark.parametrize("status", [0, 1, 2, 70, 74, 75, 76, 130, 137, 143])
def test_queued_again_exactly_for_status_75(tmp_path: Path, shell: Shell, status: int) -> None:
    done = shell.run(render(job(tmp_path)), status)
    assert done.returncode == status
    assert shell.arguments("scontrol") == (["requeue", "17"] if status == 75 else [])


def test_not_queued_for_ever_without_progress(tmp_path: Path, shell: Shell) -> None:
    begun(tmp_path / "runs/first")
    slot = tmp_path / "runs/first/checkpoints/slot-1.pt"
    for folder in (slot, slot.parent):
        os.utime(folder, (1e9, 1e9))
    script = render(job(tmp_path))
    done = shell.run(script, 75, SLURM_RESTART_COUNT="1")
    assert b"not queued again" in done.stderr
    assert shell.arguments("scontrol") == []
    os.utime(slot, (4e9, 4e9))
    shell.run(script, 75, SLURM_RESTART_COUNT="1")
    assert shell.arguments("scontrol") == ["requeue", "17"]


def test_a_member_of_an_array_does_its_part_and_is_queued_again_alone(tmp_path: Path, shell: Shell) -> None:
    script = render(job(tmp_path, Command(("predict", "model", "survey.sgy", "--out", "o.sgy")), members=8))
    assert "--array=1-8" in header(script)
    # Slurm gives the last member the number of the array.
    done = shell.run(script, 75, SLURM_JOB_ID="30", SLURM_ARRAY_JOB_ID="30", SLURM_ARRAY_TASK_ID="8")
    assert shell.geocnn == ["predict", "--resume", "--part", "8/8", "model", "survey.sgy", "--out", "o.sgy"]
    assert shell.arguments("scontrol") == ["requeue", "30_8"]
    assert done.returncode == 75


def test_a_process_that_ends_ends_no_other(tmp_path: Path, shell: Shell) -> None:
    shell.run(render(job(tmp_path)))
    step = shell.arguments("srun")
    assert step[: step.index("geocnn")] == ["--kill-on-bad-exit=0", "--wait=600", "--cpus-per-task=4"]


def test_a_missing_environment_ends_the_job_before_it_begins(tmp_path: Path, shell: Shell) -> None:
    done = shell.run(render(job(tmp_path, venv=str(tmp_path / "none"))), 75)
    assert done.returncode
    assert shell.arguments("srun") == shell.arguments("scontrol") == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"nodes": -1}, "--nodes -1"),
        ({"nodes": 0}, "--nodes 0"),
        ({"gpus": -2}, "--gpus -2"),
        ({"tasks_per_node": 0}, "--tasks-per-node 0"),
        ({"cpus_per_task": 0}, "--cpus-per-task 0"),
        ({"signal": 0}, "--signal 0"),
        ({"memory": "12"}, "--memory 12"),
        ({"memory": "-4G"}, "--memory -4G"),
        ({"memory": "1.5G\n#SBATCH -N 9"}, "--memory"),
        ({"time": "soon"}, "--time soon"),
        ({"time": "-1:00"}, "--time -1:00"),
        ({"time": "0"}, "--time 0"),
        ({"time": "6:00"}, "--time 6:00 and --signal 300"),
        ({"partition": "gpu\nrm"}, "--partition"),
        ({"account": "a b"}, "--account"),
        ({"job_name": ""}, "--job-name"),
        ({"output": 'a"b'}, "--output"),
        ({"output": "a\nb"}, "--output"),
        ({"sbatch": ("constraint=a100",)}, "--sbatch"),
        ({"sbatch": ("--constraint=a\nrm -r x",)}, "--sbatch"),
        ({"sbatch": ("--signal=B:USR1@60",)}, "--sbatch"),
        ({"sbatch": ("-N 4",)}, "--sbatch"),
        ({"sbatch": ("-N4",)}, "--sbatch"),
        ({"sbatch": ("--no-requeue",)}, "--sbatch"),
        ({"venv": "a", "conda_env": "b"}, "--venv and --conda-env"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=f"^{told}"):
        JobOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("12:00:00", "12:00:00"),
        ("90", "01:30:00"),
        ("2-0", "2-00:00:00"),
        ("1-12:30", "1-12:30:00"),
        ("45m", "00:45:00"),
    ],
)
def test_times_as_slurm_has_them(tmp_path: Path, said: str, meant: str) -> None:
    assert f"--time={meant}" in header(render(job(tmp_path, time=said)))


def test_members_of_an_array_are_single_processes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--array with 2 processes"):
        job(tmp_path, members=4, gpus=2)
    assert "--gpus-per-node=2" in header(render(job(tmp_path, members=4, gpus=2, tasks_per_node=1)))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faults.yaml").write_text(CONFIG)
    return tmp_path


def test_train_is_written_with_all_its_arguments(config: Path, geocnn: Geocnn, shell: Shell) -> None:
    outcome = geocnn(
        *("slurm", "train", "faults.yaml", "--run", "runs/a b", "--gpus", 2, "--device=cuda", "--init", "x y"),
        *("--time", "1:00:00", "--set", "training.steps=7", "--output", "logs/%j.log", "--tasks-per-node", 4),
    )
    assert outcome.status == 0, outcome.err
    assert "sbatch train-a-b.sh" in outcome.out
    assert (config / "logs").is_dir()
    script = (config / "train-a-b.sh").read_text()
    assert {"--ntasks-per-node=4", "--gpus-per-node=2", "--time=01:00:00"} <= set(header(script))
    own = ["faults.yaml", "--run", "runs/a b", "--device=cuda", "--set", "training.steps=7"]
    shell.run(script)
    assert shell.geocnn == ["train", "--init", "x y", *own]
    begun(config / "runs/a b")
    shell.run(script)
    assert shell.geocnn == ["train", "--resume", *own]


def test_predict_has_memory_of_its_own(config: Path, geocnn: Geocnn, shell: Shell) -> None:
    outcome = geocnn(
        *("slurm", "predict", "run", "a.sgy", "b.sgy", "--out", "o.sgy", "--memory", "64G", "--iline", 5, "--resume"),
        *("--script", "p.sh", "--", "--memory", "40GB"),
    )
    assert outcome.status == 0, outcome.err
    script = (config / "p.sh").read_text()
    assert "--mem=64G" in header(script)
    shell.run(script)
    rest = ["run", "a.sgy", "b.sgy", "--out", "o.sgy", "--iline", "5", "--memory", "40GB"]
    assert shell.geocnn == ["predict", "--resume", *rest]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("train faults.yaml --run r --nodes 3", 2, "training.batch is 8, for 3 processes"),
        ("train faults.yaml --run r --nodes 2 --gpus 8", 2, "training.batch is 8, for 16 processes"),
        ("train faults.yaml --run r --set training.stepz=3", 1, "training.stepz"),
        ("train faults.yaml", 2, "--run"),
        ("train faults.yaml --run r --nodse 3", 2, "--nodse"),
        ("train faults.yaml --run r --venv nowhere", 2, "nowhere has no bin/activate"),
        ("train nowhere.yaml --run r", 1, "nowhere.yaml"),
        ("predict m s.sgy", 2, "--out"),
        ("predict m s.sgy --out o.sgy --overwrite", 2, "--overwrite in a job"),
        ("predict m s.sgy --out o.sgy --part 1/2 --array 2", 2, "--part and --array"),
        ("predict m s.sgy --out o.sgy --array -1", 2, "--array -1"),
        ("predict m s.sgy --out o.sgy --array 2 --nodes 2", 2, "--array with 2 processes"),
    ],
)
def test_wrong_commands_are_told_before_they_are_queued(
    config: Path, geocnn: Geocnn, arguments: str, status: int, told: str
) -> None:
    before = set(config.iterdir())
    outcome = geocnn("slurm", *arguments.split())
    assert outcome.status == status
    assert told in outcome.err
    assert set(config.iterdir()) == before


def test_a_begun_run_under_another_config_is_refused_now(config: Path, geocnn: Geocnn) -> None:
    begun = load_config(config / "faults.yaml", ["training.steps=7"])
    (config / "r").mkdir()
    (config / "r/config.yaml").write_text(dump_config(begun))
    outcome = geocnn("slurm", "train", "faults.yaml", "--run", "r")
    assert outcome.status == 1
    assert "training.steps is 6, was 7" in outcome.err
    assert geocnn("slurm", "train", "faults.yaml", "--run", "r", "--set", "training.steps=7").status == 0


def test_a_script_that_was_changed_is_kept(config: Path, geocnn: Geocnn) -> None:
    command = ("slurm", "train", "faults.yaml", "--run", "r")
    assert geocnn(*command).status == geocnn(*command).status == 0
    script = config / "train-r.sh"
    script.write_text(script.read_text() + "# mine\n")
    outcome = geocnn(*command)
    assert outcome.status == 1
    assert "train-r.sh is there and says something else" in outcome.err
    assert script.read_text().endswith("# mine\n")


def test_submitted(config: Path, geocnn: Geocnn, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    sbatch = shell.programs / "sbatch"
    sbatch.write_text(RECORDER + "echo '4711;cluster'\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(shell.programs), prepend=":")
    monkeypatch.setenv("RECORDS", str(shell.records))
    outcome = geocnn("slurm", "train", "faults.yaml", "--run", "r", "--submit")
    assert "job 4711" in outcome.out
    assert shell.arguments("sbatch") == ["--parsable", str(config / "train-r.sh")]
    sbatch.write_text("#!/bin/bash\necho 'sbatch: error: Invalid account' >&2\nexit 1\n")
    with pytest.raises(RunError, match=r"Slurm did not take .*: sbatch: error: Invalid account"):
        submit(config / "train-r.sh")
    monkeypatch.setenv("PATH", "")
    outcome = geocnn("slurm", "train", "faults.yaml", "--run", "r", "--submit")
    assert outcome.status == 1
    assert "no sbatch here" in outcome.err
    assert "sbatch train-r.sh" in outcome.err


DOCS = (Path(__file__).resolve().parent.parent / "docs/clusters.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^geocnn slurm .*$", DOCS, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_documentation_are_written(config: Path, geocnn: Geocnn, example: str) -> None:
    outcome = geocnn(*shlex.split(example.removesuffix(" --submit"))[1:])
    assert outcome.status == 0, outcome.err


def test_the_script_of_the_documentation_is_the_one_that_is_written(config: Path, geocnn: Geocnn) -> None:
    geocnn(*shlex.split(EXAMPLES[0].removesuffix(" --submit"))[1:])
    written = (config / "train-first.sh").read_text()
    places = {str(config): "/home/ada/faults", sys.prefix: "/home/ada/geocnn"}
    for here, there in places.items():
        written = written.replace(here, there)
    assert f"```bash\n{written}```" in DOCS


def test_a_login_node_loads_no_torch(config: Path) -> None:
    code = (
        "import sys\nfrom geocnn_cli import main\n"
        "sys.argv = 'geocnn slurm train faults.yaml --run r'.split()\nstatus = main._status()\n"
        "sys.exit(status or 100 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
