"""``geocnn init``: what it proposes fits and trains, its reasons are what was measured, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from arrays import grid_of
from command import Geocnn, Outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from surveys import Traces

from geocnn.config import Config, load_config
from geocnn.errors import SurveyError
from geocnn.network.memory import training_bytes
from geocnn.preflight import preflight
from geocnn.progress import finish
from geocnn.proposal.cost import budget
from geocnn.proposal.fingerprint import PARTS, VALUES, Fingerprint, Machine, Pair, SurveyFound
from geocnn.proposal.holding import hold
from geocnn.proposal.looking import look_at
from geocnn.proposal.networks import Candidate
from geocnn.proposal.proposing import Proposal, propose
from geocnn.proposal.values import LabelValues
from geocnn.survey.options import SurveyOptions

ROOT = Path(__file__).resolve().parent.parent
SAMPLES, DOCUMENTATION = ROOT / "sample_data", ROOT / "docs/first-config.md"
Init = Callable[..., Outcome]


def planes(shape: tuple[int, ...], every: int = 16) -> np.ndarray:
    """A label of thin planes across the last lateral axis."""
    label = np.zeros(shape, np.int8)
    label[..., ::every, :] = 1
    return label


def save(folder: Path, label: np.ndarray, name: str = "a", scale: float = 1.0) -> tuple[str, str]:
    """An image of noise and its label as files; their paths."""
    image = scale * np.random.default_rng(0).normal(size=label.shape)
    paths = folder / f"{name}-image.npy", folder / f"{name}-label.npy"
    np.save(paths[0], image.astype(np.float32))
    np.save(paths[1], label)
    return str(paths[0]), str(paths[1])


@pytest.fixture
def init(geocnn: Geocnn, tmp_path: Path) -> Init:
    """Run ``geocnn init`` on pairs of an image and a label, for a CPU with 8 GB."""

    def run(*pairs: tuple[str, str], more: Sequence[str] = ()) -> Outcome:
        named = [word for image, label in pairs for word in ("--image", image, "--label", label)]
        planned = () if "--memory" in more else ("--memory", "8GB")
        return geocnn("init", *named, "--out", tmp_path / "config.yaml", "--device", "cpu", *planned, *more)

    return run


def proposed(tmp_path: Path) -> Config:
    """The config that was written, once it has passed the pre-flight check."""
    config = load_config(tmp_path / "config.yaml")
    preflight(config)
    return config


def reason(tmp_path: Path, key: str) -> str:
    """The comment above a key, on one line."""
    lines = (tmp_path / "config.yaml").read_text(encoding="utf-8").splitlines()
    [at] = [number for number, line in enumerate(lines) if re.match(rf" *{key}:", line)]
    words: list[str] = []
    while lines[at - 1].lstrip().startswith("#"):
        at -= 1
        words.insert(0, lines[at].strip(" #"))
    return " ".join(words)


def survey_found(
    shape: tuple[int, ...], shares: Sequence[float], bins: tuple[float, float] | None = None
) -> SurveyFound:
    """A survey with these shares of the classes everywhere."""
    counts = np.zeros(VALUES, np.int64)
    counts[1 : 1 + len(shares)] = np.round(np.array(shares) * prod(shape))
    along = tuple(np.tile(counts // PARTS, (PARTS, 1)) for _ in shape[:-1])
    return SurveyFound(
        "image", "label", grid_of(shape), 1, bins, prod(shape), prod(shape), along, counts, len(shares) - 1,
        (20.0,) * len(shape), (0.0,), (1.0,), 0.0, 4.0, None,
    )  # fmt: skip


def proposal_for(survey: SurveyFound, machine: Machine, count: int = 1) -> Proposal:
    return propose(Fingerprint((survey,) * count, machine), count)


def chosen(proposal: Proposal) -> dict[str, object]:
    return {choice.key: choice.value for choice in proposal.choices}


def why(proposal: Proposal) -> dict[str, str]:
    return {choice.key: choice.why for choice in proposal.choices}


GPU = Machine("cuda", 40 * 10**9, 8)
CPU = Machine("cpu", 16 * 10**9, 4)


def test_the_sample_survey_and_what_was_measured(init: Init, tmp_path: Path) -> None:
    """90.2 % and 9.77 % of 64 × 96 × 96 samples, as `geocnn inspect` counts them."""
    image, label = SAMPLES / "training-seismic.sgy", SAMPLES / "training-label.h5"
    status, out, _ = init((str(image), str(label)))
    assert status == 0
    assert "64 inlines × 96 crosslines × 96 samples by 4 ms" in out
    assert all(f"geocnn {command} {tmp_path / 'config.yaml'}" in out for command in ("check", "train"))
    record = proposed(tmp_path).record
    assert record.data.patch == (60, 60, 64)
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert "- background  # 90 %" in text
    assert "- object  # 9.8 %" in text
    assert "256 ms along sample" in reason(tmp_path, "patch")
    assert "64 × 60 × 96 positions" in reason(tmp_path, "patch")
    assert "6.8 × 6.8 × 6.3 of the patch" in reason(tmp_path, "network")
    assert record.data.validation.model_dump() == {"block": 0.2, "gap": 16, "axis": "crossline"}


def test_the_config_in_the_documentation_is_what_is_written(
    geocnn: Geocnn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample_data").symlink_to(SAMPLES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("geocnn.job_limits.cores", lambda: 2)
    named = ("--image", "sample_data/training-seismic.sgy", "--label", "sample_data/training-label.h5")
    assert geocnn("init", *named, "--out", "first.yaml", "--device", "cpu", "--memory", "16GB").status == 0
    [shown] = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == Path("first.yaml").read_text(encoding="utf-8")


def test_what_is_written_trains(init: Init, geocnn: Geocnn, tmp_path: Path) -> None:
    init(save(tmp_path, planes((24, 16, 16), 4)), more=("--memory", "800MB"))
    short = ("--set", "training.steps=2", "--set", "training.warmup=0", "--set", "training.validate_every=2")
    status, out, err = geocnn("train", tmp_path / "config.yaml", "--run", tmp_path / "run", *short, "--device", "cpu")
    assert (status, (tmp_path / "run/model.safetensors").exists()) == (0, True), out + err


def test_paths_are_written_as_the_config_sees_them(
    geocnn: Geocnn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    save(tmp_path, planes((48, 32, 32)))
    monkeypatch.chdir(tmp_path)
    named = ("--image", "a-image.npy", "--label", "a-label.npy", "--null", "nan", "--dt", "4")
    status, _, _ = geocnn("init", *named, "--out", "configs/c.yaml", "--device", "cpu", "--memory", "4GB")
    assert status == 0
    text = Path("configs/c.yaml").read_text()
    assert "image: ../a-image.npy, label: ../a-label.npy, dt: 4.0, null: .nan" in text
    assert preflight(load_config(Path("configs/c.yaml"))).training


def test_a_file_is_replaced_only_if_told(init: Init, tmp_path: Path) -> None:
    pair = save(tmp_path, planes((48, 32, 32)))
    (tmp_path / "config.yaml").write_text("mine")
    status, _, err = init(pair)
    assert (status, (tmp_path / "config.yaml").read_text()) == (1, "mine")
    assert "--overwrite" in err
    assert init(pair, more=("--overwrite",)).status == 0
    assert proposed(tmp_path)


LABEL = planes((32, 32, 32), 4)
REFUSED = {
    "all ignore": (np.full_like(LABEL, -1), "label all ignore"),
    "background alone": (np.zeros_like(LABEL), "one class only.*is 0.*label what is to be found as 1"),
    "no background": (np.where(LABEL == 1, 1, -1), "one class only.*is 1.*write 0, not -1"),
    "probability": (LABEL * np.float32(0.37), "no classes, such as 0.37.*looks like a probability"),
    "mask": (LABEL.astype(np.uint8) * np.uint8(255), "such as 255.*write 1 for 255"),
    "null": (np.where(LABEL, np.float32(-999.25), 0), "such as -999.25.*write -1"),
    "nan": (np.where(LABEL, np.float32("nan"), 0), "such as nan.*write -1"),
    "gaps": (LABEL * np.int8(100), "values 0, 100: more numbers between are unused"),
    "amplitudes": (LABEL * np.float32(17.5), "such as 17.5.*is it the label"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_labels_that_teach_nothing_are_refused(init: Init, tmp_path: Path, kind: str) -> None:
    label, message = REFUSED[kind]
    status, _, err = init(save(tmp_path, np.asarray(label)))
    assert status == 1
    assert re.search(message, err)
    assert not (tmp_path / "config.yaml").exists()


@pytest.mark.parametrize(
    ("shape", "more", "message"),
    [
        ((9, 9, 9), (), "too small: 9 × 9 × 9.*at least 16 on two of the three axes"),
        ((16, 16, 64), (), "too few for a patch beside a block.*pass another labelled survey"),
        ((400,), (), "single trace.*pass another pair"),
        ((48, 32, 32), ("--memory", "300MB"), r"0.3 GB of memory \(--memory\) are too little.*0.76 GB at least"),
    ],
)
def test_surveys_and_memories_that_are_too_small(
    init: Init, tmp_path: Path, shape: tuple[int, ...], more: tuple[str, ...], message: str
) -> None:
    label = np.zeros(shape, np.int8)
    label[..., ::3] = 1
    status, _, err = init(save(tmp_path, label), more=more)
    assert status == 1
    assert re.search(message, err)


def test_what_fits_the_memory_that_is_said_to_be_enough(init: Init, tmp_path: Path) -> None:
    """The least that the message asks for is enough."""
    assert init(save(tmp_path, planes((48, 32, 32), 4)), more=("--memory", "0.76GB")).status == 0
    assert proposed(tmp_path).record.data.patch == (16, 16, 16)


def test_pairs_must_match(init: Init, geocnn: Geocnn, tmp_path: Path) -> None:
    image, label = save(tmp_path, LABEL)
    status, _, err = geocnn("init", "--image", image, "--image", image, "--label", label, "--out", tmp_path / "c.yaml")
    assert (status, "2 --image and 1 --label" in err) == (2, True)
    other = save(tmp_path, planes((40, 60)), "section")
    assert re.search("section-image.npy has 1.*row, column", init((image, label), other).err)
    assert "at least 16 positions" in init((image, label), (image, label)).err
    assert not (tmp_path / "config.yaml").exists()


def test_an_unused_class_is_told(init: Init, tmp_path: Path) -> None:
    status, out, _ = init(save(tmp_path, 2 * planes((64, 32, 32))))
    assert status == 0
    assert proposed(tmp_path).record.classes == ("class-0", "class-1", "class-2")
    assert "No label seen has 1" in reason(tmp_path, "classes")
    assert "1: 0 %" in out


def test_channels_with_commas(init: Init, tmp_path: Path) -> None:
    near, label = save(tmp_path, planes((48, 32, 32)), "near")
    loud, _ = save(tmp_path, planes((48, 32, 32)), "loud", scale=50)
    assert init((f"{near},{loud}", label)).status == 0
    record = proposed(tmp_path).record
    assert record.normalisation.scale == "each"
    assert "differ 50-fold" in reason(tmp_path, "scale")
    assert len(record.data.train[0].images) == 2
    quiet, _ = save(tmp_path, planes((48, 32, 32)), "quiet", scale=1.2)
    assert init((f"{near},{quiet}", label), more=("--overwrite",)).status == 0
    assert proposed(tmp_path).record.normalisation.scale == "shared"


def test_starred_surveys_hold_out_the_last(init: Init, tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path, planes((24, 24, 24), 4), f"cube{index}")
    assert init((str(tmp_path / "cube*-image.npy"), str(tmp_path / "cube*-label.npy"))).status == 0
    checked = preflight(proposed(tmp_path))
    assert [len(checked.training), len(checked.validation)] == [5, 1]
    assert "cube*-image.npy" in (tmp_path / "config.yaml").read_text()


def test_surveys_are_put_in_another_order_where_the_last_lacks_a_class(init: Init, tmp_path: Path) -> None:
    label = planes((24, 24, 24), 4)
    pairs = [save(tmp_path, label, "b"), save(tmp_path, label, "c"), save(tmp_path, 0 * label, "empty")]
    assert init(*pairs).status == 0
    checked = preflight(proposed(tmp_path))
    assert [Path(each.image.name).name for each, _ in checked.validation] == ["c-image.npy"]
    assert "Others stood last" in reason(tmp_path, "validation")


def test_traces(init: Init, tmp_path: Path) -> None:
    label = (np.arange(1500) > 700).astype(np.int8)
    assert init(save(tmp_path, label, "a"), save(tmp_path, label, "b")).status == 0
    record = proposed(tmp_path).record
    assert (record.network, record.data.patch, record.augmentation.flip) == ("phasenet", (1280,), False)


def test_images_without_units(init: Init, tmp_path: Path) -> None:
    label = np.zeros((200, 120), np.int8)
    label[:, 40:80], label[:, 80:] = 1, 2
    assert init(save(tmp_path, label)).status == 0
    record = proposed(tmp_path).record
    assert (record.data.validation.axis, record.augmentation.rotate) == ("row", False)
    assert "class-2" in record.classes
    assert reason(tmp_path, "patch").startswith("row × column. Training has 144 × 120")


@pytest.mark.parametrize(("shape", "patch"), [((7, 80, 48), (7, 48, 48)), ((80, 60, 1), (48, 48, 1))])
def test_thin_surveys_are_not_reduced_along_the_thin_axis(
    init: Init, tmp_path: Path, shape: tuple[int, ...], patch: tuple[int, ...]
) -> None:
    label = np.zeros(shape, np.int8)
    label[:, : shape[1] // 2] = 1
    assert init(save(tmp_path, label)).status == 0
    config = proposed(tmp_path)
    checked = preflight(config)
    assert config.record.data.patch == patch
    short = shape.index(min(shape))
    assert checked.plan.stride[short] == 1
    assert max(checked.plan.stride) == 8
    assert checked.plan.receptive_field[short] == 1 or min(shape) > 1


def test_a_flat_network_is_the_one_of_the_zoo_where_nothing_is_thin() -> None:
    """Writing it out changes nothing but the axes that are thin."""
    flat, whole = Candidate("unet-residual", "", thin=(7, 0, 0)), Candidate("unet-residual", "")
    assert flat.written != whole.written
    assert "[1, 2, 2]" in str(flat.written)
    as_it_is = Candidate("unet-residual", "", 0.5, thin=(0, 0, 0))
    assert as_it_is.spec.layers == whole.spec.layers
    assert as_it_is.written == {"name": "unet-residual", "width": 0.5}


def test_the_block_has_the_classes() -> None:
    """Class 1 lies in the first half of the inlines: their far end would show none of it."""
    found = survey_found((128, 128, 64), (0.9, 0.1))
    along = found.along[0].copy()
    along[PARTS // 2 :, 2] = 0
    survey = SurveyFound(**{**vars(found), "along": (along, found.along[1])})
    assert hold(Fingerprint((found,), CPU), 1).axis == "inline"
    held = hold(Fingerprint((survey,), CPU), 1)
    assert (held.axis, held.gap, held.missing) == ("crossline", 16, ())


def test_the_gap_is_never_given_up_for_the_classes() -> None:
    """A small gap only where a large one leaves no room: neighbours have the same labels."""
    found = survey_found((100, 18, 64), (0.9, 0.1))
    along = found.along[0].copy()
    along[PARTS // 2 :, 2] = 0
    survey = SurveyFound(**{**vars(found), "along": (along, found.along[1])})
    held = hold(Fingerprint((survey,), CPU), 1)
    assert (held.axis, held.gap, held.missing) == ("inline", 16, (1,))
    assert "Beware: class 1 is hardly there" in why(proposal_for(survey, CPU))["data.validation"]
    small = hold(Fingerprint((survey_found((30, 18, 64), (0.9, 0.1)),), CPU), 1)
    assert small.gap == 8


def test_a_rare_class_is_looked_for() -> None:
    rare = proposal_for(survey_found((256, 256, 256), (0.999, 0.001)), GPU)
    assert chosen(rare)["data.foreground"] == 0.5
    assert "0.1 %" in why(rare)["data.foreground"]
    assert "would be right for 99.9 %" in why(rare)["training.loss"]
    assert chosen(proposal_for(survey_found((256, 256, 256), (0.9, 0.1)), GPU))["data.foreground"] == 0.33
    assert chosen(proposal_for(survey_found((256, 256, 256), (0.5, 0.5)), GPU))["data.foreground"] == 0.0


def test_coarse_bins_get_fewer_positions() -> None:
    even = proposal_for(survey_found((400, 400, 400), (0.9, 0.1), (25.0, 25.0)), GPU)
    coarse = proposal_for(survey_found((400, 400, 400), (0.9, 0.1), (50.0, 12.5)), GPU)
    assert chosen(even)["data.patch"] == [128, 128, 128]
    assert chosen(coarse)["data.patch"] == [32, 128, 128]
    assert "50 × 12.5" in why(coarse)["data.patch"]
    assert (chosen(even)["augmentation.rotate"], chosen(coarse)["augmentation.rotate"]) == (True, False)
    assert "3200 × 3200 on the ground" in why(even)["data.patch"]


def test_less_memory_less_patch_and_less_time_less_network() -> None:
    survey = survey_found((400, 400, 400), (0.9, 0.1))
    large, small = (proposal_for(survey, Machine("cuda", size * 10**9, 8)) for size in (80, 6))
    assert prod(large.sized.patch) > prod(small.sized.patch)
    slow = proposal_for(survey, Machine("cpu", 80 * 10**9, 1))
    assert slow.sized.plan.parameters < large.sized.plan.parameters
    assert re.search(r"Passed over: .* would take about \d+ hours", why(slow)["network"])


def test_steps_grow_with_what_is_labelled() -> None:
    """A hundred passes: 100 · labelled / (batch · patch), from 1000 to 25 000."""
    steps = [proposal_for(survey_found((n, 400, 400), (0.9, 0.1)), GPU).sized for n in (64, 1600, 40_000)]
    assert steps[0].steps == 1000
    assert steps[2].steps == 25_000
    assert steps[1].batch == 4
    assert steps[1].limit == "More would learn no more from each sample."
    labelled = hold(Fingerprint((survey_found((1600, 400, 400), (0.9, 0.1)),), GPU), 1).labelled
    assert steps[1].steps == pytest.approx(100 * labelled / (steps[1].batch * prod(steps[1].patch)), rel=0.05)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(5, 300), min_size=1, max_size=3).map(tuple),
    classes=st.integers(2, 6),
    gigabytes=st.floats(0.7, 64),
    device=st.sampled_from(["cpu", "cuda"]),
    count=st.integers(1, 3),
)
def test_whatever_is_proposed_fits(
    shape: tuple[int, ...], classes: int, gigabytes: float, device: str, count: int
) -> None:
    machine = Machine(device, round(gigabytes * 1e9), 4)  # type: ignore[arg-type]
    survey = survey_found(shape, (1 / classes,) * classes)
    try:
        proposal = proposal_for(survey, machine, count)
    except SurveyError:
        small = min(sorted(shape)[-2:]) < 40 or len(shape) == 1 or gigabytes < 3
        assert small, "refused without need"
        return
    sized, room = proposal.sized, proposal.held.room
    assert all(p <= n for p, n in zip(sized.patch, room, strict=True))
    assert sized.plan.output.shape == sized.patch
    assert sized.batch >= 2
    assert sized.memory == training_bytes(sized.plan, sized.batch) <= budget(machine)


def test_a_large_survey_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bound of 1 MB, a part is read, and shares come out as of the whole."""
    image, label = save(tmp_path, planes((64, 96, 128)))
    monkeypatch.setattr("geocnn.proposal.looking.SMALL", 0)
    monkeypatch.setattr("geocnn.survey.sampling.BUDGET", 1_000_000)
    [found] = finish(look_at([Pair((image,), label)], SurveyOptions()))
    assert 0.2 < found.seen / prod(found.shape) < 0.4
    fingerprint = Fingerprint((found,), CPU)
    assert fingerprint.shares[1] == pytest.approx(1 / 16, rel=0.2)
    assert found.labelled == pytest.approx(64 * 96 * 128, rel=0.01)
    assert "looked at" in " ".join(propose(fingerprint, 1).lines)


