"""Built modules against the same networks written by hand, and against themselves made for prediction.

``python -m benchmarks.networks [NAME …]``
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.handwritten import HANDWRITTEN
from benchmarks.timing import Report, medians
from geocnn.device import keep_freed_memory
from geocnn.network.build import Network
from geocnn.network.inference import InferenceNetwork
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec

ROUNDS = 15
MOST = 1.05
"""Times the handwritten module's time, forward and backward."""


def main(names: list[str]) -> int:
    """Measure all networks, or those named; 1 if a promise was not kept."""
    keep_freed_memory()
    report = Report()
    for name in names or HANDWRITTEN:
        compare(report, name)
    return int(report.broken > 0)


def compare(report: Report, name: str) -> None:
    """One network: equal outputs, the same kernels, forward, backward and prediction in turns."""
    kind, shape, outputs = HANDWRITTEN[name]
    torch.manual_seed(0)
    by_hand, x = kind(), torch.randn(shape)
    network = Network(expand(load_spec(name)[0], shape[1:], outputs))
    for ours, theirs in zip(network.parameters(), by_hand.parameters(), strict=True):
        ours.data.copy_(theirs.data)
    with torch.no_grad():
        apart = float((network(x) - by_hand(x)).abs().max())
    report.value(f"\n{name} {list(shape)}: |Δ| of the outputs", apart, "", 1e-5)
    ours, theirs = computing(lambda: step(network, x)), computing(lambda: step(by_hand, x))
    report.value(
        "operators that compute, beside or without those by hand",
        (ours - theirs).total() + (theirs - ours).total(),
        "",
        0,
    )
    seconds = medians({"by hand": lambda _: step(by_hand, x), "geocnn": lambda _: step(network, x)}, ROUNDS)
    ratios(report, "forward and backward", seconds)
    for module in (network, by_hand):
        module.eval()
    fast = InferenceNetwork(network)
    with torch.inference_mode():
        ways = {"by hand": by_hand, "geocnn": network, "geocnn, for prediction": fast}
        seconds = medians({way: lambda _, run=run: run(x) for way, run in ways.items()}, ROUNDS)
    ratios(report, "forward", seconds)


def step(module: nn.Module, x: Tensor) -> None:
    """A forward and a backward pass."""
    module.zero_grad(set_to_none=True)
    module(x).square().mean().backward()


_VIEWS = ("view", "reshape", "flatten", "narrow", "slice", "alias", "as_strided", "unsqueeze", "expand", "detach", "t")
"""Operators that compute nothing."""


def computing(run: Callable[[], None]) -> Counter[str]:
    """How often each operator of torch ran that computes; in place or not is the same."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    counts: Counter[str] = Counter()
    for each in found.key_averages():
        space, _, name = each.key.partition("::")
        if space == "aten" and name not in _VIEWS:
            counts[name.removesuffix("_")] += each.count
    return counts


def ratios(report: Report, title: str, seconds: dict[str, float]) -> None:
    """Times and their ratios to the module by hand."""
    for way, value in seconds.items():
        print(f"  {title}, {way:24s} {1000 * value:9.1f} ms   {value / seconds['by hand']:5.2f} × by hand")
    report.value(f"  {title}", seconds["geocnn"] / seconds["by hand"], "× by hand", MOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
