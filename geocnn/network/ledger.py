"""Buffers that are taken, held by several, and dropped; and the most bytes at once."""

from __future__ import annotations

__all__ = ["Ledger"]


class Ledger:
    """Buffers by number, each with its bytes and how often it is held; buffer 0 is empty and always there."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0
        self._bytes = [0]
        self._holders = [1]

    def take(self, size: int) -> int:
        """A new buffer, held once; the empty one for 0 bytes."""
        if not size:
            return 0
        self._bytes.append(size)
        self._holders.append(1)
        self.now += size
        if self.now > self.peak:
            self.peak = self.now
        return len(self._bytes) - 1

    def hold(self, buffer: int) -> int:
        """The same buffer, held once more."""
        self._holders[buffer] += 1
        return buffer

    def holders(self, buffer: int) -> int:
        """How often it is held."""
        return self._holders[buffer]

    def drop(self, *buffers: int) -> None:
        """Hold each once less; what nobody holds is given back."""
        for buffer in buffers:
            self._holders[buffer] -= 1
            if not self._holders[buffer]:
                self.now -= self._bytes[buffer]  # Of the empty one this changes nothing.
