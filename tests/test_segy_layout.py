"""Where things lie in SEG-Y and Seismic Unix files, whatever their headers claim."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import SurveyError
from geocnn.survey.options import Place
from geocnn.survey.segy.formats import ByteOrder, decode
from geocnn.survey.segy.layout import open_segy_file
from geocnn.survey.segy.segy_file import SegyFile

INTERVAL = 4000


def put(content: bytearray, byte: int, value: float, kind: str = ">h") -> None:
    """Put a field at its first byte, counted from 1."""
    struct.pack_into(kind, content, byte - 1, value)


def head(samples: int, order: ByteOrder = ">", code: int = 5) -> bytearray:
    """A text and a binary header."""
    content = bytearray(b"C 1 test".ljust(3200) + bytes(400))
    for byte, value in ((3217, INTERVAL), (3221, samples), (3225, code)):
        put(content, byte, value, f"{order}H")
    return content


def trace(samples: Sequence[float], order: ByteOrder = ">", inline: int = 0) -> bytes:
    """A trace of IEEE floats whose header tells its length."""
    header = bytearray(240)
    put(header, 115, len(samples), f"{order}H")
    put(header, 117, INTERVAL, f"{order}H")
    put(header, 189, inline, f"{order}i")
    return bytes(header) + np.array(samples, f"{order}f4").tobytes()


def samples_of(file: SegyFile) -> list[list[float]]:
    """The samples of all traces, each as long as it is."""
    if file.offsets is None or file.lengths is None:
        return decode(file.map()["samples"], file.sample_format, file.order).tolist()
    content = file.path.read_bytes()
    return [
        np.frombuffer(content, f"{file.order}f4", length, at + file.header).tolist()
        for at, length in zip(file.offsets.tolist(), file.lengths.tolist(), strict=True)
    ]


def written(path: Path, *parts: bytes) -> SegyFile:
    path.write_bytes(b"".join(parts))
    return open_segy_file(path, None)


def test_a_cut_off_tail_is_left_out_and_told(volume: Path, tmp_path: Path) -> None:
    whole = open_segy_file(volume, None)
    for cut in (1, 100, 120, 359):
        path = tmp_path / f"{cut}.sgy"
        file = written(path, volume.read_bytes()[:-cut])
        assert (file.traces, file.samples, file.trailing) == (19, 30, 360 - cut)
        assert file.end == 3600 + 19 * 360
        assert f"{360 - cut:,} of its {10_800 - cut:,} bytes, from byte 10,440 on" in file.remarks[0]
        assert "19 before were read" in file.remarks[0]
        assert samples_of(file) == samples_of(whole)[:19]


def test_nothing_is_odd_in_a_plain_file(volume: Path) -> None:
    file = open_segy_file(volume, None)
    assert (file.remarks, file.trailing, file.offsets, file.lengths, file.su) == ((), 0, None, None, False)
    assert file.text[0].startswith("C 1")
    assert file.extended == ()


def test_a_wrong_format_is_no_cut_off_file(volume: Path, tmp_path: Path) -> None:
    for code in (3, 7):
        content = bytearray(volume.read_bytes())
        put(content, 3225, code)
        with pytest.raises(SurveyError, match=r"no trace headers(.|\n)*of ibm, int32.*(.|\n)*--sample-format"):
            written(tmp_path / "f.sgy", content)


@st.composite
def lengths_and_ends(draw: st.DrawFn) -> tuple[list[int], int, ByteOrder]:
    """Lengths of traces, not all the same, bytes of the last that are missing, and a byte order."""
    lengths = draw(st.lists(st.integers(1, 40), min_size=4, max_size=30).filter(lambda some: len(set(some[:-1])) > 1))
    return lengths, draw(st.integers(0, 1)) * draw(st.integers(1, 4 * lengths[-1])), draw(st.sampled_from([">", "<"]))


@settings(deadline=None)
@given(lengths_and_ends(), st.sampled_from(["sgy", "su"]))
def test_traces_of_different_lengths(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[list[int], int, ByteOrder], suffix: str
) -> None:
    lengths, missing, order = made
    rows = [[float(1000 * number + sample) for sample in range(size)] for number, size in enumerate(lengths)]
    content = b"".join(trace(row, order, inline=7 * number) for number, row in enumerate(rows))
    # What happens to end with a whole trace of the longest length is one of that length.
    assume(not missing or (len(content) - missing) % (240 + 4 * max(lengths)))
    path = tmp_path_factory.mktemp("f") / f"f.{suffix}"
    front = bytes(head(max(lengths), order)) if suffix == "sgy" else b""
    file = written(path, front, content[: len(content) - missing])
    kept = len(rows) - (missing > 0)
    assert file.su == (suffix == "su")
    assert samples_of(file) == rows[:kept]
    assert (file.traces, file.samples, file.order) == (kept, max(lengths[:kept]), order)
    assert file.end == len(front) + sum(240 + 4 * length for length in lengths[:kept])
    assert file.trailing == (240 + 4 * lengths[-1] - missing if missing else 0)
    assert "differ in length" in file.remarks[0]
    inlines, counts = file.fields(Place(189), Place(115, "u2"))
    assert inlines.tolist() == [7 * number for number in range(kept)]
    assert counts.tolist() == lengths[:kept]
    assert file.fields(Place(189), every=2)[0].tolist() == inlines[::2].tolist()


def test_lengths_that_add_up_to_those_of_equal_traces(tmp_path: Path) -> None:
    rows = [[1.0] * size for size in (10, 10, 4, 16, 10)]
    file = written(tmp_path / "f.sgy", head(10), *map(trace, rows))
    assert file.lengths is not None
    assert file.lengths.tolist() == [10, 10, 4, 16, 10]


def test_a_shorter_last_trace_is_not_cut_off(tmp_path: Path) -> None:
    file = written(tmp_path / "f.sgy", head(10), *[trace([1.0] * 10)] * 30, trace([2.0] * 6))
    assert file.trailing == 0
    assert file.lengths is not None
    assert file.lengths.tolist() == [10] * 30 + [6]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("suffix", ["su", "sgy", "dat"])
def test_seismic_unix(tmp_path: Path, order: ByteOrder, suffix: str) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 9)).astype(np.float32)
    content = b"".join(trace(row, order, inline=number) for number, row in enumerate(rows))
    file = written(tmp_path / f"f.{suffix}", content)
    assert file.su
    assert (file.order, file.start, file.text, file.extended, file.binary(3217)) == (order, 0, (), (), 0)
    assert file.words == f"Seismic Unix, 4-byte IEEE float, {'big' if order == '>' else 'little'}-endian"
    assert samples_of(file) == rows.tolist()
    assert file.fields(Place(117, "i2"))[0].tolist() == [INTERVAL] * 6
    assert file.remarks == ()
    cut = written(tmp_path / "f.su", content[:-10])
    assert (cut.traces, cut.trailing) == (5, 266)
    assert "cut off" in cut.remarks[0]


def test_seismic_unix_of_another_sample_format(tmp_path: Path) -> None:
    header = bytearray(240)
    put(header, 115, 3, "<H")
    path = tmp_path / "f.su"
    path.write_bytes((bytes(header) + struct.pack("<3h", 1, -2, 3)) * 4)
    file = open_segy_file(path, "int16")
    assert samples_of(file) == [[1, -2, 3]] * 4


def test_fields_of_every_kind(tmp_path: Path) -> None:
    header = bytearray(240)
    for byte, kind, value in ((189, ">i", -70_000), (193, ">h", -2), (195, ">H", 65_000), (197, ">f", 0.1)):
        put(header, byte, value, kind)
    header[200:204] = bytes.fromhex("C276A000")
    content = [bytes(header) + bytes(20)] * 3
    file = written(tmp_path / "f.sgy", head(5), *content)
    places = [Place(189), Place(193, "i2"), Place(195, "u2"), Place(197, "f4"), Place(201, "ibm")]
    found = file.fields(*places)
    assert [values.tolist() for values in found] == [
        [value] * 3 for value in (-70_000, -2, 65_000, float(np.float32(0.1)), -118.625)
    ]
    assert [values.dtype for values in found] == [np.int64] * 3 + [np.float64] * 2
    assert file.first(Place(201, "ibm")) == -118
    assert [len(values) for values in file.fields(*places, every=2)] == [2] * 5


def revision_2(content: bytearray, **fields: float) -> bytearray:
    """The volume's content with fields of revision 2."""
    places = {"ended": (3297, ">I"), "samples": (3269, ">i"), "traces": (3513, ">q"), "first": (3521, ">Q"),
              "trailers": (3529, ">i"), "extensions": (3507, ">h"), "texts": (3505, ">h"),
              "few": (3221, ">h")}  # fmt: skip
    content[3500:3502] = b"\2\1"
    for name, value in fields.items():
        put(content, places[name][0], value, places[name][1])
    return content


