"""Synthetic worlds: a pure function of (seed, n), faults that move layers as they say, what each ingredient adds."""

from __future__ import annotations

from dataclasses import replace
from math import radians, tan

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from geocnn.survey.survey import Domain
from geocnn.synthetic.beds import draw_beds
from geocnn.synthetic.drawing import antithetic, en_echelon
from geocnn.synthetic.eras import AGE_OF_ERA, Channel, Earth, Era, Salt, Visibility
from geocnn.synthetic.frame import Frame, draw_frame, numbers_of
from geocnn.synthetic.imaging import Imaging, Wavelet
from geocnn.synthetic.maps import Map, draw_map
from geocnn.synthetic.polygons import Polygons
from geocnn.synthetic.recording import Footprint, Recording, Regridding, gas
from geocnn.synthetic.slip import Places, Slip
from geocnn.synthetic.wide import INGREDIENTS, WideRecipe
from geocnn.synthetic.worlds import draw_world, horizons, make_world, make_worlds

WIDE = WideRecipe()
SHAPE = (24, 28, 48)
STEPS = (20.0, 30.0, 5.0)
FRAME = Frame((40, 40, 80), (20.0, 30.0), 4.0, 2500.0, Domain("time", "test"))


def places(shape: tuple[int, int, int] = FRAME.shape, steps: tuple[float, float, float] = STEPS) -> Places:
    axes = [torch.arange(n, dtype=torch.float32) * step for n, step in zip(shape, steps, strict=True)]
    return Places(axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])


def level() -> Map:
    return draw_map(np.random.default_rng(0), FRAME, 0, 0, 3)


def earth(*faults: Slip | Polygons, channels: tuple[Channel, ...] = (), visible: float = 5.0) -> Earth:
    beds = draw_beds(np.random.default_rng(1), STEPS[2], 256, 10.0, packages=True)
    return Earth((Era(faults, level(), 0.0, None, 0.0, beds, channels),), None, seen_from(visible))


def seen_from(throw: float) -> Visibility:
    return Visibility(throw, 0.0, 0.0, 1.0)


# A world as a whole


def test_a_world_is_a_pure_function_of_seed_and_number() -> None:
    first, again = (make_world(draw_world(3, 5, SHAPE, WIDE)) for _ in range(2))
    for name in ("image", "fault", "throw", "age"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    others = [make_world(draw_world(seed, n, SHAPE, WIDE)).image for seed, n in ((3, 6), (4, 5))]
    assert not any(torch.equal(first.image, other) for other in others)


def test_a_batch_holds_the_worlds_of_its_numbers() -> None:
    images, labels = make_worlds(3, [5, 9], SHAPE, WIDE)
    assert images.shape == (2, 1, *SHAPE)
    assert labels.shape == (2, *SHAPE)
    assert torch.equal(images[1, 0], make_world(draw_world(3, 9, SHAPE, WIDE)).image)


def test_worlds_are_what_they_promise() -> None:
    labels = set()
    for n in range(30):
        cube = make_world(draw_world(0, n, SHAPE, WIDE))
        assert cube.image.dtype == cube.throw.dtype == cube.age.dtype == torch.float32
        assert cube.fault.dtype == torch.int8
        assert torch.isfinite(cube.image).all()
        assert cube.image.abs().max() <= 5.5
        assert abs(float(cube.image.std()) - 1) < 0.05
        labels |= set(cube.fault.unique().tolist())
        world = cube.world
        visible = world.earth.visibility.top / world.frame.step
        assert (cube.throw[cube.fault == 1].abs() >= visible - 1e-3).all()
        assert visible >= 1
        frame = world.frame
        assert 6 <= min(frame.bins) <= max(frame.bins) <= 50
        assert max(frame.bins) <= 2.5 * min(frame.bins) + 1e-6
        assert 1 <= frame.interval <= 4
        assert 1500 <= frame.velocity <= 5001
        assert 8 <= world.imaging.wavelet.frequency <= 80
        for era in world.earth.eras:
            for fault in era.faults:
                if isinstance(fault, Slip):
                    assert 30 <= fault.dip <= 80
    assert labels == {-1, 0, 1}


@pytest.mark.parametrize("name", INGREDIENTS)
def test_an_ingredient_that_is_left_out_changes_some_worlds(name: str) -> None:
    without = WideRecipe(without=(name,))
    pairs = ((draw_world(1, n, SHAPE, recipe) for recipe in (WIDE, without)) for n in range(40))
    assert any(not torch.equal(make_world(a).image, make_world(b).image) for a, b in pairs)


SEISMIC = (
    "wavelets",
    "attenuation",
    "migration",
    "noise",
    "coherent",
    "footprint",
    "multiples",
    "wipeouts",
    "dead",
    "gain",
    "regridding",
    "clipping",
)


@pytest.mark.parametrize("name", SEISMIC)
def test_seismic_that_is_left_out_leaves_the_rock_as_it_is(name: str) -> None:
    for n in range(40):
        one, other = (make_world(draw_world(1, n, SHAPE, recipe)) for recipe in (WIDE, WideRecipe(without=(name,))))
        assert torch.equal(one.age, other.age)
        assert torch.equal(one.throw, other.throw)
        if not torch.equal(one.image, other.image):
            return
    pytest.fail(f"no world has {name}")


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("listric", {"flattening": 0.0}),
        ("curvature", {"bend": 0.0}),
        ("drag", {"drag": 0.0, "hanging": 1.0}),
        ("growth", {"growth": (0.0, 0.0)}),
        ("tips", {"half_length": np.inf, "half_height": np.inf, "reach": np.inf, "flattening": 0.0, "bend": 0.0}),
    ],
)
def test_a_shape_of_faults_that_is_left_out_leaves_the_rest_of_them(name: str, bare: dict[str, float]) -> None:
    changed = 0
    for n in range(6):
        # Companions are placed by the size of the first fault of a set.
        recipes = (WideRecipe(without=("sets",)), WideRecipe(without=("sets", name)))
        one, other = (draw_world(1, n, SHAPE, recipe).earth.eras for recipe in recipes)
        for first, second in zip(one, other, strict=True):
            slips = [[each for each in era.faults if isinstance(each, Slip)] for era in (first, second)]
            stripped = [[replace(each, **bare) for each in faults] for faults in slips]  # type: ignore[arg-type]
            assert stripped[0] == stripped[1]
            assert np.array_equal(first.beds.log_impedance, second.beds.log_impedance)
            changed += slips[0] != slips[1]
    assert changed


