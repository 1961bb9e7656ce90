"""How HDF5 files lie: maps of traces beside the samples, chunks and their compression, MATLAB."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from datasets import CUBE, NAMES, with_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import INLINES

from geocnn.errors import SurveyError
from geocnn.grid import Window
from geocnn.survey.opening import open_survey


def gapped(shape: tuple[int, ...] = (4, 5)) -> np.ndarray:
    """A map of traces, some of which are missing."""
    present = np.ones(shape, bool)
    present[1, 2] = present[3, 0] = False
    return present


@pytest.mark.parametrize("order", [NAMES, ("crossline", "inline", "sample"), ("sample", "crossline", "inline")])
@pytest.mark.parametrize("own", [True, False])
def test_coordinates_and_the_map_of_traces_beside_the_samples(
    tmp_path: Path, order: tuple[str, ...], own: bool
) -> None:
    """They may lie as the samples do, or in canonical order."""
    x, y = np.random.default_rng(0).normal(size=(2, 4, 5))
    turned = own and order.index("crossline") < order.index("inline")
    with with_labels(tmp_path / "f.h5", order) as file:
        file["cube"].attrs["axes"] = ",".join(order)
        for name, values in (("cdp_x", x), ("cdp_y", y), ("present", gapped())):
            file[name] = values.T if turned else values
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.name.endswith(":/cube")
    assert survey.coordinates is not None
    assert np.array_equal(survey.coordinates, [x, y])
    assert np.array_equal(survey.present, gapped())
    assert any("2 of 20 grid positions (10.0 %) have no trace" in remark for remark in survey.remarks)


def test_coordinates_of_other_shapes_are_not_taken(tmp_path: Path) -> None:
    with with_labels(tmp_path / "f.h5") as file:
        file["cdp_x"], file["cdp_y"], file["present"] = np.ones((2, 3, 4)), np.ones((4, 5)), np.ones(7)
    survey = open_survey(str(tmp_path / "f.h5:/cube"))
    assert survey.coordinates is None
    assert survey.present.all()


COMPRESSED: dict[str, dict[str, object]] = {
    "not compressed": {},
    "gzip": {"compression": "gzip"},
    "shuffle, gzip": {"compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf"},
    "blosc:zstd": dict(hdf5plugin.Blosc(cname="zstd")),
    "blosc:lz4": dict(hdf5plugin.Blosc(cname="lz4")),
    "blosc2:zstd": dict(hdf5plugin.Blosc2(cname="zstd")),
    "bitshuffle:lz4": dict(hdf5plugin.Bitshuffle()),
    "bitshuffle:zstd": dict(hdf5plugin.Bitshuffle(cname="zstd")),
    "zstd": dict(hdf5plugin.Zstd()),
    "lz4": dict(hdf5plugin.LZ4()),
}


@pytest.mark.parametrize(("words", "how"), COMPRESSED.items(), ids=COMPRESSED)
def test_compression_is_named(tmp_path: Path, words: str, how: dict[str, object]) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("data", data=CUBE, chunks=(2, 3, 4), **how)
    survey = open_survey(str(tmp_path / "f.h5"))
    assert survey.description["format"] == f"HDF5, float32, little-endian, chunks of 2 × 3 × 4, {words}"
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)


def test_a_compression_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("data", data=CUBE, **hdf5plugin.Zstd())
    monkeypatch.setattr("h5py.h5z.filter_avail", lambda number: number != hdf5plugin.ZSTD_ID)
    with pytest.raises(SurveyError, match=r"compressed by zstd(.|\n)*h5repack"):
        open_survey(str(tmp_path / "f.h5"))


@pytest.mark.parametrize(
    ("chunks", "gzip", "times"),
    [
        ((1, 512, 200), True, "25"),  # 64 × 512 × 200 samples for 64 × 64 × 64
        ((1, 512, 200), False, None),
        ((1, 256, 200), True, None),  # on average 64 × 319 × 200: 15.6 times
        ((128, 512, 2), True, "16"),  # on average 128 × 512 × 65: 16.25 times
        ((128, 512, 1), True, None),  # 16 times
        ((64, 64, 64), True, None),
    ],
)
def test_chunks_that_are_dear_to_read_are_told(
    tmp_path: Path, chunks: tuple[int, ...], gzip: bool, times: str | None
) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("data", (128, 512, 200), np.int8, chunks=chunks, compression="gzip" if gzip else None)
    told = [remark for remark in open_survey(str(tmp_path / "f.h5")).remarks if "decompresses" in remark]
    assert bool(told) == (times is not None)
    assert not told or f"64 × 64 × 64 decompresses {times} times its own bytes; geocnn convert" in told[0]


def test_a_patch_read_twice_is_decompressed_once(tmp_path: Path) -> None:
    """The cache holds the chunks of a patch: 27 chunks of a megabyte, more than HDF5's own would."""
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("data", (192, 192, 192), np.float32, chunks=(64, 64, 64), compression="gzip")
    survey = open_survey(str(tmp_path / "f.h5"))
    survey.read(Window((60, 60, 60), (124, 124, 124)))
    cache = survey._data().id.get_access_plist().get_chunk_cache()  # type: ignore[attr-defined]
    assert cache[1] >= 8 * 64**3 * 4
    assert cache[0] >= 100 * 8


