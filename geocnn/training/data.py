"""What a run learns from and is validated on, and what was found out about it; the findings stay with the run."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geocnn.augment import Augmentation
from geocnn.census import Census, census
from geocnn.config import Config
from geocnn.errors import RunError
from geocnn.grid import Grid, Window
from geocnn.model import normalised
from geocnn.normalise import NormalisedSurvey
from geocnn.output import output_error, whole_file
from geocnn.patches import Part, Stream
from geocnn.preflight import Preflight
from geocnn.progress import Work
from geocnn.records import listed
from geocnn.settings import SyntheticConfig
from geocnn.survey.creating import names_of
from geocnn.survey.files import state_of_file
from geocnn.survey.labelled import LabelledSurvey
from geocnn.survey.memory import MemorySurvey
from geocnn.survey.scan import Scan, scan
from geocnn.survey.statistics import Statistics
from geocnn.survey.survey import Domain
from geocnn.survey_patches import Source, SurveyPatches
from geocnn.world_patches import WorldPatches

__all__ = ["Data", "Findings", "Held", "assemble", "files_of", "grids_of", "lacking", "look"]

FILE = "findings.npz"

SAMPLED = 8
"""Worlds of each recipe that are looked at where there is no survey."""


@dataclass(frozen=True)
class Findings:
    """What one look at all surveys of a run found.

    Parameters
    ----------
    files
        The state of each file (see `state_of_file`), by its name.
    scans
        One for each different image, in the order of training, then validation, then some worlds where no survey is
        trained on; without samples and curves.
    trained, held
        Labels by class, of each training window in cells of a patch, and of each validation window in lines along its
        first axis.
    """

    files: Mapping[str, str]
    scans: tuple[Scan, ...]
    trained: tuple[Census, ...]
    held: tuple[Census, ...]

    def save(self, folder: Path) -> None:
        """Write the findings into a run's folder of data.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for number, each in enumerate(self.scans):
            arrays |= {f"first-{number}": each.first, f"stop-{number}": each.stop}
        for name, found in (("trained", self.trained), ("held", self.held)):
            arrays |= {f"{name}-{number}": each.counts for number, each in enumerate(found)}
        told = {
            "files": dict(self.files),
            "scans": [_plain(each) for each in self.scans],
            "trained": [_box(each) for each in self.trained],
            "held": [_box(each) for each in self.held],
        }
        content = io.BytesIO()
        np.savez(content, **{"told": np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays})  # type: ignore[arg-type]
        view = content.getbuffer()
        path = folder / FILE
        with whole_file(path, overwrite=True) as temporary:
            try:
                with temporary.open("wb") as file:
                    file.write(b"%08x\n" % zlib.crc32(view))
                    file.write(view)
            except OSError as error:
                raise output_error(path, error) from error

    @classmethod
    def load(cls, folder: Path) -> Findings | None:
        """The findings in a run's folder of data; None if they are not there or damaged: they can be found again."""
        try:
            content = (folder / FILE).read_bytes()
        except OSError:
            return None
        if content[:9] != b"%08x\n" % zlib.crc32(content[9:]):
            return None
        arrays = np.load(io.BytesIO(content[9:]), allow_pickle=False)
        told = json.loads(arrays["told"].tobytes())
        scans = (
            _scan(each, arrays[f"first-{number}"], arrays[f"stop-{number}"])
            for number, each in enumerate(told["scans"])
        )
        counted = (
            tuple(
                Census(Window(tuple(start), tuple(stop)), tuple(cell), arrays[f"{name}-{number}"])
                for number, (start, stop, cell) in enumerate(told[name])
            )
            for name in ("trained", "held")
        )
        return cls(told["files"], tuple(scans), *counted)

    def require_unchanged(self) -> None:
        """Refuse files that are no longer what they were.

        Raises
        ------
        RunError
            If some have changed or are gone.
        """
        now = {name: state_of_file(name) for name in self.files}
        changed = [f"{now[name]} (was: {was})" for name, was in self.files.items() if now[name] != was]
        if changed:
            raise RunError(
                f"surveys have changed since the run began: {listed(changed, 3)}",
                expected="the files that the run began with, of the same size and time",
                do="put them back (cp --preserve, rsync --times), or begin a new run, with --init for its weights",
            )


def _plain(each: Scan) -> list[Any]:
    return [each.statistics.to_json(), list(each.nulls), each.null_count, bool(each.not_finite)]


def _scan(told: Sequence[Any], first: NDArray[np.int32], stop: NDArray[np.int32]) -> Scan:
    statistics = Statistics.from_json(told[0])
    # A run begins with finite samples alone, or not at all.
    return Scan(statistics, first, stop, tuple(told[1]), told[2], None, np.empty((0, 0), np.float32))


def _box(each: Census) -> list[tuple[int, ...]]:
    return [each.window.start, each.window.stop, each.cell]


def files_of(checked: Preflight) -> dict[str, str]:
    """The state of every file of a run, by its name."""
    surveys = [each for labelled, _ in (*checked.training, *checked.validation) for each in _both(labelled)]
    names = dict.fromkeys(name for survey in surveys for name in names_of(survey))
    return {name: state_of_file(name) for name in names}


def _both(labelled: LabelledSurvey) -> tuple[Any, Any]:
    return labelled.image, labelled.label


def look(config: Config, checked: Preflight) -> Work[Findings]:
    """Scan every image once, and count the labels of every window.

    Raises
    ------
    SurveyError
        If samples are not finite, labels no classes, or no sample is live.
    """
    files = files_of(checked)
    scans: list[Scan] = []
    for labelled in _different(checked):
        scans += [(yield from scan(labelled.image))]
    for sample in _samples_of(config, checked):
        scans += [(yield from scan(sample))]
    images = _normalised(config, checked, scans)
    trained: list[Census] = []
    held: list[Census] = []
    for labelled, window in checked.training:
        trained += [(yield from census(images[labelled], labelled, window, config.record.data.patch))]
    for labelled, window in checked.validation:
        line = (1, *window.shape[1:])
        held += [(yield from census(images[labelled], labelled, window, line, scored=True))]
    return Findings(files, tuple(scans), tuple(trained), tuple(held))


