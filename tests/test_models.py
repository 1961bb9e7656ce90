"""``geocnn models``: the zoo, listed and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Geocnn

from geocnn.network.spec import load_spec, zoo_names


def test_the_list_has_a_row_for_each_network(geocnn: Geocnn) -> None:
    status, out, err = geocnn("models", "list")
    assert (status, err) == (0, "")
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line and not line.startswith(" ")}
    assert set(zoo_names()) <= set(rows)
    assert rows["faultseg3d"][1] == "1,459,585"
    assert "exact" in rows["faultseg3d"]
    assert "no" in rows["resnet18"]


def test_programs_get_all_of_it(geocnn: Geocnn) -> None:
    _, out, _ = geocnn("models", "list", "--json")
    found = {each["name"]: each for each in json.loads(out)}
    assert list(found) == list(zoo_names())
    assert found["phasenet"]["parameters"] == found["phasenet"]["published"]["parameters"] == 268_443
    assert found["phasenet"]["input"] == [3, 3000]
    assert found["unet"]["receptive_field"] == [200, 200]


@pytest.mark.parametrize("name", zoo_names())
def test_what_is_shown_is_the_spec_file(geocnn: Geocnn, tmp_path: Path, name: str) -> None:
    _, out, _ = geocnn("models", "show", name)
    copy = tmp_path / "copy.yaml"
    copy.write_text(out)
    assert load_spec(str(copy))[0] == load_spec(name)[0]


def test_a_shown_network_tells_programs_its_layers(geocnn: Geocnn) -> None:
    _, out, _ = geocnn("models", "show", "lenet5", "--json")
    data = json.loads(out)
    assert data["parameters"] == 61_706
    assert data["spec"]["layers"][0]["kind"] == "conv"


def test_an_unknown_name_gets_the_nearest(geocnn: Geocnn) -> None:
    status, out, err = geocnn("models", "show", "resnet19")
    assert (status, out) == (1, "")
    assert "no network 'resnet19'" in err
    assert "write 'resnet18'" in err
