"""Coarse First in the real window: a coarse field is drawn, and when the window is idle the whole one."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
from example_fields import field_of, fvsrn
from gui_window import Window
from in_paraview import PLUGIN, START, environment, executable

from srn_core import codec
from srn_core.volume import Geometry

COARSE, WHOLE = 65 * 33 * 17, 260 * 132 * 68
SCRIPT = """
import json
from paraview.simple import *
reader = OpenDataFile(FILE)
reader.Scale = 4
reader.CoarseFirst = 1
view = GetActiveViewOrCreate("RenderView")
shown = Show(reader, view)
shown.SetRepresentationType("Surface")
name = reader.PointData[0].GetName()
surface = Contour(Input=reader, ContourBy=["POINTS", name], Isosurfaces=[0.0])
Show(surface, view)
ColorBy(shown, ("POINTS", name))
Render(view)
colours = GetColorTransferFunction(name)

def tell(*_):
    facts = dict(
        samples=reader.GetDataInformation().GetNumberOfPoints(),
        range=reader.PointData[0].GetRange(),
        colours=[colours.RGBPoints[0], colours.RGBPoints[-4]],
        triangles=surface.GetDataInformation().GetNumberOfCells(),
    )
    with open(LOG, "a") as log:
        log.write(json.dumps(facts) + "\\n")

tell()
view.GetRenderWindow().AddObserver("EndEvent", tell)
"""


def test_the_whole_field_follows_the_coarse_one(tmp_path: Path) -> None:
    """``SRN_KEEP_PICTURES`` keeps the picture."""
    path, log = tmp_path / "pressure.srn", tmp_path / "log"
    codec.write(path, [field_of(fvsrn(), geometry=Geometry((65, 33, 17)))])
    window = Window(
        executable("paraview"),
        f"FILE, LOG = {str(path)!r}, {str(log)!r}\n{SCRIPT}",
        tmp_path / "home",
        environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None),
    )
    try:
        until = time.monotonic() + 60
        while str(WHOLE) not in log.read_text(encoding="utf-8") and time.monotonic() < until:
            time.sleep(0.2)
        picture = window.photograph()
        said = window.text()
    finally:
        window.close()
    if os.environ.get("SRN_KEEP_PICTURES"):
        picture.save(Path(os.environ["SRN_KEEP_PICTURES"]) / "coarse-first.png")
    assert "ERR" not in said and "Traceback" not in said, said
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    coarse, whole = lines[0], lines[-1]
    assert (coarse["samples"], whole["samples"]) == (COARSE, WHOLE)
    assert whole["triangles"] > 4 * coarse["triangles"] > 0, "filters behind the reader were not brought up to date"
    assert np.ptp(whole["range"]) > np.ptp(coarse["range"]), "the test needs a field with detail"
    for told in (coarse, whole):
        np.testing.assert_allclose(told["colours"], told["range"], rtol=1e-5)
    middle = picture.crop((picture.width // 2, picture.height // 3, picture.width * 3 // 4, picture.height * 2 // 3))
    assert len(middle.getcolors(1 << 24) or []) > 20, "the view shows no field"
