"""How long it takes to read a layer spec and plan it, without torch: ``python -m benchmarks.planning``."""

from __future__ import annotations

import sys

from benchmarks.timing import Report, medians
from geocnn.marked import parse_marked
from geocnn.network.plan import Plan, expand
from geocnn.network.spec import load_spec, read_spec, zoo_names

ROUNDS = 15
MOST = 20.0
"""Milliseconds for a network of the zoo."""


def main() -> int:
    """Plan every network of the zoo, and a text of 10,000 layers; 1 if a promise was not kept."""
    report = Report()
    seconds = medians({name: lambda _, name=name: _planned(name) for name in zoo_names()}, ROUNDS)
    for name, value in sorted(seconds.items(), key=lambda item: item[1]):
        report.value(f"{name}, {len(_planned(name).nodes)} nodes", 1000 * value, "ms", MOST)
    text = "- {conv: 2, kernel: 3, activation: relu}\n" * 10_000 + "- {conv: outputs, kernel: 1}"
    many = medians({"10,000 layers": lambda _: _many(text)}, 5)
    report.value("10,000 layers", many["10,000 layers"], "s", 1.0)
    report.value("modules of torch loaded", sum(name.startswith("torch") for name in sys.modules), "", 0)
    return int(report.broken > 0)


def _planned(name: str) -> Plan:
    spec, marked = load_spec(name)
    published = spec.published
    size, outputs = (published.input, published.outputs) if published else ((1, 64, 64, 64), 1)
    return expand(spec, size, outputs, marked)


def _many(text: str) -> object:
    marked = parse_marked(text, "many.yaml")
    spec = read_spec(marked, (), marked.data, [])
    if spec is None:
        raise ValueError("the layers cannot be read")
    return expand(spec, (1, 64, 64), 1, marked)


if __name__ == "__main__":
    sys.exit(main())
