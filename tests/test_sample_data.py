"""The surveys of sample_data/: what the script makes is what lies there, it is as awkward as told, its config fits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import segyio

from geocnn.config import load_config
from geocnn.grid import overlap
from geocnn.preflight import preflight
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.opening import open_survey
from geocnn.survey.survey import Survey

FOLDER = Path(__file__).resolve().parent.parent / "sample_data"
SURVEYS = ("training-seismic.sgy", "training-label.h5", "unseen-seismic.sgy", "unseen-label.h5")


def opened(name: str) -> Survey:
    return open_survey(str(FOLDER / name))


def test_the_script_makes_what_lies_there(tmp_path: Path) -> None:
    subprocess.run([sys.executable, FOLDER / "make_sample_data.py", tmp_path], check=True, timeout=120)
    assert {path.name for path in tmp_path.iterdir()} == set(SURVEYS)
    for name in SURVEYS:
        made, kept = open_survey(str(tmp_path / name)), opened(name)
        assert made.grid == kept.grid
        # Processors round in their own ways: a last digit of the floats, one step of the 16-bit integers.
        tolerance = 1.0 if name == "unseen-seismic.sgy" else 1e-5
        np.testing.assert_allclose(made.read(made.grid.whole), kept.read(kept.grid.whole), atol=tolerance)


@pytest.mark.parametrize("pair", ["training", "unseen"])
def test_labels_lie_on_their_images(pair: str) -> None:
    image, label = opened(f"{pair}-seismic.sgy"), opened(f"{pair}-label.h5")
    assert overlap(image.grid, label.grid, (image.name, label.name)) == (image.grid.whole, label.grid.whole)
    labels = LabelledSurvey(image, label, classes=2).labels(image.grid.whole)
    np.testing.assert_array_equal((labels >= 0).all(axis=-1), image.present)
    assert 0.03 < (labels == 1).mean() < 0.15


def test_the_unseen_image_is_awkward() -> None:
    with segyio.open(str(FOLDER / "unseen-seismic.sgy"), ignore_geometry=True) as file:
        assert int(file.format) == segyio.SegySampleFormat.SIGNED_SHORT_2_BYTE
        inlines, crosslines = (np.asarray(file.attributes(field)[:]) for field in (189, 193))
    assert (np.diff(crosslines) >= 0).all()
    assert (np.diff(inlines) < 0).any()
    image = opened("unseen-seismic.sgy")
    assert not image.present[-1, -1]
    assert image.present[0].all()
    assert image.present[:, 0].all()
    assert image.bins is not None
    np.testing.assert_allclose(image.bins.size, 25, atol=0.1)


def test_the_config_fits_and_trains_on_the_pair_beside_it() -> None:
    checked = preflight(load_config(FOLDER / "faults.yaml"))
    assert [Path(labelled.image.name).name for labelled, _ in checked.training] == ["training-seismic.sgy"]
    assert checked.plan.parameters == 88_673


def test_the_table_names_every_file_of_the_repository() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {*SURVEYS, "make_sample_data.py", "faults.yaml", "demo.yaml", "demo.sh"} == listed
    assert all((FOLDER / name).is_file() for name in listed)


def test_the_folder_stays_small() -> None:
    assert sum(os.path.getsize(FOLDER / name) for name in SURVEYS) < 8e6
