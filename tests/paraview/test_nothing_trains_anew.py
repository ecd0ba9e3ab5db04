"""A compression runs once for what it depends on, tells of itself all the while, and its estimate follows the panel."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from in_paraview import Run

import srn_core
from srn_core.io import write_volume

COUNTING = """
import threading
import srn_core
trainings, plainly = [], srn_core.compress
srn_core.compress = lambda *given, **more: trainings.append(given) or plainly(*given, **more)
counts = {}
def count(what):
    counts[what] = len(trainings)
"""


@pytest.fixture
def small_steps(tmp_path: Path) -> list[str]:
    """Files of two time steps."""
    z, y, x = np.meshgrid(*[np.linspace(0, 1, n) for n in (7, 8, 9)], indexing="ij")
    paths = [tmp_path / f"step_{number}.vti" for number in range(2)]
    for number, path in enumerate(paths):
        values = (np.sin(3 * x + number) * y + 0.2 * z).astype(np.float32)
        write_volume(path, srn_core.Volume.from_array(values, "density"))
    return [str(path) for path in paths]


def test_looking_never_trains_and_a_state_finds_what_was_made(run: Run, tmp_path: Path, small_steps: list[str]) -> None:
    facts = run(
        COUNTING
        + dedent(
            f"""
        volume = XMLImageDataReader(FileName={small_steps!r})
        made = NeuralCompress(Input=volume, TargetRatio=3, Preset="fast")
        view = GetActiveViewOrCreate("RenderView")
        shown = Show(made, view)
        Render(view)
        count("first")
        shown.SetRepresentationType("Volume")
        ColorBy(shown, ("POINTS", "density"))
        colours, opacities = GetColorTransferFunction("density"), GetOpacityTransferFunction("density")
        colours.ApplyPreset("Viridis (matplotlib)", True)
        colours.RescaleTransferFunction(0.1, 0.4)
        opacities.Points = [0.1, 0.0, 0.5, 0.0, 0.4, 0.7, 0.5, 0.0]
        shown.Opacity = 0.5
        view.CameraPosition = [9, 9, 9]
        Render(view)
        made.Threads, made.Device, made.MaskThreshold, made.TargetBytes = 1, "cpu", 0.3, 77
        Show(Contour(Input=made, ContourBy=["POINTS", "density"], Isosurfaces=[0.3]), view)
        volume.UpdatePipeline()
        volume.GetClientSideObject().Modified()
        Render(view)
        count("looks")
        scene = GetAnimationScene()
        scene.UpdateAnimationUsingDataTimeSteps()
        steps = list(scene.TimeKeeper.TimestepValues)
        for time in (*steps, *steps):
            scene.AnimationTime = time
            Render(view)
        count("steps")
        twin = NeuralCompress(Input=volume, TargetRatio=3, Preset="fast")
        twin.UpdatePipeline()
        SaveState({str(tmp_path / "state.pvsm")!r})
        for source in list(GetSources().values()):
            Delete(source)
        LoadState({str(tmp_path / "state.pvsm")!r})
        again = [s for s in GetSources().values() if s.GetXMLName() == "NeuralCompress"]
        for one in again:
            one.UpdatePipeline()
        Render()
        count("state")
        again[0].TrainAgain()
        again[0].UpdatePipeline()
        count("again")
        again[0].TargetRatio = 4
        again[0].UpdatePipeline()
        count("ratio")
        tell(counts=counts, steps=len(steps), again=len(again))
        """
        ),
        display=True,
    ).facts
    counts = facts["counts"]
    assert facts["steps"] == 2 and facts["again"] == 2
    assert counts["first"] == counts["looks"] == 1
    assert counts["steps"] == counts["state"] == 2, "each step once, and never again"
    assert counts["again"] == 3 and counts["ratio"] == 4


def test_progress_estimate_and_report(run: Run) -> None:
    """While the job says nothing, the pipeline hears of it all the same; what it is told then stops it."""
    facts = run(
        COUNTING
        + dedent(
            """
        from srn_core import api
        heard, texts = threading.Event(), []
        working = api.compress_arrays
        def silent(volumes, config, told, **more):
            assert heard.wait(120), "nothing was heard of a silent job"
            return working(volumes, config, told, **more)
        api.compress_arrays = silent
        made = compressed(image(dims=(12, 12, 12)), "density", Target="bytes", TargetBytes=2000, TrainingPasses=0)
        shown = [made.SMProxy.GetProperty(name) for name in ("EstimatedSize", "EstimatedTime")]
        def estimate():
            return [one.GetElement(0) for one in shown]
        said = [estimate()]
        target = made.SMProxy.GetProperty("Target")
        target.SetUncheckedElement(0, "ratio")  # what the panel does before Apply
        said.append(estimate())
        target.ClearUncheckedElements()
        said.append(estimate())
        def on_progress(caller, event):
            texts.append(caller.GetProgressText() or "")
            if len(texts) == 3:
                caller.SetAbortExecute(1)
                heard.set()
        made.GetClientSideObject().AddObserver("ProgressEvent", on_progress)
        made.UpdatePipeline()
        tell(said=said, texts=texts, report=report(made), made=field_json(servermanager.Fetch(made)),
             threads=[t.name for t in threading.enumerate()])
        """
        )
    ).facts
    assert facts["said"][0][0] == "at most 2 kB, 3.5 : 1" and facts["said"][0][1].split()[-1] in ("s", "min", "h")
    assert facts["said"][1][0] == "at most 4.1 kB, 1.7 : 1"
    assert facts["said"][2] == facts["said"][0]
    assert len(facts["texts"]) > 3 and all("left" in text for text in facts["texts"][1:3]), facts["texts"]
    assert facts["made"]["stopped_early"] and facts["made"]["bytes"] <= 2000
    assert "Stopped: early, by the user" in facts["report"] and "best so far was kept" in facts["report"]
    assert "srn-job" not in facts["threads"]
