"""What is installed: versions, console command, plugin file, extras, and the wheel itself in a bare environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import srn_core

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = "share/paraview/plugins/NeuralCompress.py"
HEAVY = ("torch", "onnx", "onnxruntime", "sklearn", "skimage", "pywt", "matplotlib", "vtk", "h5py", "scipy")


def python(code: str, executable: str = sys.executable, **environment: str) -> str:
    """Standard output of a fresh interpreter; its failure is the test's."""
    done = subprocess.run(
        [executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "filters")]), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(name: str) -> str:
    """The lines of one table of pyproject.toml (read as text: Python 3.9 has no TOML reader)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[)", text, re.M | re.S).group(1)


def test_version_stands_in_one_place_and_in_the_changelog():
    assert re.fullmatch(r"\d+\.\d+\.\d+", srn_core.__version__)
    assert "version =" not in table("project")
    assert f"[{srn_core.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_base_install_trains_not():
    dependencies = re.search(r"^dependencies = \[(.*?)\]", table("project"), re.M | re.S).group(1)
    assert set(re.findall(r'"([A-Za-z]+)', dependencies)) == {"numpy", "onnx", "onnxruntime", "tqdm", "zstandard"}
    extras = table("project.optional-dependencies")
    assert {"train", "vtk", "io", "gpu", "search", "dev"} <= set(re.findall(r"^(\w+) = \[", extras, re.M))


def test_plugin_states_the_products_version():
    text = (ROOT / "plugin" / "NeuralCompress.py").read_text(encoding="utf-8")
    assert f'paraview_plugin_version = "{srn_core.__version__}"' in text


@pytest.mark.parametrize("module", ["srn_core", "srn_core.cli", "onnx_export"])
def test_importing_loads_nothing_heavy(module):
    loaded = python(f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded.split() == []


def test_decoding_needs_no_torch(tmp_path):
    """A file made elsewhere is opened, decoded and exported where torch cannot be imported."""
    golden = sorted((ROOT / "tests" / "golden").glob("*.srn"))
    assert golden
    python(
        "import sys\n"
        "for name in ('torch', 'pywt', 'sklearn', 'skimage'): sys.modules[name] = None\n"
        "import srn_core\n"
        f"for path in {[str(g) for g in golden]!r}:\n"
        "    file = srn_core.load(path)\n"
        "    assert file.decode().values.size > 0\n"
        f"    file.export({str(tmp_path / 'model.onnx')!r})\n"
    )
    assert (tmp_path / "model.onnx").stat().st_size > 0


def test_compressing_by_rate_needs_no_torch(tmp_path):
    """The default makes its file, without a filter, where nothing that trains can be imported; and says so."""
    path = tmp_path / "a.srn"
    said = python(
        "import sys\n"
        "for name in ('torch', 'pywt', 'sklearn', 'skimage', 'scipy'): sys.modules[name] = None\n"
        "import numpy as np, srn_core\n"
        "z, y, x = np.mgrid[:20, :20, :20]\n"
        "values = np.random.default_rng(0).random((20, 20, 20)) + np.sin(x / 3)\n"
        f"print(srn_core.compress(values, {str(path)!r}, bytes=6000).report['filter_note'])\n"
        "print(srn_core.compress(values, psnr=30).report['psnr'] >= 30)\n"
        "both = srn_core.compress(values, bytes=6000, network='auto', predictor='none').report['tried']\n"
        "print(both['neurcomp']['refused'])\n"
    ).splitlines()
    assert 0.97 * 6000 < path.stat().st_size <= 6000
    assert said[0] == "torch is not installed: no filter was trained"
    assert said[1] == "True"
    assert "paraview-srn[train]" in said[2]


@pytest.mark.slow
def test_wheel_and_sdist_install_in_a_bare_environment(tmp_path):
    """The wheel, made from the source archive as an installer would, decodes, and its plugin file is found."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(ROOT)], check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"srn_core/api.py", "onnx_export/decoder.py", "srn_filters/vtk_bridge.py"} <= names
    assert "srn_filters/start/sitecustomize.py" in names
    assert any(name.endswith(f".data/data/{PLUGIN}") for name in names)
    assert any(name.endswith("/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.startswith("paraview_srn-")} == {"srn_core", "onnx_export", "srn_filters"}
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "plugin/NeuralCompress.py", "Makefile", "tests/test_packaging.py"} <= inside

    venv.create(tmp_path / "bare", with_pip=True)
    home = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([str(home / "python"), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    installed = subprocess.run(
        [str(home / "python"), "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    assert "torch" not in installed
    assert (tmp_path / "bare" / PLUGIN).is_file()

    def srn(*arguments: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return subprocess.run([str(home / "srn"), *arguments], capture_output=True, text=True, cwd=tmp_path, env=clean)

    assert srn("--version").stdout.strip() == f"srn {srn_core.__version__}"
    golden = sorted((ROOT / "tests" / "golden").glob("*.srn"))[0]
    decoded = srn("decompress", str(golden), "back.npy")
    assert decoded.returncode == 0, decoded.stderr
    assert (tmp_path / "back.npy").stat().st_size > 0
    again = srn("compress", "back.npy", "again.srn")
    assert again.returncode == 0, again.stderr
    refused = srn("compress", "back.npy", "trained.srn", "--pruner", "smallify")
    assert refused.returncode == 2 and "paraview-srn[train]" in refused.stderr
    assert str(tmp_path / "bare" / PLUGIN) in srn("doctor").stdout
