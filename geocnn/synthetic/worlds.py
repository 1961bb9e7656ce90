"""Synthetic worlds: the n-th of a seed as an image and everything that is known of its rock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geocnn.synthetic.drawing import draw_earth
from geocnn.synthetic.eras import AGE_OF_ERA, Earth, Rock, Visibility
from geocnn.synthetic.frame import Frame, Shape, draw_frame, numbers_of
from geocnn.synthetic.imaging import Imaging, draw_imaging, draw_wavelet
from geocnn.synthetic.recording import Recording, draw_recording
from geocnn.synthetic.slip import Places
from geocnn.synthetic.wide import WideRecipe

__all__ = ["World", "WorldCube", "draw_world", "horizons", "make_world", "make_worlds"]

MARGIN = (8, 8, 24)
"""Positions that are modelled beyond each face and cut off: filters wrap around."""

SLAB = 2**17
"""Samples whose rock is computed at a time on a CPU: their arrays stay in its cache."""


@dataclass(frozen=True)
class World:
    """Everything that was drawn for a world."""

    frame: Frame
    earth: Earth
    imaging: Imaging
    recording: Recording
    key: tuple[int, int]


@dataclass(frozen=True)
class WorldCube:
    """A world as it is sampled; all of shape (I, X, S).

    Parameters
    ----------
    world
        What it was made from.
    image
        float32, z-scores; 0 on dead traces.
    fault
        int8: 1 on faults, about two samples thick; −1 where their throw is too small to be seen, and on dead traces.
    throw
        float32: throw of the fault at its samples, in samples.
    age
        float32: relative geologic time in m of burial, older eras apart by `AGE_OF_ERA`; salt is older than all.
    """

    world: World
    image: Tensor
    fault: Tensor
    throw: Tensor
    age: Tensor


def draw_world(seed: int, n: int, shape: Shape, recipe: WideRecipe) -> World:
    """The n-th world of a seed, before anything of it is computed."""
    frame = draw_frame(numbers_of(seed, n, "frame"), shape, recipe)
    wavelet = draw_wavelet(numbers_of(seed, n, "wavelet"), frame, recipe)
    imaging = draw_imaging(numbers_of(seed, n, "imaging"), wavelet, frame, recipe)
    recording = draw_recording(numbers_of(seed, n, "recording"), wavelet, frame, recipe)
    visibility = Visibility(frame.step, frame.velocity / wavelet.frequency, imaging.attenuation, frame.extent[2])
    earth = draw_earth((seed, n), frame, recipe, visibility)
    return World(frame, earth, imaging, recording, (seed, n))


def make_world(world: World, device: torch.device | str = "cpu") -> WorldCube:
    """Compute a world on a device.

    Notes
    -----
    Rock where it lies now is found by undoing what moved it; the impedance of its layer makes reflectivity, half the
    difference of log impedance from sample to sample; imaging and recording make the image. Random numbers are drawn on
    the CPU, so that all devices compute the same world.
    """
    frame = world.frame
    with torch.no_grad():
        rock = _rock(world, torch.device(device))
        reflectivity = torch.diff(rock.log_impedance, dim=2, prepend=rock.log_impedance[..., :1]) / 2
        white = torch.randn(reflectivity.shape, generator=_noise_of(world.key)).to(reflectivity.device)
        image = world.imaging.of(reflectivity, white, frame)
        inner = tuple(slice(m, m + n) for m, n in zip(MARGIN, frame.shape, strict=True))
        image = world.recording.of(image[inner].contiguous())
        fault, throw, age = rock.fault[inner], rock.throw[inner], rock.age[inner]
        if world.recording.dead is not None:
            dead = torch.from_numpy(world.recording.dead).to(fault.device)
            fault = fault.masked_fill(dead[..., None], -1)
        return WorldCube(world, image, fault.contiguous(), (throw / frame.step).contiguous(), age.contiguous())


def make_worlds(
    seed: int, numbers: Sequence[int], shape: Shape, recipe: WideRecipe, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Images (B, 1, I, X, S) and fault labels (B, I, X, S) of worlds by their numbers."""
    cubes = [make_world(draw_world(seed, n, shape, recipe), device) for n in numbers]
    return torch.stack([cube.image[None] for cube in cubes]), torch.stack([cube.fault for cube in cubes])


def horizons(age: Tensor, ages: Sequence[float]) -> Tensor:
    """Where layers of these ages lie: positions along the samples, shape (len(ages), I, X); nan where they do not.

    Parameters
    ----------
    age
        Relative geologic time (I, X, S) of a world.
    """
    found = []
    for each in ages:
        above = (age < each).sum(dim=2, keepdim=True)
        inside = (above > 0) & (above < age.shape[2])
        index = above.clamp(1, age.shape[2] - 1)
        before, after = age.gather(2, index - 1), age.gather(2, index)
        place = index - 1 + (each - before) / (after - before).clamp(min=1e-6)
        # A layer that an unconformity cut off lies nowhere.
        found.append(torch.where(inside & (after - before < AGE_OF_ERA / 2), place, torch.nan)[..., 0])
    return torch.stack(found)


def _noise_of(key: tuple[int, int]) -> torch.Generator:
    return torch.Generator().manual_seed(int(numbers_of(*key, "white").integers(2**62)))


def _rock(world: World, device: torch.device) -> Rock:
    """Rock of the window and its margin."""
    frame = world.frame
    axes = [
        (torch.arange(-m, n + m, dtype=torch.float32, device=device) * step)
        for m, n, step in zip(MARGIN, frame.shape, frame.steps, strict=True)
    ]
    x, y, z = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    parts = [
        world.earth.at(Places(x[lines], y, z), frame.steps)
        for lines in _slabs(len(axes[0]), len(axes[1]) * len(axes[2]), device)
    ]
    return Rock(
        *(
            torch.cat([part.expand(-1, len(axes[1]), len(axes[2])) for part in field])
            for field in zip(*parts, strict=True)
        )
    )


def _slabs(lines: int, line: int, device: torch.device) -> Iterator[slice]:
    """Inlines to compute at a time: all on an accelerator."""
    thickness = max(1, SLAB // line) if device.type == "cpu" else lines
    for start in range(0, lines, thickness):
        yield slice(start, start + thickness)
