"""The main job through the library's front door: promises, honesty, what comes back."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fields import waves

import srn_core
from onnx_export.decoder import Decoder
from srn_core import Geometry, Volume
from srn_core.codec import StoredArray
from srn_core.config import PRUNERS
from srn_core.errors import SrnError, SrnInputError
from srn_core.networks import build_network
from srn_core.neural_file import NeuralFile
from srn_core.tried import tried_in_words

RATE: dict[str, Any] = {"passes": 0, "device": "cpu"}
QUICK: dict[str, Any] = {"passes": 10, "device": "cpu", "training.batch": 2048, "pruning.oversize": 2}
KINDS = ("fvsrn", "neurcomp")


def by(network: str, pruner: str) -> dict[str, Any]:
    """What is quick, of a network that is trained and of one that is not."""
    return {"network": network, "pruner": pruner, **(RATE if (network, pruner) == ("fvsrn", "rate") else QUICK)}


def quick(values: Any, **settings: Any) -> srn_core.CompressResult:
    """The default, without its filter."""
    return srn_core.compress(values, **{**RATE, **settings})


def trained(values: Any, **settings: Any) -> srn_core.CompressResult:
    return srn_core.compress(values, **{"pruner": "smallify", **QUICK, **settings})


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return waves(32, 28, 24)


@pytest.fixture(scope="module", params=["rate", "smallify"])
def result(field: np.ndarray, request: pytest.FixtureRequest) -> srn_core.CompressResult:
    return quick(field, ratio=60) if request.param == "rate" else trained(field, ratio=12, passes=60)


def test_quality_is_useful(result: srn_core.CompressResult) -> None:
    assert result.report["psnr"] > 35


@pytest.mark.parametrize("network", KINDS)
@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("ratio", [8, 25])
def test_ratio_is_a_promise(field: np.ndarray, tmp_path: Path, network: str, pruner: str, ratio: float) -> None:
    path = tmp_path / "a.srn"
    report = srn_core.compress(field, path, ratio=ratio, **by(network, pruner)).report
    assert path.stat().st_size == report["bytes"] <= field.nbytes / ratio
    assert report["ratio"] == pytest.approx(field.nbytes / path.stat().st_size)
    assert report["bytes"] > 0.97 * field.nbytes / ratio, "the bytes that were asked for are used"


def test_bytes_are_a_promise(field: np.ndarray) -> None:
    assert quick(field, bytes=5000).file.nbytes <= 5000


@pytest.mark.parametrize("pruner", ["rate", "smallify"])
def test_reported_quality_is_that_of_the_file_on_disk(field: np.ndarray, tmp_path: Path, pruner: str) -> None:
    path = tmp_path / "a.srn"
    report = srn_core.compress(field, path, ratio=60, **by("fvsrn", pruner)).report
    decoded = srn_core.load(path).decode().values.astype(float)
    error = decoded - field
    mse = float((error**2).mean())
    psnr = 20 * math.log10(float(field.max()) - float(field.min())) - 10 * math.log10(mse)
    assert report["psnr"] == pytest.approx(psnr, abs=1e-3)
    assert report["rmse"] == pytest.approx(math.sqrt(mse), rel=1e-4)
    assert report["max_error"] == pytest.approx(np.abs(error).max(), rel=1e-4)
    quality = srn_core.evaluate(path, field)
    stored = srn_core.load(path).fields[0].quality
    assert stored is not None
    assert (stored.psnr, stored.ssim) == pytest.approx((quality.psnr, quality.ssim), rel=1e-5)


@pytest.mark.parametrize("network", KINDS)
@pytest.mark.parametrize("pruner", PRUNERS)
def test_decoder_equals_torch(field: np.ndarray, network: str, pruner: str) -> None:
    """The file's numbers through torch and through ONNX Runtime: within 1e-5 of the range."""
    stored = srn_core.compress(field, ratio=10, **by(network, pruner)).file.fields[0]
    net = build_network(stored.spec)
    net.load_arrays({name: array.values() for name, array in stored.arrays.items()})
    points = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    points = points * torch.tensor(stored.spec.half_extent)
    with torch.no_grad():
        expected = net(points).numpy()
    got = Decoder(stored, providers="cpu").points(points.numpy())
    assert np.abs(got - expected).max() <= 1e-5 * 2


