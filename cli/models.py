"""``geocnn models``"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import JsonOption

if TYPE_CHECKING:
    from geocnn.network.plan import Plan
    from geocnn.network.spec import Spec

__all__ = ["models"]

models = typer.Typer(help="The networks that come with geocnn.", no_args_is_help=True, rich_markup_mode=None)

COLUMNS = ("name", "parameters", "published", "input", "sees", "stride", "tiles")


@models.command("list")
def list_(json: JsonOption = False) -> None:
    """List the networks, their sizes, and when to use which.

    Example: geocnn models list
    """
    from geocnn.fitting import plan_alone
    from geocnn.network.spec import load_spec, zoo_names

    from . import report
    from .columns import table

    found = [(name, load_spec(name)[0]) for name in zoo_names()]
    planned = [(name, spec, plan_alone(spec)) for name, spec in found]
    if json:
        report.print_json([_facts(*each) for each in planned])
        return
    head, *rows = table([COLUMNS, *(_row(*each) for each in planned)], left=(0, 6))
    report.say(head.rstrip())
    for row, (_, spec) in zip(rows, found, strict=True):
        report.say(row.rstrip())
        report.say(textwrap.fill(spec.when, report.width(), initial_indent="    ", subsequent_indent="    "))
    report.say("")
    report.say(
        "All serve 1-D, 2-D and 3-D data; parameters are for this input, and the outputs of the publication or one."
    )
    report.say("Copy one with: geocnn models show NAME > mine.yaml")


def _row(name: str, spec: Spec, plan: Plan) -> tuple[str, ...]:
    """What the list tells of a network, in the order of `COLUMNS`."""
    from geocnn.network.wording import by

    published = spec.published.parameters if spec.published else None
    return (
        name,
        f"{plan.parameters:,}",
        f"{published:,}" if published else "–",
        f"{plan.input[0]} × {by(plan.input[1:])}",
        by(plan.receptive_field) if plan.exact else "all",
        by(plan.stride),
        "exact" if plan.exact else "no",
    )


@models.command()
def show(name: Annotated[str, typer.Argument(help="One of geocnn models list.")], json: JsonOption = False) -> None:
    """Print the layer spec of a network: its source, its layers, ready to be copied and changed.

    Example: geocnn models show faultseg3d > mine.yaml
    """
    from geocnn.fitting import plan_alone
    from geocnn.network.spec import load_spec, zoo_text

    from . import report

    text = zoo_text(name)
    if not json:
        report.say(text.rstrip())
        return
    spec, marked = load_spec(name)
    report.print_json({**_facts(name, spec, plan_alone(spec, marked)), "spec": spec.model_dump(mode="json")})


def _facts(name: str, spec: Spec, plan: Plan) -> dict[str, Any]:
    """What is known of a network, for programs."""
    return {
        "name": name,
        "title": spec.title,
        "source": spec.source,
        "when": spec.when,
        "parameters": plan.parameters,
        "published": spec.published.model_dump(mode="json") if spec.published else None,
        "input": plan.input,
        "outputs": plan.outputs,
        "receptive_field": plan.receptive_field,
        "stride": plan.stride,
        "exact": plan.exact,
    }
