"""Labels from picks: surfaces within half a bin and half a sample, horizons as classes, and where someone looked."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreted_survey import BINS, InterpretedSurvey
from pydantic import ValidationError
from scipy.spatial import cKDTree

from geocnn.errors import SurveyError
from geocnn.interpretation.horizons import horizon_of_picks
from geocnn.interpretation.label import PickedLabel, picked_label
from geocnn.interpretation.looked import RestrictedSurvey
from geocnn.interpretation.nearness import near, points_in, spacing
from geocnn.interpretation.options import Interpreted, PickOptions
from geocnn.interpretation.tracing import traced_sticks
from geocnn.interpretation.writing import write_horizon, write_sticks
from geocnn.survey.memory import MemorySurvey

SURVEY = InterpretedSurvey()
SHAPE = SURVEY.grid.shape


def values(label: PickedLabel | RestrictedSurvey) -> np.ndarray:
    return label.read(label.grid.whole)[0]


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., PickedLabel]:
    """The label of files with rows ``inline crossline z stick node``, and of options."""

    def make(*files: str, interpreted: Interpreted | None = None, **options: Any) -> PickedLabel:
        names = []
        for number, text in enumerate(files):
            names.append(str(tmp_path / f"picks-{number}.dat"))
            Path(names[-1]).write_text(text)
        return picked_label(names, SURVEY, PickOptions(**options), interpreted)

    return make


def sticks(*nodes: tuple[float, float, float, int]) -> str:
    """Positions and a stick each, as a file of line numbers."""
    return "".join(f"{100 + 2 * i} {500 + x} {200 + 4 * s} {stick} {n}\n" for n, (i, x, s, stick) in enumerate(nodes))


PLANE = sticks((4, 10, 5, 0), (4, 30, 45, 0), (20, 14, 5, 1), (20, 34, 45, 1))


# Sticks become surfaces


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("format", ["opendtect-sticks", "charisma-sticks"])
def test_label_to_sticks_to_label_agrees_within_half_a_bin_and_half_a_sample(
    tmp_path: Path, curved: bool, format: str
) -> None:
    i, s = np.arange(SHAPE[0])[:, None], np.arange(SHAPE[2])
    across = 8 + 0.3 * i + 0.8 * s - (0.008 * (s - 25) ** 2 - 0.006 * (i - 20) ** 2 if curved else 0)
    # Two bins across, whichever: the middle of the bins is the fault, within half a bin.
    label = (np.abs(np.arange(SHAPE[1])[None, :, None] - across[:, None, :]) < 1.0).astype(np.int8)
    write_sticks(tmp_path / "sticks.dat", traced_sticks(label, every=3, step=4), SURVEY, format)
    made = values(picked_label([str(tmp_path / "sticks.dat")], SURVEY, PickOptions(width=2)))
    last = (SHAPE[0] - 1) // 3 * 3
    for line in range(last + 1):
        # Not the outermost samples: there a slanted surface ends at right angles to itself.
        for sample in range(1, SHAPE[2] - 1):
            before, after = (np.flatnonzero(volume[line, :, sample] == 1) for volume in (label, made))
            assert len(after), (line, sample)
            assert abs(before.mean() - after.mean()) <= 0.5, (line, sample)
    # Along the samples: where a trace has a fault in both, its middle moves by half a sample at most, slope aside.
    traces = np.argwhere((label[: last + 1, :, 2:-2] == 1).sum(axis=2) >= 2)
    moved = [
        abs(np.flatnonzero(label[a, b] == 1).mean() - np.flatnonzero(made[a, b] == 1).mean())
        for a, b in traces
        if (made[a, b] == 1).any() and label[a, b, 0] == label[a, b, -1] == made[a, b, 0] == made[a, b, -1] == 0
    ]
    assert len(moved) > 500
    assert np.quantile(moved, 0.99) <= 0.5


def test_a_fault_that_ends_within_a_survey_ends_there_again(tmp_path: Path) -> None:
    label = np.zeros(SHAPE, np.int8)
    label[6:31, 20, 10:31] = 1
    write_sticks(tmp_path / "sticks.dat", [*traced_sticks(label, every=3)], SURVEY, "charisma-sticks")
    made = values(picked_label([str(tmp_path / "sticks.dat")], SURVEY, PickOptions(width=1)))
    np.testing.assert_array_equal(made == 1, label == 1)


def test_a_surface_is_as_thick_as_it_is_wide(labelled: Callable[..., PickedLabel]) -> None:
    upright = sticks((0, 20, 0, 0), (0, 20, 49, 0), (39, 20, 0, 1), (39, 20, 49, 1))
    for width, expected in ((1, 1), (3, 3), (5, 5)):
        label = values(labelled(upright, width=width))
        np.testing.assert_array_equal((label == 1).sum(axis=1), expected)


def test_nodes_between_sticks_are_joined_but_not_beyond_gaps(labelled: Callable[..., PickedLabel]) -> None:
    lines = (0, 3, 6, 30, 33)
    made = labelled(sticks(*((line, 20, s, n) for n, line in enumerate(lines) for s in (0, 49))))
    on = (values(made) == 1).any(axis=(1, 2))
    np.testing.assert_array_equal(np.flatnonzero(on), [*range(8), *range(29, 35)])
    assert any("1 stick not joined to the next" in remark for remark in made.remarks)


def test_nodes_out_of_order_are_sorted(labelled: Callable[..., PickedLabel]) -> None:
    order = (0, 40, 10, 30, 20)
    mixed, sorted_ = (
        labelled(sticks(*((line, 10 + s / 2, s, line) for line in (2, 8) for s in each)))
        for each in (order, range(0, 41, 10))
    )
    np.testing.assert_array_equal(values(mixed), values(sorted_))
    assert any("2 sticks with nodes out of order: sorted along the stick" in remark for remark in mixed.remarks)
    assert not any("out of order" in remark for remark in sorted_.remarks)


def test_sticks_picked_in_opposite_directions_make_the_same_surface(labelled: Callable[..., PickedLabel]) -> None:
    """One from the top downwards, the next from the bottom upwards."""
    rows = [[(line, 10 + s / 2 + line / 4, s, line) for s in (2, 14, 26, 45)] for line in (2, 14, 26)]
    down = labelled(sticks(*rows[0], *rows[1], *rows[2]))
    both = labelled(sticks(*rows[0], *rows[1][::-1], *rows[2]))
    np.testing.assert_array_equal(values(both), values(down))
    on = (values(down) == 1)[3:26].sum(axis=(1, 2))
    assert on.min() > 0.7 * on.max()


@pytest.mark.parametrize("second", [(2, 8, 14, 20), (20, 14, 8, 2), (8, 14)], ids=["again", "back", "within"])
def test_two_faults_in_a_file_that_tells_none_are_not_joined(
    labelled: Callable[..., PickedLabel], second: tuple[int, ...]
) -> None:
    """Sticks of one fault, then of another beside it: the way turns back between them."""
    rows = [(line, 20 + s / 8, s, n) for n, line in enumerate((2, 8, 14, 20)) for s in (0, 25, 49)]
    others = [(line, 28 + s / 8, s, 4 + n) for n, line in enumerate(second) for s in (0, 25, 49)]
    made = labelled(sticks(*rows, *others))
    label = values(made)
    # At half the depth one is at 23, the other at 31.
    assert not (label[:, 25:30, 24] == 1).any()
    on = slice(min(second), max(second) + 1)
    assert (label[on, 31, 24] == 1).all()
    assert (label[2:21, 23, 24] == 1).all()
    assert "charisma-sticks does" in " ".join(made.remarks)
    if second != (20, 14, 8, 2):
        assert made.report.things == f"2 faults, {4 + len(second)} sticks"
        assert "1 stick taken as the first of another fault" in " ".join(made.remarks)


def test_sticks_of_a_named_fault_are_joined_in_any_order(tmp_path: Path) -> None:
    rows = [f"INLINE- {100 + 2 * i} 520 0 0 {z} F {i}\n" for i in (2, 20, 8, 14) for z in (200, 396)]
    (tmp_path / "picks.dat").write_text("".join(rows))
    made = picked_label([str(tmp_path / "picks.dat")], SURVEY, PickOptions())
    assert (values(made)[2:21, 20, 25] == 1).all()
    assert made.report.things == "1 fault, 4 sticks"
    assert not any("charisma" in remark for remark in made.remarks)


@pytest.mark.parametrize("dip", [0.0, 0.8])
def test_a_fault_with_sticks_of_all_lengths_is_one(labelled: Callable[..., PickedLabel], dip: float) -> None:
    """How far up and down a stick was picked is no turn of the way."""
    ends = ((0, 20), (10, 49), (2, 12), (30, 49), (0, 49), (20, 30))
    rows = [(4 * n, 10 + dip * s + n, s, n) for n, (top, base) in enumerate(ends) for s in range(top, base, 3)]
    assert labelled(sticks(*rows)).report.things == "1 fault, 6 sticks"


def test_a_fault_that_curves_is_one(labelled: Callable[..., PickedLabel]) -> None:
    turned = [(20 + 15 * np.cos(angle), 30 + 15 * np.sin(angle)) for angle in np.linspace(0, 3, 9)]
    rows = [(i, x, s, n) for n, (i, x) in enumerate(turned) for s in (5, 40)]
    assert labelled(sticks(*rows)).report.things == "1 fault, 9 sticks"


def test_nodes_far_from_their_stick_are_told(labelled: Callable[..., PickedLabel]) -> None:
    rows = [(line, 10, s, line) for line in (2, 8, 14) for s in range(0, 40, 4)]
    assert not any("usual distances" in remark for remark in labelled(sticks(*rows)).remarks)
    rows[14] = (8, 58, 16, 8)
    made = labelled(sticks(*rows))
    assert (
        "1 node ten usual distances and more from those beside it on its stick, such as 116, 558, z 264: the surface "
        "leads there; correct or remove what was mistyped"
    ) in made.remarks
    rows[0] = (2, 59, 0, 2)
    assert any(remark.startswith("2 nodes ten usual") for remark in labelled(sticks(*rows)).remarks)
    # Nodes are further apart in depth than the mistyped one is aside, and it comes back.
    rows = [(line, 10, s, line) for line in (2, 8, 14) for s in range(0, 48, 12)]
    rows[5] = (8, 30, 12, 8)
    assert any(remark.startswith("1 node ten usual") for remark in labelled(sticks(*rows)).remarks)
    # A fault that flattens goes on.
    rows = [(8, x, s, 8) for x, s in ((5, 0), (5, 12), (5, 24), (17, 30), (29, 32), (41, 33), (53, 34))]
    assert not any("ten usual" in remark for remark in labelled(sticks(*rows)).remarks)


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picks.dat").write_text(PLANE)
    (tmp_path / "folder").mkdir()
    for other in ("picks.dat", "folder/../picks.dat"):
        with pytest.raises(SurveyError, match=r"picks\.dat is named twice"):
            picked_label([str(tmp_path / "picks.dat"), str(tmp_path / other)], SURVEY, PickOptions())


def test_options_that_do_nothing_are_refused(labelled: Callable[..., PickedLabel]) -> None:
    with pytest.raises(SurveyError, match=r"horizon interval with .*, which holds fault sticks"):
        labelled(PLANE, horizon="interval")
    with pytest.raises(ValidationError, match="width 3 with horizon distance"):
        PickOptions(width=3, horizon="distance")


def test_single_and_doubled_nodes_are_told(labelled: Callable[..., PickedLabel]) -> None:
    made = labelled(sticks((4, 10, 5, 0), (4, 10, 5, 0), (4, 30, 45, 0), (30, 50, 25, 1)))
    assert made.report.duplicates == 1
    assert any("1 stick with one node alone" in remark for remark in made.remarks)
    assert values(made)[30, 50, 25] == 1


def test_the_report(labelled: Callable[..., PickedLabel]) -> None:
    made = labelled(PLANE + sticks((20, 80, 5, 1)), interpreted=Interpreted(inlines=(108, 140)))
    first, second, third = made.report.lines()
    assert first == "5 nodes (opendtect-sticks): 1 fault, 2 sticks"
    assert second == "1 outside the survey, 0 duplicates, 0 undefined"
    shares = made.report.shares
    assert third.split(", ")[0].endswith("% background")
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares) == ["background", "fault", "ignored"]
    label = values(made)
    assert shares["fault"] == pytest.approx(float((label == 1).mean()))


def test_without_interpreted_all_is_background_and_that_is_told(labelled: Callable[..., PickedLabel]) -> None:
    made = labelled(PLANE)
    assert set(np.unique(values(made))) == {0, 1}
    options = "--inlines, --crosslines, --window-ms or --polygon (config: interpreted)"
    assert any(f"taken as background: say where someone looked with {options}" in each for each in made.remarks)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0, 0), (100, 0, 0), (0, 4, 0)],
        [(0, 0, 0), (0, 4, 0), (100, 2, 5)],
        [(0, 0, 0), (9, 1, 3), (4, 8, -2)],
        [(0, 0, 0), (0, 0, 0), (3, 0, 0)],
        [(0, 0, 0), (5, 0, 0), (9, 0, 0)],
    ],
)
def test_points_in_a_triangle_are_as_many_as_its_edges_ask_for(corners: list[tuple[float, ...]]) -> None:
    a, b, c = (np.array(each, float) for each in corners)
    spaced = 0.3
    points = points_in(a, b, c, spaced)
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 2000)
    apart, _ = cKDTree(points).query(weights @ np.array([a, b, c]))
    assert apart.max() <= spaced / np.sqrt(2) + 1e-9
    edges = sorted(float(np.linalg.norm(p - q)) for p, q in ((a, b), (b, c), (c, a)))
    assert len(points) <= edges[0] * edges[2] / spaced**2 / 2 + 3 * sum(edges) / spaced + 10


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.5, 12.0, 25.0])
def test_samples_near_points_are_those_that_are_measured_to_be(distance: float) -> None:
    random = np.random.default_rng(1)
    points = random.uniform(-6, 100, (40, 3)) * [1, 0.4, 0.2]
    shape = (90, 28, 20)
    everywhere = np.argwhere(np.ones(shape, bool))
    apart = np.linalg.norm(everywhere[:, None] - points, axis=2).min(axis=1)
    expected = (apart <= np.hypot(distance, spacing(distance) / 2)).reshape(shape)
    np.testing.assert_array_equal(near(np.repeat(points[:, None], 3, axis=1), shape, distance), expected)


@pytest.mark.parametrize("distance", [0.5, 1.0, 6.0, 25.0])
def test_samples_near_a_slanted_plane_are_those_within_the_distance(distance: float) -> None:
    """Over several blocks, of a triangle that is larger than the grid, by the formula of a plane."""
    shape = (150, 80, 70)
    normal = np.array([0.6, 0.64, 0.48])
    across = np.linalg.svd(normal[None])[2][1:]
    middle = np.array([75.0, 40.0, 35.0])
    corners = middle + 4000 * np.array([(0, 1), (-0.87, -0.5), (0.87, -0.5)]) @ across
    apart = np.abs((np.moveaxis(np.indices(shape), 0, -1) - middle) @ normal)
    made = near(corners[None], shape, distance)
    aside = spacing(distance) ** 2 / 4
    assert made[apart < np.sqrt(distance**2 - aside) - 1e-9].all()
    assert not made[apart > np.sqrt(distance**2 + aside) + 1e-9].any()


def test_what_lies_far_away_takes_no_memory() -> None:
    """A thousand kilometres of surface take what its part within the grid takes."""
    shape = (60, 60, 60)
    triangles = np.array([[(30, 30, 0), (30, 30, 59), (80_030, 80_030, 30)], [(5e4, 0, 0), (5e4, 900, 0), (5e4, 0, 9)]])
    tracemalloc.start()
    made = near(triangles, shape, 1.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made[45, 45, 30]
    assert most < 2**26


# Where someone looked


def test_lines_that_were_looked_at_are_background_and_sticks_count_everywhere(
    labelled: Callable[..., PickedLabel],
) -> None:
    made = values(labelled(PLANE, interpreted=Interpreted(inlines=(108,), crosslines=(540,))))
    assert set(np.unique(made[4])) == {0, 1}
    assert set(np.unique(made[:, 40])) == {0}
    elsewhere = np.delete(np.delete(made, 4, axis=0), 40, axis=1)
    assert set(np.unique(elsewhere)) == {-1, 1}
    assert (elsewhere[9:15] == 1).any()


def test_a_window_and_a_polygon(labelled: Callable[..., PickedLabel]) -> None:
    made = values(labelled(PLANE, interpreted=Interpreted(window_ms=(240, 300))))
    np.testing.assert_array_equal(np.flatnonzero((made == 0).any(axis=(0, 1))), range(10, 26))
    corners = tuple(BINS.place(i, x) for i, x in ((9.5, 19.5), (9.5, 40.5), (20.5, 40.5), (20.5, 19.5)))
    made = values(labelled(PLANE, interpreted=Interpreted(polygon=corners)))
    inside = np.zeros(SHAPE[:2], bool)
    inside[10:21, 20:41] = True
    np.testing.assert_array_equal((made == 0).any(axis=2), inside)


def test_a_label_volume_is_ignored_where_nobody_looked() -> None:
    volume = MemorySurvey("label", SURVEY.grid, SURVEY.domain, np.ones((1, *SHAPE), np.int8))
    label = RestrictedSurvey(volume, Interpreted(inlines=(104,), window_ms=(200, 220)), SURVEY)
    expected = np.full(SHAPE, -1.0)
    expected[2, :, :6] = 1
    np.testing.assert_array_equal(values(label), expected)
    np.testing.assert_array_equal(label.interpreted.any(axis=1), np.arange(40) == 2)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"inlines": (101,)}, "interpreted inline 101 is not in survey"),
        ({"crosslines": (900,)}, "interpreted crossline 900 is not in survey"),
        ({"window_ms": (5000, 6000)}, "window_ms 5000 to 6000 holds no sample"),
        ({"polygon": ((0, 0), (1, 0), (1, 1))}, "no trace of survey lies on the interpreted lines and in the polygon"),
    ],
)
def test_places_that_do_not_exist(labelled: Callable[..., PickedLabel], said: dict[str, Any], match: str) -> None:
    with pytest.raises(SurveyError, match=match):
        labelled(PLANE, interpreted=Interpreted(**said))


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"window_ms": (900, 300)}, r"window_ms is \[900, 300\]"),
        ({}, "interpreted says nothing"),
        ({"polygon": ((0, 0), (1, 1))}, "found 2 corners"),
        ({"window_ms": (300,)}, r"found .*300"),
        ({"window_ms": 300}, "found 300"),
        ({"crosslines": 2260}, "found 2260"),
        ({"inline": (100,)}, "inline"),
    ],
)
def test_places_that_contradict_themselves(said: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        Interpreted(**said)


def test_a_polygon_needs_coordinates(tmp_path: Path) -> None:
    (tmp_path / "picks.dat").write_text(PLANE)
    place = Interpreted(polygon=((0, 0), (1, 0), (1, 1)))
    with pytest.raises(SurveyError, match="interpreted has a polygon, survey has no coordinates"):
        picked_label([str(tmp_path / "picks.dat")], InterpretedSurvey(coordinates=False), PickOptions(), place)


# Horizons


def horizon(depth: Callable[[np.ndarray, np.ndarray], np.ndarray], step: int = 1, gap: slice | None = None) -> str:
    """A file of line numbers, every so many traces, without the inlines of a gap."""
    i, x = (each.ravel() for each in np.meshgrid(np.arange(0, 40, step), np.arange(0, 60, step), indexing="ij"))
    keep = np.ones(i.size, bool) if gap is None else ~np.isin(i, np.arange(40)[gap])
    rows = zip(i[keep], x[keep], depth(i[keep], x[keep]), strict=True)
    return "".join(f"{100 + 2 * a} {500 + b} {200 + 4 * c:g}\n" for a, b, c in rows)


def dipping(i: np.ndarray, x: np.ndarray) -> np.ndarray:
    return 10.03 + i / 8 + x / 16


TRUE = dipping(*np.meshgrid(np.arange(40), np.arange(60), indexing="ij"))[..., None]


@pytest.mark.parametrize("step", [1, 5])
def test_a_horizon_is_a_surface(labelled: Callable[..., PickedLabel], step: int) -> None:
    made = values(labelled(horizon(dipping, step), width=3))[:36, :56]
    true = TRUE[:36, :56]
    s = np.arange(50)
    np.testing.assert_array_equal(made, (s >= true - 1.5) & (s < true + 1.5))


def test_horizons_are_intervals_in_the_order_of_depth(labelled: Callable[..., PickedLabel]) -> None:
    deep, shallow = horizon(lambda i, x: dipping(i, x) + 15), horizon(dipping)
    made = labelled(deep, shallow, horizon="interval")
    s = np.arange(50)
    np.testing.assert_array_equal(values(made), (s >= TRUE).astype(int) + (s >= TRUE + 15))
    assert list(made.report.shares)[:3] == ["interval 0", "interval 1", "interval 2"]


def test_the_sample_on_a_horizon_belongs_below_it(labelled: Callable[..., PickedLabel]) -> None:
    flat = horizon(lambda i, x: 0.0 * i + 20)
    np.testing.assert_array_equal(
        values(labelled(flat, horizon="interval")), np.broadcast_to(np.arange(50) >= 20, SHAPE)
    )


def test_the_distance_from_a_horizon_grows_downwards(labelled: Callable[..., PickedLabel]) -> None:
    made = values(labelled(horizon(dipping), horizon(lambda i, x: dipping(i, x) + 15), horizon="distance"))
    first, second = (np.arange(50) - depth for depth in (TRUE, TRUE + 15))
    np.testing.assert_allclose(made, np.where(np.abs(first) <= np.abs(second), first, second), atol=1e-4)


def test_a_horizon_is_unknown_in_wide_gaps_and_ignored_there(labelled: Callable[..., PickedLabel]) -> None:
    made = labelled(horizon(dipping, gap=slice(12, 28)))
    unknown = (values(made) == -1).all(axis=(1, 2))
    np.testing.assert_array_equal(np.flatnonzero(unknown), range(12, 28))
    assert "known on 60 % of the traces" in made.report.things
    assert any("960 traces between the picks of" in remark for remark in made.remarks)


@pytest.mark.parametrize(
    "picked",
    [
        lambda i, x: i % 10 == 0,
        lambda i, x: (i % 13 == 0) | (x % 20 == 0),
        lambda i, x: (i % 13 == 0) & (x % 7 == 0),
        lambda i, x: np.isin(i, (0, 6, 20, 25, 39)),
    ],
    ids=["inlines", "grid of lines", "sparse grid", "uneven inlines"],
)
@pytest.mark.parametrize("rounding", [0, 0.05])
def test_a_horizon_is_filled_between_lines_of_any_spacing(picked: Any, rounding: float) -> None:
    i, x = (each.ravel() for each in np.meshgrid(np.arange(40), np.arange(60), indexing="ij"))
    chosen = picked(i, x)
    places = np.column_stack([i, x])[chosen] + np.random.default_rng(0).uniform(-rounding, rounding, (chosen.sum(), 2))
    found = horizon_of_picks(np.column_stack([places, dipping(*places.T)]), (40, 60))
    last = i[chosen].max(), x[chosen].max()
    within = found.depths[: last[0] + 1, : last[1] + 1]
    # At the rim, rounded coordinates may lead a little outside: by the dip over a rounding there.
    np.testing.assert_allclose(within, TRUE[: last[0] + 1, : last[1] + 1, 0], atol=0.05 if rounding else 1e-9)
    assert not np.isfinite(found.depths[last[0] + 1 :]).any()
    assert (found.gaps, found.duplicates) == (0, 0)


def test_a_horizon_picked_on_every_trace_needs_no_triangles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an exact grid are ambiguous, and slow to find."""
    monkeypatch.setattr("geocnn.interpretation.horizons.Delaunay", None)
    nodes = np.column_stack([np.argwhere(np.ones((40, 60))), TRUE.ravel()])
    found = horizon_of_picks(np.random.default_rng(0).permutation(nodes), (40, 60))
    np.testing.assert_array_equal(found.depths, TRUE[..., 0])
    assert (found.gaps, found.duplicates) == (0, 0)


