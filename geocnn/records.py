"""Checked records: what a config or a layer spec may say, and every fault of it in words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import get_annotations
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from geocnn.errors import Fault
from geocnn.marked import KeyPath, Marked

__all__ = ["Record", "RecordError", "crossed", "key_path", "listed", "nearest", "read_record", "show", "spell"]

R = TypeVar("R", bound="Record")


class Record(BaseModel):
    """Base of all records of configs and layer specs: frozen, strict, unknown keys refused.

    Lists are taken for tuples and whole numbers for floats; nothing else is converted. A float may not be
    infinite or NaN unless the field says ``AllowInfNan()``.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )

    synonyms: ClassVar[Mapping[str, str]] = {}
    """What to do about keys and values that are called otherwise elsewhere."""

    @model_validator(mode="before")
    @classmethod
    def _tuples_for_lists(cls, data: Any) -> Any:
        return {key: _as_tuple(value) for key, value in data.items()} if isinstance(data, dict) else data


def _as_tuple(value: object) -> object:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value


class RecordError(ValueError):
    """What a validator of a record raises: found, expected, do."""

    def __init__(self, found: str, expected: str = "", do: str = "") -> None:
        self.found, self.expected, self.do = found, expected, do
        super().__init__(found)


def read_record(kind: type[R], marked: Marked, key: KeyPath, data: object, faults: list[Fault]) -> R | None:
    """The record that `data` describes, or None with every fault appended to `faults`.

    Parameters
    ----------
    kind
        The record's class.
    marked
        The file that `data` is a part of, for line numbers.
    key
        Where `data` stands in it.
    data
        Plain data, as from YAML.
    faults
        Takes what is wrong, in words.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        details = [_Detail.of(each, data) for each in error.errors(include_url=False)]
    for detail in _without_echoes(_without_branches(details)):
        path = (*key, *detail.path)
        found, expected, do = _words(detail, kind)
        faults.append(Fault(found, expected, do, file=marked.source, line=marked.line(path), key=spell(path)))
    return None


def spell(key: KeyPath) -> str:
    """``data.train[0].image``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def crossed(sizes: Iterable[object]) -> str:
    """``9 × 9``; ``no axes`` where there are no sizes."""
    return " × ".join(map(str, sizes)) or "no axes"


def listed(words: Sequence[str], most: int) -> str:
    """``a, b and 3 more``: words with commas between, of many the first."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def key_path(text: str) -> KeyPath:
    """``data.train[0].image`` as ``("data", "train", 0, "image")``; the reverse of `spell`.

    Empty if `text` is no such path.
    """
    if not re.fullmatch(r"[^.\[\]]+(\.[^.\[\]]+|\[\d{1,9}\])*", text):
        return ()
    return tuple(int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", text))


def nearest(word: object, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be, if any is near."""
    known = {choice.lower(): choice for choice in choices}
    match = difflib.get_close_matches(str(word).lower(), known, n=1, cutoff=0.61)
    return known[match[0]] if match else None


