"""The config as commented YAML: each choice below its reason."""

from __future__ import annotations

import json
import math
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from geocnn.proposal.choice import Choice
from geocnn.proposal.fingerprint import Pair
from geocnn.survey.content import split_name
from geocnn.survey.options import SurveyOptions

__all__ = ["config_text", "pair_lines"]

WIDTH = 110

PLAIN = re.compile(r"[A-Za-z_./~][\w./*~+@-]*(?::/?[A-Za-z_/][\w./*-]*)?", re.ASCII)
"""Text that YAML reads as it is."""

WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ".", ".nan", ".inf"))


def config_text(head: Sequence[str], pairs: Sequence[str], choices: Sequence[Choice]) -> str:
    """A config as text.

    Parameters
    ----------
    head
        Lines of the comment that it begins with.
    pairs
        Entries of ``data.train`` (see `pair_lines`).
    choices
        In the order of the config; those of one section follow each other.
    """
    lines = [f"# {line}".rstrip() for line in head]
    section = ""
    for choice in choices:
        name, _, key = choice.key.rpartition(".")
        if name != section:
            lines += ["", f"{name}:"] if name else []
            if name == "data":
                lines += ["  train:", *(f"    - {pair}" for pair in pairs)]
            section = name
        indent = "  " if name else ""
        if not name:
            lines.append("")
        lines += _comment(choice.why, indent)
        lines += _entry(key, choice, indent)
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> list[str]:
    """A comment in as many lines as it takes; no line begins with what belongs to the number before."""
    prefix = f"{indent}# "
    lines = textwrap.wrap(
        re.sub(r" (?=[%×])|(?<=×) ", "\N{NO-BREAK SPACE}", text),
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _entry(key: str, choice: Choice, indent: str) -> Iterator[str]:
    """A key with its value: on its line, but for layers and lists with notes, whose items take a line each."""
    value = choice.value
    if choice.notes:
        yield f"{indent}{key}:"
        yield from (f"{indent}  - {_flow(item)}  # {note}" for item, note in zip(value, choice.notes, strict=True))
    elif isinstance(value, Mapping) and "layers" in value:
        yield f"{indent}{key}:"
        yield from (f"{indent}  {name}: {_flow(part)}" for name, part in value.items() if name != "layers")
        yield f"{indent}  layers:"
        yield from _layers(value["layers"], f"{indent}    ")
    else:
        yield f"{indent}{key}: {_flow(value)}"


def _layers(layers: Sequence[Any], indent: str) -> Iterator[str]:
    """Layers, those inside others further to the right."""
    for layer in layers:
        blocks = [key for key, value in layer.items() if isinstance(value, list) and any(map(_is_layer, value))]
        if not blocks:
            yield f"{indent}- {_flow(layer)}"
            continue
        for position, (key, value) in enumerate(layer.items()):
            start = f"{indent}- " if position == 0 else f"{indent}  "
            if key in blocks:
                yield f"{start}{key}:"
                yield from _layers(value, f"{indent}    ")
            else:
                yield f"{start}{key}: {_flow(value)}"


def _is_layer(value: object) -> bool:
    return isinstance(value, Mapping)


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return ".nan" if math.isnan(value) else repr(value)
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else json.dumps(value, ensure_ascii=False)
    return str(value)


def pair_lines(pairs: Sequence[Pair], options: SurveyOptions, folder: Path) -> list[str]:
    """Entries of ``data.train``, with paths as they are seen from the folder of the config.

    Paths that were given as absolute ones stay so.
    """
    said = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if getattr(options, field.name) != field.default
    }
    lines = []
    for pair in pairs:
        images = [_from(folder, name) for name in pair.images]
        image: Any = images[0] if len(images) == 1 else images
        lines.append(_flow({"image": image, "label": _from(folder, pair.label), **said}))
    return lines


def _from(folder: Path, name: str) -> str:
    """A file's name as it is seen from a folder; a data set stays behind it."""
    path, inside = split_name(name)
    seen = str(path) if path.is_absolute() else os.path.relpath(path.absolute(), folder.absolute())
    return seen if inside is None else f"{seen}:{inside}"
