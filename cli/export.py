"""``geocnn export``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

from .options import OverwriteOption, read_sizes, survey_options

if TYPE_CHECKING:
    from geocnn.exporting import Exported

__all__ = ["export"]


@survey_options
def export(
    model: Annotated[Path, typer.Argument(help="Run directory or model file.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    options: SurveyOptions,
    shape: Annotated[
        str | None,
        typer.Option(help="Fix the sizes, as OpendTect needs: samples along each axis, such as 64,64,64; else any."),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(help="Normalise by the statistics of this SURVEY, not training's; once per stacked file."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a trained model as an ONNX file, for OpendTect and other programs.

    Example: geocnn export runs/first --out faults.onnx --shape 64,64,64
    """
    from geocnn.exporting import Export, export_model
    from geocnn.model import load_model
    from geocnn.survey.opening import open_survey

    from . import report

    if out.suffix != ".onnx":
        raise UsageError(
            f"--out {out}", expected="a file that ends in .onnx", do=f"write --out {out.with_suffix('.onnx')}"
        )
    if not like and options != SurveyOptions():
        raise UsageError(
            "options of a survey without --like", expected="a survey to read by them", do="add --like SURVEY"
        )
    sizes = read_sizes("--shape", shape, "samples along each axis", "write --shape 64,64,64") if shape else None
    asked = Export(out, overwrite, sizes)
    trained = load_model(model)
    survey = open_survey(like, options) if like else None
    for remark in survey.remarks if survey is not None else ():
        report.warn(remark)
    done = report.show(export_model(trained, asked, survey), "exporting")
    report.say(f"done: {out}, {_spelt(done.input)} amplitudes to {_spelt(done.output)} probabilities")
    _say_more(done)


def _say_more(done: Exported) -> None:
    """What the file holds, and how it compares."""
    from . import report

    scales = zip(done.normaliser.mean, done.normaliser.std, strict=True)
    numbers = "; ".join(dict.fromkeys(f"mean {mean:.6g}, standard deviation {std:.6g}" for mean, std in scales))
    report.say(
        f"normalised inside by the statistics of {done.statistics}: {numbers}, clipped at ± {done.normaliser.clip:g}"
    )
    if done.sizes:
        report.say(f"takes any batch, and along each axis: {', '.join(dict.fromkeys(done.sizes))}")
    for each in done.compared:
        report.say(
            f"compared with the network on {_spelt(each.input)}: probabilities differ by at most {each.difference:.1e}"
        )
    for each in done.compared:
        if each.rounding:
            report.warn(f"float32 itself differs from float64 by {each.rounding:.1e} there: it is rounding")
    if done.uncompared:
        report.warn(f"not compared with the network: {done.uncompared}")


def _spelt(sizes: tuple[int | str, ...]) -> str:
    return " × ".join(map(str, sizes))