def test_without_sets_faults_stay_where_they_are_and_turn() -> None:
    turned = 0
    for n in range(6):
        one, other = (draw_world(1, n, SHAPE, WideRecipe(without=w)).earth.eras for w in ((), ("sets",)))
        for first, second in zip(one, other, strict=True):
            here, there = ({f.centre: f for f in era.faults if isinstance(f, Slip)} for era in (first, second))
            assert len(here) == len(there)
            assert not here or here.keys() & there.keys()
            assert all(here[each].throw == there[each].throw for each in here.keys() & there.keys())
            turned += sum(here[each].azimuth != there[each].azimuth for each in here.keys() & there.keys())
    assert turned


def test_without_everything_planar_faults_and_layers_remain() -> None:
    bare = WideRecipe(without=tuple(INGREDIENTS), depth=0)
    world = draw_world(0, 0, (32, 32, 64), bare)
    [era] = world.earth.eras
    assert world.earth.salt is None
    assert era.base is None
    assert era.channels == ()
    assert all(isinstance(each, Slip) and each.half_length == float("inf") and not each.bend for each in era.faults)
    assert world.imaging.wavelet == Wavelet(world.imaging.wavelet.frequency)
    assert world.recording == Recording(None, None, None, None, 0, None, 5.0, 0)
    assert not make_world(world).image.isnan().any()


# Faults


@pytest.mark.parametrize("azimuth", [0, 90, 200, 317])
@pytest.mark.parametrize(("dip", "throw"), [(45, 30.0), (70, 30.0), (60, -25.0)])
def test_layers_lie_lower_in_the_hanging_wall_by_the_throw(azimuth: float, dip: float, throw: float) -> None:
    fault = Slip((400.0, 600.0, 200.0), azimuth, dip, throw)
    before, broken = fault.undone(places(), STEPS)
    x, y, z = torch.broadcast_tensors(*places())
    ahead = (x - 400) * np.cos(radians(azimuth)) + (y - 600) * np.sin(radians(azimuth))
    hanging = z - 200 < ahead * tan(radians(dip))
    near = broken.distance < 0.01
    torch.testing.assert_close(before.z[hanging & ~near], (z - throw)[hanging & ~near])
    torch.testing.assert_close(before.z[~hanging & ~near], z[~hanging & ~near])
    torch.testing.assert_close(broken.throw.expand(z.shape), torch.full_like(z, throw))