def test_same_input_settings_and_seed_give_the_same_file(field: np.ndarray) -> None:
    first, again, other = (trained(field, ratio=12, passes=6, seed=s).file.to_bytes() for s in (1, 1, 2))
    assert first == again and first != other
    assert quick(field, ratio=60).file.to_bytes() == quick(field, ratio=60).file.to_bytes()


def test_plain_array_comes_back_with_type_and_shape(result: srn_core.CompressResult, field: np.ndarray) -> None:
    decoded = result.file.decode()
    assert decoded.values.dtype == field.dtype and decoded.values.shape == field.shape


def test_geometry_name_units_and_time_come_back(field: np.ndarray) -> None:
    turn = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    geometry = Geometry((32, 28, 24), (1.5, -2, 1e6), (0.1, 0.2, 3e-5), turn, (4, -3, 7), "cell")
    volume = Volume(field.astype(np.float64), geometry, "Druck (p)", "Pa", 12.5)
    decoded = NeuralFile.from_bytes(quick(volume, ratio=25).file.to_bytes()).decode()
    assert decoded.geometry == geometry
    assert (decoded.name, decoded.units, decoded.time) == ("Druck (p)", "Pa", 12.5)
    assert decoded.values.dtype == np.float64


@pytest.mark.parametrize("make", [quick, trained])
def test_nans_come_back_exactly_where_they_were(field: np.ndarray, make: Any) -> None:
    holed = field.copy()
    holed[2:9, 5:20, 3:11] = np.nan
    holed[0, 0, 0] = np.nan
    result = make(holed, ratio=10)
    assert np.array_equal(np.isnan(result.file.decode().values), np.isnan(holed))
    assert result.report["psnr"] > 15
    twice = result.file.decode(scale=2).values
    assert 0.5 < np.isnan(twice).mean() / np.isnan(holed).mean() < 1.5


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "bool"])
@pytest.mark.parametrize("make", [quick, partial(trained, passes=80)])
def test_integers_come_back_as_integers(dtype: str, make: Any) -> None:
    smooth = (waves(20, 20, 20) + 3.2) / 6.4
    top = 1 if dtype == "bool" else min(np.iinfo(dtype).max, 3000)
    values = np.clip(np.rint(smooth * top), 0, top).astype(dtype)
    result = make(values, ratio=2)
    decoded = result.file.decode().values
    assert decoded.dtype == values.dtype
    assert np.abs(decoded.astype(float) - values.astype(float)).mean() < 0.08 * top
    assert result.file.decode(scale=1.5).values.dtype == np.float32


@pytest.mark.parametrize("make", [quick, partial(trained, passes=60)])
def test_vectors_are_compressed_component_by_component(field: np.ndarray, make: Any) -> None:
    vectors = np.stack([field, 1e4 * field[::-1], np.full_like(field, 7)], -1)
    result = make(vectors, ratio=15)
    decoded = result.file.decode().values
    assert decoded.shape == vectors.shape
    for c in range(2):
        spread = np.ptp(vectors[..., c])
        assert np.sqrt(np.mean((decoded[..., c] - vectors[..., c]) ** 2)) < 0.06 * spread
    np.testing.assert_array_equal(decoded[..., 2], 7)
    assert result.file.sample(np.array([[1.0, 2, 3]])).shape == (1, 3)


@pytest.mark.parametrize("shape", [(1, 24, 30), (24, 1, 30), (1, 1, 200), (1, 1, 1), (30, 1, 1), (2, 2, 2)])
@pytest.mark.parametrize(("network", "pruner"), [("fvsrn", "rate"), ("fvsrn", "smallify"), ("neurcomp", "smallify")])
def test_slices_lines_and_single_voxels(shape: tuple[int, int, int], network: str, pruner: str) -> None:
    values = waves(shape[2], shape[1], shape[0])
    result = srn_core.compress(values, **by(network, pruner))
    decoded = result.file.decode().values
    assert decoded.shape == shape and np.isfinite(decoded).all()
    if values.size > 500:
        assert result.report["psnr"] > 14
    assert result.file.decode(scale=2).values.shape == tuple(n if n == 1 else 2 * n for n in shape)
    assert np.isfinite(result.file.sample(np.array([[0.0, 0, 0]]))).all()


