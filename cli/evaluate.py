"""``geocnn evaluate``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geocnn.survey.options import SurveyOptions

from .options import DeviceOption, JsonOption, PrecisionOption, survey_options

if TYPE_CHECKING:
    from geocnn.evaluation import Evaluation
    from geocnn.model import Model

__all__ = ["evaluate"]


@survey_options
def evaluate(
    model: Annotated[Path, typer.Argument(help="Run directory or model file.")],
    image: Annotated[list[str], typer.Option(help="Survey; repeat the option to stack channels.")],
    label: Annotated[str, typer.Option(help="Its labels: classes from 0 on, -1 where nobody interpreted.")],
    options: SurveyOptions,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Instead of the model's threshold; rounded to 0.005. For two classes."),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    json: JsonOption = False,
) -> None:
    """Score a trained network on a labelled survey.

    Example: geocnn evaluate runs/first --image survey.sgy --label faults.h5:/faults
    """
    from geocnn.device import choose_device, keep_freed_memory
    from geocnn.evaluation import evaluate as evaluation
    from geocnn.model import load_model
    from geocnn.survey.opening import open_pair

    from . import report

    chosen = choose_device(device, precision)
    keep_freed_memory()
    trained = load_model(model)
    _require_threshold_applies(trained, threshold)
    surveys = open_pair(image, label, options)
    for remark in dict.fromkeys(remark for survey in surveys for remark in survey.remarks):
        report.warn(remark)
    found = report.show(evaluation(trained, *surveys, chosen, threshold), "evaluating")
    for remark in found.remarks:
        report.warn(remark)
    if json:
        names = {"model": str(model), "image": surveys[0].name, "label": surveys[1].name}
        source = "model" if threshold is None else "--threshold"
        report.print_json(
            {**names, "threshold_from": source, **found.scores.to_json(), "dead": found.dead}
            | {"remarks": list(found.remarks)}
        )
        return
    report.say(f"{model} on {surveys[0].name}, against {surveys[1].name}: {found.scores.summary()}")
    _tell(trained, found, threshold is not None)


def _require_threshold_applies(model: Model, threshold: float | None) -> None:
    from geocnn.errors import UsageError

    if threshold is not None and model.contract.outputs > 1:
        raise UsageError(
            f"--threshold {threshold:g} for a model of {len(model.contract.classes)} classes",
            expected="no threshold: the likeliest class is taken",
            do="leave --threshold out",
        )


def _tell(model: Model, found: Evaluation, told: bool) -> None:
    """Print the table, where the threshold comes from, and what was scored."""
    from geocnn.metrics import BinaryScores

    from . import report

    scores = found.scores
    report.table("scores", *scores.table(model.contract.classes))
    if isinstance(scores, BinaryScores):
        source = "given by --threshold" if told else "stored in the model, chosen on its validation data"
        report.say(
            f"threshold {scores.chosen[0].threshold:g}: {source}; {scores.best_threshold:g} would have been best "
            f"here (F1 {scores.best[0].f1:.3f}), which is optimistic: it was chosen on these very labels"
        )
        report.say("within r: prediction and label at most r samples apart; many may match one")
    report.say(
        f"{scores.scored:,} samples scored, {scores.ignored - found.dead:,} live ones not interpreted, "
        f"{found.dead:,} dead"
    )
