"""How much memory a network takes: its passes played through, buffer by buffer, without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from geocnn.network.buffers import Buffers
from geocnn.network.keeping import cropped_by, folds, hands_on, kept_for_backward, passes_on, reflects
from geocnn.network.ledger import Ledger
from geocnn.network.liveness import overwrites, spent_after, users
from geocnn.network.node import BYTES_PER_SAMPLE, Node
from geocnn.network.plan import Plan
from geocnn.network.segments import Segment, cut_at, segments
from geocnn.network.sizes import Admissible, admissible_sizes

__all__ = ["inference_bytes", "largest_batch", "largest_patch", "training_bytes"]


def training_bytes(
    plan: Plan,
    batch: int,
    optimiser_moments: int = 2,
    shape: Sequence[int] | None = None,
    recompute: bool = False,
) -> int:
    """The most bytes that one training step holds at once, in float32, workspaces of kernels left out.

    Parameters
    ----------
    plan
        The network; its heads are not trained.
    batch
        Inputs in a batch.
    optimiser_moments
        Numbers that the optimiser keeps for each parameter: 2 for Adam.
    shape
        Of an input, if it is not that of the plan; it must be admissible.
    recompute
        Whether outputs are computed again segment by segment (see `geocnn.network.segments`).

    Notes
    -----
    For each parameter its value, gradient and moments; outputs that the backward pass needs; the gradients of outputs
    while it runs.
    """
    parameters = BYTES_PER_SAMPLE * plan.parameters
    return (1 + optimiser_moments) * parameters + _Training(plan, batch, shape, recompute).peak()


def inference_bytes(plan: Plan, shape: Sequence[int] | None = None, fused: bool = True, batch: int = 1) -> int:
    """The most bytes that one prediction holds at once, in float32: parameters, and outputs that live together.

    Parameters
    ----------
    plan
        The network; its heads are left out.
    shape
        Of an input, if it is not that of the plan; it must be admissible.
    fused
        Whether batch norms are folded into the layers before them.
    batch
        Inputs at once.
    """
    sizes, ledger = Buffers(plan, batch, shape, last=fused), Ledger()
    over, spent = overwrites(plan, training=False), spent_after(plan.trunk, {plan.output_id})
    counts = users(plan)
    buffers = {0: ledger.take(sizes.output(plan.nodes[0]))}
    indices: dict[int, int] = {}
    for node in plan.trunk[1:]:
        first = buffers[node.inputs[0]]
        if node.id in over or hands_on(node, training=False) or (fused and folds(node, plan.nodes, counts)):
            buffers[node.id] = ledger.hold(first)
        else:
            padded = ledger.take(sizes.padded(node))
            buffers[node.id] = sizes.computed(node, ledger)
            ledger.drop(padded)
        indices[node.id] = ledger.take(sizes.indices(node))
        for each in spent[node.id]:
            if each:  # The input belongs to the caller.
                ledger.drop(buffers.pop(each), indices.pop(each))
    return BYTES_PER_SAMPLE * plan.parameters + ledger.peak


def largest_batch(plan: Plan, budget: int) -> int:
    """The most inputs of the plan's size that can be trained on at once within `budget` bytes; 0 if not one."""
    return _largest(lambda batch: training_bytes(plan, batch) <= budget, 2**20)


def largest_patch(plan: Plan, budget: int, batch: int = 1) -> tuple[int, ...] | None:
    """The largest admissible patch, as even along its axes as can be, that can be trained on within `budget` bytes.

    None if not even the smallest can.
    """
    admissible = admissible_sizes(plan)

    def fits(size: int) -> bool:
        return training_bytes(plan, batch, shape=_patch(admissible, size)) <= budget

    least = min(each.least for each in admissible)
    most = max(each.most or 2**24 for each in admissible)
    if not fits(least):
        return None
    return _patch(admissible, least + _largest(lambda more: fits(least + more), most - least))


