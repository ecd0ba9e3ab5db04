"""ParaViews found, asked, judged and started: stand-ins in the layouts of Debian, Kitware, macOS and conda."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from stand_in import ANSWER, StandIn, script

from srn_core.cli import main
from srn_core.cli.paraview import split
from srn_core.errors import SrnInputError
from srn_core.paraviews import advice, environment, find
from srn_core.paraviews.ask import MODULES, ask_paraview
from srn_core.paraviews.packages import Packages, own_packages, packages_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

HERE = {
    "python": platform.python_version(),
    "machine": platform.machine(),
    "modules": EXTENSION_SUFFIXES[0],
    "mpi": False,
}
"""Of a ParaView whose Python is like the one that runs the tests."""
OTHER = {**HERE, "python": "3.8.1", "numpy": "1.21.0", "version": "6.0.1", "prefix": "/nowhere"}
GOOD = {"loads": True, "modules": {name: {"version": "1.0"} for group in MODULES.values() for name in group}}


def broken(*names: str) -> dict:
    return {**GOOD, "modules": {**GOOD["modules"], **{name: {"error": "cannot open it"} for name in names}}}


@pytest.fixture
def nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No ParaView but those that a test makes."""
    for name in ("PVPYTHON", "PV_PLUGIN_PATH", "PYTHONPATH", "SRN_SITE_PACKAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin/nothing")
    monkeypatch.setattr(find, "INSTALLED_AT", ())
    return tmp_path


# --- found ---


def test_the_one_that_is_named_comes_first_and_none_twice(nothing_else, monkeypatch):
    named, other = script(nothing_else / "a" / "pvpython", "true"), script(nothing_else / "b" / "pvpython", "true")
    monkeypatch.setenv("PVPYTHON", named)
    monkeypatch.setenv("PATH", os.path.dirname(other))
    monkeypatch.setattr(find, "INSTALLED_AT", (os.path.join(os.path.dirname(other), "pv*"),))
    assert find.find_pvpython() == [named, other]


LAYOUTS = {
    "Debian": ("usr/bin", "usr/bin/paraview", "usr"),
    "Kitware, Linux": (
        "ParaView-6.0.1-MPI-Linux-Python3.12-x86_64/bin",
        "ParaView-6.0.1-MPI-Linux-Python3.12-x86_64/bin/paraview",
        "ParaView-6.0.1-MPI-Linux-Python3.12-x86_64",
    ),
    "Kitware, macOS": (
        "ParaView-6.0.1.app/Contents/bin",
        "ParaView-6.0.1.app/Contents/MacOS/paraview",
        "ParaView-6.0.1.app",
    ),
    "conda": ("envs/pv/bin", "envs/pv/bin/paraview", "envs/pv"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_is_named_leads_to_its_programs(tmp_path, layout):
    programs, window, whole = (tmp_path / part for part in LAYOUTS[layout])
    made = StandIn(programs, ANSWER, programs="pvbatch pvserver")
    script(window, "true")
    for named in (made.pvpython, programs / "pvbatch", programs, whole, window):
        assert os.path.samefile(find.pvpython_of(str(named)), made.pvpython), named
    assert os.path.samefile(find.program_beside(made.pvpython, "paraview"), window)
    assert ask_paraview(made.pvpython)["gui"] == find.program_beside(made.pvpython, "paraview")


def test_a_name_on_the_path_is_enough(nothing_else, monkeypatch):
    made = StandIn(nothing_else / "bin", ANSWER)
    monkeypatch.setenv("PATH", str(nothing_else / "bin"))
    assert find.pvpython_of("pvpython") == made.pvpython


def test_what_is_no_paraview_is_refused(tmp_path):
    with pytest.raises(SrnInputError, match="does not exist"):
        find.pvpython_of(str(tmp_path / "ParaView-9"))
    with pytest.raises(SrnInputError, match=r"no pvpython was found .* name ParaView's folder"):
        find.pvpython_of(str(tmp_path))


# --- asked ---


def test_a_paraview_that_answers(tmp_path):
    path = StandIn(tmp_path / "bin", ANSWER).pvpython
    assert ask_paraview(path) == {"pvpython": path, "gui": None, **ANSWER}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo 'no display' >&2; exit 3", "exit code 3 and said: no display"),
        ("exec sleep 60", "did not answer"),
        ("true", "said: nothing"),
    ],
)
def test_a_paraview_that_does_not(tmp_path, text, words):
    assert words in ask_paraview(script(tmp_path / "pvpython", text), timeout=2.0)["error"]


def test_a_paraview_that_is_not_there(tmp_path):
    assert "cannot be started" in ask_paraview(str(tmp_path / "pvpython"))["error"]


def test_a_rank_asks_alone(tmp_path, monkeypatch):
    """A pvpython that took itself for a rank of its asker's job would wait for the others."""
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "1")
    told = ask_paraview(script(tmp_path / "pvpython", 'echo "heard $OMPI_COMM_WORLD_SIZE$PMI_RANK."'))
    assert told["error"].endswith("said: heard .")


