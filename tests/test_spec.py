"""Specs as dicts: versions, and what is not believed of a file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from srn_core.errors import SrnFormatError
from srn_core.pyramid import pyramid_of
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec, spec_from_dict, spec_to_dict

HALF = (1.0, 0.75, 0.5)
OLD = FvSrnSpec(HALF, 1, (8, 7), 2, 3, (5, 4, 8), None)
LATENTS = FvSrnSpec(HALF, 2, (), 0, 2, (5, 4, 8), pyramid_of("bior6.8", (("z", 2), ("yx", 4))), True, (8, 4))
SPECS: dict[str, NetworkSpec] = {
    "old": OLD,
    "latents": LATENTS,
    "skip": replace(OLD, features=1, skip=True),
    "filter": replace(OLD, filter=(4,)),
    "pyramid": replace(OLD, wavelet=pyramid_of("bior2.2", ())),
    "neurcomp": NeurcompSpec(HALF, 1, 8, (6, 5), True, 30.0),
    "constant": ConstantSpec(HALF, 3),
}


@pytest.mark.parametrize("name", SPECS)
def test_json_and_back(name: str) -> None:
    text = json.dumps(spec_to_dict(SPECS[name]))
    assert spec_from_dict(json.loads(text)) == SPECS[name]


@pytest.mark.parametrize("name", SPECS)
def test_only_what_is_new_asks_for_version_2(name: str) -> None:
    data = spec_to_dict(SPECS[name])
    assert data["version"] == (1 if name in ("old", "neurcomp", "constant") else 2)
    if data["version"] == 1:
        assert "skip" not in data and "filter" not in data


def test_names_and_shapes_of_arrays() -> None:
    assert LATENTS.shapes() == {
        "coefficients": (2, 5, 4, 8),
        "filter0.weight": (8, 2, 3, 3, 3),
        "filter0.bias": (8,),
        "filter1.weight": (4, 8, 3, 3, 3),
        "filter1.bias": (4,),
        "filter2.weight": (2, 4, 3, 3, 3),
        "filter2.bias": (2,),
    }
    assert list(replace(LATENTS, widths=(3,)).shapes())[:5] == [
        *("coefficients", "layer0.weight", "layer0.bias", "output.weight", "output.bias")
    ]


def test_levels_of_a_pyramid() -> None:
    assert pyramid_of("bior4.4", (("z", 2), ("yx", 4))).levels == 4
    assert pyramid_of("bior4.4", ()).levels == 0


HOSTILE: dict[str, tuple[str, Any, str]] = {
    "skip of other features": ("features", 3, "skip"),
    "skip that is a word": ("skip", "yes", "skip"),
    "no layers and no skip": ("skip", False, "widths"),
    "too many convolutions": ("filter", [1] * 8, "filter"),
    "too many channels": ("filter", [257], "filter"),
    "no channels": ("filter", [0], "filter"),
    "filter that is a number": ("filter", 8, "filter"),
    "too many axes": ("groups", [["zyx", 1], ["z", 1]], "axes"),
    "an axis twice": ("groups", [["zz", 1]], "axes"),
    "an unknown axis": ("groups", [["w", 1]], "axes"),
    "no axes": ("groups", [["", 1]], "groups"),
    "too many levels": ("groups", [["z", 17]], "groups"),
    "levels below zero": ("groups", [["z", -1]], "groups"),
    "levels that are true": ("groups", [["z", True]], "groups"),
    "too many groups": ("groups", [["z", 1]] * 4, "groups"),
    "groups that are a word": ("groups", "zyx", "groups"),
    "a group that is a word": ("groups", ["zyx"], "groups"),
    "a group of three": ("groups", [["z", 1, 1]], "groups"),
    "axes that are a list": ("groups", [[["z"], 1]], "groups"),
    "too long a filter": ("low", [0.1] * 65, "low"),
    "an empty filter": ("high", [], "high"),
    "huge taps": ("low", [1e30], "low"),
    "taps that are words": ("high", ["1"], "high"),
    "no low-pass filter": ("low", None, "low"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_writer_writes_is_refused(name: str) -> None:
    key, value, said = HOSTILE[name]
    data = spec_to_dict(LATENTS)
    (data["wavelet"] if key in ("groups", "low", "high") else data)[key] = value
    with pytest.raises(SrnFormatError, match=said):
        spec_from_dict(data)


def test_newer_versions_are_refused() -> None:
    with pytest.raises(SrnFormatError, match="version 3"):
        spec_from_dict({**spec_to_dict(LATENTS), "version": 3})


def test_version_1_knows_nothing_new() -> None:
    with pytest.raises(SrnFormatError):
        spec_from_dict({**spec_to_dict(LATENTS), "version": 1})
    old = {**spec_to_dict(OLD), "skip": True, "filter": [3]}  # entries that version 1 does not know
    assert spec_from_dict(old) == OLD
