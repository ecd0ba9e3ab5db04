"""The defaults that a search begins with, and what the product says that it chose."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from fields import waves
from searches import WIDE, volume_file

import srn_core
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.prediction.domains import Choice
from srn_core.search import SearchRequest, Source, search
from srn_core.search.defaults import first_job
from srn_core.search.generators import Known, SobolGenerator
from srn_core.search.outputs import write
from srn_core.search.request import Record
from srn_core.search.space import Space, space_of

FIXED = {"training.passes": 1.0, "training.batch": 512}
ASKED = SearchRequest(generator="sobol", trials=3, first_defaults=2, margin=None, fixed=FIXED, freed=WIDE)
BY_RATE = Space.of("fvsrn", "rate", "target", (64, 64, 64), 64**3 * 4, {}, {})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"pruner": "smallify"},
            {"fvsrn.width", "fvsrn.features", "fvsrn.grid", "pruning.oversize"}
            | {"smallify.lambda_beta", "smallify.lambda_weight"},
        ),
        (
            {"pruner": "mask", "fvsrn.features": 2},
            {"fvsrn.width", "fvsrn.grid", "pruning.oversize", "mask.lambda_mask"},
        ),
        ({"pruner": "variational-static"}, {"fvsrn.width", "variational.kl_weight", "variational.psigma"}),
        ({"network": "neurcomp", "pruner": "none"}, {"neurcomp.width"}),
    ],
)
def test_what_the_product_chose_is_told_and_gives_the_same_when_it_is_given(settings, told):
    volume = srn_core.Volume.from_array(waves(12, 12, 12))
    config = CompressConfig().with_settings({**FIXED, "predictor": "none", **settings})
    # In numbers, not in bytes, of which the given settings themselves take some.
    config = config.with_settings({"target.parameter_ratio": 3.0})
    found = srn_core.compress(volume, config=config).report
    chosen = found["chosen_settings"]
    assert told <= set(chosen) and not set(settings) & set(chosen)
    given = srn_core.compress(volume, config=config.with_settings(chosen)).report
    assert given["psnr"] == found["psnr"] and given["parameters"] == found["parameters"]
    assert given["chosen_settings"] == {}


def test_the_filter_that_was_chosen_is_told():
    volume = srn_core.Volume.from_array(waves(24, 24, 24) + np.random.default_rng(0).normal(0, 0.1, (24,) * 3))
    report = srn_core.compress(volume, ratio=10, passes=1, predictor="none").report
    assert report["chosen_settings"] == {
        f"rate.{name}": report["filter"][0] for name in ["channels"] if report["filter"]
    }


def test_a_point_is_completed_by_defaults_by_what_was_chosen_and_by_the_middle():
    middle = BY_RATE.completed({"target.ratio": 20.0}, {})
    assert middle == {"target.ratio": 20.0, "rate.price": 0.1, "rate.channels": 20}
    assert BY_RATE.completed({"target.ratio": 20.0}, {"rate.channels": 99})["rate.channels"] == 48, "as far as it goes"
    assert BY_RATE.holds(middle)
    grid = Space.of("fvsrn", "smallify", "settings", (64, 32, 16), 64 * 32 * 16 * 4, {}, {"training.decay": "passes"})
    found = grid.completed({}, {"fvsrn.grid": [20, 10, 5]})
    assert found["fvsrn.grid"] == 20 and found["training.decay"] == "passes" and grid.holds(found)
    assert Choice(("a", "b")).nearest("b") == "b"


def test_a_search_begins_with_the_defaults_and_says_so(tmp_path):
    source, folder = Source(str(volume_file(tmp_path))), tmp_path / "found"
    result = search(source, folder, ASKED)
    write(folder, result)
    trials = result.of_kind("search")
    assert [trial.extra["proposed"] for trial in trials] == ["defaults", "defaults", "sobol"]
    space = space_of(result.record)
    assert all(space.holds(trial.parameters) for trial in trials)
    assert [trial.settings["target.ratio"] for trial in trials[:2]] == [2.0, 8.0]
    first = trials[0]
    assert not set(first.settings) - {"network", "pruner", "device", "seed", "predictor", "target.ratio", *FIXED}
    chosen = first.measured["chosen_settings"]
    assert first.parameters["smallify.lambda_beta"] == pytest.approx(min(chosen["smallify.lambda_beta"], 1e-3))
    with open(folder / "trials.csv", newline="", encoding="utf-8") as file:
        assert [row["proposed"] for row in csv.DictReader(file)] == ["defaults", "defaults", "sobol"]
    blind = SobolGenerator(space, result.objectives, ASKED.seed, 0).propose(0, Known((), ()))
    assert trials[2].parameters == blind, "the rest goes on as if there had been none"


def test_defaults_beyond_the_bounds_are_brought_within_them(tmp_path):
    source = Source(str(volume_file(tmp_path, 32)))
    asked = SearchRequest(pruner="rate", first_defaults=1, freed={"rate.price": "0.02:0.05", "target.ratio": "4:9"})
    record = Record.of(asked, source, source.read())
    job = first_job(0, asked, space_of(record))
    assert job.settings["rate.price"] == job.parameters["rate.price"] == 0.05
    assert job.settings["target.ratio"] == pytest.approx(6.0) and "rate.channels" not in job.settings


def test_how_many_trials_are_defaults():
    assert [replace(ASKED, first_defaults=None, trials=n).defaults_first for n in (4, 30, 500)] == [0, 6, 8]
    assert replace(ASKED, first_defaults=None, trials=30).spread == 6
    fixed = {**FIXED, "target.psnr": 40.0}
    assert replace(ASKED, first_defaults=None, trials=30, fixed=fixed).defaults_first == 0
    with pytest.raises(SrnInputError, match="only a search for ratios"):
        replace(ASKED, sizes="settings", freed={})
    with pytest.raises(SrnInputError, match="first_defaults must be"):
        replace(ASKED, first_defaults=-1)


def test_a_search_of_an_earlier_release_began_without(tmp_path):
    source = Source(str(volume_file(tmp_path)))
    Record.of(replace(ASKED, trials=30), source, source.read()).save(tmp_path)
    record = json.loads((tmp_path / "search.json").read_text())
    del record["request"]["first_defaults"]
    (tmp_path / "search.json").write_text(json.dumps(record))
    assert Record.load(tmp_path).request.defaults_first == 0