def test_distances_are_those_from_the_plane_in_positions() -> None:
    fault = Slip((400.0, 600.0, 200.0), 30, 60, 20.0)
    _, broken = fault.undone(places(), STEPS)
    i, x, s = np.meshgrid(*map(np.arange, FRAME.shape), indexing="ij")
    # The plane in positions: toward · (x, y) − cot(dip) z = constant.
    normal = np.array([STEPS[0] * np.cos(radians(30)), STEPS[1] * np.sin(radians(30)), -STEPS[2] / tan(radians(60))])
    offset = 400 * np.cos(radians(30)) + 600 * np.sin(radians(30)) - 200 / tan(radians(60))
    expected = np.abs(normal[0] * i + normal[1] * x + normal[2] * s - offset) / np.linalg.norm(normal)
    np.testing.assert_allclose(broken.distance.numpy(), expected, atol=1e-3)


def test_displacement_is_largest_in_the_middle_and_ends_at_the_tips() -> None:
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 40.0, half_length=300.0, half_height=150.0)
    along = torch.tensor([0.0, 150.0, 299.0, 301.0, 900.0])
    _, broken = fault.undone(Places(torch.tensor(400.0), 600 + along, torch.tensor(200.0)), STEPS)
    r = np.array([0, 0.5])
    np.testing.assert_allclose(broken.throw[:2], 40 * 2 * np.sqrt(((1 + r) / 2) ** 2 - r**2) * (1 - r), rtol=1e-5)
    assert 0 <= broken.throw[2] < 1
    assert broken.throw[3] == broken.throw[4] == 0
    _, down = fault.undone(Places(torch.tensor(400.0), torch.tensor(600.0), 200 + along / 2), STEPS)
    torch.testing.assert_close(down.throw, broken.throw)


@pytest.mark.parametrize("throw", [30.0, -25.0])
def test_rock_moves_along_the_fault(throw: float) -> None:
    # Planar, and 37° off the axes: from the foot wall up the dip, or down it, by the throw and cot(dip) of it aside.
    fault = Slip((400.0, 600.0, 200.0), 37, 50, throw)
    before, _ = fault.undone(Places(torch.tensor(1500.0), torch.tensor(1500.0), torch.tensor(200.0)), STEPS)
    aside = -throw / tan(radians(50))
    moved = [1500 + aside * np.cos(radians(37)), 1500 + aside * np.sin(radians(37)), 200 - throw]
    np.testing.assert_allclose([float(each) for each in before], moved, rtol=1e-5)


def test_both_walls_share_the_displacement() -> None:
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 30.0, hanging=0.7)
    beside = torch.tensor([-100.0, 100.0])
    before, _ = fault.undone(Places(400 + beside, torch.tensor(600.0), torch.tensor(200.0)), STEPS)
    torch.testing.assert_close(before.z, torch.tensor([200 + 9.0, 200 - 21.0]))


def test_drag_bends_layers_into_the_fault() -> None:
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 30.0, half_length=1e9, half_height=1e9, reach=1000.0, drag=0.4)
    away = torch.tensor([1e-3, 150.0, 3000.0])
    before, _ = fault.undone(Places(400 + away, torch.tensor(600.0), torch.tensor(200.0)), STEPS)
    # At the fault 60 % of the throw; further off 1 − 0.4 exp(−q / 0.15 reach) of it, which dies out over the reach.
    offset = 30 * torch.tensor([0.6, (1 - 0.4 * float(np.exp(-1))) * float(np.exp(-0.0225)), float(np.exp(-9))])
    torch.testing.assert_close(200 - before.z, offset, atol=0.02, rtol=0)


def test_growth_faults_move_their_upper_layers_less() -> None:
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 30.0, growth=(100.0, 200.0))
    z = torch.tensor([50.0, 200.0, 350.0])
    _, broken = fault.undone(Places(torch.tensor(900.0), torch.tensor(600.0), z), STEPS)
    torch.testing.assert_close(broken.throw, torch.tensor([0.0, 15.0, 30.0]))


def test_an_antithetic_fault_dips_against_the_first_in_its_hanging_wall() -> None:
    first = Slip((400.0, 600.0, 200.0), 30, 60, 30.0, half_length=500.0, half_height=300.0, reach=400.0)
    for seed in range(5):
        second = antithetic(np.random.default_rng(seed), first)
        assert second.azimuth == 210
        assert 12 <= second.throw <= 27
        assert second.half_length / 500 == pytest.approx(second.throw / 30)
        aside = [a - b for a, b in zip(second.centre, first.centre, strict=True)]
        ahead = aside[0] * np.cos(radians(30)) + aside[1] * np.sin(radians(30))
        assert ahead > aside[2] / tan(radians(60))


