"""Networks to choose from, the one that is wished for most first, and how they are made flat for thin surveys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from geocnn.errors import ConfigError, Fault
from geocnn.marked import parse_marked
from geocnn.network.spec import Spec, load_spec, read_spec, zoo_text
from geocnn.proposal.fingerprint import Fingerprint
from geocnn.proposal.holding import LEAST

__all__ = ["Candidate", "candidates"]

THIN = 6.0
"""Positions up to which what is labelled counts as a surface, as faults do, and not as a body."""

LONG = 1024
"""Samples of a trace from which PhaseNet, which sees 3328, has something to see."""

SMALL_BODIES = 0.05
"""Share of the samples up to which bodies are small."""


@dataclass(frozen=True)
class Candidate:
    """A network of the zoo, perhaps narrower, perhaps flat.

    Parameters
    ----------
    name
        In the zoo.
    why
        What it is good for here.
    width
        Factor of its channels.
    thin
        For each axis, how many positions a patch has where the axis is too short to be reduced; 0 elsewhere.
    """

    name: str
    why: str
    width: float = 1.0
    thin: tuple[int, ...] = ()

    @property
    def flat(self) -> bool:
        """Whether it must be written out, since the one in the zoo reduces all axes alike."""
        return any(self.thin)

    @property
    def called(self) -> str:
        """Its name, with its width."""
        return self.name if self.width == 1 else f"{self.name} at width {self.width:g}"

    @property
    def written(self) -> Any:
        """As the config has it: a name, a name and a width, or layers."""
        if self.flat:
            return {"width": self.width, "layers": self._layers} if self.width != 1 else {"layers": self._layers}
        return self.name if self.width == 1 else {"name": self.name, "width": self.width}

    @property
    def spec(self) -> Spec:
        """What is planned."""
        if not self.flat:
            spec, _ = load_spec(self.name)
            return spec.model_copy(update={"width": self.width * spec.width})
        marked = parse_marked(yaml.safe_dump(self.written, sort_keys=False), self.name)
        faults: list[Fault] = []
        written = read_spec(marked, (), marked.data, faults)
        if written is None:
            raise ConfigError(faults)
        return written

    @property
    def _layers(self) -> Any:
        return _flattened(yaml.safe_load(zoo_text(self.name))["layers"], self.thin)


def candidates(found: Fingerprint, room: tuple[int, ...]) -> list[Candidate]:
    """Networks for what was found, the best first; each next one costs less."""
    thin = tuple(size if size < LEAST else 0 for size in room)
    return [Candidate(name, why, width, thin) for name, why, width in _wished(found, room, flat=any(thin))]


def _wished(found: Fingerprint, room: tuple[int, ...], *, flat: bool) -> Iterator[tuple[str, str, float]]:
    width, axis = found.width
    surface = found.classes == 2 and width <= THIN
    small = "the smallest of the zoo"
    if found.ndim == 1 and room[0] >= LONG:
        yield "phasenet", "made for long records", 1.0
    if surface:
        why = f"what is labelled is thin, {width:.1f} positions along {axis} on average, and it keeps fine detail"
        yield "fault-highres", why, 1.0
        yield "fault-small", f"for thin surfaces like what is labelled, {small}", 1.0
        return
    if found.classes == 2 and found.rarest < SMALL_BODIES and not flat:
        yield "attention-unet", f"the bodies labelled are small: {100 * found.rarest:.2g} % of the samples", 1.0
    kind = f"{found.classes} classes" if found.classes > 2 else "bodies rather than thin surfaces"
    yield "unet-residual", f"a sturdy default for {kind}", 1.0
    yield "unet-residual", f"a sturdy default for {kind}, at half its channels", 0.5
    yield "fault-small", small, 1.0


STEPS = ("size", "stride", "upsample")
"""Keys that reduce or enlarge an axis."""


def _flattened(layers: Any, thin: tuple[int, ...]) -> Any:
    """Layers that leave thin axes as long as they are, and do not look along those of one position."""
    if isinstance(layers, list):
        return [_flattened(layer, thin) for layer in layers]
    if not isinstance(layers, dict):
        return layers
    changed: dict[str, Any] = {}
    for key, value in layers.items():
        if key in STEPS and isinstance(value, int):
            changed[key] = [1 if size else value for size in thin]
        elif key == "kernel" and isinstance(value, int):
            changed[key] = value if 1 not in thin or value == 1 else [1 if size == 1 else value for size in thin]
        else:
            changed[key] = _flattened(value, thin)
    return changed