# --- judged ---


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
    assert environment.needs_mend({"version": version, "python": python}) is needed
    ours = environment.variables({"version": version, "python": python}, Packages("/site", "/p/Plugin.py", "/start"))
    assert ours == {
        "SRN_SITE_PACKAGES": "/site",
        "PV_PLUGIN_PATH": "/p",
        **({"PYTHONPATH": "/start"} if needed else {}),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"python": "3.8.1"}, "it runs Python 3.8, this is"),
        ({"machine": "pdp11"}, "it is made for pdp11"),
        ({"modules": ".cpython-399t-x.so"}, r"modules that end in \.cpython-399t-x\.so"),
    ],
)
def test_pythons_that_cannot_share_packages(change, words):
    said = advice.other_python({**HERE, **change})
    assert said is None if words is None else re.search(words, said)


def test_advice_without_a_fitting_python_names_where_to_get_one():
    making, pip, tried = advice.how_to_install({**OTHER, "python": "3.99.1", "pvpython": "/my pv/pvpython"})
    assert making == "uv venv --seed --python 3.99 ~/srn-3.99 (or: conda create -p ~/srn-3.99 python=3.99 pip)"
    assert pip.startswith("~/srn-3.99/bin/python -m pip install ") and pip.endswith("[train]' numpy==1.21.0")
    assert tried == "~/srn-3.99/bin/srn doctor --paraview '/my pv/pvpython'"


def test_advice_with_a_fitting_python_makes_an_environment_with_it():
    making, *_ = advice.how_to_install({**HERE, "numpy": None, "prefix": sys.base_prefix, "pvpython": "pvpython"})
    python, rest = making.split(" -m venv ")
    said = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
    assert said.stdout.strip() == str(sys.version_info[:2])
    assert rest == f"~/srn-{sys.version_info.major}.{sys.version_info.minor}"


def test_advice_for_conda_is_to_install_into_its_environment(tmp_path):
    (tmp_path / "conda-meta").mkdir()
    python = script(tmp_path / "bin" / "python", "true")
    pip, tried = advice.how_to_install({**OTHER, "prefix": str(tmp_path), "pvpython": f"{tmp_path}/bin/pvpython"})
    assert pip.startswith(f"{python} -m pip install ") and pip.endswith("numpy==1.21.0")
    assert tried == f"{tmp_path}/bin/srn doctor --paraview {tmp_path}/bin/pvpython"


def test_packages_in_an_environment_and_in_a_target_folder(tmp_path):
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    (site / "onnxruntime").mkdir(parents=True)
    (site / "srn_filters" / "start").mkdir(parents=True)
    plugin = tmp_path / "venv" / "share" / "paraview" / "plugins" / "NeuralCompress.py"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    found = packages_in(str(tmp_path / "venv"), "3.12")
    assert found == Packages(str(site), str(plugin), str(site / "srn_filters" / "start"))
    with pytest.raises(SrnInputError, match=r"no packages for Python 3\.13; name a virtual .* that python3\.13"):
        packages_in(str(tmp_path / "venv"), "3.13")
    (tmp_path / "target" / "onnxruntime").mkdir(parents=True)
    found = packages_in(str(tmp_path / "target"), "3.13")
    assert found == Packages(str(tmp_path / "target"), own_packages().plugin, own_packages().start)
    with pytest.raises(SrnInputError, match="there is no folder"):
        packages_in(str(tmp_path / "nothing"), "3.13")


# --- srn doctor --paraview ---


