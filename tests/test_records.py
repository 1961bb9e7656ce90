"""Checked records: every fault in words, with its place, and none that follows from another."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from geocnn.errors import Fault
from geocnn.marked import parse_marked
from geocnn.records import Record, RecordError, nearest, read_record, show, spell

Count = Annotated[int, Field(ge=1)]


class Block(Record):
    block: float = Field(gt=0, lt=1)


class Surveys(Record):
    surveys: int


class Pair(Record):
    image: str
    gain: float = 0.2


class Config(Record):
    patch: tuple[int, ...]
    pairs: tuple[Pair, ...] = ()
    size: Literal["same", "valid"] | Count | tuple[Count, ...] = "same"
    task: Literal["segmentation", "regression"] = "segmentation"
    validation: Block | Surveys = Block(block=0.2)
    even: int = 2
    channels: int = Field(default=1, alias="conv")

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise RecordError(f"{value} is odd", "an even number", f"write {value + 1}")
        return value


def read(text: str) -> tuple[Config | None, list[Fault]]:
    marked = parse_marked(text, "run.yaml")
    faults: list[Fault] = []
    return read_record(Config, marked, (), marked.data, faults), faults


def test_lists_are_taken_for_tuples_and_whole_numbers_for_floats() -> None:
    config, faults = read("{patch: [1, 2], pairs: [{image: a, gain: 1}], size: [3, 3], conv: 4}")
    assert config is not None
    assert not faults
    assert config.patch == (1, 2)
    assert config.pairs[0].gain == 1.0
    assert (config.size, config.channels) == ((3, 3), 4)
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert Config.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("text", "place", "found", "expected", "do"),
    [
        ("patch: 64", "run.yaml:1: patch", "found 64", "a list", ""),
        ("\npatch: [1, a]", "run.yaml:2: patch[1]", "found 'a'", "a whole number", ""),
        ("patch: [1.5]", "run.yaml:1: patch[0]", "found 1.5", "a whole number", ""),
        ("patch: [true]", "run.yaml:1: patch[0]", "found true", "a whole number", ""),
        ("{}", "run.yaml:1: patch", "'patch' is missing", "", "add patch: …"),
        (
            "ptach: [1]",
            "run.yaml:1: ptach",
            "unknown key 'ptach'",
            "one of patch, pairs, size, task, ",
            "write 'patch'",
        ),
        ("patch: []\nzzz: 1", "run.yaml:2: zzz", "unknown key 'zzz'", "one of patch", "remove it"),
        ("patch: []\ntask: segmentatoin", "run.yaml:2: task", "found 'segmentatoin'", "one of", "write 'segmentation'"),
        ("patch: []\nsize: sme", "run.yaml:2: size", "found 'sme'", "one of same, valid or a whole", "write 'same'"),
        ("patch: []\nsize: 0", "run.yaml:2: size", "found 0", "a number not below 1", ""),
        ("patch: []\nsize: [3, x]", "run.yaml:2: size[1]", "found 'x'", "a whole number", ""),
        ("patch: []\nvalidation: {block: 2}", "run.yaml:2: validation.block", "found 2", "a number below 1", ""),
        (
            "patch: []\nvalidation: {survys: 2}",
            "run.yaml:2: validation.survys",
            "unknown key 'survys'",
            "one of surveys",
            "write 'surveys'",
        ),
        ("patch: []\nvalidation: 3", "run.yaml:2: validation", "found 3", "a mapping (key: value)", ""),
        ("patch: []\npairs: [{gain: 1}]", "run.yaml:2: pairs[0].image", "'image' is missing", "", "add image: …"),
        ("patch: []\npairs: [{image: a, gain: .nan}]", "run.yaml:2: pairs[0].gain", "found nan", "a finite", ""),
        ("patch: []\neven: 3", "run.yaml:2: even", "3 is odd", "an even number", "write 4"),
        ("patch: []\nconv: x", "run.yaml:2: conv", "found 'x'", "a whole number", ""),
        ("patch: []\nchannels: x", "run.yaml:2: channels", "found 'x'", "a whole number", ""),
        ("[1]", "run.yaml:1", "found [1]", "a mapping (key: value)", ""),
        ("", "run.yaml:1", "found nothing", "a mapping (key: value)", ""),
    ],
)
def test_one_fault_is_told_once_in_words(text: str, place: str, found: str, expected: str, do: str) -> None:
    config, faults = read(text)
    assert config is None
    assert len(faults) == 1, [str(fault) for fault in faults]
    assert (faults[0].place, faults[0].found, faults[0].do) == (place, found, do)
    assert faults[0].expected.startswith(expected)


def test_all_faults_are_told_at_once() -> None:
    _, faults = read("pairs: [{image: 1}, 2]\npatch: [x]\nsize: -1\nvalidation: {block: 7}\nlast: 1")
    assert {fault.key for fault in faults} == {
        "pairs[0].image",
        "pairs[1]",
        "patch[0]",
        "size",
        "validation.block",
        "last",
    }


def test_lines_are_found_below_a_key() -> None:
    marked = parse_marked("data:\n  train:\n    - image: 3\n", "run.yaml")
    faults: list[Fault] = []
    read_record(Pair, marked, ("data", "train", 0), {"image": 3}, faults)
    assert [fault.place for fault in faults] == ["run.yaml:3: data.train[0].image"]


def test_records_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Block(block=0.5).block = 0.1


def test_words() -> None:
    assert spell(("data", "train", 0, "image")) == "data.train[0].image"
    assert spell((3, "conv")) == "[3].conv"
    assert nearest("Kernal", ["stride", "kernel"]) == "kernel"
    assert nearest("banana", ["stride", "kernel"]) is None
    assert show({"a": 1}) == "a mapping with the keys a"
    assert len(show("x" * 1000)) <= 80
    assert show([1, [True, None]]) == "[1, [true, nothing]]"
