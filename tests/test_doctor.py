"""The doctor against programs made for the purpose, and against this machine's own ParaView."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from srn_core import doctor
from srn_core.cli import main

ANSWER = {"python": "3.11.2", "numpy": "1.24.2", "version": "5.11.0"}


@pytest.fixture
def program(tmp_path):
    """Make an executable that stands in the place of pvpython."""

    def made(script: str, folder: str = "bin") -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "pvpython"
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)
        return str(path)

    return made


posix = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@posix
def test_a_paraview_that_answers(program):
    path = program(f"echo noise; echo 'srn-doctor{json.dumps(ANSWER)}'")
    assert doctor.ask_paraview(path) == {"pvpython": path, "gui": None, **ANSWER}


@posix
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'no display' >&2; exit 3", "exit code 3 and said: no display"),
        ("exec sleep 60", "did not answer"),
        ("true", "said: nothing"),
    ],
)
def test_a_paraview_that_does_not(program, script, words):
    assert words in doctor.ask_paraview(program(script), timeout=2.0)["error"]


def test_a_paraview_that_is_not_there(tmp_path):
    assert "cannot be started" in doctor.ask_paraview(str(tmp_path / "pvpython"))["error"]


@posix
def test_the_one_that_is_named_comes_first_and_none_twice(program, monkeypatch):
    named, other = program("true", "a"), program("true", "b")
    monkeypatch.setenv("PVPYTHON", named)
    monkeypatch.setenv("PATH", os.path.dirname(other))
    monkeypatch.setattr(doctor, "INSTALLED_AT", (os.path.join(os.path.dirname(other), "pv*"),))
    assert doctor.find_pvpython() == [named, other]


@pytest.mark.parametrize(
    ("version", "python", "needed"),
    [
        ("5.11.0", "3.11.2", True),
        ("5.11.0", "3.9.16", False),
        ("5.11.2-RC1", "3.12.0", True),
        ("5.12.0", "3.11.2", False),
        ("6.1.1", "3.14.0", False),
        ("5.9.1", "3.13.0", True),
    ],
)
def test_which_paraview_needs_mending(version, python, needed):
    assert doctor.needs_mend({"version": version, "python": python}) is needed


def test_the_plugin_and_its_start_folder_are_found():
    plugin, start = doctor.find_plugin(), doctor.start_folder()
    assert plugin is not None and Path(plugin).name == "NeuralCompress.py"
    assert start is not None and (Path(start) / "sitecustomize.py").is_file()


def test_lines_to_load_quote_and_mend(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    old = {"version": "5.11.0", "python": "3.11.2", "pvpython": "/my apps/pvpython", "gui": "/my apps/paraview"}
    lines = doctor.loading("/my plugins/NeuralCompress.py", "/my start", old)
    assert lines["environment"].startswith("PYTHONPATH='/my start' ")
    assert lines["environment"].endswith("PV_PLUGIN_PATH='/my plugins' '/my apps/paraview'")
    assert "/my plugins/NeuralCompress.py" in lines["menu"]
    new = doctor.loading("/p/NeuralCompress.py", "/my start", {**old, "version": "6.0.0"})
    assert "PYTHONPATH" not in new["gui"]
    assert doctor.loading(None, None, None) == {}


def healthy() -> dict:
    return {
        "python": {"version": "3.11.2"},
        "packages": {
            "decode": {"numpy": "1.24.2", "onnx": "1", "onnxruntime": "1", "onnxruntime-gpu": None, "zstandard": "1"}
        },
        "torch": {"version": "2", "cuda": []},
        "onnxruntime": {"version": "1", "providers": ["CPUExecutionProvider"]},
        "paraview": [{"pvpython": "pvpython", **ANSWER}],
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
        (lambda r: r["paraview"][0].update(python="3.9.1"), "python3.9"),
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
def test_the_command_prints_a_table_and_json(program, monkeypatch, capsys):
    monkeypatch.setenv("PVPYTHON", program(f"echo 'srn-doctor{json.dumps(ANSWER)}'"))
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(doctor, "INSTALLED_AT", ())
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
