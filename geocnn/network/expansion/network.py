"""From a spec to the nodes of a network, and what must hold at its ends."""

from __future__ import annotations

from collections.abc import Sequence

from geocnn.network import layers
from geocnn.network.draft import Draft, TooLargeError, spell_channels
from geocnn.network.expansion.blocks import block
from geocnn.network.node import needed_by
from geocnn.records import key_path

__all__ = ["expand_network"]


def expand_network(draft: Draft, written: Sequence[layers.Layer]) -> int:
    """Add the nodes of all layers to a draft, and all that is wrong with them; the node that they end with."""
    try:
        last = block(draft, written, ("layers",), 0)
    except TooLargeError:
        return 0
    node = draft.nodes[last]
    if written and node.channels != draft.outputs and draft.sure_of_channels(last):
        end = "{conv: outputs, kernel: 1}" if node.shape else "{dense: outputs}"
        found, expected = (
            f"the network ends with {spell_channels(node.channels)}",
            f"{draft.outputs}, as the task needs",
        )
        draft.fault(("layers", len(written) - 1), found, expected, f"end with {end}")
    if not draft.faults:
        _check_used(draft, last)
    return last


def _check_used(draft: Draft, last: int) -> None:
    """Faults of layers whose output goes nowhere."""
    needed = {node.id for node in needed_by(draft.nodes, (last, *draft.heads.values()))}
    taken = {source for node in draft.nodes for source in node.inputs}
    for node in draft.nodes[1:]:
        if node.id not in needed and node.id not in taken:
            found = f"what {node.kind} makes goes nowhere"
            do = "save it for a later layer, name it as a head, or remove it"
            draft.fault(key_path(node.place), found, "an output that a later layer takes", do)