def test_traces_are_looked_for_in_batches_of_triangles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geocnn.interpretation.horizons.AT_ONCE", 50)
    nodes = np.column_stack([np.argwhere(np.ones((40, 60))), TRUE.ravel()])
    kept = np.random.default_rng(0).uniform(size=len(nodes)) > 0.2
    kept[[0, 59, -60, -1]] = True
    found = horizon_of_picks(nodes[kept], (40, 60))
    inner = found.depths[1:-1, 1:-1]
    np.testing.assert_allclose(inner, TRUE[1:-1, 1:-1, 0], atol=1e-9)


def test_two_picked_areas_are_not_joined() -> None:
    i, x = (each.ravel() for each in np.meshgrid(np.arange(100), np.arange(30), indexing="ij"))
    for step, gap in ((1, range(20, 60)), (5, range(31, 70))):
        chosen = (i % step == 0) & ~np.isin(i, gap)
        places = np.column_stack([i, x])[chosen]
        found = horizon_of_picks(np.column_stack([places, dipping(*places.T)]), (100, 30))
        known = np.isfinite(found.depths)
        last = 95 // step * step if step > 1 else 99
        expected = [each for each in range(last + 1) if each not in gap]
        np.testing.assert_array_equal(np.flatnonzero(known.all(axis=1)), expected)
        np.testing.assert_array_equal(known.any(axis=1), known.all(axis=1))
        assert found.gaps == len(gap) * 30


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.45, -0.45])
def test_a_steep_horizon_picked_off_the_traces_lies_where_it_was_picked(offset: float) -> None:
    def steep(i: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 5 + 3 * i + 1.5 * x

    i, x = (each.ravel() for each in np.meshgrid(np.arange(0.0, 40, 2), np.arange(60.0), indexing="ij"))
    found = horizon_of_picks(np.column_stack([i + offset, x + offset, steep(i + offset, x + offset)]), (40, 60))
    true = steep(*np.meshgrid(np.arange(40), np.arange(60), indexing="ij"))
    known = np.isfinite(found.depths)
    # Picks reach the traces in whose bins they lie, not the ones between at the rim.
    assert known[1:38, 1:59].all()
    assert known[:39:2].all()
    np.testing.assert_allclose(found.depths[known], true[known], atol=1e-6)


def test_a_horizon_on_a_slanting_line_is_known_there_alone() -> None:
    along = np.arange(0, 30, 2.0)
    nodes = np.column_stack([along, 10 + along, 20 + along])
    found = horizon_of_picks(np.delete(nodes, slice(6, 11), axis=0), (40, 60))
    known = np.argwhere(np.isfinite(found.depths))
    np.testing.assert_array_equal(known[:, 1], known[:, 0] + 10)
    np.testing.assert_array_equal(known[:, 0], [*range(11), *range(22, 29)])
    np.testing.assert_allclose(found.depths[tuple(known.T)], 20 + known[:, 0])
    single = horizon_of_picks(np.array([[3.2, 4.4, 7.0]]), (40, 60))
    np.testing.assert_array_equal(np.argwhere(np.isfinite(single.depths)), [[3, 4]])


def test_undefined_and_repeated_picks(labelled: Callable[..., PickedLabel]) -> None:
    text = horizon(dipping).splitlines()
    text[5] = " ".join([*text[5].split()[:2], "1e30"])
    made = labelled("\n".join([*text, text[0]]))
    assert (made.report.undefined, made.report.duplicates) == (1, 1)
    assert (values(made)[0, 5] == 1).any(), "filled from its neighbours"


def test_crossing_horizons_are_told(labelled: Callable[..., PickedLabel]) -> None:
    made = labelled(horizon(dipping), horizon(lambda i, x: 0 * i + 14.0), horizon="interval")
    assert any("horizons cross on" in remark for remark in made.remarks)


def test_horizons_on_one_line_stay_there(labelled: Callable[..., PickedLabel]) -> None:
    made = values(labelled("".join(f"110 {500 + x} 300\n" for x in range(60))))
    assert (made[5] == 1).any(axis=1).all()
    assert (made[20] == -1).all()


def test_sticks_and_horizons_are_two_labels(labelled: Callable[..., PickedLabel]) -> None:
    with pytest.raises(SurveyError, match="fault sticks and horizons together"):
        labelled(PLANE, horizon(dipping))


def test_format_and_columns_are_one_too_many() -> None:
    with pytest.raises(ValidationError, match="both format charisma-sticks and columns x,y,z"):
        PickOptions(format="charisma-sticks", columns="x,y,z")


def test_written_horizons_make_the_same_label(tmp_path: Path) -> None:
    for format in ("opendtect-horizon", "charisma-horizon"):
        path = tmp_path / f"{format}.dat"
        write_horizon(path, TRUE[..., 0], SURVEY, format)
        made = values(picked_label([str(path)], SURVEY, PickOptions(width=1)))
        np.testing.assert_array_equal(made == 1, (np.arange(50) >= TRUE - 0.5) & (np.arange(50) < TRUE + 0.5))
