"""Arrays without headers: .npy files, and cubes of bare numbers whose shape the user tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import SurveyError
from geocnn.grid import Grid, Window
from geocnn.output import NewFile
from geocnn.survey import content
from geocnn.survey.array import ArrayOnDisk
from geocnn.survey.array_file import ArrayFile
from geocnn.survey.content import NPY_MAGIC, is_text, kind_of
from geocnn.survey.disk import OpenFile, reserve
from geocnn.survey.naming import AxisNames, array_name, bare_axis, count_remarks, guessed_axes, listed, told_axes
from geocnn.survey.options import SurveyOptions
from geocnn.survey.packing import pack, type_named
from geocnn.survey.survey import Domain, FloatArray, NewSurvey, Survey, SurveyWriter

__all__ = ["RawSurvey", "RawWriter"]

NPY = ".npy"

TYPE = re.compile(r"[<>=|]?(?:[iu][1248]|f[248]|b1)|u?int(?:8|16|32|64)|float(?:16|32|64)|bool")
"""Types of samples: NumPy's names and codes of numbers, and nothing else that NumPy would take."""


class RawSurvey(ArrayOnDisk):
    """A .npy file, or a headerless cube, as a survey.

    Parameters
    ----------
    path
        The file.
    options
        Names of the axes, dt, t0 and domain; of a headerless cube also shape, type and order.
    partner
        The survey that goes with it: axes without names take the order that fits its sizes.

    Raises
    ------
    SurveyError
        If the file is not as long as its shape and type say, holds no numbers, or its axes cannot be understood.
    """

    def __init__(self, path: Path, options: SurveyOptions, partner: Survey | None = None) -> None:
        self._path = path
        self.name = str(path)
        self._mapped: NDArray[Any] | None = None
        self._npy = _is_npy(path)
        self._layout = _npy_layout(path) if self._npy else _told_layout(path, options)
        shape = self._layout.shape
        self.axis_names = _axis_names(self.name, shape, options, partner)
        names = self.axis_names.names
        self.channels = shape[names.index("channel")] if "channel" in names else 1
        self.domain = Domain(options.domain or "time", "--domain" if options.domain else "assumed")
        lateral = [axis for axis in self.axis_names.order if axis != "channel"]
        self.grid = Grid(tuple(bare_axis(axis, shape[names.index(axis)], self.domain, options) for axis in lateral))
        self.counted = frozenset(axis.name for axis in self.grid.axes if not axis.unit)
        self.null = options.null
        self.remarks = (*self.axis_names.remarks, *count_remarks(self.counted))

    def block(self, window: Window, selection: tuple[slice, ...]) -> NDArray[Any]:
        return self._array[selection]

    @property
    def description(self) -> Mapping[str, str]:
        kind = self._kind
        order = "Fortran order" if self._layout.order == "F" else "C order"
        what = "NumPy array" if self._npy else "headerless cube"
        ends = {">": "big-endian", "|": "single bytes"}.get(kind.str[0], "little-endian")
        return {
            "format": f"{what}, {kind.name}, {ends}, {order}",
            "order in the file": f"{', '.join(self.axis_names.names)} ({self.axis_names.source})",
        }

    @property
    def _kind(self) -> np.dtype[Any]:
        return self._layout.kind

    @property
    def _array(self) -> NDArray[Any]:
        """The samples as they lie in the file, mapped by each process for itself."""
        if self._mapped is None:
            shape, kind, order, start = self._layout
            self._mapped = np.memmap(self._path, kind, "r", start, shape, order)
        return self._mapped

    def __getstate__(self) -> dict[str, Any]:
        # A pickled map would carry the whole file.
        return {**self.__dict__, "_mapped": None}


def _is_npy(path: Path) -> bool:
    return path.suffix.lower() == NPY or kind_of(path) == content.NPY


def _axis_names(name: str, shape: tuple[int, ...], options: SurveyOptions, partner: Survey | None) -> AxisNames:
    if options.axes is not None:
        return told_axes(listed(options.axes), "--axes", name, shape)
    return guessed_axes(name, shape, partner)