def _different(checked: Preflight) -> list[LabelledSurvey]:
    return list(dict.fromkeys(labelled for labelled, _ in (*checked.training, *checked.validation)))


class Held(NamedTuple):
    """A window to validate on: its image and labels, and how its labels lie along its first axis."""

    image: NormalisedSurvey
    labelled: LabelledSurvey
    census: Census

    @property
    def window(self) -> Window:
        """What is predicted and scored."""
        return self.census.window


@dataclass(frozen=True)
class Data:
    """The training stream, what is held out, and the statistics of the training surveys."""

    stream: Stream
    held: tuple[Held, ...]
    statistics: Statistics


def assemble(config: Config, checked: Preflight, findings: Findings) -> Data:
    """The data of a run, all images under the normalisation contract.

    Raises
    ------
    SurveyError
        If no patch fits, or nothing is interpreted.
    """
    images = _normalised(config, checked, findings.scans)
    record = config.record
    sources = [
        Source(images[labelled], labelled, found)
        for (labelled, _), found in zip(checked.training, findings.trained, strict=True)
    ]
    held = tuple(
        Held(images[labelled], labelled, found)
        for (labelled, _), found in zip(checked.validation, findings.held, strict=True)
    )
    stream = Stream(_parts(config, checked, sources), Augmentation(**record.augmentation.model_dump()))
    return Data(stream, held, _statistics(checked, findings.scans))


def _parts(config: Config, checked: Preflight, sources: Sequence[Source]) -> list[Part]:
    """Surveys and worlds by weight; surveys are one part, position by position, where nothing is weighed."""
    data = config.record.data
    worlds = [Part(_worlds(config, entry), entry.weight) for entry in checked.synthetic]
    if not worlds and not any(checked.weights):
        return [Part(SurveyPatches(sources, data.patch, data.foreground), 1.0)]
    surveys = [
        Part(SurveyPatches([source], data.patch, data.foreground), 1.0 if weight is None else weight)
        for source, weight in zip(sources, checked.weights, strict=True)
    ]
    return [*surveys, *worlds]


def _worlds(config: Config, entry: SyntheticConfig) -> WorldPatches:
    return WorldPatches(entry.synthetic, config.record.data.patch, config.record.normalisation.clip)


def grids_of(config: Config, checked: Preflight) -> list[Grid]:
    """Axes of all training surveys, and of a few worlds of each kind."""
    surveys = [labelled.grid for labelled, _ in checked.training]
    return [*surveys, *(grid for entry in checked.synthetic for grid in _worlds(config, entry).grids(SAMPLED))]


def _samples_of(config: Config, checked: Preflight) -> Iterator[MemorySurvey]:
    """A few worlds as surveys, by which amplitudes and spectra are told where there is no survey to train on."""
    for entry in () if checked.training else checked.synthetic:
        worlds = _worlds(config, entry)
        for number in range(SAMPLED):
            patch = worlds.drawn(np.random.default_rng([config.record.training.seed, number]))
            domain = Domain("depth" if patch.sampling.unit == "m" else "time", "synthetic")
            name = f"world {number + 1} of {SAMPLED}, recipe {entry.synthetic.recipe}"
            yield MemorySurvey(name, patch.grid, domain, patch.image)


def _statistics(checked: Preflight, scans: Sequence[Scan]) -> Statistics:
    """Of all training surveys together."""
    different = _different(checked)
    found, worlds = dict(zip(different, scans, strict=False)), scans[len(different) :]
    return Statistics.pooled(
        [*(found[labelled].statistics for labelled, _ in checked.training), *(each.statistics for each in worlds)]
    )


def _normalised(config: Config, checked: Preflight, scans: Sequence[Scan]) -> dict[LabelledSurvey, NormalisedSurvey]:
    statistics = _statistics(checked, scans)
    return {
        labelled: normalised(labelled.image, found, config.record.normalisation, statistics)
        for labelled, found in zip(_different(checked), scans, strict=False)
    }


def lacking(classes: Sequence[str], findings: Findings) -> Iterable[str]:
    """Remarks on classes that are nowhere labelled.

    Raises
    ------
    RunError
        If training has but one class, from which nothing can be learnt, or validation has no label at all.
    """
    none = [np.zeros(len(classes), np.int64)]
    trained, held = (
        np.sum([each.classes for each in found] or none, axis=0) for found in (findings.trained, findings.held)
    )
    there = [name for name, count in zip(classes, trained, strict=True) if count]
    if len(there) == 1:
        raise RunError(
            f"the training windows hold the class {there[0]} alone: {_counts(classes, trained)}",
            expected="samples of two classes at least",
            do="choose another validation block, other surveys, or correct the labels",
        )
    if not np.any(held):
        raise RunError(
            "no sample of the validation data is both interpreted and live",
            expected="labels from 0 on where someone interpreted",
            do="choose another data.validation: a larger block, another axis, or whole surveys",
        )
    for where, counts in (("training", trained), ("validation", held)):
        missing = [name for name, count in zip(classes, counts, strict=True) if not count]
        if missing and there:
            what = "they cannot be learnt" if where == "training" else "its scores say nothing of them"
            yield f"{where} has no sample of {', '.join(missing)} ({_counts(classes, counts)}): {what}"


def _counts(classes: Sequence[str], counts: NDArray[np.int64]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in zip(classes, counts, strict=True))