def test_faults_en_echelon_overlap_and_step_aside() -> None:
    first = Slip((400.0, 600.0, 200.0), 0, 60, 30.0, half_length=400.0)
    for seed in range(5):
        centres = [first.centre, *(each.centre for each in en_echelon(np.random.default_rng(seed), first, 3))]
        assert len(centres) == 4
        steps = np.diff(np.array(centres), axis=0)
        # The strike of azimuth 0 lies along y; lengths of 800 m begin 600 m apart.
        np.testing.assert_allclose(np.abs(steps[:, 1]), 600)
        np.testing.assert_allclose(steps[:, 0], steps[0, 0])
        assert 0.15 * 400 <= abs(steps[0, 0]) <= 0.4 * 400
    assert en_echelon(np.random.default_rng(0), first, 0) == []


def test_layers_stay_below_a_sample_a_trace_and_are_never_turned_over() -> None:
    still = WideRecipe(without=("salt", "unconformities", "channels", "polygonal"), faults=(0, 0))
    folded = WideRecipe(without=("salt", "channels", "polygonal"), faults=(0, 0))
    for n in range(25):
        world = draw_world(5, n, (96, 96, 24), still)
        rock = make_world(world)
        assert (rock.throw == 0).all()
        downwards = torch.diff(rock.age, dim=2)
        assert (downwards > 0).all()
        # dz / dx of a layer, in samples a trace.
        lateral = torch.diff(rock.age, dim=0)[:, :, 1:] / downwards[1:]
        assert lateral.abs().quantile(0.999) < 1.05, n
        assert (torch.diff(make_world(draw_world(5, n, (96, 96, 24), folded)).age, dim=2) > -1e-2).all(), n


def test_rock_is_never_turned_over() -> None:
    for n in range(20):
        world = draw_world(2, n, (32, 32, 64), WideRecipe(without=("salt", "unconformities")))
        age = make_world(world).age
        turned = (torch.diff(age, dim=2) < -2 * world.frame.step).float().mean()
        # Reverse faults repeat layers where a trace crosses them, and only there.
        assert turned < 0.02, (n, float(turned))


def test_a_listric_fault_flattens_downwards_and_a_bent_one_curves() -> None:
    planar = Slip((400.0, 600.0, 200.0), 0, 60, 20.0)
    z = torch.tensor([0.0, 200.0, 400.0])
    place = {}
    for name, fault in (("planar", planar), ("listric", replace(planar, flattening=0.002))):
        x = torch.arange(0, 1200, 0.5)[:, None]
        _, broken = fault.undone(Places(x, torch.tensor(600.0), z[None]), STEPS)
        place[name] = x[broken.distance.argmin(dim=0), 0]
    torch.testing.assert_close(torch.diff(place["planar"], n=2), torch.zeros(1), atol=1.1, rtol=0)
    assert torch.diff(place["listric"], n=2) > 20
    y = torch.tensor([300.0, 600.0, 900.0])
    _, broken = replace(planar, bend=0.001).undone(Places(x[..., None], y[None, :, None], torch.tensor(200.0)), STEPS)
    bent = x[broken.distance[..., 0].argmin(dim=0), 0]
    assert abs(float(bent[1]) - 400) < 1
    torch.testing.assert_close(bent[0], bent[2], atol=1.1, rtol=0)
    assert abs(float(bent[0] - bent[1]) - 45) < 2


def test_labels_tell_visible_faults_from_hidden_ones() -> None:
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 20.0)
    for visible, label in ((10.0, 1), (30.0, -1)):
        rock = earth(fault, visible=visible).at(places(), STEPS)
        assert set(rock.fault.unique().tolist()) == {0, label}
        # Two samples thick across the plane, which a row of inlines meets at an angle.
        assert 1 <= int((rock.fault[:, 20, 40] == label).sum()) <= 3
        assert (rock.throw[rock.fault == label] == 20).all()


def test_younger_faults_displace_older_ones() -> None:
    old, young = Slip((400.0, 600.0, 200.0), 0, 60, 20.0), Slip((400.0, 600.0, 200.0), 90, 80, 60.0)
    both = earth(young, old).at(places(), STEPS).fault
    alone = earth(old).at(places(), STEPS).fault
    # In the foot wall of the younger fault the older one lies as before, in the hanging wall it has moved.
    assert torch.equal(both[:, :10] == 1, alone[:, :10] == 1)
    assert not torch.equal(both[:, 30:] == 1, alone[:, 30:] == 1)


