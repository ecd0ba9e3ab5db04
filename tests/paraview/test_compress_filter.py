"""Neural Compress in pvpython."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from in_paraview import Run
from PIL import Image


def test_point_array_comes_back_on_its_geometry_with_report_and_history(run: Run) -> None:
    facts = run(
        """
        data = image(start=(-3, 4, 7))
        data.SetDirectionMatrix(0, -1, 0, 1, 0, 0, 0, 0, 1)
        made = trained(data, "density")
        made.UpdatePipeline()
        out = servermanager.Fetch(made)
        direction = out.GetDirectionMatrix()
        history = servermanager.Fetch(made, idx=1)
        import srn_core
        content = bytes(vtk_to_numpy(out.GetFieldData().GetArray("srn_bytes")))
        decoded = srn_core.load(content).decode()
        numpy_home = np.__file__
        tell(
            extent=out.GetExtent(), spacing=out.GetSpacing(), origin=out.GetOrigin(),
            direction=[direction.GetElement(r, c) for r in range(3) for c in range(3)],
            arrays=[out.GetPointData().GetArrayName(i) for i in range(out.GetPointData().GetNumberOfArrays())],
            type=str(array(out, "density").dtype),
            same_as_file=bool(np.array_equal(decoded.values.ravel(), array(out, "density"))),
            bytes=len(content), report=field_json(out), text=report(made),
            columns=[history.GetColumnName(i) for i in range(history.GetNumberOfColumns())],
            rows=history.GetNumberOfRows(), numpy=numpy_home,
        )
        """
    ).facts
    assert facts["extent"] == [-3, 5, 4, 11, 7, 13]
    assert facts["spacing"] == [0.5, 0.25, 2.0] and facts["origin"] == [10.0, 20.0, 30.0]
    assert facts["direction"] == [0, -1, 0, 1, 0, 0, 0, 0, 1]
    assert facts["arrays"] == ["density"] and facts["type"] == "float32"
    assert facts["same_as_file"]
    assert facts["report"]["bytes"] == facts["bytes"]
    assert {"psnr", "ratio", "max_error", "seconds"} <= set(facts["report"])
    assert "PSNR" in facts["text"] and "fvsrn" in facts["text"]
    assert facts["columns"] == ["pass", "seconds", "phase", "loss", "psnr", "kept_fraction"]
    assert facts["rows"] >= 1
    assert ".venv" not in facts["numpy"], "ParaView's own NumPy must come first"


def test_the_default_needs_no_training_and_auto_tries_both(run: Run) -> None:
    facts = run(
        """
        made = compressed(image(), "density", TrainingPasses=0)
        made.UpdatePipeline()
        out = servermanager.Fetch(made)
        default, said = field_json(out), report(made)
        table = servermanager.Fetch(made, idx=1)
        made.Target = "max-error"
        made.MaxError = "1%"
        made.UpdatePipeline()
        bounded = servermanager.Fetch(made)
        error = np.abs(array(bounded, "density") - array(image(), "density")).max()
        made.Target = "ratio"
        made.Network = "auto"
        made.TrainingPasses = 1
        made.MoreSettings = "neurcomp.blocks=1 training.batch=512"
        made.UpdatePipeline()
        tell(default=default, said=said, rows=table.GetNumberOfRows(), error=float(error),
             range=float(np.ptp(array(image(), "density"))), promised=report(made),
             auto=field_json(servermanager.Fetch(made))["tried"], told=report(made))
        """
    ).facts
    assert (facts["default"]["network"], facts["default"]["pruner"]) == ("fvsrn", "rate")
    assert facts["default"]["psnr"] > 50 and facts["default"]["train_seconds"] == 0
    assert facts["rows"] >= 1, "what was tried is the history"
    assert "fvsrn, rate" in facts["said"]
    assert facts["error"] <= 0.01 * facts["range"]
    assert set(facts["auto"]) == {"fvsrn", "neurcomp"}
    assert "Tried: fvsrn " in facts["told"]


def test_a_refused_setting_is_refused_whatever_was_made_before(run: Run) -> None:
    told = run(
        """
        made = compressed(image(), "density", TrainingPasses=0)
        told = []
        for more in ("", "mask.threshold=0.4", ""):
            made.MoreSettings = more
            made.UpdatePipeline()
            told.append(report(made))
        tell(told=told)
        """,
        errors=True,
    ).facts["told"]
    assert told[0] == told[2] and told[0].startswith("Size: ")
    assert "mask.threshold belongs to the pruner mask" in told[1]


def test_training_runs_once_for_the_same_input_and_settings(run: Run) -> None:
    facts = run(
        """
        def took():
            made.UpdatePipeline()
            return field_json(servermanager.Fetch(made))["seconds"]

        made = trained(image(), "density")
        view = CreateRenderView()
        first = took()
        shown = Show(made, view)
        shown.SetRepresentationType("Surface")
        ColorBy(shown, ("POINTS", "density"))
        Render(view)
        part = Slice(Input=made)
        part.SliceType.Origin = [11.0, 20.5, 32.0]
        Show(part, view)
        Render(view)
        rendered = took()
        made.Device = "cpu"
        device = took()
        made.Omega = 12.0  # of the network that is not chosen
        irrelevant = took()
        made.Seed = 3
        seed = took()
        made.Seed = 0
        back = took()
        source = made.Input
        source.GetClientSideObject().SetOutput(image())  # the same values, in a new object
        source.MarkModified(source)
        same_values = took()
        made.InvokeCommand("TrainAgain")
        again = took()
        tell(first=first, rendered=rendered, device=device, irrelevant=irrelevant, seed=seed, back=back,
             same_values=same_values, again=again)
        """,
        display=True,
    ).facts
    first = facts["first"]
    for kept in ("rendered", "device", "irrelevant", "back", "same_values"):
        assert facts[kept] == first, kept  # a second training takes another number of milliseconds
    assert facts["seed"] != first
    assert facts["again"] != first


def test_kinds_of_arrays(run: Run) -> None:
    facts = run(
        """
        def outcome(data, name, association="POINTS"):
            made = trained(data, name, association)
            made.UpdatePipeline()
            out = servermanager.Fetch(made)
            where = "point" if association == "POINTS" else "cell"
            values = array(out, name, where)
            nans = int(np.isnan(values.astype(float)).sum())
            return dict(type=str(values.dtype), shape=list(values.shape), nans=nans)

        holes = image(dtype="float64")
        array(holes, "density")[5:9] = np.nan
        masked = image()
        ghosts = numpy_to_vtk(np.r_[np.full(10, 2), np.zeros(9 * 8 * 7 - 10)].astype(np.uint8), deep=True)
        ghosts.SetName("vtkGhostType")
        masked.GetPointData().AddArray(ghosts)
        constant = image(); array(constant, "density")[:] = 4.0
        tell(
            octets=outcome(image(dtype="uint8"), "density"),
            vector=outcome(image(components=3), "density"),
            cells=outcome(image(association="cell"), "density", "CELLS"),
            holes=outcome(holes, "density"), masked=outcome(masked, "density"),
            flat=outcome(image(dims=(9, 8, 1)), "density"),
            flat_cells=outcome(image(dims=(9, 8, 1), association="cell"), "density", "CELLS"),
            constant=outcome(constant, "density"), unnamed=outcome(image(dtype="int16"), "density"),
        )
        made = trained(image(association="cell"))
        made.UpdatePipeline()
        first = servermanager.Fetch(made)
        tell(chosen=first.GetCellData().GetArrayName(0), extent=first.GetExtent())
        flat = trained(image(dims=(9, 8, 1), association="cell"))
        flat.UpdatePipeline()
        tell(flat_extent=servermanager.Fetch(flat).GetExtent())
        """
    ).facts
    assert facts["octets"] == {"type": "uint8", "shape": [504], "nans": 0}
    assert facts["vector"] == {"type": "float32", "shape": [504, 3], "nans": 0}
    assert facts["cells"] == {"type": "float32", "shape": [8 * 7 * 6], "nans": 0}
    assert facts["holes"] == {"type": "float64", "shape": [504], "nans": 4}
    assert facts["masked"]["nans"] == 10
    assert facts["flat"]["shape"] == [72]
    assert facts["flat_cells"]["shape"] == [56] and facts["flat_extent"] == [0, 8, 0, 7, 0, 0]
    assert facts["constant"]["nans"] == 0
    assert facts["unnamed"]["type"] == "int16"
    assert facts["chosen"] == "density" and facts["extent"] == [0, 8, 0, 7, 0, 6]


BAD = {
    "no point array 'nothing'; its point arrays are: density": 'made = trained(image(), "nothing")',
    "array 'words' holds text": """
        from vtkmodules.vtkCommonCore import vtkStringArray
        data = image()
        words = vtkStringArray(); words.SetName("words"); words.SetNumberOfValues(504)
        data.GetPointData().AddArray(words)
        made = trained(data, "words")
        """,
    "the input image is empty": """
        from vtkmodules.vtkCommonDataModel import vtkImageData
        made = trained(vtkImageData())
        """,
    "no point or cell array": """
        data = image(); data.GetPointData().RemoveArray("density")
        made = trained(data)
        """,
    "Training Seconds must be 0": 'made = trained(image(), "density"); made.TrainingSeconds = -1',
    "Training Passes must be -1": 'made = trained(image(), "density"); made.TrainingPasses = -2',
    "training.passes=0 is no training": 'made = trained(image(), "density", TrainingPasses=0)',
    "fvsrn.grid belongs to a trained network": 'made = compressed(image(), "density", MoreSettings="fvsrn.grid=4,4,4")',
    "training.batch belongs to a trained network": 'made = compressed(image(), "density", Batch=99)',
    "unknown setting 'fvsrn.nonsense'": 'made = trained(image(), "density", MoreSettings="fvsrn.nonsense=3")',
    "not of the form name=value": 'made = trained(image(), "density", MoreSettings="fvsrn.width")',
    "ask for a lower ratio": 'made = trained(image(), "density", TargetRatio=50)',
    "no valid value": 'data = image(); array(data, "density")[:] = np.nan; made = trained(data, "density")',
    "infinite values": 'data = image(); array(data, "density")[3] = np.inf; made = trained(data, "density")',
}


def test_bad_input_is_one_clear_line_said_once(run: Run) -> None:
    cases = "".join(
        f"{textwrap.dedent(script)}\n"
        "made.UpdatePipeline(); made.UpdatePipeline()\n"
        f"told.append((report(made), servermanager.Fetch(made).GetNumberOfPoints()))\n"
        for script in BAD.values()
    )
    result = run("told = []\n" + cases + "tell(told=told)\n", errors=True)
    for wanted, (report, points) in zip(BAD, result.facts["told"]):
        assert wanted in report
        assert points == 0
    assert "Traceback" not in result.text
    said = [line for line in result.text.splitlines() if line.startswith("ERROR: Neural Compress: ")]
    assert len(said) == len(BAD), result.text
    assert len(result.errors) == len(BAD), result.text


def test_abort_keeps_the_best_so_far_and_does_not_stick(run: Run) -> None:
    facts = run(
        """
        made = trained(image(), "density", TrainingPasses=-1, TrainingSeconds=300)
        algorithm = made.GetClientSideObject()
        texts = []

        def on_progress(caller, event):
            texts.append(caller.GetProgressText() or "")
            if caller.GetProgress() > 0.01:
                caller.SetAbortExecute(1)

        watcher = algorithm.AddObserver("ProgressEvent", on_progress)
        made.UpdatePipeline()
        out = servermanager.Fetch(made)
        stopped = field_json(out)
        algorithm.RemoveObserver(watcher)
        made.TrainingSeconds = 20
        made.TrainingPasses = 2
        made.UpdatePipeline()
        again = field_json(servermanager.Fetch(made))
        tell(points=out.GetNumberOfPoints(), stopped=stopped["stopped_early"], seconds=stopped["seconds"],
             texts=texts, again=again["stopped_early"], passes=again["passes"])
        """
    ).facts
    assert facts["points"] == 504
    assert facts["stopped"] is True and facts["again"] is False
    assert facts["seconds"] < 200  # of the 300 that the budget allowed
    assert facts["passes"] == pytest.approx(2, abs=0.5)
    assert any("left" in text or "PSNR" in text for text in facts["texts"])


def test_drop_rates_are_a_table_for_a_bar_chart(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "bars.png"
    facts = run(
        f"""
        def rates(**settings):
            made = trained(image(), "density", **settings)
            made.UpdatePipeline()
            table = servermanager.Fetch(made, idx=2)
            columns = {{table.GetColumnName(i): vtk_to_numpy(table.GetColumn(i)).tolist()
                       for i in range(table.GetNumberOfColumns())}}
            return made, columns, report(made)

        none, nothing, said_nothing = rates(Pruner="none")
        made, columns, said = rates(Pruner="variational-static")
        view = CreateView("XYBarChartView")
        view.ViewSize = [900, 600]
        bars = Show(OutputPort(made, 2), view, "XYBarChartRepresentation")
        bars.UseIndexForXAxis = 0
        bars.XArrayName = "drop_rate"
        bars.SeriesVisibility = [n for n in columns if n != "drop_rate"]
        Render(view)
        SaveScreenshot({str(picture)!r}, view)
        tell(nothing=nothing, said_nothing=said_nothing, columns=columns, said=said,
             names=[made.SMProxy.GetOutputPortName(i) for i in range(made.SMProxy.GetNumberOfOutputPorts())])
        """,
        display=True,
    ).facts
    assert facts["names"] == ["Reconstruction", "Training History", "Drop Rates"]
    assert facts["nothing"] == {} and "Drop Rates" not in facts["said_nothing"]
    bins = facts["columns"].pop("drop_rate")
    assert bins == pytest.approx([0.025 + 0.05 * i for i in range(20)])
    assert facts["columns"] and all(len(counts) == 20 and min(counts) >= 0 for counts in facts["columns"].values())
    assert sum(map(sum, facts["columns"].values())) >= 4**3  # every latent vertex is counted once
    assert "% kept" in facts["said"] and "output Drop Rates (Bar Chart View)" in facts["said"]
    with Image.open(picture) as drawn:
        assert len(drawn.convert("RGB").getcolors(1 << 20) or []) > 10
