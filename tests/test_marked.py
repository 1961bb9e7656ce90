"""YAML with line numbers: scalars of YAML 1.2, lines, and everything that is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocnn.errors import ConfigError
from geocnn.marked import load_marked, parse_marked, parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("+3", 3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("12:00:00", "12:00:00"),
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("off", "off"),
        ("True", True),
        ("~", None),
        ("", None),
        ("'3'", "3"),
        (".inf", math.inf),
        ("1_000", "1_000"),
        ("[1, {a: x}]", [1, {"a": "x"}]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = parse_value(text, "here")
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parse_value("{null: 1, 16: 2, on: 3}", "here") == {"null": 1, "16": 2, "on": 3}


def test_each_key_and_item_has_its_line_and_others_that_of_their_ancestor() -> None:
    marked = parse_marked("a: 1\nb:\n  - x\n  -\n    c: 2\n", "here")
    assert [marked.line(key) for key in [("a",), ("b",), ("b", 0), ("b", 1), ("b", 1, "c")]] == [1, 2, 3, 5, 5]
    assert marked.line(("b", 1, "missing", 3)) == 5
    assert marked.line(("nowhere",)) == 1


def test_an_alias_repeats_its_anchor_with_the_line_of_the_alias() -> None:
    marked = parse_marked("a: &x [1, 2]\nb: *x\nc: 3\n", "here")
    assert marked.data == {"a": [1, 2], "b": [1, 2], "c": 3}
    assert marked.line(("b", 1)) == 2


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"here:3: the key 'a' stands twice, in lines 1 and 3"),
        ("a: [1, 2", r"here:\d: .*flow sequence"),
        ("a: *b", r"here:1: the alias \*b stands for nothing"),
        ("&a [*a]", r"here:1: the alias \*a stands for nothing"),
        ("a: 1\n---\nb: 2", r"here:2: a second document begins"),
        ("a: !!python/object:os.system x", r"here:1: the tag"),
        ("a: !!set {}", r"here:1: the tag"),
        ("? [1]\n: 2", r"here:1: a key is a list"),
        ("&k a: 1\n*k : 2", r"here:2: the alias \*k stands for nothing"),
        ("a: &k b\n*k : 2", r"here:2: a key is a list, a mapping or an alias"),
        ("[" * 1000, r"here:1: nesting deeper than 200 levels"),
        ("x: " + "9" * 5000, r"here:1: a number of 5000 digits"),
        (LAUGHS, r"here:\d+: aliases stand for more than 20000 values"),
        ("a\x00b", r"here: .*"),
        ("\ud800", r"here: .*surrogates"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_marked(text, "here")


def test_files_that_are_no_config_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "survey.sgy"
    binary.write_bytes(b"a: 1\nb: \xc3\x28")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 9_000_000)
    with pytest.raises(ConfigError, match=r"survey.sgy:2: byte 0xc3 is no UTF-8 text"):
        load_marked(binary)
    with pytest.raises(ConfigError, match=r"large.yaml: 9 MB"):
        load_marked(large)
    with pytest.raises(ConfigError, match=r"is a folder"):
        load_marked(tmp_path)
    with pytest.raises(ConfigError, match=r"none.yaml: there is no such file"):
        load_marked(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read"):
        load_marked(Path("a\x00b"))


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_marked(path).data == {"a": 1}


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        line = parse_marked(text, "here").line(())
    except ConfigError as error:
        line = error.faults[0].line or 1
    assert line is not None
    assert 1 <= line <= 61
