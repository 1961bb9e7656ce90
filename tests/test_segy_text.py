"""The text header of SEG-Y: encodings, and what it says of bytes and coordinates."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocnn.survey.segy.hints import hints
from geocnn.survey.segy.layout import open_segy_file
from geocnn.survey.segy.text import text_lines

PLACES: dict[str, dict[str, int]] = {
    "C12   INLINE BYTES 189-193    ¦ OFFSET BYTES 037-041": {"inline": 189},
    "C13   CROSSLINE BYTES 193-197 ¦": {"crossline": 193},
    "C24 ILINE 189 Integer - 4 byte": {"inline": 189},
    "C26 X 181 Integer - 4 byte": {"cdp_x": 181},
    "C28 XY_SCALAR 71 Integer - 2 byte": {},
    "C24 Inline number               : bytes 5-8": {"inline": 5},
    "C26 CDP number                  : bytes 21-24": {},
    "C27 Coordinate scale factor     : bytes 71-72": {},
    "C29 Y coordinate                : bytes 77-80": {"cdp_y": 77},
    "C 5 INLINE: BYTES 189-192": {"inline": 189},
    "C 5 XLINE 5-8 4BYTE INT": {"crossline": 5},
    "C 5 CDP X: 181   CDP Y: 185": {"cdp_x": 181, "cdp_y": 185},
    "C 5 IL/XL IN BYTES 9-12 AND 21-24": {"crossline": 9},
    "C 5 IN-LINE=BYTE 17, X-LINE=BYTE 13, CDP-X=BYTE 81, CDP-Y=BYTE 85":
        {"inline": 17, "crossline": 13, "cdp_x": 81, "cdp_y": 85},
    "C 5 BYTES 189-192: INLINE NUMBER  BYTES 193-196: CROSSLINE NUMBER": {"inline": 189, "crossline": 193},
    "C 5 9-12 INLINE   21-24 CROSSLINE": {"inline": 9, "crossline": 21},
    "C 5 EASTING (BYTE 73) NORTHING (BYTE 77)": {"cdp_x": 73, "cdp_y": 77},
    "C 5 SOURCE X: BYTES 73-76": {},
    "C 5 INLINES 189 TO 400, CROSSLINES 1-4000": {},
    "C 6     inlines:    111 .. 133": {},
    "C 6 INLINE 5 CROSSLINE 9": {},
    "C 6 FIRST INLINE 1-4  LAST INLINE: 193": {},
    "C14  1000/1000 = (731982.000027,4890109.00026)": {},
    "C 7 X min: 434245.37 max: 436301.04 delta: 2055.67": {},
    "C21 BYTES 115-116 SAMPLES  117-118 INTERVAL": {},
}  # fmt: skip


@pytest.mark.parametrize(("line", "places"), PLACES.items())
def test_places_that_a_line_names(line: str, places: dict[str, int]) -> None:
    assert hints([line]).places == places


def test_the_first_place_counts() -> None:
    assert hints(["INLINE BYTES 9-12", "INLINE BYTES 189-192", "XLINE BYTES 21"]).places == {
        "inline": 9,
        "crossline": 21,
    }


SYSTEMS = {
    'C 6 CRS: ED50-UTM31 ("MENTOR:ED50-UTM31", Zone 31 North,': 'CRS: ED50-UTM31 ("MENTOR:ED50-UTM31", Zone 31 North,',
    "C 6 EPSG 23031": "EPSG 23031",
    "C 6 GEODETIC DATUM: WGS-84": "GEODETIC DATUM: WGS-84",
    "C 6 PROJECTION: New Zealand Map Grid": "PROJECTION: New Zealand Map Grid",
    "C 6 DATUM: Tokyo": "DATUM: Tokyo",
    "C20 MAP PROJECTION                      ZONE ID       COORDINATE UNITS": None,
    "C 6 SEISMIC DATUM: MSL": None,
    "C02 CASCADED MIGRATION   DATUM AT -100 MS": None,
    "C 6 INTERMEDIATE DATUM:              0 M ASL": None,
    "C 6 UTM-X: BYTES 181-184": None,
    "C 6 PROJECTION:": None,
}


@pytest.mark.parametrize(("line", "system"), SYSTEMS.items())
def test_the_coordinate_system(line: str, system: str | None) -> None:
    assert hints(["C 1 TEST", line]).crs == system


def test_systems_of_several_lines() -> None:
    assert hints(["DATUM: WGS84", "PROJECTION: UTM ZONE 31N"]).crs == "DATUM: WGS84; PROJECTION: UTM ZONE 31N"


@given(st.lists(st.text(max_size=80), max_size=40))
def test_no_text_breaks_it(lines: list[str]) -> None:
    assert all(1 <= byte <= 237 for byte in hints(lines).places.values())


@pytest.mark.parametrize("encoding", ["ascii", "cp037"])
@pytest.mark.parametrize("padding", ["\0", " "])
def test_encodings_and_padding(encoding: str, padding: str) -> None:
    text = f"C 1 CLIENT{padding}ACME, INC. (1999)\r\n".ljust(80, padding) + "C 2 LINE\4 x".ljust(80, padding)
    lines = text_lines(text.ljust(3200, padding).encode(encoding))
    assert len(lines) == 40
    assert lines[:3] == ("C 1 CLIENT ACME, INC. (1999)", "C 2 LINE  x", "")


@given(st.binary(max_size=3200))
def test_any_bytes_are_shown(text: bytes) -> None:
    assert all(line.isprintable() or not line for line in text_lines(text))


def test_real_text_headers(real_data: Path) -> None:
    folder = real_data / "segy_real"
    petrel = open_segy_file(folder / "volve/examples/data/volve10r12-full-twt-arb.sgy", None)
    assert hints(petrel.text).places == {"inline": 5, "cdp_x": 73, "cdp_y": 77}
    assert (hints(petrel.text).crs or "").startswith("CRS: ED50-UTM31")
    small = open_segy_file(real_data / "segy_awkward/segyio/small.sgy", None)
    assert hints(small.text).places == {"inline": 189, "crossline": 193}
    assert hints(open_segy_file(folder / "penobscot/penobscot_xl1155.sgy", None).text) == hints([])
    geometrics = open_segy_file(real_data / "segy_awkward/obspy/segy/tests/data/1.sgy_first_trace", None)
    assert geometrics.text[2].strip() == "COMPANY Geometrics"
