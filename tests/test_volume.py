"""What a prediction writes: the reference's probabilities, classes, values and spread; 0 where the survey is dead."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from arrays import grid_of
from command import Geocnn
from predictions import CPU, INSTANCE, POINTWISE, POOLED, forked, make_model, make_survey, predict
from test_prediction import reference

from geocnn.errors import ModelError, OutputError, UsageError
from geocnn.model import load_model, normalised
from geocnn.network.spec import zoo_names
from geocnn.prediction.job import Going, folder_of
from geocnn.prediction.volume import Output, predict_volume
from geocnn.processes import Process
from geocnn.progress import finish
from geocnn.survey.opening import open_survey
from geocnn.survey.options import SurveyOptions
from geocnn.survey.scan import Statistics, scan

SHAPE = (11, 9, 20)


def logits(model: Path, survey: Path) -> np.ndarray:
    """crop(network(pad(survey))), (K, *shape)."""
    trained, opened = load_model(model), open_survey([str(survey)], SurveyOptions())
    contract = trained.contract
    found = finish(scan(opened))
    image = normalised(opened, found, contract.normalisation, Statistics.from_json(contract.statistics))
    return reference(trained.network, image)


def read(path: Path) -> np.ndarray:
    survey = open_survey([str(path)], SurveyOptions())
    return survey.read(survey.grid.whole)[0]


def live(shape: tuple[int, ...]) -> np.ndarray:
    """Where surveys of `make_survey` are alive."""
    alive = np.ones(shape, np.bool_)
    alive[(0,) * (len(shape) - 1)] = False
    alive[(*(n - 1 for n in shape[:-1]), slice(shape[-1] // 2, None))] = False
    return alive


@pytest.mark.parametrize("suffix", ["sgy", "h5", "npy"])
def test_the_probability_of_two_classes(tmp_path: Path, suffix: str) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    done = predict([model], survey, Output(str(tmp_path / f"out.{suffix}")))
    expected = torch.sigmoid(torch.from_numpy(logits(model, survey)))[0].numpy() * live(SHAPE)
    found = read(tmp_path / f"out.{suffix}")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not found[~live(SHAPE)].any()
    assert done.finished.counts.dead == (~live(SHAPE)).sum()
    assert done.finished.counts.positive == (expected >= 0.5).sum()
    predict([model], survey, Output(str(tmp_path / f"class.{suffix}"), content="class"))
    np.testing.assert_array_equal(read(tmp_path / f"class.{suffix}"), (found >= 0.5) & live(SHAPE))


def test_several_classes(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m.safetensors", classes=3)
    survey, alive = make_survey(tmp_path / "s.sgy", SHAPE), live(SHAPE)
    raw = torch.from_numpy(logits(model, survey))
    predict([model], survey, Output(str(tmp_path / "c.sgy"), sample_format="int8"))
    np.testing.assert_array_equal(read(tmp_path / "c.sgy"), raw.argmax(0).numpy() * alive)
    predict([model], survey, Output(str(tmp_path / "p.sgy"), content="probability"))
    predict([model], survey, Output(str(tmp_path / "q.sgy"), content="probability", sample_format="int16"))
    predict([model], survey, Output(str(tmp_path / "v.sgy"), content="values"))
    for k, probability in enumerate(torch.softmax(raw, 0).numpy()):
        np.testing.assert_allclose(read(tmp_path / f"p-class-{k}.sgy"), probability * alive, atol=1e-6)
        np.testing.assert_allclose(read(tmp_path / f"q-class-{k}.sgy"), 100 * probability * alive, atol=0.501)
        np.testing.assert_allclose(read(tmp_path / f"v-class-{k}.sgy"), raw[k].numpy() * alive, atol=1e-5)
    assert not (tmp_path / "p.sgy").exists()


def test_an_ensemble_and_its_spread(tmp_path: Path) -> None:
    models = [make_model(tmp_path / f"{seed}.safetensors", seed=seed) for seed in range(3)]
    survey = make_survey(tmp_path / "s.sgy", SHAPE)
    each = [torch.sigmoid(torch.from_numpy(logits(model, survey)))[0].numpy() * live(SHAPE) for model in models]
    predict(models, survey, Output(str(tmp_path / "out.sgy")))
    np.testing.assert_allclose(read(tmp_path / "out.sgy"), np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(read(tmp_path / "out-spread.sgy"), np.std(each, axis=0), atol=1e-5)


def test_the_spread_of_the_likeliest_class(tmp_path: Path) -> None:
    models = [make_model(tmp_path / f"{seed}.safetensors", classes=3, seed=seed) for seed in range(2)]
    survey = make_survey(tmp_path / "s.sgy", SHAPE)
    each = np.array([torch.softmax(torch.from_numpy(logits(model, survey)), 0).numpy() for model in models])
    predict(models, survey, Output(str(tmp_path / "out.h5")))
    best = each.mean(0).argmax(0)
    np.testing.assert_array_equal(read(tmp_path / "out.h5"), best * live(SHAPE))
    spread = np.take_along_axis(each.std(0), best[None], 0)[0] * live(SHAPE)
    np.testing.assert_allclose(read(tmp_path / "out-spread.h5"), spread, atol=1e-5)


def test_models_of_other_classes_have_no_mean(tmp_path: Path) -> None:
    models = [make_model(tmp_path / f"{classes}.safetensors", classes=classes) for classes in (2, 3)]
    with pytest.raises(ModelError, match=r"class 0, class 1, another class 0, class 1, class 2\n.*same classes"):
        predict(models, make_survey(tmp_path / "s.sgy", SHAPE), Output(str(tmp_path / "out.sgy")))


@pytest.mark.parametrize("layers", [POOLED, INSTANCE], ids=["exact", "windows"])
@pytest.mark.parametrize("shape", [(1, 2, 20), (1, 7, 9), (3, 1, 30), (5, 4, 1), (2, 3, 3)])
def test_surveys_smaller_than_the_halo(tmp_path: Path, shape: tuple[int, ...], layers: str) -> None:
    model, survey = make_model(tmp_path / "m.safetensors", layers), tmp_path / "s.h5"
    make_survey(survey, shape)
    found = finish(scan(open_survey([str(survey)], SurveyOptions())))
    predict([model], survey, Output(str(tmp_path / "out.h5")))
    made = read(tmp_path / "out.h5")
    assert made.shape == shape
    assert ((made > 0) & (made < 1))[found.live(grid_of(shape).whole, np.empty(0, np.float32))].all()
    if layers == POOLED:
        alive = found.live(grid_of(shape).whole, np.empty(0, np.float32))
        expected = torch.sigmoid(torch.from_numpy(logits(model, survey)))[0].numpy() * alive
        np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_several_processes_make_what_one_makes(tmp_path: Path, count: int) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", (45, 9, 14))
    predict([model], survey, Output(str(tmp_path / "one.sgy")))
    expected = read(tmp_path / "one.sgy")
    # In threads, which wait for a process each: all are at it at once.
    ends: dict[int, int | None] = {}

    def launched(rank: int) -> None:
        going = Going(process=Process(rank, count, rank, count, "a launch"))
        ends[rank] = forked(lambda: predict([model], survey, Output(str(tmp_path / "out.sgy"), going=going)))

    threads = [Thread(target=launched, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == dict.fromkeys(range(count), 0)
    np.testing.assert_allclose(read(tmp_path / "out.sgy"), expected, atol=1e-6)
    assert not folder_of(tmp_path / "out.sgy").exists()


def test_more_processes_than_inlines(tmp_path: Path) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", (3, 9, 14))
    predict([model], survey, Output(str(tmp_path / "one.sgy")))
    for rank in reversed(range(5)):
        going = Going(process=Process(rank, 5, rank, 5, "a launch"))
        done = predict([model], survey, Output(str(tmp_path / "out.sgy"), going=going))
        assert done.whole == (rank == 0)
    np.testing.assert_allclose(read(tmp_path / "out.sgy"), read(tmp_path / "one.sgy"), atol=1e-6)


def test_another_launch_does_not_join(tmp_path: Path) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    output = Output(str(tmp_path / "out.sgy"), going=Going(process=Process(0, 2, 0, 1, "first")))
    assert not predict([model], survey, output).whole
    other = Output(str(tmp_path / "out.sgy"), going=Going(process=Process(1, 2, 0, 1, "second")))
    with pytest.raises(OutputError, match=r"unfinished: 4\d % of it is done"):
        predict([model], survey, other)


def test_an_identity_network_returns_its_input(tmp_path: Path) -> None:
    model, survey = make_model(tmp_path / "m.safetensors", POINTWISE), make_survey(tmp_path / "s.sgy", SHAPE)
    trained = load_model(model)
    weight, bias = trained.network.parameters()
    with torch.no_grad():
        weight.fill_(1)
        bias.zero_()
    opened, contract = open_survey([str(survey)], SurveyOptions()), trained.contract
    finish(predict_volume([trained], opened, Output(str(tmp_path / "o.sgy"), content="values"), CPU))
    statistics = Statistics.from_json(contract.statistics)
    image = normalised(opened, finish(scan(opened)), contract.normalisation, statistics)
    np.testing.assert_array_equal(read(tmp_path / "o.sgy"), image.read(opened.grid.whole)[0])


def test_the_headers_are_those_of_the_input(tmp_path: Path, volume: Path) -> None:
    model = make_model(tmp_path / "m.safetensors")
    predict([model], volume, Output(str(tmp_path / "out.sgy")))
    before, after = volume.read_bytes(), (tmp_path / "out.sgy").read_bytes()
    traces, step = 20, 240 + 30 * 4
    for trace in range(traces):
        at = 3600 + trace * step
        assert after[at : at + 240] == before[at : at + 240]


def test_what_the_command_refuses(tmp_path: Path, geocnn: Geocnn) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    refused = geocnn("predict", model, model, "--out", tmp_path / "o.sgy")
    assert (refused.status, "models, and no survey" in refused.err) == (2, True)
    for option, said in (("--overlap", "1.5"), ("--step", "0,1,1"), ("--memory", "1kB"), ("--memory", "8")):
        windows = make_model(tmp_path / "w.safetensors", INSTANCE)
        refused = geocnn("predict", windows, survey, "--out", tmp_path / "o.sgy", option, said)
        assert refused.status == 2, refused.err
        assert "expected:" in refused.err
    for model in (windows, make_model(tmp_path / "m.safetensors")):
        refused = geocnn("predict", model, survey, "--out", survey, "--overwrite")
        assert (refused.status, "s.sgy is the survey itself, which would be lost" in refused.err) == (1, True)
        refused = geocnn("predict", model, survey, "--out", "", "--tta")
        assert (refused.status, "the output '' names no file" in refused.err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "s.sgy", "w.safetensors"]


def test_values_are_not_counted_as_probabilities(tmp_path: Path, geocnn: Geocnn) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    command = ("predict", model, survey, "--content", "values", "--out")
    refused = geocnn(*command, tmp_path / "o.sgy", "--format", "int16")
    assert (refused.status, "round them to whole numbers" in refused.err) == (2, True)
    told = geocnn(*command, tmp_path / "o.sgy")
    assert (told.status, "of the live ones" in told.out) == (0, False)
    assert json.loads(geocnn(*command, tmp_path / "j.sgy", "--json").out)["positive"] is None


def test_a_survey_thinner_than_patches_is_told(tmp_path: Path, geocnn: Geocnn) -> None:
    model = make_model(tmp_path / "m.safetensors")
    for size, told in ((4, False), (3, True)):
        survey = make_survey(tmp_path / f"{size}.sgy", (20, size, 22))
        said = geocnn("predict", model, survey, "--out", tmp_path / f"{size}-out.sgy").err
        assert ("has 3 crosslines, training's patches had 8: " in said) is told


def test_windows_are_said_aloud(tmp_path: Path, geocnn: Geocnn) -> None:
    model, survey = make_model(tmp_path / "m.safetensors", INSTANCE), make_survey(tmp_path / "s.sgy", SHAPE)
    done = geocnn("predict", model, survey, "--out", tmp_path / "o.sgy")
    assert done.status == 0
    assert "looks at its whole input (instance norm at layers[0])" in done.err
    assert "windows of 8 × 8 × 8 that overlap by half, blended by a Gaussian" in done.err


def test_traces_alone_cannot_be_mirrored(tmp_path: Path) -> None:
    model, survey = make_model(tmp_path / "m.safetensors", POOLED, ndim=1), make_survey(tmp_path / "s.npy", (40,))
    with pytest.raises(UsageError, match="--tta for traces alone"):
        predict([model], survey, Output(str(tmp_path / "o.npy"), mirrored=True))
    assert not folder_of(tmp_path / "o.npy").exists()


def test_the_zoo_has_networks_that_need_windows() -> None:
    """So that the tests above speak of something that users meet."""
    assert "se-resnet18" in zoo_names()


def test_unpooling_in_bf16_is_warned_of(tmp_path: Path, geocnn: Geocnn) -> None:
    layers = "[{pool: max, size: 2, save: p}, {unpool: p}, {conv: outputs, kernel: 1}]"
    model, survey = make_model(tmp_path / "m.safetensors", layers), make_survey(tmp_path / "s.sgy", (8, 8, 20))
    done = {
        each: geocnn("predict", model, survey, "--out", tmp_path / f"{each}.sgy", "--precision", each)
        for each in ("bf16", "float32")
    }
    assert [outcome.status for outcome in done.values()] == [0, 0]
    assert ["unpooling in bf16" in outcome.err for outcome in done.values()] == [True, False]


def test_a_network_of_one_value_makes_a_map_at_a_chosen_step(tmp_path: Path, geocnn: Geocnn) -> None:
    layers = "[{conv: 2, kernel: 3, activation: relu}, flatten, {dense: outputs}]"
    model, survey = make_model(tmp_path / "m.safetensors", layers, classes=3), make_survey(tmp_path / "s.sgy", SHAPE)
    done = geocnn("predict", model, survey, "--out", tmp_path / "o.sgy", "--step", "4,4,4", "--content", "probability")
    assert done.status == 0, done.err
    assert "one value for each window of 8 × 8 × 8, every 4 × 4 × 4 samples" in done.err
    found = np.stack([read(tmp_path / f"o-class-{k}.sgy") for k in range(3)])
    np.testing.assert_allclose(found.sum(0), live(SHAPE), atol=1e-6)
    # Along 11 inlines windows of 8 start at 0 and 3, so that their centres are as near to inline 5.
    assert (found[:, 1:5, 4, 9] == found[:, 1:2, 4, 9]).all()
    assert (found[:, 4, 4, 9] != found[:, 5, 4, 9]).any()


def test_what_cannot_be_written_is_told_before_the_survey_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    monkeypatch.setattr("geocnn.prediction.volume.scan", lambda _: pytest.fail("scanned"))
    with pytest.raises(OutputError, match=r"suffix \.xyz"):
        predict([model], survey, Output(str(tmp_path / "out.xyz")))
    assert not list(tmp_path.glob("*out.xyz*"))


def test_options_that_change_nothing_are_told(tmp_path: Path, geocnn: Geocnn) -> None:
    model, survey = make_model(tmp_path / "m.safetensors"), make_survey(tmp_path / "s.sgy", SHAPE)
    done = geocnn("predict", model, survey, "--out", tmp_path / "o.sgy", "--overlap", "0.25")
    assert done.status == 0
    assert "--overlap, --blending and --step change nothing" in done.err
