"""YAML with line numbers: plain data, and where each piece of it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from geocnn.errors import ConfigError, Fault

__all__ = ["KeyPath", "Marked", "load_marked", "parse_marked", "parse_value"]

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("data", "train", 0, "image")``."""

MAX_BYTES = 8 * 1024**2
MAX_DEPTH = 200
MAX_DIGITS = 100
MAX_ALIASED = 20_000


@dataclass(frozen=True)
class Marked:
    """Plain data (dict, list, text, int, float, bool, None) and the line of each key and item.

    Parameters
    ----------
    data
        What the YAML says; the keys of mappings are always text.
    source
        Name of the file, for messages.
    lines
        Line (from 1) of each key path; what an alias stands for has the line of the alias.
    """

    data: object
    source: str
    lines: Mapping[KeyPath, int] = field(repr=False)

    def line(self, key: KeyPath) -> int | None:
        """Line of a key, or of its nearest ancestor that is written."""
        for length in range(len(key), -1, -1):
            if key[:length] in self.lines:
                return self.lines[key[:length]]
        return None


def load_marked(path: Path) -> Marked:
    """Data of a YAML file.

    Raises
    ------
    ConfigError
        If the file is missing, no file, no text, or no YAML as `parse_marked` reads it.
    """
    try:
        if path.is_dir():
            _refuse(str(path), None, "this is a folder", "a YAML file", "name a file in it")
        size = path.stat().st_size
        if size > MAX_BYTES:
            _refuse(str(path), None, f"{size / 1e6:.0f} MB", "a YAML file of at most 8 MB")
        content = path.read_bytes()
    except FileNotFoundError:
        _refuse(str(path), None, "there is no such file", "a YAML file", "check the path")
    except (OSError, ValueError) as error:
        _refuse(str(path), None, f"cannot be read: {error}", "a readable YAML file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x} is no UTF-8 text"
        _refuse(
            str(path),
            line,
            found,
            "a YAML file in UTF-8",
            "check that this is the config, or save it as UTF-8",
        )
    return parse_marked(text, str(path))


def parse_marked(text: str, source: str) -> Marked:
    """Data of a YAML text.

    Raises
    ------
    ConfigError
        With file and line: for syntax errors, duplicate keys, tags, keys that are no scalars, more than one
        document, nesting deeper than 200 levels, and aliases that multiply without bound.

    Notes
    -----
    Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): ``1e-4`` is a
    number; ``12:00:00``, ``yes``, ``no``, ``on`` and ``off`` are text. The parser's events are folded without
    recursion, so that no text can exhaust the stack.
    """
    builder = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = " ".join(part for part in (error.context, error.problem) if part)
        _refuse(
            source,
            mark.line + 1 if mark else None,
            found,
            "valid YAML",
            "check indentation, quotes and brackets",
        )
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        _refuse(source, None, str(error).splitlines()[0], "a text file", "check that this is the config")
    return Marked(builder.data, source, builder.lines)


def parse_value(text: str, source: str) -> object:
    """Data of one value as it would stand behind a colon: ``20``, ``[64, 64]``, ``relu``."""
    return parse_marked(text, source).data


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    data: dict[str, object] | list[object]
    path: KeyPath
    anchor: str | None
    began_at: int
    key: str | None = None


class _Builder:
    """Folds the events of one document into data and lines."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.data: object = None
        self.lines: dict[KeyPath, int] = {(): 1}
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._documents = 0
        self._values = 0
        self._aliased = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._refuse(line, "a second document begins", "one document", "remove the line ---")
            case yaml.AliasEvent():
                self._alias(str(event.anchor), line)
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._refuse_tag(event.tag, line)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.data, dict) and top.key is None:
            self._key(top, event.value, line)
            return
        value = self._resolve(event.value, line) if event.implicit[0] else event.value
        self._place(value, line)
        self._anchor(event.anchor, value, 1)

    def _key(self, top: _Open, key: str, line: int) -> None:
        if key in top.data:
            first = self.lines[(*top.path, key)]
            self._refuse(line, f"the key {key!r} stands twice, in lines {first} and {line}", "each key once")
        top.key = key
        self.lines[(*top.path, key)] = line

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        self._refuse_tag(event.tag, line)
        data: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if len(self._open) >= MAX_DEPTH:
            self._refuse(line, f"nesting deeper than {MAX_DEPTH} levels", f"at most {MAX_DEPTH} levels")
        began_at = self._values
        path = self._place(data, line)
        self._open.append(_Open(data, path, event.anchor, began_at))

    def _end(self) -> None:
        done = self._open.pop()
        self._anchor(done.anchor, done.data, self._values - done.began_at)

    def _alias(self, name: str, line: int) -> None:
        if name not in self._anchors:
            self._refuse(line, f"the alias *{name} stands for nothing", f"an anchor &{name} that ends above it")
        data, size = self._anchors[name]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            self._refuse(line, f"aliases stand for more than {MAX_ALIASED} values", "fewer aliases")
        self._place(data, line)
        self._values += size - 1

    def _place(self, value: object, line: int) -> KeyPath:
        """Put a value where it belongs; its key path."""
        self._values += 1
        if not self._open:
            self.data = value
            self.lines[()] = line
            return ()
        top = self._open[-1]
        if isinstance(top.data, list):
            path = (*top.path, len(top.data))
            top.data.append(value)
            self.lines[path] = line
            return path
        if top.key is None:
            self._refuse(line, "a key is a list, a mapping or an alias", "keys that are plain words")
        path = (*top.path, top.key)
        top.data[top.key] = value
        top.key = None
        return path

    def _anchor(self, name: str | None, data: object, size: int) -> None:
        if name is not None:
            self._anchors[name] = (data, size)

    def _resolve(self, text: str, line: int) -> object:
        if text in _WORDS:
            return _WORDS[text]
        if len(text) > MAX_DIGITS:
            if _INTEGER.fullmatch(text):
                self._refuse(line, f"a number of {len(text)} digits", f"numbers of at most {MAX_DIGITS} digits")
            return text
        if _INTEGER.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        if tag is not None:
            self._refuse(line, f"the tag {tag!r}", "plain values without tags", "remove the tag")

    def _refuse(self, line: int, found: str, expected: str, do: str = "") -> NoReturn:
        _refuse(self.source, line, found, expected, do)


_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _refuse(source: str, line: int | None, found: str, expected: str, do: str = "") -> NoReturn:
    raise ConfigError([Fault(found, expected, do, file=source, line=line)])
