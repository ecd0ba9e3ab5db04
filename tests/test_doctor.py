"""The doctor against programs made for the purpose, and against this machine's own ParaView."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess

import pytest
from stand_in import ANSWER, StandIn

from srn_core import doctor
from srn_core.cli import main
from srn_core.paraviews import find
from srn_core.paraviews.packages import Packages

posix = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


def test_lines_to_load_quote_and_mend(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    old = {"version": "5.11.0", "python": "3.11.2", "pvpython": "/my apps/pvpython", "gui": "/my apps/paraview"}
    packages = Packages("/my site", "/my plugins/NeuralCompress.py", "/my start")
    lines = doctor.loading(packages, old)
    assert lines["gui"] == "PYTHONPATH='/my start' SRN_SITE_PACKAGES='/my site' '/my apps/paraview'"
    assert lines["environment"].endswith("PV_PLUGIN_PATH='/my plugins' '/my apps/paraview'")
    assert "/my plugins/NeuralCompress.py" in lines["menu"]
    new = doctor.loading(packages, {**old, "version": "6.0.0"})
    assert "PYTHONPATH" not in new["gui"]
    assert doctor.loading(Packages("/my site", None, None), None) == {}


def healthy() -> dict:
    return {
        "python": {"version": platform.python_version()},
        "packages": {
            "decode": {"numpy": "1.24.2", "onnx": "1", "onnxruntime": "1", "onnxruntime-gpu": None, "zstandard": "1"}
        },
        "torch": {"version": "2", "cuda": []},
        "onnxruntime": {"version": "1", "providers": ["CPUExecutionProvider"]},
        "paraview": [{"pvpython": "pvpython", **ANSWER, "python": platform.python_version()}],
        "plugin": "NeuralCompress.py",
    }


def test_nothing_is_wrong_with_a_healthy_machine():
    assert doctor.problems(healthy()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["packages"]["decode"].update({"onnxruntime-gpu": "1"}), "both installed"),
        (lambda r: r["packages"]["decode"].update({"zstandard": None}), "zstandard missing"),
        (lambda r: r.update(onnxruntime={"error": "x"}), "Decoding does not work"),
        (lambda r: r.update(torch={"error": "x"}), "paraview-srn[train]"),
        (lambda r: r["torch"].update(cuda=["H100"]), "onnxruntime-gpu is not installed"),
        (lambda r: r.update(paraview=[]), "PVPYTHON"),
        (lambda r: r.update(paraview=[{"pvpython": "pv", "error": "broken"}]), "pv: broken"),
        (lambda r: r["paraview"][0].update(python="3.8.1"), "~/srn-3.8"),
        (lambda r: r["paraview"][0].update(numpy="2.1.0"), "numpy==2.1.0"),
        (lambda r: r.update(plugin=None), "plugin file is missing"),
    ],
)
def test_each_trouble_is_told_with_what_to_do(change, words):
    report = healthy()
    change(report)
    (problem,) = doctor.problems(report)
    assert words in problem


@posix
def test_the_command_prints_a_table_and_json(tmp_path, monkeypatch, capsys):
    paraview = StandIn(tmp_path / "bin", ANSWER)
    monkeypatch.setenv("PVPYTHON", paraview.pvpython)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(find, "INSTALLED_AT", ())
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["paraview"][0]["version"] == "5.11.0"
    assert main(["doctor"]) == 0
    table = capsys.readouterr().out
    assert "5.11.0, Python 3.11.2, NumPy 1.24.2" in table
    assert report["load"]["environment"] in table


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pvpython") is None, reason="needs ParaView")
def test_the_printed_line_loads_the_plugin_in_the_paraview_found():
    report = doctor.examine()
    line = report["load"]["pvpython"]
    assert line.endswith("ns=globals())'")
    line = line[:-1] + "; print(*globals())'"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "NeuralCompress" in done.stdout.split()
