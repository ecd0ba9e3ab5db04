"""What the README tells people to type works as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srn_core
from srn_core.io import write_volume

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))


def block(language: str, containing: str) -> str:
    """The one code block of a language that has a certain text in it."""
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", README, re.S) if containing in b]
    assert len(found) == 1, f"{len(found)} blocks with {containing!r}"
    return found[0]


def quick(text: str) -> str:
    """The same in two seconds of training instead of a minute, at a ratio that a tiny volume allows."""
    text, seconds = re.subn(r"(seconds[= ]|TrainingSeconds=)60", r"\g<1>2", text)
    text, ratio = re.subn(r"(ratio[= ]|TargetRatio=)100", r"\g<1>5", text)
    assert seconds == 1 and ratio == 1
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with volume.vti and volume.npy, as the examples have it."""
    z, y, x = np.meshgrid(*[np.linspace(0, 3, 20)] * 3, indexing="ij")
    values = (np.sin(x + y) * np.cos(z)).astype(np.float32)
    write_volume(tmp_path / "volume.vti", srn_core.Volume.from_array(values, "density"))
    np.save(tmp_path / "volume.npy", values)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """Output of a command; its failure, or a traceback on the way, is the test's."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "filters")])
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_command_lines(folder):
    commands = [line.split() for line in quick(block("sh", "srn compress")).splitlines()]
    assert len(commands) == 7 and all(c[0] == "srn" for c in commands)
    for command in commands:
        run([sys.executable, "-m", "srn_core.cli", *command[1:]], folder)
    assert np.load(folder / "corner.npy").shape == (8, 8, 8)
    assert srn_core.io.read_volume(folder / "finer.vti").geometry.dims == (40, 40, 40)
    assert (folder / "volume.srn").stat().st_size * 5 <= (20**3) * 4
    assert (folder / "volume.onnx").stat().st_size > 0
    original = np.load(folder / "volume.npy")
    bounded = srn_core.load(folder / "bounded.srn").decode().values
    assert np.abs(bounded - original).max() <= 1e-3 * np.ptp(original)


def test_python_lines(folder):
    check = "assert finer.shape == (40, 40, 40) and line.shape == (2,), (finer.shape, line.shape)\n"
    ratio, psnr = map(
        float, run([sys.executable, "-c", quick(block("python", "srn_core.compress")) + check], folder).split()
    )
    assert ratio >= 5 and psnr > 10
    assert (folder / "field.onnx").stat().st_size > 0


def test_paraview_lines(folder):
    pvpython = shutil.which(os.environ.get("PVPYTHON") or "pvpython")
    if pvpython is None and os.environ.get("SRN_NO_PARAVIEW") == "1":
        pytest.skip("pvpython is not here, and SRN_NO_PARAVIEW=1 says that this is known")
    assert pvpython, "pvpython was not found: install ParaView, set PVPYTHON, or set SRN_NO_PARAVIEW=1 to go without"
    script = quick(block("python", "paraview.simple"))
    assert len(script.splitlines()) == 10
    (folder / "script.py").write_text(script.replace("plugin/", f"{(ROOT / 'plugin').as_posix()}/"), encoding="utf-8")
    said = run([pvpython, "script.py"], folder)
    assert "(0, 39, 0, 39, 0, 39)" in said and "ERR" not in said
    assert srn_core.load(folder / "volume.srn").field().name == "density"
    assert (folder / "volume.onnx").stat().st_size > 0


def test_make_targets_exist():
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed here")
    named = set(
        re.findall(r"^    make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    )
    assert {"demo", "test", "check"} <= named
    for target in named:
        done = subprocess.run([make, "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make {target}: {done.stderr}"


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#", "mailto:")):
            assert (path.parent / target.split("#")[0]).exists(), f"{path.name}: {target}"


def test_pictures_are_pictures():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
