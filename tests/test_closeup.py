"""The example closeup.py: a neural file between the voxels, beside trilinear interpolation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import srn_core
from srn_core.io import write_volume

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "closeup.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """volume.vti and volume.srn."""
    where = tmp_path_factory.mktemp("closeup")
    z, y, x = np.meshgrid(*[np.linspace(0, 5, n) for n in (6, 18, 20)], indexing="ij")
    volume = srn_core.Volume.from_array((np.sin(x * y) * np.cos(z)).astype(np.float32), "density")
    write_volume(where / "volume.vti", volume)
    srn_core.compress(volume, where / "volume.srn", psnr=45, preset="fast")
    return where


def closeup(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "volume.vti", "volume.srn", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_three_drawings_and_the_numbers(folder: Path) -> None:
    done = closeup(folder, "close.png", "--edge", "8", "--times", "4")
    assert done.returncode == 0, done.stderr
    told = json.loads((folder / "close.json").read_text())
    assert told == json.loads(done.stdout)
    assert told["voxels"] == [8, 8] and told["samples"] == [29, 29]
    assert told["file_bytes"] == (folder / "volume.srn").stat().st_size
    assert 0 < told["rmse_at_voxels_share"] < 0.03  # 45 dB, of the whole volume
    assert 0 < told["rms_between_both_share"] < 0.1
    picture = np.asarray(Image.open(folder / "close.png").convert("RGB"))
    third = picture.shape[1] * 9 // 10 // 3
    voxels, linear, neural = (picture[120:320, n * third + 60 : (n + 1) * third - 60] for n in range(3))
    colours = [len(np.unique(part.reshape(-1, 3), axis=0)) for part in (voxels, linear, neural)]
    assert 2 < colours[0] < 70 and min(colours[1:]) > colours[0], "voxels are plain squares, the others are not"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--at", "0", "0", "9"), "no slice 9; it has 6"),
        (("--at", "40", "0", "2"), "20 x 18 voxels has none at"),
        (("--array", "speed"), "no array 'speed'"),
        (("--edge", "1"), "edge and times must be 2 at least"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    done = closeup(folder, "none.png", *arguments)
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "none.png").exists()