def test_constant_fields_are_exact_and_tiny() -> None:
    result = quick(np.full((30, 40, 50), -3.25, np.float32), ratio=100)
    assert (result.file.decode().values == -3.25).all()
    assert result.file.nbytes < 1000
    assert result.report["psnr"] == math.inf and result.report["max_error"] == 0
    json.dumps(result.report)


@pytest.mark.parametrize("make", [quick, partial(trained, passes=60)])
def test_small_range_on_a_large_offset(field: np.ndarray, make: Any) -> None:
    values = 1e9 + field.astype(np.float64)
    result = make(values, ratio=15)
    assert result.report["psnr"] > 25
    assert abs(float(result.file.decode().values.mean()) - float(values.mean())) < 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((4, 4, 4), np.nan), "no valid value"),
        (np.where(np.arange(64).reshape(4, 4, 4) == 5, np.inf, 1.0), "infinite values"),
        (np.zeros((0, 4, 4)), "empty"),
        (np.array(3.0), "empty|nothing"),
        (np.zeros((4, 4, 4), complex), "only real numbers"),
        (np.full((4, 4, 4), "a"), "only real numbers"),
        (np.zeros((2, 2, 2, 2, 2)), "5 axes"),
    ],
)
def test_unusable_data_is_refused_in_one_clear_line(values: np.ndarray, message: str) -> None:
    with pytest.raises(SrnInputError, match=message) as caught:
        quick(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"ratio": -1},
        {"ratio": 0},
        {"ratio": "many"},
        {"ratio": float("nan")},
        {"bytes": 10, "ratio": 3},
        {"passes": -2},
        {"passes": 0, "pruner": "smallify"},
        {"passes": 0, "network": "neurcomp"},
        {"passes": 0, "network": "auto"},
        {"seconds": 0},
        {"network": "resnet"},
        {"pruner": "lottery"},
        {"device": "abacus"},
        {"seed": -1},
        {"quantise.grid_bits": 0},
        {"quantise.weight_bits": 17},
        {"fvsrn.features": 0},
        {"fvsrn.features": 2.5},
        {"fvsrn.grid": "1x2"},
        {"fvsrn.wavelet": "mexican"},
        {"fvsrn.kernel": 3},
        {"neurcomp.width": 10**9, "network": "neurcomp"},
        {"training.batch": 0},
        {"training.sampler": "dice"},
        {"flavour": "vanilla"},
    ],
    ids=str,
)
def test_absurd_settings_are_refused(field: np.ndarray, settings: dict[str, Any]) -> None:
    with pytest.raises(SrnInputError) as caught:
        srn_core.compress(field, **{"passes": 1, "device": "cpu", **settings})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [quick, trained])
def test_an_impossible_ratio_says_what_is_possible(field: np.ndarray, make: Any) -> None:
    with pytest.raises(SrnInputError, match="ask for a lower ratio"):
        make(field, ratio=5000)


