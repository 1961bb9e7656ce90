"""Which samples of a patch are dead: they stay 0, as prediction meets them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from geocnn.augment.geometry import Labels
from geocnn.survey.survey import BoolArray, FloatArray

__all__ = ["dead_samples"]

RUN = 8
"""Samples of 0 in a row from which they are dead, as in `geocnn.survey.scan`: fewer can be live samples that are 0."""


def dead_samples(image: FloatArray, label: Labels) -> BoolArray:
    """Which samples (\\*p) of an image (C, \\*p) and its label (\\*p) are dead traces, mutes, padding or nulls.

    A sample is dead if it is ignored, and 0 in all channels, in a run of at least 8 such samples along its trace. What
    lies beyond the patch counts as part of a run that reaches a face: a patch can cut off a mute.

    Notes
    -----
    Runs of at least n are what is left of an opening along the trace: the minimum of n samples, then their maximum.
    ::

        ignored and 0   · · x · · x x x x x x x x · · x x | face
        dead            · · · · · x x x x x x x x · · x x |
    """
    zero: BoolArray = (label < 0) & (image == 0).all(axis=0)
    if not zero.any():
        return zero
    beyond = [(0, 0)] * (zero.ndim - 1) + [(RUN, RUN)]
    padded = np.pad(zero, beyond, constant_values=True).astype(np.uint8)
    # The second window is the mirror image of the first, so that they make an opening; both are of even length.
    started = minimum_filter1d(padded, RUN, axis=-1, mode="nearest", origin=-(RUN // 2))
    runs: BoolArray = maximum_filter1d(started, RUN, axis=-1, mode="nearest", origin=RUN // 2 - 1).astype(np.bool_)
    return runs[..., RUN:-RUN]
