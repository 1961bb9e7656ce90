"""An ONNX graph against the network that it was written from."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geocnn.device import Device
from geocnn.errors import ModelError
from geocnn.model import Model
from geocnn.network.build import Network
from geocnn.network.memory import inference_bytes
from geocnn.network.plan import Plan
from geocnn.normalise import Normaliser
from geocnn.records import crossed
from geocnn.survey.survey import FloatArray

__all__ = ["LARGEST_DIFFERENCE", "Compared", "compare", "obstacle"]

LARGEST_DIFFERENCE = 1e-4
"""Between probabilities of the graph and of the network, for the file to be kept."""
ROUNDINGS = 4
"""Times the network's own rounding that the graph may differ by where that is more."""


@dataclass(frozen=True)
class Compared:
    """Largest difference between probabilities of graph and network on one random input (B, C, \\*shape).

    `rounding` is what float32 itself makes of the network's, against float64; 0 where nobody had to ask.
    """

    input: tuple[int, ...]
    difference: float
    rounding: float = 0.0


def obstacle(plan: Plan, shapes: Sequence[tuple[int, ...]]) -> str:
    """Why graph and network cannot be run here; "" if they can."""
    if find_spec("onnxruntime") is None:
        return "onnxruntime is not installed (pip install 'geocnn[export]')"
    batch, *shape = shapes[-1]
    needed = 2 * batch * inference_bytes(plan, plan.admissible(shape) if plan.exact else shape)
    free = Device("cpu", "float32").free_memory()
    if needed > free:
        return f"an input of {crossed(shape)} takes {needed / 1e9:.3g} GB, {free / 1e9:.3g} GB are free"
    return ""


def compare(content: bytes, model: Model, normaliser: Normaliser, sizes: tuple[int, ...]) -> Compared:
    """Graph against network on inputs (B, \\*shape) of random amplitudes, some beyond the clip.

    Raises
    ------
    ModelError
        If they differ by more than `LARGEST_DIFFERENCE`, and by more than rounding explains: the network in float32
        differs from the same in float64 by less than a quarter as much.
    """
    from onnxruntime import InferenceSession, SessionOptions

    batch, *shape = sizes
    drawn = np.random.default_rng(0).standard_normal((batch, model.contract.channels, *shape))
    scale = (-1, *(1,) * len(shape))
    amplitudes = np.array(normaliser.mean).reshape(scale) + 2 * np.array(normaliser.std).reshape(scale) * drawn
    image = amplitudes.astype(np.float32)
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: image})
    expected = _probabilities(model.network, normaliser, image)
    if found.shape != expected.shape:
        raise ModelError(f"the graph makes {found.shape}, the network {expected.shape}", do=_REPORT)
    difference = float(np.abs(found - expected).max())
    if difference <= LARGEST_DIFFERENCE:
        return Compared(image.shape, difference)
    exact = _probabilities(deepcopy(model.network).double(), normaliser, image)
    rounding = float(np.abs(expected - exact).max())
    if not difference <= ROUNDINGS * rounding:
        raise ModelError(
            f"the graph differs from the network by {difference:.2g} on an input of {crossed(image.shape)}",
            expected=f"at most {LARGEST_DIFFERENCE:g}, or what rounding explains ({rounding:.2g})",
            do=_REPORT,
        )
    return Compared(image.shape, difference, rounding)


def _probabilities(network: Network, normaliser: Normaliser, image: FloatArray) -> NDArray[Any]:
    """What prediction makes of amplitudes (B, C, \\*shape) that are all live."""
    plan, shape = network.plan, image.shape[2:]
    scores = np.stack([normaliser.apply(each, np.ones(shape, bool)) for each in image])
    padded = plan.exact and plan.output.shape == plan.input[1:]
    whole = plan.admissible(shape) if padded else shape
    missing = [side for near, far in zip(reversed(shape), reversed(whole), strict=True) for side in (0, far - near)]
    with torch.inference_mode():
        dtype = next(network.parameters()).dtype
        logits = network.cpu().eval()(functional.pad(torch.from_numpy(scores).to(dtype), missing))
        if padded:
            logits = logits[(slice(None), slice(None), *(slice(size) for size in shape))]
        return np.asarray((torch.sigmoid(logits) if plan.outputs == 1 else torch.softmax(logits, 1)).numpy())


_REPORT = "report it with the model: this is a fault of geocnn"