class Layout(NamedTuple):
    """Shape, type, order (C or F) and first byte of the samples in a file."""

    shape: tuple[int, ...]
    kind: np.dtype[Any]
    order: Literal["C", "F"] = "C"
    start: int = 0

    @property
    def stop(self) -> int:
        """The byte after the last sample."""
        return self.start + prod(self.shape) * self.kind.itemsize


def _told_layout(path: Path, options: SurveyOptions) -> Layout:
    """Shape, type and order as the user says, checked against the size of the file."""
    found = path.stat().st_size
    if options.shape is None or options.dtype is None:
        if found and is_text(path):
            raise SurveyError(
                f"{path} is a text file, and no survey",
                expected="a survey: SEG-Y, HDF5, .npy or a headerless cube",
                do="fault sticks and horizons are read by geocnn label, and in a config by label: {file: …}",
            )
        missing = [f"--{name}" for name in ("shape", "dtype") if getattr(options, name) is None]
        raise SurveyError(
            f"{path} is a headerless cube of {found:,} bytes{_guesses(found)}; {' and '.join(missing)} not given",
            expected="its shape and type, which it does not tell",
            do="pass them, such as --shape 128,128,128 --dtype float32 (config: shape, dtype), and --axes",
        )
    shape, kind = _shape(options.shape), _type(options.dtype)
    if prod(shape) * kind.itemsize != found:
        raise SurveyError(
            f"{path} has {found:,} bytes; {' × '.join(map(str, shape))} of {options.dtype} are "
            f"{prod(shape) * kind.itemsize:,}",
            expected="a file as long as --shape and --dtype say",
            do=_nearby(found, shape, kind),
        )
    return Layout(shape, kind, options.order)


NPY_KEYS = {
    "descr": re.compile(rf"'descr': *'({TYPE.pattern})'"),
    "fortran_order": re.compile(r"'fortran_order': *(True|False)"),
    "shape": re.compile(r"'shape': *\(((?:[1-9]\d{0,11}, *)*(?:[1-9]\d{0,11})?)\)"),
}
"""What the header of a .npy file says, and nothing else that Python could read out of it."""

MOST_HEADER = 4096


def _npy_layout(path: Path) -> Layout:
    """Shape, type, order and start by the header of a .npy file, checked against the size of the file."""
    with path.open("rb") as file:
        head = file.read(MOST_HEADER)
    # After the magic: version, and the length of the header in two bytes, from version 2 on in four.
    width = 2 if head[6:7] == b"\x01" else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    start = 8 + width + length
    text = head[8 + width : start].decode("latin-1")
    said = {key: match[1] for key, pattern in NPY_KEYS.items() if (match := pattern.search(text))}
    if not head.startswith(NPY_MAGIC) or said.keys() != NPY_KEYS.keys() or start > MOST_HEADER or not said["shape"]:
        raise SurveyError(
            f"{path} is no .npy file of numbers on one axis or more"
            + (f": its header says {text.strip()[:100]}" if head.startswith(NPY_MAGIC) else ""),
            expected="an array of numbers as numpy.save writes it",
            do="save the samples alone, as an array of numbers",
        )
    shape = tuple(int(size) for size in said["shape"].split(",") if size.strip())
    layout = Layout(shape, np.dtype(said["descr"]), "F" if said["fortran_order"] == "True" else "C", start)
    found = path.stat().st_size
    if found < layout.stop:
        raise SurveyError(
            f"{path} is cut off: {found:,} bytes of {layout.stop:,}", expected="a whole file", do="copy it again"
        )
    return layout


def _shape(said: str) -> tuple[int, ...]:
    parts = [part.strip() for part in re.split(r"[,x×]", said)]
    if not all(re.fullmatch(r"[1-9]\d{0,11}", part) for part in parts):
        raise SurveyError(f"--shape {said}", expected="whole numbers with commas, such as 400,500,462", do="correct it")
    return tuple(int(part) for part in parts)


def _type(said: str) -> np.dtype[Any]:
    if TYPE.fullmatch(said.strip()) is None:
        raise SurveyError(
            f"--dtype {said}",
            expected="a type of numbers: float32, float64, int8, int16, uint8, …, or >f4, >i2 for big-endian",
            do="correct --dtype",
        )
    return np.dtype(said.strip())


