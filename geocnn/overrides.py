"""Values from the command line that take the place of a config's: ``training.steps=100``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from geocnn.errors import ConfigError, Fault
from geocnn.marked import KeyPath, parse_value
from geocnn.records import key_path

__all__ = ["blame", "overridden"]


def overridden(data: object, overrides: Sequence[str], faults: list[Fault]) -> object:
    """A copy of plain data with each ``key.path=value`` set, the value read as YAML.

    Parameters
    ----------
    data
        As from YAML. Mappings on the way to a key are made where they are missing.
    overrides
        In order; the last of several for one key counts.
    faults
        Takes what is wrong with the overrides.
    """
    changed = _copied(data)
    for override in overrides:
        key, equals, text = override.partition("=")
        try:
            value = parse_value(text, f"--set {key}")
        except ConfigError as error:
            faults.extend(replace(fault, line=None) for fault in error.faults)
            continue
        if not (equals and _put(changed, key_path(key), value)):
            faults.append(
                Fault(
                    f"--set {override} sets nothing",
                    expected="a key of the config and a value",
                    do="write, for example, --set training.steps=100 or --set 'data.train[0].iline=9'",
                )
            )
    return changed


def _copied(data: object) -> object:
    """A copy in which aliases of the YAML are values of their own, so that a change of one changes no other."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list) else data


def _put(place: object, path: KeyPath, value: object) -> bool:
    """Put a value at a path; whether there is such a place."""
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(place, dict) and isinstance(part, str):
            if last:
                place[part] = value
            elif place.get(part) is None:
                place[part] = {}
            place = place[part]
        elif isinstance(place, list) and isinstance(part, int) and part < len(place):
            if last:
                place[part] = value
            place = place[part]
        else:
            return False
    return bool(path)


def blame(fault: Fault, overrides: Sequence[str]) -> Fault:
    """The fault with the override that wrote its value as its place, instead of a line of the file."""
    for override in reversed(overrides):
        key = override.partition("=")[0]
        if fault.key == key or fault.key.startswith((f"{key}.", f"{key}[")):
            return replace(fault, file=f"--set {override}", line=None)
    return fault
