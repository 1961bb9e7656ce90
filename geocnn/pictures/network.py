"""A network as a drawing: a box for each layer, coarser resolutions further down, skips as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2, prod

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.path import Path

from geocnn.errors import OutputError
from geocnn.network.flow import Flow, flow_of
from geocnn.network.layers import Repeat
from geocnn.network.node import ConvAttributes, Node, PoolAttributes, TransposedAttributes
from geocnn.network.outline import Row
from geocnn.network.plan import Plan
from geocnn.network.spec import Spec
from geocnn.network.wording import by
from geocnn.pictures.drawing import empty_figure
from geocnn.records import crossed

__all__ = ["network_picture"]

MOST_COLUMNS = 60
"""Layers one after another that are drawn one by one; in longer networks a block is a box."""
MOST_BLOCKS = 250
"""Boxes one after another; of longer networks no picture is made."""

GAP = 0.2
"""Inches between boxes."""
ABOVE = 0.2
"""Inches above each lane of boxes, for lines."""
BELOW = 0.34
"""Inches below each lane of boxes, for channels and sizes."""
LEAST_WIDTH = 7.0

GREY = "#555555"
SKIP = "#8A8A8A"

GROUPS: Mapping[str, tuple[str, str]] = {
    "conv": ("convolution", "#56B4E9"),
    "transposed_conv": ("upsampling", "#E69F00"),
    "upsample": ("upsampling", "#E69F00"),
    "pixel_shuffle": ("upsampling", "#E69F00"),
    "unpool": ("upsampling", "#E69F00"),
    "pool": ("pooling", "#CC79A7"),
    "global_pool": ("pooling", "#CC79A7"),
    "add": ("sum, product, concatenation", "#009E73"),
    "multiply": ("sum, product, concatenation", "#009E73"),
    "concat": ("sum, product, concatenation", "#009E73"),
    "dense": ("dense, flatten", "#D55E00"),
    "flatten": ("dense, flatten", "#D55E00"),
    "input": ("input", "#FFFFFF"),
    "block": ("block of layers", "#F0E442"),
}
OTHER = ("norm, activation, dropout", "#DDDDDD")


@dataclass(frozen=True)
class _Box:
    """A layer on the page: column and lane, place and size in inches (x from the left edge, y down to the middle)."""

    row: Row
    group: tuple[str, str]
    column: int
    lane: int
    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width, self.y

    @property
    def top(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y - self.height / 2


def network_picture(plan: Plan, spec: Spec, title: str) -> Figure:
    """Layers from left to right, boxes the higher the more samples and the wider the more channels there are.

    In a box stands the size of its window, below it its channels, and below the first of a size that size.

    Raises
    ------
    OutputError
        If the network is too long for a page.
    """
    flow = flow_of(plan, spec)
    if max(_columns(flow)) > MOST_COLUMNS:
        flow = flow_of(plan, spec, whole_blocks=True)
    columns = _columns(flow)
    if max(columns) > MOST_BLOCKS:
        found = f"a network of {max(columns):,} layers one after another is too long for a picture"
        raise OutputError(found, expected=f"at most {MOST_BLOCKS}", do="see the table, or put layers into blocks")
    boxes = _boxes(flow, columns)
    lines = [*_lines(flow, boxes)]
    width = max(LEAST_WIDTH, max(box.right[0] for box in boxes) + 2 * GAP)
    high = min([0.0, *(path.get_extents().y0 - ABOVE / 2 for path, _ in lines)])
    low = max(box.y + box.height / 2 for box in boxes) + BELOW
    figure = empty_figure(width, low - high + 1.0)
    place = figure.subplots()
    place.set_axis_off()
    place.set_xlim(-GAP, width - GAP)
    place.set_ylim(low, high)
    place.set_aspect("equal", anchor="W")
    for path, far in lines:
        colour, thick = (SKIP, 1.1) if far else (GREY, 0.8)
        place.add_patch(
            FancyArrowPatch(
                path=path, arrowstyle="-|>", mutation_scale=5, color=colour, linewidth=thick, shrinkA=0, shrinkB=0
            )
        )
    for box in boxes:
        _draw_box(place, box)
    _draw_sizes(place, boxes)
    _tell(figure, place, plan, title, boxes)
    return figure


def _columns(flow: Flow) -> list[int]:
    """How many layers come before each, along the longest way."""
    taken: dict[int, list[int]] = {}
    for skip in flow.skips:
        for target in skip.targets:
            taken.setdefault(target, []).append(skip.source)
    columns: list[int] = []
    for index, chained in enumerate(flow.chained):
        sources = taken.get(index, []) + [index - 1] * chained
        columns.append(1 + max((columns[each] for each in sources), default=-1))
    return columns


def _boxes(flow: Flow, columns: Sequence[int]) -> list[_Box]:
    """Boxes in their columns; each level of resolution has as many lanes as boxes stand side by side in it."""
    lanes = _lanes(flow, columns)
    sizes = [_box_size(row) for row in flow.rows]
    widths = [0.0] * (max(columns) + 1)
    for column, (width, _) in zip(columns, sizes, strict=True):
        widths[column] = max(widths[column], width)
    lefts = [sum(widths[:column]) + GAP * column for column in range(len(widths))]
    heights: dict[tuple[int, int], float] = {}
    for place, (_, height) in zip(lanes, sizes, strict=True):
        heights[place] = max(heights.get(place, 0), height)
    order = sorted(heights)
    tops = {place: sum(ABOVE + heights[each] + BELOW for each in order[:number]) for number, place in enumerate(order)}
    return [
        _Box(
            row,
            _group(row),
            column,
            order.index(place),
            lefts[column] + (widths[column] - width) / 2,
            tops[place] + ABOVE + heights[place] / 2,
            width,
            height,
        )
        for row, column, place, (width, height) in zip(flow.rows, columns, lanes, sizes, strict=True)
    ]


def _lanes(flow: Flow, columns: Sequence[int]) -> list[tuple[int, int]]:
    """Level and lane of each box: that of the box before it if that is free, else the first free one."""
    taken: set[tuple[int, int, int]] = set()
    lanes: list[tuple[int, int]] = []
    for index, (level, column) in enumerate(zip(flow.levels, columns, strict=True)):
        lane = 0
        if index and flow.chained[index] and lanes[-1][0] == level and len(_sources(flow, index)) < 2:
            lane = lanes[-1][1]
        while (level, lane, column) in taken:
            lane += 1
        taken.add((level, lane, column))
        lanes.append((level, lane))
    return lanes


def _sources(flow: Flow, index: int) -> list[int]:
    """The rows whose outputs a row takes."""
    return [skip.source for skip in flow.skips if index in skip.targets] + [index - 1] * flow.chained[index]


def _box_size(row: Row) -> tuple[float, float]:
    """Width by channels, height by samples, in inches."""
    node = row.made[-1]
    samples = prod(node.shape) ** (1 / max(1, len(node.shape)))
    return 0.12 + 0.035 * log2(node.channels), 0.24 + 0.09 * log2(max(1, samples))


def _group(row: Row) -> tuple[str, str]:
    """What a box is called in the legend, and its colour."""
    first = row.nodes[0]
    own = {node.place for node in row.nodes}
    return GROUPS["block"] if len(own) > len(row.folds) + 1 and not row.folds else GROUPS.get(first.kind, OTHER)


def _draw_box(place: Axes, box: _Box) -> None:
    x, y = box.x, box.y - box.height / 2
    for behind in range(min(2, len(box.row.folds)), 0, -1):
        shift = 0.04 * behind
        place.add_patch(_rectangle(x + shift, y - shift, box))
    place.add_patch(_rectangle(x, y, box))
    repeats = [fold.times for fold in box.row.folds]
    if isinstance(box.row.layer, Repeat):
        repeats.append(box.row.layer.times)
    times = "".join(f"{each}×" for each in repeats)
    low = box.y + box.height / 2 + 0.03
    place.text(box.top[0], low, f"{box.row.made[-1].channels}", fontsize=6.5, ha="center", va="top")
    place.text(box.top[0], y + 0.02, times, fontsize=5.5, ha="center", va="top")
    window = _window(box.row.nodes[0])
    if window and box.group != GROUPS["block"]:
        place.text(box.top[0], box.y, window, fontsize=5.5, rotation=90, ha="center", va="center", color="black")


def _rectangle(x: float, y: float, box: _Box) -> Rectangle:
    return Rectangle((x, y), box.width, box.height, facecolor=box.group[1], edgecolor="black", linewidth=0.6, zorder=3)


def _window(node: Node) -> str:
    """Kernel of a layer, and the numbers of samples that it steps."""
    asked = node.attributes
    if isinstance(asked, PoolAttributes):
        return by(asked.size)
    return by(asked.kernel) if isinstance(asked, ConvAttributes | TransposedAttributes) else ""


def _lines(flow: Flow, boxes: Sequence[_Box]) -> Iterator[tuple[Path, bool]]:
    """Ways from box to box, and whether they are skips over others."""
    for index, chained in enumerate(flow.chained):
        if chained:
            yield _line(boxes[index - 1], boxes[index], boxes)
    for skip in flow.skips:
        for target in skip.targets:
            yield _line(boxes[skip.source], boxes[target], boxes)


def _line(source: _Box, target: _Box, boxes: Sequence[_Box]) -> tuple[Path, bool]:
    """A way: straight, with a step at most, where the way is free, else an arc above the boxes."""
    next_to = target.column == source.column + 1
    if next_to or _free(source, target, boxes):
        middle = (source.right[0] + target.x) / 2 if next_to else target.x - GAP / 2
        path = Path([source.right, (middle, source.y), (middle, target.y), target.left])
    else:
        (a, b), (c, d) = source.top, target.top
        high = min(b, d) - 0.16 - 0.03 * (target.column - source.column)
        path = Path([(a, b), (a, high), (c, high), (c, d)], [Path.MOVETO, *[Path.CURVE4] * 3])
    return path, not next_to


def _free(source: _Box, target: _Box, boxes: Sequence[_Box]) -> bool:
    """Whether no box stands between two in the lane of the first."""
    return not any(source.lane == box.lane and source.column < box.column < target.column for box in boxes)


def _draw_sizes(place: Axes, boxes: Sequence[_Box]) -> None:
    """The size below the first box of each size in a lane."""
    told: set[tuple[int, tuple[int, ...]]] = set()
    for box in sorted(boxes, key=lambda each: each.column):
        shape = box.row.made[-1].shape
        if shape and (box.lane, shape) not in told:
            told.add((box.lane, shape))
            y = box.y + box.height / 2 + 0.17
            place.text(box.top[0], y, by(shape), fontsize=7, ha="center", va="top", color=GREY)


def _tell(figure: Figure, place: Axes, plan: Plan, title: str, boxes: Sequence[_Box]) -> None:
    """Title, figures and legend."""
    seen = f"receptive field {by(plan.receptive_field)}" if plan.exact else "looks at the whole input"
    told = f"{plan.parameters:,} parameters, {seen}, total stride {crossed(dict.fromkeys(plan.stride))}"
    place.set_title(f"{title}\n{told}", fontsize=9, loc="left", parse_math=False)
    groups = dict.fromkeys(box.group for box in boxes if box.row.place != "input")
    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.6, label=name) for name, colour in groups]
    columns = min(len(handles), max(1, ceil(figure.get_size_inches()[0] / 2.2)))
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, fontsize=7, frameon=False)
