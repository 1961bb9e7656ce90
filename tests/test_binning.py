"""Bins found from coordinates alone, against the lattice that made the coordinates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.survey.segy.binning import NoLattice, bin_by_coordinates


def lattice(
    shape: tuple[int, int], bins: tuple[float, float], azimuth: float, *, mirrored: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Line numbers from 1 (n, 2) and coordinates (n, 2) of a turned survey, inline by inline."""
    lines = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).reshape(-1, 2)
    c, s = math.cos(azimuth), math.sin(azimuth)
    crossline = np.array([c, s])
    inline = np.array([-s, c]) * (-1 if mirrored else 1)
    places = lines * np.array(bins)
    return lines + 1, places[:, :1] * inline + places[:, 1:] * crossline + np.array([432_100.0, 6_478_000.0])


def found(points: np.ndarray) -> np.ndarray:
    """Line numbers of points (n, 2)."""
    return np.stack(bin_by_coordinates(points[:, 0], points[:, 1])[:2], axis=1)


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(5, 60), st.integers(5, 60)),
    st.tuples(st.floats(3, 60), st.floats(3, 60)).filter(lambda bins: max(bins) < 5 * min(bins)),
    st.floats(0, 2 * math.pi),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 2**32 - 1),
)
def test_the_lattice_that_made_the_points(
    shape: tuple[int, int],
    bins: tuple[float, float],
    azimuth: float,
    mirrored: bool,
    missing: float,
    jitter: float,
    seed: int,
) -> None:
    """Turned, mirrored, of two sizes, with holes, off the centres: each point is in its bin."""
    lines, points = lattice(shape, bins, azimuth, mirrored=mirrored)
    rng = np.random.default_rng(seed)
    points += rng.uniform(-jitter, jitter, points.shape) * min(bins) / math.sqrt(2)
    kept = rng.random(len(lines)) >= missing
    lines, points = lines[kept], points[kept]
    assert np.array_equal(found(points), lines - lines.min(axis=0) + 1)


def test_crossline_is_what_changes_fast() -> None:
    lines, points = lattice((20, 30), (25, 12.5), 0.3)
    by_crossline = np.lexsort((lines[:, 0], lines[:, 1]))
    assert np.array_equal(found(points[by_crossline]), lines[by_crossline][:, ::-1])


def test_lines_that_run_to_and_fro() -> None:
    lines, points = lattice((20, 30), (25, 12.5), 0.3)
    order = np.arange(600).reshape(20, 30)
    order[1::2] = order[1::2, ::-1]
    assert np.array_equal(found(points[order.ravel()]), lines[order.ravel()])


def test_numbers_grow_with_the_order_of_the_points() -> None:
    lines, points = lattice((20, 30), (25, 12.5), 0.3)
    assert np.array_equal(found(points[::-1]), lines)


def test_traces_of_a_gather_share_a_bin() -> None:
    lines, points = lattice((12, 15), (25, 25), 1.0)
    assert np.array_equal(found(np.repeat(points, 60, axis=0)), np.repeat(lines, 60, axis=0))


def test_coordinates_in_whole_metres() -> None:
    lines, points = lattice((300, 200), (12.5, 6.25), 0.7)
    assert np.array_equal(found(np.rint(points)), lines)


def test_bins_twelve_times_as_long_as_wide() -> None:
    lines, points = lattice((30, 300), (75, 6.25), 0.7)
    assert np.array_equal(found(points), lines)


def test_the_misfit_is_in_bins() -> None:
    _, points = lattice((20, 20), (25, 25), 0)
    points[77, 0] += 5
    assert bin_by_coordinates(points[:, 0], points[:, 1])[2] == pytest.approx(0.2, abs=0.01)


def crooked(rng: np.random.Generator) -> np.ndarray:
    heading = np.cumsum(rng.normal(0, 0.02, 2000))
    return np.cumsum(12.5 * np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)


NO_LATTICE = {
    "straight line": (lambda rng: np.arange(500)[:, None] * np.array([[10.0, 7.0]]), "two directions"),
    "one point": (lambda rng: np.ones((50, 2)), "two directions"),
    "two points": (lambda rng: np.arange(4.0).reshape(2, 2), "two directions"),
    "crooked line": (crooked, "anywhere|spread over|two directions"),
    "scatter": (lambda rng: rng.uniform(0, 5000, (4000, 2)), "anywhere"),
    "few scattered": (lambda rng: rng.uniform(0, 5000, (25, 2)), "anywhere"),
    "nan": (lambda rng: np.full((30, 2), np.nan), "no numbers"),
    "one far off": (
        lambda rng: np.concatenate([lattice((30, 30), (25, 25), 0.2)[1], [[0.0, 0.0]]]),
        "spread over .* some are wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), NO_LATTICE.values(), ids=NO_LATTICE)
def test_points_that_lie_on_no_lattice(make, message: str) -> None:  # type: ignore[no-untyped-def]
    points = make(np.random.default_rng(3))
    with pytest.raises(NoLattice, match=f"(?s){message}"):
        bin_by_coordinates(points[:, 0], points[:, 1])
