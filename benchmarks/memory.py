"""Planned against measured memory of every network of the zoo: ``python -m benchmarks.memory``.

Measured is what torch's allocator hands out on this machine's CPU, workspaces of kernels included; a training step
with AdamW is the second of two.
"""

from __future__ import annotations

import sys
from pathlib import Path

from geocnn.network.memory import inference_bytes, training_bytes
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec, zoo_names

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from measure import measured_inference, measured_training

BATCH = 2
MOST = 0.2
"""How far planned and measured may be apart, as a share of what is measured."""
SMALL = 1e6
"""Bytes that they may be apart whatever their share: kernels for the smallest inputs take workspaces of their own."""
PLANAR = (128, 128)
SOLID = (32, 32, 32)


def main() -> int:
    """Print the table; 1 if a plan is too far from what was measured."""
    print(f"{'network':28s} {'input':>16s} {'training':>27s}   {'prediction':>27s}")
    print(f"{'':28s} {'':>16s} {'planned, measured, ratio':>27s}   {'planned, measured, ratio':>27s}")
    worst = 0.0
    for name in zoo_names():
        for plan in _plans(name):
            pairs = [
                (training_bytes(plan, BATCH), measured_training(plan, BATCH)),
                (inference_bytes(plan, batch=BATCH), measured_inference(plan, BATCH)),
            ]
            worst = max([worst, *(abs(a / b - 1) for a, b in pairs if abs(a - b) > SMALL)])
            size = "×".join(map(str, plan.input))
            columns = [f"{a / 1e6:8.1f} {b / 1e6:8.1f} MB {a / b:6.3f}" for a, b in pairs]
            print(f"{name:28s} {size:>16s} {columns[0]:>27s}   {columns[1]:>27s}", flush=True)
    kept = "kept" if worst <= MOST else "NOT KEPT"
    print(f"furthest apart, by more than {SMALL / 1e6:g} MB: {100 * worst:.1f} %, at most {100 * MOST:g} % {kept}")
    return int(worst > MOST)


def _plans(name: str) -> list[Plan]:
    """The network as it was published, or on a section and on a volume."""
    spec, marked = load_spec(name)
    if spec.published is not None and spec.published.input[1:] != SOLID:
        return [expand(spec, spec.published.input, spec.published.outputs, marked)]
    return [expand(spec, (1, *shape), 1, marked) for shape in (PLANAR, SOLID)]


if __name__ == "__main__":
    sys.exit(main())
