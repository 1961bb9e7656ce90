"""What a network sees of a survey: patch, halo and receptive field on its sections, to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Window
from geocnn.network.plan import Plan
from geocnn.pictures.drawing import COLOURS, VERMILLION, dress, empty_figure, loudness
from geocnn.records import crossed
from geocnn.survey.survey import Survey

__all__ = ["field_panels"]

PANEL = 5.2
"""Width and height of a section, in inches."""
AMPLITUDE = 0.5
"""Half the width of a single trace's panel that the boxes fill."""


@dataclass(frozen=True)
class _Ruler:
    """An axis in what is drawn along it: from position p to ``first + p * step``."""

    name: str
    unit: str
    first: float
    step: float
    size: int

    def edge(self, position: float) -> float:
        """Half a step before a position."""
        return self.first + (position - 0.5) * self.step

    def length(self, samples: int) -> str:
        """``25 traces``, ``1,100 m``."""
        return f"{abs(samples * self.step):,.4g} {self.unit}" if self.unit else f"{samples} {self.name}s"


Span = tuple[int, int]
"""First position, and the one after the last, along an axis."""


def field_panels(survey: Survey, plan: Plan) -> Figure:
    """Sections through the middle of a survey with a patch, its halo, and what one output in its middle sees.

    Lines are drawn in metres where coordinates tell how far they are apart, else by their numbers.

    Raises
    ------
    SurveyError
        If the survey has other axes than the plan.
    """
    if survey.grid.ndim != plan.ndim:
        raise SurveyError(
            f"{survey.name} has {survey.grid.ndim} axes ({survey.grid}), the network's input {plan.ndim}",
            expected="as many axes in both",
            do="give a size for each axis of the survey, as --input 1,64,64,64",
        )
    rulers = _rulers(survey)
    patch = _patch(survey, plan)
    planes = _planes(survey)
    figure = empty_figure(PANEL * len(planes) + 0.8, PANEL + 1.4)
    # parse_math: a file may be called survey_$1$.sgy.
    figure.suptitle(survey.name, fontsize=10, parse_math=False)
    windows = [_window(survey, plane) for plane in planes]
    samples = [survey.read(window)[0] for window in windows]
    limit = loudness(samples)
    places = figure.subplots(1, len(planes), squeeze=False)[0]
    for place, plane, window, read in zip(places, planes, windows, samples, strict=True):
        _draw_section(place, [rulers[axis] for axis in plane], read, limit)
        at = ", ".join(f"{axis.name} {axis.label(window.start[k]):g}" for k, axis in _across(survey, plane))
        across, down = (rulers[axis] for axis in plane) if len(plane) > 1 else (_TRACE, rulers[plane[0]])
        dress(place, at, _called(across), _called(down))
        _draw_boxes(place, rulers, plane, _boxes(plan, patch))
    _tell(figure, plan, rulers)
    return figure


_TRACE = _Ruler("amplitude", "", 0, 1, 1)


def _called(ruler: _Ruler) -> str:
    return f"{ruler.name} ({ruler.unit})" if ruler.unit else ruler.name


def _rulers(survey: Survey) -> list[_Ruler]:
    """The axes as they are drawn."""
    *lines, samples = survey.grid.axes
    spacing = _spacing(survey)
    found = [
        _Ruler(f"distance across {axis.name}s" if len(lines) > 1 else "distance", "m", 0, apart, axis.size)
        if apart
        else _plain(axis)
        for axis, apart in zip(lines, spacing, strict=True)
    ]
    last = _plain(samples)
    named = survey.domain.name if samples.name == "sample" and samples.unit else samples.name
    return [*found, _Ruler(named, last.unit, last.first, last.step, last.size)]


def _plain(axis: Axis) -> _Ruler:
    return _Ruler(axis.name, axis.unit, axis.first, axis.step, axis.size)


def _spacing(survey: Survey) -> tuple[float, ...]:
    """Distance between neighbours along each lateral axis by their coordinates; 0 where that is unknown."""
    lateral = survey.grid.lateral
    if survey.bins is not None:
        return survey.bins.size
    known = survey.coordinates
    if known is None or len(lateral) != 1 or lateral[0] < 2:
        return (0.0,) * len(lateral)
    steps = np.hypot(*np.diff(known, axis=1))
    steps = steps[np.isfinite(steps)]
    return (float(np.median(steps)) if steps.size else 0.0,)


def _planes(survey: Survey) -> Sequence[tuple[int, ...]]:
    """The axes of each section: along crosslines and along inlines; all there is of anything flatter."""
    last = survey.grid.ndim - 1
    if last < 2:
        return [tuple(range(last + 1))]
    wide = [(axis, last) for axis in range(last - 1, -1, -1) if survey.grid.shape[axis] > 1]
    return wide or [(last - 1, last)]


def _across(survey: Survey, plane: tuple[int, ...]) -> list[tuple[int, Axis]]:
    """The axes that a section does not have."""
    return [(number, axis) for number, axis in enumerate(survey.grid.axes) if number not in plane]


