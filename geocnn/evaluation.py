"""Exact prediction of a labelled survey, scored where it is interpreted and live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geocnn.device import Device
from geocnn.errors import SurveyError
from geocnn.metrics import BinaryScores, Scores, scorer
from geocnn.model import Model, far_from_training, normalised, require_fit
from geocnn.prediction.choice import probability_slabs
from geocnn.progress import Progress, Work
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import Survey

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found: scores, dead samples (among the ignored ones), and remarks for the user."""

    scores: Scores
    dead: int
    remarks: tuple[str, ...]


def evaluate(
    model: Model, image: Survey, label: Survey, device: Device, threshold: float | None = None
) -> Work[Evaluation]:
    """Score a model on a survey with labels, where the two overlap.

    Parameters
    ----------
    model
        The network and its contract.
    image, label
        The survey as the model takes it, and its labels: classes from 0 on, −1 where nobody interpreted.
    device
        Where to compute, in which precision.
    threshold
        Probability from which a sample counts as class 1, instead of the model's own.

    Raises
    ------
    ModelError
        If the model is of another dimension or channel count than the image.
    SurveyError
        If the label does not fit the image, or no sample is interpreted and live.
    """
    require_fit(model, image)
    contract = model.contract
    labelled = LabelledSurvey(image, label, len(contract.classes))
    found = yield from scan(image)
    training = Statistics.from_json(contract.statistics)
    survey = normalised(image, found, contract.normalisation, training)
    counting, dead = scorer(len(contract.classes)), 0
    done, total = 0, labelled.covered.size
    yield Progress(done, total, "samples", stage="evaluating")
    for slab, probability in probability_slabs(model.network, contract.patch, survey, labelled.covered, device):
        live = survey.live(slab)
        counting.add(probability, np.where(live, labelled.scored(slab), np.int8(-1)))
        dead += int(live.size - live.sum())
        done += slab.size
        yield Progress(done, total, "samples", stage="evaluating")
    counting.end_window()
    scores = counting.scores(contract.threshold if threshold is None else threshold)
    _require_scored(scores, label)
    trained = str(Path(image.name).absolute()) in contract.provenance.get("surveys", "").split(", ")
    seen = ("the model was trained on this survey: these scores are no proof",) if trained else ()
    remarks = (
        *seen,
        *labelled.remarks,
        *far_from_training(model, image.grid, found.statistics),
        *_remarks(scores, labelled),
    )
    return Evaluation(scores, dead, remarks)


def _require_scored(scores: Scores, label: Survey) -> None:
    if scores.scored == 0:
        raise SurveyError(
            f"label all ignore: {label.name} has no interpreted sample where the image is live",
            expected="labels from 0 on where someone interpreted, −1 elsewhere",
            do="check the label's values and lines with geocnn inspect",
        )


def _remarks(scores: Scores, labelled: LabelledSurvey) -> list[str]:
    """What the scores do not cover, or cannot tell."""
    remarks = []
    left_out = labelled.grid.whole.size - labelled.covered.size
    if left_out:
        remarks.append(f"{left_out:,} samples of the image lie outside the label and are not scored")
    if isinstance(scores, BinaryScores) and scores.positives == 0:
        remarks.append("no scored sample is labelled 1: precision, recall and their kin say nothing here")
    return remarks
