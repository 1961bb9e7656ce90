"""A whole survey, predicted and written as it is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocnn.device import Device
from geocnn.model import Model, far_from_training, normalised, require_fit
from geocnn.prediction.passes import probability_slabs
from geocnn.progress import Progress, Remark, Work
from geocnn.survey.creating import create_survey
from geocnn.survey.scan import Statistics, scan
from geocnn.survey.survey import FloatArray, NewSurvey, Survey

__all__ = ["Output", "Predicted", "predict_volume"]


@dataclass(frozen=True)
class Output:
    """Where a prediction goes, and what it may use.

    Parameters
    ----------
    path, overwrite
        The file, and whether one that exists is replaced.
    memory
        Bytes of activations for one tile; half of what is free by default.
    sample_format
        Name of the format of the samples, 4-byte floats by default; integers hold probabilities in percent.
    """

    path: str
    overwrite: bool = False
    memory: int | None = None
    sample_format: str | None = None

    @property
    def percent(self) -> bool:
        """Whether probabilities are written as 0 to 100."""
        return self.sample_format is not None and "int" in self.sample_format


@dataclass(frozen=True)
class Predicted:
    """What was written: samples in all, dead ones (written as 0), and live ones found positive.

    Positive are probabilities from the model's threshold on, or classes other than the first. Clipped are those that
    the format of the file could not hold.
    """

    samples: int
    dead: int
    positive: int
    clipped: int


def predict_volume(model: Model, survey: Survey, output: Output, device: Device) -> Work[Predicted]:
    """Predict every sample of a survey and write it where the survey loads.

    One output is written as the probability of class 1, 0 to 1, or 0 to 100 in integers; several as the index of the
    likeliest class. Dead samples are 0.

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
    percent = contract.outputs == 1 and output.percent
    what = f"probability of {contract.classes[-1]}" if contract.outputs == 1 else "class index"
    what += " in percent" if percent else ""
    new = NewSurvey(
        survey.grid,
        survey.domain,
        provenance=(f"geocnn: {what}", *provenance),
        sample_format=output.sample_format,
        coordinates=survey.coordinates,
    )
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
            writer.write(slab, 100 * result if percent else result)
            dead += int(live.size - live.sum())
            positive += int(((result >= (contract.threshold if contract.outputs == 1 else 1)) & live).sum())
            yield Progress(slab.stop[0] * slab.size // slab.shape[0], survey.grid.whole.size, "samples")
        writer.commit()
    return Predicted(survey.grid.whole.size, dead, positive, writer.clipped)


def _result(probability: FloatArray) -> FloatArray:
    """What is written of probabilities (K, \\*w), as (1, \\*w)."""
    if len(probability) == 1:
        return probability
    return np.asarray(np.argmax(probability, axis=0)[None], np.float32)
