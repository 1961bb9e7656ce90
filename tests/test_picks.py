"""Files of picks: a hand-made example of each layout, and what is said of files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from interpreted_survey import InterpretedSurvey

from geocnn.errors import OutputError, SurveyError
from geocnn.interpretation.layouts.table import LAYOUTS, looks_like
from geocnn.interpretation.options import FORMATS, HORIZONS
from geocnn.interpretation.placing import place
from geocnn.interpretation.reading import read_picks
from geocnn.interpretation.tracing import traced_sticks
from geocnn.interpretation.writing import WRITTEN, write_horizon, write_sticks

STICKS = {
    "opendtect-sticks": (
        "610000.5\t7000100.0\t400\t0\t0\n610010.5\t7000110.0\t480\t0\t1\n610020.5\t7000120.0\t400\t1\t0\n"
    ),
    "charisma-sticks": (
        "INLINE-    104    520  610000.5 7000100.0  400.0 Main fault 1\n"
        "INLINE-    104    522  610010.5 7000110.0  480.0 Main fault 1\n"
        "INLINE-    108    524  610020.5 7000120.0  400.0 Main fault 2\n"
    ),
    "iesx-sticks": (
        "      610000.500     7000100.000     1     400.0\n"
        "      610010.500     7000110.000     1     480.0\n"
        "      610020.500     7000120.000     2     400.0\n"
    ),
}
PLACES = [[610000.5, 7000100.0], [610010.5, 7000110.0], [610020.5, 7000120.0]]


def read(folder: Path, text: str | bytes, format: str | None = None, columns: str | None = None):  # type: ignore[no-untyped-def]
    path = folder / "picks.dat"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_picks(str(path), format, columns)


@pytest.mark.parametrize("format", STICKS)
@pytest.mark.parametrize("named", [True, False])
def test_sticks_of_each_layout(tmp_path: Path, format: str, named: bool) -> None:
    picks = read(tmp_path, STICKS[format], format if named else None)
    assert (picks.format, picks.kind) == (format, "sticks")
    [coordinates] = [where for kind, where in picks.where.items() if kind != "lines"]
    np.testing.assert_allclose(coordinates, PLACES)
    np.testing.assert_array_equal(picks.z, [400, 480, 400])
    np.testing.assert_array_equal(picks.stick, [0, 0, 1])
    np.testing.assert_array_equal(picks.fault, 0)
    if format == "charisma-sticks":
        np.testing.assert_array_equal(picks.where["lines"], [[104, 520], [104, 522], [108, 524]])


@pytest.mark.parametrize("format", HORIZONS)
@pytest.mark.parametrize("named", [True, False])
def test_horizons_of_each_layout(tmp_path: Path, format: str, named: bool) -> None:
    text = {
        "opendtect-horizon": "# 1: X\n# 2: Y\n610000.5 7000100 400\n610010.5 7000110 1e30\n610020.5 7000120 480\n",
        "charisma-horizon": (
            "INLINE :  104 XLINE :  520   610000.50 7000100.00   400.00\n"
            "INLINE :  104 XLINE :  521   610010.50 7000110.00   1.0E+30\n"
            "INLINE :  104 XLINE :  522   610020.50 7000120.00   480.00\n"
        ),
    }[format]
    picks = read(tmp_path, text, format if named else None)
    assert (picks.format, picks.kind, picks.undefined) == (format, "horizon", 1)
    np.testing.assert_allclose(picks.where["xy"], [PLACES[0], PLACES[2]])
    np.testing.assert_array_equal(picks.z, [400, 480])


def test_opendtect_tells_lines_from_coordinates_in_its_header(tmp_path: Path) -> None:
    picks = read(tmp_path, "# 1: Inline\n# 2: Crossline\n# 3: Z\n104 520 400\n104 521 404\n")
    assert list(picks.where) == ["lines"]
    assert list(read(tmp_path, "104 520 400\n104 521 404\n").where) == ["either"]


def test_charisma_lines_of_zero_are_none(tmp_path: Path) -> None:
    assert list(read(tmp_path, STICKS["charisma-sticks"].replace("104", "0").replace("108", "0")).where) == [
        "xy",
        "lines",
    ]
    none = "INLINE- 0 0 610000.5 7000100 400 F1 1\nINLINE- 0 0 610000.5 7000110 410 F1 1\n"
    assert list(read(tmp_path, none).where) == ["xy"]


def test_faults_of_charisma_have_names_with_spaces(tmp_path: Path) -> None:
    text = STICKS["charisma-sticks"] + "INLINE- 108 530 610030 7000130 400 West branch 1\n"
    picks = read(tmp_path, text)
    np.testing.assert_array_equal(picks.fault, [0, 0, 0, 1])
    np.testing.assert_array_equal(picks.stick, [0, 0, 1, 2])


@pytest.mark.parametrize(
    ("columns", "text", "kind"),
    [
        ("x,y,z,fault,stick", "X,Y,TWT,Fault,Stick\n1,2,400,a,1\n3,4,408,a,1\n5,6,400,b,1\n", "sticks"),
        ("inline,crossline,-,z", "104 520 good 400\n104 521 bad 404\n", "horizon"),
        ("stick; z", "", ""),
    ],
)
def test_other_layouts_by_their_columns(tmp_path: Path, columns: str, text: str, kind: str) -> None:
    if not kind:
        with pytest.raises(SurveyError, match="columns stick; z"):
            read(tmp_path, "1 2\n", columns=columns)
        return
    picks = read(tmp_path, text, columns=columns)
    assert (picks.kind, picks.format) == (kind, "columns")
    if kind == "sticks":
        np.testing.assert_array_equal(picks.stick, [0, 0, 1])
        np.testing.assert_array_equal(picks.where["xy"], [[1, 2], [3, 4], [5, 6]])
    else:
        np.testing.assert_array_equal(picks.where["lines"], [[104, 520], [104, 521]])
        np.testing.assert_array_equal(picks.z, [400, 404])


@pytest.mark.parametrize("written", ["charisma-sticks", "charisma-horizon"])
def test_line_numbers_alone_are_read_by_the_columns_that_are_recommended(tmp_path: Path, written: str) -> None:
    text = STICKS["charisma-sticks"].replace("Main fault", "F1")
    if written == "charisma-horizon":
        text = "INLINE :  104 XLINE :  520   610000.50 7000100.00   400.00\n"
    picks = read(tmp_path, text, columns=LAYOUTS[written].by_lines)
    assert list(picks.where) == ["lines"]
    np.testing.assert_array_equal(picks.where["lines"][0], [104, 520])
    assert picks.kind == LAYOUTS[written].kind


@pytest.mark.parametrize("separator", [",", ";", "\t", " , ", "; "])
def test_columns_are_parted_by_the_separator_of_the_file(tmp_path: Path, separator: str) -> None:
    """A blank in a field is a part of it."""
    rows = ["X,Y,Time (ms),Fault name,Stick", "626070.0,4300075.0,300,F 1,0", "626080,4300075,340,F 1,0", "1,2,3,F 2,1"]
    text = "\n".join(row.replace(",", separator) for row in rows)
    picks = read(tmp_path, text, columns="x,y,z,fault,stick")
    np.testing.assert_array_equal(picks.fault, [0, 0, 1])
    np.testing.assert_array_equal(picks.stick, [0, 0, 1])
    np.testing.assert_array_equal(picks.z, [300, 340, 3])
    assert picks.tells_faults
    assert not read(tmp_path, "1 2 3 0\n1 2 4 0\n", columns="x,y,z,stick").tells_faults


@pytest.mark.parametrize(
    ("columns", "text", "match"),
    [
        ("x,y,z,stick", "1,2,300,0\n1,2,310,F 1,0\n", r"line 2 of .* is '1,2,310,F 1,0', 5 columns"),
        ("x,y,z,stick", "1,2,300,0,9\n1,2,310,0,9\n", r"line 1 of .*, 5 columns"),
        ("x,y,z,stick", "1 2 300 0\n1 2 310\n", r"line 2 of .* is '1 2 310', 3 columns"),
        ("x,y,z,stick", "1,2,300,0\n1,2,late,0\n", r"line 2 of .* is '1,2,late,0'"),
        ("x,y,z", "X Y 7\n1 2 300\n", r"line 1 of .* is 'X Y 7'"),
        ("x,y,z", "X Y Z\n", "holds no node"),
    ],
)
def test_rows_with_other_columns_are_refused_by_their_number(
    tmp_path: Path, columns: str, text: str, match: str
) -> None:
    with pytest.raises(SurveyError, match=match) as told:
        read(tmp_path, text, columns=columns)
    assert "- for one that is not read" in told.value.faults[0].do or "no node" in match


@pytest.mark.parametrize("null", [-999.25, -999, -9999, -99999, 3.4028235e38, 0])
def test_nulls_of_other_systems_are_undefined(tmp_path: Path, null: float) -> None:
    rows = [f"1{k} 2{k} {null if k % 3 == 0 else 400 + k}" for k in range(12)]
    picks = read(tmp_path, "\n".join(rows))
    assert (len(picks), picks.undefined) == (8, 4)
    assert picks.remarks == (
        () if null > 1 else (f"4 nodes of {picks.name} with z {null:g} taken as undefined: nothing else lies near it",)
    )


@pytest.mark.parametrize(
    "values", [(-999, -700, -1200), (0, 100, 400, 0), (0, 400, 410), (-999.25, -998, -1200), (-5, 3)]
)
def test_values_that_are_no_nulls(tmp_path: Path, values: tuple[float, ...]) -> None:
    picks = read(tmp_path, "\n".join(f"1{k} 2{k} {z}" for k, z in enumerate(values)))
    assert (len(picks), picks.undefined, picks.remarks) == (len(values), 0, ())


def test_depths_below_zero_have_nulls_too(tmp_path: Path) -> None:
    for values in ((-999.25, -999.25, -800, -1500), (-9999, -800, -1500)):
        picks = read(tmp_path, "\n".join(f"1{k} 2{k} {z}" for k, z in enumerate(values)))
        np.testing.assert_array_equal(picks.z, [-800, -1500])
    sticks = "1 2 0 0 0\n1 3 0 0 1\n1 4 500 0 2\n"
    np.testing.assert_array_equal(read(tmp_path, sticks).z, [0, 0, 500])


@pytest.mark.parametrize("count", [2, 10, 49, 300])
@pytest.mark.parametrize(
    ("place", "bad"), [(0, "X Y TWT of the fault"), (0, "nan 7000100 400 0 0"), (1, "nan 2 3 0 0"), (-1, "610010.5 70")]
)
def test_one_bad_line_is_told_and_no_good_one(tmp_path: Path, count: int, place: int, bad: str) -> None:
    rows = [f"6100{k:03} 7000{k:03} {400 + k} {k // 5} {k % 5}" for k in range(count)]
    rows[place] = bad
    line = place % count + 1
    with pytest.raises(SurveyError, match=rf"line {line} of .* is '{bad}'") as told:
        read(tmp_path, "\n".join(rows))
    assert told.value.faults[0].expected.startswith("opendtect-sticks: X Y Z stick node")


def test_many_lines_of_prose_do_not_hide_the_layout(tmp_path: Path) -> None:
    rows = [f"line {k} of the header" for k in range(60)] + [f"6100{k:03} 7000{k:03} 400" for k in range(300)]
    with pytest.raises(SurveyError, match=r"line 1 of .* is 'line 0 of the header'") as told:
        read(tmp_path, "\n".join(rows))
    assert told.value.faults[0].expected.startswith("opendtect-horizon")


def test_characters_of_binary_files_are_not_printed(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="is no text file"):
        read(tmp_path, bytes(range(128, 255)) * 40)
    with pytest.raises(SurveyError, match="is of no known layout") as told:
        read(tmp_path, b"a\x7f\x1b[31m \xff".replace(b"\xff", b"\xf4") + b" well\n" * 9)
    assert str(told.value).isprintable() or set(str(told.value)) - {"\n"} <= set(map(chr, range(32, 127))) | {"…"}
    # Names of faults in an older alphabet are read.
    name = "Störung süd".encode("latin-1")
    assert len(read(tmp_path, STICKS["charisma-sticks"].encode().replace(b"Main fault", name))) == 3


@pytest.mark.parametrize("format", STICKS)
@pytest.mark.parametrize("other", LAYOUTS)
def test_a_file_of_another_layout_is_recognised(tmp_path: Path, format: str, other: str) -> None:
    if format == other:
        return
    with pytest.raises(SurveyError, match=r"line 1 of .*picks\.dat is") as told:
        read(tmp_path, STICKS[format], other)
    assert f"it looks like {format}: pass --format {format}" in told.value.faults[0].do


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "holds no node"),
        ("# X Y Z\n! nothing\n\n", "holds no node"),
        (b"\x00\x01\x02SEGY", "is no text file"),
        ("well,top\nA-1,1200\n", "is of no known layout"),
        ("1 2 1e30\n1 3 1e30\n", "all 2 nodes of .* are undefined"),
        (STICKS["iesx-sticks"] + "a remark\n", r"line 4 of .* is 'a remark'"),
        ("1 2 nan 0 0\n1 2 inf 0 1\n", "all 2 nodes of .* are undefined"),
        ("nan 2 400 0 0\n", "is of no known layout"),
    ],
)
def test_files_without_picks(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(SurveyError, match=match):
        read(tmp_path, text)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for name, match in ((tmp_path / "none.dat", "there is no such file"), (tmp_path, "is a folder")):
        with pytest.raises(SurveyError, match=match):
            read_picks(str(name), None, None)


def test_a_bad_line_far_down_is_told_by_its_number(tmp_path: Path) -> None:
    rows = [f"1{k} 2{k} 400 0 {k}" for k in range(70)]
    rows[60] = "the end of the fault"
    with pytest.raises(SurveyError, match=r"line 61 of .* is 'the end of the fault'"):
        read(tmp_path, "\n".join(rows))


# What is written is read back


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("coordinates", [True, False])
def test_written_sticks_are_read_back(tmp_path: Path, format: str, coordinates: bool) -> None:
    survey = InterpretedSurvey(coordinates=coordinates)
    faults = [
        [np.array([[4.0, 10.25, 3.0], [4.0, 12.5, 20.0]]), np.array([[8.0, 11.0, 3.0], [8.0, 13.0, 21.5]])],
        [np.array([[4.0, 40.0, 8.0], [4.0, 38.0, 30.0]])],
    ]
    path = tmp_path / "sticks.dat"
    write_sticks(path, faults, survey, format)
    picks = read_picks(str(path), None, None)
    assert picks.format == format
    placed = place(picks, survey, None)
    np.testing.assert_allclose(
        placed.positions, np.concatenate([stick for fault in faults for stick in fault]), atol=1e-3
    )
    np.testing.assert_array_equal(picks.stick, [0, 0, 1, 1, 2, 2])
    if format == "charisma-sticks":
        np.testing.assert_array_equal(picks.fault, [0, 0, 0, 0, 1, 1])
    with pytest.raises(OutputError, match="exists"):
        write_sticks(path, faults, survey, format)


@pytest.mark.parametrize("format", HORIZONS)
@pytest.mark.parametrize("coordinates", [True, False])
def test_written_horizons_are_read_back(tmp_path: Path, format: str, coordinates: bool) -> None:
    survey = InterpretedSurvey(coordinates=coordinates)
    depths = 10 + np.arange(40.0)[:, None] / 8 + np.arange(60.0) / 16
    depths[3, 5:9] = np.nan
    write_horizon(tmp_path / "horizon.dat", depths, survey, format)
    picks = read_picks(str(tmp_path / "horizon.dat"), None, None)
    assert (picks.format, picks.undefined) == (format, 4)
    known = np.argwhere(np.isfinite(depths))
    expected = np.column_stack([known, depths[tuple(known.T)]])
    np.testing.assert_allclose(place(picks, survey, None).positions, expected, atol=1e-3)


def test_layouts_that_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="picks in the layout iesx-sticks"):
        write_sticks(tmp_path / "a.dat", [], InterpretedSurvey(), "iesx-sticks")


def test_sticks_are_traced_along_the_middle_of_faults() -> None:
    label = np.zeros((9, 30, 20), np.int8)
    for line in range(9):
        for sample in range(2, 18):
            label[line, sample + line // 2 : sample + line // 2 + 3, sample] = 1
    [fault] = traced_sticks(label, every=4, step=5)
    assert [stick[0, 0] for stick in fault] == [0, 4, 8]
    np.testing.assert_array_equal(fault[1], [[4, s + 3, s] for s in (2, 7, 12, 17)])
    [across] = traced_sticks(np.moveaxis(label, 0, 1), every=4, step=5, axis=1)
    np.testing.assert_array_equal(across[1], [[s + 3, 4, s] for s in (2, 7, 12, 17)])


def test_the_options_name_every_layout() -> None:
    assert set(FORMATS) == set(LAYOUTS)


def test_looks_like_nothing() -> None:
    assert looks_like(["hello"]) is None
