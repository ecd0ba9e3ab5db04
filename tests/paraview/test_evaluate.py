"""Neural Evaluate in pvpython."""

from __future__ import annotations

from in_paraview import Run


def test_errors_figures_histogram_and_training(run: Run) -> None:
    facts = run(
        """
        original = TrivialProducer()
        original.GetClientSideObject().SetOutput(image())
        made = trained(original, "density", TrainingPasses=3)
        judged = NeuralEvaluate(Original=original, ComparedWith=made, Bound="0.5%", Bins=20)
        judged.UpdatePipeline()
        out = servermanager.Fetch(judged)
        tables = [servermanager.Fetch(judged, idx=port) for port in (1, 2, 3)]
        columns = [[t.GetColumnName(i) for i in range(t.GetNumberOfColumns())] for t in tables]
        figures = {n: tables[0].GetColumnByName(n).GetValue(0) for n in columns[0]}
        finer = NeuralResample(Input=made, Scale=2.0)
        again = NeuralEvaluate(Original=original, ComparedWith=finer)
        again.UpdatePipeline()
        passed = servermanager.Fetch(again, idx=3)
        alone = NeuralEvaluate(Original=finer)  # which carries the file, and is compared with it
        alone.UpdatePipeline()
        own = servermanager.Fetch(alone, idx=1).GetColumnByName("max_error").GetValue(0)
        tell(
            names=[out.GetPointData().GetArrayName(i) for i in range(out.GetPointData().GetNumberOfArrays())],
            error=float(np.abs(array(out, "density error")).max()), exceeds=int(array(out, "density exceeds").sum()),
            figures=figures, columns=columns, rows=[t.GetNumberOfRows() for t in tables],
            made=field_json(servermanager.Fetch(made)), text=report(judged), passed=passed.GetNumberOfRows(),
            psnr=servermanager.Fetch(again, idx=1).GetColumnByName("psnr").GetValue(0), own=own,
        )
        """
    ).facts
    figures, made = facts["figures"], facts["made"]
    assert facts["names"] == ["density", "density error", "density absolute error", "density exceeds"]
    for name in ("psnr", "rmse", "max_error", "ssim"):
        assert abs(figures[name] - made[name]) <= 1e-5 * abs(made[name]), name
    assert abs(facts["error"] - figures["max_error"]) <= 1e-5 * facts["error"]
    assert facts["exceeds"] == figures["beyond"] > 0
    assert facts["columns"][1] == ["error", "count", "share"] and facts["rows"][:2] == [1, 20]
    assert facts["columns"][2] == ["pass", "seconds", "phase", "loss", "psnr", "kept_fraction"]
    assert facts["rows"][2] == facts["passed"] > 0
    assert f"PSNR: {figures['psnr']:.2f} dB" in facts["text"]
    # At the original's places a finer grid of the same file has the same values, but for how they are reached.
    assert abs(facts["psnr"] - figures["psnr"]) < 0.01
    assert facts["own"] < 1e-4  # values span some hundred


def test_what_is_wrong_is_said_in_one_line(run: Run) -> None:
    result = run(
        """
        original = TrivialProducer()
        original.GetClientSideObject().SetOutput(image())
        judged = NeuralEvaluate(Original=original)
        judged.UpdatePipeline()
        tell(text=report(judged))
        """,
        errors=True,
    )
    assert "carries no neural file" in result.facts["text"]
    assert len(result.errors) == 1 and result.facts["text"] in result.errors[0]
