"""A whole survey, predicted and written as it is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocnn.device import Device
from geocnn.model import Model, far_from_training, normalised, require_fit
from geocnn.prediction.passes import probability_slabs
from geocnn.progress import Progress, Remark, Work
from geocnn.survey.opening import create_survey
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import FloatArray, NewSurvey, Survey

__all__ = ["Output", "Predicted", "predict_volume"]


@dataclass(frozen=True)
class Output:
    """Where a prediction goes, and what it may use: `memory` is bytes of activations for one tile,
    half of what is free by default."""

    path: str
    overwrite: bool = False
    memory: int | None = None


@dataclass(frozen=True)
class Predicted:
    """What was written: samples in all, dead ones (written as 0), and live ones found positive.

    Positive are probabilities from the model's threshold on, or classes other than the first.
    """

    samples: int
    dead: int
    positive: int


def predict_volume(model: Model, survey: Survey, output: Output, device: Device) -> Work[Predicted]:
    """Predict every sample of a survey and write it where the survey loads.

    One output is written as the probability of class 1; several as the index of the likeliest class. Dead samples
    are 0.

    Raises
    ------
    ModelError
        If the survey is of another dimension or channel count, or the network cannot be cut into tiles.
    OutputError
        If the output exists or cannot be written.
    """
    require_fit(model, survey)
    contract = model.contract
    provenance = [f"{key}: {value}" for key, value in contract.provenance.items()]
    what = f"probability of {contract.classes[-1]}" if contract.outputs == 1 else "class index"
    new = NewSurvey(survey.grid, survey.domain, provenance=(f"geocnn: {what}", *provenance))
    with create_survey(output.path, new, like=survey, overwrite=output.overwrite) as writer:
        found = yield from scan(survey)
        training = Statistics.from_json(contract.statistics)
        for remark in far_from_training(model, survey.grid, found.statistics):
            yield Remark(remark)
        image = normalised(survey, found, contract.normalisation, training)
        dead = positive = 0
        for slab, probability in probability_slabs(model.network, image, survey.grid.whole, device, output.memory):
            live = image.live(slab)
            result = _result(probability) * live
            writer.write(slab, result)
            dead += int(live.size - live.sum())
            positive += int(((result >= (contract.threshold if contract.outputs == 1 else 1)) & live).sum())
            yield Progress(slab.stop[0] * slab.size // slab.shape[0], survey.grid.whole.size, "samples")
        writer.commit()
    return Predicted(survey.grid.whole.size, dead, positive)


def _result(probability: FloatArray) -> FloatArray:
    """What is written of probabilities (K, \\*w), as (1, \\*w)."""
    if len(probability) == 1:
        return probability
    return np.asarray(np.argmax(probability, axis=0)[None], np.float32)
