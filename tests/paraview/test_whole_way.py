"""The whole way in one session of ParaView, with the packages for decoding alone: what every version has to do."""

from __future__ import annotations

from pathlib import Path

from in_paraview import Run

import srn_core

SESSION = """
for name in ("torch", "pywt", "sklearn"):  # nothing here may need them
    sys.modules[name] = None
FOLDER = {folder!r}

def order(group, name):
    # Of the properties in the definition, which is that of the panel.
    definitions = servermanager.ProxyManager().SMProxyManager.GetProxyDefinitionManager()
    whole = definitions.GetCollapsedProxyDefinition(group, name, None, True)
    nested = [whole.GetNestedElement(i) for i in range(whole.GetNumberOfNestedElements())]
    return [n.GetAttribute("name") for n in nested if n.GetName().endswith("VectorProperty")]

wavelet = Wavelet(WholeExtent=[-8, 8, -7, 7, -6, 6])
made = NeuralCompress(Input=wavelet, TrainingPasses=0)
made.Target = "psnr"
made.TargetPSNR = 45
made.UpdatePipeline()
out = servermanager.Fetch(made)
tell(version=str(servermanager.vtkSMProxyManager.GetParaViewSourceVersion()), report=field_json(out), text=report(made),
     panel=order("filters", "NeuralCompress"), dims=out.GetDimensions())
for ending in ("srn", "onnx", "vti"):
    SaveData(FOLDER + "/made." + ending, proxy=made)

reader = OpenDataFile(FOLDER + "/made.srn")
fine = NeuralResample(registrationName="fine", Input=reader, Scale=2)
fine.UpdatePipeline()
sampled = NeuralSample(registrationName="sampled", NeuralFile=reader, Gradient=1,
                       Points=Line(Point1=[-8, 0, 0], Point2=[8, 0, 0], Resolution=16))
sampled.UpdatePipeline()
surface = NeuralContour(registrationName="surface", Input=reader, Isosurfaces=[150.0])
surface.UpdatePipeline()
compared = NeuralEvaluate(registrationName="compared", Original=wavelet, ComparedWith=reader)
compared.Array = ["POINTS", "RTData"]
compared.UpdatePipeline()
whole = Contour(Input=reader, ContourBy=["POINTS", "RTData"], Isosurfaces=[150.0])
whole.UpdatePipeline()
tell(reader=array(servermanager.Fetch(reader), "RTData").tolist() == array(out, "RTData").tolist(),
     fine=servermanager.Fetch(fine).GetDimensions(),
     sampled=sorted(name for name in sampled.PointData.keys()),
     on_voxels=float(np.abs(array(servermanager.Fetch(sampled), "RTData")
                            - array(out, "RTData").reshape(13, 15, 17)[6, 7]).max()),
     surface=servermanager.Fetch(surface).GetNumberOfPolys(), whole=servermanager.Fetch(whole).GetNumberOfPolys(),
     psnr=servermanager.Fetch(compared, idx=1).GetColumnByName("psnr").GetValue(0))

SaveState(FOLDER + "/all.pvsm")
ResetSession()
LoadState(FOLDER + "/all.pvsm")
names = ("fine", "sampled", "surface", "compared")
for name in names:
    FindSource(name).UpdatePipeline()
tell(again=[FindSource(name).GetDataInformation().GetNumberOfPoints() > 0 for name in names],
     scale=FindSource("fine").Scale)
"""


FIRST = ["Array", "Target", "TargetRatio", "TargetPSNR", "Preset", "TimeLimit", "Network", "Pruner", "Seed"]
"""Some properties, as the panel of every version has them, from top to bottom."""


def test_compress_read_resample_sample_contour_evaluate_and_save(run: Run, tmp_path: Path) -> None:
    facts = run(SESSION.replace("{folder!r}", repr(str(tmp_path))), display=True).facts
    panel = [name for name in facts["panel"] if name in FIRST]
    assert panel == FIRST
    assert facts["report"]["psnr"] >= 45 and "PSNR" in facts["text"]
    file = srn_core.load(tmp_path / "made.srn")
    assert file.nbytes == facts["report"]["bytes"]
    assert facts["dims"] == [17, 15, 13] and facts["reader"] and facts["fine"] == [34, 30, 26]
    assert {"RTData", "RTData gradient", "vtkValidPointMask"} <= set(facts["sampled"])
    assert facts["on_voxels"] < 0.03, "a hundred thousandth of the range"
    assert abs(facts["psnr"] - facts["report"]["psnr"]) < 0.01
    assert facts["surface"] == facts["whole"] > 100
    assert facts["again"] == [True] * 4 and facts["scale"] == 2
    assert all((tmp_path / f"made.{ending}").stat().st_size > 0 for ending in ("onnx", "vti"))
