"""Labels on an image: matched by line numbers, −1 wherever nobody interpreted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arrays import ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import Traces

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.opening import open_survey


def moved(samples: np.ndarray, first: tuple[float, float, float], name: str) -> ArraySurvey:
    """A survey whose axes begin elsewhere."""
    survey = ArraySurvey(samples[None], name)
    survey.grid = Grid(
        tuple(
            Axis(axis.name, a, axis.step, axis.size, axis.unit) for axis, a in zip(survey.grid.axes, first, strict=True)
        )
    )
    return survey


@settings(deadline=None)
@given(st.data())
def test_labels_follow_their_line_numbers(data: st.DataObject) -> None:
    """Each sample of the label tells its labels; wherever the two overlap it must be found there, else −1."""
    shapes = [tuple(data.draw(st.integers(2, 6)) for _ in range(3)) for _ in range(2)]
    shift = tuple(data.draw(st.integers(-5, 5)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    values = rng.integers(-1, 4, shapes[1])
    values[..., 0] = 1  # no trace of zeros, which would be a missing one
    label = moved(values, (100 + shift[0], 100 + shift[1], 4 * shift[2]), "label")
    image = ArraySurvey(np.ones((1, *shapes[0])), "image")
    expected = np.full(shapes[0], -1)
    for at in np.ndindex(shapes[1]):
        where = tuple(i + d for i, d in zip(at, shift, strict=True))
        if all(0 <= i < n for i, n in zip(where, shapes[0], strict=True)):
            expected[where] = values[at]
    if not any((expected >= 0).ravel()) and any(d >= n or d + m <= 0 for d, n, m in zip(shift, *shapes, strict=True)):
        with pytest.raises(SurveyError, match="image and label do not overlap"):
            LabelledSurvey(image, label, 4)
        return
    labelled = LabelledSurvey(image, label, 4)
    labels = labelled.labels(image.grid.whole)
    assert labels.dtype == np.int8
    assert np.array_equal(labels, expected)
    covered = np.zeros(shapes[0], bool)
    covered[labelled.covered.slices] = True
    assert (expected[~covered] == -1).all()
    start = [data.draw(st.integers(0, n - 1)) for n in shapes[0]]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shapes[0], strict=True)]
    window = Window(tuple(start), tuple(stop))
    assert np.array_equal(labelled.labels(window), expected[window.slices])


@pytest.mark.parametrize("value", [2, 255, -2, 0.5, np.nan])
def test_values_that_are_no_class(value: float) -> None:
    samples = np.ones((3, 4, 5))
    samples[1, 2, 3] = value
    labelled = LabelledSurvey(ArraySurvey(np.ones((1, 3, 4, 5))), ArraySurvey(samples[None], "label.sgy"), 2)
    with pytest.raises(
        SurveyError, match=rf"label.sgy has the value {value:g} at inline 101, crossline 102, sample 12(.|\n)*0 to 1"
    ):
        labelled.labels(labelled.grid.whole)


def test_missing_label_traces_are_not_interpreted(tmp_path: Path) -> None:
    cube = Traces.of(np.ones((3, 4, 5)), range(3), range(4))
    label = open_survey(str(cube.picked([0, *range(2, 12)]).write(tmp_path / "label.sgy")))
    image = open_survey(str(cube.write(tmp_path / "image.sgy")))
    labels = LabelledSurvey(image, label, 2).labels(image.grid.whole)
    assert (labels[0, 1] == -1).all()
    assert np.sum(labels == 1) == 11 * 5


def unnumbered(survey: ArraySurvey) -> ArraySurvey:
    """The same, as a file without labels of positions."""
    axes = survey.grid.axes
    survey.grid = Grid(tuple(Axis(axis.name, 0, 1, axis.size) for axis in axes))
    survey.counted = frozenset(axis.name for axis in axes)
    return survey


@pytest.mark.parametrize("which", ["image", "label"])
def test_without_line_numbers_position_counts(which: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    image, label = ArraySurvey(np.ones((1, 3, 4, 5)), "image"), ArraySurvey(values[None], "label")
    unnumbered({"image": image, "label": label}[which])
    label.samples[..., 0] = 1
    labelled = LabelledSurvey(image, label, 2)
    assert np.array_equal(labelled.labels(image.grid.whole), label.samples[0])
    assert "inline, crossline, sample" in labelled.remarks[0]


def test_without_line_numbers_sizes_must_agree() -> None:
    image, label = ArraySurvey(np.ones((1, 3, 4, 5)), "image"), ArraySurvey(np.ones((1, 3, 6, 5)), "label")
    with pytest.raises(SurveyError, match=r"label has no crossline numbers.* 4 against 6"):
        LabelledSurvey(image, unnumbered(label), 2)


def test_labels_have_one_channel() -> None:
    image, label = ArraySurvey(np.ones((1, 3, 4, 5))), ArraySurvey(np.ones((2, 3, 4, 5)), "label.h5")
    with pytest.raises(SurveyError, match=r"label\.h5 has 2 channels"):
        LabelledSurvey(image, label, 2)


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (Axis("sample", 0, 2, 5, "ms"), "same sample positions"),
        (Axis("sample", 1, 4, 5, "ms"), "same sample positions"),
        (Axis("sample", 0, 4, 5, "m"), "same sample positions"),
        (Axis("column", 0, 4, 5), "different axes"),
    ],
)
def test_axes_that_do_not_fall_on_each_other(axis: Axis, message: str) -> None:
    image, label = ArraySurvey(np.ones((1, 3, 4, 5)), "image"), ArraySurvey(np.ones((1, 3, 4, 5)), "label")
    label.grid = Grid((*label.grid.axes[:-1], axis))
    with pytest.raises(SurveyError, match=message):
        LabelledSurvey(image, label, 2)


def test_parihaka(real_data: Path) -> None:
    image = open_survey(str(real_data / "parihaka/parihaka_seismic.sgy"))
    label = open_survey(str(real_data / "parihaka/parihaka_faults.h5:/faults"))
    labelled = LabelledSurvey(image, label, 2)
    assert labelled.covered == image.grid.whole
    assert labelled.remarks == ()
    labels = labelled.labels(image.grid.whole)
    assert set(np.unique(labels)) == {-1, 0, 1}
    assert np.mean(labels == -1) == pytest.approx(0.44, abs=0.01)
