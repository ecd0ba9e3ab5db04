"""The benchmarks run, keep their promise on bytes, and say plainly what they could not run."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
EDGE = 20


@pytest.fixture(scope="module")
def modules():
    """The benchmarks' modules; they are scripts and no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import peers
        import rate_distortion
        import training_throughput

        yield peers, rate_distortion, training_throughput


@pytest.fixture(scope="module")
def field():
    axis = np.linspace(-1, 1, EDGE, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.sin(5 * x * y) + np.cos(4 * z + x) * 0.5


@pytest.fixture
def step_codec(modules):
    """A small codec for machines that have none of the peers: equal steps, differences, deflate."""

    class StepCodec(modules[0].Peer):
        name, distribution = "steps", "numpy"
        probes = 3

        def encode(self, values, knob):
            steps = np.rint(values / (2 * knob)).astype(np.int32)
            return np.float64(knob).tobytes() + zlib.compress(np.diff(steps.ravel(), prepend=np.int32(0)).tobytes())

        def decode(self, data, shape):
            steps = np.cumsum(np.frombuffer(zlib.decompress(data[8:]), np.int32)).reshape(shape)
            return (steps * 2 * np.frombuffer(data[:8])[0]).astype(np.float32)

    return StepCodec


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_search_fills_the_bytes_and_never_more(modules, step_codec, field):
    search = modules[0].RateSearch(step_codec(), field)
    errors = []
    for most in (6000, 3000, 1500, 700):
        found = search.within(most)
        assert 0.8 * most <= len(found.data) <= most
        error = np.abs(search.peer.decode(found.data, field.shape) - field).max()
        assert error <= found.knob * 1.001
        errors.append(error)
    assert errors == sorted(errors)
    assert search.within(3) is None


def test_search_takes_results_again_for_the_next_size(modules, step_codec, field):
    search = modules[0].RateSearch(step_codec(), field)
    search.within(2000)
    encodings = len(search.tried)
    again = search.within(2000)
    assert 0.8 * 2000 <= len(again.data) <= 2000
    assert len(search.tried) - encodings <= modules[0].TRIES / 2 + step_codec.probes


def test_search_passes_over_results_that_do_not_decode(modules, step_codec, field):
    class Brittle(step_codec):
        def decode(self, data, shape):
            if len(data) > 1800:
                raise RuntimeError("unreachable")
            return super().decode(data, shape)

    found = modules[0].RateSearch(Brittle(), field).within(3000)
    assert 1500 <= len(found.data) <= 1800
    assert modules[0].RateSearch(Brittle(), field).within(4000) is None
    Brittle.decode = lambda self, data, shape: np.full(shape, np.nan, np.float32)
    assert modules[0].RateSearch(Brittle(), field).within(3000) is None


def test_search_refuses_a_constant(modules, step_codec):
    with pytest.raises(ValueError, match="constant"):
        modules[0].RateSearch(step_codec(), np.ones((4, 4, 4), np.float32))


def test_every_method_at_equal_bytes(modules, field, tmp_path, capsys):
    peers, rate_distortion, _ = modules
    volume, out, picture = tmp_path / "waves.npy", tmp_path / "table.csv", tmp_path / "table.png"
    np.save(volume, field.astype(np.float64))
    common = ["--out", str(out), "--ratios", "8", "16", "--seconds", "20", "--device", "cpu", "--threads", "1"]
    arguments = [str(volume), *common, "--set", "training.passes=2", "--plot", str(picture), "--markdown"]
    assert rate_distortion.main(arguments) == 0

    said = capsys.readouterr()
    rows = read_rows(out)
    for name in peers.PEERS:
        assert f"{name} left out: " in said.err or {r["ratio_asked"] for r in rows if r["method"] == name} == {
            "8",
            "16",
        }
    assert [r["ratio_asked"] for r in rows if r["method"] == "fvsrn+smallify"] == ["8", "16"]
    for row in rows:
        assert row["volume"] == "waves" and row["versions"] and row["device"].startswith("cpu")
        if row["note"] and row["method"] in peers.PEERS:
            continue
        # float64 counts as float32 for everybody.
        assert int(row["bytes"]) <= EDGE**3 * 4 / float(row["ratio_asked"])
        assert float(row["ratio"]) >= float(row["ratio_asked"])
        assert 5 < float(row["psnr"]) < 200 and 0 < float(row["max_error_of_range"]) < 2
        assert float(row["encode_s"]) >= 0 and float(row["decode_s"]) > 0
    assert "| waves | fvsrn+smallify |" in said.out
    assert picture.read_bytes().startswith(b"\x89PNG")

    before = out.read_bytes()
    assert rate_distortion.main([str(volume), *common, "--peers", "none", "--resume"]) == 0
    assert out.read_bytes() == before


def test_a_row_takes_the_place_of_the_one_with_its_key(modules, step_codec, field, tmp_path):
    _, rate_distortion, _ = modules
    np.save(tmp_path / "waves.npy", field)
    original = rate_distortion.Original.read(str(tmp_path / "waves.npy"))
    table = rate_distortion.Table(tmp_path / "table.csv")
    for ratios in ((4, 8), (8, 16)):
        rate_distortion.record(table, original.label, rate_distortion.peer_rows(step_codec(), original, ratios))
    rows = read_rows(tmp_path / "table.csv")
    assert [(r["method"], r["ratio_asked"]) for r in rows] == [("steps", "4"), ("steps", "8"), ("steps", "16")]
    assert all(int(r["bytes"]) <= field.nbytes / float(r["ratio_asked"]) for r in rows)
    assert float(rows[0]["psnr"]) > float(rows[1]["psnr"]) > float(rows[2]["psnr"])
    again = rate_distortion.Table(tmp_path / "table.csv")
    assert again.rows == table.rows and again.measured("waves", "steps", 8.0)


def test_integers_count_their_own_bytes_and_come_back_as_integers(modules, step_codec, field, tmp_path):
    _, rate_distortion, _ = modules
    np.save(tmp_path / "bytes.npy", ((field - field.min()) * 90).astype(np.uint8))
    original = rate_distortion.Original.read(str(tmp_path / "bytes.npy"))
    assert original.nbytes == EDGE**3
    restored = original.restored(np.array([-3.0, 7.6, 300.0], np.float32))
    assert restored.dtype == np.uint8 and restored.tolist() == [0, 8, 255]
    (row,) = rate_distortion.peer_rows(step_codec(), original, [4])
    assert int(row["bytes"]) <= EDGE**3 / 4


def test_missing_values_do_not_count(modules, step_codec, field, tmp_path):
    _, rate_distortion, _ = modules
    holed = field.copy()
    holed[:4] = np.nan
    np.save(tmp_path / "holed.npy", holed)
    original = rate_distortion.Original.read(str(tmp_path / "holed.npy"))
    assert np.isfinite(original.filled()).all()
    (row,) = rate_distortion.peer_rows(step_codec(), original, [8])
    assert np.isfinite(float(row["psnr"]))


def test_bold_only_where_ours_wins(modules, tmp_path):
    _, rate_distortion, _ = modules
    table = rate_distortion.Table(tmp_path / "table.csv")
    for method, ratio, psnr in (("fvsrn", "50", 40), ("sperr", "50", 39), ("fvsrn", "100", 36), ("sperr", "100", 37)):
        row = {"volume": "v", "method": method, "ratio_asked": ratio, "bytes": "9", "psnr": psnr, "decode_mb_s": "5"}
        table.put({k: str(v) for k, v in row.items()})
    lines = rate_distortion.markdown(table).splitlines()
    assert lines[2:] == ["| v | fvsrn | **40.00** | 36.00 | 5 |", "| v | sperr | 39.00 | 37.00 | 5 |"]


def test_what_cannot_be_compared_is_refused(modules, field, tmp_path, capsys):
    _, rate_distortion, _ = modules
    out = tmp_path / "table.csv"
    np.save(tmp_path / "vector.npy", np.stack([field, field], axis=-1))
    assert rate_distortion.main([str(tmp_path / "vector.npy"), "--out", str(out)]) == 2
    assert "2 components" in capsys.readouterr().err
    assert rate_distortion.main([str(tmp_path / "absent.npy"), "--out", str(out)]) == 2
    assert not out.exists()
    out.write_text("a,b\n1,2\n")
    assert rate_distortion.main(["--out", str(out), "--markdown"]) == 2
    assert out.read_text() == "a,b\n1,2\n"


def test_training_throughput_contenders_train(modules):
    import torch

    _, _, throughput = modules
    cpu = torch.device("cpu")
    for contender in (throughput.plain(cpu), throughput.ours(cpu, "lattice"), throughput.predictor(cpu, False)):
        assert contender(0.02) > 0
