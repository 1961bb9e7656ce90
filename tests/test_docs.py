"""Every layer spec in the documentation can be read and planned, and names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geocnn.errors import ConfigError, Fault
from geocnn.fitting import plan_alone
from geocnn.marked import parse_marked
from geocnn.network.layers import KINDS
from geocnn.network.plan import Plan, expand
from geocnn.network.sizes import admissible_sizes
from geocnn.network.spec import load_spec, read_spec, zoo_names
from geocnn.network.wording import by

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


ZOO = (DOCS / "zoo.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z0-9-]+)` \| ([\d,]+ \| .*) \|$", ZOO, re.MULTILINE))


@pytest.mark.parametrize("name", zoo_names())
def test_the_table_of_the_zoo_tells_what_is_there(name: str) -> None:
    spec, _ = load_spec(name)
    plan, told = plan_alone(spec), spec.published.parameters if spec.published else None
    assert ROWS[name].split(" | ") == [
        f"{plan.parameters:,}",
        f"{told:,}" if told else "–",
        f"{plan.input[0]} × {by(plan.input[1:])}",
        by(plan.receptive_field) if plan.exact else "all",
        str(admissible_sizes(plan)[0]),
        spec.when,
    ]