def test_nothing_is_written_where_it_fails(field: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.srn"
    path.write_bytes(b"precious")
    with pytest.raises(SrnInputError):
        srn_core.compress(field, path, ratio=5000, **RATE)
    assert path.read_bytes() == b"precious"
    with pytest.raises(SrnInputError):
        srn_core.compress(field, tmp_path / "missing" / "a.srn", **RATE)
    assert [p.name for p in tmp_path.iterdir()] == ["a.srn"]


@pytest.mark.parametrize("pruner", ["rate", "smallify"])
def test_stopping_packs_what_there_is(field: np.ndarray, tmp_path: Path, pruner: str) -> None:
    path = tmp_path / "a.srn"
    settings = {"pruner": pruner, "passes": 1e6, "device": "cpu"}
    result = srn_core.compress(field, path, ratio=12, **settings, progress=lambda report: False)
    assert result.report["stopped_early"] is True
    assert srn_core.load(path).decode().values.shape == field.shape
    assert path.stat().st_size <= field.nbytes / 12


@pytest.mark.parametrize(
    ("make", "phases"),
    [(quick, {"coding"}), (partial(trained, passes=60), {"pruning", "fine-tuning", "packing"})],
    ids=["rate", "smallify"],
)
def test_progress_runs_from_nought_to_one(field: np.ndarray, make: Any, phases: set[str]) -> None:
    reports: list[Any] = []
    make(field, progress=reports.append)
    fractions = [r.fraction for r in reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert {"measuring", "done", *phases} <= {r.phase for r in reports}


def test_history_has_equal_columns(field: np.ndarray) -> None:
    result = trained(field, ratio=12)
    assert set(result.history) == {"pass", "seconds", "phase", "loss", "psnr", "kept_fraction"}
    assert len({len(column) for column in result.history.values()}) == 1


def test_report_is_plain_json(result: srn_core.CompressResult) -> None:
    assert json.loads(json.dumps(result.report)) == result.report


def test_grid_region_and_points_agree(result: srn_core.CompressResult) -> None:
    file = result.file
    whole = file.decode().values
    part = file.decode(region=(3, 10, 5, 5, 2, 20))
    np.testing.assert_allclose(part.values, whole[2:21, 5:6, 3:11], atol=1e-5)
    assert part.geometry.extent == (3, 10, 5, 5, 2, 20)
    points = np.array([[3.0, 5, 2], [10, 5, 20], [31, 27, 23]])
    expected = [whole[2, 5, 3], whole[20, 5, 10], whole[23, 27, 31]]
    np.testing.assert_allclose(file.sample(points), expected, atol=2e-5)


def test_finer_grids_keep_the_box_and_the_samples(result: srn_core.CompressResult) -> None:
    fine = result.file.decode(dims=(63, 55, 47))
    np.testing.assert_allclose(fine.values[::2, ::2, ::2], result.file.decode().values, atol=2e-5)
    np.testing.assert_allclose(fine.geometry.spacing, [0.5, 0.5, 0.5])
    corner = fine.geometry.position_of(np.array([[62, 54, 46]]))
    np.testing.assert_allclose(corner, [[31, 27, 23]])


def test_cells_are_resampled_within_their_box(field: np.ndarray) -> None:
    volume = Volume(field, Geometry((32, 28, 24), spacing=(0.5, 1, 1), association="cell"), "c")
    file = quick(volume, ratio=60).file
    fine = file.decode(scale=2)
    assert fine.geometry.extent == (0, 64, 0, 56, 0, 48) and fine.geometry.spacing == (0.25, 0.5, 0.5)
    points = fine.geometry.position_of(np.array([[7.0, 9, 11], [20, 3, 40]]))
    np.testing.assert_allclose(file.sample(points), [fine.values[11, 9, 7], fine.values[40, 3, 20]], atol=2e-5)


def test_points_outside_are_nan_or_clamped(result: srn_core.CompressResult) -> None:
    points = np.array([[-1.0, 2, 3], [0, 2, 3], [np.nan, 0, 0], [500, 500, 500]])
    values = result.file.sample(points)
    assert np.isnan(values).tolist() == [True, False, True, True]
    clamped = result.file.sample(points, outside="clamp")
    assert clamped[0] == pytest.approx(clamped[1]) and np.isfinite(clamped[3]) and np.isnan(clamped[2])
    assert result.file.inside(points).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dims": (0, 1, 1)},
        {"dims": (4, 4)},
        {"dims": (2, 2, 2), "scale": 2},
        {"scale": -1},
        {"scale": 1e9},
        {"dims": (1 << 20, 1 << 20, 1 << 20)},
        {"region": (0, 99, 0, 1, 0, 1)},
        {"region": (5, 2, 0, 1, 0, 1)},
        {"region": (0, 1)},
        {"array": "missing"},
    ],
    ids=str,
)
def test_wrong_grids_are_refused(result: srn_core.CompressResult, wrong: dict[str, Any]) -> None:
    with pytest.raises(SrnInputError):
        result.file.decode(**wrong)


def test_wrong_points_are_refused(result: srn_core.CompressResult) -> None:
    with pytest.raises(SrnInputError, match=r"\(N, 3\)"):
        result.file.sample(np.zeros(3))
    with pytest.raises(SrnInputError, match="outside"):
        result.file.sample(np.zeros((1, 3)), outside="wrap")


def test_comparing_with_another_grid_is_refused(result: srn_core.CompressResult) -> None:
    with pytest.raises(SrnInputError, match="cannot be compared"):
        srn_core.evaluate(result.file, waves(8, 8, 8))


