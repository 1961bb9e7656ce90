"""Why a file cannot be read as SEG-Y."""

from __future__ import annotations

from pathlib import Path

from geocnn.errors import SurveyError
from geocnn.survey.segy.formats import FORMATS
from geocnn.survey.segy.segy_file import SegyFile
from geocnn.survey.segy.walk import fitting

__all__ = ["cut_off", "not_segy", "swapped_pairs", "unknown_format"]


def not_segy(path: Path, why: str) -> SurveyError:
    """It is something else."""
    return SurveyError(
        f"{path} {why}: it is no SEG-Y file",
        expected=f"3,600 bytes of headers, with a sample format code of {', '.join(map(str, FORMATS))}",
        do="name a SEG-Y file; if it is one and only the code is wrong, pass --sample-format",
    )


def unknown_format(path: Path, code: int) -> SurveyError:
    """Its samples are of a format that the standard has not."""
    return SurveyError(
        f"{path} has samples of format {code}",
        expected=", ".join(f"{known.code} ({known.words})" for known in FORMATS.values()),
        do="convert the file, or pass --sample-format if the code is wrong",
    )


def swapped_pairs(path: Path, constant: bytes) -> SurveyError:
    """Its bytes are swapped in pairs, as some tape readers leave them."""
    return SurveyError(
        f"{path} has bytes swapped in pairs: its byte order constant (bytes 3297-3300) is {constant.hex(' ')}",
        expected="01 02 03 04 (big-endian) or 04 03 02 01 (little-endian)",
        do="swap them back, such as by dd conv=swab, or export the file again",
    )


def cut_off(path: Path, size: int, said: list[SegyFile]) -> SurveyError:
    """No reading of its headers leads to traces."""
    if not said:
        return not_segy(path, "has 0 samples a trace in its binary header and its first trace header")
    layout = said[0]
    left = size - layout.start
    if left <= 0:
        return SurveyError(
            f"{path} holds no traces: its {size:,} bytes end with the headers",
            expected=f"traces from byte {layout.start:,} on",
            do="copy the file again",
        )
    if layout.traces == 0:
        return SurveyError(
            f"{path} holds no whole trace: of {layout.trace_bytes:,} bytes ({layout.samples:,} samples) there are "
            f"{left:,} after the headers",
            expected=f"{layout.start + layout.trace_bytes:,} bytes at least",
            do="copy the file again",
        )
    names = ", ".join(known.name for known in fitting(layout))
    return SurveyError(
        f"{path} is cut off, or its headers are wrong: its {size:,} bytes hold {layout.traces:,} whole traces of "
        f"{layout.trace_bytes:,} bytes ({layout.samples:,} samples) and {layout.trailing:,} bytes more, and there are "
        f"no trace headers where they should be",
        expected=f"samples as long as those of {names}: with these there are traces up to the end"
        if names
        else "trace headers that tell the same sample count and interval",
        do="copy the file again; if its sample format is declared wrongly, pass --sample-format",
    )
