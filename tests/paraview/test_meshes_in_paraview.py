"""Unstructured grids, surfaces and point clouds in pvpython: compressed, saved, opened, sampled, evaluated."""

from __future__ import annotations

import textwrap

from in_paraview import ROOT, Run

MESHES = textwrap.dedent("""
    values_of = array  # a programmable filter brings another array into this script

    def result(source):
        source.UpdatePipeline()
        return source.GetClientSideObject().GetOutputDataObject(0)

    def compressed_mesh(mesh, kind, name, **settings):
        return compressed(mesh, name, kind, **{"TrainingPasses": 0, **settings})

    def corners(data):
        from srn_core.io.vtk_meshes import mesh_of
        return mesh_of(data)

    wavelet = Wavelet(WholeExtent=[-7, 7, -6, 6, -5, 5])
    solid = Clip(Input=wavelet, ClipType="Sphere")
    solid.ClipType.Radius = 4.0
    solid = PointDatatoCellData(Input=solid, PassPointData=1)
    contour = Contour(Input=wavelet, ContourBy=["POINTS", "RTData"], Isosurfaces=[180.0])
    surface = Calculator(Input=contour, Function="coordsX + 2*coordsY")
    cloud = MaskPoints(Input=surface, OnRatio=1, GenerateVertices=1, SingleVertexPerCell=1)
    """)


def test_a_mesh_that_is_dropped_becomes_an_image_that_gives_its_values_back(run: Run) -> None:
    facts = run(
        MESHES
        + textwrap.dedent("""
        found = {}
        for title, mesh, kind, name in (
            ("surface", surface, "POINTS", "Result"), ("solid", solid, "CELLS", "RTData"),
        ):
            made = compressed_mesh(mesh, kind, name, Target="bytes", TargetBytes=1500, Geometry="drop")
            image, given = result(made), result(mesh)
            sampled = NeuralSample(NeuralFile=made, Points=mesh, At="Points" if kind == "POINTS" else "Cells")
            values = values_of(result(sampled), name, "point" if kind == "POINTS" else "cell")
            wanted = values_of(given, name, "point" if kind == "POINTS" else "cell")
            size = made.GetClientSideObject().GetOutputDataObject(0).GetFieldData().GetArray("srn_bytes")
            found[title] = dict(
                input=given.GetClassName(), kind=image.GetClassName(), bytes=size.GetNumberOfValues(),
                worst=float(abs(values - wanted).max() / np.ptp(wanted)), text=report(made),
                apart=float(np.abs(np.subtract(image.GetBounds(), given.GetBounds())).max()),
            )
        tell(**found)
        """)
    ).facts
    assert [facts[name]["input"] for name in ("solid", "surface")] == ["vtkUnstructuredGrid", "vtkPolyData"]
    for one in facts.values():
        assert one["kind"] == "vtkImageData" and "PSNR" in one["text"] and "SSIM" not in one["text"]
        assert one["bytes"] <= 1500 and one["worst"] < 0.15 and one["apart"] < 1e-5


def test_a_mesh_that_is_kept_comes_back_to_the_bit(run: Run) -> None:
    facts = run(
        MESHES
        + textwrap.dedent("""
        found = {}
        holes = ProgrammableFilter(Input=solid)
        holes.Script = (
            "values = inputs[0].PointData['RTData'].copy()\\n"
            "values[7] = float('nan')\\n"
            "output.PointData.append(values, 'RTData')\\n"
            "output.CellData.append((inputs[0].CellData['RTData'] * 10).astype('int16'), 'tenths')\\n"
        )
        for title, mesh, more in (("solid", holes, ["tenths"]), ("cloud", cloud, [])):
            name = "RTData" if title == "solid" else "Result"
            made = compressed_mesh(mesh, "POINTS", name, Target="psnr", TargetPSNR=35)
            made.MoreCellArrays = more
            SaveData(f"{title}.srn", proxy=made)
            reader = OpenDataFile(f"{title}.srn")
            given, outputs = result(mesh), [result(made), result(reader)]
            same = [corners(one) == corners(given) for one in outputs]
            values, wanted = values_of(outputs[1], name), values_of(given, name)
            known = np.isfinite(wanted)
            errors = values[known].astype(float) - wanted[known]
            psnr = 20 * np.log10(np.ptp(wanted[known]) / np.sqrt(np.mean(errors**2)))
            found[title] = dict(
                kinds=[one.GetClassName() for one in outputs], same=same, text=report(made), psnr=float(psnr),
                holes=np.flatnonzero(~np.isfinite(values)).tolist(), dtype=str(values.dtype),
                alike=bool(np.array_equal(values_of(outputs[0], name), values, equal_nan=True)),
            )
            if more:
                tenths = values_of(outputs[1], "tenths", "cell")
                wanted = values_of(given, "tenths", "cell")
                found["tenths"] = [str(tenths.dtype), float(abs(tenths - wanted.astype(float)).max() / np.ptp(wanted))]
                reader.Gradient = 1
                slopes = values_of(result(reader), "RTData gradient")
                found["slopes"] = [list(slopes.shape), int((~np.isfinite(slopes).all(axis=1)).sum())]
                box = NeuralResample(Input=reader, Sampling="Dims", Dims=[20, 18, 16])
                image = result(box)
                arrays = image.GetPointData().GetNumberOfArrays()
                found["box"] = [image.GetClassName(), list(image.GetDimensions()), arrays]
                sampled = NeuralSample(NeuralFile=reader, Points=mesh)
                found["sampled"] = float(np.nanmax(abs(values_of(result(sampled), "RTData") - values)))
                errors = NeuralEvaluate(Original=mesh, ComparedWith=reader)
                errors.Array = ["POINTS", "RTData"]
                errors.UpdatePipeline()
                found["evaluated"] = report(errors)
        tell(**found)
        """)
    ).facts
    assert facts["solid"]["kinds"] == ["vtkUnstructuredGrid"] * 2
    assert facts["cloud"]["kinds"] == ["vtkPolyData"] * 2
    for title in ("solid", "cloud"):
        one = facts[title]
        assert one["same"] == [True, True] and one["alike"], title
        assert one["psnr"] > 34.9 and one["holes"] == ([7] if title == "solid" else [])
        assert "Mesh:" in one["text"] and "kept exactly" in one["text"]
    assert facts["tenths"][0] == "int16" and facts["tenths"][1] < 0.2
    assert facts["slopes"][0][1] == 3 and facts["slopes"][1] == 1
    assert facts["box"] == ["vtkImageData", [20, 18, 16], 2]
    assert facts["sampled"] < 1e-3