def test_faults_end_at_the_unconformity_above_them() -> None:
    beds = draw_beds(np.random.default_rng(1), 5.0, 256, 10.0, packages=True)
    surface = Map(level().heights + 150, level().start, level().step)
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 20.0)
    eras = (Era((), level(), 0.0, surface, 0.0, beds, ()), Era((fault,), level(), 0.0, None, 0.0, beds, ()))
    rock = Earth(eras, None, seen_from(5.0)).at(places(), STEPS)
    assert not (rock.fault[..., :30] != 0).any()
    assert (rock.fault[..., 32:] == 1).any()
    assert (torch.diff(rock.age, dim=2) > 0).sum() > 0.98 * rock.age.numel() * 79 / 80
    assert rock.age[..., :30].max() < rock.age[..., 31:].min()


@pytest.mark.parametrize(("drape", "follows"), [(1.0, True), (0.0, False)])
def test_young_layers_follow_the_relief_or_lap_on_to_it(drape: float, follows: bool) -> None:
    beds = draw_beds(np.random.default_rng(1), 5.0, 256, 10.0, packages=True)
    heights = np.linspace(100, 300, 64, dtype=np.float32)[:, None].repeat(64, 1)
    relief = Map(heights, level().start, level().step)
    eras = (Era((), level(), 0.0, relief, drape, beds, ()), Era((), level(), 0.0, None, 0.0, beds, ()))
    age = Earth(eras, None, seen_from(5.0)).at(places(), STEPS).age
    base = relief.at(places().x, places().y)[:, 0, 0]
    for i in (0, 20, 39):
        deepest = age[i, 0][age[i, 0] < AGE_OF_ERA / 2].max()
        # A layer that covers the relief is as old wherever it lies on it; one that laps on is the older the deeper.
        assert abs(float(deepest) - (0 if follows else float(base[i]))) <= STEPS[2]


def test_salt_lifts_its_roof_and_has_no_layers() -> None:
    salt = Salt((400.0, 600.0, 200.0), 100.0, 2.0, 30.0, level(), 0.4)
    lifted, inside = salt.lifted(places())
    x, y, z = torch.broadcast_tensors(*places())
    torch.testing.assert_close(lifted.z[20, 20], z[20, 20] + 30)
    square = (x - 400) ** 2 + (y - 600) ** 2
    assert torch.equal(inside, z > 200 + square * 0.02)
    beds = draw_beds(np.random.default_rng(1), STEPS[2], 256, 10.0, packages=True)
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 20.0)
    rock = Earth((Era((fault,), level(), 0.0, None, 0.0, beds, ()),), salt, seen_from(5.0)).at(places(), STEPS)
    assert inside.any()
    assert (rock.log_impedance[inside] == 0.4).all()
    assert (rock.fault[inside] == 0).all()
    assert (rock.age[inside] == AGE_OF_ERA).all()
    assert (rock.age[~inside] < AGE_OF_ERA / 2).all()


def test_throws_are_seen_from_a_quarter_of_the_wavelength_where_they_are() -> None:
    # 80 m at the top are 160 m where half of the frequency is lost; a sample is 25 m.
    seen = Visibility(25.0, 80.0, 0.5, 400.0)
    torch.testing.assert_close(seen.at(torch.tensor([-50.0, 0.0, 400.0])), torch.tensor([25.0, 25.0, 40.0]))
    fault = Slip((400.0, 600.0, 200.0), 0, 60, 32.0)
    beds = draw_beds(np.random.default_rng(1), STEPS[2], 256, 10.0, packages=True)
    rock = Earth((Era((fault,), level(), 0.0, None, 0.0, beds, ()),), None, seen).at(places(), STEPS)
    depth = torch.broadcast_to(places().z, rock.fault.shape)
    # 20 / (1 − z / 800) = 32 at z = 300.
    assert set(rock.fault[depth < 299].unique().tolist()) == {0, 1}
    assert set(rock.fault[depth > 301].unique().tolist()) == {0, -1}


def test_walls_of_polygons_dip_as_normal_faults_do() -> None:
    sites = ((300.0, 600.0, 20.0), (700.0, 600.0, -20.0))
    polygons = Polygons(sites, 100.0, 300.0, lean=200.0)
    before, broken = polygons.undone(places(), STEPS)
    # Rock is missing where a trace leaves the hanging wall, and never met twice.
    assert (torch.diff(before.z, dim=2) > 0).all()
    assert (torch.diff(before.z, dim=2) > 10).any()
    # Two columns 400 m apart whose throws differ by twice the largest: cot(dip) = 2 · 200 / 400; towards the sunk one.
    wall = broken.distance[:, 20].argmin(dim=0) * STEPS[0]
    np.testing.assert_allclose(wall[28] - wall[52], 120, atol=STEPS[0])
    i, s = np.meshgrid(np.arange(FRAME.shape[0]), np.arange(25, 56), indexing="ij")
    gradient = np.hypot((STEPS[0] + STEPS[1]) / 2, STEPS[2])
    expected = np.abs(i * STEPS[0] - 500 + (s * STEPS[2] - 200)) / gradient
    np.testing.assert_allclose(broken.distance[:, 20, 25:56], expected, atol=1e-3)


