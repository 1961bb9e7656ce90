"""HDF5 data sets as surveys: any order of axes, labels from wherever they are, one handle a process."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from datasets import AXES, CUBE, NAMES, with_labels

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Window
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Domain, Survey


@pytest.mark.parametrize("order", [NAMES, ("crossline", "inline", "sample"), ("sample", "inline", "crossline")])
@pytest.mark.parametrize("how", ["attribute", "list", "option", "scales"])
def test_any_order_of_axes_becomes_the_canonical_one(tmp_path: Path, order: tuple[str, ...], how: str) -> None:
    options = SurveyOptions(axes=" , ".join(order) if how == "option" else None)
    with with_labels(tmp_path / "f.h5", order) as file:
        if how == "attribute":
            file["cube"].attrs["axes"] = ",".join(order)
        if how == "list":
            file["cube"].attrs["axes"] = np.array(order, "S")
        for dimension, name in enumerate(order if how == "scales" else ()):
            scale = file["sample_ms" if name == "sample" else name]
            scale.make_scale(name)
            file["cube"].dims[dimension].attach_scale(scale)
    survey = open_survey(f"{tmp_path / 'f.h5'}:/cube", options)
    assert survey.grid.axes == AXES
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)
    window = Window((1, 2, 3), (3, 5, 8))
    assert np.array_equal(survey.read(window)[0], CUBE[1:3, 2:5, 3:8])
    assert survey.present.all()
    assert (survey.domain.name, survey.domain.source) == ("time", "unit of the data set sample_ms")


def test_components_become_channels(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(size=(7, 3, 20)).astype(np.float32)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["waveforms"] = data
        file["waveforms"].attrs["axes"] = "trace,component,sample"
    survey = open_survey(str(tmp_path / "f.h5"))
    assert (survey.channels, [axis.name for axis in survey.grid.axes]) == (3, ["trace", "sample"])
    assert np.array_equal(survey.read(survey.grid.whole), data.transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("shape", "names"),
    [((5,), ("sample",)), ((5, 6), ("row", "column")), ((5, 6, 7), NAMES)],
)
def test_axes_by_the_number_of_dimensions(tmp_path: Path, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["data"] = np.zeros(shape, np.uint8)
    survey = open_survey(str(tmp_path / "f.h5"))
    assert tuple(axis.name for axis in survey.grid.axes) == names
    assert survey.counted == set(names)
    assert [axis.last for axis in survey.grid.axes] == [n - 1 for n in shape]
    assert {axis.unit for axis in survey.grid.axes} == {""}
    assert any("--axes" in remark for remark in survey.remarks)
    assert any("counted from 0" in remark for remark in survey.remarks)


UNITS = {
    "sample_ms": ({}, ("time", "ms", 8.0)),
    "sample_m": ({}, ("depth", "m", 8.0)),
    "sample": ({"units": "s"}, ("time", "ms", 8000.0)),
    "sample with bytes": ({"units": b"km"}, ("depth", "m", 8000.0)),
}


@pytest.mark.parametrize(("name", "expected"), UNITS.items())
def test_units_of_samples(tmp_path: Path, name: str, expected: tuple[dict[str, str], tuple[str, str, float]]) -> None:
    attributes, (domain, unit, step) = expected
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["data"] = np.zeros(5)
        scale = file.create_dataset(name.split()[0], data=100 + 8.0 * np.arange(5))
        scale.attrs.update(attributes)
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.domain.name == domain
    assert survey.grid.axes[0].unit == unit
    assert survey.grid.axes[0].step == step
    given = open_survey(str(tmp_path / "f.h5"), SurveyOptions(dt=3, t0=7, domain="depth"))
    assert given.grid.axes[0] == Axis("sample", 7, 3, 5, "m")


KINDS = ["?", "i1", "u1", ">i2", "<u4", ">f4", "f8", "f2"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", [None, "gzip", "blosc"])
def test_kinds_of_numbers(tmp_path: Path, kind: str, compression: str | None) -> None:
    data = (np.arange(60).reshape(3, 4, 5) % 2 if kind == "?" else np.arange(60).reshape(3, 4, 5)).astype(kind)
    how = hdf5plugin.Blosc() if compression == "blosc" else {"compression": compression}
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("data", data=data, chunks=(2, 2, 2), **how)
    survey = open_survey(str(tmp_path / "f.h5"))
    samples = survey.read(survey.grid.whole)
    assert samples.dtype == np.float32
    assert np.array_equal(samples[0], data.astype(np.float32))


def uneven(file: h5py.File) -> None:
    del file["inline"]
    file["inline"] = [4, 6, 9, 10]


def unit(file: h5py.File) -> None:
    file["sample_ms"].attrs["units"] = "furlongs"


FAULTS: dict[str, tuple[Callable[[h5py.File], object], str, SurveyOptions, str]] = {
    "no such path": (lambda file: None, ":/nope", SurveyOptions(), r"no data set /nope(.|\n)*/cube \(4, 5, 30\)"),
    "a group": (lambda file: file.create_group("group"), ":/group", SurveyOptions(), "no numeric data set"),
    "text": (lambda file: file.create_dataset("text", data="x"), ":/text", SurveyOptions(), "no numeric data set"),
    "several": (lambda file: file.create_dataset("b", data=CUBE), "", SurveyOptions(), "2 data sets|5 data sets"),
    "too few names": (lambda file: None, "", SurveyOptions(axes="inline,sample"), "3 dimensions .* names 2 axes"),
    "a name twice": (lambda file: None, "", SurveyOptions(axes="inline,inline,sample"), "none twice"),
    "unknown name": (lambda file: None, "", SurveyOptions(axes="inline,xline,bin"), "each one of channel, record"),
    "no samples": (lambda file: None, "", SurveyOptions(axes="inline,crossline,trace"), "a sample axis"),
    "uneven labels": (uneven, "", SurveyOptions(), "not evenly spaced"),
    "unknown unit": (unit, "", SurveyOptions(), "'furlongs'"),
    "four dimensions": (lambda file: file.create_dataset("b", data=[[[[1]]]]), ":/b", SurveyOptions(), "4 dimensions"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "inside", "options", "message"), FAULTS.values(), ids=FAULTS)
def test_data_sets_that_cannot_be_read(
    tmp_path: Path, change: Callable[[h5py.File], object], inside: str, options: SurveyOptions, message: str
) -> None:
    with with_labels(tmp_path / "f.h5") as file:
        change(file)
    with pytest.raises(SurveyError, match=message):
        open_survey(f"{tmp_path / 'f.h5'}{inside}", options)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", None])
def test_files_that_are_no_hdf5(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "f.h5"
    with_labels(path).close()
    path.write_bytes(path.read_bytes()[:700] if content is None else content)
    with pytest.raises(SurveyError, match=r"f\.h5 cannot be read"):
        open_survey(str(path))


def test_damaged_chunks(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.random.default_rng(0).normal(size=(8, 8, 8)), compression="gzip")
        offset = file["data"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = bytes(40)
    path.write_bytes(content)
    survey = open_survey(str(path))
    with pytest.raises(SurveyError, match="cannot be read at 0:8 × 0:8 × 0:8"):
        survey.read(survey.grid.whole)


def read_first(survey: Survey) -> np.ndarray:
    return survey.read(Window((0, 0, 0), (1, 1, 5)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_open_the_file_for_themselves(tmp_path: Path, method: str) -> None:
    with_labels(tmp_path / "f.h5").close()
    survey = open_survey(str(tmp_path / "f.h5"))
    before = read_first(survey)
    with multiprocessing.get_context(method).Pool(2) as pool:
        for samples in pool.map(read_first, [survey] * 4):
            assert np.array_equal(samples, before)
    assert len(pickle.dumps(survey)) < 4000


def test_a_sampling_rate_is_an_interval(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["waveforms"] = np.zeros((4, 3, 50), np.float32)
        file["waveforms"].attrs.update({"axes": "event,component,sample", "sampling_rate_hz": 100.0})
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.grid.axes == (Axis("trace", 0, 1, 4), Axis("sample", 0, 10, 50, "ms"))
    assert survey.counted == {"trace"}
    assert survey.domain == Domain("time", "unit of the attribute sampling_rate_hz")


def test_a_file_that_the_same_process_reads_elsewhere(tmp_path: Path) -> None:
    with_labels(tmp_path / "f.h5").close()
    with h5py.File(tmp_path / "f.h5", "r"):
        assert read_first(open_survey(str(tmp_path / "f.h5"))).any()
    with h5py.File(tmp_path / "f.h5", "r", locking=False):
        assert read_first(open_survey(str(tmp_path / "f.h5"))).any()


def test_lists_beside_one_array_are_not_meant(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["picks"], file["waveforms"], file["station"] = np.arange(4), np.zeros((4, 50)), np.arange(4)
    assert open_survey(str(tmp_path / "f.h5")).name.endswith(":/waveforms")
    with h5py.File(tmp_path / "f.h5", "a") as file:
        file["larger"] = np.zeros((4, 60))
    with pytest.raises(SurveyError, match=r"4 data sets(.|\n)*name it: .*:/larger"):
        open_survey(str(tmp_path / "f.h5"))


def test_real_waveforms(real_data: Path) -> None:
    waves = open_survey(str(real_data / "phase_picks/phase_picks.h5"))
    assert (waves.channels, waves.grid.shape, waves.grid.axes[1].step) == (3, (80, 9001), 10)
    assert not any("decompresses" in remark for remark in waves.remarks)
    bucket = f"{real_data / 'seisbench_layout/dummydataset/waveforms.hdf5'}:/data/bucket0"
    waves = open_survey(bucket)
    assert (waves.channels, waves.grid.axes) == (3, (Axis("trace", 0, 1, 60), Axis("sample", 0, 50, 1200, "ms")))


def test_real_faults_and_facies(real_data: Path) -> None:
    faults = open_survey(str(real_data / "parihaka/parihaka_faults.h5:/faults"))
    image = open_survey(str(real_data / "parihaka/parihaka_seismic.sgy"))
    assert faults.grid == image.grid
    assert not faults.counted
    axes = SurveyOptions(axes="inline,sample,crossline")
    facies = open_survey(str(real_data / "penobscot/penobscot_facies.h5:/image"), axes)
    assert facies.grid.shape == (22, 512, 1536)
    assert facies.grid.axes[0].first == 1075
    with h5py.File(real_data / "penobscot/penobscot_facies.h5") as file:
        assert np.array_equal(facies.read(Window((3, 10, 20), (4, 15, 27)))[0, 0], file["image"][3, 20:27, 10:15].T)
    with pytest.raises(SurveyError, match=r"/image \(22, 1536, 512\)"):
        open_survey(str(real_data / "penobscot/penobscot_facies.h5"))
    inlines = open_survey(str(real_data / "f3_inlines/f3_inlines.h5"))
    assert inlines.grid.shape == (6, 701, 255)
