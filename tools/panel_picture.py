"""A picture of ParaView's window with the panel of Neural Compress, before or after Apply.

    python tools/panel_picture.py volume.vti panel.png --applied

needs ParaView (PVPYTHON, or paraview on the PATH) and Xvfb.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "paraview")]

SCRIPT = """
from paraview.simple import *
volume = OpenDataFile({volume!r})
volume.UpdatePipeline()
Show(volume, GetActiveViewOrCreate("RenderView"))
small = NeuralCompress(Input=volume, TargetRatio={ratio}, Preset={preset!r})
if {applied}:
    small.UpdatePipeline()
    Hide(volume)
    shown = Show(small)
    shown.SetRepresentationType("Surface")
    ColorBy(shown, ("POINTS", small.PointData[0].Name))
else:
    GetDisplayProperties(volume).SetRepresentationType("Surface")
    ColorBy(GetDisplayProperties(volume), ("POINTS", volume.PointData[0].Name))
view = GetActiveView()
view.CameraPosition, view.CameraFocalPoint, view.CameraViewUp = [1.6, -2.2, 1.3], [0, 0, 0], [0, 0, 1]
ResetCamera()
SetActiveSource(small)
Render()
"""


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="A picture of the panel of Neural Compress.")
    parser.add_argument("volume", type=Path, help="what ParaView opens")
    parser.add_argument("picture", type=Path, help="the .png file to write")
    parser.add_argument("--applied", action="store_true", help="after Apply, with the report, not before")
    parser.add_argument("--ratio", type=float, default=100.0, help="target (default: %(default)g)")
    parser.add_argument("--preset", default="balanced", help="how much work (default: %(default)s)")
    parser.add_argument("--size", type=int, nargs=2, default=(1100, 1400), help="of the window, in pixels")
    given = parser.parse_args(arguments)
    import gui_window
    from in_paraview import PLUGIN, START, environment, executable

    gui_window.WIDTH, gui_window.HEIGHT = given.size
    script = SCRIPT.format(
        volume=str(given.volume.resolve()), ratio=given.ratio, preset=given.preset, applied=given.applied
    )
    with tempfile.TemporaryDirectory() as folder:
        window = gui_window.Window(
            executable("paraview"),
            script,
            Path(folder) / "home",
            environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None),
        )
        try:
            picture, said = window.photograph(), window.text()
        finally:
            window.close()
    if "Traceback" in said:
        raise SystemExit(said)
    picture.quantize(256).save(given.picture, optimize=True)


if __name__ == "__main__":
    main()
