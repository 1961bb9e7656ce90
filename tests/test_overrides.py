"""Overrides: each sets its key and no other; what sets nothing is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocnn.errors import Fault
from geocnn.marked import KeyPath, parse_marked
from geocnn.overrides import blame, key_path, overridden
from geocnn.records import spell

names = st.text("abcxyz_- 0189", min_size=1)


@given(st.tuples(names), st.lists(names | st.integers(0, 10**9 - 1)))
def test_key_paths_are_read_as_they_are_spelt(first: tuple[str], rest: list[str | int]) -> None:
    path: KeyPath = (*first, *rest)
    assert key_path(spell(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[]", "a[b]", "a[-1]", "a[1", "a]", "[0]", "a[0]b"])
def test_what_is_no_key_path(text: str) -> None:
    assert key_path(text) == ()


DATA = "a: {b: 1}\nlist: [{c: 1}, 2]\nempty:\n"


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("a.b=2", {"a": {"b": 2}}),
        ("a.b=1e-4", {"a": {"b": 1e-4}}),
        ("a.b=12:00:00", {"a": {"b": "12:00:00"}}),
        ("a.b=x=y", {"a": {"b": "x=y"}}),
        ("a.b=", {"a": {"b": None}}),
        ("a={x: [1, 2]}", {"a": {"x": [1, 2]}}),
        ("new.key=true", {"new": {"key": True}}),
        ("empty.key=1", {"empty": {"key": 1}}),
        ("list[0].c=3", {"list": [{"c": 3}, 2]}),
        ("list[1]=3", {"list": [{"c": 1}, 3]}),
    ],
)
def test_an_override_changes_its_key_alone(override: str, changed: dict[str, object]) -> None:
    before = parse_marked(DATA, "file").data
    faults: list[Fault] = []
    assert overridden(before, [override], faults) == {**parse_marked(DATA, "file").data, **changed}  # type: ignore[dict-item]
    assert before == parse_marked(DATA, "file").data
    assert not faults


@pytest.mark.parametrize("override", ["a.b", "=1", "a.b.c=1", "list.c=1", "list[2]=1", "list[0][0]=1", "a[0]=1"])
def test_overrides_that_set_nothing_are_told(override: str) -> None:
    faults: list[Fault] = []
    assert overridden(parse_marked(DATA, "file").data, [override], faults) == parse_marked(DATA, "file").data
    [fault] = faults
    assert fault.found == f"--set {override} sets nothing"


def test_a_value_that_is_no_yaml_is_told_with_the_others() -> None:
    faults: list[Fault] = []
    overridden({}, ["a=[1", "b=2", "c"], faults)
    assert [fault.place or fault.found for fault in faults] == ["--set a", "--set c sets nothing"]


def test_an_alias_is_changed_in_one_place_only() -> None:
    data = parse_marked("a: &x {k: 1}\nb: *x\n", "file").data
    assert overridden(data, ["a.k=2"], []) == {"a": {"k": 2}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("a.b", "--set a.b=1"),
        ("a.b.c", "--set a.b=1"),
        ("a.b[0]", "--set a.b=1"),
        ("a.bc", "f.yaml:3"),
        ("a", "f.yaml:3"),
    ],
)
def test_faults_of_overridden_keys_are_the_overrides(key: str, place: str) -> None:
    assert blame(Fault("found", file="f.yaml", line=3, key=key), ["a.b=1"]).place == f"{place}: {key}"


def test_the_last_override_is_to_blame() -> None:
    assert blame(Fault("found", key="a"), ["a=1", "a=2"]).file == "--set a=2"