def _nearby(found: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> str:
    """What would fit the size of the file: another type, or another size of one axis."""
    width, odd = divmod(found, prod(shape))
    if not odd and width in (1, 2, 4, 8):
        types = {1: "int8 or uint8", 2: "int16 or uint16", 4: "float32 or int32", 8: "float64 or int64"}[width]
        return f"with this shape a sample has {width} bytes: --dtype {types}"
    fitting = []
    for axis, size in enumerate(shape):
        others = prod(shape) // size * kind.itemsize
        if found % others == 0 and found >= others:
            sizes = [*map(str, shape[:axis]), str(found // others), *map(str, shape[axis + 1 :])]
            fitting.append(f"--shape {','.join(sizes)}")
    return f"for example {' or '.join(fitting)}" if fitting else "correct --shape or --dtype; there may be a header"


def _guesses(found: int) -> str:
    """``, such as 128 × 128 × 128 of 4 bytes``, where the size is that of an equal-sided cube."""
    for width in (4, 1, 2, 8):
        side = round((found / width) ** (1 / 3))
        if side > 1 and side**3 * width == found:
            return f", as many as {side} × {side} × {side} samples of {width} bytes have"
    return f", {found // 4:,} samples of 4 bytes" if found % 4 == 0 else ""


class RawWriter(SurveyWriter):
    """A .npy file or a headerless cube that is written window by window, in C order, channels first if there are many.

    Neither holds line numbers, times or names of axes: the survey that it was made from has them. A headerless
    file (``.dat``, ``.bin``, ``.raw``) does not hold its shape and type either: who makes it must tell the user,
    in the form of the options ``--shape`` and ``--dtype``, which `layout` has.

    Parameters
    ----------
    file
        The file that it becomes.
    new
        What will be written.

    Attributes
    ----------
    layout
        ``--shape 128,128,128 --dtype float32 --axes inline,crossline,sample``.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """

    def __init__(self, file: NewFile, new: NewSurvey) -> None:
        self._file = file
        self._channels = new.channels
        self._type = type_named(new.sample_format, file.path)
        shape = (new.channels, *new.grid.shape) if new.channels > 1 else new.grid.shape
        names = (["channel"] if new.channels > 1 else []) + [array_name(axis) for axis in new.grid.axes]
        vertical = new.grid.axes[-1]
        times = f" --dt {vertical.step:g} --t0 {vertical.first:g}" if vertical.unit else ""
        self.layout = f"--shape {','.join(map(str, shape))} --dtype {self._type.name} --axes {','.join(names)}{times}"
        kind = self._type.newbyteorder("<")
        head = _npy_head(shape, kind) if file.path.suffix.lower() == NPY else b""
        size = len(head) + prod(shape) * kind.itemsize
        file.begin(size, lambda scratch: _make(scratch, head, size))
        with file.errors():
            self._array = ArrayFile(OpenFile(file.place), len(head), shape, kind)

    def write(self, window: Window, samples: FloatArray) -> None:
        packed, clipped = pack(samples, self._type)
        self.clipped += clipped
        with self._file.errors():
            self._array.write(self._within(window), packed)

    def sync(self) -> None:
        with self._file.errors():
            self._array.sync()

    def checksum(self, window: Window) -> int:
        with self._file.errors():
            return self._array.checksum(self._within(window))

    def commit(self) -> None:
        self._array.close()
        self._file.publish()

    def discard(self) -> None:
        self._array.close()
        self._file.discard()

    def _within(self, window: Window) -> tuple[slice, ...]:
        """The window as an index of the array, with all channels."""
        return (slice(0, self._channels), *window.slices) if self._channels > 1 else window.slices


def _npy_head(shape: tuple[int, ...], kind: np.dtype[Any]) -> bytes:
    """What precedes the samples in a .npy file."""
    head = BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, header)
    return head.getvalue()


def _make(path: Path, head: bytes, size: int) -> None:
    """A file of `size` bytes; space is taken now, so that a full disk is noticed now."""
    path.write_bytes(head)
    reserve(path, size)
