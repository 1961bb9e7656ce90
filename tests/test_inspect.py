"""``geocnn inspect``: what it says is true, for people and for programs."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import Geocnn
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.survey import sampling


@pytest.fixture
def inspect(geocnn: Geocnn) -> Geocnn:
    """Run ``geocnn inspect``."""
    return partial(geocnn, "inspect")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Crosslines first, a dead trace, a gap, a delay, coordinates, little-endian IBM."""
    samples = encoded(INLINES, CROSSLINES, SAMPLES)
    samples[1, 1] = 0
    cube = Traces.of(
        samples,
        INLINES,
        CROSSLINES,
    )
    cube = cube.picked(np.arange(20).reshape(4, 5).T.ravel()[:-1])
    cube.sample_format, cube.endian, cube.places = 1, "little", (9, 21)
    cube.headers = {109: 100}
    cube.text = {1: "CLIENT: NOBODY", 5: "TWT"}
    return cube.write(tmp_path / "odd.sgy")


def test_on_one_screen(inspect: Geocnn, odd: Path) -> None:
    status, out, err = inspect(odd, "--iline", 9, "--xline", 21)
    assert status == 0
    folded = " ".join(out.split())
    for words in (
        "4-byte IBM float, little-endian",
        "inline 4 to 10, step 2, 4 positions; trace header bytes 9-12",
        "crossline 20 to 24, step 1, 5 positions; trace header bytes 21-24",
        "sample 100 to 216 ms, step 4 ms, 30 positions",
        "time in ms (text header line C5)",
        "90.0 % of 600 samples, 1 of 19 traces dead, 1 of 20 positions without a trace",
        "C 1 CLIENT: NOBODY",
    ):
        assert words in folded
    assert "1 of 20 grid positions (5.0 %) have no trace" in err
    assert len(out.splitlines()) <= 45


