"""The benchmark of decoding: all contenders compute the same, and its table holds what was measured."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reference_networks import evaluate, numbers_of

import srn_core
from onnx_export.plain_network import plain_network
from srn_core.spec import FvSrnSpec, NeurcompSpec

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SPECS = {
    "latents": FvSrnSpec((1.0, 1.0, 1.0), 1, (), 0, 1, (7, 7, 7), None, skip=True),
    "predictor": FvSrnSpec((1.0, 1.0, 1.0), 1, (5, 5), 2, 3, (4, 4, 4), None),
    "neurcomp": NeurcompSpec((1.0, 1.0, 1.0), 1, 6, (6, 6), True, 30.0),
    "siren": NeurcompSpec((1.0, 1.0, 1.0), 1, 6, (6, 4), False, 30.0),
}


@pytest.fixture(scope="module")
def modules():
    """The benchmarks' modules; they are scripts and no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield SimpleNamespace(**{n: import_module(n) for n in ("decode_networks", "decode_speed", "originals")})


@pytest.mark.parametrize("name", SPECS)
def test_contenders_compute_the_same_function(modules, name):
    networks = modules.decode_networks
    field = networks.random_network(SPECS[name])
    where = np.random.default_rng(0).uniform(-1, 1, (500, 3)).astype(np.float32)
    network = plain_network(field)
    session = networks._session(networks.straightforward_graph(network.spec, network.arrays), 1, "cpu")
    expected = evaluate(field.spec, numbers_of(field), where.astype(np.float64))
    reach = np.abs(expected).max()
    assert np.abs(session.run(None, {"points": where})[0] - expected).max() < 2e-5 * max(reach, 1)
    torch = import_module("torch")
    found = networks._torch_function(field, torch.device("cpu"))(torch.from_numpy(where)).numpy()
    assert np.abs(found - expected).max() < 2e-5 * max(reach, 1)
    places = [(c.name, c.place) for c in networks.contenders(field, 1, 8, 100, "cpu", False)]
    assert places == [("ours", "grid"), ("ours", "points"), ("straightforward graph", "points")]


def test_a_run_writes_rows_and_a_picture(modules, tmp_path, monkeypatch):
    speed = modules.decode_speed
    monkeypatch.setattr(speed, "NETWORKS", {"latents": SPECS["latents"], "predictor": SPECS["predictor"]})
    monkeypatch.setattr(speed, "PEERS", {})  # none is asked for, then
    axis = np.linspace(-1, 1, 12, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    np.save(tmp_path / "waves.npy", np.sin(4 * x * y) + z)
    files = tmp_path / "files"
    files.mkdir()
    arguments = ["--threads", "1", "--edge", "6", "--points", "200", "--rounds", "1", "--no-torch"]
    places = ["--files", str(files), "--out", str(tmp_path / "speed.csv")]
    speed.main([str(tmp_path / "waves.npy"), "--ratio", "8", *arguments, *places])
    with open(tmp_path / "speed.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["subject"], r["contender"], r["place"]) for r in rows if r["part"] == "networks"] == [
        (subject, contender, place)
        for subject in ("latents", "predictor")
        for contender, place in (("ours", "grid"), ("ours", "points"), ("straightforward graph", "points"))
    ]
    own = {r["place"]: r for r in rows if r["part"] == "files"}
    assert set(own) == {"cold", "warm", "slice"}
    kept = files / "waves.srn"
    assert own["warm"]["bytes"] == str(kept.stat().st_size)
    assert srn_core.load(kept).field().name == "waves"
    assert float(own["cold"]["seconds"]) > float(own["warm"]["seconds"]) > 0
    shares = [r["peak_share"] for r in rows if r["part"] == "networks"]
    assert shares[:3] == ["", "", ""] and all(0 < float(share) < 1.5 for share in shares[3:])
    assert (tmp_path / "results" / "decode-speed.png").stat().st_size > 5000
    speed.main([str(tmp_path / "waves.npy"), "--ratio", "8", "--no-networks", *arguments, *places])
    with open(tmp_path / "speed.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
