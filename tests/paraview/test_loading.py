"""Every way of loading the plugin, and what is said where packages are missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from in_paraview import LOAD, PLUGIN, PREAMBLE, ROOT, START, Run, environment, executable, run_script

USE = """
made = NeuralResampleFile(FileName="nothing.srn")
tell(name=made.GetXMLName(), compress="NeuralCompress" in dir(), filters=sys.modules["srn_filters"].__file__)
"""


def test_plugin_path_with_the_start_folder(tmp_path: Path) -> None:
    script = PREAMBLE.replace("inspect.getargspec = inspect.getfullargspec", "raise SystemExit('not mended')") + USE
    result = run_script(
        tmp_path, script, load=False, preamble=False, PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START)
    )
    assert result.facts["name"] == "NeuralResampleFile" and result.facts["compress"]


def test_mend_before_load_plugin_in_a_script(tmp_path: Path) -> None:
    script = f"""
    import sys
    sys.path.insert(0, {str(ROOT / "filters")!r})
    import srn_filters.paraview_mend
    """
    script = textwrap.dedent(script) + PREAMBLE.replace("import inspect, ", "import inspect, ") + LOAD + USE
    assert run_script(tmp_path, script, load=False, preamble=False).facts["compress"]


def test_start_folder_runs_the_sitecustomize_it_hides(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import sys\nsys.hidden_one_ran = True\n", encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-c", "import inspect, sys; print(sys.hidden_one_ran, hasattr(inspect, 'getargspec'))"],
        env=environment(PYTHONPATH=f"{START}:{other}"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == [
        "True",
        str(sys.version_info >= (3, 11) or hasattr(__import__("inspect"), "getargspec")),
    ]


def installed(prefix: Path, python: str) -> Path:
    """The product as a wheel puts it under ``prefix``, for one Python version."""
    site = prefix / "lib" / python / "site-packages"
    for package in ("srn_core", "onnx_export", "filters/srn_filters"):
        shutil.copytree(ROOT / package, site / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    plugin = prefix / "share" / "paraview" / "plugins" / PLUGIN.name
    plugin.parent.mkdir(parents=True)
    shutil.copy(PLUGIN, plugin)
    return plugin


def load_line(plugin: Path) -> str:
    return f"LoadPlugin({str(plugin)!r}, remote=False, ns=globals())\n"


@pytest.fixture
def paraview_python(tmp_path: Path) -> str:
    """As in "python3.11": the Python inside of ParaView, which need not be the one that runs the tests."""
    result = run_script(tmp_path, "tell(python='python%d.%d' % sys.version_info[:2])", load=False)
    return str(result.facts["python"])


def test_installed_plugin_finds_its_own_packages(tmp_path: Path, paraview_python: str) -> None:
    plugin = installed(tmp_path / "prefix", paraview_python)
    result = run_script(tmp_path, load_line(plugin) + USE, load=False)
    assert result.facts["filters"].startswith(str(tmp_path / "prefix"))


def test_installed_for_another_python_says_so_when_used(tmp_path: Path) -> None:
    plugin = installed(tmp_path / "prefix", "python2.7")
    script = """
    made = NeuralCompress(Input=Wavelet(WholeExtent=[0, 3, 0, 3, 0, 3]), TargetRatio=20, MoreSettings="a=1")
    made.UpdatePipeline()
    reader = SRNReader(FileNames=["a.srn"])
    tell(report=report(made))
    """
    result = run_script(tmp_path, load_line(plugin) + textwrap.dedent(script), load=False, errors=True)
    errors = [line for line in result.text.splitlines() if line.startswith("ERROR: ")]
    assert errors and "Traceback" not in result.text
    assert re.search(r"ParaView's Python 3\.\d+ .*pip install .*SRN_SITE_PACKAGES=", errors[0])
    assert result.facts["report"] in errors[0]


def test_missing_package_is_one_line_with_the_command(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run(
        """
        for name in ("torch", "onnxruntime"):  # where the machine's own Python has one of them, it is hidden here
            sys.modules[name] = None
        made = NeuralCompress(Input=Wavelet(WholeExtent=[0, 3, 0, 3, 0, 3]))
        made.UpdatePipeline()
        made.UpdatePipeline()
        tell(report=report(made))
        made.Pruner = "smallify"
        made.UpdatePipeline()
        opened = NeuralResampleFile(FileName="a.srn")
        opened.UpdatePipeline()
        tell(python="%d.%d" % sys.version_info[:2], numpy=np.__version__)
        """,
        errors=True,
        SRN_SITE_PACKAGES=str(empty),
    )
    said = [line for line in result.text.splitlines() if "ERROR" in line]
    assert "Traceback" not in result.text
    assert len(said) == 3, result.text
    python, numpy = result.facts["python"], result.facts["numpy"]
    for line, package in zip(said, ("onnxruntime", "torch", "onnxruntime")):
        assert package in line and f"ParaView's Python {python}" in line
        assert f"python{python} -m pip install --target {empty}" in line and f"numpy=={numpy}" in line
    assert "Neural Compress needs" in said[0] and "Neural Resample File needs" in said[2]
    assert "torch" not in said[0], "the default does without"
    assert result.facts["report"] in said[0]


def test_script_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "paraview.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.S)
    assert found
    script = found[1].replace("/path/to/srn", str(ROOT)).replace("TrainingSeconds=60", "TrainingSeconds=2")
    assert len([line for line in found[1].splitlines() if line.strip()]) <= 12
    path = tmp_path / "documented.py"
    path.write_text(script, encoding="utf-8")
    process = subprocess.run(
        [executable("pvpython"), str(path)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "ERR" not in process.stderr, process.stderr
    assert "PSNR" in process.stdout
    assert (tmp_path / "wavelet.srn").stat().st_size > 0 and (tmp_path / "wavelet.onnx").stat().st_size > 0
