"""The config of a run: one YAML file, checked as a whole before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from geocnn.errors import ConfigError, Fault, RunError, SurveyError
from geocnn.marked import KeyPath, Marked, load_marked, parse_marked
from geocnn.network.spec import Spec, load_spec, read_spec, zoo_names
from geocnn.overrides import blame, overridden
from geocnn.records import read_record, spell
from geocnn.settings import (
    DataConfig,
    NamedNetwork,
    PairConfig,
    RunConfig,
    SurveysConfig,
    SyntheticConfig,
    TrainConfig,
    TrainPairConfig,
)
from geocnn.starred import is_starred, match_names
from geocnn.tasks import TASKS

__all__ = ["Config", "dump_config", "load_config", "require_same"]

Entry = TypeVar("Entry", bound="PairConfig | TrainPairConfig | SyntheticConfig")
P = TypeVar("P", bound=PairConfig)

FREE = ("checkpoint_minutes",)
"""Keys that may change in a run: the weights do not depend on them."""


@dataclass(frozen=True)
class Config:
    """A checked config.

    Parameters
    ----------
    record
        The config with all defaults, starred names expanded and paths absolute.
    spec
        Its network.
    marked
        The file, for line numbers in later messages.
    network_at
        Where the layers are written, and in which file.
    overrides
        What the command line said instead of the file.
    """

    record: RunConfig
    spec: Spec
    marked: Marked
    network_at: tuple[Marked, KeyPath]
    overrides: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return TASKS[self.record.task].outputs(len(self.record.classes))

    def fault(self, key: KeyPath, found: str, expected: str = "", do: str = "") -> Fault:
        """A fault of what stands at a key."""
        return blame(
            Fault(found, expected, do, self.marked.source, self.marked.line(key), spell(key)),
            self.overrides,
        )


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a file, with overrides such as ``training.steps=100``.

    Raises
    ------
    ConfigError
        With all faults: of the config, of its layers, of its starred names, of the overrides.
    """
    folder, faults = path.parent.absolute(), list[Fault]()
    marked = load_marked(path)
    marked = replace(marked, data=overridden(marked.data, overrides, faults))
    record = read_record(RunConfig, marked, (), marked.data, faults)
    network = _network(marked, folder, faults)
    data = _expanded_data(record, marked, folder, faults)
    if faults or record is None or network is None or data is None:
        raise ConfigError(blame(fault, overrides) for fault in faults)
    return Config(record.model_copy(update={"data": data}), network[0], marked, network[1], tuple(overrides))


def _part(marked: Marked, key: str) -> object:
    return marked.data.get(key) if isinstance(marked.data, dict) else None


def _network(marked: Marked, folder: Path, faults: list[Fault]) -> tuple[Spec, tuple[Marked, KeyPath]] | None:
    """The spec of a config's ``network`` and where it is written."""
    network, width = _part(marked, "network"), 1.0
    if isinstance(network, dict) and "name" in network:
        named = read_record(NamedNetwork, marked, ("network",), network, faults)
        if named is None:
            return None
        network, width = named.name, named.width
    if isinstance(network, dict):
        spec = read_spec(marked, ("network",), network, faults)
        return (spec, (marked, ("network",))) if spec is not None else None
    if not isinstance(network, str):
        return None
    is_file = network not in zoo_names() and (network.endswith((".yaml", ".yml")) or (folder / network).is_file())
    try:
        spec, source = load_spec(str(folder / network) if is_file else network)
    except ConfigError as error:
        line = marked.line(("network",))
        faults.extend(
            fault if fault.file else replace(fault, file=marked.source, line=line, key="network")
            for fault in error.faults
        )
        return None
    return spec.model_copy(update={"width": width * spec.width}), (source, ())


def _expanded_data(record: RunConfig | None, marked: Marked, folder: Path, faults: list[Fault]) -> DataConfig | None:
    """The config's ``data`` with absolute paths and starred names expanded, also where the rest of it is faulty."""
    data = record.data if record else read_record(DataConfig, marked, ("data",), _part(marked, "data"), [])
    if data is None:
        return None
    groups = _expanded(data.train, folder, marked, ("data", "train"), faults)
    validation, last = data.validation, 0
    if isinstance(validation, SurveysConfig) and isinstance(validation.surveys, tuple):
        key: KeyPath = ("data", "validation", "surveys")
        held = _expanded(validation.surveys, folder, marked, key, faults)
        validation = SurveysConfig(surveys=tuple(pair for group in held for pair in group))
    elif isinstance(validation, SurveysConfig) and isinstance(validation.surveys, int):
        last = validation.surveys
    train = tuple(entry for group in _weighed(groups, last) for entry in group)
    return data.model_copy(update={"train": train, "validation": validation})


