"""The summary of a survey: plain data that JSON can hold, whatever the samples are."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
from arrays import ArrayLabel, ArraySurvey
from hypothesis import given, settings
from hypothesis import strategies as st

from geocnn.progress import finish
from geocnn.survey.sampling import look
from geocnn.survey.summary import summary
from geocnn.survey.survey import Survey


def told(survey: Survey) -> dict[str, object]:
    """A summary as programs get it; numbers that JSON lacks are refused."""
    return json.loads(json.dumps(summary(survey, finish(look(survey))), allow_nan=False))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(1, 1), (1, 40), (3, 2, 1), (3, 4, 30), (50,)]),
    st.integers(0, 2**32),
    st.sampled_from(["bits", "huge", "tiny", "whole", "constant", "odd values"]),
)
def test_any_samples_at_all(shape: tuple[int, ...], seed: int, kind: str) -> None:
    """Random bits hold NaN of all kinds, infinities and denormals; warnings are errors."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, prod(shape), dtype=np.uint32)
    samples = {
        "bits": bits.view(np.float32),
        "huge": np.where(bits % 2, np.float32(3.4e38), np.float32(-3.4e38)),
        "tiny": bits.astype(np.float32) * np.float32(1e-44),
        "whole": (bits % 300).astype(np.float32) - 2,
        "constant": np.full(prod(shape), 1e30, np.float32),
        "odd values": rng.choice(np.array([np.nan, np.inf, -np.inf, 1e30, -999.25, 0, 1], np.float32), prod(shape)),
    }[kind]
    survey = ArrayLabel(np.zeros(shape))
    survey.samples, survey.null = samples.reshape(1, *shape), [None, 0.0, float("nan")][seed % 3]
    found = told(survey)
    assert found["samples"]["seen"] == prod(shape)
    assert found["samples"]["live"] + found["samples"]["null"] <= prod(shape)


def test_every_channel_is_told() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2, 5, 6, 100)) * np.array([1, 10])[:, None, None, None]
    found = told(ArraySurvey(samples))
    assert found["statistics"]["std"] == pytest.approx([1, 10], rel=0.1)
    assert [round(v / 2.33) for v in found["percentiles"]["99"]] == [1, 10]
    assert found["extremes"]["highest"] == [{"value": pytest.approx(each.max()), "samples": 1} for each in samples]


def test_missing_and_dead_traces_are_counted_apart() -> None:
    samples = np.random.default_rng(0).normal(size=(1, 5, 6, 50))
    samples[0, 0] = 0
    samples[0, 1, :2] = 3
    assert told(ArraySurvey(samples))["traces"] == {"positions": 30, "missing": 6, "seen": 24, "dead": 2}
