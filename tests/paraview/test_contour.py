"""Neural Contour in pvpython: what it offers, and that its surfaces are those of ParaView's own Contour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from in_paraview import Run
from surface_fields import latents_alone, same_cells

from srn_core import codec
from srn_core.volume import Geometry

SHAPE = (15, 18, 21)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    geometry = Geometry(SHAPE[::-1], (10.0, 20.0, 30.0), (0.5, 0.25, 2.0), start=(-3, 4, 7))
    fields = [latents_alone(SHAPE, geometry=geometry, time=t, value_range=((-1.0, t),)) for t in (1.0, 2.0)]
    codec.write(tmp_path / "pressure.srn", fields)
    return tmp_path / "pressure.srn"


def test_surfaces_are_those_of_contour(run: Run, tmp_path: Path, path: Path) -> None:
    facts = run(
        f"""
        def surface(source, time=None):
            source.UpdatePipeline(time) if time is not None else source.UpdatePipeline()
            out = servermanager.Fetch(source)
            points = vtk_to_numpy(out.GetPoints().GetData())
            return out, points, vtk_to_numpy(out.GetPolys().GetConnectivityArray()).reshape(-1, 3)

        reader = OpenDataFile({str(path)!r})
        reader.UpdatePipeline()
        ours = NeuralContour(Input=reader)
        offered = list(ours.Isosurfaces)
        ours.Isosurfaces = [0.3, 0.6]
        ours.Scale = 2
        ours.ComputeScalars = 1
        whole = Contour(Input=NeuralResample(Input=reader, Scale=2), ContourBy=["POINTS", "pressure"],
                        Isosurfaces=[0.3, 0.6])
        kept = dict()
        for time in (1.0, 2.0):
            out, kept[f"points{{time}}"], kept[f"cells{{time}}"] = surface(ours, time)
            _, kept[f"whole_points{{time}}"], kept[f"whole_cells{{time}}"] = surface(whole, time)
        np.savez({str(tmp_path / "got.npz")!r}, **kept)
        again = NeuralContour(Input=reader, ContourBy=["POINTS", "pressure"], Isosurfaces=[0.6])
        again.UpdatePipeline()
        tell(offered=offered, by=list(ours.ContourBy), times=list(ours.TimestepValues), kind=out.GetClassName(),
             names=[out.GetPointData().GetArrayName(i) for i in range(out.GetPointData().GetNumberOfArrays())],
             scalars=sorted(set(np.round(array(out, "pressure"), 4).tolist())),
             blocks=vtk_to_numpy(out.GetFieldData().GetArray("srn_blocks")).tolist(),
             some=servermanager.Fetch(again).GetNumberOfPolys())
        """
    ).facts
    assert facts["kind"] == "vtkPolyData"
    assert facts["by"] == ["POINTS", "pressure"]
    assert len(facts["offered"]) == 1, "the middle of the array's range is offered"
    assert facts["times"] == [1.0, 2.0]
    assert sorted(facts["names"]) == ["Normals", "pressure"]
    assert facts["scalars"] == pytest.approx([0.3, 0.6], abs=1e-4)
    assert facts["some"] > 0
    got = np.load(tmp_path / "got.npz")
    counts = set()
    for time in (1.0, 2.0):
        ours = got[f"points{time}"].astype(np.float64), got[f"cells{time}"]
        whole = got[f"whole_points{time}"].astype(np.float64), got[f"whole_cells{time}"]
        assert same_cells(ours, whole)
        counts.add(len(ours[1]))
    assert len(counts) == 2, "each time step has its own surface"


def test_panel_says_what_is_wrong(run: Run, path: Path) -> None:
    result = run(
        f"""
        reader = OpenDataFile({str(path)!r})
        reader.UpdatePipeline()
        NeuralContour(Input=reader, Isosurfaces=[0.5], Component=2).UpdatePipeline()
        empty = NeuralContour(Input=reader)
        empty.Isosurfaces = []
        empty.UpdatePipeline()
        NeuralContour(Input=Wavelet(), Isosurfaces=[100]).UpdatePipeline()
        """,
        errors=True,
    )
    said = [line for line in result.text.splitlines() if line.startswith("ERROR: ")]
    for wanted in ("no component 2", "at least one value", "Apply Neural Compress first"):
        assert sum(wanted in line for line in said) == 1, (wanted, result.text)
    assert "Traceback" not in result.text