CLAIMS: dict[str, dict[str, float]] = {
    "samples": {"samples": 30, "few": 0},
    "wrong samples": {"samples": 2**31 - 1},
    "negative samples": {"samples": -5},
    "traces": {"traces": 2**62},
    "first trace": {"first": 2**63},
    "first trace in the head": {"first": 17},
    "trailers": {"trailers": 2**31 - 1},
    "unknown trailers": {"trailers": -1},
    "extensions": {"extensions": 32_767},
    "few extensions": {"extensions": 3},
    "texts": {"texts": 32_767},
    "few texts": {"texts": 2},
    "unknown texts": {"texts": -1},
    "negative texts": {"texts": -7},
    "order": {"ended": 0x01020304},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_what_is_claimed_is_held_against_the_file(volume: Path, tmp_path: Path, claims: dict[str, float]) -> None:
    content = revision_2(bytearray(volume.read_bytes()), **claims)
    started = time.perf_counter()
    file = written(tmp_path / "f.sgy", content)
    assert time.perf_counter() - started < 1
    assert (file.start, file.header, file.samples, file.traces, file.trailing) == (3600, 240, 30, 20, 0)
    assert np.array_equal(
        np.array(samples_of(file), np.float32).reshape(4, 5, 30), encoded(INLINES, CROSSLINES, SAMPLES)
    )


def test_extended_texts_and_trailers(volume: Path, tmp_path: Path) -> None:
    content = revision_2(bytearray(volume.read_bytes()), texts=2, trailers=1)
    texts = ["one".ljust(3200), "two".ljust(3200)]
    parts = [content[:3600], *[text.encode("cp037") for text in texts], content[3600:], b" " * 3200]
    file = written(tmp_path / "f.sgy", *parts)
    assert (file.start, file.traces, file.trailing, file.remarks) == (10_000, 20, 0, ())
    assert [line for line in file.extended if line] == ["one", "two"]
    assert len(file.extended) == 80
    content = revision_2(bytearray(volume.read_bytes()), first=3600 + 512)
    assert written(tmp_path / "g.sgy", content[:3600], bytes(512), content[3600:]).start == 4112


@pytest.mark.parametrize("constant", ["02010403", "03040102"])
def test_bytes_swapped_in_pairs(volume: Path, tmp_path: Path, constant: str) -> None:
    content = revision_2(bytearray(volume.read_bytes()), ended=int(constant, 16))
    with pytest.raises(SurveyError, match=r"swapped in pairs.*3297-3300"):
        written(tmp_path / "f.sgy", content)


def test_a_byte_order_that_no_code_tells(tmp_path: Path) -> None:
    cube = Traces.of(encoded(INLINES, CROSSLINES, 9), INLINES, CROSSLINES)
    cube.endian = "little"
    path = cube.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    content[3224:3226] = b"\0\0"
    path.write_bytes(content)
    file = open_segy_file(path, "ieee")
    assert file.order == "<"
    assert any("little-endian fits" in remark for remark in file.remarks)
    with pytest.raises(SurveyError, match="format code 0"):
        open_segy_file(path, None)


def test_sample_counts_that_disagree_are_told(tmp_path: Path) -> None:
    cube = Traces.of(encoded(INLINES, CROSSLINES, 9), INLINES, CROSSLINES)
    cube.headers = {115: 462}
    file = open_segy_file(cube.write(tmp_path / "f.sgy"), None)
    assert file.samples == 9
    assert "462 samples, but 9 fit" in file.remarks[0]


UNREADABLE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", r"is empty \(0 bytes\)"),
    "no traces": (lambda content: content[:3600], "holds no traces"),
    "less than a trace": (lambda content: content[:3900], r"no whole trace: of 360 bytes \(30 samples\) there are 300"),
    "noise": (lambda content: np.random.default_rng(0).bytes(9999), "no SEG-Y file"),
    "noise after the head": (
        lambda content: content[:3600] + np.random.default_rng(1).bytes(99_999),
        "no trace headers",
    ),
}


