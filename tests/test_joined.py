"""A survey in several files equals the survey in one, however it was cut."""

from __future__ import annotations

import pickle
import resource
from pathlib import Path

import h5py
import numpy as np
import pytest
import segyio
from arrays import ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import CROSSLINES, INLINES, SAMPLES, Traces, encoded

from geocnn.errors import SurveyError
from geocnn.grid import Axis, Grid, Window
from geocnn.survey.creating import create_survey
from geocnn.survey.joined import JoinedSurvey
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.survey import NewSurvey

CUBE = encoded(INLINES, CROSSLINES, SAMPLES)


def part(samples: np.ndarray, lines: tuple[Axis, Axis], name: str = "part") -> ArraySurvey:
    """Samples (I, X, S) at such lines; traces of zeros are absent."""
    survey = ArraySurvey(samples[None], name)
    survey.grid = Grid((*lines, survey.grid.axes[-1]))
    return survey


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_cut_reads_as_the_whole(data: st.DataObject) -> None:
    """Boxes with steps, whose traces are given to one file each, at random."""
    shape = tuple(data.draw(st.integers(1, 7), label=name) for name in ("inlines", "crosslines", "samples"))
    step = data.draw(st.sampled_from([1.0, 2.0, -1.0, 0.5]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cube = rng.uniform(1, 2, shape).astype(np.float32)
    files = data.draw(st.integers(1, 4))
    owners = rng.integers(-1, files, shape[:2])
    surveys = []
    for number in range(files):
        at = np.argwhere(owners == number)
        if not at.size:
            continue
        axes, picks = [], []
        for k, name in enumerate(("inline", "crossline")):
            places = np.unique(at[:, k])
            stride = int(np.gcd.reduce(np.diff(places))) if places.size > 1 else 1
            picks.append(np.arange(places[0], places[-1] + 1, stride))
            # The step of a single line is not known: readers say 1.
            own = step * stride if places.size > 1 else 1.0
            axes.append(Axis(name, 100 + step * float(places[0]), own, len(picks[-1])))
        held = np.where((owners == number)[..., None], cube, 0)[np.ix_(*picks)]
        surveys.append(part(held, (axes[0], axes[1]), f"file {number}"))
    if not surveys:
        return
    joined = JoinedSurvey(surveys)
    expected = np.where((owners >= 0)[..., None], cube, 0)
    positions = [[round((axis.label(i) - 100) / step) for i in range(axis.size)] for axis in joined.grid.axes[:2]]
    whole = expected[np.ix_(*positions)]
    # Positions between the files' own lines are on no file.
    present = (owners >= 0)[np.ix_(*positions)]
    assert np.array_equal(joined.read(joined.grid.whole)[0], whole)
    assert np.array_equal(joined.present, present)
    start = [data.draw(st.integers(0, n - 1)) for n in joined.grid.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, joined.grid.shape, strict=True)]
    window = Window(tuple(start), tuple(stop))
    assert np.array_equal(joined.read(window)[0], whole[window.slices])


def inline_files(folder: Path, lines: tuple[int, ...] = INLINES) -> list[str]:
    return [
        str(Traces.of(encoded([line], CROSSLINES, SAMPLES), [line], CROSSLINES).write(folder / f"{line}.sgy"))
        for line in lines
    ]


def test_one_inline_a_file_in_any_order(tmp_path: Path) -> None:
    names = inline_files(tmp_path)
    survey = open_survey(names[::-1])
    assert isinstance(survey, JoinedSurvey)
    assert survey.grid.axes[0] == Axis("inline", 4, 2, 4)
    assert [each.name for each in survey.surveys] == names
    assert survey.windows[1] == Window((1, 0, 0), (2, 5, 30))
    assert np.array_equal(survey.read(survey.grid.whole)[0], CUBE)
    assert survey.description["files"] == "4, each of 5 positions"
    assert survey.name == f"{names[0]} and 3 more"
    assert len(pickle.dumps(survey)) < 60_000


def test_gaps_are_missing_traces(tmp_path: Path) -> None:
    survey = open_survey(inline_files(tmp_path, (4, 6, 12)))
    assert survey.present.all(axis=1).tolist() == [True, True, False, False, True]
    assert not survey.read(Window((2, 0, 0), (4, 5, 30))).any()
    assert any("10 of 25 grid positions (40.0 %) are in no file" in remark for remark in survey.remarks)


def test_interleaved_files(volume: Path, tmp_path: Path) -> None:
    odd = (5, 7, 9, 11)
    other = Traces.of(encoded(odd, CROSSLINES, SAMPLES), odd, CROSSLINES).write(tmp_path / "b.sgy")
    survey = open_survey([str(volume), str(other)])
    assert np.array_equal(survey.read(survey.grid.whole)[0], encoded(range(4, 12), CROSSLINES, SAMPLES))


def test_only_the_files_that_are_touched_are_read(tmp_path: Path) -> None:
    survey = open_survey(inline_files(tmp_path))
    (tmp_path / "10.sgy").unlink()
    assert np.array_equal(survey.read(Window((0, 0, 0), (3, 5, 30)))[0], CUBE[:3])
    assert [p.number for p in survey.parts(Window((1, 1, 2), (3, 2, 3)))] == [1, 2]  # type: ignore[attr-defined]


def test_coordinates_of_all_files(tmp_path: Path) -> None:
    for name in inline_files(tmp_path):
        with segyio.open(name, "r+", ignore_geometry=True) as file:
            for header in file.header:
                header.update({181: 1000 * header[189], 185: 50 * header[193]})
    coordinates = open_survey(str(tmp_path)).coordinates
    assert coordinates is not None
    assert coordinates[0, :, 2].tolist() == [4000, 6000, 8000, 10000]
    assert coordinates[1, 3].tolist() == [1000, 1050, 1100, 1150, 1200]


def test_more_files_than_a_process_may_have_open(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for line in range(150):
        with h5py.File(tmp_path / f"{line:03}.h5", "w") as file:
            file["data"] = np.full((1, 2, 3), line, np.float32)
            file["inline"] = [line]
            file["crossline"] = [1, 2]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 90, limits[1]))
    try:
        survey = open_survey(str(tmp_path))
        for _ in range(2):
            assert survey.read(survey.grid.whole)[0, :, 0, 0].tolist() == list(range(150))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_joined_surveys_are_stacked_like_any(tmp_path: Path, volume: Path) -> None:
    (tmp_path / "lines").mkdir()
    inline_files(tmp_path / "lines")
    joined = open_survey(str(tmp_path / "lines"))
    with create_survey(str(tmp_path / "a.h5"), NewSurvey(joined.grid, joined.domain), like=joined) as writer:
        writer.write(joined.grid.whole, -joined.read(joined.grid.whole))
        writer.commit()
    survey = open_survey([str(volume), str(tmp_path / "a.h5")])
    assert np.array_equal(survey.read(survey.grid.whole), [CUBE, -CUBE])