def test_the_width_of_what_is_labelled() -> None:
    """Planes of 3 crosslines, endless along the other axes; windows that cut them count alike."""
    label = np.zeros((10, 60, 10), np.float32)
    label[:, 5::10] = label[:, 6::10] = label[:, 7::10] = 1
    values = LabelValues("label", label.shape)
    for start in range(50):
        part = label[:, start : start + 10]
        values.add((0, start, 0), part, np.ones(part.shape, np.bool_))
    assert values.widths == (np.inf, pytest.approx(3, rel=0.05), np.inf)


def test_labels_are_counted_by_parts_of_an_axis() -> None:
    """Of 40 inlines each part has 2, and inline k has k samples of class 1."""
    label = np.array([[k > x for x in range(50)] for k in range(40)], np.float32)
    values = LabelValues("label", label.shape)
    for start in (0, 7, 30):
        part = label[start : {0: 7, 7: 30, 30: 40}[start]]
        values.add((start, 0), part, np.ones(part.shape, np.bool_))
    [table] = values.along
    assert table[:, 2].tolist() == [4 * k + 1 for k in range(PARTS)]
    assert (table[:, 1] + table[:, 2] == 100).all()


def test_labels_count_only_where_the_image_lives(init: Init, tmp_path: Path) -> None:
    """But classes on dead traces are classes: training reads them, and would refuse a number beyond the last."""
    label = planes((64, 32, 32))
    label[0, 0] = 2
    image, name = save(tmp_path, label)
    samples = np.load(image)
    samples[:12] = 0
    np.save(image, samples)
    [found] = finish(look_at([Pair((image,), name)], SurveyOptions()))
    assert found.live == found.counts.sum() == 52 * 32 * 32
    assert init((image, name)).status == 0
    assert len(proposed(tmp_path).record.classes) == 3
    label = label.astype(np.float32)
    label[0, 0] = 0.5
    np.save(name, label)
    assert "such as 0.5" in init((image, name), more=("--overwrite",)).err


def test_traces_that_the_label_lacks_are_not_interpreted(tmp_path: Path) -> None:
    """The label's file holds 300 of 400 traces; those that are missing read as zeros, which is no background."""
    volume = np.random.default_rng(0).normal(size=(20, 20, 30)).astype(np.float32)
    image, label = tmp_path / "image.sgy", tmp_path / "label.sgy"
    Traces.of(volume, range(20), range(20)).write(image)
    missing = set(range(5, 400, 4))
    Traces.of(1.0 * (volume > 1), range(20), range(20)).picked([n for n in range(400) if n not in missing]).write(label)
    [found] = finish(look_at([Pair((str(image),), str(label))], SurveyOptions()))
    assert found.counts[0] == len(missing) * 30
    assert found.counts[1:].sum() == (400 - len(missing)) * 30
