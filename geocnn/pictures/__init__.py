"""Pictures of surveys, of training and of predictions, drawn without a display."""

from __future__ import annotations

from geocnn.pictures.files import require_picture, save_figure
from geocnn.pictures.overview import survey_overview
from geocnn.pictures.run import loss_curve, training_panel
from geocnn.pictures.sections import section_panels

__all__ = ["loss_curve", "require_picture", "save_figure", "section_panels", "survey_overview", "training_panel"]
