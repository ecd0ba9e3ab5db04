"""State files, batch runs on several ranks, and the window itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from example_fields import field_of, fvsrn
from gui_window import Window
from in_paraview import PLUGIN, START, Run, environment, executable

from srn_core import codec
from srn_core.volume import Geometry


def small_file(folder: Path) -> Path:
    path = folder / "pressure.srn"
    codec.write(path, [field_of(fvsrn(), geometry=Geometry((9, 7, 5)))])
    return path


def test_state_file_brings_everything_back(run: Run, tmp_path: Path) -> None:
    path = small_file(tmp_path)
    facts = run(
        f"""
        wavelet = Wavelet(WholeExtent=[-4, 4, -4, 4, -4, 4])
        wavelet.UpdatePipeline()
        made = NeuralCompress(
            registrationName="made", Input=wavelet, TargetRatio=2.5, TrainingPasses=2, TrainingSeconds=20,
            Network="neurcomp", Pruner="none", Seed=7, MoreSettings="neurcomp.width=8 neurcomp.blocks=1"
        )
        reader = OpenDataFile({str(path)!r})
        RenameSource("reader", reader)
        fine = NeuralResample(registrationName="fine", Input=reader, Scale=1.5)
        line = Line(Point1=[0, 0, 0], Point2=[8, 6, 4], Resolution=5)
        NeuralSample(registrationName="sampled", NeuralFile=reader, Points=line)
        view = CreateRenderView()
        Show(fine, view)
        Show(made, view)
        Render(view)
        SaveState({str(tmp_path / "all.pvsm")!r})
        ResetSession()
        LoadState({str(tmp_path / "all.pvsm")!r})
        made, reader, fine, sampled = (FindSource(n) for n in ("made", "reader", "fine", "sampled"))
        for source in (made, fine, sampled):
            source.UpdatePipeline()
        tell(array=list(made.Array), ratio=made.TargetRatio, seed=made.Seed,
             network=made.Network == "neurcomp", pruner=made.Pruner == "none",
             report=field_json(servermanager.Fetch(made))["network"], files=list(reader.FileNames),
             dims=servermanager.Fetch(fine).GetDimensions(),
             valid=int(array(servermanager.Fetch(sampled), "vtkValidPointMask").sum()))
        """,
        display=True,
    ).facts
    assert facts["array"] == ["POINTS", "RTData"]
    assert (facts["ratio"], facts["network"], facts["pruner"], facts["seed"]) == (2.5, True, True, 7)
    assert facts["report"] == "neurcomp"
    assert facts["files"] == [str(path)]
    assert facts["dims"] == [14, 10, 8]
    assert facts["valid"] == 6


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun here")
def test_two_ranks(run: Run, tmp_path: Path) -> None:
    path = small_file(tmp_path)
    result = run(
        f"""
        LoadPlugin({str(PLUGIN)!r}, remote=True, ns=globals())
        folder = {str(tmp_path)!r} + "/"
        made = trained(Wavelet(WholeExtent=[-4, 4, -4, 4, -4, 4]), "RTData")
        made.UpdatePipeline()
        SaveData(folder + "made.srn", proxy=made)
        reader = OpenDataFile({str(path)!r})
        fine = NeuralResample(Input=reader, Scale=2)
        fine.UpdatePipeline()
        SaveData(folder + "read.srn", proxy=reader)
        tell(made=made.GetDataInformation().GetExtent(), fine=fine.GetDataInformation().GetExtent())
        """,
        program="pvbatch",
        ranks=2,
        load=False,
        PYTHONPATH=str(START),
        display=True,
    )
    assert result.facts["made"] == [-4, 4, -4, 4, -4, 4]
    assert result.facts["fine"] == [0, 17, 0, 13, 0, 9]
    assert (tmp_path / "read.srn").read_bytes() == path.read_bytes()
    assert codec.read(tmp_path / "made.srn")[0].name == "RTData"


def test_window_with_the_filter_applied(tmp_path: Path) -> None:
    script = """
from paraview.simple import *
wavelet = Wavelet(WholeExtent=[-10, 10, -10, 10, -10, 10])
wavelet.UpdatePipeline()
made = NeuralCompress(Input=wavelet, TrainingPasses=20, TrainingSeconds=20)
made.UpdatePipeline()
view = GetActiveViewOrCreate("RenderView")
shown = Show(made, view)
shown.SetRepresentationType("Surface")
ColorBy(shown, ("POINTS", "RTData"))
ResetCamera(view)
Render(view)
SetActiveSource(made)
with open(REPORT, "w") as file:
    file.write(made.GetPropertyValue("Report"))
"""
    home, report = tmp_path / "home", tmp_path / "report.txt"
    home.mkdir()
    window = Window(
        executable("paraview"),
        f"REPORT = {str(report)!r}\n{script}",
        home,
        environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None),
    )
    try:
        picture = window.photograph()
        text = window.text()
    finally:
        window.close()
    # Nothing in the script asked for it: the filter itself has the panel's report brought up to date.
    assert report.read_text().startswith("Size: ") and "PSNR: " in report.read_text()
    assert "ERR" not in text and "Traceback" not in text
    kept = os.environ.get("SRN_KEEP_PICTURES")
    if kept:
        picture.save(Path(kept) / "window.png")
    middle = picture.crop((picture.width // 2, picture.height // 3, picture.width * 3 // 4, picture.height * 2 // 3))
    colours = middle.getcolors(1 << 24) or []
    assert len(colours) > 50, "the view shows no coloured reconstruction"
