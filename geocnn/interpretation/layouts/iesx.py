"""IESX's sticks: columns of fixed width, coordinates alone."""

from __future__ import annotations

from geocnn.interpretation.layouts.layout import Layout, Node, numbers

__all__ = ["STICKS"]


def _stick(line: str) -> Node | None:
    place = numbers([line[:16], line[16:32], line[38:48]])
    stick = line[32:38].split()
    if place is None or not stick or not stick[0].isdigit():
        return None
    return Node((place[0], place[1]), None, None, place[2], stick=stick[0])


STICKS = Layout("sticks", "columns: X 1-16, Y 17-32, stick 33-38, Z 39-48", _stick)
