"""Line numbers and coordinates found in trace headers where nobody says where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from headers import geometry, lines, write
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.errors import SurveyError
from geocnn.survey.options import Place, SurveyOptions
from geocnn.survey.segy.geometry import Geometry
from geocnn.survey.segy.header_scan import CANDIDATES, SHOTS

INLINE, CROSSLINE = lines(range(100, 112), range(20, 60, 2))
COUNTER = np.arange(1, INLINE.size + 1)
RANDOM = np.random.default_rng(0)


def lies_at(found: Geometry, inline: np.ndarray, crossline: np.ndarray) -> bool:
    """Whether each trace lies at its inline and crossline, and nothing else lies anywhere."""
    axes = found.axes
    if [axis.name for axis in axes] != ["inline", "crossline"]:
        return False
    at = tuple(
        np.rint((key - axis.first) / axis.step).astype(int) for key, axis in zip((inline, crossline), axes, strict=True)
    )
    expected = np.full_like(found.index, -1)
    expected[(0, *at)] = np.arange(inline.size)
    return np.array_equal(found.index, expected)


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from([pair for pair in CANDIDATES if pair != SHOTS] + [(181, 185)]),
    st.sampled_from(["i4", "f4", "i2"]),
    st.sampled_from(["<", ">"]),
    st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
    st.tuples(st.integers(3, 30), st.integers(3, 30)),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.floats(0, 0.4),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_any_lines_are_found(
    tmp_path_factory: pytest.TempPathFactory,
    pair: tuple[int, int],
    kind: str,
    order: str,
    first: tuple[int, int],
    shape: tuple[int, int],
    step: tuple[int, int],
    missing: float,
    shuffled: bool,
    seed: int,
) -> None:
    """Whatever bytes, kind, byte order, first lines, steps, holes and order of the traces."""
    rng = np.random.default_rng(seed)
    inline, crossline = lines(*(range(a, a + n * d, d) for a, n, d in zip(first, shape, step, strict=True)))
    kept = np.flatnonzero(rng.random(inline.size) >= missing)
    kept = rng.permutation(kept) if shuffled else kept
    inline, crossline = inline[kept], crossline[kept]
    counts = np.unique(inline).size, np.unique(crossline).size
    if min(counts) < 3 or kept.size <= max(counts):
        # One trace on each line is a way across a volume.
        return
    values = {1: np.arange(1, kept.size + 1), f"{pair[0]}:{kind}": inline, f"{pair[1]}:{kind}": crossline}
    found = geometry(write(tmp_path_factory.mktemp("any") / "f.sgy", values, order))
    assert lies_at(found, inline, crossline)
    assert str(pair[0]) in found.places["inline"]
    assert str(pair[1]) in found.places["crossline"]


def test_standard_bytes_need_no_remark(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE, 9: INLINE, 21: CROSSLINE}))
    assert found.places["inline"] == "trace header bytes 189-192 (sure: 12 × 20 lines, 100 % full)"
    assert found.remarks == ()


def test_other_bytes_are_remarked(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {189: INLINE * 0, 193: INLINE * 0 + 7, 9: INLINE, 21: CROSSLINE}))
    assert found.places["crossline"] == "trace header bytes 21-24 (sure: 12 × 20 lines, 100 % full)"
    assert "bytes 9 and 21 (sure), not at 189 and 193; --iline and --xline override" in found.remarks[0]


@pytest.mark.parametrize("kind", ["f4", "ibm", "i2"])
def test_kinds_at_standard_bytes(tmp_path: Path, kind: str) -> None:
    values = (ibm(INLINE), ibm(CROSSLINE)) if kind == "ibm" else (INLINE, CROSSLINE)
    written = "u4" if kind == "ibm" else kind
    path = tmp_path / "f.sgy"
    found = geometry(write(path, {(189, written): values[0], (193, written): values[1]}))
    assert lies_at(found, INLINE, CROSSLINE)
    assert found.remarks == (f"line numbers are no 4-byte integers: read from 189:{kind} and 193:{kind} (sure)",)


def ibm(numbers: np.ndarray) -> np.ndarray:
    """Bits of IBM floats of whole numbers below 4096: number / 16³ · 16³."""
    return (0x43 << 24) + (numbers << 12)


CASES = {
    "trace numbers beside": {1: COUNTER, 5: COUNTER, 9: INLINE, 21: CROSSLINE},
    "trace in line, and crossline": {5: np.tile(np.arange(1, 21), 12), 9: INLINE, 21: CROSSLINE, 13: INLINE * 0 + 1},
    "no pair of the table": {197: INLINE, 201: CROSSLINE},
    "faster one first": {197: CROSSLINE, 201: INLINE},
    "two pairs of the table mixed": {189: INLINE, 21: CROSSLINE},
    "16 bits side by side": {"181:i2": INLINE, "183:i2": CROSSLINE},
    "16 bits before others": {"189:i2": INLINE, "191:i2": RANDOM.integers(0, 99, 240), "193:i2": CROSSLINE,
                              "195:i2": RANDOM.integers(0, 99, 240)},
    "garbage at 189 and 193": {189: RANDOM.integers(0, 9, 240), 193: RANDOM.integers(0, 9, 240), 9: INLINE,
                               21: CROSSLINE},
    "coordinates along the axes": {9: INLINE, 21: CROSSLINE, 73: 43_000_000 + CROSSLINE * 1250, 77: INLINE * 2500},
    "line of one inline": {189: INLINE * 0 + 4, 193: COUNTER},
}  # fmt: skip


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_lines_are_found_among_other_numbers(tmp_path: Path, values: dict[int | str, np.ndarray]) -> None:
    found = geometry(write(tmp_path / "f.sgy", values))
    expected = (values[189], COUNTER) if values.get(193) is COUNTER else (INLINE, CROSSLINE)
    assert lies_at(found, *expected), found.places


def test_a_guess_says_so(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {197: INLINE, 201: CROSSLINE}))
    assert "(a guess: " in found.places["inline"]
    assert "(a guess)" in found.remarks[0]


def test_the_text_header_is_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {33: INLINE, 229: CROSSLINE})
    found = geometry(path, inline=33, crossline=229)
    assert lies_at(found, INLINE, CROSSLINE)
    assert found.places["inline"].startswith("trace header bytes 33-36 (sure")
    assert "the text header names bytes 33 and 229" in found.remarks[0]


def test_the_standard_wins_over_the_text_header(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE, 9: CROSSLINE, 21: INLINE})
    found = geometry(path, inline=9, crossline=21)
    assert lies_at(found, INLINE, CROSSLINE)
    assert "--iline 9 --xline 21 overrides" in found.remarks[0]


def test_a_text_header_that_names_nonsense_is_not_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {9: INLINE, 21: CROSSLINE})
    assert lies_at(geometry(path, inline=4000, crossline=-3), INLINE, CROSSLINE)
    assert lies_at(geometry(path, inline=115, crossline=117), INLINE, CROSSLINE)


@pytest.mark.parametrize(
    "options",
    [
        SurveyOptions(iline=9),
        SurveyOptions(xline=21),
        SurveyOptions(iline="9:i4", xline=21),
        SurveyOptions(xline="225:f4"),
        SurveyOptions(iline="237:i2", xline=21),
    ],
)
def test_options_overrule_and_the_rest_is_found(tmp_path: Path, options: SurveyOptions) -> None:
    other = {189: COUNTER // 20, 193: CROSSLINE + 1, 9: INLINE, 21: CROSSLINE, "225:f4": CROSSLINE, "237:i2": INLINE}
    found = geometry(write(tmp_path / "f.sgy", other), options)
    if options.xline is None:
        assert "--iline" in found.places["inline"]
        assert lies_at(found, INLINE, CROSSLINE + 1)
    elif options.iline is None:
        assert "--xline" in found.places["crossline"]
        assert lies_at(found, COUNTER // 20, CROSSLINE)
    else:
        assert lies_at(found, INLINE, CROSSLINE)


@pytest.mark.parametrize(
    ("option", "said", "last"), [("iline", 238, 237), ("xline", "240:i2", 239), ("cdp_x", 300, 237)]
)
def test_places_outside_the_header(tmp_path: Path, option: str, said: int | str, last: int) -> None:
    path = write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE})
    with pytest.raises(SurveyError, match=rf"--{option.replace('_', '-')} {said}(.|\n)*1 to {last}"):
        geometry(path, SurveyOptions(**{option: said}))


X, Y = 432_100 + 25 * INLINE, 6_478_000 + 25 * CROSSLINE
COORDINATES = {
    "standard": ({181: X, 185: Y}, (Place(181), Place(185))),
    "Petrel": ({73: X, 77: Y}, (Place(73), Place(77))),
    "receiver": ({81: X, 85: Y, 181: X * 0 + 7}, (Place(81), Place(85))),
    "standard first": ({73: X, 77: Y, 181: X, 185: Y}, (Place(181), Place(185))),
    "floats": ({"181:f4": X, "185:f4": Y}, (Place(181, "f4"), Place(185, "f4"))),
    "centimetres": ({181: X * 100, 185: Y * 100, "71:i2": X * 0 - 100}, (Place(181), Place(185))),
    "none": ({}, None),
}  # fmt: skip


@pytest.mark.parametrize(("values", "places"), COORDINATES.values(), ids=COORDINATES)
def test_coordinates_are_found(
    tmp_path: Path, values: dict[int | str, np.ndarray], places: tuple[Place, Place] | None
) -> None:
    assert geometry(write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE, **values})).coordinates == places


def test_coordinates_that_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "f.sgy", {189: INLINE, 193: CROSSLINE, 181: X, 185: Y, 101: X, 105: Y})
    assert geometry(path, cdp_x=101, cdp_y=105).coordinates == (Place(101), Place(105))
    said = SurveyOptions(cdp_x="73:f4", cdp_y=77)
    assert geometry(path, said, cdp_x=101, cdp_y=105).coordinates == (Place(73, "f4"), Place(77))


def test_line_numbers_are_no_coordinates(tmp_path: Path) -> None:
    found = geometry(write(tmp_path / "f.sgy", {181: INLINE, 185: CROSSLINE, 73: X, 77: Y}))
    assert lies_at(found, INLINE, CROSSLINE)
    assert found.coordinates == (Place(73), Place(77))


def test_a_large_file_is_sampled_and_then_verified(tmp_path: Path) -> None:
    """Runs of traces from all over a file tell; a wrong number between them is found by the whole."""
    inline, crossline = lines(range(1000, 1400), range(1, 501))
    path = write(tmp_path / "f.sgy", {1: np.arange(inline.size), 17: inline, 13: crossline})
    assert lies_at(geometry(path), inline, crossline)
    inline[150_000] = 2_000_000
    found = write(tmp_path / "g.sgy", {189: inline, 193: crossline})
    with pytest.raises(SurveyError, match=r"inline 2000000 \(trace 150,001\)"):
        geometry(found)


def test_a_number_that_counts_traces_is_no_line(tmp_path: Path) -> None:
    count = np.arange(1, 9)
    found = geometry(write(tmp_path / "f.sgy", {1: count, 5: count, 17: (count - 1) // 4 + 1}))
    assert [axis.name for axis in found.axes] == ["trace"]