@pytest.mark.parametrize(("damage", "message"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("suffix", ["sgy", "su"])
def test_what_is_refused(
    volume: Path, tmp_path: Path, damage: Callable[[bytes], bytes], message: str, suffix: str
) -> None:
    with pytest.raises(SurveyError, match=message):
        written(tmp_path / f"f.{suffix}", damage(volume.read_bytes()))


REAL_REFUSED = {"/text.sgy": "holds no traces", ".seg2": "no SEG-Y", ".gz": "no SEG-Y"}


def test_all_real_files_open_or_are_refused_in_words(real_data: Path) -> None:
    files = [path for name in ("segy_awkward", "segy_real") for path in (real_data / name).rglob("*")]
    files = [path for path in files if path.is_file() and path.suffix not in {".npy", ".txt", ".md", ".asc", ""}]
    assert len(files) > 100
    for path in files:
        refused = next((why for end, why in REAL_REFUSED.items() if str(path).endswith(end)), None)
        if refused is not None:
            with pytest.raises(SurveyError, match=refused):
                open_segy_file(path, None)
            continue
        file = open_segy_file(path, None)
        assert file.traces > 0, path
        assert (file.trailing > 0) == (path.name == "broken.sgy"), path
        expected = path.with_name(path.name + ".npy")
        if expected.exists():
            assert np.array_equal(np.ravel(samples_of(file)), np.load(expected).ravel()), path
