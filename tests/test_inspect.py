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
from geocnn_cli.survey_screen import survey_screen


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
    status, out, _ = inspect(odd, "--iline", 9, "--xline", 21)
    assert status == 0
    folded = " ".join(out.split())
    for words in (
        "4-byte IBM float, little-endian",
        "inline 4 10 2 4 bytes 9-12",
        "crossline 20 24 1 5 bytes 21-24",
        "time 100 ms 216 ms 4 ms 30 delay 100 ms",
        "time in ms (text header line C5)",
        "18 of 19 traces, 1 dead; 90.0 % of 600 samples; 1 of 20 positions (5 %) without a trace",
        "map inline 4 █████ █·███ █████ 10 ████· crossline 20 to 24",
        "C 1 CLIENT: NOBODY",
        "note 1 of 20 grid positions (5.0 %) have no trace",
    ):
        assert words in folded
    lines = out.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    heading = next(line for line in lines if "positions" in line)
    for name in ("inline ", "crossline ", "time "):
        row = next(line for line in lines if line.startswith(name))
        # Numbers end where their headings do.
        for column in ("first", "last", "step", "positions"):
            end = heading.index(column) + len(column)
            assert row[end - 1] != " "
            assert row[end] == " "


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
    assert f"sampled evenly: {told['traces']['seen']} of 2,000 traces" in folded
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
    assert "2 whole numbers, as of a label value samples share 0 3,588 99.7 % 1 12 0.333 %" in folded
    assert "spectrum" not in folded
    assert "dead" not in folded


def test_a_survey_of_known_trend_mute_and_frequency(inspect: Geocnn, tmp_path: Path) -> None:
    """Sines of 30 Hz that lose 20 dB a second, muted for 100 ms above."""
    time = np.arange(500) * 4 / 1000
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (4, 5, 1))
    samples = np.sin(2 * np.pi * 30 * time + phase) * 10 ** (-20 * time / 20)
    samples[..., :25] = 0
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    told = json.loads(inspect(path, "--json")[1])
    assert told["gain"]["slope"] == pytest.approx(-20, rel=0.02)
    assert told["gain"]["unit"] == "dB/s"
    assert told["mutes"] == {"share": pytest.approx(25 / 500), "top": 25, "bottom": 0}
    assert told["statistics"]["spectrum"]["peak"] == pytest.approx(30, abs=0.5)
    folded = " ".join(inspect(path).out.split())
    assert "muted 5.0 % of the samples of live traces, constant at an end; median 100 ms at the top" in folded
    assert "gain -20." in folded
    assert "peak 30 Hz; " in folded
    assert "Nyquist 125 Hz" in folded


def test_a_survey_of_known_clipping(inspect: Geocnn, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (4, 5, 500)).astype(np.float32).clip(-0.875, 0.75)
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    low, high = (np.count_nonzero(samples == value) for value in (-0.875, 0.75))
    folded = " ".join(inspect(path).out.split())
    assert f"{low:,} samples are -0.875 ({low / 100:.2g} %), {high:,} samples are 0.75 ({high / 100:.2g} %)" in folded
    assert "looks wrong samples are clipped" in folded


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
    assert "12.5 between inlines, 25 between crosslines (coordinate units)" in out
    assert "numbers grow to" in out
    assert "right-handed" in out
    assert "inlines run at 0.0° from north (Y); coordinates fit within" in out
    assert (
        "corners inline crossline X Y 4 20 400000.0 0.0 4 24 400000.0 100.0 10 20 400037.5 0.0 10 24 400037.5 100.0"
        in out
    )


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
    assert "0 of 20 traces, 20 dead; 0.0 % of 600 samples" in " ".join(out.split())
    assert json.loads(inspect(path, "--json")[1])["statistics"]["mean"] == [None]


def test_absurd_amplitudes_are_told(inspect: Geocnn, tmp_path: Path) -> None:
    """Small integers read as IEEE floats and the like."""
    samples = 3e38 * (-1.0) ** np.indices((4, 5, 30)).sum(axis=0)
    path = Traces.of(samples, INLINES, CROSSLINES).write(tmp_path / "f.sgy")
    status, out, _ = inspect(path)
    assert status == 0
    assert "-3.000e+38" in out
    assert "3.000e+38" in out
    json.loads(inspect(path, "--json")[1], parse_constant=pytest.fail)


