"""The command line as a user meets it: real processes, real files."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from srn_core.config import NETWORKS, PRUNERS, setting_names
from srn_core.io import read_volume, write_volume
from srn_core.volume import Geometry, Volume

ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "filters"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}


def srn(*arguments: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``srn``, in a process where ``before`` has been executed."""
    code = f"{before}\nimport sys\nfrom srn_core.cli import main\nsys.exit(main({[str(a) for a in arguments]!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)


def field() -> Volume:
    z, y, x = np.mgrid[:10, :12, :14].astype(np.float32)
    geometry = Geometry((14, 12, 10), (1.0, 2.0, 3.0), (0.5, 0.25, 2.0))
    return Volume(np.sin(x / 4) * np.cos(y / 5) + z / 10, geometry, "pressure")


TRAINED = ("--pruner", "smallify", "--set", "training.batch=512")


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with a volume, the neural file of a network that was trained, its report and history."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("cli")
    write_volume(folder / "a.vti", field())
    done = srn(
        *("compress", folder / "a.vti", folder / "a.srn", "--ratio", 3, "--passes", 2, *TRAINED),
        *("--history", folder / "a.csv", "--drop-rates", folder / "rates.csv", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress bar where nobody looks"
    (folder / "report.json").write_text(done.stdout)
    return folder


def test_compress_reports_the_file_as_it_is(work):
    report = json.loads((work / "report.json").read_text())
    assert report["bytes"] == (work / "a.srn").stat().st_size
    assert report["ratio"] == pytest.approx(field().values.nbytes / report["bytes"])
    assert report["ratio"] >= 3
    with open(work / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"pass", "seconds", "phase", "loss", "psnr", "kept_fraction"} <= set(rows[0])


def test_histogram_of_the_drop_rates_counts_every_entry(work):
    with open(work / "rates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row.pop("drop_rate")) for row in rows] == pytest.approx(np.arange(0.025, 1, 0.05))
    (found,) = json.loads(srn("info", work / "a.srn", "--json").stdout)["fields"]
    nx, ny, nz = found["network"]["grid"]
    assert rows[0] and all(float(n) >= 0 for row in rows for n in row.values())
    assert sum(float(n) for row in rows for n in row.values()) >= nx * ny * nz


def test_table_tells_what_the_pruner_left_and_a_start_spares_training(work, tmp_path):
    passes = (*TRAINED, "--passes", 1, "--ratio", 3)
    fresh = srn("compress", work / "a.vti", tmp_path / "b.srn", *passes, "--json")
    more = srn("compress", work / "a.vti", tmp_path / "c.srn", *passes, "--start", work / "a.srn", "--json")
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["psnr"] > json.loads(fresh.stdout)["psnr"]
    table = srn("compress", work / "a.vti", tmp_path / "d.srn", *passes, "--pruner", "mask")
    assert table.returncode == 0, table.stderr
    assert re.search(r"pruner +mask, [0-9.]+ % kept", table.stdout)


def test_the_default_is_an_fvsrn_by_rate(work, tmp_path):
    done = srn("compress", work / "a.vti", tmp_path / "b.srn", "--ratio", 3, "--passes", 0, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["network"], report["pruner"], report["train_seconds"]) == ("fvsrn", "rate", 0.0)
    assert report["psnr"] > json.loads((work / "report.json").read_text())["psnr"] + 10
    (found,) = json.loads(srn("info", tmp_path / "b.srn", "--json").stdout)["fields"]
    assert found["provenance"]["settings"] == {"target": {"ratio": 3.0}, "training": {"passes": 0.0}}
    told = srn("compress", work / "a.vti", tmp_path / "c.srn", "--psnr", 40, "--passes", 0)
    assert re.search(r"pruner +rate, [0-9.]+ % kept", told.stdout) and "PSNR 40 dB" in told.stdout


def test_network_auto_tells_what_it_tried(work, tmp_path):
    quick = ("--passes", 1, "--set", "training.batch=512", "--set", "neurcomp.blocks=1", "--set", "predictor=none")
    done = srn("compress", work / "a.vti", tmp_path / "b.srn", "--network", "auto", "--ratio", 3, *quick)
    assert done.returncode == 0, done.stderr
    assert re.search(r"tried +fvsrn [0-9.]+ dB, neurcomp [0-9.]+ dB", done.stdout)


def test_help_says_what_each_network_and_pruner_does():
    said = srn("compress", "--help").stdout
    for name in (*NETWORKS, *PRUNERS):
        assert re.search(rf"^  {name} +\w", said, re.M), name
    assert "--start step1.srn" in said


def test_every_setting_is_documented():
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("properties.md", "command-line.md"))
    assert [name for name in setting_names() if f"`{name}`" not in text] == []


def test_evaluate_finds_what_compress_promised(work):
    report = json.loads((work / "report.json").read_text())
    done = srn("evaluate", work / "a.srn", work / "a.vti", "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    for figure in ("psnr", "rmse", "max_error", "ssim"):
        assert measured[figure] == pytest.approx(report[figure], rel=1e-5)
    table = srn("evaluate", work / "a.srn", work / "a.vti")
    assert f"{report['psnr']:.2f} dB" in table.stdout


def test_info_tells_what_there_is(work):
    told = json.loads(srn("info", work / "a.srn", "--json").stdout)
    assert told["bytes"] == sum(section["packed"] for section in told["sections"])
    (found,) = told["fields"]
    assert found["array"] == "pressure"
    assert found["geometry"]["dims"] == [14, 12, 10]
    assert found["geometry"]["spacing"] == [0.5, 0.25, 2.0]
    table = srn("info", work / "a.srn")
    assert table.returncode == 0, table.stderr
    for words in ("14 x 12 x 10 point samples", "fvsrn", "0.5 0.25 2", "parameter ratio", "PSNR", "sections"):
        assert words in table.stdout


def test_decompress_on_the_original_grid_and_others(work, tmp_path):
    original = field()
    assert srn("decompress", work / "a.srn", tmp_path / "b.vti").returncode == 0
    back = read_volume(tmp_path / "b.vti")
    assert (back.geometry, back.name, back.values.dtype) == (original.geometry, "pressure", np.float32)

    assert srn("decompress", work / "a.srn", tmp_path / "c.npy", "--dims", 5, 6, 7).returncode == 0
    assert read_volume(tmp_path / "c.npy").geometry.dims == (5, 6, 7)

    region = ("--region", 2, 9, 1, 4, 0, 0)
    assert srn("decompress", work / "a.srn", tmp_path / "d.vti", *region, "--quiet").stdout == ""
    part = read_volume(tmp_path / "d.vti")
    assert part.geometry.extent == (2, 9, 1, 4, 0, 0)
    assert np.allclose(part.values, back.values[:1, 1:5, 2:10], atol=1e-5)

    assert srn("decompress", work / "a.srn", tmp_path / "e.vti", "--scale", 2).returncode == 0
    assert read_volume(tmp_path / "e.vti").geometry.dims == (28, 24, 20)


def test_export_writes_a_model(work, tmp_path):
    onnx = pytest.importorskip("onnx")
    assert srn("export", work / "a.srn", tmp_path / "a.onnx").returncode == 0
    onnx.checker.check_model(onnx.load(str(tmp_path / "a.onnx")))
    plain = srn("export", work / "a.srn", tmp_path / "plain.onnx", "--plain")
    assert srn("export", work / "a.srn", tmp_path / "small.onnx", "--small").returncode == 0
    operators = [
        {node.op_type for node in onnx.load(str(tmp_path / f"{n}.onnx")).graph.node} for n in ("small", "plain")
    ]
    assert "Einsum" in operators[0] - operators[1]
    assert "the neural file: " in plain.stdout
    assert srn("export", work / "a.srn", tmp_path / "b.onnx", "--plain", "--small").returncode == 2


def test_settings_of_a_file_come_under_those_of_the_command_line(work, tmp_path):
    config = {"target": {"bytes": 5000}, "training": {"passes": 1.0, "batch": 512}, "fvsrn": {"features": 2}}
    config["pruner"] = "none"
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = srn("compress", work / "a.vti", tmp_path / "b.srn", "--config", tmp_path / "config.json", "--ratio", 3)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(srn("info", tmp_path / "b.srn", "--json").stdout)["fields"]
    assert found["network"]["features"] == 2
    assert found["provenance"]["settings"]["target"] == {"ratio": 3.0}


def test_raw_files_with_dims_and_dtype(work, tmp_path):
    field().values.tofile(tmp_path / "a.raw")
    raw = (tmp_path / "a.raw", "--dims", 14, 12, 10, "--dtype", "float32")
    out = tmp_path / "a.srn"
    done = srn("compress", raw[0], out, *raw[1:], "--ratio", 3, "--passes", 0, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert srn("evaluate", out, *raw).returncode == 0


HEAVY = ["torch", "sklearn", "skimage", "matplotlib", "vtk", "vtkmodules", "pywt", "scipy"]
HEAVY += ["h5py", "netCDF4", "zarr", "SimpleITK", "nrrd"]
BLOCK = f"import sys\nfor name in {HEAVY!r}: sys.modules[name] = None\n"


@pytest.mark.parametrize(
    "arguments", [["info", "--help"], ["decompress", "--help"], ["compress", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments):
    unwanted = [*HEAVY, "onnx", "onnxruntime", "zstandard", "tqdm"]
    code = (
        "import sys\nfrom srn_core.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        f"print('loaded:', sorted(set({unwanted!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.rstrip().endswith("loaded: []")


def test_the_way_back_needs_nothing_of_the_way_there(work, tmp_path):
    for arguments in (
        ("info", work / "a.srn"),
        ("decompress", work / "a.srn", tmp_path / "a.vti"),
        ("evaluate", work / "a.srn", work / "a.vti"),
        ("export", work / "a.srn", tmp_path / "a.onnx"),
    ):
        done = srn(*arguments, before=BLOCK)
        assert done.returncode == 0, done.stderr


def test_compressing_without_torch_needs_the_default(work, tmp_path):
    done = srn("compress", work / "a.vti", tmp_path / "c.srn", before=BLOCK)
    assert done.returncode == 0, done.stderr
    assert srn("evaluate", tmp_path / "c.srn", work / "a.vti", before=BLOCK).returncode == 0


def test_training_without_torch_says_what_to_install(work, tmp_path):
    done = srn("compress", work / "a.vti", tmp_path / "b.srn", "--pruner", "mask", before=BLOCK)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'paraview-srn[train]'" in done.stderr
    assert not (tmp_path / "b.srn").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["squeeze"], "invalid choice"),
        (["compress", "none.vti", "b.srn"], "'none.vti' does not exist"),
        (["compress", "a.vti", "b.vti"], "must end in .srn"),
        (["compress", "a.vti", "none/b.srn"], "does not exist"),
        (["compress", "a.vti", "b.srn", "--array", "speed"], "it has: pressure"),
        (["compress", "a.vti", "b.srn", "--ratio", "-3"], "more than 0"),
        (["compress", "a.vti", "b.srn", "--ratio", "many"], "must be a number"),
        (["compress", "a.vti", "b.srn", "--ratio", "9", "--bytes", "9"], "not allowed with"),
        (["compress", "a.vti", "b.srn", "--ratio", "1e12"], ""),
        (["compress", "a.vti", "b.srn", "--passes", "nan"], "must be a number"),
        (["compress", "a.vti", "b.srn", "--network", "cnn"], "invalid choice"),
        (["compress", "a.vti", "b.srn", "--set", "fvsrn.magic=1"], "unknown setting"),
        (["compress", "a.vti", "b.srn", "--set", "magic"], "name=value"),
        (["compress", "a.vti", "b.srn", "--config", "none.json"], "cannot read the settings"),
        (["compress", "a.vti", "b.srn", "--config", "a.vti"], "not JSON"),
        (["compress", "a.vti", "b.srn", "--history", "h.txt"], "must end in .csv"),
        (["compress", "a.vti", "b.srn", "--drop-rates", "h.txt"], "must end in .csv"),
        (["compress", "a.vti", "b.srn", "--history", "h.csv", "--drop-rates", "./h.csv"], "two names"),
        (["compress", "a.vti", "b.srn", "--pruner", "none", "--drop-rates", "h.csv"], "learns no drop rates"),
        (["compress", "a.vti", "b.srn", "--drop-rates", "h.csv"], "learns no drop rates; choose another --pruner"),
        (["compress", "a.vti", "b.srn", "--pruner", "magic"], "invalid choice"),
        (["compress", "a.vti", "b.srn", "--set", "pruning.layers=0.5"], "pruning.thresholds=fixed"),
        (["compress", "a.vti", "b.srn", "--pruner", "none", "--start", "none.srn"], "none.srn"),
        (["compress", "a.vti", "b.srn", "--start", "a.srn"], "training.start belongs to a trained network"),
        (["compress", "none.vti", "b.srn", "--set", "fvsrn.grid=8,8,8"], "fvsrn.grid belongs to a trained network"),
        (["compress", "a.vti", "b.srn", "--network", "auto", "--pruner", "mask"], "leave pruner out"),
        (["compress", "a.vti", "b.srn", "--pruner", "mask", "--passes", "0"], "training.passes=0 is no training"),
        (["compress", "a.vti", "b.srn", "--start", "a.srn", "--network", "neurcomp"], "network=fvsrn"),
        (["compress", "a.vti", "b.srn", "--seed", "-1"], "seed"),
        (["info", "none.srn"], "none.srn"),
        (["info", "a.vti"], "not an SRN file"),
        (["info", "."], "folder"),
        (["evaluate", "a.srn", "other.npy"], ""),
        (["decompress", "a.srn", "b.xyz"], "ending must be one of"),
        (["decompress", "a.srn", "b.vti", "--scale", "-1"], "scale"),
        (["decompress", "a.srn", "b.vti", "--dims", "0", "1", "1"], "dims"),
        (["decompress", "a.srn", "b.vti", "--dims", "1", "1", "1", "--scale", "2"], "not allowed with"),
        (["decompress", "a.srn", "b.vti", "--region", "0", "99", "0", "1", "0", "1"], "region"),
        (["decompress", "a.srn", "b.vti", "--array", "speed"], "no array 'speed'"),
        (["decompress", "a.srn", "none/b.vti"], "does not exist"),
        (["export", "a.srn", "b.txt"], "must end in .onnx"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(work, tmp_path, monkeypatch, capsys, arguments, words):
    from srn_core.cli import main

    for name in ("a.vti", "a.srn"):
        (tmp_path / name).write_bytes((work / name).read_bytes())
    np.save(tmp_path / "other.npy", np.zeros((2, 2, 2)))
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    try:
        code = main(arguments)
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("srn: error: ")
    assert said.err.count("\n") == 1
    assert words in said.err
    assert sorted(os.listdir()) == before


def start_compressing(folder: Path, out: Path, pause: int = 0) -> subprocess.Popen[str]:
    """A compression that would take hours, once its training has begun; it pauses before it packs."""
    code = (
        "import sys\nfrom srn_core.cli import bar, main\n"
        "show = bar.Bar.__call__\n"
        "import time\n"
        "def told(self, report):\n"
        "    print(report.phase, flush=True)\n"
        f"    time.sleep({pause} if report.phase in ('packing', 'measuring') else 0)\n"
        "    return show(self, report)\n"
        "bar.Bar.__call__ = told\n"
        f"sys.exit(main(['compress', {str(folder / 'a.vti')!r}, {str(out)!r}, '--ratio', '3', '--pruner', 'smallify', "
        "'--seconds', '36000']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("pruning"):
        assert process.poll() is None
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_one_ctrl_c_keeps_the_best_so_far(work, tmp_path):
    process = start_compressing(work, tmp_path / "b.srn")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "best network so far" in errors
    assert srn("evaluate", tmp_path / "b.srn", work / "a.vti").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_two_leave_nothing_and_an_old_file_as_it_was(work, tmp_path):
    (tmp_path / "b.srn").write_bytes(b"old")
    process = start_compressing(work, tmp_path / "b.srn", pause=600)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    while process.stdout.readline().strip() not in ("packing", "measuring"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "nothing was written" in errors
    assert "Traceback" not in errors
    assert os.listdir(tmp_path) == ["b.srn"]
    assert (tmp_path / "b.srn").read_bytes() == b"old"