def _patch(admissible: Sequence[Admissible], size: int) -> tuple[int, ...]:
    """The largest sizes up to `size`, and the least where there are none."""
    return tuple(each.at_most(size) or each.least for each in admissible)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 0 to `most` that fits, if what is smaller than one that fits does; 0 does."""
    high = 1
    while high <= most and fits(high):
        high *= 2
    low, high = high // 2, min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


@dataclass(frozen=True)
class _Held:
    """Buffers of outputs, and of the places that pools have found, by node."""

    buffers: dict[int, int]
    indices: dict[int, int]

    def held_by(self, ledger: Ledger, nodes: Iterable[int] | None = None) -> _Held:
        """The same of some nodes, or of all, held once more."""
        asked = self.buffers if nodes is None else nodes
        parts = ({each: ledger.hold(part[each]) for each in asked if each in part} for part in self.parts)
        return _Held(*parts)

    def drop(self, ledger: Ledger) -> None:
        """Hold all of them once less."""
        for part in self.parts:
            ledger.drop(*part.values())

    @property
    def parts(self) -> tuple[dict[int, int], dict[int, int]]:
        """Both."""
        return self.buffers, self.indices


class _Training:
    """A forward and a backward pass, as autograd runs them."""

    def __init__(self, plan: Plan, batch: int, shape: Sequence[int] | None, recompute: bool) -> None:
        self._plan, self._sizes, self._ledger = plan, Buffers(plan, batch, shape), Ledger()
        self._over = overwrites(plan, training=True)
        keep = {plan.output_id}
        self._spent = spent_after(plan.trunk, keep)
        found = segments(plan.trunk, keep, self._over) if recompute else cut_at(plan.trunk, keep, (1, len(plan.trunk)))
        self._early, self._late = found[:-1], found[-1]
        self._entered: dict[Segment, _Held] = {}
        self._kept: dict[int, list[int]] = {}
        self._gradients: dict[int, tuple[int, bool]] = {}
        self._learning: set[int] = set()  # Nodes that depend on a parameter.
        for node in plan.nodes:
            if node.parameters or not self._learning.isdisjoint(node.inputs):
                self._learning.add(node.id)

    def peak(self) -> int:
        """The most bytes at once, but for parameters and moments."""
        plan, ledger = self._plan, self._ledger
        before = ledger.take(BYTES_PER_SAMPLE * plan.parameters)  # The gradients of the step before.
        self._forward()
        loss = ledger.take(self._sizes.loss(plan.output))
        ledger.drop(before, loss)
        self._gradients[plan.output_id] = ledger.take(self._sizes.output(plan.output)), False
        self._learn(self._late)
        for segment in reversed(self._early):
            held = self._entered.pop(segment)
            again = held.held_by(ledger)
            self._run(segment, again, keep=True)
            again.drop(ledger)
            self._learn(segment)
            held.drop(ledger)
        ledger.take(2 * BYTES_PER_SAMPLE * max(node.parameters for node in plan.nodes))  # By the optimiser.
        return ledger.peak

    def _forward(self) -> None:
        buffers = _Held({0: self._ledger.take(self._sizes.output(self._plan.nodes[0]))}, {})
        for segment in self._early:
            self._entered[segment] = buffers.held_by(self._ledger, segment.taken)
            self._run(segment, buffers, keep=False)
        self._run(self._late, buffers, keep=True)

    def _learn(self, segment: Segment) -> None:
        """The backward pass of a segment."""
        for node in reversed(self._plan.trunk[segment.start : segment.stop]):
            if node.id in self._learning:
                self._backward(node)

    def _run(self, segment: Segment, held: _Held, keep: bool) -> None:
        """The forward pass of a segment, which may `keep` what its backward pass needs."""
        ledger, sizes = self._ledger, self._sizes
        buffers, indices = held.buffers, held.indices
        for node in self._plan.trunk[segment.start : segment.stop]:
            taken, padded = [buffers[each] for each in node.inputs], ledger.take(sizes.padded(node))
            if node.id in self._over or hands_on(node, training=True):
                buffers[node.id] = ledger.hold(taken[0])
            else:
                buffers[node.id] = sizes.computed(node, ledger)
            indices[node.id] = ledger.take(sizes.indices(node))
            if keep and node.id in self._learning:
                arrived = [padded, *taken * reflects(node)] if sizes.padded(node) else taken
                places = [indices[each] for each in (node.id, *node.inputs) if each in indices]
                self._keep(node, arrived, buffers[node.id], places)
            ledger.drop(padded)
            for each in self._spent[node.id]:
                if each:
                    ledger.drop(buffers.pop(each), indices.pop(each))

    def _keep(self, node: Node, arrived: list[int], made: int, places: list[int]) -> None:
        """Hold what a node's backward pass needs; the `places` are those that it found itself or was handed."""
        ledger, kept = self._ledger, kept_for_backward(node, node.id in self._over)
        if node.kind in ("pool", "unpool") and any(places):
            needed, further = [*kept.inputs * arrived, *places], 0
        else:
            needed, further = kept.inputs * arrived + kept.output * [made], kept.further
        self._kept[node.id] = [*map(ledger.hold, needed), ledger.take(self._sizes.output(node, further))]

    def _backward(self, node: Node) -> None:
        ledger, sizes, nodes = self._ledger, self._sizes, self._plan.nodes
        gradient, part = self._gradients.pop(node.id)
        copied = cropped_by(node) or (part and not passes_on(node))
        whole = ledger.take(sizes.cropped(node) * bool(copied) + sizes.scratch(node))
        ledger.take(BYTES_PER_SAMPLE * node.parameters)
        found, copies = [], sizes.copies(node)
        for each in node.inputs[:1] if node.kind == "unpool" else node.inputs:  # Places have no gradient.
            if each not in self._learning:
                continue
            size, ours = sizes.output(nodes[each]), sizes.output(node)
            if passes_on(node) and (size == ours or (size < ours and node.kind == "concat")):
                found.append((each, ledger.hold(gradient), part or node.kind == "concat"))
            else:
                arriving, leaving = ledger.take(copies.after), ledger.take(copies.before)
                ledger.drop(arriving)
                padded = ledger.take(sizes.padded(node))
                found.append((each, ledger.take(sizes.output(nodes[each])), False))
                ledger.drop(padded, leaving)
        weighing = ledger.take(copies.after + copies.taken)
        ledger.drop(weighing, gradient, whole, *self._kept.pop(node.id))
        for each, buffer, is_part in found:
            self._accumulate(each, buffer, is_part)

    def _accumulate(self, at: int, buffer: int, part: bool) -> None:
        """Add to the gradient of a node's output: in place where nothing else holds what is there."""
        if at not in self._gradients:
            self._gradients[at] = buffer, part
            return
        before, was_part = self._gradients[at]
        if was_part or self._ledger.holders(before) > 1:
            self._gradients[at] = self._ledger.take(self._sizes.output(self._plan.nodes[at])), False
            self._ledger.drop(before)
        self._ledger.drop(buffer)