def lines(first: int, step: int = 1, size: int = 2) -> Axis:
    return Axis("inline", first, step, size)


CROSS = Axis("crossline", 1, 1, 2)

FAULTS = {
    "share traces": (
        (lines(1), lines(2)),
        r"part 0 and part 1 cover different parts, and share 2 of 4 positions, the ",
    ),
    "another lattice": ((lines(1), Axis("inline", 4.0005, 1, 2)), "do not fall on the same inline positions"),
    "against one another": ((lines(1), lines(9, -1)), "all ascending or all descending"),
    "far away": ((lines(1), lines(3), lines(90_001)), r"furthest from the others: part 2 \(inline 90001 to 90002"),
}


@pytest.mark.parametrize(("axes", "message"), FAULTS.values(), ids=FAULTS)
def test_files_that_are_not_of_one_survey(axes: tuple[Axis, ...], message: str) -> None:
    surveys = [part(np.ones((2, 2, 3)), (axis, CROSS), f"part {number}") for number, axis in enumerate(axes)]
    with pytest.raises(SurveyError, match=message):
        JoinedSurvey(surveys)


def test_files_with_other_samples_or_channels() -> None:
    surveys = [part(np.ones((2, 2, size)), (lines(first), CROSS)) for first, size in ((1, 3), (3, 4))]
    with pytest.raises(SurveyError, match="different parts of the sample axis"):
        JoinedSurvey(surveys)
    other = ArraySurvey(np.ones((2, 2, 2, 3)))
    with pytest.raises(SurveyError, match="different axes or channels"):
        JoinedSurvey([surveys[0], other])


def test_remarks_are_few(tmp_path: Path) -> None:
    surveys = [part(np.ones((1, 2, 3)), (lines(n, size=1), CROSS), f"part {n}") for n in range(20)]
    for number, survey in enumerate(surveys):
        survey.remarks = ("all say this", f"only {number} says this")
    remarks = JoinedSurvey(surveys).remarks
    assert remarks[0] == "all say this"
    assert "13 more remarks on single files" in remarks
    assert len(remarks) == 9


def test_real_inlines_one_by_one(real_data: Path, tmp_path: Path) -> None:
    whole = open_survey(str(real_data / "parihaka/parihaka_seismic.sgy"))
    inlines = whole.read(Window((5, 0, 0), (9, 256, 192)))[0]
    for number, inline in enumerate(inlines):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["data"] = inline[None]
            file["inline"] = [whole.grid.axes[0].label(5 + number)]
            file["crossline"] = 2220 + np.arange(256)
            file["sample_ms"] = whole.grid.axes[-1].first + np.arange(192) * 4.0
    survey = open_survey(str(tmp_path), SurveyOptions())
    assert survey.grid == whole.grid.part(Window((5, 0, 0), (9, 256, 192)))
    assert np.array_equal(survey.read(survey.grid.whole)[0], inlines)
