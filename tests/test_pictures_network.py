"""Pictures of a network, and of what it sees of a survey: read off what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from arrays import ArraySurvey
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from networks import plan_of, spec_of

from geocnn.errors import OutputError, SurveyError
from geocnn.fitting import plan_alone
from geocnn.network.spec import load_spec, zoo_names
from geocnn.pictures.field import field_panels
from geocnn.pictures.network import network_picture
from geocnn.survey.survey import Coordinates

UNET = """
- {conv: 8, kernel: 3, activation: relu, save: fine}
- {pool: max, size: 2}
- {conv: 16, kernel: 5, activation: relu}
- {upsample: 2}
- {concat: fine}
- {conv: outputs, kernel: 1}
"""
CONV = "[{conv: 2, kernel: [3, 5, 7]}, {conv: outputs, kernel: 1}]"


def network(text: str, input: tuple[int, ...] = (1, 8, 8)) -> Figure:
    return network_picture(plan_of(text, input), spec_of(text), "a network")


def boxes(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def texts(place: Axes) -> list[str]:
    return [text.get_text() for text in place.texts if text.get_text()]


def test_boxes_stand_in_order_coarser_ones_below_with_channels_and_sizes() -> None:
    figure = network(UNET)
    drawn = boxes(figure)
    lefts = [box.get_x() for box in drawn]
    assert lefts == sorted(lefts)
    middles = [round(box.get_y() + box.get_height() / 2, 6) for box in drawn]
    top, low = min(middles), max(middles)
    assert middles == [top, top, low, low, top, top, top]
    assert drawn[3].get_width() > drawn[2].get_width()
    assert drawn[0].get_height() > drawn[2].get_height()
    assert texts(figure.axes[0]) == ["1", "8", "3²", "8", "2²", "16", "5²", "16", "24", "1", "1²", "8²", "4²"]
    assert figure.axes[0].get_title(loc="left").startswith("a network\n")


def test_a_skip_is_an_arc_above_what_it_passes() -> None:
    figure = network(UNET)
    paths = [patch.get_path() for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert len(paths) == 6 + 1
    figure.canvas.draw()
    low, high = figure.axes[0].get_ylim()
    assert low > high
    assert high < min(box.get_y() for box in boxes(figure)) - 0.1


def test_alike_repetitions_are_a_stack() -> None:
    once = boxes(network("[{repeat: 1, layers: [{conv: 2, kernel: 3}]}, {conv: outputs, kernel: 1}]", (2, 8, 8)))
    figure = network("[{repeat: 4, layers: [{conv: 2, kernel: 3}]}, {conv: outputs, kernel: 1}]", (2, 8, 8))
    assert len(boxes(figure)) == len(once) + 1
    assert "4×" in texts(figure.axes[0])


def test_long_networks_are_drawn_block_by_block() -> None:
    block = "{residual: [{conv: 2, kernel: 3}, {conv: 2, kernel: 3}]}"
    figure = network(f"[{', '.join([block] * 30)}, {{conv: outputs, kernel: 1}}]", (2, 8, 8))
    assert len(boxes(figure)) == 1 + 30 + 1
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["block of layers", "convolution"]


def test_networks_too_long_for_a_page_are_refused() -> None:
    layers = ", ".join(["{activation: relu}"] * 300)
    with pytest.raises(OutputError, match="300 layers one after another is too long for a picture"):
        network(f"[{layers}]")


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_can_be_drawn(name: str) -> None:
    spec, marked = load_spec(name)
    figure = network_picture(plan_alone(spec, marked), spec, spec.title)
    figure.canvas.draw()
    assert len(boxes(figure)) >= 5


class Placed(ArraySurvey):
    """A survey whose traces have coordinates: 25 from one inline to the next, 12.5 between crosslines."""

    @property
    def coordinates(self) -> Coordinates:
        steps = (25.0, 12.5)[-len(self.grid.lateral) :]
        lines = np.meshgrid(*(s * np.arange(n) for s, n in zip(steps, self.grid.lateral, strict=True)), indexing="ij")
        return np.array(lines if len(lines) > 1 else [lines[0], 0 * lines[0]])


def survey(shape: tuple[int, ...], placed: bool = False) -> ArraySurvey:
    samples = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    return (Placed if placed else ArraySurvey)(samples)


def spans(place: Axes) -> list[tuple[float, float, float, float]]:
    """Left, right, top, bottom of the boxes."""
    found = [patch for patch in place.patches if isinstance(patch, Rectangle)]
    return [(b.get_x(), b.get_x() + b.get_width(), b.get_y(), b.get_y() + b.get_height()) for b in found]


def told(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_patch_halo_and_field_by_line_numbers() -> None:
    """A patch of 8 × 16 × 32 in 20 × 40 × 64 positions starts at 6, 12, 16; kernels of 3, 5, 7 see 1, 2, 3 more."""
    figure = field_panels(survey((20, 40, 64)), plan_of(CONV, (1, 8, 16, 32)))
    inline, crossline = figure.axes
    assert (inline.get_title(), crossline.get_title()) == ("inline 110", "crossline 120")
    assert (inline.get_xlabel(), inline.get_ylabel(), crossline.get_xlabel()) == ("crossline", "time (ms)", "inline")
    patch, halo, seen = spans(inline)
    # Lines from 100 by 1, samples from 0 by 4 ms, edges half a step outside.
    assert patch == (111.5, 127.5, 62, 190)
    assert halo == (109.5, 129.5, 50, 202)
    # Output 8, 16 of the patch: position 20 along crosslines, 32 along time.
    assert seen == (117.5, 122.5, 114, 142)
    assert spans(crossline)[0] == (105.5, 113.5, 62, 190)
    assert told(figure) == [
        "patch: 8 × 16 × 32 samples, 8 inlines × 16 crosslines × 128 ms",
        "patch with halo: 10 × 20 × 38 samples, 10 inlines × 20 crosslines × 152 ms",
        "receptive field of one output: 3 × 5 × 7 samples, 3 inlines × 5 crosslines × 28 ms",
    ]


def test_distances_in_metres_where_coordinates_tell() -> None:
    figure = field_panels(survey((20, 40, 64), placed=True), plan_of(CONV, (1, 8, 16, 32)))
    inline, crossline = figure.axes
    assert inline.get_xlabel() == "distance across crosslines (m)"
    assert spans(inline)[0] == pytest.approx((11.5 * 12.5, 27.5 * 12.5, 62, 190))
    assert spans(crossline)[0][:2] == pytest.approx((5.5 * 25, 13.5 * 25))
    assert told(figure)[0] == "patch: 8 × 16 × 32 samples, 200 m × 200 m × 128 ms"
    assert figure.legends[0].get_title().get_text() == "distances by the coordinates of the traces, taken as metres"


def test_a_line_and_a_trace() -> None:
    line = field_panels(survey((40, 64), placed=True), plan_of("[{conv: outputs, kernel: 3}]", (1, 16, 32)))
    assert [place.get_xlabel() for place in line.axes] == ["distance (m)"]
    assert spans(line.axes[0])[0] == (11.5 * 12.5, 27.5 * 12.5, 62, 190)
    trace = field_panels(survey((64,)), plan_of("[{conv: outputs, kernel: 3}]", (1, 32)))
    assert spans(trace.axes[0])[0] == (-0.5, 0.5, 62, 190)


def test_a_patch_larger_than_the_survey_is_seen_whole() -> None:
    [place] = field_panels(survey((10, 20)), plan_of("[{conv: outputs, kernel: 3}]", (1, 16, 32))).axes
    left, right = place.get_xlim()
    bottom, top = place.get_ylim()
    for a, b, c, d in spans(place):
        assert left < a < b < right
        assert top < c < d < bottom


def test_a_network_that_looks_at_all_has_a_patch_alone() -> None:
    figure = field_panels(survey((40, 64)), plan_of("[flatten, {dense: outputs}]", (1, 16, 32)))
    assert told(figure) == ["patch: 16 × 32 samples, 16 traces × 128 ms"]
    assert "looks at its whole input" in figure.legends[0].get_title().get_text()


def test_a_survey_of_other_axes_is_refused() -> None:
    with pytest.raises(SurveyError, match=r"array has 2 axes .*, the network's input 3"):
        field_panels(survey((40, 64)), plan_of(CONV, (1, 8, 16, 32)))
