"""Recipes of synthetic surveys: the ranges that random structures, wavelets and noise are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["DT", "RECIPES", "FaultRecipe", "Range"]

Range = tuple[float, float]

DT = 0.004
"""Sample interval of all cubes in seconds."""


@dataclass(frozen=True)
class FaultRecipe:
    """Ranges of a faulted cube; lengths in samples (positions) on every axis, angles in degrees, frequencies in Hz.

    Numbers of structures hold for a lateral extent of 128 × 128 and are scaled to others.

    Parameters
    ----------
    interfaces
        Share of the samples of the layered model that carry a reflection coefficient, drawn from −1 to 1.
    folds
        Number of Gaussian bumps that fold the layers.
    fold_height, fold_width
        Largest uplift or sag of one bump, and its standard deviation.
    shear
        Slope of the layers along inline and crossline, either way.
    faults
        Number of planar faults.
    margin, spacing
        Least distance of a fault's centre from the faces, and from another centre as far as there is room.
    dip
        Dip of the faults in voxels, from the horizontal; strikes are all equally likely.
    throw
        Vertical displacement at the centre of a fault, normal or reverse; never more than a quarter of the cube.
    tip
        Distance from the centre at which a displacement that falls off linearly ends.
    width
        Standard deviation of a displacement that falls off as a Gaussian.
    visible
        Throw from which a fault is labelled.
    frequency
        Peak frequency of the Ricker wavelet.
    noise_band
        Band of the noise.
    signal_to_noise
        Standard deviation of the signal over that of the noise.

    Raises
    ------
    ValueError
        If a range is empty or makes no sense.
    """

    interfaces: float
    folds: tuple[int, int]
    fold_height: Range
    fold_width: Range
    shear: Range
    faults: tuple[int, int]
    margin: float
    spacing: float
    dip: Range
    throw: Range
    tip: Range
    width: Range
    visible: float
    frequency: Range
    noise_band: Range
    signal_to_noise: Range

    def __post_init__(self) -> None:
        for name, (lowest, highest) in _BOUNDS.items():
            value = getattr(self, name)
            low, high = value if isinstance(value, tuple) else (value, value)
            if not lowest <= low <= high <= highest:
                raise ValueError(f"{name} {value}: not a range from {lowest:g} to {highest:g}")


_BOUNDS: dict[str, Range] = {
    "interfaces": (0.01, 1),
    "folds": (1, 1000),
    "fold_height": (0, 10),
    "fold_width": (8, 1000),
    "shear": (0, 1),
    "faults": (1, 1000),
    "margin": (0, 63),
    "spacing": (0, 64),
    "dip": (30, 89),
    "throw": (1, 100),
    "tip": (16, 10_000),
    "width": (8, 10_000),
    "visible": (0, 100),
    "frequency": (5, 0.25 / DT),
    "noise_band": (1, 0.5 / DT),
    "signal_to_noise": (0.1, 1000),
}

_WU2019 = FaultRecipe(
    interfaces=0.5,
    folds=(4, 4),
    fold_height=(0, 5),
    fold_width=(10, 30),
    shear=(0, 0.1),
    faults=(5, 8),
    margin=32,
    spacing=20,
    dip=(62, 82),
    throw=(5, 30),
    tip=(96, 256),
    width=(20, 40),
    visible=1,
    frequency=(20, 35),
    noise_band=(5, 80),
    signal_to_noise=(2, 5),
)

RECIPES = {
    "wu2019": _WU2019,
    "wu2019-wide": replace(
        _WU2019,
        interfaces=0.35,
        folds=(2, 8),
        fold_height=(0, 8),
        fold_width=(15, 50),
        shear=(0, 0.2),
        faults=(3, 9),
        margin=8,
        spacing=30,
        dip=(52, 86),
        throw=(4, 40),
        tip=(64, 384),
        width=(16, 60),
        frequency=(15, 42),
        noise_band=(3, 60),
        signal_to_noise=(1.5, 8),
    ),
}
"""Recipes by name.

``wu2019`` follows the order of operations of X. Wu, L. Liang, Y. Shi, S. Fomel (2019), FaultSeg3D: using synthetic data
sets to train an end-to-end convolutional neural network for 3D seismic fault segmentation, Geophysics 84(3), IM35-IM45,
with the ranges of public reimplementations; those of the paper are not all published. The two ranges that bound a fault
(`tip`, `width`) are geocnn's own. ``wu2019-wide`` draws from wider ranges throughout, over a sparser layering: surveys
that a network trained on ``wu2019`` has never seen the like of.
"""
