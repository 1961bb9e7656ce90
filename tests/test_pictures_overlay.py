"""Overlays: ignored labels are hatched, distances have a colour for each sign, the rest is opaque by its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geocnn.grid import Axis, Grid
from geocnn.interpretation.horizon_classes import distance
from geocnn.pictures import save_figure, section_panels, telling_planes
from geocnn.pictures.classes import HATCH
from geocnn.pictures.drawing import NOTHING

SHAPE = (12, 10, 16)

Colour = tuple[int, ...]


def grey() -> ArraySurvey:
    """A survey of noise between 0 and 1, so that no pixel has the colours of the hatch's ground."""
    return ArraySurvey(np.random.default_rng(0).uniform(0.1, 0.4, (1, *SHAPE)) * (-1) ** np.arange(SHAPE[-1]))


def label(*, background: tuple[slice, ...] = (), marked: tuple[int, ...] | None = None) -> ArrayLabel:
    """A label that is ignored but for a box of background, and one sample that is marked."""
    values = np.full(SHAPE, -1, np.int8)
    if background:
        values[background] = 0
    if marked:
        values[marked] = 1
    return ArrayLabel(values)


def pair(figure: Figure, title: str) -> tuple[Axes, Axes]:
    """The clean panel of a title, and the one below it."""
    found = [place for place in figure.axes if place.get_title() == title]
    assert len(found) == 2
    return found[0], found[1]


def drawn(place: Axes) -> np.ndarray:
    """Pixels of the figure of a place, whose first row is the lowest."""
    if place.figure.stale:
        place.figure.canvas.draw()
    return np.asarray(place.figure.canvas.buffer_rgba())[::-1, :, :3]  # type: ignore[attr-defined]


def colours(place: Axes, across: float, down: float, step: float = 4, width: float = 0.3) -> set[Colour]:
    """All colours within a sample at labels, off its edges."""
    picture = drawn(place)
    corners = [(across - width, down - 0.3 * step), (across + width, down + 0.3 * step)]
    (left, low), (right, high) = np.sort(place.transData.transform(corners), axis=0).astype(int)
    part = picture[low : high + 1, left : right + 1]
    return {tuple(int(value) for value in pixel) for pixel in part.reshape(-1, 3)}


def rgb(colour: str) -> Colour:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def is_hatched(place: Axes, across: float, down: float) -> bool:
    """Whether the ground of the hatch shows at a sample: it is no grey of the survey's."""
    return rgb(HATCH["facecolor"]) in colours(place, across, down)


def middle(place: Axes, across: float, down: float) -> Colour:
    """Colour in the middle of a sample."""
    picture = drawn(place)
    x, y = place.transData.transform((across, down))
    return tuple(int(value) for value in picture[int(y), int(x)])


