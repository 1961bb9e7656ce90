"""``geocnn predict``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geocnn.survey.options import SampleFormatName, SurveyOptions

from .options import DeviceOption, OverwriteOption, PrecisionOption, read_bytes, survey_options

__all__ = ["predict"]


@survey_options
def predict(
    model: Annotated[Path, typer.Argument(help="Run directory or model file.")],
    survey: Annotated[list[str], typer.Argument(help="Survey to predict; several files are stacked as channels.")],
    out: Annotated[str, typer.Option(help="Output; its suffix names the format (.sgy, .h5).")],
    options: SurveyOptions,
    overwrite: OverwriteOption = False,
    format: Annotated[
        SampleFormatName | None,
        typer.Option(
            help="Sample format of the output, ieee by default; integers hold probabilities as 0 to 100, "
            "which geocnn plot draws alike, and classes as they are."
        ),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory for activations, such as 8GB; half of what is free by default.")
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Run a trained network over a whole survey.

    Example: geocnn predict runs/first new.sgy --out new-faults.sgy
    """
    from geocnn.device import choose_device, keep_freed_memory
    from geocnn.model import load_model
    from geocnn.prediction.volume import Output, predict_volume
    from geocnn.survey.opening import open_survey

    from . import report

    output = Output(out, overwrite, read_bytes(memory) if memory is not None else None, format)
    chosen = choose_device(device, precision)
    keep_freed_memory()
    trained = load_model(model)
    opened = open_survey(survey, options)
    report.say(f"predicting {opened.name} on {chosen}")
    for remark in opened.remarks:
        report.warn(remark)
    done = report.show(predict_volume(trained, opened, output, chosen), "predicting")
    live = max(1, done.samples - done.dead)
    contract = trained.contract
    found = f"at or above {contract.threshold:g}" if contract.outputs == 1 else f"not {contract.classes[0]}"
    report.say(
        f"done: {out}, {done.samples:,} samples, {done.dead:,} dead; {100 * done.positive / live:.1f} % of the live "
        f"ones {found}"
    )
    if done.clipped:
        report.warn(f"{done.clipped:,} samples were clipped to what {format} can hold")
