"""Polygonal fault systems: an interval broken into columns, each of which has sunk by itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from geocnn.synthetic.slip import Break, Places

__all__ = ["Polygons"]


@dataclass(frozen=True)
class Polygons:
    """Columns around sites, bounded by walls that no layer outside the interval is broken by.

    Parameters
    ----------
    sites
        Place (x, y) of each column in m, and by how many m it has sunk where that is most.
    top, base
        Depths in m between which rock is broken.
    lean
        How far walls lean: m sideways per m down, away from columns that have sunk.
    """

    sites: tuple[tuple[float, float, float], ...]
    top: float
    base: float
    lean: float

    def undone(self, places: Places, steps: tuple[float, float, float]) -> tuple[Places, Break]:
        """As `Slip.undone`; the throw is the difference of two neighbouring columns.

        Notes
        -----
        A column holds what is nearer to its site than to any other (Voronoi). The wall to the next site at d lies where
        the squared distances are equal; |d2² − d1²| / 2 d is the distance from it.
        """
        middle, half = (self.top + self.base) / 2, (self.base - self.top) / 2
        down = (places.z - middle) / half
        share = (1 - down * down).clamp(min=0)
        shape = (places.x + places.y + places.z).shape
        device = places.z.device
        first, second = (torch.full(shape, torch.inf, device=device) for _ in range(2))
        mine, next_ = (torch.zeros(shape, dtype=torch.int32, device=device) for _ in range(2))
        sites = torch.tensor(self.sites, device=device)
        most = max(abs(throw) for *_, throw in self.sites) or 1.0
        for number, (x, y, throw) in enumerate(self.sites):
            # A column that sinks is the wider the deeper: its walls lean as those of normal faults.
            lean = self.lean * throw / most * half
            square = (places.x - x) ** 2 + (places.y - y) ** 2 - (2 * lean) * (places.z - middle)
            nearest, nearer = square < first, square < second
            next_ = torch.where(nearest, mine, torch.where(nearer, number, next_))
            second = torch.where(nearest, first, torch.where(nearer, square, second))
            mine = torch.where(nearest, number, mine)
            first = torch.where(nearest, square, first)
        apart = torch.cdist(sites[:, :2], sites[:, :2])[mine.long(), next_.long()]
        distance = (second - first) / (apart.clamp(min=1.0) * (steps[0] + steps[1]))
        throws = sites[:, 2]
        sunk, beside = throws[mine.long()], throws[next_.long()]
        before = Places(places.x, places.y, places.z - sunk * share)
        return before, Break(torch.where(share > 0, distance, torch.inf), (sunk - beside) * share)