def test_one_that_fits_is_told_and_written(nothing_else, capsys):
    made = StandIn(nothing_else / "bin", {**OTHER, **HERE}, GOOD, programs="paraview pvbatch")
    for ending in ("sh", "bat", "json"):
        path = str(nothing_else / f"it's.{ending}")
        assert main(["doctor", "--paraview", str(nothing_else), "--write", path, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.split("\n}\n")[-2] + "}")
    assert report["fits"] and report["problems"] == []
    assert report["paraview"]["programs"] == {
        name: str(nothing_else / "bin" / name) for name in ("paraview", "pvpython", "pvbatch")
    }
    ours = report["environment"]
    assert ours["PV_PLUGIN_PATH"] == os.path.dirname(own_packages().plugin)
    assert json.loads((nothing_else / "it's.json").read_text())["environment"] == ours
    read = f'. "{nothing_else}/it\'s.sh"; echo "$PV_PLUGIN_PATH|$SRN_SITE_PACKAGES"'
    for before, after in (("", ""), ("/mine", ":/mine")):
        said = subprocess.run(
            ["/bin/sh", "-c", read], capture_output=True, text=True, check=True, env={"PV_PLUGIN_PATH": before}
        )
        assert said.stdout == f"{ours['PV_PLUGIN_PATH']}{after}|{ours['SRN_SITE_PACKAGES']}\n"
    batch = (nothing_else / "it's.bat").read_bytes().decode().split("\r\n")
    assert f'set "SRN_SITE_PACKAGES={ours["SRN_SITE_PACKAGES"]}"' in batch
    assert any(line.startswith("if defined PV_PLUGIN_PATH (set ") for line in batch)
    assert main(["doctor", "--paraview", made.pvpython]) == 0
    table = capsys.readouterr().out
    assert "plugin       loads" in table and "no problems found" in table
    assert f"PV_PLUGIN_PATH={ours['PV_PLUGIN_PATH']}" in table


@pytest.mark.parametrize(
    ("fit", "words", "fits"),
    [
        (
            broken("onnxruntime", "onnx"),
            ["onnx (cannot open it), onnxruntime (cannot", "numpy==1.21.0"],
            False,
        ),
        (broken("torch"), ["nothing that is trained works without torch (cannot open it)", " -m pip install "], True),
        ({**GOOD, "loads": False}, ["the plugin does not load"], False),
        (None, ["could not be tried in this ParaView: it ended with exit code 7"], False),
    ],
)
def test_what_does_not_fit_is_told_with_what_to_do(nothing_else, capsys, fit, words, fits):
    StandIn(nothing_else / "bin", {**OTHER, **HERE}, fit)
    if fit is None:
        script(
            nothing_else / "bin" / "pvpython",
            f"case \"$2\" in *EXTENSION_SUFFIXES*) echo 'srn-doctor{json.dumps({**OTHER, **HERE})}';; *) exit 7;; esac",
        )
    out = nothing_else / "e.sh"
    assert main(["doctor", "--paraview", str(nothing_else), "--json", "--write", str(out)]) == (0 if fits else 2)
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["fits"] is fits and out.exists() is fits
    (problem,) = report["problems"]
    assert all(word in problem for word in words), problem
    assert fits or "was not written" in said.err


def test_another_python_is_not_even_tried(nothing_else, capsys):
    StandIn(nothing_else / "bin", OTHER)
    assert main(["doctor", "--paraview", str(nothing_else), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert not report["fits"] and report["fit"] is None and report["environment"] == {}
    assert "it runs Python 3.8" in report["problems"][0] and "~/srn-3.8" in report["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--paraview", "/no/such"], "there is no ParaView at /no/such"),
        (["--write", "e.sh"], "--write belongs to one ParaView: add --paraview PATH"),
        (["--packages", "x"], "--packages belongs to one ParaView"),
        (["--paraview", "/usr", "--write", "e.txt"], "e.txt must end in .sh, .bat, .cmd, .json"),
    ],
)
def test_options_that_cannot_be_meant(nothing_else, capsys, arguments, words):
    assert main(["doctor", *arguments]) == 2
    assert words in capsys.readouterr().err


# --- srn paraview, pvpython, pvbatch, pvserver ---


def srn(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k not in ("PVPYTHON", "PV_PLUGIN_PATH", "SRN_SITE_PACKAGES")}
    return subprocess.run(
        [sys.executable, "-m", "srn_core.cli", *arguments], capture_output=True, text=True, env={**clean, **variables}
    )


def test_programs_get_arguments_and_environment_and_give_their_exit_code(tmp_path):
    StandIn(tmp_path / "bin", {**OTHER, **HERE}, programs="paraview pvbatch")
    hard = ["--version", "-c", "print('x y')", "--", "--paraview", "", "*"]
    for program in ("pvbatch", "paraview"):
        done = srn(program, "--paraview", str(tmp_path), *hard, PV_PLUGIN_PATH="/mine")
        assert done.returncode == 7, done.stderr
        arguments, plugins, site, _ = done.stdout.splitlines()
        assert arguments == "|".join(hard) + "|"
        assert plugins == os.pathsep.join([os.path.dirname(own_packages().plugin), "/mine"])
        assert site == own_packages().site
    done = srn("pvserver", f"--paraview={tmp_path}")
    assert (done.returncode, done.stderr) == (
        2,
        f"srn: error: the ParaView of {tmp_path}/bin/pvpython has no pvserver\n",
    )


def test_the_first_paraview_that_fits_is_started(tmp_path):
    fitting = StandIn(tmp_path / "a" / "bin", {**OTHER, **HERE})
    other = StandIn(tmp_path / "b" / "bin", OTHER)
    done = srn("pvpython", "x.py", PVPYTHON=other.pvpython, PATH=os.path.dirname(fitting.pvpython))
    assert (done.returncode, done.stdout.splitlines()[0]) == (7, "x.py|")
    done = srn("pvpython", "--paraview", other.pvpython, "x.py")
    assert done.returncode == 2 and "it runs Python 3.8" in done.stderr and "~/srn-3.8" in done.stderr


def test_own_options_come_first():
    assert split(["a.py", "--paraview", "x"]) == ({}, ["a.py", "--paraview", "x"])
    assert split(["--packages=p", "--paraview", "x", "-c", "y"]) == (
        {"--packages": "p", "--paraview": "x"},
        ["-c", "y"],
    )
    assert split(["--", "--help"]) == ({}, ["--help"])
    with pytest.raises(SrnInputError, match="--packages needs a path"):
        split(["--packages"])


def test_help_is_ours_unless_asked_behind_two_dashes(capsys):
    assert main(["pvbatch", "--help"]) == 0
    assert "that of pvbatch itself: srn pvbatch -- --help" in capsys.readouterr().out
