"""The example trust_views.py: as a script with a picture, and as a macro in the window."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gui_window import Window
from in_paraview import PLUGIN, ROOT, START, environment, executable
from PIL import Image
from virtual_display import virtual_display

import srn_core
from srn_core.io import write_volume

SCRIPT = ROOT / "examples" / "trust_views.py"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with volume.vti and its volume.srn."""
    z, y, x = np.meshgrid(*[np.linspace(0, 4, n) for n in (20, 24, 28)], indexing="ij")
    volume = srn_core.Volume.from_array((np.sin(x + y) * np.cos(z) + 0.2 * x).astype(np.float32), "density")
    write_volume(tmp_path / "volume.vti", volume)
    srn_core.compress(volume, tmp_path / "volume.srn", bytes=1500, passes=0)
    return tmp_path


def views(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*virtual_display(), executable("pvpython"), str(SCRIPT), *arguments, "--screenshot", "trust.png"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def colours(part: Image.Image) -> int:
    return len(part.convert("RGB").getcolors(1 << 24) or [])


def test_a_script_writes_the_picture_and_the_figures(files: Path) -> None:
    done = views(files, "volume.vti", "volume.srn", "--bound", "2%")
    assert done.returncode == 0 and "ERR" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    figures = json.loads((files / "trust.json").read_text(encoding="utf-8"))
    quality = srn_core.evaluate(files / "volume.srn", files / "volume.vti")
    for name in ("psnr", "rmse", "max_error", "ssim"):
        assert figures[name] == pytest.approx(getattr(quality, name), rel=1e-5)
    assert figures["bound"] == pytest.approx(0.02 * figures["range"])
    picture = Image.open(files / "trust.png")
    third, deep = picture.width // 3, picture.height * 6 // 10
    for place in range(3):  # original, reconstruction, error
        middle = picture.crop((place * third + third // 4, deep // 3, place * third + third * 3 // 4, deep * 4 // 5))
        assert colours(middle) > 100, f"drawing {place} is blank"
    chart = np.asarray(picture.crop((0, deep + picture.height // 10, picture.width, picture.height)).convert("L"))
    assert 0.01 < (chart < 128).mean() < 0.6, "the histogram is blank"


@pytest.mark.parametrize("how", [("--ratio", "4", "--seconds", "3"), ("--max-error", "1%")])
def test_a_compression_brings_its_course(files: Path, how: tuple[str, ...]) -> None:
    """Of a filter's training, or of the files that were tried."""
    done = views(files, "volume.vti", *how)
    assert done.returncode == 0 and "ERR" not in done.stderr, done.stderr
    picture = Image.open(files / "trust.png").convert("L")
    left, right = (
        np.asarray(picture.crop((a, picture.height * 8 // 10, b, picture.height)))
        for a, b in ((0, picture.width // 2), (picture.width // 2, picture.width))
    )
    assert (left < 128).mean() > 0.01 and (right < 128).mean() > 0.002
    assert np.abs(left.astype(int)[:, : right.shape[1]] - right[:, : left.shape[1]]).mean() > 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("volume.vti", "missing.srn"), "there is no file missing.srn"),
        (("volume.vti", "volume.srn", "--array", "speed"), "has no array 'speed'; it has: density"),
    ],
)
def test_one_line_says_what_is_wrong(files: Path, arguments: tuple[str, ...], words: str) -> None:
    done = views(files, *arguments)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr
    assert not (files / "trust.png").exists()


@pytest.mark.parametrize("selected", ["reader", "original"])
def test_a_macro_finds_both_in_the_window(files: Path, selected: str) -> None:
    script = f"""
from paraview.simple import *
original = OpenDataFile({str(files / "volume.vti")!r})
reader = OpenDataFile({str(files / "volume.srn")!r})
for source in (original, reader):
    source.UpdatePipeline()
SetActiveSource({selected})
exec(compile(open({str(SCRIPT)!r}).read(), "trust_views.py", "exec"))
open({str(files / "links.txt")!r}, "w").write(str(len(GetLayouts())) + " " + GetActiveSource().GetXMLName())
"""
    window = Window(
        executable("paraview"),
        script,
        files / "home",
        environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None),
    )
    try:
        picture, said = window.photograph(), window.text()
    finally:
        window.close()
    assert "ERR" not in said and "Traceback" not in said
    layouts, judged = (files / "links.txt").read_text().split()
    assert int(layouts) >= 2 and judged == "NeuralEvaluate"
    assert colours(picture.crop((picture.width // 4, picture.height // 5, picture.width, picture.height))) > 500


def test_the_panel_is_photographed(files: Path) -> None:
    """tools/panel_picture.py, which makes the picture of docs/paraview.md."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tools" / "panel_picture.py"),
            "volume.vti",
            "panel.png",
            "--applied",
            "--ratio",
            "9",
            "--preset",
            "fast",
        ],
        cwd=files,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    picture = Image.open(files / "panel.png").convert("L")
    panel = np.asarray(picture.crop((0, picture.height * 3 // 5, picture.width // 5, picture.height)))
    assert (panel < 100).mean() > 0.005, "no letters where the panel should be"
