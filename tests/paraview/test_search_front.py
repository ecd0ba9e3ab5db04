"""The examples neural_search.py and search_front.py: a search in pvbatch, and its front in a view that opens files."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
from in_paraview import ROOT, environment, executable
from PIL import Image
from virtual_display import virtual_display

import srn_core
from srn_core.io import write_volume

NEVER = "-screen 0 1600x1200x24 -noreset"


def run(program: str, script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    display = virtual_display(NEVER) if script == "search_front.py" else []
    command = [*display, executable(program), str(ROOT / "examples" / script), *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_search_in_a_batch_and_a_point_of_its_front(tmp_path: Path) -> None:
    z, y, x = np.meshgrid(*[np.linspace(0, 4, n) for n in (20, 22, 24)], indexing="ij")
    values = (np.sin(x + y) * np.cos(z) + 0.2 * x).astype(np.float32)
    write_volume(tmp_path / "volume.vti", srn_core.Volume.from_array(values, "density"))
    asked = ["--trials", "2", "--generator", "sobol", "--fix", "training.passes=0", "--free", "target.ratio=3:9"]
    done = run("pvbatch", "neural_search.py", tmp_path, "volume.vti", *asked)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout + done.stderr
    with open(tmp_path / "found" / "front.csv", newline="", encoding="utf-8") as file:
        front = list(csv.DictReader(file))
    for number, row in enumerate(front, 1):
        kept = tmp_path / "found" / "front" / f"{number:02d}.srn"
        assert srn_core.evaluate(kept, tmp_path / "found-volume.vti").psnr == pytest.approx(
            float(row["psnr"]), abs=1e-3
        )
    last = str(len(front))
    shown = run("pvpython", "search_front.py", tmp_path, "found", "--pick", last, "--screenshot", "front.png")
    assert shown.returncode == 0 and f"picked by selection: point {last}" in shown.stdout, shown.stdout + shown.stderr
    right = Image.open(tmp_path / "front.png").crop((800, 150, 1450, 700)).convert("RGB")
    assert len(right.getcolors(1 << 24) or []) > 100, "the picked file is not drawn"
    missing = run("pvpython", "search_front.py", tmp_path, "found", "--pick", "99", "--screenshot", "no.png")
    assert missing.returncode != 0 and "--keep-files" in missing.stderr and not (tmp_path / "no.png").exists()
