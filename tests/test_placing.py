"""Picks in a survey: coordinates and line numbers, units and signs, and picks that are of another survey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from interpreted_survey import BINS, GRID, InterpretedSurvey

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid
from geocnn.interpretation.picks import Picks
from geocnn.interpretation.placing import place, positions_of

POSITIONS = np.array([[3.0, 10.5, 2.0], [3.0, 12.0, 30.0], [7.25, 40.0, 49.0], [39.0, 59.0, 0.0]])
Z = 200 + 4 * POSITIONS[:, 2]


def xy(positions: np.ndarray = POSITIONS) -> np.ndarray:
    return np.array([BINS.place(i, x) for i, x, _ in positions])


def lines(positions: np.ndarray = POSITIONS) -> np.ndarray:
    return np.column_stack([100 + 2 * positions[:, 0], 500 + positions[:, 1]])


def picks(where: dict[str, np.ndarray], z: np.ndarray = Z) -> Picks:
    zeros = np.zeros(len(z), np.int64)
    return Picks("sticks.dat", "opendtect-sticks", "sticks", where, z, zeros, zeros)  # type: ignore[arg-type]


@pytest.mark.parametrize("where", [{"xy": xy()}, {"lines": lines()}, {"either": xy()}, {"either": lines()}])
def test_coordinates_and_line_numbers_lead_to_the_same_place(where: dict[str, np.ndarray]) -> None:
    placed = place(picks(where), InterpretedSurvey(), None)
    np.testing.assert_allclose(placed.positions, POSITIONS, atol=1e-3)
    assert (placed.outside, placed.residual) == (0, None)
    how = "coordinates" if np.array_equal(next(iter(where.values())), xy()) else "line numbers"
    if "either" in where:
        assert placed.remarks == (f"the first two columns of sticks.dat were taken as {how}",)


def test_positions_are_the_inverse_of_bins() -> None:
    np.testing.assert_allclose(positions_of(xy(), BINS), POSITIONS[:, :2], atol=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("unit", "factor"), [("ms", 1.0), ("s", 1000.0)])
@pytest.mark.parametrize("named", [True, False])
def test_times_of_both_units_and_signs(unit: str, factor: float, sign: int, named: bool) -> None:
    placed = place(picks({"xy": xy()}, sign * Z / factor), InterpretedSurvey(), unit if named else None)
    np.testing.assert_allclose(placed.positions, POSITIONS, atol=1e-3)
    assert ("negative downwards" in " ".join(placed.remarks)) == (sign < 0)
    assert ("was taken as s" in " ".join(placed.remarks)) == (unit == "s" and not named)


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("ft", 0.3048)])
def test_depths_in_metres_and_feet(unit: str, factor: float) -> None:
    depth = Grid((*GRID.axes[:2], Axis("sample", 1000, 10, 50, "m")))
    z = 1000 + 10 * POSITIONS[:, 2]
    for given in (unit, None):
        placed = place(picks({"xy": xy()}, z / factor), InterpretedSurvey(depth), given)
        np.testing.assert_allclose(placed.positions, POSITIONS, atol=1e-3)


def test_a_unit_of_the_other_domain() -> None:
    with pytest.raises(SurveyError, match="picks in ft for survey, whose samples are in ms"):
        place(picks({"xy": xy()}), InterpretedSurvey(), "ft")


def test_mixed_units_and_signs_are_refused() -> None:
    mixed = np.where(np.arange(4) < 2, Z, Z / 1000)
    with pytest.raises(SurveyError, match=r"2 nodes of sticks\.dat in the survey by z in ms, 2 others only by z in s"):
        place(picks({"xy": xy()}, mixed), InterpretedSurvey(), None)
    with pytest.raises(SurveyError, match=r"2 of 4 nodes of sticks\.dat have a negative z"):
        place(picks({"xy": xy()}, Z * [1, -1, 1, -1]), InterpretedSurvey(), None)


def test_nodes_outside_are_counted() -> None:
    positions = np.vstack([POSITIONS, [[45.0, 10, 10], [3, 10, 60]]])
    assert place(picks({"xy": xy(positions)}, 200 + 4 * positions[:, 2]), InterpretedSurvey(), None).outside == 2


def test_nodes_far_outside_are_left_out() -> None:
    positions = np.vstack([POSITIONS, [[3, 1e20, 10], [3, 10, 1e25], [3, 10, 60]]])
    placed = place(picks({"xy": xy(positions)}, 200 + 4 * positions[:, 2]), InterpretedSurvey(), None)
    assert (placed.outside, placed.left_out, len(placed.picks), len(placed.positions)) == (3, 2, 5, 5)
    assert placed.remarks == (
        "2 nodes of sticks.dat left out: further outside survey than it is long, such as the one at "
        "-6.25e+20, 1.08253e+21, z 240",
    )


def test_nodes_without_a_place_are_left_out() -> None:
    numbers = lines()
    numbers[1] = np.nan
    placed = place(picks({"lines": numbers}), InterpretedSurvey(), None)
    np.testing.assert_allclose(placed.positions, POSITIONS[[0, 2, 3]])
    assert placed.left_out == 1
    assert "1 node of sticks.dat left out: line numbers" in placed.remarks[0]
    with pytest.raises(SurveyError, match=r"all 4 nodes of sticks\.dat have 0 for coordinates and for line numbers"):
        place(picks({}), InterpretedSurvey(), None)


def test_both_are_compared_and_coordinates_count() -> None:
    numbers = lines()
    numbers[2, 1] += 3
    placed = place(picks({"xy": xy(), "lines": numbers}), InterpretedSurvey(), None)
    assert placed.residual == pytest.approx(3, abs=1e-3)
    np.testing.assert_allclose(placed.positions, POSITIONS, atol=1e-3)
    assert placed.remarks == (
        "1 node of sticks.dat with line numbers more than a bin away from the coordinates, up to 3.0: "
        "the coordinates were taken",
    )
    agreeing = place(picks({"xy": xy(), "lines": lines()}), InterpretedSurvey(), None)
    assert agreeing.residual == pytest.approx(0, abs=1e-3)
    assert agreeing.remarks == ()


@pytest.mark.parametrize(
    ("where", "z", "do"),
    [
        (xy() + 50_000, Z, "check that both belong to the same survey"),
        (xy() * 10, Z, "times 0.1 would lie in it"),
        (xy() / 0.3048, Z, "times 0.3048 would lie in it"),
        (xy()[:, ::-1], Z, "with X and Y exchanged"),
        (xy(), Z + 5_000_000, "on the map they lie in it, but above or below"),
    ],
)
def test_picks_of_another_survey(where: np.ndarray, z: np.ndarray, do: str) -> None:
    with pytest.raises(SurveyError, match=r"none of the 4 nodes of sticks\.dat lies in survey: the first is") as told:
        place(picks({"xy": where}, z), InterpretedSurvey(), None)
    assert do in told.value.faults[0].do


def test_picks_whose_line_numbers_fit_and_coordinates_do_not() -> None:
    both = {"xy": xy() + 50_000, "lines": lines()}
    with pytest.raises(SurveyError, match=r"none of the 4 nodes of sticks\.dat lies in survey") as told:
        place(replace(picks(both), format="charisma-sticks"), InterpretedSurvey(), None)
    assert "by their line numbers they would lie in it" in told.value.faults[0].do
    assert "--columns -,inline,crossline,-,-,z,fault,stick (config: columns)" in told.value.faults[0].do
    neither = {"xy": xy() + 50_000, "lines": lines() + 9000}
    with pytest.raises(SurveyError, match="none of the 4 nodes") as told:
        place(picks(neither), InterpretedSurvey(), None)
    assert "by their line numbers" not in told.value.faults[0].do


def test_what_was_said_of_a_file_is_said_again() -> None:
    read = replace(picks({"xy": xy()}), remarks=("2 nodes with z -999.25",))
    assert place(read, InterpretedSurvey(), None).remarks == ("2 nodes with z -999.25",)


def test_a_survey_that_cannot_place_them() -> None:
    with pytest.raises(SurveyError, match=r"sticks\.dat has coordinates, survey has none"):
        place(picks({"xy": xy()}), InterpretedSurvey(coordinates=False), None)
    section = InterpretedSurvey(Grid(GRID.axes[1:]), coordinates=False)
    with pytest.raises(SurveyError, match="survey has the axes crossline, sample"):
        place(picks({"xy": xy()}), section, None)
