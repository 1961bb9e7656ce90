"""Every layer spec in the documentation can be read and planned, and names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geocnn.errors import ConfigError, Fault
from geocnn.marked import parse_marked
from geocnn.network.layers import KINDS
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import read_spec, zoo_names

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT = (DOCS / "layers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def _planned(text: str, ndim: int) -> Plan:
    """The plan of an example, which ends with a layer for the task if it does not yet."""
    if "outputs" not in text.splitlines()[-1]:
        text += "- {conv: outputs, kernel: 1}\n"
    marked, faults = parse_marked(text, "layers.md"), list[Fault]()
    spec = read_spec(marked, (), marked.data, faults)
    if spec is None:
        raise ConfigError(faults)
    return expand(spec, (1, *(16,) * ndim), 1, marked)


@pytest.mark.parametrize("text", EXAMPLES, ids=[text.splitlines()[0] for text in EXAMPLES])
def test_each_example_is_planned(text: str) -> None:
    axes = {len(sizes.split(",")) for sizes in re.findall(r"(?:kernel|size|pixel_shuffle): \[([\d, ]+)\]", text)}
    plan = _planned(text, next(iter(axes), 2))
    assert plan.output.channels == 1


def test_every_kind_is_explained_and_shown() -> None:
    assert all(f"`{kind}" in TEXT and any(kind in text for text in EXAMPLES) for kind in KINDS)


def test_networks_that_are_named_are_there() -> None:
    named = set(re.findall(r"`([a-z0-9]+-[a-z0-9-]+)`", TEXT))
    assert named
    assert named <= set(zoo_names())
