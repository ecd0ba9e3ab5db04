"""Neural Compress of more than is to be in memory: bricks are asked of the source one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from brick_fields import jump
from in_paraview import run_script

import srn_core

SOURCE = """
import builtins
pick = array  # programmable sources put NumPy names into this namespace
def waves_in(dims):
    made = ProgrammableSource()
    made.OutputDataSetType = "vtkImageData"
    whole = [end for n in dims for end in (0, n - 1)]
    made.ScriptRequestInformation = f'''
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as P, vtkAlgorithm
from vtkmodules.vtkCommonDataModel import vtkDataObject
info = self.GetOutputInformation(0)
info.Set(P.WHOLE_EXTENT(), {whole}, 6)
info.Set(vtkDataObject.SPACING(), (0.5, 0.25, 2.0), 3)
info.Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)
'''
    made.Script = '''
import numpy as np, builtins
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as P
extent = self.GetOutputInformation(0).Get(P.UPDATE_EXTENT())
image = self.GetImageDataOutput()
image.SetExtent(*extent)
image.SetSpacing(0.5, 0.25, 2.0)
x, y, z = (np.arange(a, b + 1, dtype=np.float32) for a, b in zip(extent[::2], extent[1::2]))
v = np.sin(x / 7) * np.cos(y[:, None] / 5) + np.float32(0.3) * np.sin(z[:, None, None] / 3 + x / 4)
packed = numpy_to_vtk(v.astype(np.float32).ravel(), deep=True)
packed.SetName("waves")
image.GetPointData().AddArray(packed)
builtins.asked = getattr(builtins, "asked", []) + [list(extent)]
'''
    return made

def samples(extent):
    return np.prod([b - a + 1 for a, b in zip(extent[::2], extent[1::2])])
"""


def test_bricks_are_asked_for_one_by_one(tmp_path: Path) -> None:
    facts = run_script(
        tmp_path,
        SOURCE
        + """
dims = (44, 30, 60)
made = NeuralCompress(Input=waves_in(dims), Target="bytes", TargetBytes=24000, TrainingPasses=0, BrickEdge=32)
made.UpdatePipeline()
largest = builtins.max(samples(extent) for extent in builtins.asked)
passes = len(builtins.asked)
SaveData("a.srn", proxy=made)
sliced = ExtractSubset(Input=made, VOI=[3, 9, 4, 12, 5, 8])
sliced.UpdatePipeline()
part = pick(servermanager.Fetch(sliced), "waves")
np.save("part.npy", part.reshape(4, 9, 7))
tell(largest=int(largest), passes=passes, again=len(builtins.asked), report=report(made),
     extent=made.GetDataInformation().GetExtent(), spacing=servermanager.Fetch(made).GetSpacing())
""",
    ).facts
    assert facts["largest"] < 44 * 30 * 60 // 2  # never more than a brick and its halo, or some layers
    assert facts["again"] == facts["passes"]  # what was made once serves every part
    assert facts["extent"] == [0, 43, 0, 29, 0, 59]
    assert facts["spacing"] == [0.5, 0.25, 2.0]
    assert "Bricks: 4" in facts["report"]
    file = srn_core.load(str(tmp_path / "a.srn"))
    decoded = file.decode().values
    np.testing.assert_array_equal(np.load(tmp_path / "part.npy"), decoded[5:9, 4:13, 3:10])
    x, y, z = (np.arange(n, dtype=np.float32) for n in (44, 30, 60))
    original = np.sin(x / 7) * np.cos(y[:, None] / 5) + np.float32(0.3) * np.sin(z[:, None, None] / 3 + x / 4)
    across, inside = jump(decoded - original, ([22], [], [30]))
    assert across < 1.3 * inside
    assert srn_core.evaluate(file, original.astype(np.float32)).psnr == pytest.approx(
        file.fields[0].quality.psnr, rel=1e-4
    )
