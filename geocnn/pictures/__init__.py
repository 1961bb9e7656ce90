"""Pictures of surveys, of training and of predictions, drawn without a display."""

from __future__ import annotations

from geocnn.pictures.curves import loss_curve, range_curve
from geocnn.pictures.files import require_picture, save_figure
from geocnn.pictures.overview import survey_overview
from geocnn.pictures.panel import training_panel
from geocnn.pictures.sample import sample_panels
from geocnn.pictures.sections import section_panels
from geocnn.pictures.telling import telling_planes

__all__ = [
    "loss_curve",
    "range_curve",
    "require_picture",
    "sample_panels",
    "save_figure",
    "section_panels",
    "survey_overview",
    "telling_planes",
    "training_panel",
]
