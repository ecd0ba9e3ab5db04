"""The scripts of examples/ do in ParaView, small, what they say."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from in_paraview import ERRORS, PLUGIN, ROOT, START, environment, executable

import srn_core
from srn_core.io import write_volume

EXAMPLES = ROOT / "examples"


def field(step: float = 0.0) -> srn_core.Volume:
    z, y, x = np.meshgrid(*[np.linspace(0, 4, n) for n in (14, 15, 16)], indexing="ij")
    return srn_core.Volume.from_array((np.sin(x + y + step) * np.cos(z) + 0.2 * x).astype(np.float32), "density")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three steps of a field, in run/."""
    (tmp_path / "run").mkdir()
    for step in range(3):
        write_volume(tmp_path / "run" / f"step_{step}.vti", field(step / 4))
    return tmp_path


def example(
    name: str,
    *arguments: str,
    cwd: Path,
    program: str = "pvpython",
    ranks: int = 1,
    code: int = 0,
    errors: bool = False,
) -> str:
    """What an example says, in the environment that ``srn pvpython`` makes; VTK errors fail unless ``errors``."""
    command = [executable(program), str(EXAMPLES / name), *arguments]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START)),
        timeout=420,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert errors or not ERRORS.search(done.stderr), done.stderr
    return done.stdout + done.stderr


def test_one_volume(folder: Path) -> None:
    arguments = ("run/step_0.vti", "a.srn", "--array", "density", "--max-error", "1%", "--preset", "fast")
    said = example("compress_one.py", *arguments, "--onnx", "a.onnx", cwd=folder)
    assert "Largest error: " in said and "PSNR: " in said
    decoded = srn_core.load(folder / "a.srn").decode().values
    assert np.abs(decoded - field().values).max() <= 0.01 * np.ptp(field().values)
    assert (folder / "a.onnx").stat().st_size > 0


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_folder_goes_on_where_one_volume_fails(folder: Path, ranks: int) -> None:
    if ranks > 1 and shutil.which("mpirun") is None:
        pytest.skip("no mpirun here")
    write_volume(folder / "run" / "step_1.vti", srn_core.Volume.from_array(np.full((4, 4, 4), np.nan, np.float32), "a"))
    shutil.copy(folder / "run" / "step_0.vti", folder / "small.vti")
    (folder / "out").mkdir()
    (folder / "out" / "step_0.srn").write_bytes(b"of an earlier run")
    arguments = ("run", "out", "--psnr", "40", "--preset", "fast")
    said = example("compress_folder.py", *arguments, cwd=folder, program="pvbatch", ranks=ranks, code=1, errors=True)
    assert "step_0.vti: is there already" in said and "step_1.vti: failed: " in said
    assert (folder / "out" / "step_0.srn").read_bytes() == b"of an earlier run"
    assert sorted(path.name for path in (folder / "out").glob("*.srn")) == ["step_0.srn", "step_2.srn"]
    with open(folder / "out" / "report.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["file"] == "step_2.srn" and int(row["bytes"]) == (folder / "out" / "step_2.srn").stat().st_size
    quality = srn_core.evaluate(folder / "out" / "step_2.srn", field(0.5))
    assert quality.psnr >= 40 and float(row["psnr"]) == pytest.approx(quality.psnr, abs=0.01)


def test_a_time_series(folder: Path) -> None:
    files = [f"run/step_{step}.vti" for step in range(3)]
    said = example("compress_series.py", "all.srn", *files, "--psnr", "40", "--preset", "fast", cwd=folder)
    assert "3 steps" in said and "step 2 of 3" in said
    file = srn_core.load(folder / "all.srn")
    assert [one.time for one in file.fields] == [0.0, 1.0, 2.0]
    for step, one in enumerate(file.fields):
        decoded = file.decode(array=one).values
        original = field(step / 4).values
        assert 20 * np.log10(np.ptp(original) / np.sqrt(((decoded - original) ** 2).mean())) >= 40


def test_a_sweep(folder: Path) -> None:
    arguments = ("run/step_0.vti", "sweep", "--ratios", "4", "8", "--presets", "fast", "--set", "seed=3")
    said = example("sweep.py", *arguments, "--set", "fvsrn.layers=2", cwd=folder, errors=True)
    rows = json.loads((folder / "sweep" / "sweep.json").read_text(encoding="utf-8"))
    assert [(row["asked"], row["set"]) for row in rows] == [
        (ratio, more) for ratio in (4.0, 8.0) for more in ("seed=3", "fvsrn.layers=2")
    ]
    for row in rows:
        if row["set"] == "seed=3":
            assert row["bytes"] == (folder / "sweep" / f"{row['number']}.srn").stat().st_size
            assert row["ratio"] >= row["asked"]
        else:
            assert "belongs to a trained network" in row["refused"]
    assert rows[0]["psnr"] > rows[2]["psnr"] and rows[0]["unbeaten"] and rows[2]["unbeaten"]
    assert said.count("refused") == 2


def test_a_simulation_keeps_neural_files_alone(folder: Path) -> None:
    arguments = ("out", "--size", "16", "--steps", "40", "--every", "20", "--psnr", "40")
    said = example("insitu/gray_scott.py", *arguments, cwd=folder, program="pvbatch")
    assert sorted(os.listdir(folder / "out")) == ["step_00020.srn", "step_00040.srn"]
    files = [srn_core.load(folder / "out" / f"step_000{step}.srn") for step in (20, 40)]
    assert [file.field().time for file in files] == [16.0, 32.0]
    assert all(file.field().quality.psnr >= 40 and file.field().name == "v" for file in files)
    assert np.abs(files[0].decode().values - files[1].decode().values).max() > 0.01, "the field went on"
    assert " : 1 over the run" in said


def test_without_the_plugin_they_say_how_to_start_them(tmp_path: Path) -> None:
    script = "\n".join(
        f"import runpy, sys\nsys.argv = ['x', 'a', 'b']\n"
        f"try: runpy.run_path({str(EXAMPLES / name)!r}, run_name='__main__')\n"
        f"except SystemExit as end: print(end)"
        for name in ("compress_one.py", "compress_folder.py", "compress_series.py", "sweep.py")
    )
    (tmp_path / "all.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [executable("pvpython"), "all.py"], cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=420
    )
    assert done.stdout.count("the plugin is not loaded; start this script with `srn pv") == 4, done.stdout + done.stderr