def matlab(path: Path) -> Path:
    """A file as MATLAB writes it with -v7.3: a user block of 512 bytes, axes reversed, classes as attributes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["cube"] = CUBE
        file["cube"].attrs["MATLAB_class"] = np.bytes_("single")
        file["mask"] = (CUBE > 7).astype(np.uint8)
        file["mask"].attrs.update({"MATLAB_class": np.bytes_("logical"), "MATLAB_int_decode": np.int32(1)})
        file["inline"] = np.array(INLINES, float)[:, None]
        file["inline"].attrs["MATLAB_class"] = np.bytes_("double")
        file["name"] = np.frombuffer("survey".encode("utf-16-le"), np.uint16)[:, None]
        file["name"].attrs["MATLAB_class"] = np.bytes_("char")
        file["nothing"] = np.array([0, 0], np.uint64)
        file["nothing"].attrs.update({"MATLAB_class": np.bytes_("double"), "MATLAB_empty": np.uint8(1)})
        file["#refs#/a"] = np.ones((3, 4))
        file["cell"] = np.array([file["#refs#/a"].ref], h5py.ref_dtype)
        file["settings/dt"] = np.array([[4.0]])
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)
    return path


def test_matlab_files(tmp_path: Path) -> None:
    path = matlab(tmp_path / "f.mat")
    survey = open_survey(f"{path}:/cube")
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)
    assert any("size 30 × 5 × 4 there is 4 × 5 × 30 here" in remark for remark in survey.remarks)
    mask = open_survey(f"{path}:mask")
    assert np.array_equal(mask.read(mask.grid.whole)[0], CUBE > 7)
    with pytest.raises(SurveyError) as caught:
        open_survey(str(path))
    assert "/cube (4, 5, 30), /inline (4, 1), /mask (4, 5, 30), /settings/dt (1, 1)" in str(caught.value)
    for hidden in ("name", "nothing", "refs", "cell"):
        assert f"/{hidden}" not in str(caught.value)
    with pytest.raises(SurveyError, match=r"no data set /nope(.|\n)*/cube \(4, 5, 30\)"):
        open_survey(f"{path}:/nope")


@settings(deadline=None, max_examples=80, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]], cut: bool
) -> None:
    """No byte makes anything but an error of ours, nor takes memory out of proportion."""
    path = tmp_path_factory.mktemp("h5") / "f.h5"
    with with_labels(path) as file:
        # Texts of fixed length: HDF5 itself can hang on a damaged heap of the others.
        file["cube"].attrs["axes"] = np.bytes_("inline,crossline,sample")
        file["present"] = np.ones((4, 5), bool)
    content = bytearray(path.read_bytes())
    for at, value in flips:
        content[at % len(content)] = value
    path.unlink()
    path.write_bytes(content[: flips[0][0]] if cut else content)
    told = ""
    try:
        survey = open_survey(f"{path}:/cube")
        assert survey.present.size < 10**9
        assert survey.read(Window((0,) * survey.grid.ndim, (1,) * survey.grid.ndim)).size == survey.channels
    except SurveyError as error:
        told = str(error)
    assert not told or str(path) in told
