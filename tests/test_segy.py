"""SEG-Y as a survey: every sample at its labels, whatever the order, format, byte order and gaps of the file."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Window
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions

FORMATS = {1: "IBM", 2: "int32", 3: "int16", 5: "IEEE", 8: "int8"}


def test_every_amplitude_lies_at_its_labels(volume: Path) -> None:
    survey = open_survey(str(volume))
    assert survey.grid.axes == (
        Axis("inline", 4, 2, 4),
        Axis("crossline", 20, 1, 5),
        Axis("sample", 0, 4, 30, "ms"),
    )
    at = tuple(survey.grid.axis(name).position(label) for name, label in (("inline", 4), ("crossline", 20)))
    window = Window((*at, 24), (*(i + 1 for i in at), 25))
    assert survey.read(window).item() == np.float32(4.20024)
    assert np.array_equal(survey.read(survey.grid.whole)[0], encoded(INLINES, CROSSLINES, SAMPLES))


@st.composite
def files(draw: st.DrawFn) -> Traces:
    """Any survey: first lines, steps, sorting, gaps, format, byte order, header bytes."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 9)))
    first = draw(st.tuples(st.integers(-50, 5000), st.integers(-50, 5000)))
    step = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    lines = [range(a, a + n * d, d) for a, n, d in zip(first, shape[:2], step, strict=True)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cube = Traces.of(rng.integers(-128, 128, shape).astype(np.float32), *lines)
    kept = draw(st.sets(st.integers(0, shape[0] * shape[1] - 1), min_size=1))
    traces = cube.picked(draw(st.permutations(sorted(kept))))
    traces.sample_format = draw(st.sampled_from(sorted(FORMATS)))
    traces.endian = draw(st.sampled_from(["big", "little"]))
    traces.places = draw(st.sampled_from([(189, 193), (5, 9), (9, 21), (181, 185)]))
    return traces


@settings(deadline=None, max_examples=80)
@given(files(), st.data())
def test_any_file_is_read_as_what_made_it(
    tmp_path_factory: pytest.TempPathFactory, traces: Traces, data: st.DataObject
) -> None:
    path = traces.write(tmp_path_factory.mktemp("any") / "any.sgy")
    survey = open_survey(str(path), SurveyOptions(iline=traces.places[0], xline=traces.places[1]))
    whole = survey.read(survey.grid.whole)
    expected = np.zeros_like(whole)
    present = np.zeros(survey.grid.lateral, bool)
    for samples, inline, crossline in zip(traces.samples, traces.inlines, traces.crosslines, strict=True):
        at = survey.grid.axes[0].position(inline), survey.grid.axes[1].position(crossline)
        expected[(0, *at)] = samples
        present[at] = True
    assert np.array_equal(whole, expected)
    assert np.array_equal(survey.present, present)
    # The grid is as small as can be: lines with traces at both ends, a step that no coarser one could replace.
    assert all(present.any(axis=other)[[0, -1]].all() for other in (0, 1))
    start = [data.draw(st.integers(0, n - 1)) for n in survey.grid.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, survey.grid.shape, strict=True)]
    window = Window(tuple(start), tuple(stop))
    assert np.array_equal(survey.read(window), whole[(slice(None), *window.slices)])


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("code", "low", "high"),
    [(1, -7e5, 7e5), (2, -(2**24), 2**24), (3, -32768, 32767), (5, -1e30, 1e30), (8, -128, 127)],
    ids=FORMATS.values(),
)
def test_sample_formats_over_their_range(tmp_path: Path, code: int, low: float, high: float, endian: str) -> None:
    values = np.linspace(low, high, 50).astype(np.float32)
    if code not in (1, 5):
        values = np.trunc(values)
    traces = Traces(np.stack([values, values[::-1]]), np.array([1, 1]), np.array([1, 2]), code, endian)
    survey = open_survey(str(traces.write(tmp_path / "f.sgy")))
    # IBM floats keep at least 21 bits.
    np.testing.assert_allclose(survey.read(survey.grid.whole)[0, 0], traces.samples, rtol=2**-20 if code == 1 else 0)


