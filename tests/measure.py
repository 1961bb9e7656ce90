"""Memory that torch hands out while a network trains or predicts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.autograd.profiler import profile

from geocnn.losses import LOSSES
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.plan import Plan

__all__ = ["measured_inference", "measured_training", "peak_bytes"]

BYTES = 4


def peak_bytes(work: Callable[[], object], device: str = "cpu") -> int:
    """The most bytes that are allocated at once while `work` runs, beyond those before; workspaces of kernels included.

    On CPU these are the allocations that torch's profiler sees, summed up in order.
    """
    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # Alone, a thread takes other kernels than several.
    with profile(use_cpu=True, profile_memory=True) as seen:
        work()
    torch.set_num_threads(threads)
    changes = [event for event in seen.kineto_results.events() if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def measured_training(plan: Plan, batch: int, device: str = "cpu", recompute: bool = False) -> int:
    """Peak bytes of two steps with AdamW, as `geocnn train` takes them; the batch counts."""

    def work() -> None:
        network = Network(plan).to(device).train()
        network.recompute = recompute
        optimiser = torch.optim.AdamW(network.parameters())
        inputs = torch.zeros(batch, *plan.input, device=device).normal_()
        labels = torch.zeros(batch, *plan.output.shape, dtype=torch.long, device=device)
        loss = LOSSES["balanced-cross-entropy+dice"](max(2, plan.outputs))
        for _ in range(2):
            value = loss.value(loss.sums(network(inputs), labels))
            optimiser.zero_grad()
            value.backward()
            optimiser.step()

    return peak_bytes(work, device) - 8 * batch * _samples(plan.output.shape)


def measured_inference(plan: Plan, batch: int = 1, device: str = "cpu", fused: bool = True) -> int:
    """Peak bytes of one prediction; the network and its input count."""
    network: torch.nn.Module = Network(plan).to(device).eval()
    if fused:
        network = InferenceNetwork(network)

    def work() -> None:
        inputs = torch.zeros(batch, *plan.input, device=device).normal_()
        with torch.inference_mode():
            network(inputs)

    return BYTES * plan.parameters + peak_bytes(work, device)


def _samples(shape: tuple[int, ...]) -> int:
    return int(torch.tensor(shape).prod()) if shape else 1