def test_a_network_is_trained_on_the_points_of_a_surface(run: Run) -> None:
    facts = run(
        MESHES
        + textwrap.dedent("""
        found = {}
        for title, settings in (
            ("fvsrn", dict(Pruner="smallify", TrainingPasses=150)),
            ("neurcomp", dict(Network="neurcomp", Pruner="none", TrainingPasses=150)),
        ):
            settings = dict(Target="bytes", TargetBytes=2500, Geometry="drop", **settings)
            made = compressed_mesh(cloud, "POINTS", "Result", **settings)
            made.UpdatePipeline()
            sampled = NeuralSample(NeuralFile=made, Points=cloud)
            values, wanted = (values_of(result(source), "Result") for source in (sampled, cloud))
            told = field_json(result(made))
            error = np.sqrt(np.mean((values.astype(float) - wanted) ** 2))
            found[title] = dict(
                kind=result(cloud).GetClassName(), told=told["psnr"], passes=told["passes"], samples=told["samples"],
                psnr=float(20 * np.log10(np.ptp(wanted) / error)), points=len(wanted),
            )
        tell(**found)
        """)
    ).facts
    for one in facts.values():
        assert one["kind"] == "vtkPolyData" and one["samples"] == one["points"]
        assert abs(one["passes"] - 150) < 8, "passes are over the points, not over the grid"
        assert one["psnr"] > 30 and abs(one["psnr"] - one["told"]) < 0.01


def test_a_largest_error_holds_at_points_and_cells(run: Run) -> None:
    facts = run(
        MESHES
        + textwrap.dedent("""
        made = compressed_mesh(solid, "POINTS", "RTData", Target="max-error", MaxError="0.5%")
        made.MoreCellArrays = ["RTData"]
        SaveData("kept.srn", proxy=made)
        reader, found = OpenDataFile("kept.srn"), {}
        for kind in ("point", "cell"):
            wanted, values = values_of(result(solid), "RTData", kind), values_of(result(reader), "RTData", kind)
            found[kind] = float(abs(values.astype(float) - wanted).max() / np.ptp(wanted))
        refused = compressed_mesh(solid, "POINTS", "RTData", Target="max-error", MaxError="0.5%", Geometry="drop")
        tell(**found, text=report(made), no=(refused.UpdatePipeline(), report(refused))[1])
        """),
        errors=True,
    ).facts
    assert 0.0 < facts["point"] <= 0.005001 and 0.0 < facts["cell"] <= 0.005001
    assert "0.5 % of the range" in facts["text"] and "kept" in facts["text"]
    assert "a largest error only where they are an array of a mesh" in facts["no"]


def test_polyhedra_keep_their_faces(run: Run) -> None:
    facts = run(
        MESHES
        + textwrap.dedent(f"""
        sys.path.append({str(ROOT / "tests")!r})
        from mesh_fields import polyhedra, smooth
        from vtkmodules.vtkCommonCore import vtkIdList
        from srn_core.io.vtk_meshes import add_array, of_mesh
        mesh = polyhedra()
        data = of_mesh(mesh)
        add_array(data, smooth(mesh, "cell"))
        made = compressed(data, "heat", "CELLS", TrainingPasses=0, Target="max-error", MaxError="1%")
        SaveData("cells.srn", proxy=made)
        back = result(OpenDataFile("cells.srn"))

        def faces(grid):
            found, ids = [], vtkIdList()
            for cell in range(grid.GetNumberOfCells()):
                grid.GetFaceStream(cell, ids)
                found.append([ids.GetId(number) for number in range(ids.GetNumberOfIds())])
            return found

        errors = values_of(back, "heat", "cell").astype(float) - smooth(mesh, "cell").values
        shown = Slice(Input=OpenDataFile("cells.srn"))
        shown.SliceType.Origin, shown.SliceType.Normal = [2.0, 1.5, 0.7], [0, 0, 1]
        tell(same=corners(back) == mesh, faces=faces(back) == faces(data), cells=result(shown).GetNumberOfCells(),
             worst=float(abs(errors).max() / np.ptp(smooth(mesh, "cell").values)), text=report(made))
        """)
    ).facts
    assert facts["same"] and facts["faces"] and facts["cells"] >= 12
    assert facts["worst"] <= 0.010001 and "Mesh:" in facts["text"]
