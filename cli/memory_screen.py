"""Memory of a network on the screen: what training and prediction take, and what fits into a budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geocnn.network.plan import Plan

__all__ = ["budget_json", "memory_lines"]


def memory_lines(plan: Plan, batch: int, budget: int | None) -> Iterator[str]:
    """What training at a batch and prediction of one input take; the largest patch and batch for a budget."""
    from geocnn.network.memory import inference_bytes, training_bytes
    from geocnn.network.wording import by

    from . import report

    yield (
        f"memory in float32: {report.volume(training_bytes(plan, batch))} to train on {_inputs(batch)} of "
        f"{by(plan.input[1:])}, {report.volume(inference_bytes(plan))} to predict one"
    )
    if budget is None:
        return
    found = budget_json(plan, batch, budget)
    patch, most = found["largest_patch"], found["largest_batch"]
    if patch is None:
        few = f"{report.volume(budget)} of memory is too little to train on even the smallest input"
        yield f"{few}, {_inputs(batch)} at once"
        return
    fits = f"up to {_inputs(most)} of {by(plan.input[1:])}" if most else f"not one input of {by(plan.input[1:])}"
    yield f"within {report.volume(budget)}: training on {_inputs(batch)} of up to {by(patch)}, or on {fits}"


def budget_json(plan: Plan, batch: int, budget: int) -> dict[str, Any]:
    """The largest patch at a batch, and the largest batch of the plan's own input, for a budget in bytes."""
    from geocnn.network.memory import largest_batch, largest_patch

    return {
        "budget": budget,
        "batch": batch,
        "largest_patch": largest_patch(plan, budget, batch),
        "largest_batch": largest_batch(plan, budget),
    }


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count:,} inputs"
