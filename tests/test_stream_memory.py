"""Memory of networks computed plane by plane: what is planned is what torch hands out, however long the input is."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from measure import peak_bytes

from geocnn.network.build import Network
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec
from geocnn.network.stream import Stream, StreamingNetwork
from geocnn.network.stream_memory import stream_bytes

CASES = [
    ("faultseg3d", (48, 64, 64), 8),
    ("faultseg3d", (256, 256), 16),
    ("fault-small", (48, 64, 64), 4),
    ("fault-small", (128, 256), 16),
    ("fault-highres", (48, 48, 48), 8),
    ("fault-highres", (128, 128), 16),
    ("unet-residual", (48, 48, 48), 8),
    ("unet-residual", (256, 256), 16),
    ("attention-unet", (32, 48, 48), 8),
    ("attention-unet", (128, 128), 16),
    ("autoencoder", (32, 48, 48), 8),
    ("autoencoder", (256, 256), 16),
    ("dncnn", (24, 32, 32), 8),
    ("dncnn", (4096,), 64),
    ("facies-deconvnet", (256, 256), 32),
    ("phasenet", (2048, 512), 256),
    ("unet", (256, 256), 16),
    ("unet", (4096,), 64),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("name", "shape", "chunk"), CASES)
def test_networks_of_the_zoo_take_what_is_planned(
    name: str, shape: tuple[int, ...], chunk: int, dtype: torch.dtype
) -> None:
    plan = expand(load_spec(name)[0], (1, *shape), 1)
    planned = stream_bytes(plan, shape, chunk, bytes_per_sample=dtype.itemsize)
    assert 0.9 <= planned / measured(plan, shape[0], chunk, dtype) <= 1.2


@pytest.mark.parametrize("name", ["fault-small", "unet-residual"])
def test_the_length_takes_no_memory(name: str) -> None:
    plan = expand(load_spec(name)[0], (1, 32, 32, 32), 1)
    long, longer = (measured(plan, planes, 8, torch.float32) for planes in (160, 320))
    assert long == longer
    assert stream_bytes(plan, (160, 32, 32), 8) == stream_bytes(plan, (320, 32, 32), 8) == pytest.approx(long, rel=0.1)


def test_an_input_that_does_not_fit() -> None:
    plan = expand(load_spec("faultseg3d")[0], (1, 32, 32, 32), 1)
    with pytest.raises(ValueError, match=r"no input of \(32, 33, 32\) samples"):
        stream_bytes(plan, (32, 33, 32), 8)


def test_planning_needs_no_torch() -> None:
    program = "import sys, geocnn.network.stream_memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def measured(plan: Plan, planes: int, chunk: int, dtype: torch.dtype) -> int:
    """Peak bytes of a stream of so many planes along the first axis; the planes that are pushed count."""
    fast = StreamingNetwork(Network(plan).eval(), dtype=dtype)

    def work() -> None:
        stream = Stream(fast)
        with torch.inference_mode():
            for at in range(0, planes, chunk):
                size = min(chunk, planes - at)
                stream.push(torch.zeros(1, plan.input[0], size, *plan.input[2:]).normal_())
            stream.finish()

    return peak_bytes(work)
