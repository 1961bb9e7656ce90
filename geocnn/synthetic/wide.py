"""The recipe ``wide``: the ranges, in physical units, that a synthetic world is drawn from, and its ingredients."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from geocnn.records import Record, RecordError, nearest

__all__ = ["INGREDIENTS", "NAMES", "Range", "WideRecipe"]

NAMES = ("wide", "wu2019", "wu2019-wide")
"""All recipes by name, the default first."""

INGREDIENTS = {
    "sampling": "Bins, sample interval, velocity and vertical domain differ from world to world.",
    "beds": "Beds come in packages, alike in thickness and contrast, and impedance depends on the bed before.",
    "folds": "Layers are tilted, and folded at all scales at once.",
    "unconformities": "Older layers were tilted, faulted and eroded before the younger ones covered them or lapped on.",
    "growth": "Folds grow with depth, and some faults moved while their upper layers were laid down.",
    "listric": "Faults flatten with depth.",
    "curvature": "Faults bend along their strike.",
    "tips": "The displacement of a fault is largest in its middle and ends at an elliptical tip line.",
    "drag": "Layers bend towards a fault, and both walls of it move.",
    "sets": "Faults share a strike with some scatter; conjugate, antithetic and en-echelon ones go with them.",
    "polygonal": "Some intervals are broken by a polygonal fault system.",
    "salt": "A body of salt without layers, which lifts its roof.",
    "channels": "Meandering channels cut into a layer.",
    "wavelets": "Phase and bandwidth of the wavelet differ.",
    "attenuation": "The wavelet loses its high frequencies with depth.",
    "migration": "Dips and apertures are limited, so that breaks are blurred sideways too.",
    "noise": "Coloured random noise, part of it migrated.",
    "coherent": "Linear noise that crosses the layers.",
    "footprint": "Stripes and swaths of other amplitude and time, along the lines of the acquisition.",
    "multiples": "A later, weaker and reversed copy of each reflection.",
    "wipeouts": "Columns of gas, below which amplitudes fade.",
    "dead": "Traces without signal.",
    "gain": "Automatic gain control.",
    "regridding": "Interpolation from coarser bins, as where surveys are merged.",
    "clipping": "Amplitudes cut off at a few standard deviations, or rounded to eight bits.",
}
"""What a world is made of, beside layers, planar faults, a Ricker wavelet, and what each adds."""

Range = tuple[float, float]
Ingredient = str


class WideRecipe(Record):
    """Ranges of a synthetic world in physical units, and the ingredients that are left out.

    Numbers of faults hold for 128 × 128 traces and are scaled to others.

    Parameters
    ----------
    recipe
        Always ``wide``.
    without
        Ingredients to leave out, keys of `INGREDIENTS`. The rest of a world stays as it is, as far as it can: without
        ``unconformities`` all faults are of one era, without ``sampling`` everything is of another size.
    bins
        Distance of inlines and of crosslines, in m; those in the middle more often, one at most 2.5 times the other.
    interval
        Sample interval of worlds in time, in ms.
    velocity
        In m/s, constant in the small window of a world, those in the middle more often; it turns time into depth.
    depth
        Share of the worlds that are sampled in depth, at the depths that their times would have.
    bed
        Median thickness of the beds, in m.
    dip
        Dip of the faults from the horizontal, in degrees of the true, unexaggerated section.
    throw
        Largest throw of a fault, in samples; at most a third of the window.
    faults
        Number of faults; one world in sixteen has none.
    slope
        Steepest dip of the folds, in degrees, that of the tilt is as large; layers that would fall by more than a
        sample a trace, or be aliased, are folded less.
    elongation
        Length of a fault over its largest displacement.
    frequency
        Peak frequency of the wavelet, in Hz; as far as 5 to 28 samples make a period, and a window holds six.
    signal_to_noise
        Standard deviation of the signal over that of the noise.
    """

    recipe: str = NAMES[0]
    without: tuple[Ingredient, ...] = ()
    bins: Range = (6, 50)
    interval: Range = (1, 4)
    velocity: Range = (1500, 5000)
    depth: Annotated[float, Field(ge=0, le=1)] = 0.25
    bed: Range = (3, 20)
    dip: Range = (30, 80)
    throw: Range = (1, 40)
    faults: Range = (2, 12)
    slope: Range = (1, 25)
    elongation: Range = (12, 100)
    frequency: Range = (8, 80)
    signal_to_noise: Range = (1.5, 15)

    @field_validator("recipe")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != NAMES[0]:
            if name.endswith((".yaml", ".yml")):
                expected = f"one of {', '.join(NAMES)}: files are for geocnn synth --recipe"
                raise RecordError(
                    f"recipe {name!r}", expected, "write its keys here, such as {recipe: wide, dip: [45, 75]}"
                )
            meant = nearest(name, NAMES)
            raise RecordError(
                f"unknown recipe {name!r}", f"one of {', '.join(NAMES)}", f"write {meant!r}" if meant else ""
            )
        return name

    @model_validator(mode="after")
    def _ranges_make_sense(self) -> Self:
        for name in self.without:
            if name not in INGREDIENTS:
                meant = nearest(name, INGREDIENTS)
                raise RecordError(
                    f"there is no ingredient {name!r} to leave out",
                    f"some of {', '.join(INGREDIENTS)}",
                    f"write {meant!r}" if meant else "",
                )
        for name, (lowest, highest) in _BOUNDS.items():
            low, high = getattr(self, name)
            if not lowest <= low <= high <= highest:
                raise RecordError(
                    f"{name} is [{low:g}, {high:g}]",
                    f"two numbers from {lowest:g} to {highest:g}, the smaller one first",
                )
        periods = [1000 / self.interval[0] / 5, 1000 / self.interval[1] / 28]
        if self.frequency[0] > periods[0] or self.frequency[1] < periods[1]:
            raise RecordError(
                f"no wavelet of {self.frequency[0]:g} to {self.frequency[1]:g} Hz has 5 to 28 samples of "
                f"{self.interval[0]:g} to {self.interval[1]:g} ms a period",
                f"frequencies between {periods[1]:.3g} and {periods[0]:.3g} Hz, some at least",
                "change frequency or interval",
            )
        return self

    def has(self, ingredient: str) -> bool:
        """Whether an ingredient is in."""
        if ingredient not in INGREDIENTS:
            raise KeyError(ingredient)
        return ingredient not in self.without


_BOUNDS: dict[str, Range] = {
    "bins": (1, 500),
    "interval": (0.1, 20),
    "velocity": (300, 8000),
    "bed": (0.5, 500),
    "dip": (15, 89),
    "throw": (0.5, 200),
    "faults": (0, 100),
    "slope": (0, 45),
    "elongation": (5, 1000),
    "frequency": (1, 1000),
    "signal_to_noise": (0.1, 1000),
}
