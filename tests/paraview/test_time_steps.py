"""Time in ParaView: all steps in one file, and animations that neither train nor decode twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from in_paraview import Run
from moving_field import values

import srn_core
from srn_core.io import write_volume
from srn_core.volume import Geometry, Volume

COUNTED = """
        import srn_core
        from srn_core.neural_file import NeuralFile
        trained, decoded, compress, decode = [], [], srn_core.compress, NeuralFile.decode
        def counted_compress(volumes, *rest, **more):
            trained.append(volumes[0].time)
            return compress(volumes, *rest, **more)
        def counted_decode(self, *rest, **more):
            decoded.append(1)
            return decode(self, *rest, **more)
        def counts():
            found = len(trained), len(decoded)
            trained.clear(), decoded.clear()
            return found
        srn_core.compress, NeuralFile.decode = counted_compress, counted_decode

        def scrub(source, times):
            # Values and time of each frame, as the animation panel would go through them.
            frames = []
            for time in times:
                scene.AnimationTime = time
                Render(view)
                out = servermanager.Fetch(source)
                frames.append([out.GetInformation().Get(out.DATA_TIME_STEP()), float(array(out, "pressure")[100])])
            return frames

        view = CreateRenderView()
        scene = GetAnimationScene()
"""


def test_all_steps_in_one_file_are_trained_once_and_scrubbed(run: Run, tmp_path: Path, steps: list[str]) -> None:
    facts = run(
        COUNTED
        + f"""
        source = XMLImageDataReader(FileName={steps!r})
        made = NeuralCompress(Input=source, TimeSteps="all", TrainingPasses=0, Target="psnr", TargetPSNR=60)
        made.TimeLimit = 0
        Show(made, view)
        Render(view)
        made.UpdatePropertyInformation()
        estimate = made.GetPropertyValue("EstimatedSize")
        scene.UpdateAnimationUsingDataTimeSteps()
        first = trained[:], counts()
        frames = scrub(made, [2, 0, 1])
        scrubbed = counts()
        again = scrub(made, [1, 2, 0]), counts()
        made.Device = "cpu"
        made.Threads = 1
        other = scrub(made, [0, 1]), counts()
        told, totals = report(made), field_json(servermanager.Fetch(made))
        SaveData({str(tmp_path / "all.srn")!r}, proxy=made)
        saved = counts()
        made.TargetPSNR = 50
        changed = scrub(made, [2]), counts()
        made.TargetPSNR = 60
        back = scrub(made, [1]), counts()
        made.TimeSteps = "current"
        current = scrub(made, [1]), counts()
        single = field_json(servermanager.Fetch(made))
        key = scrub(made, [0]), counts()
        made.TimeSteps = "all"
        source.FileName = source.FileName[:2]
        fewer = scrub(made, [0]), counts()
        fine = NeuralResample(Input=made, Scale=2)
        resampled = scrub(fine, [1])
        tell(first=first, frames=frames, scrubbed=scrubbed, again=again, other=other, told=told, totals=totals,
             saved=saved, changed=changed, back=back, current=current, single=single, fewer=fewer,
             resampled=resampled, key=key, estimate=estimate, steps=field_json(servermanager.Fetch(made))["time_steps"])
        """,
        display=True,
    ).facts
    assert facts["first"][0] == [0.0, 1.0, 2.0] and facts["first"][1][0] == 3
    assert [time for time, _ in facts["frames"]] == [2.0, 0.0, 1.0]
    for time, found in facts["frames"]:
        assert found == pytest.approx(values(int(time)).ravel()[100], abs=0.02)
    # Another step is decoded when it is first shown, and never again; nothing is trained.
    assert facts["scrubbed"] == [0, 2]
    assert facts["again"] == [[facts["frames"][i] for i in (2, 0, 1)], [0, 0]]
    assert facts["other"] == [[facts["frames"][i] for i in (1, 2)], [0, 2]]
    file = srn_core.load(tmp_path / "all.srn")
    assert file.times == [0.0, 1.0, 2.0] and facts["saved"] == [0, 0]
    assert facts["totals"]["bytes"] == file.nbytes == (tmp_path / "all.srn").stat().st_size
    assert facts["totals"]["psnr"] == min(field.quality.psnr for field in file.fields if field.quality) > 59.9
    assert "Time steps: 3, from 0 to 2, in one file" in facts["told"] and "Least PSNR: " in facts["told"]
    assert "Asked: PSNR 60 dB" in facts["told"] and "Time 1: " in facts["told"]
    assert facts["estimate"].endswith(", 3 steps")
    assert facts["changed"][1][0] == 3
    assert facts["back"][1] == [0, 0] and facts["back"][0][0] == facts["frames"][2]
    # In the pass over all steps this one was stored as the difference to the one before: no answer for it alone.
    assert facts["current"][1][0] == 1 and "time_steps" not in facts["single"]
    # A key frame is what that step alone asks for.
    assert facts["key"][1][0] == 0
    # The input has changed, and its steps are read again; those that are known are not trained again.
    assert facts["fewer"][1][0] == 0 and [step["time"] for step in facts["steps"]] == [0.0, 1.0]
    assert facts["resampled"][0][0] == 1.0


def test_files_of_many_steps_and_series_of_files_scrub_without_decoding_twice(run: Run, tmp_path: Path) -> None:
    given = [Volume(values(number), Geometry((10, 9, 8)), "pressure", time=10.0 * number) for number in range(3)]
    srn_core.compress_series(given, tmp_path / "all.srn", psnr=50, passes=0, **{"series.key_every": 1})
    for number, result in enumerate(srn_core.compress_steps(given, psnr=50, passes=0)):
        result.file.save(tmp_path / f"each_{number}.srn")
    names = [str(tmp_path / f"each_{number}.srn") for number in range(3)]
    facts = run(
        COUNTED
        + f"""
        import os
        whole = OpenDataFile({str(tmp_path / "all.srn")!r})
        Show(whole, view)
        scene.UpdateAnimationUsingDataTimeSteps()
        counts()
        times = list(whole.TimestepValues), list(scene.TimeKeeper.TimestepValues)
        frames = scrub(whole, [0, 10, 20]), counts()
        again = scrub(whole, [10, 0, 20]), counts()
        os.environ["SRN_STEP_CACHE"] = "0"
        without = scrub(whole, [10, 0]), counts()
        del os.environ["SRN_STEP_CACHE"]
        Delete(whole)
        each = OpenDataFile({names!r})
        Show(each, view)
        counts()
        series = list(each.TimestepValues), scrub(each, [0, 10, 20]), counts(), scrub(each, [20, 10]), counts()
        tell(times=times, frames=frames, again=again, without=without, series=series)
        """,
        display=True,
    ).facts
    assert facts["times"] == [[0.0, 10.0, 20.0]] * 2
    frames, counts = facts["frames"]
    assert [time for time, _ in frames] == [0.0, 10.0, 20.0] and counts[1] <= 3
    for number, (_, found) in enumerate(frames):
        assert found == pytest.approx(values(number).ravel()[100], abs=0.05)
    assert facts["again"] == [[frames[i] for i in (1, 0, 2)], [0, 0]]
    assert facts["without"] == [[frames[i] for i in (1, 0)], [0, 2]]
    times, found, first, more, second = facts["series"]
    assert times == [0.0, 10.0, 20.0] and [time for time, _ in found] == times
    assert [value for _, value in found] == pytest.approx([value for _, value in frames], abs=1e-6)
    assert second == [0, 0] and more == [found[2], found[1]]


def test_a_step_that_cannot_be_compressed_is_named_and_nothing_hangs(run: Run, tmp_path: Path) -> None:
    write_volume(tmp_path / "a_0.vti", Volume(values(0), Geometry((10, 9, 8)), "pressure"))
    write_volume(tmp_path / "a_1.vti", Volume.from_array(np.full((8, 9, 10), np.nan, np.float32), "pressure"))
    result = run(
        f"""
        source = XMLImageDataReader(FileName=[{str(tmp_path / "a_0.vti")!r}, {str(tmp_path / "a_1.vti")!r}])
        made = NeuralCompress(Input=source, TimeSteps="all", TrainingPasses=0)
        made.UpdatePipeline(0)
        made.UpdatePipeline(1)
        tell(points=made.GetDataInformation().GetNumberOfPoints(), report=report(made))
        """,
        errors=True,
    )
    assert result.facts["points"] == 0
    assert result.facts["report"].startswith("Neural Compress: time step 2 (time 1): ")
    assert len(result.errors) == 1, result.text


def moving(number: int) -> np.ndarray:
    """A step that differs little from the one before, over detail that stays."""
    z, y, x = np.mgrid[:8, :9, :10].astype(np.float32)
    detail = np.random.default_rng(4).normal(size=x.shape)
    return np.asarray(np.sin((x + y) / 5 + number / 20) + z / 10 + 0.1 * detail, np.float32)


def test_steps_that_are_added_to_the_one_before_scrub_in_any_order(run: Run, tmp_path: Path) -> None:
    given = [Volume(moving(number), Geometry((10, 9, 8)), "pressure", time=float(number)) for number in range(5)]
    result = srn_core.compress_series(given, tmp_path / "all.srn", psnr=45, passes=0, **{"series.key_every": 4})
    assert [one["key_frame"] for one in result.report["time_steps"]] == [True, False, False, False, True]
    names = [str(tmp_path / f"step_{number}.vti") for number in range(3)]
    for name, volume in zip(names, given):
        write_volume(name, Volume(volume.values, volume.geometry, "pressure"))
    facts = run(
        COUNTED
        + f"""
        import os
        import onnx_export.latents as latents
        made, synthesise = [], latents.synthesise
        def counted_synthesis(spec, arrays):
            made.append(1)
            return synthesise(spec, arrays)
        latents.synthesise = counted_synthesis
        def steps_made():
            found = len(made)
            made.clear()
            return found
        whole = OpenDataFile({str(tmp_path / "all.srn")!r})
        Show(whole, view)
        scene.UpdateAnimationUsingDataTimeSteps()
        counts(), steps_made()
        forwards = scrub(whole, [0, 1, 2, 3, 4]), counts(), steps_made()
        backwards = scrub(whole, [3, 2, 1, 0]), counts(), steps_made()
        os.environ["SRN_STEP_CACHE"] = "0"
        without = scrub(whole, [2, 4, 1]), counts(), steps_made()
        del os.environ["SRN_STEP_CACHE"]
        Delete(whole)
        jumped = OpenDataFile({str(tmp_path / "all.srn")!r})
        jump = scrub(Show(jumped, view) and jumped, [3])
        fine = NeuralResample(Input=jumped, Scale=2)
        contour = NeuralContour(Input=jumped, Isosurfaces=[0.5])
        scrub(fine, [2])
        contour.UpdatePipeline(2)
        triangles = servermanager.Fetch(contour).GetNumberOfCells()

        source = XMLImageDataReader(FileName={names!r})
        small = NeuralCompress(Input=source, TimeSteps="all", TrainingPasses=0, Target="psnr", TargetPSNR=45)
        small.TimeLimit = 0
        counts()
        Show(small, view)
        Render(view)
        first = counts()[0], report(small)
        small.KeyEvery = 2
        Render(view)
        second = counts()[0], report(small)
        scene.UpdateAnimationUsingDataTimeSteps()
        shown = scrub(small, [2, 0, 1])
        small.KeyEvery = 8
        Render(view)
        third = counts()[0]
        tell(forwards=forwards, backwards=backwards, without=without, jump=jump, triangles=triangles, first=first,
             second=second, third=third, shown=shown)
        """,
        display=True,
    ).facts
    file = srn_core.load(tmp_path / "all.srn")
    known = [float(file.decode(time=volume.time).values.ravel()[100]) for volume in given]
    frames, (_, decoded), made = facts["forwards"]
    assert [found for _, found in frames] == known and decoded <= 5 and made <= 5
    assert facts["backwards"] == [[frames[i] for i in (3, 2, 1, 0)], [0, 0], 0]
    # Grids that are not kept are made again, but nothing below them.
    assert facts["without"] == [[frames[i] for i in (2, 4, 1)], [0, 3], 0]
    assert facts["jump"] == [frames[3]] and facts["triangles"] > 0
    assert (
        facts["first"][0] == 3 and "Time steps: 3, from 0 to 2, in one file, 1 of them key frames" in facts["first"][1]
    )
    # A step is made anew where it is added to another one than before: here the last, now a key frame.
    assert facts["second"][0] == 1 and "in one file, 2 of them key frames" in facts["second"][1]
    assert [time for time, _ in facts["shown"]] == [2.0, 0.0, 1.0] and facts["third"] == 0
    for time, found in facts["shown"]:
        assert found == pytest.approx(moving(int(time)).ravel()[100], abs=0.05)
