"""The benchmarks run, keep their promise on bytes, and say plainly what they could not run."""

from __future__ import annotations

import csv
import json
import zlib
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MODULES = (
    "imported", "markdown_table", "measurements", "methods", "originals", "peers", "rate_distortion", "rate_search",
    "training_throughput",
)  # fmt: skip
EDGE = 20


@pytest.fixture(scope="module")
def modules():
    """The benchmarks' modules; they are scripts and no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield SimpleNamespace(**{name: import_module(name) for name in MODULES})


@pytest.fixture(scope="module")
def field():
    axis = np.linspace(-1, 1, EDGE, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.sin(5 * x * y) + np.cos(4 * z + x) * 0.5


@pytest.fixture
def step_codec(modules):
    """A small codec for machines that have none of the peers: equal steps, differences, deflate."""

    class StepCodec(modules.peers.Peer):
        name, distribution = "steps", "numpy"
        probes = 3
        encoded: ClassVar[list] = []

        def encode(self, values, knob):
            self.encoded.append(knob)
            steps = np.rint(values / (2 * knob)).astype(np.int32)
            return np.float64(knob).tobytes() + zlib.compress(np.diff(steps.ravel(), prepend=np.int32(0)).tobytes())

        def decode(self, data, shape):
            steps = np.cumsum(np.frombuffer(zlib.decompress(data[8:]), np.int32)).reshape(shape)
            return (steps * 2 * np.frombuffer(data[:8])[0]).astype(np.float32)

    return StepCodec


@pytest.fixture
def only_steps(modules, step_codec, monkeypatch):
    """The small codec in the place of all peers."""
    for module in (modules.peers, modules.methods, modules.measurements, modules.rate_distortion):
        monkeypatch.setattr(module, "PEERS", {"steps": step_codec})
    return step_codec


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def a_row(volume, method, ratio, psnr, **more):
    """A row of a volume of 40,000 bytes that has the bytes it was allowed."""
    row = {
        "volume": volume, "method": method, "ratio_asked": ratio, "psnr": psnr, "bytes": int(40000 / ratio),
        "ratio": ratio, "original_bytes": 40000, "dims": "100 x 10 x 10", "encode_s": 1, **more,
    }  # fmt: skip
    return {name: str(value) for name, value in row.items()}


def test_search_fills_the_bytes_and_never_more(modules, step_codec, field):
    search = modules.rate_search.RateSearch(step_codec(), field)
    errors = []
    for most in (6000, 3000, 1500, 700):
        found = search.within(most)
        assert 0.8 * most <= len(found.data) <= most
        error = np.abs(search.peer.decode(found.data, field.shape) - field).max()
        assert error <= float(found.setting.split()[0]) * np.ptp(field) * 1.001
        errors.append(error)
    assert errors == sorted(errors)
    assert search.within(3) is None


def test_search_takes_results_again_for_the_next_size(modules, step_codec, field):
    search = modules.rate_search.RateSearch(step_codec(), field)
    search.within(2000)
    encodings = len(search.tried)
    again = search.within(2000)
    assert 0.8 * 2000 <= len(again.data) <= 2000
    assert len(search.tried) - encodings <= modules.rate_search.TRIES / 2 + step_codec.probes


def test_search_passes_over_results_that_do_not_decode(modules, step_codec, field):
    class Brittle(step_codec):
        def decode(self, data, shape):
            if len(data) > 1800:
                raise RuntimeError("unreachable")
            return super().decode(data, shape)

    found = modules.rate_search.RateSearch(Brittle(), field).within(3000)
    assert 1500 <= len(found.data) <= 1800
    assert modules.rate_search.RateSearch(Brittle(), field).within(4000) is None
    Brittle.decode = lambda self, data, shape: np.full(shape, np.nan, np.float32)
    assert modules.rate_search.RateSearch(Brittle(), field).within(3000) is None


def test_search_goes_on_where_a_knob_does_not_encode(modules, step_codec, field):
    class Narrow(step_codec):
        def encode(self, values, knob):
            if knob < 0.01:
                raise RuntimeError("unreachable")
            return super().encode(values, knob)

    found = modules.rate_search.RateSearch(Narrow(), field).within(6000)
    assert 0 < len(found.data) <= 6000
    Narrow.encode = lambda self, values, knob: 1 / 0
    assert modules.rate_search.RateSearch(Narrow(), field).within(6000) is None


def test_the_mode_of_a_fixed_size_counts_where_it_is_better_and_fits(modules, step_codec, field):
    class Fixed(step_codec):
        extra = 0

        def at_bytes(self, values, most):
            return b"exact".ljust(most + self.extra, b".")

        def decode(self, data, shape):
            return field if data.startswith(b"exact") else super().decode(data, shape)

    found = modules.rate_search.RateSearch(Fixed(), field).within(3000)
    assert found.data.startswith(b"exact") and found.setting == "fixed size, 3000 bytes"
    Fixed.extra = 1
    assert modules.rate_search.RateSearch(Fixed(), field).within(3000).setting.endswith("of the range")


def test_search_judges_what_the_original_makes_of_a_result(modules, step_codec, field):
    """The result with the least error as measured, which need not be the one before rounding and masking."""
    seen = []

    def upside_down(decoded):
        seen.append(float(np.square(decoded - field).mean()))
        return -seen[-1]

    found = modules.rate_search.RateSearch(step_codec(), field, upside_down).within(3000)
    assert len(seen) > 1
    assert np.square(step_codec().decode(found.data, field.shape) - field).mean() == pytest.approx(max(seen), rel=1e-5)


def test_search_refuses_a_constant(modules, step_codec):
    with pytest.raises(ValueError, match="constant"):
        modules.rate_search.RateSearch(step_codec(), np.ones((4, 4, 4), np.float32))


def test_every_method_at_equal_bytes(modules, field, tmp_path, capsys):
    volume, out = tmp_path / "waves.npy", tmp_path / "table.csv"
    np.save(volume, field.astype(np.float64))
    arguments = [str(volume), "--out", str(out), "--ratios", "16", "8", "--seconds", "20", "--device", "cpu"]
    arguments += ["--threads", "1"]
    ours = "ours:passes=2"
    peers = []
    for name, peer in modules.peers.PEERS.items():
        try:
            peer().check()
        except modules.rate_distortion.SrnError:
            assert modules.rate_distortion.main([*arguments, "--methods", name]) == 2
            assert peer.distribution in capsys.readouterr().err
        else:
            peers.append(name)
    assert modules.rate_distortion.main([*arguments, "--methods", ours, *peers]) == 0
    rows = read_rows(out)
    assert [r["ratio_asked"] for r in rows if r["method"] == "ours:training.passes=2"] == ["8", "16"]
    for row in rows:
        assert row["volume"] == "waves" and row["version"] and row["device"].startswith("cpu")
        assert row["dims"] == "20 x 20 x 20" and row["date"]
        if row["note"] and row["method"] in peers:
            continue
        # float64 counts as float32 for everybody.
        assert int(row["original_bytes"]) == EDGE**3 * 4
        assert int(row["bytes"]) <= EDGE**3 * 4 / float(row["ratio_asked"])
        assert float(row["ratio"]) >= float(row["ratio_asked"])
        assert 5 < float(row["psnr"]) < 200 and 0 < float(row["max_error_of_range"]) < 2
        assert float(row["max_error"]) == pytest.approx(float(row["max_error_of_range"]) * np.ptp(field), abs=2e-5)
        assert float(row["encode_s"]) >= 0 and float(row["decode_s"]) > 0

    before = out.read_bytes()
    assert modules.rate_distortion.main([*arguments, "--methods", ours]) == 0
    assert out.read_bytes() == before


def test_several_budgets_are_several_rows_and_two_pictures(modules, field, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "waves.npy", field)
    asked = []

    def compress(volume, path, **settings):
        asked.append((settings["bytes"], settings["seconds"], settings["network"]))
        path.write_bytes(b"x" * settings["bytes"])
        return SimpleNamespace(report={"device": "cpu"})

    def load(path, threads):
        noise = np.random.default_rng(0).normal(0, 1 / asked[-1][0] / asked[-1][1], field.shape)
        decoded = SimpleNamespace(values=(field + noise).astype(np.float32))
        return SimpleNamespace(providers=["CPU"], decode=lambda: decoded)

    monkeypatch.setattr(modules.methods.srn_core, "compress", compress)
    monkeypatch.setattr(modules.methods.srn_core, "load", load)
    out, results = tmp_path / "table.csv", tmp_path / "pictures"
    common = [str(tmp_path / "waves.npy"), "--out", str(out), "--ratios", "8", "16", "--device", "cpu"]
    common += ["--methods", "ours:network=neurcomp", "--threads", "1"]
    assert modules.rate_distortion.main([*common, "--seconds", "15"]) == 0
    assert modules.rate_distortion.main([*common, "--seconds", "15", "60", "--plot", "--results", str(results)]) == 0
    assert asked == [(n, s, "neurcomp") for s in (15, 60) for n in (4000, 2000)]
    rows = read_rows(out)
    assert [(r["ratio_asked"], r["seconds"]) for r in rows] == [("8", "15"), ("16", "15"), ("8", "60"), ("16", "60")]
    assert sorted(p.name for p in results.iterdir()) == ["waves-seconds.png", "waves.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in results.iterdir())


def test_a_file_above_its_target_has_no_figures(modules, field, tmp_path, monkeypatch):
    np.save(tmp_path / "waves.npy", field)
    compress = lambda volume, path, **settings: (  # noqa: E731
        path.write_bytes(b"x" * (settings["bytes"] + 1)) and SimpleNamespace(report={"device": "cpu"})
    )
    monkeypatch.setattr(modules.methods.srn_core, "compress", compress)
    monkeypatch.setattr(modules.methods.srn_core, "load", lambda path, threads: SimpleNamespace(providers=["CPU"]))
    original = modules.originals.Original.read(str(tmp_path / "waves.npy"))
    row = modules.methods.Ours("ours", {}, 1.0).on(original)(8)
    assert "4001 bytes, 4000 were allowed" in row["note"] and "psnr" not in row


def test_what_is_measured_is_not_measured_again(modules, only_steps, field, tmp_path):
    np.save(tmp_path / "waves.npy", field)
    out = tmp_path / "table.csv"
    common = [str(tmp_path / "waves.npy"), "--methods", "steps", "--out", str(out)]
    assert modules.rate_distortion.main([*common, "--ratios", "4", "8"]) == 0
    before, encoded = read_rows(out), len(only_steps.encoded)
    assert modules.rate_distortion.main([*common, "--ratios", "4", "8"]) == 0
    assert len(only_steps.encoded) == encoded
    assert modules.rate_distortion.main([*common, "--ratios", "8", "16"]) == 0
    rows = read_rows(out)
    assert rows[:2] == before and [r["ratio_asked"] for r in rows] == ["4", "8", "16"]
    assert all(int(r["bytes"]) <= field.nbytes / float(r["ratio_asked"]) for r in rows)
    assert float(rows[0]["psnr"]) > float(rows[1]["psnr"]) > float(rows[2]["psnr"])
    encoded = len(only_steps.encoded)
    assert modules.rate_distortion.main([*common, "--ratios", "8", "--again"]) == 0
    assert len(only_steps.encoded) > encoded
    assert [r["ratio_asked"] for r in read_rows(out)] == ["4", "8", "16"]


def test_an_interrupted_run_keeps_its_rows_and_is_carried_on(modules, only_steps, field, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "waves.npy", field)
    out = tmp_path / "table.csv"
    arguments = [str(tmp_path / "waves.npy"), "--methods", "steps", "--ratios", "4", "8", "16", "--out", str(out)]
    within = modules.rate_search.RateSearch.within

    def stopped(self, most):
        if most < field.nbytes / 8:
            raise KeyboardInterrupt
        return within(self, most)

    monkeypatch.setattr(modules.rate_search.RateSearch, "within", stopped)
    assert modules.rate_distortion.main(arguments) == 130
    assert "carries on" in capsys.readouterr().err
    kept = read_rows(out)
    assert [r["ratio_asked"] for r in kept] == ["4", "8"]
    monkeypatch.setattr(modules.rate_search.RateSearch, "within", within)
    assert modules.rate_distortion.main(arguments) == 0
    assert read_rows(out)[:2] == kept and len(read_rows(out)) == 3


def test_rows_that_another_run_wrote_meanwhile_stay(modules, tmp_path):
    tables = [modules.measurements.Measurements(tmp_path / "table.csv") for _ in range(2)]
    for table, method in zip(tables, ("sperr", "sz3")):
        table.put(a_row("v", method, 50, 40))
    assert [r["method"] for r in read_rows(tmp_path / "table.csv")] == ["sperr", "sz3"]


def test_another_array_of_the_same_name_is_refused(modules, only_steps, field, tmp_path, capsys):
    out = tmp_path / "table.csv"
    arguments = [str(tmp_path / "waves.npy"), "--methods", "steps", "--ratios", "8", "--out", str(out)]
    np.save(tmp_path / "waves.npy", field)
    assert modules.rate_distortion.main(arguments) == 0
    np.save(tmp_path / "waves.npy", field * 2)
    assert modules.rate_distortion.main(arguments) == 2
    assert "another array called 'waves'" in capsys.readouterr().err
    assert modules.rate_distortion.main([arguments[0], *arguments, "--again", "--out", str(tmp_path / "b.csv")]) == 2
    assert "two volumes are called 'waves'" in capsys.readouterr().err


def test_raw_files_by_their_sizes_and_arrays_by_their_names(modules, only_steps, field, tmp_path):
    (field[:10] * 50).astype(np.int16).tofile(tmp_path / "waves.raw")
    np.savez(tmp_path / "two.npz", a=field, b=field * 3)
    out = tmp_path / "table.csv"
    common = ["--methods", "steps", "--out", str(out)]
    raw = [str(tmp_path / "waves.raw"), "--dims", "20", "20", "10", "--dtype", "int16"]
    assert modules.rate_distortion.main([*raw, *common]) == 0
    assert modules.rate_distortion.main([f"{tmp_path / 'two.npz'}:b", *common]) == 0
    rows = read_rows(out)
    assert [r["ratio_asked"] for r in rows if r["volume"] == "waves"] == ["10", "20", "40", "80"]
    assert {r["dims"] for r in rows if r["volume"] == "waves"} == {"20 x 20 x 10"}
    assert [r["ratio_asked"] for r in rows if r["volume"] == "two:b"] == ["50", "100", "200", "400"]


def test_integers_count_their_own_bytes_and_come_back_as_integers(modules, step_codec, field, tmp_path):
    np.save(tmp_path / "bytes.npy", ((field - field.min()) * 90).astype(np.uint8))
    original = modules.originals.Original.read(str(tmp_path / "bytes.npy"))
    assert original.nbytes == EDGE**3
    restored = original.restored(np.array([-3.0, 7.6, 300.0], np.float32))
    assert restored.dtype == np.uint8 and restored.tolist() == [0, 8, 255]
    assert original.squared_error(original.filled() + np.float32(0.4)) == 0.0
    row = modules.methods.PeerMethod(step_codec()).on(original)(4)
    assert int(row["bytes"]) <= EDGE**3 / 4 and row["dtype"] == "uint8"
    np.save(tmp_path / "longs.npy", (field * 1000).astype(np.int64))
    assert modules.originals.Original.read(str(tmp_path / "longs.npy")).nbytes == EDGE**3 * 8


def test_missing_values_do_not_count(modules, step_codec, field, tmp_path):
    holed = field.copy()
    holed[:4] = np.nan
    np.save(tmp_path / "holed.npy", holed)
    original = modules.originals.Original.read(str(tmp_path / "holed.npy"))
    assert np.isfinite(original.filled()).all()
    wrong_there_only = original.filled()
    wrong_there_only[:4] += 9
    assert original.squared_error(wrong_there_only) == 0.0
    assert np.isfinite(float(modules.methods.PeerMethod(step_codec()).on(original)(8)["psnr"]))


def test_methods_by_name(modules):
    made = modules.methods.parsed(
        ["ours", "ours:pruner=none, network=neurcomp", "ours:fvsrn.grid=16,16,16,seed=2", "sperr", "ours"],
        [15, 60],
        "cpu",
        1,
    )
    assert [(m.name, m.seconds) for m in made] == [
        ("ours", "15"),
        ("ours", "60"),
        ("ours:network=neurcomp,pruner=none", "15"),
        ("ours:network=neurcomp,pruner=none", "60"),
        ("ours:fvsrn.grid=16,16,16,seed=2", "15"),
        ("ours:fvsrn.grid=16,16,16,seed=2", "60"),
        ("sperr", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{volume}", "--methods", "jpeg"], "unknown method 'jpeg'; known methods: ours, "),
        (["{volume}", "--methods", "sperr:q=1"], "unknown method"),
        (["{volume}", "--methods", "ours:depth=3"], "unknown setting 'depth'"),
        (["{volume}", "--methods", "ours:network=big"], "network"),
        (["{volume}", "--methods", "ours:network"], "KEY=VALUE"),
        (["{volume}", "--methods", "ours:ratio=10"], "--ratios gives the targets"),
        (["{volume}", "--methods", "ours:seconds=10"], "--seconds gives the time budgets"),
        (["{volume}", "--ratios", "0"], "--ratios must be more than 0"),
        (["{volume}", "--seconds", "-1"], "--seconds must be more than 0"),
        (["{volume}", "--threads", "0"], "--threads must be at least 1"),
        (["{folder}/absent.npy", "--methods", "steps"], "does not exist"),
        (["{folder}/vector.npy", "--methods", "steps"], "2 components"),
        (["{folder}/constant.npy", "--methods", "steps"], "one value only"),
        ([], "nothing to do"),
        (["--table"], "has no rows"),
        (["--import-rows", "{folder}/absent.json", "tthresh", "tthresh (native)"], "cannot be read as JSON"),
    ],
)
def test_what_cannot_be_compared_is_refused(modules, only_steps, field, tmp_path, capsys, monkeypatch, arguments, said):
    if "--import-rows" in arguments:
        monkeypatch.undo()
    np.save(tmp_path / "waves.npy", field)
    np.save(tmp_path / "vector.npy", np.stack([field, field], axis=-1))
    np.save(tmp_path / "constant.npy", np.ones_like(field))
    out = tmp_path / "table.csv"
    given = [a.format(volume=tmp_path / "waves.npy", folder=tmp_path) for a in arguments]
    assert modules.rate_distortion.main([*given, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_table_of_something_else_is_left_alone(modules, tmp_path, capsys):
    out = tmp_path / "table.csv"
    out.write_text("a,b\n1,2\n")
    assert modules.rate_distortion.main(["--out", str(out), "--table"]) == 2
    assert "no table of this benchmark" in capsys.readouterr().err
    assert out.read_text() == "a,b\n1,2\n"


def test_the_readme_table(modules, tmp_path, capsys):
    table = modules.measurements.Measurements(tmp_path / "table.csv")
    for row in (
        a_row("v", "tthresh", 50, 38),
        a_row("v", "tthresh", 100, 37.25),
        a_row("v", "tthresh (native)", 50, 41, note="imported"),
        a_row("v", "tthresh (native)", 100, 37, note="imported"),
        a_row("v", "sperr", 50, 40),
        a_row("v", "sperr", 100, 37.5),
        a_row("v", "ours", 50, 39, seconds=15),
        a_row("v", "ours", 100, 37.75, seconds=60),
        {**a_row("w", "sperr", 10, 30, dims=""), "original_bytes": "12345678"},
        {**a_row("w", "sz3", 10, 0), "bytes": "", "psnr": "", "note": "no setting found"},
    ):
        table.put(row)
    assert modules.markdown_table.markdown(table, {"v": "Vortex"}).splitlines() == [
        "| volume | ratio (bytes) | ours, 15 s | ours, 60 s | SPERR | TTHRESH |",
        "|---|---|---:|---:|---:|---:|",
        "| Vortex, 100 x 10 x 10 | 50 (800) | 39.00 | - | 40.00 | **41.00** † |",
        "|  | 100 (400) | - | **37.75** | 37.50 | 37.25 |",
        "| w | 10 (1 234 567) | - | - | **30.00** | - |",
        "",
        modules.markdown_table.NOTE,
    ]
    assert modules.rate_distortion.main(["--out", str(table.path), "--table"]) == 0
    assert "| v, 100 x 10 x 10 | 50 (800) |" in capsys.readouterr().out


def test_figures_measured_elsewhere(modules, tmp_path):
    figures = {"bytes": 790, "psnr": 41.5, "max_rel": 0.03, "decode_s": 0.5}
    entry = {"dims_xyz": [100, 10, 10], "original_bytes": 40000, "tthresh": {"50": figures, "100": None, "25": figures}}
    source = tmp_path / "figures.json"
    source.write_text(json.dumps({"v": entry}))
    table = modules.measurements.Measurements(tmp_path / "table.csv")
    take = modules.imported.import_rows
    assert take(table, str(source), "tthresh", "tthresh (native)") == 1
    assert take(table, str(source), "tthresh", "tthresh (native)") == 0
    assert take(table, str(source), "tthresh", "tthresh (native)", again=True) == 1
    (row,) = read_rows(table.path)
    assert (row["method"], row["ratio_asked"], row["bytes"], row["psnr"]) == ("tthresh (native)", "50", "790", "41.500")
    assert row["max_error_of_range"] == "0.03000" and "figures.json" in row["note"]
    assert modules.imported.UNROUNDED not in row["note"]

    entry["original_bytes"] = 10000
    entry["tthresh"] = {"10": figures}
    source.write_text(json.dumps({"small": entry}))
    take(table, str(source), "tthresh", "tthresh (native)")
    assert modules.imported.UNROUNDED in read_rows(table.path)[-1]["note"]

    for wrong, said in (
        ({**figures, "bytes": 1001}, "1001 bytes are more than the 1000 allowed"),
        ({**figures, "psnr": float("nan")}, "finite"),
        ({"bytes": 10}, "psnr"),
    ):
        source.write_text(json.dumps({"small": {**entry, "tthresh": {"10": wrong}}}))
        with pytest.raises(ValueError, match=said):
            take(table, str(source), "tthresh", "tthresh (native)", again=True)
    with pytest.raises(ValueError, match="no figures of a codec called 'jpeg'"):
        take(modules.measurements.Measurements(tmp_path / "none.csv"), str(source), "jpeg", "sperr (native)")
    with pytest.raises(ValueError, match="name of their own"):
        take(table, str(source), "tthresh", "tthresh")


def test_bd_figures_of_every_peer_in_a_second_table(modules, tmp_path, capsys):
    table = modules.measurements.Measurements(tmp_path / "table.csv")
    for ratio in (50, 100, 200, 400):
        psnr = 60 - 8 * np.log10(ratio)
        table.put(a_row("v", "ours", ratio, psnr + 2, seconds=60))
        table.put(a_row("v", "sperr", ratio, psnr))
        table.put(a_row("v", "tthresh", ratio, psnr - 3))
        table.put(a_row("v", "tthresh (native)", ratio, psnr - 1))
        table.put(a_row("v", "zfp", ratio, psnr - 30))
    assert modules.rate_distortion.main(["--out", str(table.path), "--bd"]) == 0
    said = capsys.readouterr().out
    rows = {row["peer"]: row for row in read_rows(tmp_path / "table_bd.csv")}
    assert list(rows) == ["sperr", "zfp", "tthresh"]
    # 8 dB a decade: 2 dB are 10^(-1/4) of the bytes.
    assert float(rows["sperr"]["bd_psnr_db"]) == pytest.approx(2, abs=0.002)
    assert float(rows["sperr"]["bd_rate_percent"]) == pytest.approx(100 * (10**-0.25 - 1), abs=0.05)
    assert float(rows["tthresh"]["bd_psnr_db"]) == pytest.approx(3, abs=0.002)
    assert "4 of 4 points of tthresh are tthresh (native)" in rows["tthresh"]["note"]
    assert rows["zfp"]["bd_rate_percent"] == "" and "no overlap in PSNR" in rows["zfp"]["note"]
    assert float(rows["zfp"]["bd_psnr_db"]) == pytest.approx(32, abs=0.002)
    assert "-43.8 %, +2.00 dB" in said and "+32.00 dB, no overlap in PSNR" in said


def test_training_throughput_contenders_train(modules):
    import torch

    throughput = modules.training_throughput
    cpu = torch.device("cpu")
    for contender in (throughput.plain(cpu), throughput.ours(cpu, "lattice"), throughput.predictor(cpu, False)):
        assert contender(0.02) > 0
