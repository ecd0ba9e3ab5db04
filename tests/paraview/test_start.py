"""``srn doctor --paraview``, ``srn pvpython`` and ``srn pvbatch`` with the ParaView that is really here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from in_paraview import ROOT, environment, executable

USE = """
import sys
from paraview.simple import *
made = NeuralCompress(Input=Wavelet(WholeExtent=[-4, 4, -4, 4, -4, 4]), TrainingPasses=0)
made.UpdatePipeline()
print("made", made.GetPropertyValue("Report").splitlines()[0], sys.argv[1:])
sys.exit(3)
"""


def srn(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "filters")])
    return subprocess.run(
        [sys.executable, "-m", "srn_core.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(PYTHONPATH=paths),
        timeout=400,
    )


def test_what_the_doctor_writes_is_what_paraview_needs(tmp_path: Path) -> None:
    pvpython = executable("pvpython")
    asked = srn("doctor", "--paraview", pvpython, "--write", "here.sh", "--json", folder=tmp_path)
    assert asked.returncode == 0, asked.stderr
    report = json.loads(asked.stdout)
    assert report["fits"], report["problems"]
    assert "srn_core" in report["fit"]["modules"] and report["paraview"]["python"].startswith("3.")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    read = subprocess.run(
        ["/bin/sh", "-c", f". ./here.sh; exec '{pvpython}' use.py a"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        timeout=400,
    )
    assert read.returncode == 3, read.stdout + read.stderr
    started = srn("pvbatch", "--paraview", pvpython, "use.py", "a", "--b", folder=tmp_path)
    assert started.returncode == 3, started.stdout + started.stderr
    assert "made Size: " in read.stdout and read.stdout.rstrip().endswith("['a']")
    assert "made Size: " in started.stdout and started.stdout.rstrip().endswith("['a', '--b']")
