"""Options that several commands share."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from geocnn.errors import UsageError
from geocnn.survey.options import SurveyOptions

__all__ = [
    "DeviceOption",
    "JsonOption",
    "OverwriteOption",
    "PrecisionOption",
    "read_bytes",
    "read_sizes",
    "record_options",
    "survey_options",
]

DeviceOption = Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bf16"],
    typer.Option(help="Arithmetic; auto is bf16 on a GPU that has it, float32 elsewhere."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]


def read_bytes(text: str) -> int:
    """``8GB`` of an option --memory as a number of bytes."""
    match = re.fullmatch(r"([0-9.]+)\s*(?:([KMGT])I?B?|B)", text.strip().upper())
    try:
        size = float(match[1]) * 1000 ** " KMGT".index(match[2] or " ") if match else 0
    except ValueError:
        size = 0
    if not 1 <= size < 1e18:
        raise UsageError(f"--memory {text}", expected="a size such as 8GB or 500MB", do="write number and unit")
    return int(size)


def read_sizes(option: str, text: str, expected: str, do: str) -> tuple[int, ...]:
    """``64,64,64`` of an option as numbers from 1 on."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", part) and int(part) for part in parts):
        raise UsageError(f"{option} {text[:80]}", expected=expected, do=do)
    return tuple(map(int, parts))


def record_options(record: type, panel: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every field of a record as an option; it receives them as one such record, `options`.

    A field is ``Annotated[type, help]``. A name that the command has itself stays the command's.
    """
    hints = get_type_hints(record, include_extras=True)

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        free = [field for field in fields(record) if field.name not in own]
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=list(field.default) if isinstance(field.default, tuple) else field.default,
                annotation=_option(field.name, hints[field.name], panel),
            )
            for field in free
        ]

        @wraps(command)
        def with_options(**arguments: Any) -> None:
            said = {field.name: arguments.pop(field.name) for field in free}
            options = record(**{name: tuple(each) if isinstance(each, list) else each for name, each in said.items()})
            command(**arguments, options=options)

        parameters = [*(p.replace(kind=p.KEYWORD_ONLY) for p in own.values() if p.name != "options"), *shared]
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return with_options

    return decorated


survey_options = record_options(SurveyOptions, "Survey options")


def _option(name: str, hint: Any, panel: str) -> Any:
    """The command-line form of a field ``Annotated[type, help]``."""
    kind, text = get_args(hint)
    if get_origin(kind) is tuple:
        kind = list[str]
    elif str in get_args(kind):
        kind = str | None
    flag = "--" + name.replace("_", "-")
    return Annotated[kind, typer.Option(flag, help=text, rich_help_panel=panel)]