def test_kmeans_and_random_sampling_work_end_to_end(field: np.ndarray) -> None:
    settings = {"quantise.method": "kmeans", "quantise.grid_bits": 5, "quantise.weight_bits": 10}
    result = trained(field, ratio=12, **{"training.sampler": "random", **settings})
    assert result.report["psnr"] > 14
    assert any(isinstance(a, StoredArray) and a.codebook is not None for a in result.file.fields[0].arrays.values())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fvsrn.grid": (4, 4, 4)}, "fvsrn.grid belongs to a trained network: choose --pruner smallify"),
        ({"fvsrn.wavelet": "haar"}, "fvsrn.wavelet belongs"),
        ({"training.start": "a.srn"}, "training.start belongs"),
        ({"training.batch": 4}, "training.batch belongs"),
        ({"quantise.grid_bits": 4}, "quantise.grid_bits belongs"),
        ({"variational.psigma": 0.1}, "belongs to the pruner variational-static: choose --pruner variational-static"),
        ({"target.parameter_ratio": 4}, "numbers of a trained network"),
        ({"neurcomp.blocks": 2}, "neurcomp.blocks belongs to the network neurcomp: choose --network neurcomp"),
        ({"neurcomp.blocks": 2, "pruner": "mask"}, "neurcomp.blocks belongs to the network neurcomp"),
        ({"fvsrn.width": 8, "network": "neurcomp"}, "fvsrn.width belongs to the network fvsrn: choose --network fvsrn"),
        ({"mask.threshold": 0.4, "pruner": "smallify"}, "mask.threshold belongs to the pruner mask"),
        ({"smallify.momentum": 0.4, "network": "neurcomp", "pruner": "none"}, "belongs to the pruner smallify"),
        ({"network": "auto", "pruner": "mask"}, "chooses the pruners itself"),
        ({"network": "auto", "fvsrn.grid": (4, 4, 4)}, "choose --network fvsrn --pruner smallify"),
        ({"network": "auto", "training.start": "a.srn"}, "training.start belongs to one network"),
        ({"passes": 0, "pruner": "none"}, "training.passes=0 is no training"),
        ({"psnr": 40, "pruner": "none"}, "leave network and pruner as they are"),
    ],
    ids=str,
)
def test_settings_that_would_be_ignored_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SrnInputError, match=words):
        srn_core.compress(waves(4, 4, 4), **settings)


def test_settings_as_they_were_before_anybody_touched_them_are_not_refused(field: np.ndarray) -> None:
    given = {"fvsrn.wavelet": "bior4.4", "fvsrn.grid": None, "training.batch": 32768, "target.bytes": 1500}
    assert quick(field, **given).report["pruner"] == "rate"


@pytest.mark.parametrize("target", [{"ratio": 40}, {"psnr": 40.0}, {"max_error": "1%"}], ids=str)
def test_network_auto_keeps_the_better(field: np.ndarray, target: dict[str, Any]) -> None:
    settings = {"passes": 1, "device": "cpu", "training.batch": 2048, "neurcomp.blocks": 1, "predictor": "none"}
    reports: list[Any] = []
    result = srn_core.compress(field, network="auto", **target, **settings, progress=reports.append)
    tried = result.report["tried"]
    assert list(tried) == (["fvsrn", "neurcomp"] if "ratio" in target else ["fvsrn"])
    assert result.report["psnr"] == max(made["psnr"] for made in tried.values())
    assert result.report["network"] == "fvsrn" and result.report["pruner"] == "rate"
    assert [r.fraction for r in reports] == sorted(r.fraction for r in reports) and reports[-1].fraction == 1.0
    told = tried_in_words(result.report)
    assert told is not None and told.startswith("fvsrn ") and ("neurcomp" in told) == ("ratio" in target)
    assert tried_in_words({"tried": {"neurcomp": {"refused": "no room"}}}) == "neurcomp refused"
    assert tried_in_words({"tried": {"fvsrn": {"psnr": 40.0}, "neurcomp": {"left_out": "worse"}}}) == (
        "fvsrn 40.00 dB, neurcomp left out"
    )
    assert tried_in_words({}) is None


def test_every_error_is_ours(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "missing.vti", tmp_path / "odd.xyz"):
        with pytest.raises(SrnError):
            srn_core.compress(source, tmp_path / "o.srn")
        with pytest.raises(SrnError):
            srn_core.load(source)
