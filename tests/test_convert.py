"""``geocnn convert`` and ``predict --format``: what is read, written and read again is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import Geocnn
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.conversion import Converted, convert
from geocnn.errors import GeocnnError, SurveyError
from geocnn.grid import Window
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import Survey

VOLUME = encoded(INLINES, CROSSLINES, SAMPLES)


def converted(survey: Survey, path: Path, sample_format: str | None = None) -> Converted:
    """Convert to the end."""
    work = convert(survey, str(path), sample_format)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def assert_same(first: Survey, second: Survey) -> None:
    """Same grid, traces and samples as float32."""
    assert second.grid == first.grid
    assert second.channels == first.channels
    assert np.array_equal(second.present, first.present)
    assert np.array_equal(second.read(second.grid.whole), first.read(first.grid.whole), equal_nan=True)


REAL = [
    *(f"segy_awkward/segyio/{name}.sgy" for name in (
        "small", "small-lsb", "small-ps", "small-ps-dec-xl-inc-il-off", "1xN", "Mx1", "1x1", "shot-gather", "broken",
        "delay-scalar", "f3", "f3-lsb", "trace-header-extensions", "mapping-multiple-stanzas", "multi-text",
        "stanzas-known-count", "stanzas-unknown-count", "tiny", "text-embed-null", "rotated-small-rev2")),
    "segy_awkward/segyio/small.su",
    "segy_awkward/segyio/small-lsb.su",
    *(f"segy_awkward/segyio/multiformats/Format{code}{order}sb.sgy"
      for code in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16) for order in "ml"),
    *(f"segy_awkward/obspy/segy/tests/data/{name}" for name in (
        "00001034.sgy_first_trace", "ld0042_file_00018.sgy_first_trace", "one_trace_year_11.sgy",
        "one_trace_year_99.su", "planes.segy_first_trace", "example.y_first_trace")),
    "segy_real/penobscot/penobscot_xl1155.sgy",
    "segy_real/volve/examples/data/volve10r12-full-twt-arb.sgy",
    "segy_real/volve/tests/test-data-volve/volve10r12-full-z-il10117sub.sgy",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_read_write_read_is_the_identity(real_data: Path, tmp_path: Path, name: str) -> None:
    options = SurveyOptions(dt=4) if name.endswith(("small.su", "small-lsb.su")) else SurveyOptions()
    source = open_survey(str(real_data / name), options)
    suffix = Path(name).suffix if Path(name).suffix in (".sgy", ".su") else ".sgy"
    for target, sample_format in ((tmp_path / f"own{suffix}", None), (tmp_path / "floats.sgy", "ieee")):
        converted(source, target, sample_format)
        assert_same(source, open_survey(str(target), options))
    original = (real_data / name).read_bytes()
    assert (tmp_path / f"own{suffix}").read_bytes() == original[: len(original) - source.file.trailing]
    converted(source, tmp_path / "cube.h5")
    assert_same(source, open_survey(str(tmp_path / "cube.h5")))


def test_all_of_one_survey_among_all_formats(volume: Path, tmp_path: Path) -> None:
    source = open_survey(str(volume))
    last = source
    for number, suffix in enumerate([".h5", ".su", ".sgy", ".h5", ".segy"]):
        converted(last, tmp_path / f"{number}{suffix}")
        last = open_survey(str(tmp_path / f"{number}{suffix}"))
        assert_same(source, last)
    converted(source, tmp_path / "cube.npy")
    assert np.array_equal(np.load(tmp_path / "cube.npy"), VOLUME)
    said = converted(source, tmp_path / "cube.dat").layout
    assert said == "--shape 4,5,30 --dtype float32 --axes inline,crossline,sample --dt 4 --t0 0"
    cube = open_survey(str(tmp_path / "cube.dat"), SurveyOptions(shape="4,5,30", dtype="float32"))
    assert np.array_equal(cube.read(cube.grid.whole)[0], VOLUME)


def test_coordinates_and_gaps_go_along(tmp_path: Path) -> None:
    traces = Traces.of(VOLUME, INLINES, CROSSLINES).picked([*range(7), *range(9, 20)])
    path = traces.write(tmp_path / "in.sgy")
    content = bytearray(path.read_bytes())
    for number, (inline, crossline) in enumerate(zip(traces.inlines, traces.crosslines, strict=True)):
        start = 3600 + number * (240 + 4 * SAMPLES)
        content[start + 70 : start + 72] = (-100).to_bytes(2, "big", signed=True)
        content[start + 180 : start + 184] = int(45_000_000 + 1250 * crossline + 7 * inline).to_bytes(4, "big")
        content[start + 184 : start + 188] = int(60_000_000 + 2500 * inline).to_bytes(4, "big")
    path.write_bytes(content)
    source = open_survey(str(path))
    assert source.bins.size == pytest.approx((50, 12.5), rel=1e-3)
    for names in (("a.h5",), ("b.h5", "b.sgy")):
        last = source
        for name in names:
            converted(last, tmp_path / name)
            last = open_survey(str(tmp_path / name))
        assert_same(source, last)
        assert np.allclose(last.coordinates, source.coordinates, atol=0.005, equal_nan=True)


def test_gathers_stay_gathers(real_data: Path, tmp_path: Path) -> None:
    source = open_survey(str(real_data / "segy_awkward/segyio/small-ps.sgy"))
    assert source.channels == 2
    converted(source, tmp_path / "g.h5")
    converted(open_survey(str(tmp_path / "g.h5")), tmp_path / "g.sgy")
    assert_same(source, open_survey(str(tmp_path / "g.sgy")))


def test_one_inline_a_file_becomes_one_file(tmp_path: Path) -> None:
    cube = Traces.of(VOLUME, INLINES, CROSSLINES)
    names = []
    for number, inline in enumerate(INLINES):
        part = cube.picked(range(5 * number, 5 * number + 5))
        names.append(str(part.write(tmp_path / f"inline{inline}.sgy")))
    source = open_survey(names[::-1])
    result = converted(source, tmp_path / "all.sgy")
    assert result.native
    whole = open_survey(str(tmp_path / "all.sgy"))
    assert_same(source, whole)
    assert np.array_equal(whole.read(whole.grid.whole)[0], VOLUME)
    together = b"".join(Path(name).read_bytes()[3600:] for name in names)
    assert (tmp_path / "all.sgy").read_bytes()[3600:] == together


def test_a_mean_of_duplicates_is_written(geocnn: Geocnn, tmp_path: Path) -> None:
    traces = Traces.of(VOLUME, INLINES, CROSSLINES).picked([0, 1, 1, 2])
    traces.samples = np.repeat(np.array([1, 2, 6, 3], np.float32)[:, None], SAMPLES, axis=1)
    path = traces.write(tmp_path / "in.sgy")
    outcome = geocnn("convert", path, tmp_path / "out.sgy", "--duplicates", "mean")
    assert outcome.status == 0
    assert "bit for bit" not in outcome.out
    survey = open_survey(str(tmp_path / "out.sgy"))
    assert survey.read(survey.grid.whole)[0, 0, :, 0].tolist() == [1, 4, 3]


def test_delays_stay(tmp_path: Path) -> None:
    path = Traces.of(VOLUME, INLINES, CROSSLINES).write(tmp_path / "in.sgy")
    content = bytearray(path.read_bytes())
    for trace, delay in ((0, 40), (7, 12), (19, 4)):
        start = 3600 + trace * (240 + 4 * SAMPLES)
        content[start + 108 : start + 110] = delay.to_bytes(2, "big")
    path.write_bytes(content)
    source = open_survey(str(path))
    assert source.grid.axes[-1].size == SAMPLES + 10
    for sample_format in (None, "ieee", "ibm"):
        target = tmp_path / f"{sample_format}.sgy"
        converted(source, target, sample_format)
        assert target.read_bytes()[3600:][:240] == bytes(content[3600:][:240])
        again = open_survey(str(target))
        np.testing.assert_allclose(again.read(again.grid.whole), source.read(source.grid.whole), rtol=1e-6)


FORMATS = {"int8": (127, 8), "int16": (32767, 3), "uint8": (255, 16), "int24": (2**23 - 1, 7), "float64": (1e30, 6)}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_and_what_they_clip(geocnn: Geocnn, tmp_path: Path, name: str) -> None:
    highest, code = FORMATS[name]
    cube = np.array([0, 1, 2, 3, 1e20, 4], np.float32) * np.ones((4, 5, 1), np.float32)
    path = Traces.of(cube, INLINES, CROSSLINES).write(tmp_path / "in.sgy")
    outcome = geocnn("convert", path, tmp_path / "out.sgy", "--format", name)
    assert outcome.status == 0
    told = f"20 samples (17 %) were clipped to what {name} can hold: amplitudes need"
    assert (told in outcome.err) == (highest < 1e20)
    assert int.from_bytes((tmp_path / "out.sgy").read_bytes()[3224:3226], "big") == code
    assert "geocnn: converted from" in str(open_survey(str(tmp_path / "out.sgy")).text)
    survey = open_survey(str(tmp_path / "out.sgy"))
    expected = np.minimum(cube, np.float32(highest))
    assert np.array_equal(survey.read(survey.grid.whole)[0], expected)


def test_rounding_is_counted_and_native_copies_round_nothing(geocnn: Geocnn, tmp_path: Path) -> None:
    traces = Traces.of(np.zeros((4, 5, 3)), INLINES, CROSSLINES)
    traces.samples = np.array([2**24 + 1, 5, -(2**30) - 1]) * np.ones((20, 1))
    traces.sample_format = 2
    path = traces.write(tmp_path / "in.sgy")
    outcome = geocnn("convert", path, tmp_path / "out.h5")
    assert "40 samples were rounded" in outcome.err
    outcome = geocnn("convert", path, tmp_path / "out.sgy")
    assert "copied bit for bit" in outcome.out
    assert (tmp_path / "out.sgy").read_bytes() == path.read_bytes()


BAD = {
    "exists": (("in.sgy", "in.sgy"), "exists", 1),
    "itself": (("in.sgy", "in.sgy", "--overwrite"), "is the survey itself", 1),
    "no suffix": (("in.sgy", "out"), "suffix", 1),
    "missing": (("none.sgy", "out.h5"), "no such file", 1),
    "no output": (("in.sgy",), "", 2),
    "unknown format": (("in.sgy", "out.sgy", "--format", "int7"), "", 2),
    "ibm in HDF5": (("in.sgy", "out.h5", "--format", "ibm"), "cannot hold samples of the format ibm", 1),
    "int16 in Seismic Unix": (("in.sgy", "out.su", "--format", "int16"), "ieee", 1),
    "a picture": (("in.sgy", "out.png"), "suffix", 1),
}


@pytest.mark.parametrize(("arguments", "message", "status"), BAD.values(), ids=BAD)
def test_what_cannot_be_converted(
    geocnn: Geocnn, volume: Path, tmp_path: Path, arguments: tuple[str, ...], message: str, status: int
) -> None:
    (tmp_path / "in.sgy").write_bytes(volume.read_bytes())
    before = sorted(tmp_path.iterdir())
    paths = [
        each if each.startswith("--") or ("." not in each and each != "out") else tmp_path / each for each in arguments
    ]
    outcome = geocnn("convert", *paths)
    assert outcome.status == status
    assert message in outcome.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_ends_in_between_leaves_nothing(
    volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = open_survey(str(volume))

    def fails(window: Window) -> np.ndarray:
        raise SurveyError("the disk is gone", "a disk", "look for it")

    monkeypatch.setattr(survey, "read", fails)
    with pytest.raises(GeocnnError, match="the disk is gone"):
        converted(survey, tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


def test_trailing_stanzas_are_copied(volume: Path, tmp_path: Path) -> None:
    content = bytearray(volume.read_bytes())
    content[3500] = 2
    content[3528:3532] = (1).to_bytes(4, "big")
    path = tmp_path / "in.sgy"
    path.write_bytes(bytes(content) + b"((trailer))".ljust(3200))
    source = open_survey(str(path))
    assert source.file.trailing == 0
    for sample_format in (None, "int16"):
        target = tmp_path / f"{sample_format}.sgy"
        converted(source, target, sample_format)
        assert target.read_bytes()[-3200:].startswith(b"((trailer))")


def test_a_file_that_becomes_shorter_is_told(volume: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.sgy"
    path.write_bytes(volume.read_bytes())
    survey = open_survey(str(path))
    survey.read(survey.grid.whole)
    with path.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(SurveyError, match="became shorter"):
        converted(survey, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()
