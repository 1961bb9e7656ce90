"""Bins of a survey by the coordinates of its traces: places worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.survey.bins import Bins, fit_bins

EAST_NORTH = Bins(origin=(1000.0, 2000.0), inline=(12.5, 0.0), crossline=(0.0, 25.0), misfit=0.0)


def test_corners_by_hand() -> None:
    """Inlines 12.5 apart to the east, crosslines 25 apart to the north; 3 inlines, 5 crosslines."""
    assert EAST_NORTH.corners(3, 5) == ((1000, 2000), (1000, 2100), (1025, 2000), (1025, 2100))
    assert EAST_NORTH.place(2, 0.5) == (1025, 2012.5)


@pytest.mark.parametrize(
    ("inline", "crossline", "azimuth", "right"),
    [
        ((12.5, 0), (0, 25), 0, True),
        ((0, 12.5), (25, 0), 90, False),
        ((-12.5, 0), (0, 25), 0, False),
        ((0, 12.5), (-25, 0), 270, True),
        ((12.5, 0), (0, -25), 180, False),
    ],
)
def test_azimuth_and_handedness(
    inline: tuple[float, float], crossline: tuple[float, float], azimuth: float, right: bool
) -> None:
    bins = Bins((0, 0), inline, crossline, 0)
    assert bins.azimuth == pytest.approx(azimuth)
    assert bins.right_handed is right
    assert bins.size == (12.5, 25)


@settings(deadline=None)
@given(st.floats(0, 6.28), st.floats(1, 100), st.floats(1, 100), st.booleans(), st.floats(-1e7, 1e7))
def test_a_fit_finds_what_made_the_coordinates(
    angle: float, first: float, second: float, mirrored: bool, origin: float
) -> None:
    positions = np.stack(np.meshgrid(np.arange(4), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2)
    one, other = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    vectors = np.array([first * one, second * other * (-1 if mirrored else 1)])
    bins = fit_bins(positions, positions @ vectors + origin)
    assert bins is not None
    assert bins.size == pytest.approx((first, second), rel=1e-5)
    assert bins.right_handed is not mirrored
    assert bins.misfit < 1e-6 * (1 + abs(origin))
    corners = np.array([[0, 0], [0, 5], [3, 0], [3, 5]]) @ vectors + origin
    assert np.allclose(bins.corners(4, 6), corners, rtol=1e-9, atol=1e-5)


def test_a_trace_off_its_place_is_the_misfit() -> None:
    positions = np.stack(np.meshgrid(np.arange(20), np.arange(20), indexing="ij"), axis=-1).reshape(-1, 2)
    coordinates = positions * 25.0
    coordinates[210] += (60, 80)
    bins = fit_bins(positions, coordinates)
    assert bins is not None
    assert bins.misfit == pytest.approx(100, rel=0.02)


def test_coordinates_along_a_line_make_no_bins() -> None:
    positions = np.stack(np.meshgrid(np.arange(3), np.arange(4), indexing="ij"), axis=-1).reshape(-1, 2)
    assert fit_bins(positions[:4], positions[:4] * 25.0) is None
    assert fit_bins(positions, np.full((12, 2), 7.0)) is None