def test_for_programs(inspect: Geocnn, odd: Path) -> None:
    status, out, _ = inspect(odd, "--iline", 9, "--xline", 21, "--json")
    told = json.loads(out)
    assert status == 0
    assert told["axes"][0] == {"name": "inline", "first": 4, "last": 10, "step": 2, "size": 4, "unit": ""}
    assert told["domain"] == {"name": "time", "source": "text header line C5", "unit": "ms"}
    assert told["traces"] == {"positions": 20, "missing": 1, "seen": 19, "dead": 1}
    assert told["samples"] == {"all": 600, "seen": 600, "live": 540, "null": 0, "inexact": 0, "not_finite": None}
    live = np.delete(encoded(INLINES, CROSSLINES, SAMPLES).reshape(20, -1), [6, 19], axis=0)
    assert told["statistics"]["mean"] == pytest.approx([live.mean(dtype=float)], rel=1e-5)
    assert told["percentiles"]["50"] == pytest.approx([np.median(live)], rel=1e-5)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume that is taken for large, of which 400 of 2,400 traces are missing."""
    monkeypatch.setattr(sampling, "SMALL", 0)
    monkeypatch.setattr(sampling, "BUDGET", 4 * 40 * 600)
    monkeypatch.setattr(sampling, "SECONDS", 1e9)
    samples = np.random.default_rng(0).normal(size=(40, 60, 40)).astype(np.float32)
    cube = Traces.of(samples, range(40), range(60))
    held = np.add.outer(20 * (np.arange(40) < 20), np.arange(60)) < 60
    cube = cube.picked(np.flatnonzero(held))
    return cube.write(tmp_path / "large.sgy")


def test_a_sample_of_a_large_survey(inspect: Geocnn, large: Path) -> None:
    status, out, _ = inspect(large)
    told = json.loads(inspect(large, "--json")[1])
    assert status == 0
    assert 400 < told["traces"]["seen"] <= 600
    assert told["traces"]["missing"] == 400
    assert told["samples"]["seen"] < told["samples"]["all"] == 96_000
    assert told["map"]["rows"][0].endswith("·")
    folded = " ".join(out.split())
    assert f"{told['traces']['seen']} of 2,000 traces, evenly" in folded
    assert "· none" in folded


def test_the_whole_of_a_large_survey(inspect: Geocnn, large: Path) -> None:
    told = json.loads(inspect(large, "--whole", "--json")[1])
    assert told["traces"] == {"positions": 2400, "missing": 400, "seen": 2000, "dead": 0}
    assert told["samples"]["seen"] == told["samples"]["all"]
    assert "sampled" not in inspect(large, "--whole").out


def test_what_looks_wrong_is_told_last(inspect: Geocnn, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(4, 5, 400)).clip(-1, 2)
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    last = inspect(path).out.split("looks wrong")[-1]
    assert "samples are clipped: 1" in " ".join(last.split())
    assert json.loads(inspect(path, "--json")[1])["odd"][0]["what"].startswith("samples are clipped")


def test_values_of_a_label(inspect: Geocnn, tmp_path: Path) -> None:
    labels = np.zeros((10, 12, 30), np.int8)
    labels[4, :, 7] = 1
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["faults"] = labels
        file["faults"].attrs["axes"] = "inline,crossline,sample"
    status, out, _ = inspect(tmp_path / "f.h5", "--dt", 4)
    folded = " ".join(out.split())
    assert status == 0
    assert "as of a label: 0 × 3,588 (99.7 %), 1 × 12 (0.333 %)" in folded
    assert "spectrum" not in folded
    assert "dead" not in folded


def test_bins_and_azimuth(inspect: Geocnn, tmp_path: Path) -> None:
    """Inlines 12.5 m apart to the east, crosslines 25 m apart to the north, written in decimetres."""
    cube = Traces.of(encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES)
    path = cube.write(tmp_path / "f.sgy")
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    headers = content[3600:].reshape(20, -1)
    i, x = np.divmod(np.arange(20), 5)
    for byte, kind, values in ((70, ">i2", np.full(20, -10)), (180, ">i4", 4_000_000 + 125 * i), (184, ">i4", 250 * x)):
        field = values.astype(kind)[:, None].view(np.uint8)
        headers[:, byte : byte + field.shape[1]] = field
    path.write_bytes(content.tobytes())
    bins = json.loads(inspect(path, "--json")[1])["bins"]
    assert bins["origin"] == pytest.approx([400_000, 0])
    assert bins["size"] == pytest.approx([12.5, 25])
    assert (bins["azimuth"] + 180) % 360 == pytest.approx(180)
    assert bins["right_handed"]
    assert np.allclose(bins["corners"], [[400_000, 0], [400_000, 100], [400_037.5, 0], [400_037.5, 100]])
    out = " ".join(inspect(path).out.split())
    assert "corners 4/20: 400000.0 0.0; 4/24: 400000.0 100.0 10/20: 400037.5 0.0; 10/24: 400037.5 100.0" in out


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_told(inspect: Geocnn, tmp_path: Path, value: float) -> None:
    samples = encoded(INLINES, CROSSLINES, SAMPLES)
    samples[2, 3, 4] = value
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    status, out, _ = inspect(path)
    assert status == 0
    count = "1 NaN" if np.isnan(value) else "1 infinite"
    assert f"{count} samples, the first at inline 8, crossline 23, sample 16" in " ".join(out.split())


def test_a_dead_survey_is_told(inspect: Geocnn, tmp_path: Path) -> None:
    path = Traces.of(np.zeros((4, 5, 30)), INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    status, out, _ = inspect(path)
    assert status == 0
    assert "20 of 20 traces dead" in " ".join(out.split())
    assert json.loads(inspect(path, "--json")[1])["statistics"]["mean"] == [None]


def test_absurd_amplitudes_are_told(inspect: Geocnn, tmp_path: Path) -> None:
    """Small integers read as IEEE floats and the like."""
    samples = 3e38 * (-1.0) ** np.indices((4, 5, 30)).sum(axis=0)
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    status, out, _ = inspect(path)
    assert status == 0
    assert "from -3e+38 to 3e+38" in " ".join(out.split())
    json.loads(inspect(path, "--json")[1], parse_constant=pytest.fail)


def test_channels_and_hdf5(inspect: Geocnn, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = np.random.default_rng(0).normal(size=(2, 40, 50))
        file["a"].attrs["axes"] = "channel,trace,sample"
    status, out, err = inspect(tmp_path / "f.h5", "--dt", 2)
    assert status == 0
    folded = " ".join(out.split())
    assert "channel 1, amplitudes mean" in folded
    assert "step 2 ms, 50 positions" in folded
    assert "no numbers for trace: counted from 0" in err


def test_a_picture(inspect: Geocnn, volume: Path, tmp_path: Path) -> None:
    assert inspect(volume, "--picture", tmp_path / "f.png")[0] == 0
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_bytes_end_with_advice(inspect: Geocnn, volume: Path) -> None:
    status, _, err = inspect(volume, "--iline", 17, "--xline", 13)
    assert status == 1
    assert "pass --iline 189 --xline 193" in err
