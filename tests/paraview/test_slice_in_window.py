"""A slice in the window: Neural Sample at the points of a plane, coloured by the magnitude of the gradient."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from example_fields import field_of, fvsrn
from gui_window import Window
from in_paraview import PLUGIN, START, environment, executable

from srn_core import codec
from srn_core.volume import Geometry

SCRIPT = """
from paraview.simple import *
reader = OpenDataFile(FILE)
reader.LevelOfDetail = 6
reader.UpdatePipeline()
x0, x1, y0, y1, z0, z1 = reader.GetDataInformation().GetBounds()
middle = (z0 + z1) / 2
plane = Plane(Origin=[x0, y0, middle], Point1=[x1, y0, middle], Point2=[x0, y1, middle], XResolution=400,
              YResolution=400)
slice_ = NeuralSample(NeuralFile=reader, Points=plane, Gradient=1)
slice_.UpdatePipeline()
view = GetActiveViewOrCreate("RenderView")
outline = Show(reader, view)
outline.SetRepresentationType("Outline")
shown = Show(slice_, view)
shown.SetRepresentationType("Surface")
ColorBy(shown, ("POINTS", NAME + " gradient", "Magnitude"))
shown.RescaleTransferFunctionToDataRange()
shown.SetScalarBarVisibility(view, True)
ResetCamera(view)
SetActiveSource(slice_)
Render(view)
"""


def test_gradient_on_a_slice(tmp_path: Path) -> None:
    """``SRN_KEEP_PICTURES`` keeps the picture; ``SRN_PICTURE_FILE`` names another .srn file to make it from."""
    path = Path(os.environ.get("SRN_PICTURE_FILE", tmp_path / "pressure.srn"))
    if "SRN_PICTURE_FILE" not in os.environ:
        codec.write(path, [field_of(fvsrn(), geometry=Geometry((33, 33, 17)))])
    script = f"FILE, NAME = {str(path)!r}, {codec.read(path)[0].name!r}\n{SCRIPT}"
    window = Window(
        executable("paraview"),
        script,
        tmp_path / "home",
        environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None),
    )
    try:
        picture = window.photograph()
        said = window.text()
    finally:
        window.close()
    kept = os.environ.get("SRN_KEEP_PICTURES")
    if kept:
        picture.save(Path(kept) / "slice-gradient.png")
    assert "ERR" not in said and "Traceback" not in said
    middle = picture.crop(
        (picture.width // 2, picture.height * 2 // 5, picture.width * 3 // 4, picture.height * 3 // 5)
    )
    assert len(middle.getcolors(1 << 24) or []) > 100, "the view shows no coloured slice"
    pixels = np.asarray(middle, np.int64).reshape(-1, 3)
    assert (np.ptp(pixels, axis=1) > 40).mean() > 0.2, "the slice has no colours"
