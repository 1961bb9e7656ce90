"""What a text header says of the trace headers: bytes of line numbers and coordinates, and the coordinate system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Hints", "hints"]


@dataclass(frozen=True)
class Hints:
    """What a text header says; people write it, and may be wrong.

    Parameters
    ----------
    places
        First bytes of ``inline``, ``crossline``, ``cdp_x`` and ``cdp_y``, as far as they are named.
    crs
        The lines that speak of a coordinate system, as they stand; none if no line does.
    """

    places: Mapping[str, int]
    crs: str | None


def hints(lines: Sequence[str]) -> Hints:
    """What the lines of text headers say.

    Places are found in lines such as ``INLINE: BYTES 189-192``, ``XLINE 5-8 4BYTE INT``, ``CDP X: 181``,
    ``BYTES 73-76: X COORDINATE``. Of several places for one name the first counts.
    """
    places: dict[str, int] = {}
    systems = []
    for line in lines:
        bare = _CARD.sub("", line).strip()
        found = dict(_places(bare))
        places = {**found, **places}
        if not found and _speaks_of_system(bare):
            systems.append(bare)
    return Hints(places, "; ".join(systems[:MOST_LINES]) or None)


MOST_LINES = 3
"""Lines on the coordinate system that are kept."""

_CARD = re.compile(r"^\s*C\s?\d{1,2}\b")

_NUMBER = re.compile(
    r"(?P<byte>\b(?:bytes?|loc(?:ation)?s?|pos(?:ition)?s?|b)\b\.?\s*(?:number|no\.?|nr\.?)?\s*[:=#@]?\s*|@\s*)?"
    r"(?<![\d.,-])(?P<first>\d{1,3})(?:\s*(?:-|–|to|\.\.)\s*(?P<last>\d{1,3}))?(?![\d,.]*\d)"
    r"(?P<kind>\s*[,:(/]?\s*(?:\d\s*-?\s*bytes?|int(?:eger)?\d*|i\d|float\d*|long|ibm)\b.*?(?=[,;|¦)]|\s{2}|$))?",
    re.IGNORECASE,
)
"""A number, with what may mark it as a place: the word before it, an end, the kind of the field behind it."""

_OF = r"(?:(?:cdp|cmp|bin|ensemble|ens|trace|utm|map|world)[-_ ]*)?"
_NAMES = {
    "inline": r"(?:in|i)[-_ ]?lines?|inl|il",
    "crossline": r"(?:cross|x|c)[-_ ]?lines?|xln?|crl",
    "cdp_x": _OF + r"x(?:[-_ ]*(?:coord|pos|utm)[a-z.]*)?|easting",
    "cdp_y": _OF + r"y(?:[-_ ]*(?:coord|pos|utm)[a-z.]*)?|northing",
}
_NAME = re.compile(
    "|".join(rf"(?<![a-z])(?P<{name}>{words})(?![a-z]|[-_ ]?lines?\b)" for name, words in _NAMES.items()), re.IGNORECASE
)
_ANOTHER = re.compile(
    r"scal|factor|source|src|receiver|group|geophone|shot|\brec\b|\bmin\b|\bmax\b|\bunits?\b|\bfirst\b|\blast\b|\brange\b",
    re.IGNORECASE,
)
"""Fields with X or Y in their names that are no coordinates of the trace, and numbers that are no places."""

_BARE = frozenset({73, 77, 81, 85, *range(181, 238, 4)})
"""Places believed without any mark: line numbers are often 5, 9 or 17."""

LAST = 237
"""Last byte at which a 4-byte field may begin."""


def _places(line: str) -> Iterator[tuple[str, int]]:
    """Names in a line, and the first bytes that go with them: a number's name is before it, or else behind it."""
    numbers = [match for match in _NUMBER.finditer(line) if _is_place(match)]
    if not numbers:
        return
    edges = [0, *(match.end() for match in numbers)], [*(match.start() for match in numbers), len(line)]
    between = [line[start:stop] for start, stop in zip(*edges, strict=True)]
    behind = re.search(r"[A-Za-z]", between[0]) is None
    labels = between[1:] if behind else between[:-1]
    for label, match in zip(labels, numbers, strict=True):
        names = [name for found in _NAME.finditer(label) for name, text in found.groupdict().items() if text]
        if names and not _ANOTHER.search(label):
            yield names[0 if behind else -1], int(match["first"])


def _is_place(match: re.Match[str]) -> bool:
    """Whether a number is a place in a header, not the number of a line."""
    first, last = int(match["first"]), int(match["last"] or 0)
    if not 1 <= first <= LAST:
        return False
    length = last - first + 1 if last else 0
    # Some count the last byte in, some do not.
    if match["byte"] or match["kind"]:
        return length in (0, 2, 3, 4, 5)
    return first in _BARE if not last else length == 4 and first % 4 == 1 and first > 1


_SYSTEM = re.compile(
    r"\b(?:EPSG|UTM|WGS[ -]?(?:19)?[78]\d|ED[ -]?50|ETRS|NAD[ -]?(?:19)?(?:27|83)|GDA ?\d\d|AGD ?\d\d|MGA\b|OSGB|"
    r"SAD[ -]?69|NZ(?:TM|GD)|SIRGAS|Pulkovo|Gauss|Kr(?:ü|ue?)ger|Lambert|Transverse|Mercator)",
    re.IGNORECASE,
)
_SYSTEM_NAMED = re.compile(
    r"\b(?:projection|datum|spheroid|ellipsoid|CRS|coordinate (?:reference )?system)\s*(?:name|id)?\s*[:=]+"
    r"\s*[A-Z]\w+",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:[am]?sl|sea|level|elevation|velocity|static|seismic|processing|unknown|none|n/a)\b", re.IGNORECASE
)
"""Of a datum, words that make it one of heights, or of nothing."""


def _speaks_of_system(line: str) -> bool:
    """Whether a line tells the coordinate system; forms that nobody filled in do not."""
    if _SYSTEM.search(line):
        return True
    named = _SYSTEM_NAMED.search(line)
    return named is not None and not _LEVEL.search(line)