def _weighed(groups: Sequence[Sequence[TrainConfig]], last: int) -> list[Sequence[TrainConfig]]:
    """Entries whose pairs share their weight, less those that validation takes, the `last` of all pairs.

    Nothing is weighed where no entry has a weight and none is synthetic.
    """
    if all(isinstance(entry, TrainPairConfig) and entry.weight is None for group in groups for entry in group):
        return list(groups)
    weighed: list[Sequence[TrainConfig]] = []
    for group in reversed(groups):
        if not isinstance(group[0], TrainPairConfig):
            weighed.insert(0, group)
            continue
        kept = max(1, len(group) - last)
        last = max(0, last - len(group))
        weight = (1.0 if group[0].weight is None else group[0].weight) / kept
        weighed.insert(0, [entry.model_copy(update={"weight": weight}) for entry in group])
    return weighed


def _expanded(
    entries: Sequence[Entry], folder: Path, marked: Marked, key: KeyPath, faults: list[Fault]
) -> list[Sequence[Entry]]:
    """For each entry its pairs with absolute names, one for each match of starred names, or itself if it has none."""
    groups: list[Sequence[Entry]] = []
    for index, pair in enumerate(entries):
        if not isinstance(pair, PairConfig):
            groups.append([pair])
            continue
        names = tuple(str(folder / name) for name in (*pair.images, *pair.labels))
        several = len(pair.images)
        try:
            if not is_starred(names):
                matched = [names]
            elif isinstance(pair.label, str):
                matched = match_names(names)
            else:
                # All picks that match are picks of the one survey.
                found_picks = [each for name in names[several:] for each in _matching(name)]
                matched = [(*images, *found_picks) for images in _all_matching(names[:several])]
        except SurveyError as error:
            at = (*key, index)
            faults.append(replace(error.faults[0], file=marked.source, line=marked.line(at), key=spell(at)))
            # One pair stands for those that were not found: its faults are told, none that follow from its absence.
            matched = [names]
        groups.append([_renamed(pair, each) for each in matched])
    return groups


def _matching(name: str) -> list[str]:
    return [each for (each,) in match_names((name,))] if is_starred((name,)) else [name]


def _all_matching(names: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
    return match_names(names) if is_starred(names) else [names]


def _renamed(pair: P, names: Sequence[str]) -> P:
    images, labels = names[: len(pair.images)], tuple(names[len(pair.images) :])
    renamed: dict[str, object] = {"image": images[0] if isinstance(pair.image, str) else tuple(images)}
    renamed["label"] = labels[0] if isinstance(pair.label, str) else pair.label.model_copy(update={"file": labels})
    return pair.model_copy(update=renamed)


def dump_config(config: Config) -> str:
    """The config as YAML, with defaults and absolute paths; it loads back to an equal one.

    Of a pair what is not said is left out: how a file is read is found out.
    """
    data = config.record.model_dump(mode="json")
    data["data"] = _said(data["data"])
    if config.record.network not in zoo_names():
        data["network"] = config.spec.model_dump(mode="json")
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text


def _said(data: Any) -> Any:
    """Nested data without the keys that hold nothing."""
    if isinstance(data, list):
        return [_said(each) for each in data]
    if isinstance(data, dict):
        return {key: _said(value) for key, value in data.items() if value is not None and value != []}
    return data


def require_same(config: Config, begun: Path) -> None:
    """Refuse to go on under another config than the one that a run began with, and wrote.

    Raises
    ------
    RunError
        With what differs.
    """
    before, now = _leaves(load_marked(begun).data), _leaves(parse_marked(dump_config(config), "config").data)
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key) and key[-1] not in FREE]
    if changed:
        words = [f"{spell(key)} is {now.get(key, 'absent')}, was {before.get(key, 'absent')}" for key in changed[:6]]
        raise RunError(
            f"the config is not the one that the run in {begun.parent} began with: {'; '.join(words)}",
            expected="the same config (checkpoint_minutes may change)",
            do="restore it to resume, or start a new run in another folder, with --init for its weights",
        )


def _leaves(data: object, key: KeyPath = ()) -> dict[KeyPath, str]:
    """Every value of nested data, spelt, by its key path."""
    if not isinstance(data, dict | list):
        return {} if data is None else {key: str(data)}
    items = data.items() if isinstance(data, dict) else enumerate(data)
    return {path: leaf for part, value in items for path, leaf in _leaves(value, (*key, part)).items()}
