"""Time steps on the command line: many files into one, a file for each, all steps of an array, and back."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srn_core
from srn_core.cli import main
from srn_core.cli.bar import Bar
from srn_core.cli.steps import expanded
from srn_core.io import read_volume, write_volume
from srn_core.progress import Progress
from srn_core.volume import Geometry, Volume

QUICK = ("--passes", "0", "--ratio", "4")


def step(number: int) -> Volume:
    z, y, x = np.mgrid[:6, :8, :10].astype(np.float32)
    return Volume(np.sin(x / 4 + number / 3) * np.cos(y / 5) + z / 10, Geometry((10, 8, 6)), "pressure")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the steps 2, 10 and 11, and one file of them."""
    folder = tmp_path_factory.mktemp("series")
    for number in (2, 10, 11):
        write_volume(folder / f"step_{number}.vti", step(number))
    given = [str(folder / "step_*.vti"), str(folder / "all.srn")]
    assert main(["compress", *given, "--times=-1,0.5,7", *QUICK, "--quiet"]) == 0
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What a command prints as JSON."""
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_pattern_is_one_file_in_the_order_of_the_numbers(series, capsys):
    file = srn_core.load(series / "all.srn")
    assert file.times == [-1.0, 0.5, 7.0]
    for time, number in zip(file.times, (2, 10, 11)):
        assert np.abs(file.decode(time=time).values - step(number).values).max() < 0.1
    assert 3 * step(2).nbytes / file.nbytes >= 4
    report = told(capsys, "info", series / "all.srn")
    assert report["times"] == file.times and len(report["fields"]) == 3
    (only,) = told(capsys, "info", series / "all.srn", "--time", 6)["fields"]
    assert only["time"] == 7.0
    assert main(["info", str(series / "all.srn")]) == 0
    table = capsys.readouterr().out
    assert "3, from -1 to 7" in table and re.search(r"pressure at 0.5 +[0-9]+ bytes, [0-9.]+ dB", table)


def test_names_in_a_shells_order_are_taken_so_and_remarked_on(series, capsys):
    names = [str(series / f"step_{number}.vti") for number in (10, 11, 2)]
    assert expanded(names) == names
    assert "put the pattern in quotes" in capsys.readouterr().err
    assert expanded([names[2], *names[:2]]) == [names[2], *names[:2]]
    assert capsys.readouterr().err == ""


def test_the_output_may_stand_after_the_options(series, tmp_path, capsys):
    names = [str(series / f"step_{number}.vti") for number in (2, 10)]
    report = told(capsys, "compress", *names, *QUICK, tmp_path / "two.srn")
    assert [s["time"] for s in report["time_steps"]] == [0.0, 1.0] == srn_core.load(tmp_path / "two.srn").times
    assert report["bytes"] == (tmp_path / "two.srn").stat().st_size
    assert report["psnr"] == min(s["psnr"] for s in report["time_steps"])


def test_each_step_into_a_file_of_its_own(series, tmp_path, capsys):
    report = told(capsys, "compress", series / "step_*.vti", tmp_path / "small", "--each", *QUICK)
    assert sorted(os.listdir(tmp_path / "small")) == ["step_10.srn", "step_11.srn", "step_2.srn"]
    assert [Path(s["out"]).name for s in report["time_steps"]] == ["step_2.srn", "step_10.srn", "step_11.srn"]
    assert report["bytes"] == sum(path.stat().st_size for path in (tmp_path / "small").iterdir())
    assert report["ratio"] == pytest.approx(3 * step(2).nbytes / report["bytes"]) and report["ratio"] >= 4
    assert srn_core.load(tmp_path / "small" / "step_10.srn").times == [1.0]


def test_evaluate_meets_each_step_at_its_time(series, tmp_path, capsys):
    report = told(capsys, "evaluate", series / "all.srn", series / "step_*.vti")
    stored = [field.quality for field in srn_core.load(series / "all.srn").fields]
    assert [s["psnr"] for s in report["time_steps"]] == pytest.approx([quality.psnr for quality in stored], rel=1e-5)
    one = told(capsys, "evaluate", series / "all.srn", series / "step_10.vti", "--time", 0.5)
    assert one["psnr"] == report["time_steps"][1]["psnr"] and one["time"] == 0.5


def test_steps_come_back_each_in_a_file(series, tmp_path):
    assert main(["decompress", str(series / "all.srn"), str(tmp_path / "back.vti"), "--each", "--quiet"]) == 0
    assert [read_volume(tmp_path / f"back_{n}.vti").time for n in range(3)] == [-1.0, 0.5, 7.0]
    assert main(["decompress", str(series / "all.srn"), str(tmp_path / "one.npy"), "--time", "0.4", "--quiet"]) == 0
    found = srn_core.load(series / "all.srn").decode(time=0.5).values
    assert np.array_equal(read_volume(tmp_path / "one.npy").values, found)


@pytest.mark.parametrize("ending", ["nc", "h5"])
def test_all_steps_of_an_array(tmp_path, capsys, ending):
    values = np.stack([step(number).values for number in range(3)])
    path = tmp_path / f"flow.{ending}"
    if ending == "nc":
        with pytest.importorskip("netCDF4").Dataset(path, "w") as file:
            for name, size in zip(("time", "z", "y", "x"), values.shape):
                file.createDimension(name, size)
            file.createVariable("time", "f8", ("time",))[:] = [0, 6, 12]
            file.createVariable("wind", "f4", ("time", "z", "y", "x"))[:] = values
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            data = file.create_dataset("wind", data=values)
            for axis, name in enumerate(("time", "z", "y", "x")):
                data.dims[axis].label = name
    report = told(capsys, "compress", path, tmp_path / "flow.srn", "--step", "all", *QUICK)
    assert [s["time"] for s in report["time_steps"]] == ([0.0, 6.0, 12.0] if ending == "nc" else [0.0, 1.0, 2.0])
    last = srn_core.load(tmp_path / "flow.srn").decode(time=12).values
    assert np.abs(last - values[2]).max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compress", "all.srn"], "the only file that is named"),
        (["compress", "none_*.vti", "b.srn"], "no file matches 'none_*.vti'"),
        (["compress", "step_2.vti", "none.vti", "b.srn"], "'none.vti' does not exist"),
        (["compress", "step_2.vti", "step_10.vti", "b.srn", "--times", "1,x"], "not 'x'"),
        (["compress", "step_2.vti", "step_10.vti", "b.srn", "--times", "1"], "1 times for 2 time steps"),
        (["compress", "step_2.vti", "b.srn", "--step", "some"], "must be a whole number, or all"),
        (["compress", "step_2.vti", "b.srn", "--each"], "name of a folder"),
        (["compress", "step_2.vti", "step_10.vti", "--each"], "is no folder"),
        (["compress", "step_2.vti", "none/small", "--each"], "does not exist"),
        (["compress", "step_2.vti", "./step_2.vti", "small", "--each"], "two inputs are called 'step_2'"),
        (["compress", "step_2.vti", "small", "--each", "--history", "h.csv"], "leave them out with --each"),
        (["compress", "step_2.vti", "b.srn", "--quick", "more"], "unrecognized arguments: --quick more"),
        (["info", "all.srn", "more.srn"], "unrecognized arguments: more.srn"),
        (["evaluate", "all.srn", "step_2.vti"], "does not know its own time"),
        (["evaluate", "all.srn", "step_2.vti", "step_10.vti"], "3 time steps, and there are 2 originals"),
        (["evaluate", "all.srn", "step_2.vti", "step_10.vti", "--time", "0"], "give one original with it"),
        (["decompress", "all.srn", "b.vti", "--each", "--time", "1"], "not allowed with"),
        (["search", "step_2.vti", "--step", "all", "--out", "found"], "--step all stands for several volumes"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(series, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(series)
    before = sorted(os.listdir())
    try:
        code = main(arguments)
    except SystemExit as leaving:
        code = leaving.code  # type: ignore[assignment]
    said = capsys.readouterr()
    assert code == 2 and said.out == ""
    assert said.err.startswith("srn: error: ") and said.err.count("\n") == 1
    assert words in said.err
    assert sorted(os.listdir()) == before


def test_steps_before_a_bad_one_are_kept(series, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_volume("other.vti", Volume.from_array(np.zeros((2, 2, 2), np.float32), "heat"))
    good = str(series / "step_2.vti")
    assert main(["compress", good, "other.vti", "b.srn", "--array", "pressure", *QUICK]) == 2
    said = capsys.readouterr().err
    assert "step 2: " in said and "no array 'pressure'" in said and "b.unfinished.srn" in said
    assert sorted(os.listdir()) == ["b.unfinished.srn", "other.vti"]
    assert srn_core.load("b.unfinished.srn").times == [0.0]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
@pytest.mark.parametrize("each", [(), ("--each",)])
def test_ctrl_c_keeps_the_steps_that_are_done(series, tmp_path, monkeypatch, capsys, each):
    def interrupted(self: Bar, report: Progress) -> None:
        if report.phase.startswith("step 3") and not asked:
            asked.append(True)
            signal.raise_signal(signal.SIGINT)

    asked: list[bool] = []
    monkeypatch.setattr(Bar, "__call__", interrupted)
    out = tmp_path / ("small" if each else "all.srn")
    assert main(["compress", str(series / "step_*.vti"), str(out), *each, *QUICK]) == 130
    assert " of 3 time steps" in capsys.readouterr().err
    files = sorted(out.iterdir()) if each else [out]
    times = sorted(time for path in files for time in srn_core.load(path).times)
    assert times in ([0.0, 1.0], [0.0, 1.0, 2.0])
