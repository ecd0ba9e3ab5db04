"""Save Data with a .srn file for each time step."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from in_paraview import PLUGIN, START, Run
from moving_field import values

import srn_core
from srn_core.io import write_volume
from srn_core.volume import Geometry, Volume


@pytest.mark.parametrize("kept", ["all", "current"])
def test_a_file_for_each_step_opens_as_a_series(run: Run, tmp_path: Path, steps: list[str], kept: str) -> None:
    (tmp_path / "out").mkdir()
    facts = run(
        f"""
        import glob
        source = XMLImageDataReader(FileName={steps!r})
        made = NeuralCompress(
            Input=source, TimeSteps={kept!r}, KeyEvery=1, TrainingPasses=0, Target="psnr", TargetPSNR=60
        )
        SaveData({str(tmp_path / "out" / "run.srn")!r}, proxy=made, WriteTimeSteps=1)
        names = sorted(glob.glob({str(tmp_path / "out" / "*")!r}))
        reader = OpenDataFile(names)
        reader.UpdatePipelineInformation()
        frames = []
        for time in reader.TimestepValues:
            reader.UpdatePipeline(time)
            found = reader.GetClientSideObject().GetOutputDataObject(0)
            frames.append([time, float(array(found, "pressure")[100])])
        made.UpdatePipeline(1.0)
        shown = made.GetClientSideObject().GetOutputDataObject(0)
        SaveData({str(tmp_path / "one.srn")!r}, proxy=made)
        again = SaveData({str(tmp_path / "out" / "run.srn")!r}, proxy=reader, WriteTimeSteps=1)
        tell(names=names, frames=frames, shown=shown.GetInformation().Get(shown.DATA_TIME_STEP()))
        """
    ).facts
    assert [Path(name).name for name in facts["names"]] == [f"run_000{number}.srn" for number in range(3)]
    for number, (time, found) in enumerate(facts["frames"]):
        assert time == number and found == pytest.approx(values(number).ravel()[100], abs=0.01)
        file = srn_core.load(facts["names"][number])
        assert file.times == [float(number)] and len(file.fields) == 1
        error = np.abs(file.decode().values - values(number)).max()
        assert error < 0.02
    assert facts["shown"] == 1.0
    assert srn_core.load(tmp_path / "one.srn").times == ([0.0, 1.0, 2.0] if kept == "all" else [1.0])


def test_steps_that_are_differences_are_not_torn_apart(run: Run, tmp_path: Path, steps: list[str]) -> None:
    for number, path in enumerate(steps):
        write_volume(path, Volume(values(0) * (1 + 0.01 * number), Geometry((10, 9, 8)), "pressure"))
    result = run(
        f"""
        source = XMLImageDataReader(FileName={steps!r})
        made = NeuralCompress(Input=source, TimeSteps="all", TrainingPasses=0, Target="psnr", TargetPSNR=50)
        try:
            SaveData({str(tmp_path / "run.srn")!r}, proxy=made, WriteTimeSteps=1)
        except RuntimeError:
            pass
        SaveData({str(tmp_path / "whole.srn")!r}, proxy=made)
        tell(done=1)
        """,
        errors=True,
    )
    assert result.facts["done"] == 1 and "set Key Every to 1" in result.text
    assert [path.name for path in tmp_path.glob("*.srn")] == ["whole.srn"]
    assert any(field.adds_to is not None for field in srn_core.load(tmp_path / "whole.srn").fields)


def test_without_time_steps_it_is_one_file_under_its_own_name(run: Run, tmp_path: Path) -> None:
    run(
        f"""
        made = compressed(image(), "density", TrainingPasses=0)
        SaveData({str(tmp_path / "one.srn")!r}, proxy=made, WriteTimeSteps=1)
        """
    )
    assert [path.name for path in tmp_path.glob("*.srn")] == ["one.srn"]
    assert len(srn_core.load(tmp_path / "one.srn").fields) == 1


def test_a_step_that_fails_ends_it_with_one_line(run: Run, tmp_path: Path, steps: list[str]) -> None:
    write_volume(steps[1], Volume(np.full((8, 9, 10), np.inf, np.float32), Geometry((10, 9, 8)), "pressure"))
    result = run(
        f"""
        source = XMLImageDataReader(FileName={steps!r})
        made = NeuralCompress(Input=source, TrainingPasses=0)
        try:
            SaveData({str(tmp_path / "run.srn")!r}, proxy=made, WriteTimeSteps=1)
        except RuntimeError:
            pass
        tell(done=1)
        """,
        errors=True,
    )
    assert result.facts["done"] == 1 and "infinite values" in result.text
    assert [path.name for path in tmp_path.glob("run*.srn")] == ["run_0000.srn"]


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun here")
@pytest.mark.parametrize("broken", [False, True])
def test_on_two_ranks_no_rank_waits_for_another(run: Run, tmp_path: Path, steps: list[str], broken: bool) -> None:
    if broken:
        write_volume(steps[1], Volume(np.full((8, 9, 10), np.inf, np.float32), Geometry((10, 9, 8)), "pressure"))
    run(
        f"""
        LoadPlugin({str(PLUGIN)!r}, remote=True, ns=globals())
        source = XMLImageDataReader(FileName={steps!r})
        made = NeuralCompress(Input=source, TrainingPasses=0, Target="psnr", TargetPSNR=60)
        try:
            SaveData({str(tmp_path / "run.srn")!r}, proxy=made, WriteTimeSteps=1)
        except RuntimeError:
            pass
        """,
        program="pvbatch",
        ranks=2,
        load=False,
        errors=broken,
        PYTHONPATH=str(START),
        display=True,
    )
    names = sorted(path.name for path in tmp_path.glob("run*.srn"))
    assert names == [f"run_000{number}.srn" for number in range(1 if broken else 3)]
    for number, name in enumerate(names):
        file = srn_core.load(tmp_path / name)
        assert file.times == [float(number)]
        assert np.abs(file.decode().values - values(number)).max() < 0.02
