"""Survey files to measure with, made by numpy alone."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

IBM_ONE = 0x41100000


def make_segy(path: Path, shape: tuple[int, int, int], *, sparse: bool = False) -> Path:
    """A SEG-Y file of IBM floats, (inlines, crosslines, samples), inline-sorted, bins of 25 m × 12.5 m.

    A `sparse` one has headers and the samples of one trace in a hundred; the rest are holes on the disk, read as zeros.
    """
    inlines, crosslines, samples = shape
    if path.exists() and path.stat().st_size == 3600 + inlines * crosslines * (240 + 4 * samples):
        return path
    head = bytearray(" " * 3200, "cp037") + bytearray(400)
    for byte, value in {3217: 4000, 3221: samples, 3225: 1, 3501: 256, 3503: 1}.items():
        struct.pack_into(">h", head, byte - 1, value)
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(3600 + inlines * crosslines * (240 + 4 * samples))
    record = np.dtype([("header", np.uint8, 240), ("samples", ">u4", samples)])
    traces = np.memmap(path, record, "r+", 3600, (inlines, crosslines))
    rng = np.random.default_rng(0)
    line = rng.integers(2**20, 2**24, (crosslines, samples), np.uint32)
    line |= (64 + rng.integers(-2, 2, line.shape)).astype(np.uint32) << 24 | rng.integers(
        0, 2, line.shape, np.uint32
    ) << 31
    for inline in range(inlines):
        traces["header"][inline] = _headers(inline, crosslines, samples)
        chosen = slice(inline % 100, None, 100) if sparse else slice(None)
        traces["samples"][inline, chosen] = np.roll(line, inline, axis=0)[chosen]
    traces.flush()
    return path


def _headers(inline: int, crosslines: int, samples: int) -> np.ndarray:
    """Trace headers of one inline."""
    headers = np.zeros((crosslines, 240), np.uint8)
    x = np.arange(crosslines)
    fields = {
        71: (-10, ">i2"),
        115: (samples, ">u2"),
        117: (4000, ">u2"),
        181: (12.5 * 10 * x, ">i4"),
        185: (250 * inline, ">i4"),
        189: (inline + 1, ">i4"),
        193: (x + 1, ">i4"),
    }
    for byte, (value, kind) in fields.items():
        content = np.full(crosslines, value).astype(kind)[:, None].view(np.uint8)
        headers[:, byte - 1 : byte - 1 + content.shape[1]] = content
    return headers
