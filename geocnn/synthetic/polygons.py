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
        In m: the wall between columns at a distance d whose throws differ by the share s of the largest one is moved
        by s lean / d sideways for each m down, so that cot(dip) = s lean / d; towards the column that has sunk more,
        as normal faults dip.
    """

    sites: tuple[tuple[float, float, float], ...]
    top: float
    base: float
    lean: float

    def undone(self, places: Places, steps: tuple[float, float, float]) -> tuple[Places, Break]:
        """As `Slip.undone`; the throw is the difference of two neighbouring columns. Rock moves vertically alone.

        Notes
        -----
        A column holds what is nearer to its site than to any other (Voronoi), with a weight that changes with depth.
        The wall to the next site at d lies where the squared distances are equal; |d2² − d1²| over its gradient, 2 d
        along the level and 2 s lean downwards, is the distance from it.
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
            # A column that sinks is the narrower the deeper: it is the hanging wall of normal faults on all sides.
            lean = self.lean * throw / most
            square = (places.x - x) ** 2 + (places.y - y) ** 2 + (2 * lean) * (places.z - middle)
            nearest, nearer = square < first, square < second
            next_ = torch.where(nearest, mine, torch.where(nearer, number, next_))
            second = torch.where(nearest, first, torch.where(nearer, square, second))
            mine = torch.where(nearest, number, mine)
            first = torch.where(nearest, square, first)
        throws = sites[:, 2]
        level = torch.cdist(sites[:, :2], sites[:, :2]) * (steps[0] + steps[1])
        steep = (throws[:, None] - throws) * (2 * self.lean / most * steps[2])
        gradient = torch.hypot(level, steep).clamp(min=1e-3)
        distance = (second - first) / gradient[mine.long(), next_.long()]
        sunk, beside = throws[mine.long()], throws[next_.long()]
        before = Places(places.x, places.y, places.z - sunk * share)
        return before, Break(torch.where(share > 0, distance, torch.inf), (sunk - beside) * share)