def test_channels_and_hdf5(inspect: Geocnn, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = np.random.default_rng(0).normal(size=(2, 40, 50))
        file["a"].attrs["axes"] = "channel,trace,sample"
    status, out, _ = inspect(tmp_path / "f.h5", "--dt", 2)
    assert status == 0
    folded = " ".join(out.split())
    assert "channel min p1 p50 p99 max mean std 0 " in folded
    assert "0 ms 98 ms 2 ms 50" in folded
    assert "file order channel, trace, sample (attribute axes)" in folded
    assert "no numbers for trace: counted from 0" in folded


def test_several_files_as_channels(inspect: Geocnn, volume: Path, tmp_path: Path) -> None:
    other = Traces.of(-encoded(INLINES, CROSSLINES, SAMPLES), INLINES, CROSSLINES).write(tmp_path / "other.sgy")
    folded = " ".join(inspect(volume, other).out.split())
    assert f"channel 0 {volume} format SEG-Y" in folded
    assert f"channel 1 {other} format SEG-Y" in folded
    assert "inline 4 10 2 4 bytes 189-192" in folded
    assert "1 -10.24 " in folded


def test_lines_that_are_too_long_are_folded() -> None:
    told = json.loads(json.dumps(BARE))
    told["remarks"] = ["word " * 60]
    told["text"] = ["C 1 " + "x" * 76, *[f"C{number:>2} text" for number in range(2, 10)]]
    for width in (20, 60, 77, 100, 300):
        lines = survey_screen(told, width)
        assert max(map(len, lines)) <= min(100, max(60, width))
        assert sum(line.count("word") for line in lines) == 60
        assert lines[-1].startswith(" " * 13 + "word")
        assert any("… and 3 more lines" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (-0.00123, "-0.00123"), (12.3456, "12.35"), (-32767.6, "-32,768"), (3e38, "3.000e+38")],
)
def test_numbers_are_told_without_exponents(value: float, words: str) -> None:
    told = json.loads(json.dumps(BARE))
    told["statistics"]["maximum"] = [value]
    row = next(line for line in survey_screen(told, 100) if line.endswith(" 0.5"))
    assert row.split()[4] == words


BARE = {
    "survey": "f.sgy",
    "file": {"format": "SEG-Y"},
    "channels": 1,
    "axes": [{"name": "sample", "first": 0, "last": 8, "step": 4, "size": 3, "unit": "ms"}],
    "domain": {"name": "time", "source": "--domain", "unit": "ms"},
    "traces": {"positions": 1, "missing": 0, "seen": 1, "dead": 0},
    "samples": {"all": 3, "seen": 3, "live": 3, "null": 0, "inexact": 0, "not_finite": None},
    "statistics": {"mean": [1.0], "std": [0.5], "minimum": [1.0], "maximum": [1.0], "spectrum": None},
    "percentiles": {"1": [1.0], "50": [1.0], "99": [1.0]},
    "extremes": {"lowest": [{"value": 1.0, "samples": 1}], "highest": [{"value": 1.0, "samples": 1}]},
    "gain": None,
    "mutes": None,
    "classes": None,
    "bins": None,
    "map": None,
    "text": [],
    "odd": [],
    "remarks": [],
}
"""What is told of a single trace."""


def test_a_picture(inspect: Geocnn, volume: Path, tmp_path: Path) -> None:
    assert inspect(volume, "--picture", tmp_path / "f.png")[0] == 0
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_bytes_end_with_advice(inspect: Geocnn, volume: Path) -> None:
    status, _, err = inspect(volume, "--iline", 17, "--xline", 13)
    assert status == 1
    assert "pass --iline 189 --xline 193" in err


def test_a_guessed_order_of_axes_looks_wrong(geocnn: Geocnn, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(4, 20, 30)).astype(np.float32)
    np.save(tmp_path / "cube.npy", samples)
    guessed = " ".join(geocnn("inspect", tmp_path / "cube.npy").out.split())
    assert "the order of the axes is a guess (inline, crossline, sample)" in guessed
    told = geocnn("inspect", tmp_path / "cube.npy", "--axes", "inline,sample,crossline").out
    assert "is a guess" not in told
