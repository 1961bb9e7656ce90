"""A model of fixed random weights and surveys of noise, for the measurements of prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geocnn.grid import Axis, Grid
from geocnn.model import Contract, Model, save_model
from geocnn.network.build import Network
from geocnn.network.initialisation import initialise
from geocnn.network.plan import expand
from geocnn.network.spec import load_spec
from geocnn.settings import NormalisationConfig
from geocnn.survey.creating import create_survey
from geocnn.survey.scan import Statistics
from geocnn.survey.survey import Domain, NewSurvey

__all__ = ["make_model", "make_survey"]

PATCH = (128, 128, 128)


def make_model(path: Path, name: str = "faultseg3d") -> Path:
    """A model file of a network of the zoo with seeded weights."""
    spec = load_spec(name)[0]
    network = Network(expand(spec, (1, *PATCH), 1))
    initialise(network, seed=0)
    contract = Contract(
        spec=spec,
        task="segmentation",
        classes=("background", "fault"),
        channels=1,
        axes=("inline", "crossline", "sample"),
        sampling=((1.0, ""), (1.0, ""), (4.0, "ms")),
        patch=PATCH,
        normalisation=NormalisationConfig(),
        statistics=Statistics(1, (0.0,), (1.0,), (-5.0,), (5.0,), None).to_json(),
        threshold=0.5,
        provenance={},
    )
    save_model(path, Model(network.eval(), contract))
    return path


def make_survey(path: Path, shape: tuple[int, int, int]) -> Path:
    """A SEG-Y file of noise, written slab by slab."""
    noise = np.random.default_rng(0)
    lines = (Axis("inline", 1, 1, shape[0]), Axis("crossline", 1, 1, shape[1]))
    grid = Grid((*lines, Axis("sample", 0, 4, shape[2], "ms")))
    with create_survey(str(path), NewSurvey(grid, Domain("time", "made for a benchmark")), overwrite=True) as writer:
        for slab in grid.slabs(4_000_000):
            writer.write(slab, noise.standard_normal((1, *slab.shape), np.float32))
        writer.commit()
    return path