def test_polygons_break_their_interval_alone() -> None:
    sites = tuple((float(x), float(y), float(t)) for x, y, t in [(100, 300, 20), (600, 300, -20), (350, 900, 10)])
    polygons = Polygons(sites, 100.0, 300.0, lean=0.5)
    before, broken = polygons.undone(places(), STEPS)
    z = places().z.expand(before.z.shape)
    outside = (z < 100) | (z > 300)
    torch.testing.assert_close(before.z[outside], z[outside])
    assert broken.distance[outside].isinf().all()
    middle = before.z[:, :, 40] - 200
    assert set(torch.round(middle).unique().tolist()) == {-20.0, 20.0, -10.0}
    assert (broken.distance[:, :, 40] < 1).any()


def test_a_channel_lies_in_its_layer() -> None:
    channel = Channel(0, 600, 0, 1000, 100, 20, 200, 9.0)
    rock = earth(channels=(channel,)).at(places(), STEPS).log_impedance
    filled = (rock == 9).nonzero()
    assert filled[:, 1].min() * 30 > 500
    assert filled[:, 1].max() * 30 < 700
    assert filled[:, 2].min() * 5 > 200
    assert filled[:, 2].max() * 5 < 220


# Maps, beds, seismic


def test_maps_are_as_steep_as_they_say_and_read_between_their_nodes() -> None:
    made = draw_map(np.random.default_rng(3), FRAME, 12, 0, 3)
    slopes = np.hypot(*np.gradient(made.heights, *made.step))
    np.testing.assert_allclose(np.rad2deg(np.arctan(slopes.max())), 12, rtol=1e-3)
    x, y = made.start[0] + 3.25 * made.step[0], made.start[1] + 7 * made.step[1]
    expected = 0.75 * made.heights[3, 7] + 0.25 * made.heights[4, 7]
    np.testing.assert_allclose(made.at(torch.tensor(x), torch.tensor(y)), expected, rtol=1e-3)
    tilted = draw_map(np.random.default_rng(3), FRAME, 0, 10, 3)
    np.testing.assert_allclose(np.hypot(*np.gradient(tilted.heights, *tilted.step)), tan(radians(10)), rtol=1e-3)


def test_beds_have_the_thickness_they_were_asked_for() -> None:
    for median in (10.0, 40.0):
        beds = draw_beds(np.random.default_rng(0), 1.0, 4096, median, packages=False)
        bounds = np.flatnonzero(np.abs(np.diff(beds.log_impedance)) > 1e-4)
        thickness = np.diff(bounds[np.insert(np.diff(bounds) > 1, 0, True)]) * beds.step
        np.testing.assert_allclose(np.median(thickness), median, rtol=0.25)
        read = beds.at(torch.tensor([3 * beds.step, 3.5 * beds.step, len(beds.log_impedance) * beds.step]))
        table = beds.log_impedance
        np.testing.assert_allclose(read, [table[3], (table[3] + table[4]) / 2, table[0]], rtol=1e-5)


def test_the_spectrum_of_a_ricker_wavelet() -> None:
    f = torch.linspace(1, 100, 50)
    u = f / 25
    torch.testing.assert_close(Wavelet(25).spectrum(f).abs(), u**2 * torch.exp(1 - u**2))
    turned = Wavelet(25, phase=90).spectrum(f)
    torch.testing.assert_close(turned.angle(), torch.full_like(f, np.pi / 2))
    for low, high in ((0.7, 1.5), (4, 4)):
        fine = torch.linspace(1, 100, 991)
        assert abs(float(fine[Wavelet(25, low, high).spectrum(fine).abs().argmax()]) - 25) < 0.2


def test_migration_blurs_a_point_sideways_the_more_the_lower_the_dip() -> None:
    point = torch.zeros(48, 48, 64)
    point[24, 24, 32] = 1
    widths = []
    for dip in (0.0, 60.0, 25.0):
        imaging = Imaging(Wavelet(25), 0.0, dip, (0.0, 0.0), 0.0, (5, 60), 0.0)
        energy = (imaging.of(point, point, FRAME) ** 2).sum(dim=2)
        away = torch.arange(48) - 24
        widths.append(float((energy.sum(dim=1) * away**2).sum() / energy.sum()) ** 0.5)
    assert widths[0] < 1e-3
    assert 0.1 < widths[1] < widths[2]


