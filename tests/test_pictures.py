"""Pictures: what lies where, read off the drawn pixels at line numbers and milliseconds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from arrays import ArraySurvey
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geocnn.errors import OutputError, RunError, SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.pictures import (
    loss_curve,
    range_curve,
    require_picture,
    sample_panels,
    save_figure,
    section_panels,
    training_panel,
)
from geocnn.pictures.drawing import NOTHING, VERMILLION
from geocnn.survey.survey import FloatArray

SHAPE = (12, 10, 16)


class Watched(ArraySurvey):
    """A survey that notes which windows are read."""

    def __init__(self, samples: np.ndarray, name: str = "watched") -> None:
        super().__init__(samples, name)
        self.windows: list[Window] = []

    def read(self, window: Window) -> FloatArray:
        self.windows.append(window)
        return super().read(window)


def noise(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)


def spot(shape: tuple[int, ...], *places: tuple[int, ...], name: str = "spot") -> ArraySurvey:
    """A survey of −1 with samples of 1 in places."""
    samples = np.full((1, *shape), -1, np.float32)
    for place in places:
        samples[(0, *place)] = 1
    return ArraySurvey(samples, name)


def panels(figure: Figure) -> dict[str, Axes]:
    """Axes by their titles; the row below has a prime. Colour bars have no title."""
    found: dict[str, Axes] = {}
    for place in figure.axes:
        title = place.get_title()
        if place.get_xlabel():
            found[title + "'" if title in found else title] = place
    return found


def pixel(place: Axes, across: float, down: float) -> tuple[int, int, int]:
    """Colour drawn at labels."""
    figure = place.figure
    if figure.stale:
        figure.canvas.draw()
    x, y = place.transData.transform((across, down))
    picture = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    red, green, blue = picture[len(picture) - 1 - int(y), int(x), :3]
    return int(red), int(green), int(blue)


def rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def bright(colour: tuple[int, int, int]) -> bool:
    return min(colour) > 200


def test_each_sample_lies_at_its_labels() -> None:
    # Inline 103, crossline 107, 20 ms.
    figure = section_panels(spot(SHAPE, (3, 7, 5)), None, {"inline": 103, "crossline": 107, "sample": 20})
    places = panels(figure)
    assert list(places) == ["Inline 103", "Crossline 107", "Time 20 ms"]
    for title, across, down in (("Inline 103", 107, 20), ("Crossline 107", 103, 20), ("Time 20 ms", 107, 103)):
        assert bright(pixel(places[title], across, down))
        step = 4 if "line" in title else 1
        for neighbour in ((across + 1, down), (across - 1, down), (across, down + step), (across, down - step)):
            assert not bright(pixel(places[title], *neighbour)), (title, neighbour)


def test_time_runs_downward_and_line_numbers_to_the_right_and_up() -> None:
    places = panels(section_panels(ArraySurvey(noise()), None, {}))
    for place, downward in zip(places.values(), (True, True, False), strict=True):
        (left, low), (right, high) = (place.transData.transform(corner) for corner in ((102, 8), (105, 8.5)))
        assert right > left
        assert (high < low) == downward


def test_axes_are_named_with_their_units() -> None:
    places = panels(section_panels(ArraySurvey(noise()), None, {}))
    assert [(place.get_xlabel(), place.get_ylabel()) for place in places.values()] == [
        ("crossline", "time (ms)"),
        ("inline", "time (ms)"),
        ("crossline", "inline"),
    ]
    assert list(places) == ["Inline 106", "Crossline 105", "Time 32 ms"]


def test_line_numbers_that_fall_stay_with_their_samples() -> None:
    survey = spot(SHAPE, (6, 7, 5))
    inline, _, sample = survey.grid.axes
    survey.grid = Grid((inline, Axis("crossline", 500, -2, SHAPE[1]), sample))
    place = panels(section_panels(survey, None, {}))["Inline 106"]
    assert bright(pixel(place, 500 - 2 * 7, 20))
    assert not bright(pixel(place, 500 - 2 * 2, 20))
    assert place.get_xlim() == (481, 501)


def test_grey_is_symmetric_at_the_98th_percentile_of_live_samples() -> None:
    samples = noise()
    samples[0, :, :3] = 0
    samples[0, :, 3, :4] = 1e30
    samples[0, 6, 5:, 2] = np.nan
    figure = section_panels(ArraySurvey(samples), None, {})
    shown = np.concatenate([samples[0, 6].ravel(), samples[0, :, 5].ravel(), samples[0, :, :, 8].ravel()])
    live = shown[np.isfinite(shown) & (shown != 0) & (shown < 1e29)]
    limit = np.percentile(np.abs(live), 98)
    for place in panels(figure).values():
        np.testing.assert_allclose(place.images[0].get_clim(), (-limit, limit), rtol=1e-6)


def test_what_is_no_sample_has_a_colour_of_its_own() -> None:
    samples = noise()
    samples[0, 6, 2] = 0
    samples[0, 6, 4, 5] = -999.25
    samples[0, 6, 7, 9] = -1
    survey = ArraySurvey(samples)
    survey.null = -1.0
    place = panels(section_panels(survey, None, {}))["Inline 106"]
    for across, down in ((102, 20), (104, 20), (107, 36)):
        assert pixel(place, across, down) == rgb(NOTHING)
    red, green, blue = pixel(place, 105, 20)
    assert red == green == blue


def test_a_dead_survey_is_drawn() -> None:
    figure = section_panels(ArraySurvey(np.zeros((1, *SHAPE))), None, {})
    assert pixel(panels(figure)["Inline 106"], 104, 20) == rgb(NOTHING)


def test_an_overlay_of_another_extent_lies_at_its_labels() -> None:
    over = spot((6, 5, 8), (2, 3, 4))
    axes = (Axis("inline", 104, 1, 6), Axis("crossline", 103, 1, 5), Axis("sample", 16, 4, 8, "ms"))
    over.grid = Grid(axes)
    figure = section_panels(ArraySurvey(noise()), over, {"inline": 106, "crossline": 106, "sample": 32})
    places = panels(figure)
    assert figure.get_suptitle() == "array\nbelow with spot"
    for title, across, down in (("Inline 106'", 106, 32), ("Crossline 106'", 106, 32), ("Time 32 ms'", 106, 106)):
        red, _, blue = pixel(places[title], across, down)
        assert red > blue + 40, title
        red, _, blue = pixel(places[title], across + 1, down)
        assert abs(red - blue) < 5
        clean = places[title.removesuffix("'")]
        assert (clean.get_xlim(), clean.get_ylim()) == (places[title].get_xlim(), places[title].get_ylim())
        red, _, blue = pixel(clean, across, down)
        assert red == blue


def test_the_overlay_is_the_more_opaque_the_higher_its_value() -> None:
    white = np.full((1, *SHAPE), 5, np.float32)
    over = spot(SHAPE, (6, 2, 5), (6, 4, 5))
    over.samples[0, 6, 4, 5] = 0.5
    place = panels(section_panels(ArraySurvey(white), over, {}))["Inline 106'"]
    blues = [pixel(place, crossline, 20)[2] for crossline in (102, 104, 106)]
    assert blues[0] + 60 < blues[1] < blues[2] - 45
    assert blues[0] > rgb(VERMILLION)[2]


def test_planes_that_the_overlay_does_not_reach_say_so() -> None:
    over = spot((2, 10, 16))
    figure = section_panels(ArraySurvey(noise()), over, {"inline": 105})
    assert [title for title in panels(figure) if "outside" in title] == ["Inline 105 (outside the overlay)"]


def test_an_overlay_without_numbers_lies_by_position() -> None:
    survey, over = ArraySurvey(noise()), spot(SHAPE, (6, 5, 5))
    over.grid = Grid((Axis("inline", 0, 1, 12), Axis("crossline", 0, 1, 10), survey.grid.axes[2]))
    with pytest.raises(SurveyError, match="array and spot do not overlap"):
        section_panels(survey, over, {})
    over.counted = frozenset({"inline", "crossline"})
    red, _, blue = pixel(panels(section_panels(survey, over, {}))["Inline 106'"], 105, 20)
    assert red > blue + 40


def test_only_the_planes_shown_are_read() -> None:
    survey, over = Watched(noise()), Watched(noise((4, 10, 16)), "over")
    section_panels(survey, over, {"inline": 102, "sample": 40})
    assert [str(window) for window in survey.windows] == [
        "2:3 × 0:10 × 0:16",
        "0:12 × 5:6 × 0:16",
        "0:12 × 0:10 × 10:11",
    ]
    assert [str(window) for window in over.windows] == ["2:3 × 0:10 × 0:16", "0:4 × 5:6 × 0:16", "0:4 × 0:10 × 10:11"]


@pytest.mark.parametrize(
    ("shape", "where", "match"),
    [
        (SHAPE, {"inline": 99}, r"no inline 99\n  expected: inline 100 to 111"),
        (SHAPE, {"sample": 21}, r"no sample 21\n  expected: sample 0 to 60 ms by 4"),
        (SHAPE[1:], {"inline": 100}, r"no axis 'inline'\n  expected: one of trace, sample"),
        (SHAPE[1:], {"trace": 100}, "trace chosen in a survey of 2 axes"),
    ],
)
def test_planes_that_are_not_there(shape: tuple[int, ...], where: Mapping[str, float], match: str) -> None:
    survey = Watched(noise(shape))
    with pytest.raises(SurveyError, match=match):
        section_panels(survey, None, where)
    assert not survey.windows


def test_a_line_is_one_section() -> None:
    survey = spot((10, 16), (7, 5))
    [place] = panels(section_panels(survey, None, {})).values()
    assert (place.get_xlabel(), place.get_ylabel()) == ("trace", "time (ms)")
    assert bright(pixel(place, 107, 20))
    assert place.get_ylim() == (62, -2)


def test_an_image_has_its_rows_downward() -> None:
    survey = spot((10, 16), (7, 5))
    survey.grid = Grid((Axis("row", 0, 1, 10), Axis("column", 0, 1, 16)))
    [place] = panels(section_panels(survey, None, {})).values()
    assert (place.get_xlabel(), place.get_ylabel()) == ("column", "row")
    assert bright(pixel(place, 5, 7))
    assert place.get_ylim() == (9.5, -0.5)


def test_a_trace_is_a_curve_with_its_overlay_behind() -> None:
    trace, over = noise((16,)), spot((16,), (5,))
    over.samples[over.samples < 0] = 0
    clean, laid = (place for place in section_panels(ArraySurvey(trace), over, {}).axes if place.get_xlabel())
    across, down = clean.lines[0].get_data()
    np.testing.assert_array_equal(across, trace[0])
    np.testing.assert_array_equal(down, 4 * np.arange(16))
    assert clean.get_ylim() == (62, -2)
    assert laid.get_ylabel() == "time (ms)"
    edge = laid.get_xlim()[1] * 0.98
    assert min(pixel(laid, edge, 20)) < 120
    assert min(pixel(laid, edge, 28)) > 240


def test_of_several_channels_the_first_is_shown() -> None:
    samples = np.concatenate([spot(SHAPE, (6, 7, 5)).samples, np.ones((1, *SHAPE))])
    place = panels(section_panels(ArraySurvey(samples), None, {}))["Inline 106, channel 1 of 2"]
    assert bright(pixel(place, 107, 20))
    assert not bright(pixel(place, 105, 20))


GRID = Grid((Axis("inline", 1448, 1, 1), Axis("crossline", 0, 1, 10), Axis("sample", 0, 1, 16, "ms")))


def test_training_panels_show_the_same_places() -> None:
    image, label, probability = (np.zeros((10, 16), kind) for kind in (np.float32, np.int8, np.float32))
    image[:] = 0.01
    image[7, 5] = label[7, 5] = probability[7, 5] = 1
    label[:3] = -1
    section, classes, likely = (
        place for place in training_panel(image, label, probability, GRID).axes if place.get_title()
    )
    assert [place.get_title() for place in (section, classes, likely)] == [
        "section (normalised)",
        "label",
        "probability of 1",
    ]
    assert bright(pixel(section, 7, 5))
    assert pixel(classes, 7, 5) == rgb(VERMILLION)
    assert pixel(classes, 5, 5) == (255, 255, 255)
    assert pixel(likely, 7, 5)[0] > 200 > 50 > pixel(likely, 5, 5)[0]
    ignored = {pixel(classes, trace, sample) for trace in np.linspace(0, 2, 9) for sample in np.linspace(3, 12, 9)}
    assert (255, 255, 255) not in ignored
    assert len(ignored) > 1
    legend = classes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "ignored (−1)"]


def test_every_class_of_a_training_panel_has_its_colour() -> None:
    label = np.tile(np.arange(10, dtype=np.int8)[:, None], (1, 16))
    classes = training_panel(np.ones((10, 16), np.float32), label, np.ones((10, 16), np.float32), GRID).axes[1]
    assert len({pixel(classes, index, 5) for index in range(8)}) == 8


def metrics(folder: Path, *records: object, cut: str = "") -> Path:
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + cut)
    return path


def step(number: int, loss: float) -> dict[str, object]:
    return {"kind": "train", "step": number, "loss": loss, "learning_rate": 1e-3 * number, "seconds": 0.1}


def curves(place: Axes) -> dict[str, list[tuple[float, float]]]:
    return {str(line.get_label()): [(float(x), float(y)) for x, y in line.get_xydata()] for line in place.lines}


def test_loss_curve_shows_every_record(tmp_path: Path) -> None:
    validation = {"kind": "validation", "step": 10, "average_precision": 0.6, "f1": 0.5, "best": {"f1": 0.9}}
    path = metrics(tmp_path, step(1, 0.9), step(10, 0.4), validation, cut='{"kind": "train", "st')
    figure = loss_curve(path)
    left, right, rate = figure.axes
    assert list(curves(left).values()) == [[(1, 0.9), (10, 0.4)]] * 2
    assert left.get_yscale() == "log"
    assert list(curves(rate).values()) == [[(1, 1e-3), (10, 1e-2)]]
    assert curves(right) == {"average precision": [(10, 0.6)], "F1": [(10, 0.5)]}
    assert right.get_ylim() == (0, 1)
    assert figure.get_suptitle() == str(tmp_path)


def test_loss_curve_smooths_what_is_long_and_marks_the_model_that_is_kept(tmp_path: Path) -> None:
    rough = [step(number, 1.0 + 0.5 * (-1) ** number) for number in range(1, 101)]
    scores = [{"kind": "validation", "step": at, "f1": 0.5, "kept": at < 100} for at in (20, 60, 100)]
    left, right, _ = loss_curve(metrics(tmp_path, *rough, *scores)).axes
    raw, smooth = curves(left).values()
    assert [loss for _, loss in raw][-2:] == [0.5, 1.5]
    assert all(0.9 < loss < 1.1 for _, loss in smooth[30:90])
    assert [x for x, _ in curves(right)["the model that is kept"]] == [60, 60]


def test_a_step_that_was_skipped_leaves_the_others_in_the_curve(tmp_path: Path) -> None:
    steps = [step(number, 2.0 if number > 30 else float("inf")) for number in range(1, 101)]
    left = loss_curve(metrics(tmp_path, *steps)).axes[0]
    for curve in curves(left).values():
        assert curve == [(number, 2.0) for number in range(31, 101)]
    assert left.get_yscale() == "log"


@pytest.mark.parametrize(("last", "labels"), [(0.7, {"0.8", "0.9", "1"}), (0.005, {"0.01", "0.1", "1"})])
def test_losses_are_read_off_in_plain_numbers(tmp_path: Path, last: float, labels: set[str]) -> None:
    left = loss_curve(metrics(tmp_path, step(1, 1.2), step(100, last))).axes[0]
    left.figure.canvas.draw()
    drawn = {tick.get_text() for tick in (*left.get_yticklabels(), *left.get_yticklabels(minor=True))}
    assert labels <= drawn
    assert all(re.fullmatch(r"[\d.]*", text) for text in drawn)


def test_the_suggested_rate_is_marked() -> None:
    place = range_curve([1e-4, 1e-3, 1e-2], [1.0, 0.8, 0.9], 1e-3).axes[0]
    assert place.get_xscale() == "log"
    drawn = curves(place)
    assert [x for x, _ in drawn.pop("train with 0.001")] == [1e-3, 1e-3]
    assert list(drawn.values()) == [[(1e-4, 1.0), (1e-3, 0.8), (1e-2, 0.9)]]


def test_a_trace_is_drawn_as_a_curve_with_its_classes_by_name() -> None:
    grid = Grid((Axis("sample", 100, 4, 20, "ms"),))
    image = np.sin(np.arange(20, dtype=np.float32))[None]
    label = np.zeros((1, 20), np.int8)
    label[0, 7] = 1
    label[0, :3] = -1
    figure = training_panel(image, label, np.abs(image), grid, ["noise", "P"])
    above, middle, below = figure.axes
    [(_, trace)] = curves(above).items()
    assert trace[3] == (112.0, pytest.approx(float(image[0, 3])))
    assert pixel(middle, 128, 0.5) == rgb(VERMILLION)
    assert pixel(middle, 148, 0.5) == (255, 255, 255)
    assert (below.get_title(), below.get_xlabel()) == ("probability of P", "sample (ms)")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["noise", "P", "ignored (−1)"]


@pytest.mark.parametrize(("shape", "panels"), [((20,), 2), ((9, 20), 2), ((6, 8, 10), 6)])
def test_a_sample_is_drawn_whatever_its_dimension(shape: tuple[int, ...], panels: int) -> None:
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    label = (image[0] > 1).astype(np.int8)
    label[..., :2] = -1
    axes = ("inline", "crossline", "sample")[-len(shape) :]
    figure = sample_panels(image, label, axes, ["rock", "salt"], "sample 7")
    assert len(figure.axes) == panels
    assert figure.get_suptitle() == "sample 7"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["rock", "salt", "ignored (−1)"]
    if len(shape) == 3:
        assert "inline 3 of 6" in figure.axes[0].get_title()


def test_the_channels_of_a_trace_are_whole_curves_on_scales_of_their_own() -> None:
    trace = np.sin(np.arange(50, dtype=np.float32))
    trace[20] = 40
    image = np.stack([trace, 0.01 * trace])
    figure = sample_panels(image, (trace > 0.9).astype(np.int8), ["sample"], ["noise", "P"], "sample 7")
    assert [place.get_title() for place in figure.axes] == ["channel 1 of 2", "channel 2 of 2", "label"]
    for place, channel in zip(figure.axes, image, strict=False):
        [curve] = curves(place).values()
        assert curve == [(at, pytest.approx(float(value))) for at, value in enumerate(channel)]
        assert channel.max() < place.get_ylim()[1] < 1.2 * channel.max()
    label = figure.axes[-1]
    assert pixel(label, 20, 0) == rgb(VERMILLION)
    assert pixel(label, 18, 0) == (255, 255, 255)
    assert label.get_window_extent().height < figure.axes[0].get_window_extent().height / 2


def test_of_many_channels_of_a_sample_the_first_are_drawn() -> None:
    figure = sample_panels(np.ones((40, 6, 7), np.float32), np.zeros((6, 7), np.int8), ["x", "y"], ["a", "b"], "")
    titles = [place.get_title() for place in figure.axes]
    assert titles == [*(f"channel {number} of 40" for number in range(1, 9)), "label"]


def test_a_sample_of_a_volume_is_cut_in_its_middle() -> None:
    label = np.zeros((6, 8, 10), np.int8)
    label[3, 2, 7] = label[1, 4, 9] = label[0, 6, 5] = 1
    figure = sample_panels(label[None].astype(np.float32), label, ["i", "x", "s"], ["a", "b"], "")
    inline, crossline, time = figure.axes[-3:]
    for place, across, down in ((inline, 2, 7), (crossline, 1, 9), (time, 0, 6)):
        assert np.argwhere(place.images[0].get_array() == 1).tolist() == [[down, across]]
        assert pixel(place, across, down) == rgb(VERMILLION)
    assert [(place.get_xlabel(), place.get_ylabel()) for place in (inline, crossline, time)] == [
        ("x", "s"),
        ("i", "s"),
        ("i", "x"),
    ]


def test_loss_curve_of_several_classes(tmp_path: Path) -> None:
    scores = {"mean_iou": 0.3, "pixel_accuracy": 0.7}
    figure = loss_curve(metrics(tmp_path, step(1, 0.9), {"kind": "validation", "step": 1, **scores}))
    assert curves(figure.axes[1]) == {"mean IoU": [(1, 0.3)], "pixel accuracy": [(1, 0.7)]}


def test_loss_curve_without_validation_and_with_a_loss_of_zero(tmp_path: Path) -> None:
    left, right, _ = loss_curve(metrics(tmp_path, step(1, 0.9), step(2, 0.0))).axes
    assert left.get_yscale() == "linear"
    assert [text.get_text() for text in right.texts] == ["no validation yet"]


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (None, "cannot be read: No such file"),
        ("", "holds no training step"),
        ('{"kind": "tra', "holds no training step"),
        (
            '{"kind": "train"}\n{"kind": "validation", "step": 1}\n',
            r"metrics\.jsonl:1 is damaged: '\{\"kind\": \"train\"\}",
        ),
        ("7\n{}\n", r"metrics\.jsonl:1 is damaged: '7'"),
        (b"\xff\xfe", "cannot be read: it is no text"),
    ],
)
def test_metrics_that_cannot_be_drawn(tmp_path: Path, lines: str | bytes | None, match: str) -> None:
    path = tmp_path / "metrics.jsonl"
    if lines is not None:
        path.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    with pytest.raises(RunError, match=match):
        loss_curve(path)


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("a.png", b"\x89PNG"),
        ("a", b"\x89PNG"),
        ("a.PNG", b"\x89PNG"),
        ("a.pdf", b"%PDF"),
        ("a.b.svg", b"<?xml"),
        ("a.jpg", b"\xff\xd8"),
    ],
)
def test_the_suffix_names_the_format(tmp_path: Path, name: str, magic: bytes) -> None:
    save_figure(loss_curve(metrics(tmp_path, step(1, 0.5))), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert {path.name for path in tmp_path.iterdir()} == {name, "metrics.jsonl"}


def test_pictures_are_refused_where_they_cannot_be_written(tmp_path: Path) -> None:
    figure = loss_curve(metrics(tmp_path, step(1, 0.5)))
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"a\.png exists"):
        save_figure(figure, path)
    with pytest.raises(OutputError, match=r"a\.png exists"):
        require_picture(path)
    assert path.read_bytes() == b"mine"
    save_figure(figure, path, overwrite=True)
    assert path.read_bytes() != b"mine"
    for refuse in (require_picture, lambda name: save_figure(figure, name)):
        with pytest.raises(OutputError, match=r"suffix \.xyz, which is no picture\n  expected: one of \.png"):
            refuse(tmp_path / "a.xyz")


def test_a_name_with_signs_of_formulas_is_drawn_as_it_is(tmp_path: Path) -> None:
    figure = section_panels(ArraySurvey(noise(), "line_$\\frac$.sgy"), None, {})
    save_figure(figure, tmp_path / "a.png")
    assert figure.get_suptitle() == "line_$\\frac$.sgy"


def test_drawing_keeps_no_state_and_loads_no_torch() -> None:
    check = "import geocnn.pictures, sys; print({'matplotlib.pyplot', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
