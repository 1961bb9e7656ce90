"""A process knows its place from what each launcher tells."""

from __future__ import annotations

import pytest

from geocnn.processes import Process, this_process

STEP = {
    "SLURM_CLUSTER_NAME": "local",
    "SLURM_JOB_ID": "17",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "5",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
}
BATCH = {"SLURM_JOB_ID": "17", "SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0"}
TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "TORCHELASTIC_RUN_ID": "none",
    "MASTER_ADDR": "n1",
    "MASTER_PORT": "29500",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "3",
    "PMIX_NAMESPACE": "prterun-n1-42@1",
}
HYDRA = {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (STEP, (5, 8, 1, 4)),
        (TORCHRUN, (3, 4, 1, 2)),
        (OPEN_MPI, (1, 3, 1, 3)),
        (HYDRA, (1, 2, 1, 2)),
        ({**STEP, **OPEN_MPI}, (1, 3, 1, 3)),
    ],
    ids=["srun", "torchrun", "mpirun", "mpirun of hydra", "mpirun in a step"],
)
def test_the_place_is_the_launchers(told: dict[str, str], expected: tuple[int, ...]) -> None:
    found = this_process(told)
    assert (found.rank, found.count, found.local, found.local_count) == expected
    assert found.launch


@pytest.mark.parametrize(
    "told",
    [{}, BATCH, {**STEP, "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, {**TORCHRUN, "RANK": "four"}],
    ids=["no launcher", "batch script", "step of one task", "nonsense"],
)
def test_else_it_is_alone(told: dict[str, str]) -> None:
    assert this_process(told) == Process()


def test_launches_have_names_of_their_own() -> None:
    again = {**STEP, "SLURM_RESTART_COUNT": "1"}
    names = [this_process(told).launch for told in (STEP, {**STEP, "SLURM_PROCID": "0"}, again)]
    assert names[0] == names[1] != names[2]