def show(value: object) -> str:
    """A value as a user would write it, cut where it is long."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return f"a mapping with the keys {_cut(', '.join(map(str, value)))}" if value else "an empty mapping"
        case list() | tuple():
            return f"[{_cut(', '.join(show(item) for item in value[:40]))}]"
    return _cut(repr(value))


def _cut(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


@dataclass(frozen=True)
class _Detail:
    """One pydantic error.

    Where a field may be of several kinds, pydantic tries each and reports each: `branches` tells the kind that was
    tried by how much of `path` leads to that field.
    """

    type: str
    path: KeyPath
    input: object
    context: Mapping[str, Any]
    branches: Mapping[KeyPath, str] = field(default_factory=dict)

    @staticmethod
    def of(error: ErrorDetails, data: object) -> _Detail:
        path: KeyPath = ()
        branches: dict[KeyPath, str] = {}
        here: object = data
        location = error["loc"]
        for position, part in enumerate(location):
            named = position == len(location) - 1 and error["type"] in ("missing", "extra_forbidden")
            if named or _holds(here, part):
                path = (*path, part)
                here = here[part] if _holds(here, part) else None  # type: ignore[index]
            else:
                branches.setdefault(path, str(part))
        return _Detail(error["type"], path, error["input"], error.get("ctx", {}), branches)

    @property
    def union(self) -> KeyPath | None:
        """The innermost field of several kinds."""
        return max(self.branches, key=len, default=None)

    @property
    def of_another_kind(self) -> bool:
        """Whether the value is not even of the kind that was tried."""
        return self.path == self.union and (self.type.endswith("_type") or self.type == "literal_error")


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _without_branches(details: Sequence[_Detail]) -> list[_Detail]:
    """Of a field of several kinds only the errors of the kind that was meant, else one for all."""
    unions: dict[KeyPath, dict[str, list[_Detail]]] = {}
    for detail in details:
        if detail.union is not None:
            unions.setdefault(detail.union, {}).setdefault(detail.branches[detail.union], []).append(detail)
    kept = [detail for detail in details if detail.union is None]
    for path, branches in unions.items():
        meant = [errors for errors in branches.values() if not any(error.of_another_kind for error in errors)]
        if meant:
            kept += sorted(map(_without_echoes, meant), key=len)[0]
            continue
        tried = [error for errors in branches.values() for error in errors]
        expected = " or ".join(dict.fromkeys(_expected(error) for error in tried))
        choices = [choice for error in tried for choice in _choices(error)]
        kept.append(_Detail("union", path, tried[0].input, {"expected": expected, "choices": choices}))
    return kept


def _without_echoes(details: Sequence[_Detail]) -> list[_Detail]:
    """Without "missing" for a key that is there but misspelt, and without "too short" for a list with faulty items."""
    meant = set()
    for detail in details:
        if detail.type == "extra_forbidden":
            missing = [str(other.path[-1]) for other in details if _missing_beside(other, detail)]
            meant.add((*detail.path[:-1], nearest(detail.path[-1], missing)))
    return [
        detail
        for detail in details
        if not (detail.type == "missing" and detail.path in meant) and not _counted_out(detail)
    ]


def _counted_out(detail: _Detail) -> bool:
    """Whether a list is only "too short" because its faulty items, told elsewhere, were not counted."""
    items = detail.input
    return detail.type == "too_short" and isinstance(items, list | tuple) and len(items) >= detail.context["min_length"]


def _missing_beside(detail: _Detail, unknown: _Detail) -> bool:
    return detail.type == "missing" and detail.path[:-1] == unknown.path[:-1]


def _words(detail: _Detail, kind: type[Record]) -> tuple[str, str, str]:
    """Found, expected, do."""
    match detail.type:
        case "value_error":
            error = detail.context["error"]
            return (error.found, error.expected, error.do) if isinstance(error, RecordError) else (str(error), "", "")
        case "extra_forbidden":
            allowed = _keys(kind, detail.path[:-1], detail.branches)
            meant = nearest(detail.path[-1], allowed)
            do = kind.synonyms.get(str(detail.path[-1]), f"write {meant!r}" if meant else "remove it")
            return f"unknown key {detail.path[-1]!r}", f"one of {', '.join(allowed)}", do
        case "missing":
            return f"{detail.path[-1]!r} is missing", "", f"add {detail.path[-1]}: …"
    meant = nearest(detail.input, _choices(detail)) if isinstance(detail.input, str) else None
    do = kind.synonyms.get(str(detail.input), f"write {meant!r}" if meant else "")
    return f"found {show(detail.input)}", _expected(detail), do


def _choices(detail: _Detail) -> list[str]:
    if detail.type == "union":
        return list(detail.context["choices"])
    return re.findall(r"'([^']*)'", str(detail.context.get("expected", ""))) if detail.type == "literal_error" else []


_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "none_required": "nothing",
    "finite_number": "a finite number",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "a number not below {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "at least {min_length} item(s)",
    "too_long": "at most {max_length} item(s)",
    "string_too_short": "at least {min_length} character(s)",
    "string_too_long": "at most {max_length} character(s)",
    "string_pattern_mismatch": "text like {pattern}",
    "union": "{expected}",
}


def _expected(detail: _Detail) -> str:
    if detail.type == "literal_error":
        choices = _choices(detail)
        return ("one of " if len(choices) > 1 else "") + (", ".join(choices) or str(detail.context["expected"]))
    return _EXPECTED.get(detail.type, detail.type.replace("_", " ")).format(**detail.context)


def _keys(kind: type[Record], path: KeyPath, branches: Mapping[KeyPath, str]) -> list[str]:
    """The keys that may stand in the mapping at `path` of a record, of the kinds that were tried on the way."""
    kinds: list[type[Record]] = [kind]
    for length in range(len(path) + 1):
        if length and isinstance(part := path[length - 1], str):
            fields = [field for each in kinds for field in _fields(each, part)]
            kinds = [record for field in fields for record in _records(field)]
        kinds = [each for each in kinds if each.__name__ == branches.get(path[:length])] or kinds
    return list(dict.fromkeys(name for each in kinds for name in _written_keys(each)))


def _written_keys(kind: type[Record]) -> list[str]:
    """The keys of a record as users write them: its own before those that others have too; a layer's kind is no key."""
    own = [name for each in kind.__mro__ if issubclass(each, Record) for name in get_annotations(each)]
    fields = {name: kind.model_fields[name] for name in own if name in kind.model_fields and name != "kind"}
    return [field.alias or name for name, field in fields.items()]


def _fields(kind: type[Record], name: str) -> list[Any]:
    return [field.annotation for own, field in kind.model_fields.items() if name in (own, field.alias)]


def _records(annotation: Any) -> list[type[Record]]:
    """The records that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for part in get_args(annotation) for record in _records(part)]