def test_noise_is_as_loud_as_it_says() -> None:
    rng = torch.Generator().manual_seed(0)
    spikes, white = (torch.randn(32, 32, 64, generator=rng) for _ in range(2))
    quiet = Imaging(Wavelet(25), 0.0, 45.0, (0.0, 0.0), 0.0, (5, 60), 0.3)
    clean = quiet.of(spikes, white, FRAME)
    noise = replace(quiet, noise=0.5).of(spikes, white, FRAME) - clean
    np.testing.assert_allclose(noise.std() / clean.std(), 0.5, rtol=0.05)


def test_a_multiple_follows_reversed_and_weaker() -> None:
    spike = torch.zeros(8, 8, 128)
    spike[4, 4, 40] = 1
    once = Imaging(Wavelet(25), 0.0, 0.0, (0.0, 0.0), 0.0, (5, 60), 0.0)
    twice = replace(once, multiple=(0.3, 80.0)).of(spike, spike, FRAME)[4, 4]
    single = once.of(spike, spike, FRAME)[4, 4]
    torch.testing.assert_close(twice - single, -0.3 * torch.roll(single, 20), atol=1e-5, rtol=0)


def test_high_frequencies_are_lost_with_depth() -> None:
    rng = torch.Generator().manual_seed(0)
    spikes = torch.randn(16, 16, 256, generator=rng)
    image = Imaging(Wavelet(40), 0.45, 0.0, (0.0, 0.0), 0.0, (5, 60), 0.0).of(spikes, spikes, FRAME)

    def mean_frequency(part: torch.Tensor) -> float:
        power = torch.fft.rfft(part).abs().pow(2).mean(dim=(0, 1))
        return float((power * torch.arange(len(power))).sum() / power.sum())

    assert mean_frequency(image[..., -64:]) < 0.8 * mean_frequency(image[..., :64])


def test_recording_clips_rounds_and_kills() -> None:
    image = torch.randn(12, 12, 64, generator=torch.Generator().manual_seed(1))
    dead = np.zeros((12, 12), np.bool_)
    dead[3, 4] = True
    made = Recording(None, None, None, dead, 0, None, 1.5, 127).of(image)
    live = made[~torch.from_numpy(dead)]
    # Cut off at 1.5 standard deviations of before, in 127 steps up and down, and z-scores once more.
    assert live.max() == live[live > live.max() - 1e-6][5]
    steps = torch.diff(live.unique())
    torch.testing.assert_close(steps / steps.min(), (steps / steps.min()).round(), atol=1e-2, rtol=0)
    assert (live.max() - live.min()) / steps.min() == pytest.approx(254, abs=0.1)
    assert float(live.std()) == pytest.approx(1, abs=0.01)
    assert (made[3, 4] == 0).all()
    assert (made[3, 5] != 0).any()


def test_linear_noise_arrives_later_from_trace_to_trace() -> None:
    series = np.zeros(1024, np.float32)
    series[10] = 1
    made = Recording(((2.0, 0.5), series), None, None, None, 0, None, 5.0, 0)
    quiet = torch.randn(8, 8, 64, generator=torch.Generator().manual_seed(1))
    noise = (made.of(quiet) - replace(made, linear=None).of(quiet)).abs()
    assert noise[0, 0].argmax() == 10
    assert noise[3, 0].argmax() == 16
    assert noise[0, 4].argmax() == 12


def test_footprint_changes_lines_and_fades_with_depth() -> None:
    lines, none = np.array([0, 1, -1, 0.5], np.float32), np.zeros(3, np.float32)
    made = Footprint(lines, none, 0.4, 0.0, 1.0).of(torch.ones(4, 3, 64))
    torch.testing.assert_close(made[:, 1, 0], torch.tensor([1, 1.4, 0.6, 1.2]))
    torch.testing.assert_close(made[:, 1, 32], torch.tensor([1, 1.2, 0.8, 1.1]))
    across = Footprint(none, lines, 0.4, 0.0, 1.0).of(torch.ones(3, 4, 64))
    torch.testing.assert_close(across[1, :, 0], torch.tensor([1, 1.4, 0.6, 1.2]))
    spike = torch.zeros(4, 3, 32)
    spike[..., 10] = 1
    moved = Footprint(lines, none, 0.0, 0.75, 0.0).of(spike)
    torch.testing.assert_close(moved[1, 0, 9:12], torch.tensor([0.0, 0.25, 0.75]))
    torch.testing.assert_close(moved[2, 0, 9:12], torch.tensor([0.75, 0.25, 0.0]))
    torch.testing.assert_close(moved[0], spike[0])