def _window(survey: Survey, plane: tuple[int, ...]) -> Window:
    """A section through the middle."""
    shape = survey.grid.shape
    start = tuple(0 if axis in plane else size // 2 for axis, size in enumerate(shape))
    return Window(start, tuple(size if axis in plane else size // 2 + 1 for axis, size in enumerate(shape)))


def _patch(survey: Survey, plan: Plan) -> list[Span]:
    """A patch in the middle of the survey that starts at a multiple of the stride."""
    spans = []
    for size, wanted, stride in zip(survey.grid.shape, plan.input[1:], plan.stride, strict=True):
        start = max(0, size - wanted) // 2 // stride * stride
        spans.append((start, start + wanted))
    return spans


def _boxes(plan: Plan, patch: Sequence[Span]) -> list[tuple[list[Span], str, str]]:
    """Spans, colour and line of each box."""
    blue = COLOURS[0]
    boxes = [([*patch], blue, "-")]
    if plan.exact:
        halo = [(a - near, b + far) for (a, b), (near, far) in zip(patch, plan.halo, strict=True)]
        seen = []
        for reach, size, (start, _) in zip(plan.output.reach, plan.output.shape, patch, strict=True):
            first, last = reach.span(size // 2)
            seen.append((start + first, start + last + 1))
        boxes += [(halo, blue, "--"), (seen, VERMILLION, "-")]
    return boxes


def _draw_section(place: Axes, rulers: Sequence[_Ruler], samples: np.ndarray, limit: float) -> None:
    """Samples in grey, or the curve of a single trace."""
    down = rulers[-1]
    if len(rulers) == 1:
        at = down.first + down.step * np.arange(down.size)
        place.plot(samples / (2 * limit), at, color="black", linewidth=0.7)
        place.set_xticks([])
    else:
        across = rulers[0]
        extent = (across.edge(0), across.edge(across.size), down.edge(down.size), down.edge(0))
        shape = (across.size, down.size)
        place.imshow(samples.reshape(shape).T, cmap="gray", vmin=-limit, vmax=limit, extent=extent, aspect="auto")


def _draw_boxes(
    place: Axes, rulers: Sequence[_Ruler], plane: tuple[int, ...], boxes: Sequence[tuple[list[Span], str, str]]
) -> None:
    """Boxes, and the section large enough to hold them."""
    ends: list[list[float]] = [[*place.get_xlim()], [*place.get_ylim()]]
    for spans, colour, line in boxes:
        edges = [[rulers[axis].edge(end) for end in spans[axis]] for axis in plane]
        if len(edges) == 1:
            edges.insert(0, [-AMPLITUDE, AMPLITUDE])
        (left, right), (top, bottom) = edges
        place.add_patch(
            Rectangle(
                (left, top), right - left, bottom - top, fill=False, edgecolor=colour, linestyle=line, linewidth=1.8
            )
        )
        ends[0] += [left, right]
        ends[1] += [top, bottom]
    (left, right), (top, bottom) = (_widened(each) for each in ends)
    place.set_xlim(left, right)
    # Time and depth grow downward.
    place.set_ylim(bottom, top)
    place.set_facecolor("#E8E4DA")


def _widened(ends: Sequence[float]) -> tuple[float, float]:
    """The outermost of some ends, and a little room, so that no line lies on the frame."""
    room = 0.02 * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room


def _tell(figure: Figure, plan: Plan, rulers: Sequence[_Ruler]) -> None:
    """What the boxes are, in samples, metres and milliseconds."""
    blue = COLOURS[0]
    told = [("patch", blue, "-", plan.input[1:])]
    if plan.exact:
        halo = [near + wide + far for (near, far), wide in zip(plan.halo, plan.input[1:], strict=True)]
        told += [
            ("patch with halo", blue, "--", tuple(halo)),
            ("receptive field of one output", VERMILLION, "-", plan.receptive_field),
        ]
    handles = [
        Rectangle(
            (0, 0), 1, 1, fill=False, edgecolor=colour, linestyle=line, linewidth=1.8, label=_size(name, n, rulers)
        )
        for name, colour, line, n in told
    ]
    note = (
        "distances by the coordinates of the traces, taken as metres" if rulers[0].name.startswith("distance") else ""
    )
    title = (
        note if plan.exact else "; ".join(["the network looks at its whole input at once", *([note] if note else [])])
    )
    figure.legend(
        handles=handles, loc="outside lower left", fontsize=8, frameon=False, title=title or None, title_fontsize=8,
        alignment="left",
    )  # fmt: skip


def _size(name: str, sizes: Sequence[int], rulers: Sequence[_Ruler]) -> str:
    physical = " × ".join(ruler.length(n) for ruler, n in zip(rulers, sizes, strict=True))
    return f"{name}: {crossed(sizes)} samples, {physical}"
