"""Setting up fails in one clear line where something is missing, and leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("sh", "id", "sed", "dirname", "env", "touch")
pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="no POSIX shell on this system")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: a shell and its tools, without ParaView, apt-get or Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def paraview(folder: Path, answer: str) -> Path:
    """A program that answers as pvpython does."""
    program = folder / "pvpython"
    program.write_text(f"#!{shutil.which('sh')}\n{answer}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def refused(path: Path, folder: Path, **environment: str) -> str:
    """The one line that prepare.sh ends with."""
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "prepare.sh")],
        env={"PATH": str(path), "VENV": str(folder / "venv"), "DISPLAY": ":0", **environment},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("prepare: error: ")
    return line


def test_no_paraview(bare, tmp_path):
    line = refused(bare, tmp_path)
    assert "ParaView was not found" in line and "make PVPYTHON=" in line
    assert not (tmp_path / "venv").exists()


def test_named_paraview_is_not_there(bare, tmp_path):
    assert "PVPYTHON=/nowhere/pvpython is not there" in refused(bare, tmp_path, PVPYTHON="/nowhere/pvpython")


def test_paraview_that_does_not_run(bare, tmp_path):
    paraview(bare, "echo 'cannot open shared object file' >&2; exit 127")
    assert "does not run" in refused(bare, tmp_path)


def test_no_python_of_the_same_version(bare, tmp_path):
    paraview(bare, "echo answer 3.99 1.24.2 /nowhere")
    line = refused(bare, tmp_path)
    assert "has Python 3.99" in line and "no python3.99 was found" in line


def test_a_folder_that_is_no_environment_is_left_alone(bare, tmp_path):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    paraview(bare, f"echo answer {version} none {sys.base_prefix}")
    (bare / f"python{version}").symlink_to(sys.executable)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "thesis.txt").write_text("mine", encoding="utf-8")
    assert "is no virtual environment" in refused(bare, tmp_path)
    assert (tmp_path / "venv" / "thesis.txt").read_text(encoding="utf-8") == "mine"
