"""Opening by name: suffixes, several files as channels, every error with the user's own words."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from arrays import ArraySurvey
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import OutputError, SurveyError
from geocnn.grid import Window
from geocnn.survey.creating import create_survey
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.opening import open_pair, open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.stack import StackedSurvey
from geocnn.survey.survey import NewSurvey


def test_several_files_are_channels(volume: Path, tmp_path: Path) -> None:
    cube = Traces.of(-encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES)
    other = cube.picked(range(1, 20)).write(tmp_path / "b.SGY")
    survey = open_survey([str(volume), str(other)], SurveyOptions(null=0))
    assert survey.channels == 2
    assert survey.null == 0
    assert survey.name == f"{volume} + {other}"
    near, far = survey.read(survey.grid.whole)
    assert np.array_equal(near[1:], -far[1:])
    assert (~survey.present).sum() == 1
    assert any(str(other) in remark for remark in survey.remarks)
    assert survey.description["channel 1, file"] == str(other)
    assert open_survey([str(volume)]).channels == 1


@pytest.mark.parametrize("lines", [(4, 6, 8), (6, 8, 10, 12)])
def test_channels_must_share_a_grid(volume: Path, tmp_path: Path, lines: tuple[int, ...]) -> None:
    other = Traces.of(encoded(lines, CROSSLINES, SAMPLES), lines, CROSSLINES).write(tmp_path / "b.sgy")
    with pytest.raises(SurveyError, match=r"cover different parts, and share 15 of"):
        open_survey([str(volume), str(other)])


def test_a_stack_writes_like_its_first_survey(volume: Path, tmp_path: Path) -> None:
    survey = open_survey([str(volume), str(volume)])
    assert isinstance(survey, StackedSurvey)
    with create_survey(str(tmp_path / "f.sgy"), NewSurvey(survey.grid, survey.domain), like=survey) as writer:
        writer.write(survey.grid.whole, survey.read(survey.grid.whole)[:1])
        writer.commit()
    assert (tmp_path / "f.sgy").read_bytes() == volume.read_bytes()


def test_segy_from_anything_else_is_fresh(tmp_path: Path) -> None:
    survey = ArraySurvey(np.ones((1, 3, 4, 5)))
    with create_survey(str(tmp_path / "f.segy"), NewSurvey(survey.grid, survey.domain), like=survey) as writer:
        writer.write(survey.grid.whole, survey.samples)
        writer.commit()
    assert open_survey(str(tmp_path / "f.segy")).grid == survey.grid


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.sgy", r"missing\.sgy: no such file"),
        ("missing.h5:/data", r"missing\.h5: no such file"),
        ("survey", "survey: no such file"),
        ("data.xyz", r"suffix \.xyz, and does not begin as a survey(.|\n)*\.sgy, \.segy, \.su, \.h5, \.hdf5"),
        ("noname", r"suffix of no format"),
        ("folder.sgy", "is a folder without survey files"),
        ("shot.dat", "is a SEG-2 file(.|\n)*ObsPy"),
        ("page", "is a TIFF picture"),
        ("old.mat", r"is a MATLAB file of version 5(.|\n)*-v7\.3"),
        ("survey.zgy.gz", "is compressed by gzip(.|\n)*unpack"),
        ("short", "does not begin as a survey"),
    ],
)
def test_names_that_cannot_be_opened(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.sgy").mkdir()
    contents = {
        "data.xyz": b"1 2 3\n",
        "noname": b"text" * 2000,
        "shot.dat": b"\x55\x3a\x01\x00",
        "page": b"II*\0",
        "old.mat": b"MATLAB 5.0 MAT-file",
        "survey.zgy.gz": b"\x1f\x8b\x08",
        "short": bytes(3225) + b"\x05",
    }
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
    with pytest.raises(SurveyError, match=message):
        open_survey(str(tmp_path / name))


def test_without_a_known_suffix_the_first_bytes_tell(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "survey").write_bytes(volume.read_bytes())
    (tmp_path / "little.sgy.bak").write_bytes(
        Traces.of(encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES).write(tmp_path / "l.sgy").read_bytes()
    )
    cube = encoded(INLINES, CROSSLINES, SAMPLES)
    with h5py.File(tmp_path / "netcdf.nc", "w", userblock_size=512) as file:
        file["group/cube"] = cube
    np.save(tmp_path / "array", cube)
    (tmp_path / "array.npy").rename(tmp_path / "array.cube")
    for name in ("survey", "little.sgy.bak", "netcdf.nc", "netcdf.nc:/group/cube", "array.cube"):
        survey = open_survey(str(tmp_path / name))
        assert np.array_equal(survey.read(survey.grid.whole)[0], cube), name


def test_a_colon_in_a_name_is_no_data_set(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "10:").mkdir()
    (tmp_path / "10:/30.sgy").write_bytes(volume.read_bytes())
    assert open_survey(str(tmp_path / "10:/30.sgy")).grid.shape == (4, 5, 30)


def test_a_folder_is_all_its_survey_files(tmp_path: Path) -> None:
    cube = encoded(INLINES, CROSSLINES, SAMPLES)
    for number, line in enumerate(INLINES):
        Traces.of(cube[number], [line], CROSSLINES).write(tmp_path / f"line{line:04}.sgy")
    (tmp_path / "README.txt").write_text("no survey")
    (tmp_path / ".hidden.sgy").write_text("no survey")
    survey = open_survey(str(tmp_path))
    assert isinstance(survey, JoinedSurvey)
    assert [axis.label(0) for axis in survey.grid.axes] == [4, 20, 0]
    assert np.array_equal(survey.read(survey.grid.whole)[0], cube)
    assert any("4 files of" in remark and "taken as one survey" in remark for remark in survey.remarks)


def test_a_folder_of_attributes_is_channels(volume: Path, tmp_path: Path) -> None:
    for name in ("near.sgy", "far.SEGY"):
        (tmp_path / name).write_bytes(volume.read_bytes())
    survey = open_survey(str(tmp_path))
    assert survey.channels == 2
    assert any("stacked as channels" in remark for remark in survey.remarks)


def test_halves_of_one_box_are_joined_and_not_stacked(tmp_path: Path) -> None:
    """Both files reach over the whole grid, but no trace is in both."""
    whole = Traces.of(encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES)
    even, odd = ([0, 5, 10, 15, 19], [n for n in range(20) if n not in (0, 5, 10, 15, 19, 4)] + [4])
    names = [str(whole.picked(order).write(tmp_path / f"{len(order)}.sgy")) for order in (even, odd)]
    survey = open_survey(names)
    assert survey.channels == 1
    assert survey.present.all()
    assert np.array_equal(survey.read(survey.grid.whole)[0], encoded(INLINES, CROSSLINES, SAMPLES))


def bare(path: Path, cube: np.ndarray, order: tuple[int, ...]) -> str:
    """A file that names no axes: .npy or HDF5 by its suffix."""
    if path.suffix == ".npy":
        np.save(path, np.transpose(cube, order))
    else:
        with h5py.File(path, "w") as file:
            file["data"] = np.transpose(cube, order)
    return str(path)


ORDERS = [(0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1)]


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
@pytest.mark.parametrize("order", ORDERS)
def test_an_array_without_names_takes_the_order_that_fits_its_partner(
    volume: Path, tmp_path: Path, order: tuple[int, ...], suffix: str
) -> None:
    cube = encoded(INLINES, CROSSLINES, SAMPLES)
    label = bare(tmp_path / f"label{suffix}", cube, order)
    for image, other in (open_pair(str(volume), label), reversed(open_pair(label, str(volume)))):
        assert np.array_equal(other.read(image.grid.whole)[0], cube)
        assert order == (0, 1, 2) or any("only order that fits" in remark for remark in other.remarks)
    stacked = open_survey([label, str(volume)])
    assert np.array_equal(*stacked.read(stacked.grid.whole))


@pytest.mark.parametrize("order", ORDERS)
def test_two_arrays_without_names_lie_alike(tmp_path: Path, order: tuple[int, ...]) -> None:
    cube = encoded(INLINES, CROSSLINES, SAMPLES)
    image, label = open_pair(bare(tmp_path / "i.npy", cube, (0, 1, 2)), bare(tmp_path / "l.npy", cube, order))
    assert np.array_equal(image.read(image.grid.whole), label.read(label.grid.whole))


def test_channels_of_an_array_are_the_axis_that_its_partner_lacks(volume: Path, tmp_path: Path) -> None:
    cube = encoded(INLINES, CROSSLINES, SAMPLES)
    np.save(tmp_path / "bands.npy", np.stack([cube, -cube], axis=-1))
    image, _ = open_pair(str(tmp_path / "bands.npy"), str(volume))
    assert np.array_equal(image.read(image.grid.whole), [cube, -cube])


def test_an_order_that_sizes_do_not_tell(tmp_path: Path) -> None:
    """Inlines and crosslines are as many: the usual order is taken where it fits, else the user is asked."""
    image = ArraySurvey(np.ones((1, 4, 4, 6)), "image.sgy")
    np.save(tmp_path / "fits.npy", np.ones((4, 4, 6)))
    np.save(tmp_path / "several.npy", np.ones((6, 4, 4)))
    label = open_survey(str(tmp_path / "fits.npy"), partner=image)
    assert any("--axes" in remark for remark in label.remarks)
    with pytest.raises(
        SurveyError, match=r"fits image\.sgy in several orders(.|\n)*sample,inline,crossline or sample,crossline,inline"
    ):
        open_survey(str(tmp_path / "several.npy"), partner=image)


def test_names_that_cannot_be_written(tmp_path: Path) -> None:
    survey = ArraySurvey(np.ones((1, 3, 4, 5)))
    with pytest.raises(OutputError, match=r"suffix \.png(.|\n)*\.sgy"):
        create_survey(str(tmp_path / "f.png"), NewSurvey(survey.grid, survey.domain))
    with pytest.raises(OutputError, match="no folder"):
        create_survey(str(tmp_path / "none/f.h5:/data"), NewSurvey(survey.grid, survey.domain))


@pytest.mark.parametrize("suffix", ["sgy", "h5"])
def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("geocnn.survey.segy.reader.open_segy_file", refuse)
    monkeypatch.setattr("h5py.File", refuse)
    (tmp_path / f"f.{suffix}").touch()
    with pytest.raises(SurveyError, match="cannot be read: Permission denied"):
        open_survey(str(tmp_path / f"f.{suffix}"))


UNREAD = {
    "SEG-Y": ("f.sgy", SurveyOptions(axes="a,b", shape="1,2"), "--axes, --shape"),
    "NumPy": ("f.npy", SurveyOptions(iline=9, dtype="float32", dt=2), "--dtype, --iline"),
    "HDF5": ("f.h5", SurveyOptions(gathers="axis", axes="inline,crossline,sample"), "--gathers"),
}


@pytest.mark.parametrize(("name", "options", "unread"), UNREAD.values(), ids=UNREAD)
def test_options_that_are_not_read_are_told(
    volume: Path, tmp_path: Path, name: str, options: SurveyOptions, unread: str
) -> None:
    source = open_survey(str(volume))
    with create_survey(str(tmp_path / name), NewSurvey(source.grid, source.domain), like=source) as writer:
        writer.write(source.grid.whole, source.read(source.grid.whole))
        writer.commit()
    remark = f"{unread}: without meaning for this kind of file, and not read"
    assert remark in open_survey(str(tmp_path / name), options).remarks
    assert not any("not read" in each for each in open_survey(str(tmp_path / name)).remarks)


def test_options_that_one_of_a_pair_reads_are_not_told(volume: Path, tmp_path: Path) -> None:
    samples = open_survey(str(volume)).read(Window((0, 0, 0), (4, 5, 30)))[0]
    np.save(tmp_path / "label.npy", samples)
    options = SurveyOptions(axes="inline,crossline,sample", iline=189, xline=193)
    image, label = open_pair(str(volume), str(tmp_path / "label.npy"), options)
    assert not any("not read" in each for each in (*image.remarks, *label.remarks))


def test_only_hdf5_has_data_sets_to_choose_from(volume: Path) -> None:
    with pytest.raises(SurveyError, match="holds no data sets"):
        open_survey(f"{volume}:/data")


SENSELESS = {
    "interval": (SurveyOptions(dt=float("nan")), "--dt nan"),
    "start": (SurveyOptions(t0=float("inf")), "--t0 inf"),
    "one field for both": (SurveyOptions(iline=189, xline="189"), "--xline 189"),
    "one coordinate for both": (SurveyOptions(cdp_x="73:f4", cdp_y="73:f4"), "--cdp-y 73:f4"),
}


@pytest.mark.parametrize(("options", "message"), SENSELESS.values(), ids=SENSELESS)
def test_options_that_no_survey_could_have(volume: Path, options: SurveyOptions, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        open_survey(str(volume), options)


def test_many_lines_without_numbers_are_no_channels(tmp_path: Path) -> None:
    folder = tmp_path / "inlines"
    folder.mkdir()
    cube = Traces.of(encoded(range(12), CROSSLINES, SAMPLES), range(12), CROSSLINES)
    cube.places = (9, 21)
    for number in range(12):
        cube.picked(range(5 * number, 5 * number + 5)).write(folder / f"{number:02d}.sgy")
    with pytest.raises(SurveyError, match="12 lines over the same traces"):
        open_survey(str(folder))
    joined = open_survey(str(folder), SurveyOptions(iline=9, xline=21))
    assert joined.grid.shape == (12, 5, SAMPLES)
