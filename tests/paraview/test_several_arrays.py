"""Several arrays of one input in one neural file, in pvpython."""

from __future__ import annotations

import textwrap

from in_paraview import Run

TWO = """
def two():
    data = image()
    vectors = np.stack([array(data, "density") * scale for scale in (1, 2, 3)], axis=-1)
    more = numpy_to_vtk(np.ascontiguousarray(vectors), deep=True)
    more.SetName("velocity")
    data.GetPointData().AddArray(more)
    data.GetCellData().AddArray(image(association="cell", dtype="int16").GetCellData().GetArray(0))
    return data
"""


def test_arrays_of_points_and_cells_go_into_one_file(run: Run) -> None:
    facts = run(
        TWO
        + textwrap.dedent("""
        data = two()
        made = compressed(data, "density", TrainingPasses=0, Target="psnr", TargetPSNR=60)
        tell(nothing=list(made.MorePointArrays), alone=field_json(servermanager.Fetch(made))["array"])
        made.MorePointArrays = ["velocity"]
        made.MoreCellArrays = ["density"]
        made.UpdatePipeline()
        out = servermanager.Fetch(made)
        written = SaveData("both.srn", proxy=made)
        reader = OpenDataFile("both.srn")
        back = servermanager.Fetch(reader)
        errors = {}
        for where in ("point", "cell"):
            for name in ("density", "velocity"):
                wanted = (data.GetPointData() if where == "point" else data.GetCellData()).GetArray(name)
                if wanted is not None:
                    wanted = vtk_to_numpy(wanted).astype(float)
                    found = array(back, name, where)
                    assert np.array_equal(found, array(out, name, where))
                    assert found.dtype == vtk_to_numpy((data.GetPointData() if where == "point" else
                                                        data.GetCellData()).GetArray(name)).dtype
                    errors[where + name] = float(abs(found - wanted).max() / np.ptp(wanted))
        tell(errors=errors, text=report(made), arrays=[one["array"] for one in field_json(out)["arrays"]])
        made.Components = "separately"
        made.MoreCellArrays = []
        made.UpdatePipeline()
        out = servermanager.Fetch(made).GetPointData()
        tell(apart=[out.GetArrayName(i) for i in range(out.GetNumberOfArrays())])
        """)
    ).facts
    assert facts["nothing"] == [] and facts["alone"] == "density"
    assert set(facts["errors"]) == {"pointdensity", "pointvelocity", "celldensity"}
    assert max(facts["errors"].values()) < 0.02
    assert facts["arrays"] == ["density", "velocity", "density"]
    assert "Array velocity: " in facts["text"]
    assert facts["apart"] == ["density", "velocity_X", "velocity_Y", "velocity_Z"]


def test_a_ratio_is_that_of_the_whole_file(run: Run) -> None:
    facts = run(
        """
        data = image(dims=(30, 20, 16))
        for name, dtype in (("octets", "uint8"), ("long", "int64"), ("exact", "float64")):
            data.GetPointData().AddArray(image(dims=(30, 20, 16), name=name, dtype=dtype).GetPointData().GetArray(0))
        made = compressed(data, "density", TrainingPasses=0, TargetRatio=15)
        made.MorePointArrays = ["octets", "long", "exact"]
        made.UpdatePipeline()
        out = servermanager.Fetch(made)
        tell(report=field_json(out), types={n: str(array(out, n).dtype) for n in ("octets", "long", "exact")},
             size=int(out.GetFieldData().GetArray("srn_bytes").GetNumberOfTuples()), text=report(made))
        """
    ).facts
    original = 30 * 20 * 16 * (4 + 1 + 8 + 8)
    assert facts["report"]["original_bytes"] == original
    assert facts["report"]["bytes"] == facts["size"] <= original / 15
    assert facts["types"] == {"octets": "uint8", "long": "int64", "exact": "float64"}
    assert "Asked: ratio 15 at least" in facts["text"] and "not kept" not in facts["text"]