def test_ibm_floats_by_hand(tmp_path: Path) -> None:
    """−118.625 is C276A000 in every textbook; 100 = 0x64 / 256 · 16²; 1 = 1/16 · 16."""
    path = Traces(np.zeros((1, 4)), np.array([1]), np.array([1]), 1).write(tmp_path / "ibm.sgy")
    content = bytearray(path.read_bytes())
    content[3840:] = bytes.fromhex("C276A000 42640000 41100000 00000000")
    path.write_bytes(content)
    survey = open_survey(str(path))
    assert survey.read(survey.grid.whole).ravel().tolist() == [-118.625, 100, 1, 0]


def test_the_format_option_overrides_the_code(tmp_path: Path) -> None:
    traces = Traces(np.full((1, 5), 1.5), np.array([1]), np.array([1]), 5)
    path = traces.write(tmp_path / "f.sgy")
    content = bytearray(path.read_bytes())
    for code in (1, 0):
        content[3224:3226] = struct.pack(">h", code)
        path.write_bytes(content)
        survey = open_survey(str(path), SurveyOptions(sample_format="ieee"))
        assert np.all(survey.read(survey.grid.whole) == 1.5)


def test_a_line_in_file_order(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    line = Traces(samples, np.zeros(6, int), np.zeros(6, int))
    survey = open_survey(str(line.write(tmp_path / "a.sgy")), SurveyOptions(geometry="line"))
    assert survey.grid.axes[0] == Axis("trace", 1, 1, 6)
    assert np.array_equal(survey.read(Window((1, 2), (4, 7)))[0], samples[1:4, 2:7])
    line.places, line.crosslines = (189, 21), np.arange(110, 98, -2)
    survey = open_survey(str(line.write(tmp_path / "b.sgy")), SurveyOptions(geometry="line"))
    assert survey.grid.axes[0] == Axis("trace", 110, -2, 6)


INTERVALS = {
    "binary header": (4000, 0, SurveyOptions(), 4),
    "trace header": (0, 2000, SurveyOptions(), 2),
    "negative binary": (-2, 2000, SurveyOptions(), 2),
    "option": (4000, 4000, SurveyOptions(dt=3), 3),
    "depth": (5000, 0, SurveyOptions(domain="depth"), 5),
}


@pytest.mark.parametrize(("binary", "trace", "options", "step"), INTERVALS.values(), ids=INTERVALS)
def test_sample_interval(tmp_path: Path, binary: int, trace: int, options: SurveyOptions, step: float) -> None:
    traces = Traces(np.ones((1, 5)), np.array([1]), np.array([1]), interval=binary, headers={117: trace})
    axis = open_survey(str(traces.write(tmp_path / "f.sgy")), options).grid.axes[-1]
    assert (axis.step, axis.unit) == (step, "m" if options.domain == "depth" else "ms")


def test_an_interval_that_nothing_tells(tmp_path: Path) -> None:
    traces = Traces(np.ones((1, 5)), np.array([1]), np.array([1]), interval=0)
    with pytest.raises(SurveyError, match=r"no sample interval: 0 in the binary header(.|\n)*--dt"):
        open_survey(str(traces.write(tmp_path / "f.sgy")))


def test_intervals_that_disagree_are_told(tmp_path: Path) -> None:
    traces = Traces(np.ones((1, 5)), np.array([1]), np.array([1]), interval=4000, headers={117: 2000})
    (remark,) = open_survey(str(traces.write(tmp_path / "f.sgy"))).remarks
    assert "4000" in remark
    assert "2000" in remark


@pytest.mark.parametrize(
    ("delay", "scalar", "options", "first"),
    [
        (256, 0, SurveyOptions(), 256),
        (10000, -10, SurveyOptions(), 1000),
        (25, 10, SurveyOptions(), 250),
        (-40, 1, SurveyOptions(), -40),
        (256, 0, SurveyOptions(t0=8), 8),
    ],
)
def test_first_sample(tmp_path: Path, delay: int, scalar: int, options: SurveyOptions, first: float) -> None:
    traces = Traces(np.ones((1, 5)), np.array([1]), np.array([1]), headers={109: delay, 215: scalar})
    assert open_survey(str(traces.write(tmp_path / "f.sgy")), options).grid.axes[-1].first == first


HINTS = {
    "nothing": ({}, "time", "assumed"),
    "Petrel, time": ({9: "Time min: -3402.00 max: -2.00", 30: "Trace start time/depth: bytes 109-110"}, "time", "C9"),
    "Petrel, depth": ({9: "Depth min: -4502.00 max: -2.00", 30: "Trace start time/depth"}, "depth", "C9"),
    "milliseconds": ({3: "SAMPLE INTERVAL 4 MS"}, "time", "C3"),
    "two-way time": ({3: "TWT"}, "time", "C3"),
    "depth elsewhere": ({3: "WATER DEPTH 120 M", 4: "CABLE DEPTH 7 M"}, "time", "assumed"),
    "migrated in depth, stretched to time": ({3: "PRESTACK DEPTH MIGRATION", 4: "IN TIME"}, "time", "C4"),
    "both": ({3: "TIME", 4: "DEPTH"}, "time", "assumed"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name", "source"), HINTS.values(), ids=HINTS)
def test_domain_by_the_text_header(tmp_path: Path, text: dict[int, str], name: str, source: str) -> None:
    path = Traces(np.ones((1, 5)), np.array([1]), np.array([1]), text=text).write(tmp_path / "f.sgy")
    domain = open_survey(str(path)).domain
    assert domain.name == name
    assert domain.source.endswith(source)
    assert open_survey(str(path), SurveyOptions(domain="depth")).domain.source == "--domain"


def test_gaps_are_told(tmp_path: Path) -> None:
    cube = Traces.of(encoded(INLINES, CROSSLINES, 9), INLINES, CROSSLINES)
    survey = open_survey(str(cube.picked(range(1, 20)).write(tmp_path / "f.sgy")))
    assert "1 of 20" in survey.remarks[0]
    assert not survey.present[0, 0]
    assert not survey.read(Window((0, 0, 0), (1, 1, 9))).any()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "short": (lambda path: path.write_bytes(b"C" * 100), r"is too short \(100 bytes\)"),
    "headers only": (lambda path: path.write_bytes(path.read_bytes()[:3600]), "holds no traces"),
    "text": (lambda path: path.write_text("no survey at all\n" * 999), "no SEG-Y file"),
    "missing": (lambda path: path.unlink(), "no such file"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_files_that_cannot_be_read(
    volume: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "bad.sgy"
    path.write_bytes(volume.read_bytes())
    damage(path)
    with pytest.raises(SurveyError, match=message):
        open_survey(str(path))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3599), st.integers(0, 255))
def test_a_flipped_byte_of_the_head_is_survived(
    volume: Path, tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "f.sgy"
    content = bytearray(volume.read_bytes())
    content[at] = value
    path.write_bytes(content)
    try:
        survey = open_survey(str(path))
    except SurveyError:
        return
    assert survey.read(survey.grid.whole).shape[1:] == survey.grid.shape


def test_constant_line_numbers_bring_other_bytes(volume: Path) -> None:
    with pytest.raises(SurveyError, match=r"all 20 traces .* inline 0 and crossline 0 at bytes 5 and 9") as caught:
        open_survey(str(volume), SurveyOptions(iline=5, xline=9))
    assert "bytes 189 and 193 would give 4 × 5 lines: pass --iline 189 --xline 193" in str(caught.value)
    assert "--geometry line" in str(caught.value)


def test_a_cut_off_tail_is_read_as_far_as_it_is_whole(volume: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.sgy"
    path.write_bytes(volume.read_bytes()[:-100])
    survey, whole = open_survey(str(path)), open_survey(str(volume))
    assert survey.grid == whole.grid
    assert np.argwhere(~survey.present).tolist() == [[3, 4]]
    expected = whole.read(whole.grid.whole)
    expected[0, 3, 4] = 0
    assert np.array_equal(survey.read(survey.grid.whole), expected)
    assert "260 of its 10,700 bytes, from byte 10,440 on" in survey.remarks[0]


READ = {"first": (1, 2), "last": (5, 6), "mean": (3, 4)}


@pytest.mark.parametrize(("policy", "amplitudes"), READ.items())
def test_duplicates_are_read_as_asked(tmp_path: Path, policy: str, amplitudes: tuple[float, float]) -> None:
    cube = Traces.of(encoded(INLINES, CROSSLINES, 9), INLINES, CROSSLINES)
    traces = cube.picked([0, 1, 2, 3, 1, 2])
    traces.samples = np.repeat(np.array([0, 1, 2, 9, 5, 6], np.float32)[:, None], 9, axis=1)
    path = str(traces.write(tmp_path / "f.sgy"))
    survey = open_survey(path, SurveyOptions(duplicates=policy))
    found = survey.read(survey.grid.whole)[0, 0]
    assert np.array_equal(found, np.repeat(np.array([0, *amplitudes, 9])[:, None], 9, axis=1))
    assert survey.read(Window((0, 1, 3), (1, 2, 4))).item() == amplitudes[0]
    assert survey.read(Window((0, 3, 3), (1, 4, 4))).item() == 9
    assert "2 of 6 traces share inline and crossline" in str(survey.remarks)
    with pytest.raises(SurveyError, match=r"traces 2 and 5 \(inline 4, crossline 21\)"):
        open_survey(path, SurveyOptions(duplicates="error"))


@pytest.mark.parametrize("wrong", [2**31 - 1, 70_000, -(2**31)])
def test_a_wild_line_number_does_not_blow_up_the_grid(tmp_path: Path, wrong: int) -> None:
    lines = range(100, 140)
    cube = Traces.of(encoded(lines, lines, 3), lines, lines)
    cube.inlines[77] = wrong
    path = cube.write(tmp_path / "f.sgy")
    tracemalloc.start()
    with pytest.raises(SurveyError, match=rf"far from the others: inline {wrong} \(trace 78\)"):
        open_survey(str(path))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_header_bytes_outside_the_header(volume: Path) -> None:
    with pytest.raises(SurveyError, match=r"--xline 239(.|\n)*1 to 237"):
        open_survey(str(volume), SurveyOptions(xline=239))


def test_only_what_a_window_needs_is_read(tmp_path: Path) -> None:
    lines = range(100)
    cube = Traces.of(np.zeros((100, 100, 500), np.float32), lines, lines)
    survey = open_survey(str(cube.write(tmp_path / "f.sgy")))
    window = Window((40, 40, 100), (60, 60, 200))
    tracemalloc.start()
    survey.read(window)
    assert tracemalloc.get_traced_memory()[1] < 8 * 4 * window.size < 20_000_000
    tracemalloc.stop()


def test_a_pickled_survey_carries_no_samples(volume: Path) -> None:
    survey = open_survey(str(volume))
    before = survey.read(survey.grid.whole)
    pickled = pickle.dumps(survey)
    assert len(pickled) < 8000
    assert np.array_equal(pickle.loads(pickled).read(survey.grid.whole), before)


TURNED = {
    "normal": (0, 10), "acute": (45, 0.02**0.5), "right": (90, 1), "obtuse": (135, 8**0.5), "straight": (180, 1 / 7),
    "reflex": (225, 98**0.5), "left": (270, 21), "inv-acute": (315, 20_000**0.5),
}  # fmt: skip
"""Azimuth and bin size of segyio's turned surveys: each has another coordinate scalar."""


@pytest.mark.parametrize(("name", "azimuth", "size"), [(name, *truth) for name, truth in TURNED.items()])
def test_bins_of_turned_surveys(real_data: Path, name: str, azimuth: float, size: float) -> None:
    bins = open_survey(str(real_data / f"segy_awkward/segyio/{name}-small.sgy")).bins
    assert (bins.azimuth - azimuth + 180) % 360 == pytest.approx(180, abs=1e-6)
    assert bins.size == pytest.approx((size, size))
    assert bins.right_handed
    assert bins.misfit < 1e-6 * size


REFUSED = {
    "text": "holds no traces",
    "decrement": r"delays .* range from 1.05458e\+09",
    "interval-neg-bin-neg-trace": "no sample interval",
    "long": "spread over",
}


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_awkward_files_that_are_refused(real_data: Path, name: str, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        open_survey(str(real_data / f"segy_awkward/segyio/{name}.sgy"))


PLAIN = ["small", "small-lsb", "f3", "f3-lsb", "tiny", "delay-scalar", "小文件", "left-small", "stanzas-known-count",
         "text-embed-null", "mapping-default"]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_awkward_files_against_segyio(real_data: Path, name: str) -> None:
    path = real_data / f"segy_awkward/segyio/{name}.sgy"
    survey = open_survey(str(path))
    endian = "little" if name.endswith("lsb") else "big"
    with segyio.open(str(path), endian=endian, ignore_geometry=True) as file:
        for number, (samples, header) in enumerate(zip(file.trace, file.header, strict=True)):
            inline, crossline = header[segyio.TraceField.INLINE_3D], header[segyio.TraceField.CROSSLINE_3D]
            i, x = survey.grid.axes[0].position(inline), survey.grid.axes[1].position(crossline)
            window = Window((i, x, 0), (i + 1, x + 1, survey.grid.shape[-1]))
            assert np.array_equal(survey.read(window)[0, 0, 0], samples), number


@pytest.mark.parametrize(
    ("name", "twin"),
    [("stanzas-unknown-count", "tiny"), ("trace-header-extension1", "tiny"), ("rotated-small-rev2", "small")],
)
def test_awkward_files_that_segyio_refuses(real_data: Path, name: str, twin: str) -> None:
    surveys = [open_survey(str(real_data / f"segy_awkward/segyio/{each}.sgy")) for each in (name, twin)]
    assert surveys[0].grid == surveys[1].grid
    assert np.array_equal(*(survey.read(survey.grid.whole) for survey in surveys))


@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 7, 9])
def test_one_cube_in_many_formats(real_data: Path, code: int) -> None:
    cubes = [
        open_survey(str(real_data / f"segy_awkward/segyio/multiformats/Format{each}sb.sgy"))
        for each in (f"{code}m", f"{code}l", "5m")
    ]
    first, *others = (cube.read(cube.grid.whole) for cube in cubes)
    for other in others:
        assert np.array_equal(first, other)


def test_parihaka(real_data: Path) -> None:
    survey = open_survey(str(real_data / "parihaka/parihaka_seismic.sgy"))
    assert str(survey.grid) == (
        "inline 1384 to 1511 by 1 (128), crossline 2220 to 2475 by 1 (256), sample 256 to 1020 ms by 4 (192)"
    )
    assert survey.bins.size == pytest.approx((12.5, 12.5))
    with segyio.open(str(real_data / "parihaka/parihaka_seismic.sgy")) as file:
        assert np.array_equal(survey.read(Window((7, 0, 0), (8, 256, 192)))[0, 0], file.iline[1391])


def test_volve_in_time_and_in_depth(real_data: Path) -> None:
    folder = real_data / "segy_real/volve"
    line = SurveyOptions(geometry="line")
    in_time = open_survey(str(folder / "examples/data/volve10r12-full-twt-arb.sgy"), line)
    in_depth = open_survey(str(folder / "tests/test-data-volve/volve10r12-full-z-il10117sub.sgy"), line)
    assert (in_time.domain.name, in_time.grid.axes[-1].unit, in_time.grid.axes[-1].last) == ("time", "ms", 3400)
    assert (in_depth.domain.name, in_depth.grid.axes[-1].unit, in_depth.grid.axes[-1].last) == ("depth", "m", 4500)