def keys(figure: Figure) -> list[str]:
    """Entries of the legends of a figure."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_ignored_samples_are_hatched_and_background_is_not() -> None:
    over = label(background=np.s_[:, :5, :], marked=(6, 7, 5))
    figure = section_panels(grey(), over, {})
    clean, laid = pair(figure, "Inline 106")
    assert keys(figure) == ["ignored (−1)"]
    for crossline in (105, 106, 109):
        for time in (0, 40, 60):
            assert is_hatched(laid, crossline, time), (crossline, time)
            assert not is_hatched(clean, crossline, time)
    for crossline in (100, 102, 104):
        for time in (0, 40, 60):
            assert not is_hatched(laid, crossline, time), (crossline, time)
            assert middle(laid, crossline, time) == pytest.approx(middle(clean, crossline, time), abs=3)
    red, _, blue = middle(laid, 107, 20)
    assert red > blue + 40
    assert (laid.get_xlim(), laid.get_ylim()) == (clean.get_xlim(), clean.get_ylim())
    _, time_slice = pair(figure, "Time 32 ms")
    assert {at for at in range(100, 110) if rgb(HATCH["facecolor"]) in colours(time_slice, at, 103, step=1)} == set(
        range(105, 110)
    )


def test_a_label_that_is_all_ignored_looks_other_than_one_of_background() -> None:
    ignored, background = (section_panels(grey(), ArrayLabel(np.full(SHAPE, value, np.int8)), {}) for value in (-1, 0))
    assert (keys(ignored), keys(background)) == (["ignored (−1)"], [])
    for title, across, down in (("Inline 106", 104, 20), ("Crossline 105", 104, 20)):
        clean, laid = pair(background, title)
        assert middle(clean, across, down) == middle(laid, across, down)
        assert is_hatched(pair(ignored, title)[1], across, down)


def test_beside_a_label_of_another_extent_nothing_is_hatched() -> None:
    values = np.full((6, 5, 8), -1, np.int8)
    values[2, 3, 4] = 0
    over = ArrayLabel(values)
    over.grid = Grid((Axis("inline", 104, 1, 6), Axis("crossline", 103, 1, 5), Axis("sample", 16, 4, 8, "ms")))
    _, laid = pair(section_panels(grey(), over, {}), "Inline 106")
    hatched = {
        (crossline, time)
        for crossline in range(100, 110)
        for time in range(0, 64, 4)
        if is_hatched(laid, crossline, time)
    }
    covered = {(crossline, time) for crossline in range(103, 108) for time in range(16, 48, 4)}
    assert hatched == covered - {(106, 32)}


def test_where_lines_fall_the_hatch_lies_at_its_labels() -> None:
    survey, over = grey(), label(background=np.s_[:, :2, :])
    inline, _, sample = survey.grid.axes
    survey.grid = over.grid = Grid((inline, Axis("crossline", 500, -1, SHAPE[1]), sample))
    _, laid = pair(section_panels(survey, over, {}), "Inline 106")
    assert [at for at in range(500, 490, -1) if not is_hatched(laid, at, 20)] == [500, 499]


def test_where_the_survey_has_no_sample_the_label_hatches_only_what_it_ignores() -> None:
    survey = grey()
    survey.samples[0, 6, 2] = survey.samples[0, 6, 8] = 0
    _, laid = pair(section_panels(survey, label(background=np.s_[:, :5, :]), {}), "Inline 106")
    assert middle(laid, 102, 20) == rgb(NOTHING)
    assert is_hatched(laid, 108, 20)


def test_an_ignored_part_of_a_trace_is_hatched_behind_its_curve() -> None:
    values = np.full(16, -1, np.int8)
    values[4:8], values[5] = 0, 1
    trace = np.random.default_rng(0).normal(size=(1, 16))
    figure = section_panels(ArraySurvey(trace), ArrayLabel(values), {})
    _, laid = (place for place in figure.axes if place.get_xlabel())
    edge = 0.95 * laid.get_xlim()[1]
    found = {time: colours(laid, edge, time, width=0.02) for time in range(0, 64, 4)}
    white = {time for time, each in found.items() if each == {(255, 255, 255)}}
    assert white == {16, 24, 28}
    assert {time for time, each in found.items() if rgb(HATCH["facecolor"]) in each} == set(found) - {16, 20, 24, 28}
    assert keys(figure) == ["ignored (−1)"]


@pytest.mark.parametrize(
    "values",
    [(-1.0, 0.5), (-2.0, 1.0), (-1.0, 128.0), (0.0, 1.0)],
    ids=["not whole", "below -1", "no class", "nothing ignored"],
)
def test_what_is_no_label_with_ignored_samples_is_the_more_opaque_the_higher(values: tuple[float, float]) -> None:
    low, high = values
    samples = np.full(SHAPE, low, np.float32)
    samples[:, 4] = high
    samples[:, 0] = 0
    figure = section_panels(grey(), ArrayLabel(samples), {})
    clean, laid = pair(figure, "Inline 106")
    assert keys(figure) == []
    assert laid.images[-1].get_clim() == (0, max(1, high))
    assert middle(laid, 102, 20) == middle(clean, 102, 20)
    red, _, blue = middle(laid, 104, 20)
    assert red > blue + 20


def test_an_overlay_of_amplitudes_is_no_distance() -> None:
    time = np.arange(SHAPE[-1])
    wave = np.broadcast_to(np.sin(2 * np.pi * time / 11), SHAPE)
    noise = np.random.default_rng(1).normal(size=SHAPE)
    for samples in (wave, noise, wave + 0.1 * noise, 1e4 * wave):
        figure = section_panels(grey(), ArrayLabel(samples), {})
        assert pair(figure, "Inline 106")[1].images[-1].get_clim()[0] == 0


@pytest.mark.parametrize("depth", [7.0, 6.6], ids=["whole", "between samples"])
@pytest.mark.parametrize("rough", [0.0, 0.05], ids=["made", "predicted"])
def test_distances_have_a_colour_for_each_sign_and_nulls_are_left_out(depth: float, rough: float) -> None:
    depths = np.full((1, *SHAPE[:2]), depth)
    depths[:, :, :3] = np.nan
    samples = np.asarray(distance(depths, SHAPE[-1], 2).samples, np.float32)
    known = samples < 1e29
    samples[known] += rough * np.random.default_rng(2).normal(size=int(known.sum()))
    figure = section_panels(grey(), ArrayLabel(samples), {})
    clean, laid = pair(figure, "Inline 106")
    assert keys(figure) == []
    shown = np.concatenate([samples[6].ravel(), samples[:, 5].ravel(), samples[:, :, 8].ravel()])
    farthest = float(np.abs(shown[shown < 1e29]).max())
    assert laid.images[-1].get_clim() == pytest.approx((-farthest, farthest))
    for crossline in (104, 108):
        red, _, blue = middle(laid, crossline, 8)
        assert blue > red + 40
        red, _, blue = middle(laid, crossline, 52)
        assert red > blue + 40
        if depth == 7 and not rough:
            red, _, blue = middle(laid, crossline, 28)
            assert abs(red - blue) < 5
    for time in (8, 28, 52):
        assert middle(laid, 101, time) == middle(clean, 101, time)


def test_whole_distances_from_minus_one_on_are_no_label() -> None:
    samples = np.broadcast_to(np.arange(SHAPE[-1]) - 1, SHAPE)
    figure = section_panels(grey(), ArrayLabel(samples), {})
    assert keys(figure) == []
    assert pair(figure, "Inline 106")[1].images[-1].get_clim() == (-14, 14)


def test_a_trace_has_distances_behind_its_curve() -> None:
    trace = np.random.default_rng(0).normal(size=(1, 16))
    figure = section_panels(ArraySurvey(trace), ArrayLabel(np.arange(16) - 7.5), {})
    _, laid = (place for place in figure.axes if place.get_xlabel())
    edge = 0.95 * laid.get_xlim()[1]
    (red, _, blue), (red_below, _, blue_below) = middle(laid, edge, 4), middle(laid, edge, 56)
    assert blue > red + 40
    assert red_below > blue_below + 40


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_hatched_overlays_are_saved_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    save_figure(section_panels(grey(), label(background=np.s_[:, :5, :]), {}), path)
    assert path.stat().st_size > 10_000


def sticks_label(*, crosslines: tuple[int, ...] = ()) -> ArrayLabel:
    """A fault across all inlines, widest on the one at 5; inlines at 2 and 8 were looked at, and some crosslines."""
    values = np.full(SHAPE, -1, np.int8)
    values[[2, 8]] = 0
    values[:, list(crosslines)] = 0
    values[:, 4, 3:6] = 1
    values[5, 3:7, 3:9] = 1
    values[8, 4, 3:8] = 1
    return ArrayLabel(values)


@pytest.mark.parametrize("crosslines", [(), (1,)])
def test_the_telling_line_is_one_that_was_interpreted(crosslines: tuple[int, ...]) -> None:
    found = telling_planes(sticks_label(crosslines=crosslines))
    assert found["inline"] == 108
    assert list(found) == ["inline", "crossline", "sample"]
    assert section_panels(grey(), sticks_label(), found).axes[0].get_title() == "Inline 108"


def test_telling_planes_cut_most_of_what_is_marked() -> None:
    values = np.zeros(SHAPE, np.int8)
    values[3, 1:9, 5] = values[:, 7, 11] = 1
    values[2, 2:4, 11] = 1
    assert telling_planes(ArrayLabel(values)) == {"inline": 103, "crossline": 107, "sample": 44}


def test_an_interpreted_line_without_a_fault_is_not_telling() -> None:
    values = np.full(SHAPE, -1, np.int8)
    values[4] = 0
    values[9, 5, 5] = 1
    assert telling_planes(ArrayLabel(values))["inline"] == 109


def test_nothing_is_telling_where_nothing_is_marked() -> None:
    for value in (-1, 0):
        assert telling_planes(ArrayLabel(np.full(SHAPE, value, np.int8))) == {}
    assert telling_planes(ArrayLabel(np.ones((10, 16), np.int8))) == {}


def test_nulls_of_a_distance_are_not_telling() -> None:
    depths = np.full((1, *SHAPE[:2]), np.nan)
    depths[0, 3, 2:9] = depths[0, 4, 6] = 7
    samples = np.asarray(distance(depths, SHAPE[-1], 2).samples, np.float32)
    found = telling_planes(ArrayLabel(samples))
    assert (found["inline"], found["crossline"]) == (103, 106)
