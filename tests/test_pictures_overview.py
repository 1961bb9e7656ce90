"""A survey on one page: what the panels show, read off what was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geocnn.grid import Axis, Grid, Window
from geocnn.pictures import overview, save_figure, survey_overview
from geocnn.pictures.drawing import class_colour
from geocnn.progress import finish
from geocnn.survey import sampling
from geocnn.survey.sampling import look
from geocnn.survey.survey import BoolArray, FloatArray, Survey

SHAPE = (12, 20, 64)


def noise(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)


class Held(ArraySurvey):
    """A survey that holds the traces it is told to, dead ones too, and notes what is read."""

    def __init__(self, samples: np.ndarray, held: np.ndarray | None = None) -> None:
        super().__init__(samples)
        self.held = np.ones(self.grid.lateral, bool) if held is None else held
        self.windows: list[Window] = []

    def read(self, window: Window) -> FloatArray:
        self.windows.append(window)
        return super().read(window)

    @property
    def present(self) -> BoolArray:
        return self.held


def drawn(survey: Survey) -> Figure:
    """The page, laid out and written once, so that it is known to be drawable."""
    figure = survey_overview(survey, finish(look(survey)))
    figure.canvas.draw()
    return figure


def panels(figure: Figure) -> dict[str, Axes]:
    return {place.get_title(): place for place in figure.axes if place.get_title()}


def test_the_panels_of_a_volume() -> None:
    titles = [*panels(drawn(ArraySurvey(noise())))]
    assert titles[:3] == ["all 240 traces", "amplitudes, p1 and p99 dashed", titles[2]]
    assert titles[2].startswith("spectrum: ")
    assert titles[3:] == ["Inline 106", "Crossline 110", "Time 128 ms"]


def test_the_map_tells_loud_dead_and_missing_traces() -> None:
    samples = noise()
    samples[0, 3, 4] *= 10
    samples[0, 6, 7] = 0
    held = np.ones(SHAPE[:2], bool)
    held[9, 15:] = False
    page = panels(drawn(Held(samples, held)))
    place = page["all 235 traces, red: dead, grey: none"]
    loud, dead, missing = (image.get_array() for image in place.images)
    expected = np.sqrt((samples[0] ** 2).mean(axis=-1))
    known = held & (expected > 0)
    assert np.allclose(loud[known], expected[known], rtol=1e-5)
    assert np.unravel_index(np.nanargmax(loud), loud.shape) == (3, 4)
    assert np.argwhere(~np.ma.getmaskarray(dead)).tolist() == [[6, 7]]
    assert np.argwhere(~np.ma.getmaskarray(missing)).tolist() == [[9, x] for x in range(15, 20)]
    assert place.get_xlim() == (99.5, 119.5)
    assert place.get_ylim() == (99.5, 111.5)


def test_a_large_map_is_drawn_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "CELLS", 4)
    samples = noise()
    samples[0, :3, :5] *= 5
    cells = panels(drawn(ArraySurvey(samples)))["all 240 traces"].images[0].get_array()
    assert cells.shape == (4, 4)
    rms = np.sqrt((samples[0] ** 2).mean(axis=-1))
    assert cells[0, 0] == pytest.approx(rms[:3, :5].mean(), rel=1e-5)
    assert cells[3, 3] == pytest.approx(rms[9:, 15:].mean(), rel=1e-5)


def test_of_a_large_survey_no_slice_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sampling, overview):
        monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(sampling, "BUDGET", 4 * 64 * 80)
    survey = Held(noise())
    seen = finish(look(survey))
    survey.windows.clear()
    page = panels(survey_overview(survey, seen))
    assert [window.shape for window in survey.windows] == [(1, 20, 64), (12, 1, 64)]
    assert "Time 128 ms" not in page
    assert f"{seen.traces} of 240 traces, white: not read" in page


def test_the_histogram_and_its_percentiles() -> None:
    samples = noise()
    place = panels(drawn(ArraySurvey(samples)))["amplitudes, p1 and p99 dashed"]
    lines = sorted(float(line.get_xdata()[0]) for line in place.lines)
    assert lines == pytest.approx(np.percentile(samples, (1, 99)), rel=1e-3)
    assert place.get_yscale() == "log"


def test_the_spectrum_of_a_sine() -> None:
    """25 Hz: 1000 ms hold 25 periods."""
    time = np.arange(256) * 4 / 1000
    survey = ArraySurvey(np.sin(2 * np.pi * 25 * time) * np.ones((1, 4, 5, 1)))
    title, place = next((key, value) for key, value in panels(drawn(survey)).items() if key.startswith("spectrum"))
    frequency, level = place.lines[0].get_data()
    assert frequency[np.argmax(level)] == pytest.approx(25, abs=1)
    assert max(level) == 0
    assert place.get_xlim() == (0, 125)
    assert place.get_xlabel() == "frequency (Hz)"
    assert "Hz at −20 dB" in title


def test_labels_have_a_bar_and_a_colour_for_each_value() -> None:
    labels = np.zeros(SHAPE, np.int8)
    labels[:, :5] = 3
    labels[:, :, 60:] = -1
    page = panels(drawn(ArrayLabel(labels)))
    bars = page["3 values"].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([100 * np.mean(labels == v) for v in (-1, 0, 3)])
    image = page["Inline 106"].images[0]
    for value in (-1, 0, 3):
        shown = tuple(round(255 * part) for part in image.cmap(image.norm(value))[:3])
        assert "#{:02X}{:02X}{:02X}".format(*shown) == class_colour(value)
    assert len({class_colour(value) for value in range(-1, 8)}) == 9


def test_a_line_is_drawn_as_a_curve() -> None:
    samples = noise((30, 64))
    samples[0, 10] = 0
    place = panels(drawn(Held(samples)))["all 30 traces, red: dead"]
    label, loud = place.lines[0].get_data()
    assert label.tolist() == list(range(100, 130))
    assert np.isnan(loud).nonzero()[0].tolist() == [10]
    assert place.lines[1].get_xdata().tolist() == [110]


def test_a_volume_of_one_line_is_one_section() -> None:
    assert [*panels(drawn(ArraySurvey(noise((30, 1, 64)))))][-1] == "Crossline 100"


def test_a_single_trace_is_a_curve() -> None:
    page = panels(drawn(ArraySurvey(noise((1, 1, 64)))))
    assert page["Inline 100, crossline 100"].get_xlabel() == "amplitude"
    assert not any(title.startswith("all") for title in page)


def gathers() -> ArraySurvey:
    """2 inlines × 3 crosslines × 4 offsets."""
    survey = ArraySurvey(np.zeros((1, 2, 3, 8)))
    survey.samples = noise((2, 3, 4, 64))
    axes = (
        Axis("inline", 1, 1, 2),
        Axis("crossline", 1, 1, 3),
        Axis("offset", 100, 50, 4),
        Axis("sample", 0, 4, 64, "ms"),
    )
    survey.grid = Grid(axes)
    return survey


def test_gathers_are_cut_along_each_axis() -> None:
    page = panels(drawn(gathers()))
    assert [*page][-4:] == [
        "Inline 2, offset 200",
        "Crossline 2, offset 200",
        "Inline 2, crossline 2",
        "Offset 200, time 128 ms",
    ]
    rms = np.sqrt((gathers().samples[0] ** 2).mean(axis=-1)).mean(axis=-1)
    assert np.allclose(page["all 24 traces"].images[0].get_array(), rms, rtol=1e-5)


@pytest.mark.parametrize(
    "samples",
    [np.zeros((1, 4, 5, 30)), np.full((1, 4, 5, 30), np.nan), 3e38 * (-1.0) ** np.indices((1, 4, 5, 30)).sum(axis=0)],
    ids=["dead", "NaN", "absurd"],
)
def test_odd_amplitudes_are_drawn(samples: np.ndarray, tmp_path: Path) -> None:
    survey = Held(samples)
    save_figure(survey_overview(survey, finish(look(survey))), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 1000


def test_a_name_in_letters_that_no_font_has(tmp_path: Path) -> None:
    survey = ArraySurvey(noise((4, 5, 30)), "小文件.sgy $1$")
    save_figure(survey_overview(survey, finish(look(survey))), tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 1000


def test_images_are_drawn() -> None:
    survey = ArraySurvey(noise((40, 50)))
    survey.grid = Grid((Axis("row", 0, 1, 40), Axis("column", 0, 1, 50)))
    assert [*panels(drawn(survey))] == ["amplitudes, p1 and p99 dashed"]
