"""The demo, small: the whole way in real ParaView, its figures and its picture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from virtual_display import virtual_display

import srn_core
from srn_core.io import write_volume

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("bytes", "ratio", "parameter_ratio", "psnr", "ssim", "max_error", "compress_seconds", "decode_mvoxel_s")


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs examples/demo.py in pvpython, on a virtual display where there is no other."""
    pvpython = shutil.which(os.environ.get("PVPYTHON") or "pvpython")
    if pvpython is None and os.environ.get("SRN_NO_PARAVIEW") == "1":
        pytest.skip("pvpython is not here, and SRN_NO_PARAVIEW=1 says that this is known")
    assert pvpython, "pvpython was not found: install ParaView, set PVPYTHON, or set SRN_NO_PARAVIEW=1 to go without"
    display = [] if os.environ.get("DISPLAY") else virtual_display()
    return subprocess.run(
        [*display, pvpython, str(ROOT / "examples" / "demo.py"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["point", "cell"])
def volume(request, tmp_path: Path) -> srn_core.Volume:
    """A small volume, also written as volume.vti."""
    z, y, x = np.meshgrid(*[np.linspace(0, 4, n) for n in (20, 24, 28)], indexing="ij")
    values = (np.sin(x + y) * np.cos(z) + 0.2 * x).astype(np.float32)
    made = srn_core.Volume.from_array(values, "density", association=request.param)
    write_volume(tmp_path / "volume.vti", made)
    return made


@pytest.mark.slow
def test_the_whole_way(volume, tmp_path):
    import matplotlib.image

    done = demo(tmp_path, "volume.vti", "--ratio", "8", "--seconds", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERR" not in done.stderr and "Traceback" not in done.stderr

    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["bytes"] == (tmp_path / "out" / "demo.srn").stat().st_size
    assert report["ratio"] == pytest.approx(volume.nbytes / report["bytes"]) and report["ratio"] >= 8
    assert report["resampled_dims"] == [56, 48, 40]
    assert all(report[name] > 0 for name in FIGURES)
    measured = srn_core.evaluate(tmp_path / "out" / "demo.srn", volume)
    assert measured.psnr == pytest.approx(report["psnr"], abs=0.01)
    for figure in ("compression ratio", "PSNR", "Mvoxel/s"):
        assert figure in done.stdout

    picture = matplotlib.image.imread(tmp_path / "out" / "demo.png")[..., :3]
    assert picture.shape[:2] == (640, 1860)
    for panel in np.split(picture[60:], 3, axis=1):  # something is drawn below the caption of each
        assert panel.reshape(-1, 3).std(axis=0).max() > 0.02
    assert not [p for p in (tmp_path / "out").iterdir() if "part" in p.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.vti",), "cannot open 'nowhere.vti'"),
        (("volume.vti", "--array", "heat"), "has no array 'heat'; it has: density"),
        (("volume.vti", "--ratio", "100000"), "ratio"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, said, tmp_path):
    write_volume(tmp_path / "volume.vti", srn_core.Volume.from_array(np.eye(8, dtype=np.float32), "density"))
    done = demo(tmp_path, *arguments)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert not (tmp_path / "out" / "report.json").exists()
