"""The census: every interpreted, live sample is counted once, in its cell."""

from __future__ import annotations

import numpy as np
from arrays import ArrayLabel, ArraySurvey
from hypothesis import given
from hypothesis import strategies as st

from geocnn.census import Census, census
from geocnn.grid import Window
from geocnn.normalise import NormalisedSurvey, Normaliser
from geocnn.progress import finish
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.scan import scan


def counted(label: np.ndarray, window: Window, cell: tuple[int, ...]) -> tuple[Census, np.ndarray]:
    """The census, and the labels with what is dead as −1; trace 0 is dead, and so are the first samples of trace 1."""
    image = np.random.default_rng(0).normal(size=label.shape).astype(np.float32)
    flat = image.reshape(-1, label.shape[-1])
    if label.ndim > 1:
        flat[0] = 0
        flat[1, :9] = 0
    survey = ArraySurvey(image[None])
    normal = NormalisedSurvey(survey, finish(scan(survey)), Normaliser((0.0,), (1.0,), 9.0))
    truth = np.where(normal.live(survey.grid.whole), label, -1)
    return finish(census(normal, LabelledSurvey(survey, ArrayLabel(label), 3), window, cell)), truth


@given(st.data())
def test_cells_hold_what_their_windows_hold(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 3))
    shape = (*(data.draw(st.integers(2, 7)) for _ in range(axes - 1)), data.draw(st.integers(20, 30)))
    label = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-1, 3, shape).astype(np.int8)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True))
    cell = tuple(data.draw(st.integers(1, 9)) for _ in shape)
    found, truth = counted(label, Window(start, stop), cell)
    for number, counts in enumerate(found.counts.reshape(-1, 3)):
        inside = truth[found.box(number).slices]
        assert counts.tolist() == [int((inside == index).sum()) for index in range(3)]
    whole = truth[Window(start, stop).slices]
    assert found.classes.tolist() == [int((whole == index).sum()) for index in range(3)]
