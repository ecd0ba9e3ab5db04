"""Where a search looks: ranges, spaces, objectives, fronts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srn_core.config import PRUNERS, CompressConfig, setting_names
from srn_core.errors import SrnInputError
from srn_core.prediction.domains import Choice, Range
from srn_core.search.front import front_of, hypervolume, second_at
from srn_core.search.objectives import OBJECTIVES, measured_of, objectives, scores
from srn_core.search.ranges import GATED, GRID, RANGES, RATIO, searchable
from srn_core.search.space import Space, nested

DIMS, NBYTES = (64, 48, 32), 64 * 48 * 32 * 4
KINDS = [
    (network, pruner, sizes)
    for network in ("fvsrn", "neurcomp")
    for pruner in PRUNERS
    for sizes in ("target", "settings")
    if (network, pruner, sizes) != ("fvsrn", "rate", "settings")
]
TABLE_4_1 = {
    "neurcomp": ["neurcomp.blocks", "neurcomp.width", "training.passes", "neurcomp.learning_rate",
                 "neurcomp.gradient_weight", "training.final_rate", "training.decay_factor", "training.batch"],
    "fvsrn": ["fvsrn.layers", "fvsrn.width", "training.passes", "fvsrn.learning_rate", "training.final_rate",
              "training.batch", GRID, "fvsrn.features", "fvsrn.wavelet", "fvsrn.frequencies"],
    "mask": ["mask.lambda_mask", "mask.lambda_weight"],
    "smallify": ["smallify.lambda_beta", "smallify.lambda_weight", "smallify.momentum", "smallify.threshold"],
    "variational-static": ["variational.psigma", "variational.threshold", "variational.initial_drop_rate",
                           "variational.kl_weight", "variational.kl_ramp", "variational.lambda_weight"],
    "variational-dynamic": ["variational.threshold", "variational.kl_ramp", "variational.lambda_entropy"],
}  # fmt: skip


def space(
    network="fvsrn", pruner="smallify", sizes="target", dims=DIMS, nbytes=NBYTES, fixed=None, freed=None
) -> Space:
    return Space.of(network, pruner, sizes, dims, nbytes, fixed or {}, freed or {})


@pytest.mark.parametrize("name", RANGES)
def test_every_range_is_that_of_a_setting_and_its_ends_are_allowed(name):
    assert name in setting_names()
    network = "neurcomp" if name.startswith("neurcomp") else "fvsrn"
    for share in (0.0, 0.3, 1.0):
        value = RANGES[name].domain.at(share)
        settings = {"network": network, name: [value] * 3 if name == GRID else value}
        found = CompressConfig.from_dict(nested(settings)).to_dict()
        section, _, last = name.partition(".")
        assert found[section][last] == settings[name]


@pytest.mark.parametrize(("subject", "names"), TABLE_4_1.items())
def test_every_hyperparameter_of_the_thesis_can_be_searched(subject, names):
    network, pruner = (subject, "none") if subject in ("neurcomp", "fvsrn") else ("fvsrn", subject)
    assert set(names) <= set(searchable(network, pruner, "settings"))


@pytest.mark.parametrize("kind", KINDS, ids=":".join)
def test_corners_and_middle_of_every_space_are_settings(kind):
    network, pruner, sizes = kind
    found = space(network, pruner, sizes)
    for share in (0.0, 0.5, 1.0):
        parameters = found.at([share] * len(found.names))
        assert found.holds(parameters)
        config = found.config(parameters)
        assert (config.network, config.pruner) == (network, pruner)
    assert (RATIO in found.free) == (sizes == "target")
    if sizes == "settings" and pruner in GATED:
        assert found.fixed["pruning.thresholds"] == "fixed"


def test_whole_numbers_are_equally_likely_and_logarithms_equally_spaced():
    whole = Range(1, 4, whole=True)
    assert [whole.at(share) for share in (0.0, 0.2, 0.3, 0.6, 0.8, 1.0)] == [1, 1, 2, 3, 4, 4]
    log = Range(1e-4, 1.0, log=True)
    assert log.at(0.5) == pytest.approx(1e-2) and log.share_of(1e-1) == pytest.approx(0.75)


def test_grid_keeps_the_volumes_proportions_and_its_resolution():
    found = space("fvsrn", "none", "settings")
    grid = found.settings({**found.at([0.5] * len(found.names)), GRID: 32})[GRID]
    assert grid == [32, 24, 16]
    domain = found.free[GRID]
    assert isinstance(domain, Range) and domain.high == 64


def test_small_volumes_are_not_asked_for_ratios_that_no_file_has():
    domain = space(dims=(16, 16, 16), nbytes=16**3 * 4).free[RATIO]
    assert isinstance(domain, Range) and domain.high == pytest.approx(16**3 * 4 / 1500)


def test_fixed_and_freed_settings():
    found = space(fixed={"fvsrn.layers": 2}, freed={"fvsrn.wavelet": "haar, none", "training.batch": "4096:8192"})
    assert "fvsrn.layers" not in found.free and found.fixed["fvsrn.layers"] == 2
    assert found.free["fvsrn.wavelet"] == Choice(("haar", "none"))
    assert found.free["training.batch"] == Range(4096, 8192, log=True, whole=True)
    assert RATIO not in space(fixed={"target.bytes": 5000}).free


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "auto"}, "fvsrn or neurcomp"),
        ({"pruner": "guess"}, "pruner must be one of"),
        ({"sizes": "free"}, "sizes must be one of"),
        ({"pruner": "rate", "sizes": "settings"}, "--sizes target"),
        ({"fixed": {"fvsrn.depth": 3}}, "unknown setting"),
        ({"fixed": {"seed": 3}}, "--seed"),
        ({"fixed": {"target.ratio": 50, "target.bytes": 9}}, "one target"),
        ({"fixed": {"fvsrn.layers": 2}, "freed": {"fvsrn.layers": ""}}, "both fixed and free"),
        ({"freed": {"mask.threshold": ""}}, "no such setting to search"),
        ({"freed": {"training.batch": "9:3"}}, "the lower one first"),
        ({"freed": {"training.batch": "1.5:3"}}, "whole"),
        ({"freed": {"training.batch": "many"}}, "LOW:HIGH"),
        ({"freed": {RATIO: "-1:3"}}, "positive"),
        ({"pruner": "rate", "fixed": {"fvsrn.layers": 2}}, "belongs to a trained network"),
        ({"pruner": "rate", "fixed": {RATIO: 50, "rate.price": 0.1, "rate.channels": 8}}, "nothing is left to search"),
        ({"dims": (4, 4, 4), "nbytes": 256}, "too small to search ratios"),
    ],
)
def test_bad_spaces_are_refused_in_words(change, words):
    with pytest.raises(SrnInputError, match=words):
        space(**change)


def test_objectives_are_two_and_known():
    assert [o.name for o in objectives(("ratio", "psnr"))] == ["ratio", "psnr"]
    for wrong, words in ((("ratio",), "two"), (("psnr", "psnr"), "two"), (("ratio", "beauty"), "unknown objective")):
        with pytest.raises(SrnInputError, match=words):
            objectives(wrong)


def test_scores_are_larger_for_better_and_nothing_for_the_worthless():
    report = {"psnr": math.inf, "max_error": 0.5, "ratio": 10.0, "ssim": 0.99, "parameter_ratio": 5.0, "bytes": 3,
              "decode_mvoxel_s": 2.0, "passes": None}  # fmt: skip
    measured = measured_of(report, 2.0)
    assert measured["psnr"] == 200.0 and measured["max_error"] == 0.25 and "passes" not in measured
    assert scores(measured, [OBJECTIVES["ratio"], OBJECTIVES["psnr"]]) == (math.log(10.0), 200.0)
    better = {**measured, "max_error": 0.025, "ssim": 0.999, "decode_mvoxel_s": 3.0}
    for name in ("max_error", "ssim", "decode_mvoxel_s"):
        assert scores(better, [OBJECTIVES[name]]) > scores(measured, [OBJECTIVES[name]]) > (0.0,)
    assert scores({"ratio": 0.5}, [OBJECTIVES["ratio"]]) == (0.0,)


points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12)


@given(points)
def test_front_is_what_no_other_point_beats(found):
    front = front_of(found)
    for i, point in enumerate(found):
        beaten = any(o[0] >= point[0] and o[1] >= point[1] and o != point for o in found)
        assert (found.index(point) in front) == (not beaten)
        assert i not in front or found.index(point) == i, "of equal points the first counts"
    assert [found[i][0] for i in front] == sorted(found[i][0] for i in front)


@given(points)
def test_hypervolume_counts_what_is_beaten(found):
    cells = np.zeros((10, 10), bool)
    for x, y in found:
        cells[:x, :y] = True
    assert hypervolume(found) == np.count_nonzero(cells)


def test_front_between_its_points():
    found = [(1.0, 40.0), (3.0, 20.0), (2.0, 10.0)]
    assert [second_at(found, x) for x in (0.5, 1.0, 2.0, 3.0, 3.1)] == [40.0, 40.0, 30.0, 20.0, 0.0]
    assert second_at([], 1.0) == 0.0
