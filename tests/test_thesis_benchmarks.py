"""The thesis' experiments: their tables hold what was measured, are resumed, survive failures, and are drawn."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import srn_core
from srn_core.config import CompressConfig

FOLDER = Path(__file__).parents[1] / "benchmarks" / "thesis"
NAMES = ("rate_distortion", "pruning", "residual", "entropy", "wavelet", "bits", "thresholds")
COMMON = {"volume", "network", "pruner", "seed", "passes", "psnr", "parameter_ratio", "settings", "error"}
OWN = {
    "rate_distortion": {"method", "storage", "ratio_asked", "bytes", "ratio"},
    "pruning": {"wavelet", "kept_fraction", "fold_change", "train_seconds"},
    "residual": {"blocks"},
    "entropy": {"lambda_entropy", "undecided", "drop_rates"},
    "wavelet": {"wavelet", "pruned", "own_dropped"},
    "bits": {"method", "bits", "width", "bytes"},
    "thresholds": {"thresholds"},
}


@pytest.fixture(scope="module")
def modules():
    """The benchmark's modules; they are scripts and no package of the product."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        import run
        from experiments import drawing, runs

        yield SimpleNamespace(run=run, drawing=drawing, runs=runs)


@pytest.fixture
def pretended(monkeypatch):
    """Compressions that take no time: quality by a rule, each call noted."""
    calls = []

    def compress(volume, config, device):
        calls.append(config)
        layers = {}
        if config.pruner != "none":
            layers = {"a": [6.0, *[0.0] * 18, 2.0], "b": [0.0, 1.0, *[0.0] * 17, 1.0]}
        parameters = int(volume.values.size / (config.target.parameter_ratio or 2 * config.target.ratio))
        report = {
            "psnr": 30.0 + config.seed + 2 * ("smallify" in config.pruner),
            "bytes": parameters, "ratio": volume.nbytes / parameters, "parameters": parameters,
            "parameter_ratio": volume.values.size / parameters, "kept_fraction": 0.25, "fold_change": 0.001,
            "train_seconds": 1.0, "seconds": 1.5, "ssim": 0.9, "device": "cpu",
        }  # fmt: skip
        spec = SimpleNamespace(width=32 - (config.quantise.weight_bits or 0))
        if config.network == "fvsrn":
            spec = SimpleNamespace(widths=(16, 16), grid=(6, 8, 10))
        rates = {"drop_rate": [(i + 0.5) / 20 for i in range(20)], **layers} if layers else {}
        return SimpleNamespace(
            report=report, drop_rates=rates, file=SimpleNamespace(fields=[SimpleNamespace(spec=spec)])
        )

    monkeypatch.setattr(srn_core, "compress", compress)
    return calls


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def picture(path):
    """(width, height) of a PNG, and how many bytes it has."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    return (*struct.unpack(">II", data[16:24]), len(data))


def test_figures_are_those_of_the_files(modules, tmp_path, capsys):
    arguments = ["pruning", "wavelet", "--budget", "tiny", "--passes", "2", "--networks", "fvsrn"]
    arguments += ["--pruners", "smallify", "--out", str(tmp_path), "--device", "cpu", "--keep-files", "--markdown"]
    assert modules.run.main(arguments) == 0, capsys.readouterr().err
    (pruned,), wavelets = read_rows(tmp_path / "pruning.csv"), read_rows(tmp_path / "wavelet.csv")
    assert [row["wavelet"] for row in wavelets] == ["none", "haar", "bior4.4"]
    # The wavelet by default is bior4.4: that run was there already.
    assert len(read_rows(tmp_path / "runs.csv")) == len(list((tmp_path / "files").iterdir())) == 3
    assert wavelets[2]["psnr"] == pruned["psnr"]

    from experiments.budget import tiny_volume

    volume = tiny_volume()
    kept = {round(srn_core.evaluate(file, volume).psnr, 3) for file in (tmp_path / "files").iterdir()}
    assert kept == {round(float(row["psnr"]), 3) for row in wavelets}
    # The settings in the row are all that another run needs.
    settings = dict(pair.split("=", 1) for pair in pruned["settings"].split())
    again = srn_core.compress(volume, device="cpu", **settings)
    assert again.report["psnr"] == pytest.approx(float(pruned["psnr"]), abs=1e-3)
    assert again.report["bytes"] == int(pruned["bytes"])
    assert again.report["parameter_ratio"] == pytest.approx(float(pruned["parameter_ratio"]), rel=1e-6)
    counts = np.sum([again.drop_rates[name] for name in again.drop_rates if name != "drop_rate"], axis=0)
    above = np.asarray(again.drop_rates["drop_rate"]) > CompressConfig().smallify.threshold
    assert float(pruned["own_dropped"]) == pytest.approx(counts[above].sum() / counts.sum(), rel=1e-6)
    assert float(wavelets[2]["pruned"]) == pytest.approx(1 - again.report["kept_fraction"], rel=1e-5)
    width, height, size = picture(tmp_path / "wavelet.png")
    assert width >= 900 and height >= 400 and size > 10_000
    assert f"| waves_20 | fvsrn | smallify | bior4.4 | 2 | 6 | {float(pruned['parameter_ratio']):.2f} |" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_experiment_has_a_table_and_a_picture(modules, pretended, name, tmp_path):
    few = ["--budget", "tiny", "--seeds", "2", "--bits", "4", "8"]
    assert modules.run.main([name, *few, "--out", str(tmp_path)]) == 0
    rows = read_rows(tmp_path / f"{name}.csv")
    assert set(rows[0]) >= COMMON | OWN[name]
    assert all(all(row[c] for c in OWN[name] & {"method", "storage", "blocks", "thresholds", "bits"}) for row in rows)
    assert len(rows) == len(read_rows(tmp_path / "runs.csv")) == len(pretended)
    assert len({row["settings"] for row in rows}) == len(rows)
    assert {row["seed"] for row in rows} == {"0", "1"}
    before = picture(tmp_path / f"{name}.png")
    assert before[0] >= 800 and before[2] > 10_000
    (tmp_path / f"{name}.png").unlink()
    assert modules.run.main([name, "--plot-only", "--out", str(tmp_path)]) == 0
    assert picture(tmp_path / f"{name}.png") == before


def test_experiments_compare_what_they_say(modules, pretended, tmp_path):
    assert modules.run.main(["all", "--budget", "tiny", "--ratios", "6", "--out", str(tmp_path)]) == 0
    found = {name: read_rows(tmp_path / f"{name}.csv") for name in NAMES}

    def values(name, *columns):
        return [tuple(row[c] for c in columns) for row in found[name] if row["seed"] == "0"]

    pruners = ("none", "mask", "smallify", "variational-static", "variational-dynamic")
    assert values("pruning", "network", "pruner") == [(n, p) for n in ("fvsrn", "neurcomp") for p in pruners]
    assert values("residual", "pruner", "blocks") == [
        (p, b) for p in ("none", "smallify", "variational-dynamic") for b in ("residual", "plain")
    ]
    assert values("entropy", "network", "pruner", "lambda_entropy") == [
        ("neurcomp", "variational-dynamic", weight) for weight in ("0", "1")
    ]
    assert values("wavelet", "pruner", "wavelet") == [(p, w) for p in pruners for w in ("none", "haar", "bior4.4")]
    assert values("bits", "method", "bits", "width") == [
        (m, str(b), str(32 - b)) for m in ("uniform", "kmeans") for b in (4, 5, 6, 7, 8, 10, 12, 16)
    ]
    assert values("thresholds", "network", "pruner", "thresholds") == [
        (n, p, t)
        for n in ("fvsrn", "neurcomp")
        for p in ("smallify", "variational-dynamic")
        for t in ("searched", "layerwise")
    ]
    # Each run once, however many experiments it is part of.
    texts = [row["settings"] for row in read_rows(tmp_path / "runs.csv")]
    assert len(pretended) == len(texts) == len(set(texts)) < sum(len(rows) for rows in found.values())


def test_float32_counts_four_bytes_a_parameter_and_peers_come_from_their_table(modules, pretended, tmp_path):
    from experiments.budget import BUDGETS, Choice
    from experiments.rate_distortion import RateDistortion

    assert modules.run.main(["rate_distortion", "--budget", "tiny", "--ratios", "8", "--out", str(tmp_path)]) == 0
    rows = {(row["method"], row["storage"]): row for row in read_rows(tmp_path / "rate_distortion.csv")}
    plain, packed = rows["fvsrn", "float32"], rows["fvsrn", "quantised"]
    assert int(plain["bytes"]) == 4 * 1000 and float(plain["ratio"]) == pytest.approx(8.0)
    assert int(packed["bytes"]) == 500 and float(packed["ratio"]) == pytest.approx(64.0)

    (tmp_path / "peers.csv").write_text(
        "volume,method,ratio_asked,bytes,ratio,psnr,note\n"
        "waves_20,sperr,50,600,53.3,41.5,\nwaves_20,zfp,50,,,,no setting fits\n"
        "waves_20,fvsrn+smallify,50,600,53.3,40,\nother,sperr,50,9,9,9,\n"
    )
    experiment = RateDistortion(Choice(BUDGETS["tiny"]), tmp_path / "peers.csv")
    sperr, zfp = experiment.others("waves_20")
    assert (sperr["method"], sperr["psnr"], sperr["storage"], sperr["error"]) == ("sperr", "41.5", "peer", "")
    assert zfp["error"] == "no setting fits"
    figure = experiment.draw([*rows.values(), sperr, zfp])
    (axis,) = figure.axes
    assert {"sperr", "fvsrn, float32, 4 passes"} <= set(axis.get_legend_handles_labels()[1])
    assert "zfp" not in axis.get_legend_handles_labels()[1]
    assert RateDistortion(Choice(BUDGETS["tiny"]), tmp_path / "absent.csv").others("waves_20") == []


def test_resume_runs_only_what_is_missing(modules, pretended, tmp_path):
    arguments = ["pruning", "--budget", "tiny", "--networks", "fvsrn", "--out", str(tmp_path)]
    assert modules.run.main([*arguments, "--seeds", "1"]) == 0
    first = len(pretended)
    before = (tmp_path / "pruning.csv").read_bytes()
    assert modules.run.main([*arguments, "--seeds", "1", "--resume"]) == 0
    assert len(pretended) == first and (tmp_path / "pruning.csv").read_bytes() == before
    assert modules.run.main([*arguments, "--seeds", "2", "--resume"]) == 0
    assert [config.seed for config in pretended[first:]] == [1] * first
    # Without --resume everything is made anew and takes the old rows' place.
    assert modules.run.main([*arguments, "--seeds", "1"]) == 0
    assert len(pretended) == 3 * first and len(read_rows(tmp_path / "pruning.csv")) == 2 * first
    # Another array under the same name is another volume.
    subject = modules.runs.Subject.of("waves_20", srn_core.Volume.from_array(np.eye(4, dtype=np.float32)[None]))
    runs = modules.runs.Runs(tmp_path, True, "cpu")
    runs.row(subject, {"network": "fvsrn", "pruner": "none", "seed": 0, "target.parameter_ratio": 6.0})
    known = len(pretended)
    runs.row(subject, {"network": "fvsrn", "pruner": "none", "seed": 0, "target.parameter_ratio": 6.0})
    assert len(pretended) == known == 3 * first + 1


def test_a_failure_is_a_row_and_the_others_go_on(modules, pretended, monkeypatch, tmp_path, capsys):
    works = srn_core.compress

    def brittle(volume, config, device):
        if config.pruner == "mask":
            raise ValueError("does not\nfit")
        return works(volume, config=config, device=device)

    monkeypatch.setattr(srn_core, "compress", brittle)
    arguments = ["pruning", "--budget", "tiny", "--networks", "fvsrn", "--out", str(tmp_path)]
    assert modules.run.main(arguments) == 1
    rows = {row["pruner"]: row for row in read_rows(tmp_path / "pruning.csv")}
    assert rows["mask"]["error"] == "ValueError: does not fit" and rows["mask"]["psnr"] == ""
    assert len(rows) == 5 and all(row["psnr"] for name, row in rows.items() if name != "mask")
    assert "FAILED ValueError" in capsys.readouterr().err
    # Mended, it alone is run again.
    monkeypatch.setattr(srn_core, "compress", works)
    before = len(pretended)
    assert modules.run.main([*arguments, "--resume"]) == 0
    assert [config.pruner for config in pretended[before:]] == ["mask"]


def test_ctrl_c_leaves_finished_rows(modules, pretended, monkeypatch, tmp_path, capsys):
    works = srn_core.compress

    def interrupted(volume, config, device):
        if len(pretended) == 2:
            raise KeyboardInterrupt
        return works(volume, config=config, device=device)

    monkeypatch.setattr(srn_core, "compress", interrupted)
    assert modules.run.main(["pruning", "--budget", "tiny", "--out", str(tmp_path)]) == 130
    assert "--resume" in capsys.readouterr().err
    for name in ("runs", "pruning"):
        assert [row["pruner"] for row in read_rows(tmp_path / f"{name}.csv")] == ["none", "mask"]


def test_pictures_say_mean_and_difference(modules, pretended, tmp_path):
    arguments = ["pruning", "--budget", "tiny", "--networks", "fvsrn", "--seeds", "3", "--out", str(tmp_path)]
    assert modules.run.main([*arguments, "--pruners", "none", "smallify"]) == 0
    from experiments.budget import BUDGETS, Choice
    from experiments.pruning import Pruning

    figure = Pruning(Choice(BUDGETS["tiny"])).draw(read_rows(tmp_path / "pruning.csv"))
    (axis,) = figure.axes
    # Seeds 0 to 2 give 30, 31, 32 dB; with switches 2 dB more.
    assert [text.get_text() for text in axis.texts] == ["31.00", "+2.00"]
    assert [bar.get_height() for bar in axis.patches] == [31.0, 33.0]
    assert [sorted(line.get_ydata()) for line in axis.lines] == [[30, 31, 32], [32, 33, 34]]
    assert modules.drawing.with_spread([30.0, 31.0, 32.0]) == "31.00 ± 1.00"


def test_own_share_and_undecided_are_counted_from_the_histogram(modules):
    from experiments.entropy import undecided

    rates = {"drop_rate": (np.arange(20) + 0.5) / 20, "a": [4, *[0] * 16, 1, 0, 5], "b": [0] * 10 + [10] + [0] * 9}
    for pruner, share in (("smallify", 16 / 20), ("mask", 16 / 20), ("variational-static", 5 / 20)):
        assert modules.runs.own_dropped(rates, CompressConfig(pruner=pruner)) == pytest.approx(share)
    layers = json.loads(json.dumps({"a": rates["a"], "b": rates["b"]}))
    assert undecided(layers) == pytest.approx(11 / 20)


def test_settings_and_their_text_are_the_same_thing(modules):
    given = {"network": "neurcomp", "pruner": "none", "training.passes": 80.0, "fvsrn.grid": (8, 9, 10)}
    text = modules.runs.settings_text({**given, "quantise.method": "uniform", "target.ratio": 1e9 / 3})
    assert "quantise.method" not in text and "training.passes=80 " in text + " " and "network=neurcomp" in text
    config = modules.runs.config_of(text)
    assert config.fvsrn.grid == (8, 9, 10) and config.target.ratio == 1e9 / 3
    assert modules.runs.settings_text({"seed": 0, **given}) == modules.runs.settings_text({**given, "device": "cpu"})


def test_what_cannot_be_run_is_refused(modules, tmp_path, capsys):
    run = modules.run.main
    assert run(["pruning", "--budget", "cpu", "--out", str(tmp_path / "a")]) == 2
    assert "needs --volumes" in capsys.readouterr().err
    assert run(["pruning", "--volumes", str(tmp_path / "absent.npy"), "--out", str(tmp_path / "a")]) == 2
    np.save(tmp_path / "vector.npy", np.zeros((4, 4, 4, 3), np.float32))
    assert run(["pruning", "--volumes", str(tmp_path / "vector.npy"), "--out", str(tmp_path / "a")]) == 2
    assert "3 components" in capsys.readouterr().err
    assert run(["pruning", "--budget", "tiny", "--seeds", "0", "--out", str(tmp_path / "a")]) == 2
    assert run(["pruning", "--plot-only", "--out", str(tmp_path / "a")]) == 2
    assert not (tmp_path / "a").exists()
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    assert run(["pruning", "--budget", "tiny", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "runs.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.slow
def test_all_experiments_for_real(modules, tmp_path, capsys):
    assert modules.run.main(["all", "--budget", "tiny", "--device", "cpu", "--out", str(tmp_path)]) == 0, (
        capsys.readouterr().err
    )
    for name in NAMES:
        rows = read_rows(tmp_path / f"{name}.csv")
        assert all(5 < float(row["psnr"]) < 200 for row in rows)
        for row in rows:
            if row.get("storage") == "quantised" or name == "bits":
                assert float(row["ratio"]) >= float(row["ratio_asked"])
            else:
                assert float(row["parameter_ratio"]) >= float(row["ratio_asked"])
        assert picture(tmp_path / f"{name}.png")[2] > 10_000