def test_regridding_keeps_coarse_traces_alone() -> None:
    image = torch.arange(9.0)[:, None, None].expand(9, 2, 3) ** 2
    near = Regridding((4.0, 1.0), nearest=True).of(image)[:, 0, 0]
    torch.testing.assert_close(near, torch.tensor([0.0, 0, 0, 16, 16, 16, 64, 64, 64]))
    between = Regridding((4.0, 1.0), nearest=False).of(image)[:, 0, 0]
    torch.testing.assert_close(between, torch.tensor([0.0, 4, 8, 12, 16, 28, 40, 52, 64]))
    torch.testing.assert_close(Regridding((1.0, 1.0), nearest=False).of(image), image)


def test_gas_dims_its_column_from_its_top_down() -> None:
    factors = gas(torch.ones(40, 40, 200), (20.0, 20.0), (3.0, 3.0), 0.5, 0.2)
    assert factors[20, 20, -1] == pytest.approx(0.2, abs=1e-3)
    assert factors[20, 20, 0] == pytest.approx(1, abs=1e-3)
    assert factors[0, 0].min() == pytest.approx(1, abs=1e-3)
    assert factors[20, 20, 100] == pytest.approx(0.6, abs=1e-3)


def test_gain_control_makes_amplitudes_alike() -> None:
    image = torch.randn(4, 4, 256, generator=torch.Generator().manual_seed(1))
    image[..., 128:] *= 0.1
    made = Recording(None, None, None, None, 31, None, 5.0, 0).of(image)
    assert float(made[..., :100].std() / made[..., 156:].std()) == pytest.approx(1, abs=0.1)


def test_horizons_lie_where_layers_have_their_age() -> None:
    age = torch.arange(20.0).expand(2, 3, 20) * 4 + torch.tensor([0.0, 2.0, 100.0])[None, :, None]
    found = horizons(age, [10.0, 40.0])
    np.testing.assert_allclose(found[:, 0], [[2.5, 2.0, np.nan], [10.0, 9.5, np.nan]])


def test_a_world_of_the_device_is_that_of_the_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    world = draw_world(0, 1, (64, 64, 64), WIDE)
    here, there = make_world(world), make_world(world, "cuda")
    assert (here.fault != there.fault.cpu()).float().mean() < 1e-3
    torch.testing.assert_close(here.image, there.image.cpu(), atol=0.05, rtol=0)


# The recipe


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"without": ["sallt"]}, "there is no ingredient 'sallt'"),
        ({"dip": [80, 30]}, r"dip is \[80, 30\]"),
        ({"frequency": [8, 2000]}, "frequency is"),
        ({"frequency": [1, 5], "interval": [1, 1]}, "no wavelet of 1 to 5 Hz"),
        ({"recipe": "wyde"}, "unknown recipe 'wyde'"),
        ({"recipe": "mine.yaml"}, "recipe 'mine.yaml'"),
        ({"folds": 3}, "folds"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(said: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        WideRecipe.model_validate(said)


def test_usual_samplings_are_met_more_often() -> None:
    frames = [draw_frame(numbers_of(0, n, "frame"), SHAPE, WIDE) for n in range(600)]
    bins = np.array([frame.bins for frame in frames])
    assert 6 <= bins.min() < 9
    assert 33 < bins.max() <= 50
    assert 0.6 < ((bins[:, 0] > 12.2) & (bins[:, 0] < 24.7)).mean() < 0.76
    assert (bins[:, 0] != bins[:, 1]).mean() > 0.95
    velocity = np.array([frame.velocity for frame in frames])
    np.testing.assert_allclose(np.median(velocity), np.sqrt(1500 * 5000), rtol=0.05)
    assert {frame.interval for frame in frames} == {1, 2, 3, 4}


def test_ranges_bound_what_is_drawn() -> None:
    narrow = WideRecipe(bins=(20, 22), interval=(2, 2), velocity=(3000, 3100), frequency=(30, 31), depth=1)
    for n in range(10):
        frame = draw_frame(numbers_of(0, n, "frame"), SHAPE, narrow)
        assert 20 <= min(frame.bins) <= max(frame.bins) <= 22
        assert frame.interval == 2
        assert frame.domain.name == "depth"
        assert abs(frame.step - round(frame.step, 2)) < 1e-9
        assert 2990 <= frame.velocity <= 3110
        assert 30 <= draw_world(0, n, SHAPE, narrow).imaging.wavelet.frequency <= 31


def test_a_world_on_one_line_is_a_section() -> None:
    cube = make_world(draw_world(0, 3, (1, 64, 64), WIDE))
    assert cube.image.shape == (1, 64, 64)
    assert torch.isfinite(cube.image).all()
