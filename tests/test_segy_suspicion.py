"""Samples of another format than the declared one are told; sane ones, of whatever size and kind, never are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_segy_layout import head

from geocnn.survey.segy.formats import FORMATS, ByteOrder, encode, format_named
from geocnn.survey.segy.layout import open_segy_file
from geocnn.survey.segy.suspicion import suspicions

TRACES, SAMPLES = 200, 150
NAMES = [known.name for known in FORMATS.values()]


def said(path: Path, samples: np.ndarray, made: str, declared: str, order: ByteOrder = ">") -> tuple[str, ...]:
    """Suspicions on samples that are written in one format and declared in another."""
    raw, _ = encode(samples.astype(np.float32), format_named(made), order)
    records = np.zeros((len(raw), 240 + samples.shape[1] * format_named(made).bytes), np.uint8)
    records[:, 240:] = raw.reshape(len(raw), -1).view(np.uint8)
    path.write_bytes(bytes(head(samples.shape[1], order, format_named(declared).code)) + records.tobytes())
    file = open_segy_file(path, None)
    assert (file.traces, file.samples, file.sample_format.name) == (*samples.shape, declared)
    return suspicions(file)


def smooth(rng: np.random.Generator) -> np.ndarray:
    """Noise without high frequencies, of standard deviation 1."""
    noise = rng.normal(size=(TRACES, SAMPLES + 8))
    return np.stack([noise[:, lag : lag + SAMPLES] for lag in range(8)]).sum(axis=0) / 8**0.5


def kinds() -> dict[str, np.ndarray]:
    """Sane samples."""
    rng = np.random.default_rng(0)
    shape = (TRACES, SAMPLES)
    gauss, ramp = rng.normal(size=shape), np.linspace(0, 1, SAMPLES) + rng.uniform(0, 0.01, shape)
    seismic = smooth(rng)
    nulls = seismic.copy()
    nulls[:, :60] = 1e30
    return {
        "Gaussian": gauss,
        "smooth": seismic,
        "small": 1e-6 * seismic,
        "large": 1e6 * seismic,
        "larger": 3e9 * seismic,
        "bytes": 30 * seismic,
        "two bytes": 8000 * seismic,
        "sparse": gauss * (rng.random(shape) < 0.01),
        "zeros": np.zeros(shape),
        "constant": np.full(shape, 3.7),
        "masks": rng.integers(0, 2, shape),
        "masks of images": 255 * rng.integers(0, 2, shape),
        "classes": rng.integers(0, 8, shape),
        "classes and none": rng.integers(-1, 8, shape),
        "integers": np.rint(30 * seismic),
        "velocities": 1500 + 3000 * ramp,
        "velocities of water": rng.uniform(1480, 2040, shape),
        "densities": rng.uniform(2.26, 2.7, shape),
        "impedances": rng.uniform(4700, 12_000, shape),
        "probabilities": rng.random(shape),
        "probabilities in bytes": 255 / (1 + np.exp(-12 * np.sin(np.arange(SAMPLES) / 20 + gauss[:, :1]) - gauss / 3)),
        "images": 255 * ramp,
        "sines": 127 * np.sin(np.arange(SAMPLES) / 5 + rng.uniform(0, 6, (TRACES, 1))),
        "nulls": nulls,
        "spikes": seismic * 10.0 ** rng.integers(-6, 6, shape),
    }


SANE = kinds()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", SANE)
def test_sane_samples_are_not_suspected(tmp_path: Path, kind: str, name: str) -> None:
    for order in (">", "<"):
        assert said(tmp_path / "f.sgy", SANE[kind], name, name, order) == ()


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(NAMES), st.floats(-8, 12), st.floats(0, 1), st.floats(-3, 3), st.booleans(), st.integers(0, 2**32)
)
def test_nor_are_others(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    power: float,
    live: float,
    mean: float,
    whole: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    samples = 10.0**power * (smooth(rng) + mean) * (rng.random((TRACES, SAMPLES)) < live)
    samples = np.rint(samples) if whole else samples
    assert said(tmp_path_factory.mktemp("f") / "f.sgy", samples, name, name) == ()


SWAPPED = [
    ("ieee", "ibm", "smooth"),
    ("ibm", "ieee", "smooth"),
    ("ieee", "ibm", "small"),
    ("ibm", "ieee", "small"),
    ("ieee", "ibm", "large"),
    ("ibm", "ieee", "large"),
    ("ibm", "ieee", "spikes"),
    ("ieee", "int32", "two bytes"),
    ("ibm", "int32", "two bytes"),
    ("ieee", "uint32", "two bytes"),
    ("int32", "ieee", "two bytes"),
    ("int32", "ibm", "two bytes"),
    ("ieee", "gain", "smooth"),
    ("ibm", "gain", "smooth"),
    ("float64", "int64", "smooth"),
    ("int64", "float64", "two bytes"),
    ("int16", "uint16", "two bytes"),
    ("int32", "uint32", "two bytes"),
    ("int24", "uint24", "two bytes"),
    ("int8", "uint8", "bytes"),
]


@pytest.mark.parametrize(("made", "declared", "kind"), SWAPPED)
@pytest.mark.parametrize("order", [">", "<"])
def test_wrong_formats_are_told(tmp_path: Path, made: str, declared: str, kind: str, order: ByteOrder) -> None:
    samples = SANE[kind] / 2 if kind == "bytes" else SANE[kind]
    (remark,) = said(tmp_path / "f.sgy", samples, made, declared, order)
    assert remark.endswith(f"pass --sample-format {made}")
    assert format_named(declared).words in remark


def test_unsigned_samples_read_as_signed(tmp_path: Path) -> None:
    for name, middle in (("uint8", 128), ("uint16", 32_768)):
        (remark,) = said(tmp_path / "f.sgy", middle + 10 * SANE["smooth"], name, name[1:])
        assert remark.endswith(f"pass --sample-format {name}")


@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_numbers_cut_to_one_byte(tmp_path: Path, name: str) -> None:
    wrapped = np.rint(SANE["two bytes"]).astype(np.int16).astype(np.uint8).view(name).astype(float)
    (remark,) = said(tmp_path / "f.sgy", wrapped, name, name)
    assert "cut to one byte" in remark


def test_traces_of_different_lengths_are_looked_at(tmp_path: Path) -> None:
    raw, _ = encode(SANE["smooth"].astype(np.float32), FORMATS[5], ">")
    header = bytearray(240)
    parts = [bytes(head(SAMPLES, ">", 1))]
    for number, row in enumerate(raw):
        length = SAMPLES - number % 3
        header[114:116] = length.to_bytes(2, "big")
        parts += [bytes(header), row[:length].tobytes()]
    path = tmp_path / "f.sgy"
    path.write_bytes(b"".join(parts))
    file = open_segy_file(path, None)
    assert file.lengths is not None
    (remark,) = suspicions(file)
    assert remark.endswith("--sample-format ieee")


REAL = {
    "segyio/multiformats/Format4msb.sgy": "ieee",
    "segyio/multiformats/Format8lsb.sgy": "cut to one byte",
    "segyio/multiformats/Format16msb.sgy": "cut to one byte",
    "segyio/multiformats/Format10lsb.sgy": "int32",
    "segyio/multiformats/Format11msb.sgy": "int16",
    "segyio/multiformats/Format15lsb.sgy": "int24",
    # Declared as IBM floats; the text header says that they are IEEE floats.
    "obspy/segy/tests/data/00001034.sgy_first_trace": "ieee",
}


def test_real_files(real_data: Path) -> None:
    for path in [*(real_data / "segy_awkward").rglob("*.*"), *(real_data / "segy_real").rglob("*.sgy")]:
        if path.suffix not in {".sgy", ".su", ".sgy_first_trace"} or path.name == "text.sgy":
            continue
        expected = next((text for name, text in REAL.items() if str(path).endswith(name)), None)
        found = suspicions(open_segy_file(path, None))
        if expected is not None:
            assert expected in found[0], path
        elif "multiformats" not in str(path):
            assert found == (), path
