"""Arrays without headers: .npy and headerless cubes; what the user says of them is checked against their size."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from arrays import grid_of
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, SAMPLES, encoded

from geocnn.errors import OutputError, SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.creating import create_survey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.packing import pack
from geocnn.survey.survey import Domain, NewSurvey

CUBE = encoded(INLINES, CROSSLINES, SAMPLES)
NAMES = ("inline", "crossline", "sample")


def raw_options(shape: str = "4,5,30", dtype: str = "float32", **more: object) -> SurveyOptions:
    return SurveyOptions(shape=shape, dtype=dtype, **more)  # type: ignore[arg-type]


def test_picks_are_told_from_a_cube(tmp_path: Path) -> None:
    (tmp_path / "sticks.dat").write_text("625500.0\t4300975.0\t300.0\t0\t0\n625520.0\t4300975.0\t400.0\t0\t1\n")
    with pytest.raises(SurveyError, match=r"a text file, and no survey(.|\n)*geocnn label") as told:
        open_survey(str(tmp_path / "sticks.dat"))
    assert "label: {file: …}" in told.value.faults[0].do


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("kind", ["<f4", ">f4", ">i2", "f8", "?", "u1"])
def test_npy_in_any_order_and_kind(tmp_path: Path, fortran: bool, kind: str) -> None:
    values = (CUBE % 2 if kind == "?" else CUBE).astype(kind)
    np.save(tmp_path / "a.npy", np.asfortranarray(values) if fortran else values)
    survey = open_survey(str(tmp_path / "a.npy"))
    window = Window((1, 2, 3), (3, 5, 8))
    assert np.array_equal(survey.read(window)[0], values[1:3, 2:5, 3:8].astype(np.float32))
    assert survey.read(window).dtype == np.float32
    assert survey.counted == set(NAMES)
    assert ("Fortran order" in survey.description["format"]) == fortran
    assert ("big-endian" in survey.description["format"]) == kind.startswith(">")
    assert len(pickle.dumps(survey)) < 2500


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", ">f4", "<i2", "int16", "u1", "float64"])
def test_headerless_cubes(tmp_path: Path, order: str, dtype: str) -> None:
    values = CUBE.astype(dtype)
    (tmp_path / "a.dat").write_bytes(values.tobytes(order))  # type: ignore[arg-type]
    survey = open_survey(str(tmp_path / "a.dat"), raw_options(dtype=dtype, order=order))
    assert np.array_equal(survey.read(survey.grid.whole)[0], values.astype(np.float32))
    assert any("inline, crossline, sample" in remark and "--axes" in remark for remark in survey.remarks)


def test_the_form_of_faultseg3d(tmp_path: Path) -> None:
    """Cubes of 128³ bare float32, [n3][n2][n1] with n1 vertical; here each sample tells its place."""
    cube = np.arange(128**3, dtype=np.float32).reshape(128, 128, 128)
    cube.tofile(tmp_path / "0.dat")
    options = raw_options("128,128,128", axes="crossline,inline,sample", dt=4)
    survey = open_survey(str(tmp_path / "0.dat"), options)
    assert survey.read(Window((3, 2, 1), (4, 3, 2))) == cube[2, 3, 1]
    assert survey.grid.axes[-1] == Axis("sample", 0, 4, 128, "ms")
    assert survey.counted == {"inline", "crossline"}
    with pytest.raises(SurveyError, match=r"8,388,608 bytes, as many as 128 × 128 × 128 samples of 4 bytes(.|\n)*pass"):
        open_survey(str(tmp_path / "0.dat"))


def test_axes_channels_and_depth(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(6, 3, 20)).astype(np.float32)
    values.tofile(tmp_path / "a.bin")
    options = raw_options("6x3x20", axes="trace,component,depth", dt=5, t0=100, domain="depth")
    survey = open_survey(str(tmp_path / "a.bin"), options)
    assert (survey.channels, survey.grid.shape) == (3, (6, 20))
    assert survey.grid.axes[-1] == Axis("sample", 100, 5, 20, "m")
    assert np.array_equal(survey.read(survey.grid.whole), values.transpose(1, 0, 2))


FAULTS = {
    "no shape": (SurveyOptions(dtype="float32"), r"2,400 bytes, 600 samples of 4 bytes; --shape not given"),
    "nothing": (SurveyOptions(), r"--shape and --dtype not given(.|\n)*--shape 128,128,128"),
    "other type": (raw_options(dtype="int16"), r"2,400 bytes; 4 × 5 × 30 of int16 are 1,200(.|\n)*--dtype float32"),
    "other size": (raw_options("4,5,20"), r"are 1,600(.|\n)*--shape 6,5,20 or --shape 4,5,30"),
    "neither": (raw_options("7,11,13"), r"are 4,004(.|\n)*correct --shape or --dtype; there may be a header"),
    "no shape at all": (raw_options("4,5,-30"), r"--shape 4,5,-30(.|\n)*400,500,462"),
    "zero": (raw_options("4,0,30"), r"--shape 4,0,30"),
    "no type": (raw_options(dtype="float33"), r"--dtype float33(.|\n)*>f4"),
    "objects": (raw_options(dtype="O"), r"--dtype O"),
    "records": (raw_options(dtype="f4,i2"), r"--dtype f4,i2"),
    "too few names": (raw_options(axes="inline,sample"), r"3 dimensions \(4, 5, 30\), --axes names 2 axes"),
    "no samples": (raw_options(axes="inline,crossline,trace"), "a sample axis"),
}


@pytest.mark.parametrize(("options", "message"), FAULTS.values(), ids=FAULTS)
def test_headerless_cubes_that_cannot_be_read(tmp_path: Path, options: SurveyOptions, message: str) -> None:
    CUBE.tofile(tmp_path / "a.raw")
    with pytest.raises(SurveyError, match=message):
        open_survey(str(tmp_path / "a.raw"), options)


def test_an_npy_file_by_another_name_needs_no_shape(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CUBE)
    (tmp_path / "a.npy").rename(tmp_path / "a.dat")
    survey = open_survey(str(tmp_path / "a.dat"))
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)


def test_npy_files_that_are_no_survey(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(SurveyError, match=r"no \.npy file of numbers on one axis or more: its header says .*'\|O'"):
        open_survey(str(path))
    for array in (np.array(["text"]), np.ones(3, np.complex64), np.ones((0, 3)), np.float32(1), np.ones(2, "f4,i2")):
        np.save(path, array)
        with pytest.raises(SurveyError, match=r"no \.npy file of numbers"):
            open_survey(str(path))
    np.save(path, CUBE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(SurveyError, match=r"cut off: 2,527 bytes of 2,528"):
        open_survey(str(path))
    for content in (whole[:60], whole[:7], b"", b"no array" * 40):
        path.write_bytes(content)
        with pytest.raises(SurveyError, match=r"no \.npy file of numbers"):
            open_survey(str(path))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_npy(tmp_path: Path, version: tuple[int, int]) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, CUBE, version)
    survey = open_survey(str(tmp_path / "a.npy"))
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 127), st.binary(min_size=1, max_size=3))
def test_damaged_npy_headers_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, at: int, flips: bytes
) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(path, CUBE)
    content = bytearray(path.read_bytes())
    content[at : at + len(flips)] = flips
    path.write_bytes(content)
    try:
        survey = open_survey(str(path))
    except SurveyError:
        return
    assert survey.read(survey.grid.whole).nbytes <= 8 * len(content)


@pytest.mark.parametrize("suffix", [".npy", ".dat", ".bin", ".raw"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_format", [None, "int16", "float64"])
def test_what_is_written_reads_back(tmp_path: Path, suffix: str, channels: int, sample_format: str | None) -> None:
    grid = grid_of((3, 4, 5))
    samples = np.random.default_rng(0).integers(-99, 99, (channels, *grid.shape)).astype(np.float32)
    path = tmp_path / f"a{suffix}"
    new = NewSurvey(grid, Domain("time", "made for a test"), channels=channels, sample_format=sample_format)
    with create_survey(str(path), new) as writer:
        for window in grid.slabs(1):
            writer.write(window, samples[(slice(None), *window.slices)])
        assert not path.exists()
        writer.commit()
    assert list(tmp_path.iterdir()) == [path]
    shape = ",".join(map(str, samples.shape if channels > 1 else grid.shape))
    axes = "channel,inline,crossline,sample" if channels > 1 else None
    survey = open_survey(str(path), raw_options(shape, sample_format or "float32", axes=axes))
    assert np.array_equal(survey.read(survey.grid.whole), samples)
    if suffix == ".npy":
        assert np.load(path).dtype == (sample_format or np.float32)


def test_the_layout_of_a_headerless_file_can_be_told(tmp_path: Path) -> None:
    new = NewSurvey(grid_of((3, 4, 5)), Domain("time", ""), channels=2, sample_format="int8")
    with create_survey(str(tmp_path / "a.dat"), new) as writer:
        axes = "--axes channel,inline,crossline,sample --dt 4 --t0 0"
        assert writer.layout == f"--shape 2,3,4,5 --dtype int8 {axes}"  # type: ignore[attr-defined]


def test_nothing_is_left_of_what_is_not_committed(tmp_path: Path) -> None:
    new = NewSurvey(grid_of((3, 4, 5)), Domain("time", ""))
    with create_survey(str(tmp_path / "a.dat"), new):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match=r"cannot hold samples of the format ibm(.|\n)*ieee, float64"):
        create_survey(str(tmp_path / "a.npy"), NewSurvey(new.grid, new.domain, sample_format="ibm"))


def test_clipped_values_are_counted(tmp_path: Path) -> None:
    grid = Grid((Axis("sample", 0, 4, 8, "ms"),))
    values = [-300.0, -128.4, -0.5, 0.5, 1.5, 127.4, 128, np.nan]
    with create_survey(str(tmp_path / "a.npy"), NewSurvey(grid, Domain("time", ""), sample_format="int8")) as writer:
        writer.write(grid.whole, np.array([values], np.float32))
        assert writer.clipped == 3
        writer.commit()
    assert np.load(tmp_path / "a.npy").tolist() == [-128, -128, 0, 0, 2, 127, 127, 0]


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_the_ends_of_integers(kind: str) -> None:
    limits = np.iinfo(kind)
    packed, clipped = pack(np.array([np.inf, -np.inf, 0, 3e38], np.float32), np.dtype(kind))
    assert clipped == 3
    assert packed[1] == limits.min
    assert packed[0] == packed[3]
    assert abs(float(packed[0]) / float(limits.max) - 1) < 1e-6
    assert packed[2] == 0


INEXACT = {
    "f8": ([0.1, 0.5, np.nan, np.inf, 1e300], 2),
    "f2": ([0.1, 0.5, 1, 2, 3], 0),
    "i4": ([2**24, 2**24 + 1, -(2**24) - 1, 2**31 - 1, -(2**31)], 3),
    "u4": ([2**32 - 1, 2**31, 0, 1, 2**25 + 2], 2),
    "i8": ([2**63 - 1, -(2**63), 2**53 + 1, 2**40, 3], 2),
    "u8": ([2**64 - 1, 2**63, 0, 1, 2**63 + 1], 2),
    "i2": ([1, 2, 3, -4, 32767], 0),
}


@pytest.mark.parametrize(("kind", "answer"), INEXACT.items(), ids=INEXACT)
def test_samples_that_float32_cannot_hold_are_counted(
    tmp_path: Path, kind: str, answer: tuple[list[float], int]
) -> None:
    values, inexact = answer
    np.save(tmp_path / "a.npy", np.array(values, kind))
    survey = open_survey(str(tmp_path / "a.npy"))
    assert survey.inexact(survey.grid.whole) == inexact


def test_the_real_stack(real_data: Path) -> None:
    path = real_data / "stack_real3d/real3d.bin"
    options = raw_options("10,100,300", "<f4", axes="inline,crossline,sample", dt=4)
    survey = open_survey(str(path), options)
    values = np.fromfile(path, "<f4").reshape(10, 100, 300)
    assert np.array_equal(survey.read(survey.grid.whole)[0], values)
    assert np.isfinite(values).all()
    with pytest.raises(SurveyError, match="1,200,000 bytes; 10 × 100 × 30 of float32 are 120,000"):
        open_survey(str(path), raw_options("10,100,30"))


@pytest.mark.parametrize("name", ["cube.npy", "cube.dat"])
def test_samples_are_the_callers_own(tmp_path: Path, name: str) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.save(tmp_path / "cube.npy", values)
    values.tofile(tmp_path / "cube.dat")
    options = SurveyOptions() if name.endswith("npy") else SurveyOptions(shape="2,3,4", dtype="float32")
    survey = open_survey(str(tmp_path / name), options)
    samples = survey.read(survey.grid.whole)
    samples[:] = -1
    assert np.array_equal(survey.read(survey.grid.whole)[0], values)
