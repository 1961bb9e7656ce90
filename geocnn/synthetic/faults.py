"""Synthetic cubes with planar faults, and where the faults are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, prod, radians, sin, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geocnn.errors import UsageError
from geocnn.survey.survey import FloatArray
from geocnn.synthetic.recipes import DT, FaultRecipe, Range
from geocnn.synthetic.structure import Fault, Fold, Structure, positions
from geocnn.synthetic.waves import band_limited_noise, convolve_traces, read_off, ricker

__all__ = ["SMALLEST", "Shape", "draw_structure", "fault_cube", "require_shape"]

Shape = tuple[int, int, int]
Place = NDArray[np.float64]

LATERAL = 128
"""Lateral extent that the numbers of a recipe hold for."""

FOLD_MARGIN = 36
"""How far outside the cube the centre of a fold may lie."""

GENTLE = 3.0
"""Least ratio of the extent of a fault to its largest slip: layers are stretched by no more than a third."""

CANDIDATES = 32
"""Places tried for a fault before one nearer to another is taken."""

SMALLEST, MOST_SAMPLES = 8, 2**30


def fault_cube(shape: Shape, seed: int | Sequence[int], recipe: FaultRecipe) -> tuple[FloatArray, NDArray[np.uint8]]:
    """A synthetic survey (I, X, S), z-scored, at 4 ms; and its label: 1 on faults, about two samples thick, else 0.

    The same shape, seed and recipe give the same bytes.

    Raises
    ------
    UsageError
        If an axis is too short, or the cube too large for memory.

    Notes
    -----
    The order of operations is that of X. Wu and others (2019): random reflectivity, the same everywhere; folding;
    shear; faulting; convolution with a Ricker wavelet, after faulting, so that breaks are blurred as in an image;
    noise; z-score. Motions are undone sample by sample instead of resampling a larger model again and again, so that
    breaks stay sharp and nothing is missing at the faces.
    """
    require_shape(shape)
    rng = np.random.default_rng(seed)
    structure = draw_structure(rng, shape, recipe)
    layers = _draw_layers(rng, shape, recipe)
    frequency = _within(rng, recipe.frequency)
    wavelet = ricker(frequency, half_length=ceil(1 / (frequency * DT)))
    image = np.empty(shape, np.float32)
    label = np.empty(shape, np.uint8)
    for lines in _slabs(shape):
        image[lines], label[lines] = _synthesise(structure, layers, wavelet, lines, shape)
    noise_level = image.std(dtype=np.float64) / _within(rng, recipe.signal_to_noise)
    for lines in _slabs(shape):
        image[lines] += np.float32(noise_level) * band_limited_noise(rng, image[lines].shape, recipe.noise_band)
    image -= np.float32(image.mean(dtype=np.float64))
    image /= np.float32(image.std(dtype=np.float64))
    return image, label


def require_shape(shape: Shape) -> None:
    """Refuse a shape that holds no cube, or too much for memory.

    Raises
    ------
    UsageError
        If an axis is shorter than 8, or the whole is above 2^30 samples.
    """
    if min(shape) < SMALLEST or prod(shape) > MOST_SAMPLES:
        raise UsageError(
            f"a cube of {' × '.join(map(str, shape))} samples",
            expected=f"at least {SMALLEST} on each axis, {MOST_SAMPLES:,} in all at most",
            do="choose another shape: inlines, crosslines, samples",
        )


def draw_structure(rng: np.random.Generator, shape: Shape, recipe: FaultRecipe) -> Structure:
    """Random folds, shear and faults for a cube of that shape."""
    area = (shape[0] + 2 * FOLD_MARGIN) * (shape[1] + 2 * FOLD_MARGIN)
    bumps = _number(rng, recipe.folds, area / (LATERAL + 2 * FOLD_MARGIN) ** 2)
    scale = sqrt(shape[0] * shape[1]) / LATERAL
    margin = np.minimum(np.array(shape) / LATERAL, 1) * recipe.margin
    centres = _centres(rng, (margin, shape - margin), _number(rng, recipe.faults, scale), recipe.spacing * scale)
    return Structure(
        folds=[_draw_fold(rng, shape, recipe) for _ in range(bumps)],
        depth=max(LATERAL, shape[2]),
        shear=(_signed(rng, recipe.shear), _signed(rng, recipe.shear)),
        faults=[_draw_fault(rng, centre, shape[2] / 4, recipe) for centre in centres],
        visible=recipe.visible,
    )


def _number(rng: np.random.Generator, numbers: tuple[int, int], scale: float) -> int:
    """A random number of structures, scaled; one at least."""
    return max(1, round(scale * int(rng.integers(numbers[0], numbers[1], endpoint=True))))


def _centres(rng: np.random.Generator, box: tuple[Place, Place], number: int, spacing: float) -> Place:
    """Centres of faults (number, 3) in a box; from each other at least `spacing`, as far as there is room."""
    centres = np.empty((0, 3))
    while len(centres) < number:
        candidates = rng.uniform(*box, (CANDIDATES, 3))
        distances = np.linalg.norm(candidates[:, None] - centres, axis=-1).min(axis=1, initial=np.inf)
        centres = np.vstack([centres, candidates[np.argmax(np.minimum(distances, spacing))]])
    return centres


def _draw_fold(rng: np.random.Generator, shape: Shape, recipe: FaultRecipe) -> Fold:
    centre = [float(rng.uniform(-FOLD_MARGIN, size + FOLD_MARGIN)) for size in shape[:2]]
    return Fold((centre[0], centre[1]), _signed(rng, recipe.fold_height), _within(rng, recipe.fold_width))


def _draw_fault(rng: np.random.Generator, centre: Place, most_throw: float, recipe: FaultRecipe) -> Fault:
    azimuth, dip = float(rng.uniform(0, 360)), _within(rng, recipe.dip)
    throw = _signed(rng, (min(recipe.throw[0], most_throw / 2), min(recipe.throw[1], most_throw)))
    profile: Literal["linear", "gaussian"] = "linear" if rng.random() < 0.5 else "gaussian"
    extent = _within(rng, recipe.tip if profile == "linear" else recipe.width)
    gentle = GENTLE * abs(throw) / sin(radians(dip))
    inline, crossline, sample = centre.tolist()
    return Fault((inline, crossline, sample), azimuth, dip, throw, profile, max(extent, gentle))


def _draw_layers(rng: np.random.Generator, shape: Shape, recipe: FaultRecipe) -> FloatArray:
    """Reflection coefficients of the flat layering, one a sample of depth.

    They begin again after so many samples, more than the structure of a cube can lift or sink its layers.
    """
    size = 1 << (4 * (shape[2] + LATERAL)).bit_length()
    layers = rng.uniform(-1, 1, size)
    layers[rng.random(size) >= recipe.interfaces] = 0
    return layers.astype(np.float32)


def _synthesise(
    structure: Structure, layers: FloatArray, wavelet: FloatArray, lines: slice, shape: Shape
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Noiseless traces and faults of some inlines, modelled beyond top and base by half a wavelet."""
    half = len(wavelet) // 2
    size = (lines.stop - lines.start, shape[1], shape[2] + 2 * half)
    depth, faulted = structure.at(positions(size, (lines.start, 0, -half)))
    return convolve_traces(read_off(layers, depth), wavelet), faulted[..., half:-half]


def _slabs(shape: Shape) -> Iterator[slice]:
    """Inlines in groups whose arrays stay in the cache."""
    thickness = max(1, 2**17 // (shape[1] * shape[2]))
    for start in range(0, shape[0], thickness):
        yield slice(start, min(start + thickness, shape[0]))


def _within(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))


def _signed(rng: np.random.Generator, limits: Range) -> float:
    """A number whose magnitude lies within limits, of either sign."""
    return _within(rng, limits) * float(rng.choice((-1, 1)))
