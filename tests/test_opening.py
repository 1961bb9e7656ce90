"""Opening by name: suffixes, several files as channels, every error with the user's own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arrays import ArraySurvey
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import OutputError, SurveyError
from geocnn.survey.opening import create_survey, open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import NewSurvey


def test_several_files_are_channels(volume: Path, tmp_path: Path) -> None:
    cube = Traces.of(-encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES)
    other = cube.picked(range(1, 20)).write(tmp_path / "b.SGY")
    survey = open_survey([str(volume), str(other)], SurveyOptions(null=0))
    assert survey.channels == 2
    assert survey.null == 0
    assert survey.name == f"{volume} + {other}"
    near, far = survey.read(survey.grid.whole)
    assert np.array_equal(near[1:], -far[1:])
    assert (~survey.present).sum() == 1
    assert any(str(other) in remark for remark in survey.remarks)
    assert survey.description["channel 1, file"] == str(other)
    assert open_survey([str(volume)]).channels == 1


@pytest.mark.parametrize("lines", [(4, 6, 8), (6, 8, 10, 12), (5, 7, 9, 11)])
def test_channels_must_share_a_grid(volume: Path, tmp_path: Path, lines: tuple[int, ...]) -> None:
    other = Traces.of(encoded(lines, CROSSLINES, SAMPLES), lines, CROSSLINES).write(tmp_path / "b.sgy")
    with pytest.raises(SurveyError, match=r"cover different parts|same inline positions"):
        open_survey([str(volume), str(other)])


def test_a_stack_writes_like_its_first_survey(volume: Path, tmp_path: Path) -> None:
    survey = open_survey([str(volume), str(volume)])
    assert isinstance(survey, StackedSurvey)
    with create_survey(str(tmp_path / "f.sgy"), NewSurvey(survey.grid, survey.domain), like=survey) as writer:
        writer.write(survey.grid.whole, survey.read(survey.grid.whole)[:1])
        writer.commit()
    assert (tmp_path / "f.sgy").read_bytes() == volume.read_bytes()


def test_segy_from_anything_else_is_fresh(tmp_path: Path) -> None:
    survey = ArraySurvey(np.ones((1, 3, 4, 5)))
    with create_survey(str(tmp_path / "f.segy"), NewSurvey(survey.grid, survey.domain), like=survey) as writer:
        writer.write(survey.grid.whole, survey.samples)
        writer.commit()
    assert open_survey(str(tmp_path / "f.segy")).grid == survey.grid


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.sgy", r"missing\.sgy: no such file"),
        ("missing.h5:/data", r"missing\.h5: no such file"),
        ("survey.su", r"suffix \.su(.|\n)*\.sgy, \.segy, \.h5, \.hdf5"),
        ("survey", "suffix of no format"),
        (".", "is a folder"),
        ("folder.sgy", "is a folder"),
    ],
)
def test_names_that_cannot_be_opened(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.sgy").mkdir()
    with pytest.raises(SurveyError, match=message):
        open_survey(str(tmp_path / name))


def test_names_that_cannot_be_written(tmp_path: Path) -> None:
    survey = ArraySurvey(np.ones((1, 3, 4, 5)))
    with pytest.raises(OutputError, match=r"suffix \.png(.|\n)*\.sgy"):
        create_survey(str(tmp_path / "f.png"), NewSurvey(survey.grid, survey.domain))
    with pytest.raises(OutputError, match="no folder"):
        create_survey(str(tmp_path / "none/f.h5:/data"), NewSurvey(survey.grid, survey.domain))


@pytest.mark.parametrize("suffix", ["sgy", "h5"])
def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("geocnn.survey.segy.reader.open_segy_file", refuse)
    monkeypatch.setattr("h5py.File", refuse)
    (tmp_path / f"f.{suffix}").touch()
    with pytest.raises(SurveyError, match="cannot be read: Permission denied"):
        open_survey(str(tmp_path / f"f.{suffix}"))
