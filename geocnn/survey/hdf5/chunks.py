"""How a data set lies in its file: chunks, compression, and what reading a patch of it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import NamedTuple

import h5py

from geocnn.errors import SurveyError
from geocnn.survey.naming import AxisNames

__all__ = ["access_of", "chunk_remarks", "filter_names", "require_filters"]

PATCH = 64
"""Positions of a patch on each axis, as training draws them and prediction reads them, more or less."""

MOST_READ = 16
"""Bytes to decompress for each byte of a patch above which the user is told."""

LEAST_CACHE, MOST_CACHE = 8 * 2**20, 256 * 2**20
"""Bytes of the chunk cache of a data set."""

MOST_SLOTS = 1_000_000

BLOSC = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
BITSHUFFLE = {2: "lz4", 3: "zstd"}


def _of_table(names: Sequence[str], place: int) -> Callable[[Sequence[int]], str]:
    """Name of the compressor that a filter's parameters tell at a place."""
    return lambda values: f":{names[values[place]]}" if len(values) > place and values[place] < len(names) else ""


def _plain(values: Sequence[int]) -> str:
    return ""


class Filter(NamedTuple):
    """A filter of chunks: its name, and what its parameters say of the compressor within."""

    name: str
    within: Callable[[Sequence[int]], str] = _plain


FILTERS = {
    1: Filter("gzip"),
    2: Filter("shuffle"),
    3: Filter("fletcher32"),
    4: Filter("szip"),
    5: Filter("nbit"),
    6: Filter("scaleoffset"),
    307: Filter("bzip2"),
    32000: Filter("lzf"),
    32001: Filter("blosc", _of_table(BLOSC, 6)),
    32004: Filter("lz4"),
    32008: Filter("bitshuffle", lambda values: f":{BITSHUFFLE[values[4]]}" if values[4:5] in ((2,), (3,)) else ""),
    32013: Filter("zfp"),
    32015: Filter("zstd"),
    32017: Filter("sz"),
    32024: Filter("sz3"),
    32026: Filter("blosc2", _of_table(BLOSC, 6)),
}
"""Filters by their registered numbers."""


def filter_names(data: h5py.Dataset) -> tuple[str, ...]:
    """Filters of the chunks in the order of writing, such as ``shuffle``, ``gzip`` or ``blosc:zstd``."""
    return tuple(name for _, name in _filters(data))


def require_filters(data: h5py.Dataset, name: str) -> None:
    """Refuse chunks that cannot be decompressed here.

    Raises
    ------
    SurveyError
        If a filter is missing.
    """
    missing = [words for number, words in _filters(data) if not h5py.h5z.filter_avail(number)]
    if missing:
        raise SurveyError(
            f"{name} is compressed by {', '.join(missing)}",
            expected="a compression that HDF5 or hdf5plugin has: gzip, lzf, blosc, zstd, lz4, bitshuffle, zfp …",
            do="compress it anew by another one, for example with h5repack -f GZIP=4",
        )


def chunk_remarks(data: h5py.Dataset, axes: AxisNames) -> tuple[str, ...]:
    """A remark where patches of a compressed volume are dear to read; of sections, whole traces are cheap enough."""
    lateral = [axis for axis in axes.names if axis != "channel"]
    if data.chunks is None or not filter_names(data) or len(lateral) < 3:
        return ()
    sizes = zip(axes.names, data.shape, strict=True)
    patch = [size if axis == "channel" else min(PATCH, size) for axis, size in sizes]
    times = prod(_spans(data, patch)) / prod(patch)
    if times <= MOST_READ:
        return ()
    words = " × ".join(map(str, data.chunks))
    return (
        f"chunks of {words}: a patch of {' × '.join(map(str, patch))} decompresses {times:,.0f} times its own bytes; "
        "geocnn convert writes chunks of about 64 × 64 × 64",
    )


def access_of(data: h5py.Dataset) -> h5py.h5p.PropDAID:
    """Properties to open the data set anew, with a cache for the chunks of a patch, and of a slab one chunk thick."""
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    if data.chunks is None:
        return access
    slab = _spans(data, [min(data.chunks[0], data.shape[0]), *data.shape[1:]])
    patch = _spans(data, [min(PATCH, size) for size in data.shape])
    wanted = max(prod(slab), prod(patch)) * data.dtype.itemsize
    size = min(max(wanted, LEAST_CACHE), MOST_CACHE)
    # HDF5 wants about a hundred slots, best a number with few divisors, for each chunk that fits.
    slots = 100 * ceil(size / (prod(data.chunks) * data.dtype.itemsize))
    access.set_chunk_cache(min(slots, MOST_SLOTS) | 1, size, 0.75)
    return access


def _spans(data: h5py.Dataset, window: Sequence[int]) -> list[int]:
    """Positions on each axis of the chunks that a window touches, wherever it lies, on average."""
    sizes = zip(window, data.chunks, data.shape, strict=True)
    return [min(length - 1 + chunk, ceil(size / chunk) * chunk) for length, chunk, size in sizes]


def _filters(data: h5py.Dataset) -> list[tuple[int, str]]:
    """Numbers and names of the filters of a data set."""
    properties = data.id.get_create_plist()
    found = []
    for place in range(properties.get_nfilters()):
        number, _, values, own = properties.get_filter(place)
        known = FILTERS.get(number, Filter(own.decode("ascii", "replace").split(";")[0] or f"filter {number}"))
        found.append((number, known.name + known.within(values)))
    return found
