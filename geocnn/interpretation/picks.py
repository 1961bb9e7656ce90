"""Picks: nodes of fault sticks or of a horizon, as a file holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Picks"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picks:
    """Nodes in the order of a file; every array has the shape (n,).

    Parameters
    ----------
    name
        Of the file.
    format
        Its layout.
    kind
        What the nodes belong to.
    where
        Places on the map (n, 2), by what they are: ``xy`` coordinates, ``lines`` inline and crossline numbers; both, or
        ``either`` where the layout does not tell. nan where not given.
    z
        Times or depths, in the unit of the file.
    fault, stick
        Numbers that tell the faults, and the sticks of a fault, apart.
    undefined
        Nodes that the file marks as undefined; they are left out.
    tells_faults
        Whether the file tells which stick is of which fault.
    remarks
        What the user must know of how it was read.
    """

    name: str
    format: str
    kind: Literal["sticks", "horizon"]
    where: dict[Literal["xy", "lines", "either"], Floats]
    z: Floats
    fault: NDArray[np.int64]
    stick: NDArray[np.int64]
    undefined: int = 0
    tells_faults: bool = False
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.z)

    def told(self, node: int) -> str:
        """A node as its file places it: ``626570, 4300075, z 300``."""
        first, second = next(iter(self.where.values()))[node]
        return f"{first:.8g}, {second:.8g}, z {self.z[node]:g}"

    def only(self, kept: NDArray[np.bool_]) -> Self:
        """Some of the nodes, where `kept` (n,) is true."""
        where = {kind: places[kept] for kind, places in self.where.items()}
        return replace(self, where=where, z=self.z[kept], fault=self.fault[kept], stick=self.stick[kept])
